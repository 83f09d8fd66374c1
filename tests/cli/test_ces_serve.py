"""`aid ces serve`, and the commands that find it."""

import contextlib
import http.client
import json
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Machine = Any
DIFF = "--- a/calc.txt\n+++ b/calc.txt\n@@ -7 +7 @@\n-line 7\n+{}\n"
BUILD = '[build]\nadapter = "command"\ncommand = {}\n'
COMMAND = '["sh", "-c", "! grep -n broken calc.txt"]'


class Served:
    def __init__(self, machine: Machine, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        self.process = process
        self.url = process.stdout.readline().removeprefix("listening on ").strip()
        self.token = Path(process.stdout.readline().removeprefix("token in ").strip())
        self.headers = {"Authorization": f"Bearer {self.token.read_text().strip()}"}

    def asking(self, root: Path, value: str) -> http.client.HTTPConnection:
        """A connection on which a request is under way."""
        body = json.dumps({"diff": DIFF.format(value), "workspace": str(root)})
        made = http.client.HTTPConnection(self.url.removeprefix("http://"))
        made.request("POST", "/v1/check", body, self.headers)
        return made

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> None:
        """The service's own events have shown it as `wanted`."""
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/v1/events", headers=self.headers)) as events:
            for line in events:
                if line.startswith(b"data: ") and wanted(json.loads(line.removeprefix(b"data: "))):
                    return
        raise AssertionError("the events ended")

    def check(self, root: Path, value: str) -> tuple[int, dict[str, Any]]:
        body = json.dumps({"diff": DIFF.format(value), "workspace": str(root)}).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(f"{self.url}/v1/check", body, self.headers)) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


@pytest.fixture
def serve(machine: Machine) -> Iterator[Callable[..., Served]]:
    user = machine.home / "config" / "aid" / "aid.toml"
    models = user.read_text()
    made: list[subprocess.Popen[str]] = []

    def start(*words: str, build: str = COMMAND) -> Served:
        user.write_text(models + BUILD.format(build))
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
    (machine.root / "calc.txt").write_text("broken\n")
    warmed = machine.run("ces", "warm", "--json")
    told = json.loads(warmed.stdout)
    assert (warmed.returncode, told["status"]["status"]) == (1, "red") and told["id"] != base
    refused = machine.run("ces", "warm", "--quota", "1G")
    assert refused.returncode == 2 and "give it to 'aid ces serve'" in refused.stderr


def test_a_full_queue_is_429_and_the_command_says_that_it_waits(machine: Machine, serve: Callable[..., Served]) -> None:
    served = serve("--queue", "1", build='["sh", "-c", "! grep -q endless calc.txt || sleep 600"]')
    with contextlib.ExitStack() as stack:  # four in the worker's hands, one that waits
        for number in range(5):
            stack.enter_context(contextlib.closing(served.asking(machine.root, f"endless {number}")))
        served.until(lambda now: now["in_hand"] == 4 and now["waiting"] == 1)
        with contextlib.closing(served.asking(machine.root, "line seven")) as another:
            refused = another.getresponse()
            assert refused.status == 429 and int(refused.headers["Retry-After"]) >= 1
            assert json.load(refused) == {"error": "the queue is full (1 wait): try again later"}
        done = machine.run("ces", "check", "--patience", "0", stdin=DIFF.format("line seven"))
        assert done.returncode == 2 and "gave no answer: the queue is full (1 wait)" in done.stdout
        waiting = machine.start("ces", "check", stdin=DIFF.format("line seven"))
        assert waiting.stderr is not None
        assert waiting.stderr.readline() == "aid: the queue is full (1 wait); asking again in 5 s\n"
    told, _ = waiting.communicate()
    assert waiting.returncode == 0 and told.startswith("verdict: green")


ENDLESS = '["sh", "-c", "! grep -q seven calc.txt || sleep 600"]'


def test_a_killed_service_is_followed_to_where_it_runs_again(machine: Machine, serve: Callable[..., Served]) -> None:
    killed = serve(build=ENDLESS)
    asked = machine.start("ces", "check", stdin=DIFF.format("line seven"))
    killed.until(lambda now: now["in_hand"] == 1)
    asked.send_signal(signal.SIGSTOP)  # it looks again once another service runs
    killed.process.kill()
    killed.process.wait()
    again = serve()
    asked.send_signal(signal.SIGCONT)
    told, complaint = asked.communicate()
    assert (asked.returncode, told.startswith("verdict: green")) == (0, True), complaint
    assert "aid: the service that was asked is gone" in complaint and again.url != killed.url


def test_a_killed_service_that_none_follows_is_done_without(machine: Machine, serve: Callable[..., Served]) -> None:
    killed = serve(build=ENDLESS)
    asked = machine.start("ces", "check", stdin=DIFF.format("line seven"))
    killed.until(lambda now: now["in_hand"] == 1)
    user = machine.home / "config" / "aid" / "aid.toml"
    user.write_text(user.read_text().replace(ENDLESS, COMMAND))
    killed.process.kill()
    told, complaint = asked.communicate()
    assert (asked.returncode, told.startswith("verdict: green")) == (0, True), complaint


def test_one_service_a_machine(machine: Machine, serve: Callable[..., Served]) -> None:
    served = serve()
    second = machine.run("ces", "serve", "--port", "0")
    assert second.returncode == 2 and f"pid {served.process.pid}, {served.url}" in second.stderr


def test_what_it_can_not_be_told_is_one_line_that_says_what_to_do(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for words, told in (
            (["--port", port], f"can't listen on 127.0.0.1:{port}: Address already in use; choose another"),
            (["--port", "0", "--token-file", "nowhere/token"], "No such file or directory; write a token into it"),
            (["--port", "0", "--state", "/proc/ces"], "state directory /proc/ces can't be used"),
            (["--port", "0", "--queue", "0"], "0 is not in the range x>=1"),
            (["--port", "0", "--quota", "big"], "'big' is no size: give one like 20G or 500M"),
        ):
            done = machine.run("ces", "serve", *words)
            assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done
            assert told in done.stderr


def test_refuses_to_let_the_network_in_without_a_token(machine: Machine) -> None:
    done = machine.run("ces", "serve", "--no-token", "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 2 and "would let the whole network run builds here" in done.stderr


@pytest.mark.ocaml
@pytest.mark.skipif(shutil.which("dune") is None, reason="needs dune: apt-get install ocaml-dune ocaml")
def test_what_a_killed_service_left_in_the_temporary_directory_is_swept(
    machine: Machine, serve: Callable[..., Served], tmp_path: Path
) -> None:
    machine.env["TMPDIR"] = str(tmp_path)
    (machine.root / "dune-project").write_text("(lang dune 2.9)\n")
    (machine.root / "dune").write_text("(library (name lib))\n")
    (machine.root / "lib.ml").write_text("let one = 1\n")

    def left() -> set[Path]:
        return set(tmp_path.glob("ces-ocaml_fast-*"))

    def checks(value: str) -> bool:
        diff = f"--- a/lib.ml\n+++ b/lib.ml\n@@ -1 +1 @@\n-let one = 1\n+let one = {value}\n"
        return bool(machine.run("ces", "check", "--upto", "typecheck", stdin=diff).returncode == 0)

    served = serve(build='["true"]')
    (machine.root / "aid.toml").write_text('[build]\nadapter = "dune"\n')
    assert checks("2")
    killed = left()
    served.process.kill()
    served.process.wait()
    assert len(killed) == 1 and killed == left()
    again = serve(build='["true"]')
    assert checks("3")
    alive = left()
    assert len(alive) == 1 and alive != killed
    machine.env["XDG_STATE_HOME"] = str(tmp_path / "state")  # where no service is found: the command judges itself
    assert checks("4") and left() == alive
    again.process.terminate()
    assert again.process.wait() == 0 and not left()
