"""`aid ces serve`, and the commands that find it."""

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Machine = Any
DIFF = "--- a/calc.txt\n+++ b/calc.txt\n@@ -7 +7 @@\n-line 7\n+{}\n"
BUILD = '[build]\nadapter = "command"\ncommand = ["sh", "-c", "! grep -n broken calc.txt"]\n'


class Served:
    def __init__(self, machine: Machine, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        self.process = process
        self.url = process.stdout.readline().removeprefix("listening on ").strip()
        self.token = Path(process.stdout.readline().removeprefix("token in ").strip())

    def check(self, root: Path, value: str) -> tuple[int, dict[str, Any]]:
        body = json.dumps({"diff": DIFF.format(value), "workspace": str(root)}).encode()
        headers = {"Authorization": f"Bearer {self.token.read_text().strip()}"}
        try:
            with urllib.request.urlopen(urllib.request.Request(f"{self.url}/v1/check", body, headers)) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


@pytest.fixture
def serve(machine: Machine) -> Iterator[Callable[..., Served]]:
    user = machine.home / "config" / "aid" / "aid.toml"
    user.write_text(user.read_text() + BUILD)
    made: list[subprocess.Popen[str]] = []

    def start(*words: str) -> Served:
        made.append(machine.start("ces", "serve", "--port", "0", "--workers", "1", *words))
        return Served(machine, made[-1])

    yield start
    for each in made:
        each.terminate()
        each.communicate()


def test_serves_what_aid_toml_builds_until_it_is_told_to_stop(machine: Machine, serve: Callable[..., Served]) -> None:
    served = serve()
    assert served.token == machine.home / "state/aid/ces/token"
    status, verdict = served.check(machine.root, "broken")
    assert (status, verdict["status"], verdict["adapter"], verdict["reward"]) == (200, "red", "command", 0.0)
    (machine.root / "aid.toml").write_text("nonsense = 1\n")
    status, body = served.check(machine.root, "broken")
    assert status == 422 and "nonsense" in body["error"]
    served.process.terminate()
    assert served.process.wait() == 0


def test_check_asks_the_service_that_has_the_base_open(machine: Machine, serve: Callable[..., Served]) -> None:
    served = serve()
    base = served.check(machine.root, "broken")[1]["base"]
    done = machine.run("ces", "check", "--json", stdin=DIFF.format("line seven"))
    told = json.loads(done.stdout)
    assert (done.returncode, told["status"], told["base"]) == (0, "green", base)


def test_one_service_a_machine(machine: Machine, serve: Callable[..., Served]) -> None:
    served = serve()
    second = machine.run("ces", "serve", "--port", "0")
    assert second.returncode == 2 and f"pid {served.process.pid}, {served.url}" in second.stderr


def test_refuses_to_let_the_network_in_without_a_token(machine: Machine) -> None:
    done = machine.run("ces", "serve", "--no-token", "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 2 and "would let the whole network run builds here" in done.stderr
