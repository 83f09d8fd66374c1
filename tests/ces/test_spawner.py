"""The process that starts commands: what it does to them first, and what happens when it dies."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from ces import process
from ces.errors import InfraError
from ces.limits import Limits
from ces.process import Bounds

ENV = process.build_environment()


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


async def test_when_it_is_killed_that_is_the_machines_fault_and_the_next_command_runs(
    tmp_path: Path, fifo: Path
) -> None:
    running = asyncio.create_task(process.run(["sh", "-c", f"echo $PPID >{fifo}; sleep 1000"], tmp_path, ENV, 1000))
    spawner = int(await asyncio.to_thread(fifo.read_text))
    os.kill(spawner, signal.SIGKILL)
    with pytest.raises(InfraError, match="has died"):
        await running
    assert (await process.run(["echo", "again"], tmp_path, ENV, 10)).output == "again\n"


async def test_passes_on_no_descriptors_and_no_ignored_signals(tmp_path: Path) -> None:
    ended = await process.run(["sh", "-c", "ls /proc/self/fd; grep SigIgn /proc/self/status"], tmp_path, ENV, 10)
    *descriptors, _, ignored = ended.output.split()
    assert descriptors == ["0", "1", "2", "3"]  # the last is ls's own
    assert not int(ignored, 16) & (1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1)


async def test_a_command_goes_first_when_memory_runs_out_and_leaves_no_core(tmp_path: Path) -> None:
    ended = await process.run(["sh", "-c", "cat /proc/self/oom_score_adj; ulimit -c"], tmp_path, ENV, 10)
    assert ended.output.split() == ["1000", "0"]


async def test_what_fails_before_the_command_is_not_the_commands_fault(tmp_path: Path) -> None:
    bounds = Bounds(overlay={"root": str(tmp_path), "overlay": str(tmp_path / "missing"), "layers": "lower"})
    with pytest.raises(InfraError, match="missing"):
        await process.run(["true"], tmp_path, ENV, 10, bounds)


async def test_many_commands_at_once_each_get_their_own_answer(tmp_path: Path) -> None:
    runs = [process.run(["sh", "-c", f"echo {n}; exit {n}"], tmp_path, ENV, 60) for n in range(20)]
    ended = await asyncio.gather(*runs)
    assert [(each.exit_code, each.output) for each in ended] == [(n, f"{n}\n") for n in range(20)]


async def test_a_very_long_environment_and_command_line_arrive(tmp_path: Path) -> None:
    env = {**ENV, **{f"NAME_{n}": "x" * 1000 for n in range(500)}}
    ended = await process.run(["sh", "-c", "echo ${#1} ${#NAME_499}", "sh", "y" * 100_000], tmp_path, env, 10)
    assert ended.output == "100000 1000\n"


async def test_limits_hold_for_a_command_without_a_sandbox_too(tmp_path: Path) -> None:
    limits = Limits(file_bytes=4096)
    ended = await process.run(["head", "-c", "9999", "/dev/zero"], tmp_path, ENV, 10, Bounds(limits=limits))
    assert ended.limit == "disk"


async def test_opened_twice_it_is_one_process(tmp_path: Path) -> None:
    started = set()
    for _ in range(2):
        await asyncio.to_thread(process.SPAWNER.open)
        started.add((await process.run(["sh", "-c", "echo $PPID"], tmp_path, ENV, 10)).output)
    assert len(started) == 1
