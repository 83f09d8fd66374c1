"""The nodes of the cluster: a judge is started on each that comes, listened to, and given up when it is silent.

It tells of each member that joins or leaves, and of what they report; it knows nothing of requests. A node whose judge
died and that is still there gets another, after a pause that grows while that goes wrong.
"""

import asyncio
import contextlib
import itertools
import logging
import time
from typing import Any, Protocol

import msgspec
import ray
from ray.exceptions import ActorDiedError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ces import VERSION
from ces.cluster.settings import ClusterSettings
from ces.cluster.worker import Hello, Report, Worker

log = logging.getLogger(__name__)

REPORT_EVERY_S = 1.0
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
CLOSE_S = 10.0
SPARE_CALLS = 16  # besides checks: reports, and what was cancelled and has not ended yet


class Member:
    """A node's judge, from its start to its end. `name` is never used twice; `node` is Ray's id."""

    def __init__(self, name: str, node: str, workers: int, actor: Any, pid: int) -> None:
        self.name = name
        self.node = node
        self.workers = workers
        self.actor = actor
        self.pid = pid
        self.report = Report()
        self.lost = False


class Watcher(Protocol):
    """Who is told."""

    def joined(self, member: Member) -> None: ...

    def reported(self, member: Member) -> None: ...

    def left(self, member: Member, reason: str) -> None: ...

    def looked(self) -> None:
        """The list of nodes was read anew."""


class _Trouble(msgspec.Struct):
    failures: int = 0
    not_before: float = 0.0


class Members:
    def __init__(self, settings: ClusterSettings, watcher: Watcher) -> None:
        self._settings = settings
        self._watcher = watcher
        self._members: dict[str, Member] = {}  # by node
        self._starting: set[str] = set()
        self._trouble: dict[str, _Trouble] = {}
        self._numbers = itertools.count()
        self._tasks: set[asyncio.Task[None]] = set()
        self._run(self._watch())

    def __iter__(self) -> "itertools.chain[Member]":
        return itertools.chain(self._members.values())

    def __len__(self) -> int:
        return len(self._members)

    @property
    def expecting(self) -> bool:
        """Whether there are nodes whose judge may yet come up."""
        return bool(self._starting or self._trouble)

    def drop(self, member: Member, reason: str) -> None:
        """Take `member` for dead, and see to it that it is. A second time does nothing."""
        if member.lost:
            return
        member.lost = True
        self._members.pop(member.node, None)
        self._failed(member.node)
        log.warning("lost the judge %s: %s", member.name, reason)
        self._run(asyncio.to_thread(_kill, member.actor))
        self._watcher.left(member, reason)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(_closed(member) for member in self._members.values()))
        self._members.clear()

    def _run(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch(self) -> None:
        while True:
            try:
                self._look(await asyncio.to_thread(ray.nodes))
            except (RayError, RuntimeError, OSError) as error:
                log.warning("the cluster's nodes can't be listed: %s", error)
            self._watcher.looked()
            await asyncio.sleep(self._settings.look_every_s)

    def _look(self, nodes: list[dict[str, Any]]) -> None:
        found = {node["NodeID"]: int(node["Resources"].get("CPU", 0)) for node in nodes if node["Alive"]}
        able = {node: cpus for node, cpus in found.items() if cpus >= 1}
        for member in list(self._members.values()):
            if member.node not in able:
                self.drop(member, "its node is gone")
        self._trouble = {node: trouble for node, trouble in self._trouble.items() if node in able}
        for node, cpus in able.items():
            paused = node in self._trouble and time.monotonic() < self._trouble[node].not_before
            if node not in self._members and node not in self._starting and not paused:
                self._starting.add(node)
                self._run(self._start(node, min(self._settings.workers or cpus, cpus)))

    async def _start(self, node: str, workers: int) -> None:
        name = f"{node[:8]}-{next(self._numbers)}"
        try:
            actor = await asyncio.to_thread(_made, self._settings, node, workers)
            hello = await self._greeted(actor)
        except (RayError, TimeoutError, RuntimeError) as error:
            self._failed(node)
            log.warning("no judge on node %s: %s", node[:8], dead(error))
            return
        finally:
            self._starting.discard(node)
        member = self._members[node] = Member(name, node, workers, actor, hello.pid)
        log.info("judge %s: pid %d, %d workers, in %s", name, hello.pid, workers, hello.folder)
        self._watcher.joined(member)
        await self._listen(member)

    async def _greeted(self, actor: Any) -> Hello:
        """What it says of itself; one that won't do is killed."""
        try:
            async with asyncio.timeout(self._settings.start_s):
                hello = msgspec.msgpack.decode(await actor.hello.remote(), type=Hello)
            if hello.version != VERSION:
                raise RuntimeError(f"it has aid {hello.version}, this is {VERSION}: install the same on every node")
        except BaseException:
            _kill(actor)
            raise
        return hello

    async def _listen(self, member: Member) -> None:
        heard = time.monotonic()
        while not member.lost:
            try:
                async with asyncio.timeout(self._settings.hung_s):
                    said = await member.actor.report.remote()
                member.report = msgspec.msgpack.decode(said, type=Report)
                heard = time.monotonic()
                self._trouble.pop(member.node, None)
                if not member.lost:
                    self._watcher.reported(member)
            except ActorDiedError as error:
                self.drop(member, dead(error))
            except (RayError, TimeoutError) as error:
                if time.monotonic() - heard >= self._settings.hung_s:
                    self.drop(member, f"silent for {self._settings.hung_s:.0f} s: {type(error).__name__}")
            await asyncio.sleep(REPORT_EVERY_S)

    def _failed(self, node: str) -> None:
        trouble = self._trouble.setdefault(node, _Trouble())
        pause_s = min(FIRST_PAUSE_S * 2**trouble.failures, LONGEST_PAUSE_S)
        trouble.failures += 1
        trouble.not_before = time.monotonic() + pause_s


def dead(error: Exception) -> str:
    """The last line of what Ray says, which names the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def _made(settings: ClusterSettings, node: str, workers: int) -> Any:
    actor = ray.remote(Worker).options(
        num_cpus=workers,
        max_restarts=0,
        max_task_retries=0,
        max_concurrency=workers * settings.depth + SPARE_CALLS,
        scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
    )
    return actor.remote(msgspec.structs.replace(settings.judge, workers=workers))


def _kill(actor: Any) -> None:
    with contextlib.suppress(RayError, RuntimeError, ValueError):
        ray.kill(actor)


async def _closed(member: Member) -> None:
    with contextlib.suppress(RayError, TimeoutError):
        async with asyncio.timeout(CLOSE_S):
            await member.actor.close.remote()
    await asyncio.to_thread(_kill, member.actor)
