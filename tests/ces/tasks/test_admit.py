"""Which candidates are admitted, by judges whose verdicts are written down: what a real one says is tested apart."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from ces.change import FileChange
from ces.request import CheckRequest
from ces.tasks.admit import Admission, Check, admit
from ces.tasks.build import RETRIES, UNBUILT_AFTER, Goal, build
from ces.tasks.candidate import Origin, candidate
from ces.tasks.mutants import mutants
from ces.tasks.record import Record
from ces.tasks.task import Task, read
from ces.verdict import Diagnostic, Verdict

ORIGIN = Origin(project="p", workspace="/nowhere")
ERROR = Diagnostic(file="b.ml", range=None, severity="error", message="Unbound value y\nHint: x")
WARNING = Diagnostic(file="a.ml", range=None, severity="warning", message="unused")
RED = Verdict(status="red", stage="typecheck", diagnostics=(WARNING, ERROR), toolchain="t1")
GREEN = Verdict(status="green", stage="test")
FAILED = Verdict(status="infra_error", stage=None, reason="disk full")
FILES = {"a.ml": b"let x = f 1 2\nlet rec g n = g (n + 1)\n"}


def task() -> Task:
    return candidate(ORIGIN, "mutate:off-by-one", (FileChange(path="a.ml", before=b"x 1\n", after=b"x 2\n"),))


def judge(broken: list[Verdict], gold: list[Verdict]) -> tuple[Check, list[CheckRequest]]:
    """Says these, one after another, and again from the start."""
    asked: list[CheckRequest] = []

    async def check(request: CheckRequest) -> Verdict:
        asked.append(request)
        said = gold if request.onto else broken
        return said[(len([one for one in asked if bool(one.onto) == bool(request.onto)]) - 1) % len(said)]

    return check, asked


TIMEOUT = Verdict(status="timeout", stage="test", reason="took too long")
LATER = Verdict(status="red", stage="test")


@pytest.mark.parametrize(
    ("broken", "gold", "outcome", "reason", "runs"),
    [
        ([RED], [GREEN], "admitted", "", 4),
        ([GREEN], [GREEN], "refused", "broken state is green at test", 1),
        ([TIMEOUT], [GREEN], "refused", "broken state is timeout at test (took too long)", 1),
        ([Verdict(status="red", stage="apply")], [GREEN], "refused", "broken state is red at apply", 1),
        ([RED], [RED], "refused", "gold diff is red at typecheck", 2),
        ([RED, GREEN], [GREEN], "quarantined", "broken state is green at test, red at typecheck before", 3),
        ([RED, LATER], [GREEN], "quarantined", "broken state is red at test, red at typecheck before", 3),
        ([RED], [GREEN, LATER], "quarantined", "gold diff is red at test, green at test before", 4),
        ([FAILED], [GREEN], "infra_error", "broken state is infra_error (disk full)", 1),
        ([RED], [GREEN, FAILED], "infra_error", "gold diff is infra_error (disk full)", 4),
        ([Verdict(status="unchecked", stage=None, reason="no build")], [GREEN], "infra_error",
         "broken state is unchecked (no build)", 1),
    ],
)  # fmt: skip
async def test_admitted_only_when_red_and_green_every_time(
    broken: list[Verdict], gold: list[Verdict], outcome: str, reason: str, runs: int
) -> None:
    check, asked = judge(broken, gold)
    admission = await admit(task(), check)
    assert (admission.outcome, admission.reason, len(asked)) == (outcome, reason, runs)


async def test_an_admitted_task_says_what_the_build_said() -> None:
    check, asked = judge([RED], [GREEN])
    admission = await admit(task(), check)
    found = admission.task
    assert found.diagnostics == (ERROR,)
    assert found.toolchain == "t1"
    assert found.prompt in found.prompts
    assert found.prompts == (
        "b.ml is red, fix it",
        "fix the build error in b.ml",
        "it doesn't compile any more, mend it",
        "fix the build",
        "fix this: Unbound value y",
    )
    assert (asked[0].diff, asked[0].onto) == (found.onto, "")
    assert (asked[1].diff, asked[1].onto, asked[1].policy) == (found.gold, found.onto, "report")


async def fill(path: Path, check: Check, wanted: int = 1000, seed: int = 1) -> tuple[list[Admission], Record]:
    told: list[Admission] = []
    with closing(Record(path)) as record:
        await build(mutants(ORIGIN, FILES, seed=seed), check, record, told.append, Goal(tasks=wanted, runs=1))
    return told, record


async def test_a_builder_that_was_stopped_goes_on_and_verifies_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    some = [RED, RED, GREEN]
    first, _ = await fill(path, judge(some, [GREEN])[0], wanted=4)
    assert len(path.read_text().splitlines()) == 4
    with path.open("a") as file:
        file.write('{"id":"torn')
    second, record = await fill(path, judge([RED], [GREEN])[0], wanted=7)
    assert not {one.task.id for one in first} & {one.task.id for one in second}
    assert [task.id for task in record.tasks] == [task.id for task in read(path)[0]]
    assert len(record.tasks) == 7
    third, _ = await fill(path, judge([RED], [GREEN])[0], wanted=7)
    assert third == []


async def test_what_the_machine_failed_is_asked_again_later_and_never_counted(tmp_path: Path) -> None:
    told, record = await fill(tmp_path / "tasks.jsonl", judge([FAILED], [GREEN])[0])
    candidates = {one.task.id for one in told}
    assert len(told) == len(candidates) * (RETRIES + 1)
    assert {one.outcome for one in told} == {"infra_error"}
    assert not record.path.exists()
    assert not record.refused_path.exists()
    again, _ = await fill(record.path, judge([RED], [GREEN])[0])
    assert {one.task.id for one in again} == candidates


async def test_a_file_that_stays_green_whatever_is_broken_is_left_alone(tmp_path: Path) -> None:
    told, record = await fill(tmp_path / "tasks.jsonl", judge([GREEN], [GREEN])[0])
    assert len(told) == UNBUILT_AFTER
    refused = record.refused_path.read_text()
    assert refused.count('"reason":"broken state is green at test"') == UNBUILT_AFTER


async def test_several_at_a_time_come_to_the_same(tmp_path: Path) -> None:
    """However long each takes: the record is in the candidates' order, and has no more than was wanted."""
    asked = 0

    async def check(request: CheckRequest) -> Verdict:
        nonlocal asked
        asked += 1
        for _ in range(7 * asked % 5):
            await asyncio.sleep(0)
        return GREEN if request.onto else RED

    ids = []
    for jobs in (1, 4):
        candidates = mutants(ORIGIN, FILES, seed=1)
        with closing(Record(tmp_path / f"{jobs}.jsonl")) as record:
            await build(candidates, check, record, lambda _: None, Goal(tasks=9, runs=1, jobs=jobs))
        ids.append([task.id for task in record.tasks])
    assert ids[0] == ids[1]
    assert len(ids[0]) == 9


@pytest.mark.parametrize("status", ["refused", "quarantined"])
async def test_what_was_turned_down_is_kept_beside_the_tasks(tmp_path: Path, status: str) -> None:
    broken = [GREEN] if status == "refused" else [RED, GREEN]
    candidates = mutants(ORIGIN, FILES, seed=1, only={"rec-missing"})
    with closing(Record(tmp_path / "tasks.jsonl")) as record:
        summary = await build(candidates, judge(broken, [GREEN])[0], record, lambda _: None, Goal(tasks=9))
    assert (summary.admitted, getattr(summary, status)) == (0, 1)
    assert f'"status":"{status}"' in record.refused_path.read_text()
