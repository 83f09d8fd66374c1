"""Requests to verdicts, from any thread or event loop: by a CES service, or by a judge in this process.

Settings are plain data and pickle. What they stand for (a judge, connections) is made at its first use in each
process and lives on an event loop of its own in a thread of its own, so that it doesn't matter which loop a trainer
calls from, nor whether it has one: TRL has a loop in a thread, verl one in an actor, or a pool of threads.

What can't be judged is a verdict without reward. Only what concerns every request (a refused token, no such service
at that address) raises.
"""

import asyncio
import atexit
import logging
import os
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from ces.adapters.service import Service
from ces.bases import BaseSettings
from ces.builds.adapter import BuildSettings
from ces.errors import BadChange, CesError
from ces.judge import Judge, JudgeSettings
from ces.request import CheckRequest
from ces.verdict import Verdict

T = TypeVar("T")
TOKEN_ENV = "CES_TOKEN"
_log = logging.getLogger(__name__)


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """Who judges. `endpoint` is a service's address ("http://127.0.0.1:8421"), None: a judge in this process.

    `token_env` names the environment variable that holds the service's bearer token. `patience_s` bounds all that one
    request may take, with its wait in the queue and every new try; past it the verdict is `infra_error`.

    The rest is for a judge in this process: where it keeps its bases, how many builds run at once, the build (None:
    recognised from the workspace's files). It suits a trainer of one process; several on one machine should share a
    service, since a base is open in one process at a time.
    """

    endpoint: str | None = None
    token_env: str = TOKEN_ENV
    patience_s: float = 1800.0
    state_dir: str | None = None
    workers: int = 2
    build: BuildSettings | None = None


class Asked(Protocol):
    """Raises CesError for what concerns every request."""

    async def check(self, request: CheckRequest) -> Verdict: ...

    async def close(self) -> None: ...


class _Here:
    """A judge in this process."""

    def __init__(self, ask: Ask) -> None:
        if ask.state_dir is None:
            raise CesError("a judge in this process needs `state_dir`; for a service, give `endpoint`")
        build = ask.build or BuildSettings()
        bases = BaseSettings(state_dir=Path(ask.state_dir), build=lambda workspace: build)
        self._judge = Judge(JudgeSettings(bases=bases, workers=ask.workers))

    async def check(self, request: CheckRequest) -> Verdict:
        try:
            return await self._judge.check(request)
        except BadChange as error:
            return unjudged(str(error))

    async def close(self) -> None:
        await self._judge.close()


class _Background:
    """One event loop in one thread, and who is asked on it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._asked: dict[Ask, Asked] = {}
        self._thread = threading.Thread(target=self._run, name="ces-adapters", daemon=True)
        self._thread.start()

    async def check(self, ask: Ask, requests: Sequence[CheckRequest]) -> list[Verdict]:
        if ask not in self._asked:
            self._asked[ask] = _Here(ask) if ask.endpoint is None else _service(ask)
        asked = self._asked[ask]
        try:
            async with asyncio.TaskGroup() as group:
                running = [group.create_task(_patiently(asked, request, ask.patience_s)) for request in requests]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return [task.result() for task in running]

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    async def _close(self) -> None:
        for asked in self._asked.values():
            await asked.close()
        self._asked.clear()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()


_lock = threading.Lock()
_background: _Background | None = None


async def verdicts(ask: Ask, requests: Sequence[CheckRequest]) -> list[Verdict]:
    """The verdicts, in the requests' order. Cancelled, it cancels the work. Raises CesError."""
    return await asyncio.wrap_future(_submit(lambda background: background.check(ask, requests)))


def verdicts_now(ask: Ask, requests: Sequence[CheckRequest]) -> list[Verdict]:
    """The same, waited for in this thread."""
    return _submit(lambda background: background.check(ask, requests)).result()


def unjudged(reason: str) -> Verdict:
    """The verdict on a request that can't be meant: no reward, and a line in the log."""
    _log.warning("a sample is left out: %s", reason)
    return Verdict(status="unchecked", stage=None, reason=reason)


def close() -> None:
    """End this process's judges and connections. The next request makes new ones."""
    global _background
    with _lock:
        closing, _background = _background, None
    if closing is not None:
        closing.close()


async def _patiently(asked: Asked, request: CheckRequest, patience_s: float) -> Verdict:
    try:
        async with asyncio.timeout(patience_s):
            verdict = await asked.check(request)
    except TimeoutError:
        verdict = Verdict(status="infra_error", stage=None, reason=f"no verdict within {patience_s:g} s")
    if verdict.status == "infra_error":
        _log.warning("a sample is left out: %s", verdict.reason)
    return verdict


def _service(ask: Ask) -> Service:
    return Service(ask.endpoint or "", os.environ.get(ask.token_env), unjudged)


def _submit(work: Callable[[_Background], Coroutine[Any, Any, T]]) -> Future[T]:
    global _background  # noqa: PLW0603
    with _lock:
        if _background is None:
            _background = _Background()
        return asyncio.run_coroutine_threadsafe(work(_background), _background.loop)


def _forget() -> None:
    """In a forked child: the thread didn't come along, and the lock may be held by one that didn't either."""
    global _background, _lock
    _background, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
atexit.register(close)
