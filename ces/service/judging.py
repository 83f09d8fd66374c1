"""Who judges for a service: a `Judge`, or something that stands for many of them."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from prometheus_client.registry import Collector

from ces.bases import BaseRecord
from ces.judge import AuditCount, Running
from ces.request import CheckRequest
from ces.verdict import Verdict


class HasRecords(Protocol):
    def records(self) -> list[BaseRecord]:
        """Every base, the last used first. Called in a thread."""


class Judging(Protocol):
    @property
    def bases(self) -> HasRecords: ...

    @property
    def at_work(self) -> Sequence[Running | None]: ...

    @property
    def audits(self) -> AuditCount: ...

    async def check(self, request: CheckRequest) -> Verdict: ...

    async def close(self) -> None: ...


@runtime_checkable
class Elastic(Protocol):
    """Judging whose room changes while it runs."""

    def attach(self, queued: Callable[[], int], resize: Callable[[int], None]) -> None:
        """`queued` says how many requests wait; `resize` is to be told how many may be in hand."""

    def collector(self) -> Collector:
        """Its own metrics."""
