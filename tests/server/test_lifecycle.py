"""The daemon's life, with real processes: `aid start`, `stop`, `restart`, `status`, `logs`, and sudden death."""

import asyncio
import fcntl
import json
import os
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import psutil
import pytest
import pytest_asyncio

from aid import lifecycle
from aid.daemon import Announcement
from aid.errors import Cancelled

AID = str(Path(sys.executable).with_name("aid"))
HERE = Path(__file__).parent


class Ran(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Awaitable[Ran]]


async def run(*argv: str, environment: dict[str, str], cwd: Path) -> Ran:
    process = await asyncio.create_subprocess_exec(
        *argv, env=environment, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), err.decode())


@pytest_asyncio.fixture(loop_scope="function")
async def aid(environment: dict[str, str], private: Path) -> AsyncIterator[Run]:
    """Runs the real `aid`; whatever daemon is left is ended afterwards."""

    async def call(*arguments: str, cwd: Path = private) -> Ran:
        return await run(AID, *arguments, environment=environment, cwd=cwd)

    yield call
    owner = lifecycle.holder()
    if owner is not None and owner.pid:
        lifecycle.end(owner.pid, 5.0)


def daemons(private: Path) -> list[int]:
    """The processes that are daemons of these directories."""
    runtime = str(private / "runtime")
    found = []
    for process in psutil.process_iter():
        try:
            if "aid.daemon" in process.cmdline() and process.environ().get("XDG_RUNTIME_DIR") == runtime:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


async def test_twenty_starts_at_once_make_one_daemon(aid: Run, private: Path) -> None:
    started = await asyncio.gather(*(aid("start", "--json") for _ in range(20)))
    assert [ran.code for ran in started] == [0] * 20, [ran.err for ran in started]
    pids = {ran.json["pid"] for ran in started}
    assert pids == set(daemons(private))
    assert len(pids) == 1


async def test_restarts_beside_a_start_take_their_turns(aid: Run, private: Path) -> None:
    """None overlooks the daemon that another one was just starting, nor waits for it in vain."""
    ran = await asyncio.gather(*(aid(command) for command in ("start", "restart", "restart", "start", "restart")))
    assert [(each.code, each.err) for each in ran] == [(0, "")] * 5
    assert daemons(private) == [(await aid("status", "--json")).json["pid"]]


async def test_daemons_started_by_hand_at_once_are_one(environment: dict[str, str], private: Path, aid: Run) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "aid.daemon", env=environment, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    owner = lifecycle.holder()
    assert owner is not None
    for process in processes:
        if process.pid != owner.pid:
            assert await process.wait() == 0
    assert (await aid("stop")).code == 0
    for process in processes:
        assert await process.wait() == 0


async def test_only_the_user_may_use_the_socket_and_the_log(aid: Run, private: Path) -> None:
    await aid("start")
    modes = {
        name: stat.S_IMODE((private / name).stat().st_mode)
        for name in ("runtime/aid", "runtime/aid/aid.sock", "state/aid/logs/daemon.jsonl", "state/aid/logs/daemon.out")
    }
    assert modes == {
        "runtime/aid": 0o700,
        "runtime/aid/aid.sock": 0o600,
        "state/aid/logs/daemon.jsonl": 0o600,
        "state/aid/logs/daemon.out": 0o600,
    }


async def test_a_stale_socket_and_a_stale_pid_are_seen_through(aid: Run, private: Path) -> None:
    runtime = private / "runtime" / "aid"
    runtime.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as abandoned:
        abandoned.bind(str(runtime / "aid.sock"))
    (runtime / "aid.lock").write_text(f"{os.getpid()} 1 0.1.0\n")
    assert (await aid("status")).code == 1
    assert (await aid("status", "--json")).json == {"running": False}
    assert (await aid("stop")).out == "not running\n"
    assert (await aid("start")).code == 0
    assert (await aid("status", "--json")).json["running"] is True


async def test_starts_after_kill_nine(aid: Run) -> None:
    first = (await aid("start", "--json")).json["pid"]
    os.kill(first, signal.SIGKILL)
    assert lifecycle.wait_ended(first, 10.0)
    assert (await aid("status")).code == 1
    second = (await aid("start", "--json")).json["pid"]
    assert second != first


async def test_sigterm_ends_it_and_removes_its_socket(aid: Run, private: Path) -> None:
    pid = (await aid("start", "--json")).json["pid"]
    os.kill(pid, signal.SIGTERM)
    assert lifecycle.wait_ended(pid, 10.0)
    assert not (private / "runtime/aid/aid.sock").exists()
    assert lifecycle.holder() is None


async def test_restart_makes_another_and_stop_ends_it(aid: Run, private: Path) -> None:
    first = (await aid("start", "--json")).json["pid"]
    second = (await aid("restart", "--json")).json["pid"]
    assert daemons(private) == [second] != [first]
    assert (await aid("stop", "--json")).json == {"running": False, "stopped": True}
    assert daemons(private) == []
    assert (await aid("stop", "--json")).json == {"running": False, "stopped": False}


async def test_a_daemon_that_does_not_end_is_killed_for_the_next(aid: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aid.lifecycle.ENDING_S", 0.2)
    old = (await aid("start", "--json")).json["pid"]
    stuck = lifecycle.Ending(ask=lambda: os.kill(old, signal.SIGSTOP), kill=lambda: lifecycle.kill(old))
    await asyncio.to_thread(lifecycle.restart, lambda _: stuck)
    assert lifecycle.wait_ended(old, 5.0)
    assert (await aid("status", "--json")).json["pid"] != old


async def test_a_daemon_of_another_version_is_named_and_restart_mends_it(aid: Run, private: Path) -> None:
    pid = (await aid("start", "--json")).json["pid"]
    (private / "runtime/aid/aid.lock").write_text(f"{pid} 999 9.9.9\n")
    ran = await aid("models")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == ("aid: the daemon (AID 9.9.9) speaks protocol 999, this command 1: run 'aid restart'\n")
    assert (await aid("restart")).code == 0
    assert (await aid("models")).code == 0


async def test_stop_ends_a_process_that_holds_the_lock_and_never_listens(aid: Run, private: Path) -> None:
    (private / "runtime" / "aid").mkdir(mode=0o700)
    hold = (
        "import os, sys, time; from aid import lifecycle; l = lifecycle.hold(1, '0', 1); print('held'); time.sleep(600)"
    )
    hung = await asyncio.create_subprocess_exec(
        sys.executable, "-u", "-c", hold, stdout=asyncio.subprocess.PIPE, env={**os.environ}
    )
    assert hung.stdout is not None and await hung.stdout.readline() == b"held\n"
    assert (await aid("stop")).out == "stopped\n"
    assert await hung.wait() == -signal.SIGTERM


async def test_a_broken_configuration_is_one_line_that_names_the_file(aid: Run, private: Path) -> None:
    directory = private / "config" / "aid"
    directory.mkdir(mode=0o700)
    (directory / "aid.toml").write_text("default_model = 5")
    ran = await aid("start")
    assert ran.code == 2
    assert ran.err.startswith(f"aid: {directory}/aid.toml: Expected `str`, got `int`")
    assert ran.err.count("\n") == 1


async def test_the_folder_one_stands_in_lends_it_no_modules(aid: Run, private: Path) -> None:
    for name in ("json.py", "msgspec.py", "aid.py"):
        (private / name).write_text("raise SystemExit('taken from the working directory')")
    assert (await aid("start", cwd=private)).code == 0


def test_a_starter_that_was_killed_is_no_matter() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    announcement = Announcement(writing)
    announcement.say(lifecycle.READY)
    announcement.say("too late to be told")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(writing)


async def test_it_outlives_the_terminal_that_started_it(aid: Run, private: Path) -> None:
    pid = (await aid("start", "--json")).json["pid"]
    process = psutil.Process(pid)
    assert os.getsid(pid) != os.getsid(0)
    assert process.terminal() is None
    assert process.cwd() == "/"
    opened = [Path(f"/proc/{pid}/fd/{number}").readlink().name for number in range(3)]
    assert opened == ["null", "daemon.out", "daemon.out"]


async def test_the_lock_is_waited_for_while_a_daemon_ends(private: Path, environment: dict[str, str]) -> None:
    """The socket is gone before the lock is: one that starts in between takes over when the lock comes free."""
    runtime = private / "runtime" / "aid"
    runtime.mkdir(mode=0o700)
    hold = "from aid import lifecycle; print(lifecycle.connect()); print(bool(lifecycle.hold(1, '0', 60)))"
    with (runtime / "aid.lock").open("w") as ending:
        fcntl.flock(ending, fcntl.LOCK_EX)
        starting = await asyncio.create_subprocess_exec(
            sys.executable, "-u", "-c", hold, env=environment, stdout=asyncio.subprocess.PIPE
        )
        assert starting.stdout is not None
        assert await starting.stdout.readline() == b"None\n"
    assert await starting.stdout.readline() == b"True\n"
    assert await starting.wait() == 0


async def test_one_that_starts_beside_another_whose_starter_has_gone_leaves_it_the_place(
    private: Path, environment: dict[str, str]
) -> None:
    """The other holds the lock and does not listen yet; once it does, it is the daemon."""
    runtime = private / "runtime" / "aid"
    runtime.mkdir(mode=0o700)
    hold = "from aid import lifecycle; print(lifecycle.connect()); print(lifecycle.hold(1, '0', 60))"
    with (runtime / "aid.lock").open("w") as other, socket.socket(socket.AF_UNIX) as listening:
        fcntl.flock(other, fcntl.LOCK_EX)
        second = await asyncio.create_subprocess_exec(
            sys.executable, "-u", "-c", hold, env=environment, stdout=asyncio.subprocess.PIPE
        )
        assert second.stdout is not None
        assert await second.stdout.readline() == b"None\n"
        listening.bind(str(runtime / "aid.sock"))
        listening.listen()
        assert await second.stdout.readline() == b"None\n"
        assert await second.wait() == 0


async def test_who_comes_while_the_old_daemon_ends_waits_at_the_new_ones_socket(
    private: Path, environment: dict[str, str], peers: ModuleType
) -> None:
    """The old one has given its socket up, and holds the lock until it is done."""
    runtime = private / "runtime" / "aid"
    runtime.mkdir(mode=0o700)
    with (runtime / "aid.lock").open("w") as ending:
        fcntl.flock(ending, fcntl.LOCK_EX)
        new = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "aid.daemon", "--take-over", env=environment, stdout=asyncio.subprocess.PIPE
        )
        while (link := lifecycle.connect()) is None:
            pass
        link.close()
        early = await peers.Peer.connect(runtime / "aid.sock")
        asked = early.ask("aid/status")
    async with early:
        assert (await early.answer(asked))["result"]["pid"] == new.pid
    assert new.stdout is not None and await new.stdout.readline() == b"ready\n"
    new.terminate()
    assert await new.wait() == 0


async def test_a_restart_ends_the_daemon_that_another_was_starting(environment: dict[str, str], aid: Run) -> None:
    turn = lifecycle.take_turn()
    restarting = asyncio.create_task(aid("restart", "--json"))
    await asyncio.to_thread(until_waited_for, turn.fileno())
    reading, writing = os.pipe()
    argv = [sys.executable, "-P", "-m", "aid.daemon", "--ready-fd", str(writing)]
    first = await asyncio.create_subprocess_exec(*argv, env=environment, pass_fds=[writing])
    os.close(writing)
    with os.fdopen(reading) as said:
        assert await asyncio.to_thread(said.readline) == "ready\n"
    turn.close()
    ran = await restarting
    assert (ran.code, ran.err) == (0, "")
    assert await first.wait() == 0
    assert ran.json["pid"] != first.pid


def until_waited_for(lock: int) -> None:
    """Returns when a process waits to have the lock on this open file."""
    inode = f":{os.fstat(lock).st_ino} "
    while not any("-> FLOCK" in line and inode in line for line in Path("/proc/locks").read_text().splitlines()):
        pass


@pytest.mark.parametrize("module", ["watchfiles", "aiohttp", "pygls"])
async def test_a_restart_to_code_that_does_not_load_leaves_the_old_daemon(
    environment: dict[str, str], private: Path, aid: Run, module: str
) -> None:
    """Also where that module was known to load, and would have been imported late."""
    await aid("start")
    pid = (await aid("restart", "--json")).json["pid"]
    broken = private / "newer" / f"{module}.py"
    broken.parent.mkdir()
    broken.write_text("raise ImportError('half installed')")
    path = f"{broken.parent}:{environment.get('PYTHONPATH', '')}"
    ran = await run(AID, "restart", environment=environment | {"PYTHONPATH": path}, cwd=private)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "aid: the daemon did not start: ImportError: half installed\n"
    assert daemons(private) == [pid]
    assert (await aid("status", "--json")).json["pid"] == pid


async def test_logs_prints_the_end_and_no_prompt(
    fake_daemon: int, aid: Run, environment: dict[str, str], private: Path
) -> None:
    for words in ("echo a secret", "refuse a secret", "crash a secret"):
        await run(sys.executable, str(HERE / "ask_once.py"), words, environment=environment, cwd=private)
    ran = await aid("logs", "-n", "3", "--json")
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert [(line["method"], line.get("code")) for line in lines if line["message"] == "answered"] == [
        ("aid/prompt", -32010),
        ("aid/prompt", -32603),
    ]
    whole = (private / "state/aid/logs/daemon.jsonl").read_text("utf-8")
    assert "ZeroDivisionError" in whole
    assert "secret" not in whole
    assert "answered" in (await aid("logs")).out


async def test_prompts_are_logged_when_the_person_asks_for_it(
    private: Path, environment: dict[str, str], aid: Run
) -> None:
    (private / "config" / "aid").mkdir(mode=0o700)
    (private / "config" / "aid" / "aid.toml").write_text("[log]\nprompts = true\n")
    daemon = await asyncio.create_subprocess_exec(
        sys.executable, str(HERE / "fake_daemon.py"), env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert daemon.stdout is not None and await daemon.stdout.readline() == b"ready\n"
    await run(sys.executable, str(HERE / "ask_once.py"), "echo a secret", environment=environment, cwd=private)
    await aid("stop")
    assert await daemon.wait() == 0
    log = (private / "state/aid/logs/daemon.jsonl").read_text("utf-8")
    texts = [json.loads(line).get("text") for line in log.splitlines()]
    asked, answered = next(text for text in texts if text)
    assert json.loads(asked)["prompt"] == "echo a secret"
    assert json.loads(answered)["result"]["text"] == "a secret"


async def test_models_are_listed_and_chosen(fake_daemon: int, aid: Run) -> None:
    entry = {"name": "fake", "backend": "replay", "default": True, "chosen": False, "ready": True, "detail": ""}
    assert (await aid("models", "--json")).json == {"models": [entry]}
    assert (await aid("models", "use", "fake", "--json")).json == {"models": [entry]}
    assert (await aid("models")).out == "* fake (replay)\n"


async def test_ctrl_c_cancels_the_request_in_the_daemon(
    fake_daemon: int, environment: dict[str, str], private: Path, peers: ModuleType
) -> None:
    asking = await asyncio.create_subprocess_exec(
        sys.executable, str(HERE / "ask_once.py"), "wait x", env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert asking.stdout is not None
    assert await asking.stdout.readline() == b"waiting\n"
    asking.send_signal(signal.SIGINT)
    assert await asking.stdout.readline() == b"Cancelled cancelled\n"
    assert await asking.wait() == Cancelled.exit_code
    async with await peers.Peer.connect(private / "runtime/aid/aid.sock") as peer:
        assert (await peer.call("aid/status"))["result"]["requests_running"] == 0


async def test_a_daemon_that_dies_is_one_clear_line(
    fake_daemon: int, environment: dict[str, str], private: Path
) -> None:
    asking = await asyncio.create_subprocess_exec(
        sys.executable, str(HERE / "ask_once.py"), "wait x", env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert asking.stdout is not None
    assert await asking.stdout.readline() == b"waiting\n"
    os.kill(fake_daemon, signal.SIGKILL)
    assert await asking.stdout.read() == b"DaemonError the daemon went away: see 'aid logs', and try again\n"
    assert await asking.wait() == 2


@pytest.mark.parametrize("arguments", [("start", "--wrong"), ("logs", "-n", "x"), ("models", "use")])
async def test_wrong_usage_is_exit_two(aid: Run, arguments: tuple[str, ...]) -> None:
    ran = await aid(*arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
