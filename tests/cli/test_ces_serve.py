"""`aid ces serve`, as a process."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import aiohttp

SERVE = "from aid.cli.ces_serve import serve; import sys; serve.main(sys.argv[1:])"
AID_TOML = '[build]\nadapter = "command"\ncommand = ["sh", "check.sh"]\n'


async def test_serves_what_aid_toml_builds_until_it_is_told_to_stop(tmp_path: Path) -> None:
    """The person's own aid.toml says how to build."""
    homes = {f"XDG_{kind}_HOME": str(tmp_path / kind) for kind in ("CONFIG", "STATE", "CACHE")}
    (tmp_path / "CONFIG/aid").mkdir(parents=True)
    (tmp_path / "CONFIG/aid/aid.toml").write_text(AID_TOML)
    root = tmp_path / "workspace"
    root.mkdir()
    (root / "check.sh").write_text("grep -q good value\n")
    (root / "value").write_text("good\n")
    served = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVE, "--workers", "1", "--port", "0",
        stdout=asyncio.subprocess.PIPE, env=os.environ | homes | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert served.stdout is not None
    url = (await served.stdout.readline()).decode().removeprefix("listening on ").strip()
    file = Path((await served.stdout.readline()).decode().removeprefix("token in ").strip())
    assert file == tmp_path / "STATE/aid/ces/token"
    headers = {"Authorization": f"Bearer {file.read_text().strip()}"}
    diff = "--- a/value\n+++ b/value\n@@ -1 +1 @@\n-good\n+bad\n"
    async with aiohttp.ClientSession(url, headers=headers) as http:
        async with http.post("/v1/check", json={"diff": diff, "workspace": str(root)}) as response:
            verdict = await response.json()
        assert (verdict["status"], verdict["adapter"], verdict["reward"]) == ("red", "command", 0.0)
        (root / "aid.toml").write_text("nonsense = 1\n")
        async with http.post("/v1/check", json={"diff": diff, "workspace": str(root)}) as response:
            assert response.status == 422 and "nonsense" in (await response.json())["error"]
    served.send_signal(signal.SIGTERM)
    assert await served.wait() == 0
    served._transport.close()  # type: ignore[attr-defined]


async def test_refuses_to_let_the_network_in_without_a_token(tmp_path: Path) -> None:
    served = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVE, "--no-token", "--host", "0.0.0.0", "--port", "0", "--state", str(tmp_path),
        stderr=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    _, said = await served.communicate()
    assert served.returncode and b"would let the whole network run builds here" in said
