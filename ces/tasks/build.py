"""Filling a task file: candidates are verified until there are enough.

What is done stays done: a builder that is stopped goes on where it was, since neither a task nor a refusal in the
files is verified again.
"""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable

import msgspec

from ces.tasks.admit import Admission, Check, admit
from ces.tasks.record import Record, Refusal
from ces.tasks.task import Task

RETRIES = 2  # of a candidate that the machine failed
UNBUILT_AFTER = 3  # breakages of a file that all stay green: it isn't part of the build


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """How many `tasks` of a project the record is to have, how many `runs` of each must agree, `jobs` at a time."""

    tasks: int
    runs: int = 2
    jobs: int = 1


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
    goal: Goal,
) -> Summary:
    """Verify candidates until the record has as many tasks of their project as are wanted, or there are no more.

    `tell` hears of each outcome, once the record has it, in the candidates' order. Raises CesError when the record
    can't be written.
    """
    builder = _Builder(check, record, tell, goal)
    enough = await builder.verify(candidates)
    while builder.again and not enough:
        enough = await builder.verify(builder.retries())
    return builder.summary()


class _Builder:
    def __init__(self, check: Check, record: Record, tell: Callable[[Admission], None], goal: Goal) -> None:
        self.again: deque[Task] = deque()
        self._check = check
        self._record = record
        self._tell = tell
        self._goal = goal
        self._running: set[str] = set()
        self._already = len(record.tasks)
        self._outcomes: Counter[str] = Counter()
        self._tried: Counter[str] = Counter()
        self._red: Counter[str] = Counter()
        self._green: Counter[str] = Counter()

    async def verify(self, candidates: AsyncGenerator[Task, None]) -> bool:
        """Whether the record has enough. Outcomes are kept in the candidates' order, however long each takes."""
        running: deque[asyncio.Task[Admission]] = deque()
        try:
            async with contextlib.aclosing(candidates):
                async for task in candidates:
                    if self._has_enough(task):
                        return True
                    if self._is_known(task) or self._is_unbuilt(task):
                        continue
                    self._running.add(task.id)
                    running.append(asyncio.ensure_future(admit(task, self._check, self._goal.runs)))
                    if len(running) == self._goal.jobs and self._keep(await running.popleft()):
                        return True
            while running:
                if self._keep(await running.popleft()):
                    return True
            return False
        finally:
            for each in running:
                each.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def retries(self) -> AsyncGenerator[Task, None]:
        """What the machine failed, once more."""
        while self.again:
            yield self.again.popleft()

    def _keep(self, admission: Admission) -> bool:
        """Write the outcome down; whether that was enough."""
        task = admission.task
        self._running.discard(task.id)
        if admission.outcome == "infra_error":
            self._tried[task.id] += 1
            if self._tried[task.id] <= RETRIES:
                self.again.append(task)
            else:
                self._outcomes["infra_error"] += 1
        elif admission.outcome == "admitted":
            self._record.add(task)
        else:
            self._record.refuse(
                Refusal(id=task.id, kind=task.kind, files=task.files, status=admission.outcome, reason=admission.reason)
            )
        if admission.outcome != "infra_error":
            self._outcomes[admission.outcome] += 1
            self._learn(admission)
        self._tell(admission)
        return self._has_enough(task)

    def _has_enough(self, like: Task) -> bool:
        return self._record.count(like) >= self._goal.tasks

    def _is_known(self, task: Task) -> bool:
        return self._record.knows(task) or task.id in self._running

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
