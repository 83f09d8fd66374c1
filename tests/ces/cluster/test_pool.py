"""Checks on a cluster of several raylets: where they go, and what becomes of them when a node is killed."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ces.bases import BaseRecord
from ces.errors import BadChange
from ces.request import CheckRequest
from ces.verdict import Verdict

from .conftest import VALUE, Gate, Nodes

MakeJudge = Callable[..., Any]


def request(root: Path, value: str) -> CheckRequest:
    return CheckRequest(diff=VALUE.format(value), workspace=str(root))


async def check(judge: Any, root: Path, value: str) -> Verdict:
    verdict: Verdict = await judge.check(request(root, value))
    return verdict


def begun(judge: Any, root: Path, *values: str) -> list[asyncio.Task[Verdict]]:
    return [asyncio.ensure_future(check(judge, root, value)) for value in values]


async def joined(judge: Any, count: int) -> None:
    """Until so many nodes judge."""
    while len(judge.nodes) < count:
        await judge.moved()


def homes(state_dir: Path, root: Path) -> set[str]:
    """The folders of the nodes that have a base of `root`."""
    found = set()
    for path in state_dir.glob("nodes/*/bases/*/base.json"):
        if msgspec.json.decode(path.read_bytes(), type=BaseRecord).workspace == str(root):
            found.add(path.relative_to(state_dir).parts[1])
    return found


async def test_a_base_is_warm_on_one_node_until_that_has_much_to_do(
    nodes: Nodes, judge: MakeJudge, gate: Gate, root: Path, state_dir: Path
) -> None:
    nodes.have(2)
    ces = judge()
    await joined(ces, 2)
    for value in ("bad", "good, too", "bad again"):
        verdict = await check(ces, root, value)
        assert verdict.status == ("green" if "good" in value else "red")
    assert len(homes(state_dir, root)) == 1
    tasks = begun(ces, root, "held good 1", "held good 2")  # one of them waits for the other
    await gate.started(1)
    assert (await check(ces, root, "bad, but elsewhere")).status == "red"
    assert len(homes(state_dir, root)) == 2
    gate.open()
    assert [task.status for task in await asyncio.gather(*tasks)] == ["green", "green"]


async def test_other_bases_go_to_other_nodes(
    nodes: Nodes, judge: MakeJudge, gate: Gate, tmp_path: Path, state_dir: Path
) -> None:
    nodes.have(2)
    ces = judge()
    await joined(ces, 2)
    roots = [tmp_path / name for name in "ab"]
    for root in roots:
        root.mkdir()
        (root / "check.sh").write_text("grep -q good value\n")
        (root / "value").write_text("good\n")
    for number in range(3):
        for root in roots:
            assert (await check(ces, root, f"bad {number}")).status == "red"
    where = [homes(state_dir, root) for root in roots]
    assert [len(each) for each in where] == [1, 1] and where[0] != where[1]


async def test_a_raylet_is_killed_and_no_verdict_is_lost_or_doubled(
    nodes: Nodes, judge: MakeJudge, gate: Gate, root: Path
) -> None:
    nodes.have(2)
    ces = judge()
    await joined(ces, 2)
    values = [f"held {'good' if number % 2 else 'bad'} {number}" for number in range(12)]
    answers: list[tuple[str, str]] = []

    async def ask(value: str) -> None:
        answers.append((value, (await check(ces, root, value)).status))

    tasks = [asyncio.ensure_future(ask(value)) for value in values]
    first = await gate.started(2)  # one on each node; the others wait, there and here
    assert sum(ces.count().in_flight.values()) == 8 and ces.count().waiting == 4
    killed = ces.nodes[0]
    nodes.kill(killed.node)
    while killed in ces.nodes:
        await ces.moved()
    assert answers == []
    gate.open()
    await asyncio.gather(*tasks)
    assert sorted(answers) == sorted((value, "green" if "good" in value else "red") for value in values)
    assert (ces.count().lost, ces.count().retries >= 4) == (1, True)
    assert len(set(first)) == 2

    nodes.add()
    await joined(ces, 2)
    newcomer = ces.nodes[-1]
    await asyncio.gather(*begun(ces, root, *(f"bad anew {number}" for number in range(8))))
    while not newcomer.report.bases:
        await ces.moved()
    assert {base.workspace for base in newcomer.report.bases} == {str(root)}


async def test_a_judge_that_dies_alone_is_replaced_and_finds_its_bases(
    nodes: Nodes, judge: MakeJudge, gate: Gate, root: Path, state_dir: Path
) -> None:
    nodes.have(1)
    ces = judge()
    await joined(ces, 1)
    tasks = begun(ces, root, "held good")
    await gate.started(1)
    [died] = [member for member in ces.nodes if ces.count().in_flight[member.name]]
    os.kill(died.pid, signal.SIGKILL)
    await gate.started(1)  # the same again, on another node or in the next judge
    gate.open()
    assert [verdict.status for verdict in await asyncio.gather(*tasks)] == ["green"]
    while all(member.node != died.node for member in ces.nodes):
        await ces.moved()
    [again] = [member for member in ces.nodes if member.node == died.node]
    assert again.pid != died.pid
    assert ces.count().lost == 1


async def test_when_nodes_go_on_being_lost_it_says_so_and_gives_no_reward(
    nodes: Nodes, judge: MakeJudge, gate: Gate, root: Path
) -> None:
    nodes.have(1)
    ces = judge(retries=1)
    await joined(ces, 1)
    [task] = begun(ces, root, "held good")
    for _ in range(2):
        await gate.started(1)
        [at] = [member for member in ces.nodes if ces.count().in_flight[member.name]]
        os.kill(at.pid, signal.SIGKILL)
    verdict = await task
    assert (verdict.status, verdict.stage, verdict.reward) == ("infra_error", None, None)
    assert "2 nodes were lost" in (verdict.reason or "")


async def test_a_judge_that_hangs_is_given_up(nodes: Nodes, judge: MakeJudge, gate: Gate, root: Path) -> None:
    nodes.have(2)
    ces = judge(hung_s=3.0)
    await joined(ces, 2)
    [task] = begun(ces, root, "held good")
    await gate.started(1)
    [stuck] = [member for member in ces.nodes if ces.count().in_flight[member.name]]
    os.kill(stuck.pid, signal.SIGSTOP)
    try:
        await gate.started(1)
        gate.open()
        assert (await task).status == "green"
        assert stuck not in ces.nodes and ces.count().lost == 1
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(stuck.pid, signal.SIGKILL)


async def test_a_node_whose_disk_fails_is_passed_over(
    nodes: Nodes, judge: MakeJudge, tmp_path: Path, state_dir: Path
) -> None:
    nodes.have(2)
    broken = state_dir / "nodes" / f"{socket.gethostname()}-0"
    broken.mkdir(parents=True)
    (broken / "bases").write_text("where a folder should be")
    ces = judge()
    await joined(ces, 2)
    for name in "abc":
        (tmp_path / name).mkdir()
        (tmp_path / name / "check.sh").write_text("grep -q good value\n")
        (tmp_path / name / "value").write_text("good\n")
        assert (await check(ces, tmp_path / name, "bad")).status == "red"
    assert ces.count().retries == 1 and ces.count().lost == 0


async def test_a_workspace_on_no_node_is_the_requests_fault(
    nodes: Nodes, judge: MakeJudge, tmp_path: Path, gate: Gate
) -> None:
    nodes.have(2)
    ces = judge()
    await joined(ces, 2)
    with pytest.raises(BadChange, match="on any node"):
        await check(ces, tmp_path / "gone", "bad")
    with pytest.raises(BadChange, match="absolute"):
        await check(ces, Path("relative"), "bad")
    assert set(ces.count().in_flight.values()) == {0}


async def test_without_a_node_it_waits_and_then_says_that_the_machine_failed(
    nodes: Nodes, judge: MakeJudge, root: Path
) -> None:
    ces = judge(patience_s=0.0, look_every_s=0.1, start_s=0.0)  # no node starts in no time
    verdict = await check(ces, root, "bad")
    assert (verdict.status, verdict.reward) == ("infra_error", None)


async def test_who_leaves_frees_the_place_and_ends_the_build(
    nodes: Nodes, judge: MakeJudge, gate: Gate, root: Path
) -> None:
    nodes.have(1)
    ces = judge()
    await joined(ces, 1)
    [task] = begun(ces, root, "held good")
    await gate.started(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    while any(ces.count().in_flight.values()):
        await ces.moved()
    assert (await check(ces, root, "bad")).status == "red"  # with the gate still shut


async def test_the_scale_is_told_what_the_queue_is_worth(
    nodes: Nodes, judge: MakeJudge, gate: Gate, root: Path
) -> None:
    nodes.have(1)
    told: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    ces = judge(scale=lambda workers: loop.call_soon_threadsafe(told.put_nowait, workers) and None)
    await joined(ces, 1)
    ces.attach(lambda: 80, lambda slots: None)
    assert await told.get() == 20
    tasks = begun(ces, root, *(f"held good {number}" for number in range(5)))
    assert await told.get() == 22
    gate.open()
    await asyncio.gather(*tasks)
    await ces.close()
    found = [told.get_nowait() for _ in range(told.qsize())]
    assert found[-1] == 0
