import asyncio
import os
import sys
from pathlib import Path

import pytest

from ces import process
from ces.errors import InfraError
from ces.limits import Limits
from ces.process import Bounds

ENV = process.build_environment()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def opened(fifo: Path) -> str:
    """What the first writer of a named pipe says: how a test learns that a process is running."""
    return await asyncio.to_thread(fifo.read_text)


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


async def test_keeps_stdout_and_stderr_in_the_order_written(tmp_path: Path) -> None:
    ended = await process.run(["sh", "-c", "echo one; echo two >&2; echo three; exit 3"], tmp_path, ENV, 10)
    assert (ended.exit_code, ended.output, ended.timed_out) == (3, "one\ntwo\nthree\n", False)
    assert ended.cpu_ms > 0


async def test_counts_the_cpu_time_of_children_too(tmp_path: Path) -> None:
    spin = "import os, time\nif os.fork() == 0:\n    while time.process_time() < 0.2: pass\n    os._exit(0)\nos.wait()"
    ended = await process.run([sys.executable, "-I", "-c", spin], tmp_path, ENV, 60)
    assert ended.cpu_ms >= 200


async def test_kills_the_whole_tree_when_the_time_is_over(tmp_path: Path) -> None:
    script = "(sleep 1000 & echo $! >child; wait) & echo $! >>child; while :; do sleep 1000; done"
    ended = await process.run(["sh", "-c", script], tmp_path, ENV, 1.0)
    assert ended.timed_out
    assert ended.exit_code == -9
    assert not any(alive(int(pid)) for pid in (tmp_path / "child").read_text().split())


async def test_a_cancelled_caller_leaves_nothing_running(tmp_path: Path, fifo: Path) -> None:
    running = asyncio.create_task(process.run(["sh", "-c", f"echo $$ >{fifo}; sleep 1000"], tmp_path, ENV, 1000))
    pid = int(await opened(fifo))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not alive(pid)


async def test_a_daemon_that_left_the_session_is_found_by_its_mark(tmp_path: Path, fifo: Path) -> None:
    daemon = f"(setsid sh -c 'echo $$ >pid; echo up >{fifo}; sleep 1000' &); cat {fifo}"
    ended = await process.run(["sh", "-c", daemon], tmp_path, ENV, 60)
    assert ended.output == "up\n"
    assert not alive(int((tmp_path / "pid").read_text()))


async def test_output_past_the_limit_ends_the_command(tmp_path: Path) -> None:
    ended = await process.run(["yes"], tmp_path, ENV, 60, Bounds(limits=Limits(output_bytes=1 << 20)))
    assert (ended.truncated, ended.limit) == (True, "output")
    assert len(ended.output) < 3 * process.KEPT_BYTES


async def test_has_no_stdin_no_colours_and_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    ended = await process.run(["sh", "-c", "cat; env"], tmp_path, process.build_environment({"EXTRA": "1"}), 10)
    told = dict(line.split("=", 1) for line in ended.output.splitlines() if "=" in line)
    assert {"SOME_API_KEY", "CLICOLOR_FORCE"}.isdisjoint(told)
    assert (told["LC_ALL"], told["TERM"], told["EXTRA"]) == ("C.UTF-8", "dumb", "1")


async def test_a_directory_that_is_not_there_is_the_machines_fault(tmp_path: Path) -> None:
    with pytest.raises(InfraError, match="can't start"):
        await process.run(["true"], tmp_path / "missing", ENV, 10)


async def test_a_missing_program_exits_with_127(tmp_path: Path) -> None:
    assert (await process.run(["no-such-program"], tmp_path, ENV, 10)).exit_code == 127
