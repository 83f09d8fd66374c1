"""The judge in front of a cluster: what the service asks in place of a `Judge`.

In: `CheckRequest`s. Out: a verdict each, once. A request is with one node at a time; where that node is lost it goes to
another, and what the lost one may still say is not listened to. When the nodes go on being lost, the verdict is
`infra_error`, with no reward.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

import msgspec
import ray
from ray.exceptions import ActorDiedError, RayError

from ces.bases import BaseRecord, listed
from ces.cluster.members import Member, Members, dead
from ces.cluster.metrics import ClusterMetrics, Count
from ces.cluster.routing import Key, Known, Router
from ces.cluster.scaling import wanted_workers
from ces.cluster.settings import ClusterSettings
from ces.cluster.worker import Reply
from ces.errors import BadChange
from ces.judge import AuditCount, Running
from ces.request import CheckRequest
from ces.verdict import Verdict

log = logging.getLogger(__name__)

INFRA_RETRIES = 1  # a node's own verdict that its machine failed, asked of another
AGAIN_S = 1.0


class _Asked(msgspec.Struct, eq=False):
    """A request on its way. `without` are members it isn't to go to, `absent` those of them that lack the workspace."""

    request: CheckRequest
    key: Key
    since: float
    without: set[str] = msgspec.field(default_factory=set)
    absent: int = 0
    losses: int = 0
    waited_ms: float = 0.0
    failed: Verdict | None = None


class ClusterBases:
    """The bases of all nodes, as they last reported them."""

    def __init__(self, members: Members) -> None:
        self._members = members

    def records(self) -> list[BaseRecord]:
        return listed(record for member in list(self._members) for record in member.report.bases)


class ClusterJudge:
    """Make it within `connected` and a running loop."""

    def __init__(self, settings: ClusterSettings) -> None:
        self._settings = settings
        self._router = Router(settings.depth)
        self._waiting: dict[_Asked, asyncio.Future[Member | None]] = {}
        self._queued: Callable[[], int] = lambda: 0
        self._resize: Callable[[int], None] = lambda slots: None
        self._bare_since: float | None = time.monotonic()
        self._scaled = 0
        self._scaling: asyncio.Task[None] | None = None
        self._retries = self._lost = 0
        self._next = asyncio.Event()
        self._past = AuditCount()  # of members that are gone
        self._members = Members(settings, self)
        self.bases = ClusterBases(self._members)

    @property
    def at_work(self) -> list[Running | None]:
        """A place for each worker of each node, as last reported."""
        return [place for member in self._members for place in _places(member)]

    @property
    def audits(self) -> AuditCount:
        return _sum([self._past, *(member.report.audits for member in self._members)])

    @property
    def nodes(self) -> list[Member]:
        """Those that judge now."""
        return list(self._members)

    async def moved(self) -> None:
        """Until a node next joins, leaves, reports or ends a call."""
        await self._next.wait()

    def attach(self, queued: Callable[[], int], resize: Callable[[int], None]) -> None:
        """`queued` says how many requests wait before this; `resize` is told how many there is room for here."""
        self._queued, self._resize = queued, resize
        self._moved()

    def collector(self) -> ClusterMetrics:
        return ClusterMetrics(self.count)

    def wanted_workers(self) -> int:
        """How many workers, over all nodes, what is asked now would keep busy."""
        asked = self._queued() + len(self._waiting) + sum(self._router.in_flight().values())
        return wanted_workers(asked, self._settings.depth)

    async def check(self, request: CheckRequest) -> Verdict:
        """The verdict on one diff, as `Judge.check`. Raises BadChange for a request that can't be meant."""
        started = time.monotonic()
        asked = _Asked(request, (request.workspace, request.rev), started)
        verdict = None
        while verdict is None:
            member = await self._place(asked)
            verdict = self._unplaced(asked) if member is None else await self._answer(asked, member)
        queue_ms = verdict.queue_ms + asked.waited_ms
        return msgspec.structs.replace(verdict, queue_ms=queue_ms, wall_ms=(time.monotonic() - started) * 1000)

    async def close(self) -> None:
        """End every node's judge. What still waits is answered with `infra_error`."""
        for asked in list(self._waiting):
            self._settle(asked, None)
        await self._members.close()
        if self._scaling is not None:
            await self._scaling
        if self._scaled:
            await self._scale(0)  # Ray's autoscaler remembers what it was asked for

    def joined(self, member: Member) -> None:
        self._router.add(member.name, member.workers)
        self._bare_since = None
        self._moved()

    def reported(self, member: Member) -> None:
        self._router.has(member.name, [Known((base.workspace, base.rev), base.id) for base in member.report.bases])
        self._tell()

    def left(self, member: Member, reason: str) -> None:
        self._router.remove(member.name)
        self._past = _sum([self._past, member.report.audits])
        self._lost += 1
        if not len(self._members):
            self._bare_since = time.monotonic()
        self._moved()

    def looked(self) -> None:
        wanted = self.wanted_workers()
        if wanted != self._scaled and (self._scaling is None or self._scaling.done()):
            self._scaled = wanted
            self._scaling = asyncio.ensure_future(self._scale(wanted))
        self._dispatch()

    async def _scale(self, workers: int) -> None:
        try:
            await asyncio.to_thread(self._settings.scale, workers)
        except Exception:  # theirs, whatever it does
            log.exception("the cluster could not be told that %d workers are wanted", workers)

    def _moved(self) -> None:
        self._resize(max(self._router.places, 1))
        self._dispatch()
        self._tell()

    def _tell(self) -> None:
        self._next.set()
        self._next = asyncio.Event()

    async def _place(self, asked: _Asked) -> Member | None:
        """A member that has a place for it, taken; None when there will be none."""
        asked.since = time.monotonic()
        place: asyncio.Future[Member | None] = asyncio.get_running_loop().create_future()
        self._waiting[asked] = place
        self._dispatch()
        try:
            return await place
        except asyncio.CancelledError:
            self._waiting.pop(asked, None)
            if place.done() and not place.cancelled():
                self._release(place.result())
            raise
        finally:
            asked.waited_ms += (time.monotonic() - asked.since) * 1000

    def _dispatch(self) -> None:
        """Give those that wait the room there is, the first first."""
        members = {member.name: member for member in self._members}
        for asked in list(self._waiting):
            if members and self._router.full:
                return
            if asked not in self._waiting:
                continue  # settled by what settling another set off
            name = self._router.choose(asked.key, asked.without)
            if name is not None:
                self._settle(asked, members[name])
            elif self._hopeless(asked):
                self._settle(asked, None)

    def _hopeless(self, asked: _Asked) -> bool:
        if self._router.possible(asked.without):
            return False
        if len(self._members):
            over = time.monotonic() - asked.since >= self._settings.patience_s
            return over or not self._members.expecting
        return self._bare_since is not None and time.monotonic() - self._bare_since >= self._settings.patience_s

    def _settle(self, asked: _Asked, member: Member | None) -> None:
        place = self._waiting.pop(asked)
        if place.done():  # cancelled
            self._release(member)
        else:
            place.set_result(member)

    def _release(self, member: Member | None) -> None:
        if member is not None:
            self._router.release(member.name)
            self._dispatch()
            self._tell()

    def _unplaced(self, asked: _Asked) -> Verdict:
        """What to say of a request that no node can take."""
        if asked.failed is not None:
            return asked.failed
        if asked.absent:
            raise BadChange(
                f"workspace {asked.request.workspace!r} is no directory on any node: share it with them all"
            )
        return Verdict(status="infra_error", stage=None, reason="the cluster has no node that judges")

    async def _answer(self, asked: _Asked, member: Member) -> Verdict | None:
        """What `member` says, None when another is to be asked."""
        try:
            reply = await self._call(member, asked.request)
        except RayError as error:
            return await self._missed(asked, member, error)
        if reply.bad is not None:
            raise BadChange(reply.bad)
        if reply.verdict is None:
            self._router.lacks(member.name, asked.key)
            asked.without.add(member.name)
            asked.absent += 1
            return None
        if reply.verdict.status != "infra_error":
            self._router.judged(member.name, asked.key, reply.verdict.base)
            return reply.verdict
        self._router.ails(member.name)
        asked.without.add(member.name)
        if len(asked.without) - asked.absent > INFRA_RETRIES or not self._router.possible(asked.without):
            return reply.verdict
        asked.failed = reply.verdict
        self._retries += 1
        return None

    async def _missed(self, asked: _Asked, member: Member, error: RayError) -> Verdict | None:
        """The node is lost, or the way to it: whether to ask another."""
        asked.losses += 1
        again = asked.losses <= self._settings.retries
        self._retries += again
        self._router.ails(member.name)
        if isinstance(error, ActorDiedError):
            self._members.drop(member, dead(error))
        elif again:
            await asyncio.sleep(AGAIN_S * asked.losses)  # it may be there again
        if again:
            return None
        told = f"{asked.losses} nodes were lost while they judged this, the last: {dead(error)}"
        return Verdict(status="infra_error", stage=None, reason=told)

    async def _call(self, member: Member, request: CheckRequest) -> Reply:
        """The place is free again when the node has ended the call, not when we stop waiting for it."""
        reference = member.actor.check.remote(msgspec.msgpack.encode(request))
        call: asyncio.Task[bytes] = asyncio.ensure_future(_value(reference))
        call.add_done_callback(lambda ended: self._ended(ended, member))
        try:
            return msgspec.msgpack.decode(await asyncio.shield(call), type=Reply)
        except asyncio.CancelledError:
            if not call.done():
                with contextlib.suppress(RayError):
                    ray.cancel(reference)
            raise

    def _ended(self, call: "asyncio.Task[bytes]", member: Member) -> None:
        if not call.cancelled():
            call.exception()  # seen: whoever waited may be gone
        self._release(member)

    def count(self) -> Count:
        return Count(
            in_flight=self._router.in_flight(),
            workers={member.name: member.workers for member in self._members},
            waiting=len(self._waiting),
            retries=self._retries,
            lost=self._lost,
            wanted=self.wanted_workers(),
        )


async def _value(reference: "ray.ObjectRef[bytes]") -> bytes:
    found: bytes = await reference
    return found


def _places(member: Member) -> tuple[Running | None, ...]:
    return member.report.at_work or (None,) * member.workers


def _sum(counts: list[AuditCount]) -> AuditCount:
    return AuditCount(
        audited=sum(count.audited for count in counts),
        disagreements=sum(count.disagreements for count in counts),
        false_greens=sum(count.false_greens for count in counts),
    )
