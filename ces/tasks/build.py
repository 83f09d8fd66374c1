"""Filling a task file: candidates are verified one after another until there are enough.

What is done stays done: a builder that is stopped goes on where it was, since neither a task nor a refusal in the
files is verified again.
"""

import contextlib
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable

import msgspec

from ces.tasks.admit import Admission, Check, admit
from ces.tasks.record import Record, Refusal
from ces.tasks.task import Task

RETRIES = 2  # of a candidate that the machine failed
UNBUILT_AFTER = 3  # breakages of a file that all stay green: it isn't part of the build


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """How many candidates of each outcome, `infra_error` those given up.

    `already` counts the tasks that were in the file before, `kinds` those in it now by kind.
    """

    admitted: int
    refused: int
    quarantined: int
    infra_error: int
    already: int
    kinds: dict[str, int]


async def build(
    candidates: AsyncGenerator[Task, None],
    check: Check,
    record: Record,
    tell: Callable[[Admission], None],
    *,
    wanted: int,
    runs: int = 2,
) -> Summary:
    """Verify candidates until the record has `wanted` tasks of their project or there are no more.

    `tell` hears of each outcome, once the record has it. Raises CesError when the record can't be written.
    """
    builder = _Builder(check, record, runs, tell)
    async with contextlib.aclosing(candidates):
        async for task in candidates:
            if record.count(task) >= wanted:
                break
            await builder.verify(task)
    while builder.again and record.count(builder.again[0]) < wanted:
        await builder.verify(builder.again.popleft())
    return builder.summary()


class _Builder:
    def __init__(self, check: Check, record: Record, runs: int, tell: Callable[[Admission], None]) -> None:
        self.again: deque[Task] = deque()
        self._check = check
        self._record = record
        self._runs = runs
        self._tell = tell
        self._already = len(record.tasks)
        self._outcomes: Counter[str] = Counter()
        self._tried: Counter[str] = Counter()
        self._red: Counter[str] = Counter()
        self._green: Counter[str] = Counter()

    async def verify(self, task: Task) -> None:
        if self._record.knows(task) or self._is_unbuilt(task):
            return
        admission = await admit(task, self._check, self._runs)
        self._keep(admission)
        self._tell(admission)

    def _keep(self, admission: Admission) -> None:
        task = admission.task
        if admission.outcome == "infra_error":
            self._tried[task.id] += 1
            if self._tried[task.id] <= RETRIES:
                self.again.append(task)
            else:
                self._outcomes["infra_error"] += 1
            return
        self._outcomes[admission.outcome] += 1
        self._learn(admission)
        if admission.outcome == "admitted":
            self._record.add(admission.task)
        else:
            self._record.refuse(
                Refusal(id=task.id, kind=task.kind, files=task.files, status=admission.outcome, reason=admission.reason)
            )

    def summary(self) -> Summary:
        return Summary(
            admitted=self._outcomes["admitted"],
            refused=self._outcomes["refused"],
            quarantined=self._outcomes["quarantined"],
            infra_error=self._outcomes["infra_error"],
            already=self._already,
            kinds=dict(sorted(Counter(task.kind for task in self._record.tasks).items())),
        )

    def _learn(self, admission: Admission) -> None:
        if admission.broken:
            seen = self._red if admission.broken[0].status == "red" else self._green
            seen.update(admission.task.files)

    def _is_unbuilt(self, task: Task) -> bool:
        return task.kind.startswith("mutate:") and any(
            not self._red[path] and self._green[path] >= UNBUILT_AFTER for path in task.files
        )
