"""Time the daemon adds before the first token over calling the same server directly; and its memory.

Claims: at most 15 ms at the median in a small workspace, at most 40 ms in one of 20,000 files; at most 150 MB resident.
The small workspace comes without a build and with one (pytest): a request that isn't about errors doesn't wait for it.
Both ways are timed in turn by one client process with open connections: through the daemon from sending `aid/prompt` to
the first "text" update, directly from sending the HTTP request to the first content delta. The server answers at once.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
from _scene import AID, PROMPT, SOURCE, daemon, server, workspace

RUNS = 60
MANY_FILES = 20_000


class Connection:
    """An open connection to the daemon, speaking its wire format."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer, self._id = reader, writer, 0

    async def ask(self, root: Path) -> float:
        """Milliseconds from sending the request to the first piece of its answer."""
        self._id += 1
        params = {"workspace": str(root), "prompt": PROMPT, "files": [{"path": "calc.py"}]}
        body = json.dumps({"jsonrpc": "2.0", "id": self._id, "method": "aid/prompt", "params": params}).encode()
        started = time.monotonic()
        self._writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        first = None
        while True:
            message = await self._read()
            if first is None and message.get("params", {}).get("kind") == "text":
                first = (time.monotonic() - started) * 1000
            if message.get("id") == self._id:
                if first is None:
                    sys.exit(f"no text came: {message}")
                return first

    async def _read(self) -> dict[str, Any]:
        header = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = next(int(line.split(b":")[1]) for line in header.split(b"\r\n") if line.startswith(b"content-length"))
        message: dict[str, Any] = json.loads(await self._reader.readexactly(length))
        return message


async def direct(session: aiohttp.ClientSession, url: str) -> float:
    body = {"model": "bench", "stream": True, "messages": [{"role": "user", "content": PROMPT + SOURCE}]}
    started = time.monotonic()
    first = None
    async with session.post(f"{url}/chat/completions", json=body) as response:
        async for line in response.content:
            if first is None and line.startswith(b"data: {"):
                choices = json.loads(line[6:])["choices"]
                if choices and choices[0]["delta"].get("content"):
                    first = (time.monotonic() - started) * 1000
    assert first is not None
    return first


def status(env: dict[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(
        subprocess.run([AID, "status", "--json"], env=env, check=True, capture_output=True).stdout
    )
    return told


async def measured(root: Path, url: str, env: dict[str, str]) -> list[tuple[float, float]]:
    """Pairs of (through the daemon, directly), ms, once `root` is indexed."""
    socket = Path(env["XDG_RUNTIME_DIR"]) / "aid" / "aid.sock"
    connection = Connection(*await asyncio.open_unix_connection(str(socket), limit=1 << 24))
    async with aiohttp.ClientSession() as session:
        await connection.ask(root)
        while not any(each.get("indexed") and each["root"] == str(root) for each in status(env)["workspaces"]):
            await asyncio.sleep(1)
        for _ in range(5):
            await connection.ask(root), await direct(session, url)
        return [(await connection.ask(root), await direct(session, url)) for _ in range(RUNS)]


def report(name: str, pairs: list[tuple[float, float]], bar_ms: int) -> None:
    through, straight = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
    added = statistics.median(pair[0] - pair[1] for pair in pairs)
    told = f"daemon {through:5.1f} ms, direct {straight:5.1f} ms, added {added:5.1f} ms, ratio {through / straight:.1f}"
    print(f"{name:>13}: {told} (claim: adds at most {bar_ms} ms)")


def many(root: Path) -> Path:
    """A workspace of 20,000 small modules beside the one that is edited."""
    workspace(root)
    for n in range(MANY_FILES):
        folder, other = root / f"pkg{n // 200:03}", n * 7 % MANY_FILES
        folder.mkdir(exist_ok=True)
        called = f"mod{other:05}.run_{other}(value)"
        text = f"from pkg{other // 200:03} import mod{other:05}\n\n\ndef run_{n}(value):\n    return {called} + {n}\n"
        (folder / f"mod{n:05}.py").write_text(text)
    return root


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="aidb") as name, server(Path(name)) as url, daemon(Path(name), url) as env:
        folder = Path(name)
        small, built, large = workspace(folder / "small"), workspace(folder / "built"), many(folder / "large")
        (built / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
        report("small", asyncio.run(measured(small, url, env)), 15)
        report("with a build", asyncio.run(measured(built, url, env)), 15)
        report("20,000 files", asyncio.run(measured(large, url, env)), 40)
        resident = status(env)["rss_bytes"] / 1e6
        print(f"daemon's resident memory with all indexed: {resident:.0f} MB (claim: at most 150 MB)")


if __name__ == "__main__":
    main()
