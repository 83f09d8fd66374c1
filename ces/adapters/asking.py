"""Requests to verdicts, from any thread or event loop: by a CES service, or by a judge in this process.

Settings are plain data and pickle. What they stand for (a judge, connections) is made at its first use in each
process and lives on an event loop of its own in a thread of its own, so that it doesn't matter which loop a trainer
calls from, nor whether it has one: TRL has a loop in a thread, verl one in an actor, or a pool of threads.

What can't be judged is a verdict without reward. Only what concerns every request (a refused token, no such service
at that address) raises.
"""

import asyncio
import atexit
import contextlib
import importlib
import logging
import os
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from ces.bases import BaseSettings
from ces.builds.adapter import BuildSettings
from ces.errors import BadChange, CesError
from ces.judge import Judge, JudgeSettings
from ces.request import CheckRequest
from ces.service import client
from ces.service.client import CesClient
from ces.verdict import Verdict

T = TypeVar("T")
TOKEN_ENV = "CES_TOKEN"
_log = logging.getLogger(__name__)


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """Who judges. `endpoint` is a service's address ("http://HOST:PORT", or "unix:PATH"), None: the service that runs
    over `state_dir`, or where none does a judge in this process.

    `token_env` names the environment variable that holds the token of the service at `endpoint`. `patience_s` bounds
    the wait for the next verdict, with its place in the queue and every new try; past it the verdict is `infra_error`.

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

    async def verdicts(self, requests: Sequence[CheckRequest]) -> list[Verdict]: ...

    async def close(self) -> None: ...


class _Here:
    """A judge in this process."""

    def __init__(self, ask: Ask, state_dir: Path) -> None:
        build = ask.build or BuildSettings()
        bases = BaseSettings(state_dir=state_dir, build=lambda workspace: build)
        self._judge = Judge(JudgeSettings(bases=bases, workers=ask.workers))
        self._patience_s = ask.patience_s

    async def verdicts(self, requests: Sequence[CheckRequest]) -> list[Verdict]:
        """Every verdict that is reached gives those that still wait the whole patience anew."""
        tasks = [asyncio.ensure_future(self._verdict(request)) for request in requests]
        left = set(tasks)
        try:
            while left:
                done, left = await asyncio.wait(left, timeout=self._patience_s, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    break
                for task in done:
                    task.result()
        finally:
            for task in left:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return [_overdue(self._patience_s) if task.cancelled() else task.result() for task in tasks]

    async def close(self) -> None:
        await self._judge.close()

    async def _verdict(self, request: CheckRequest) -> Verdict:
        try:
            return await self._judge.check(request)
        except BadChange as error:
            return _senseless(error)


class _There:
    """A service."""

    def __init__(self, client: CesClient, patience_s: float) -> None:
        self._client = client
        self._patience_s = patience_s

    async def verdicts(self, requests: Sequence[CheckRequest]) -> list[Verdict]:
        found: dict[int, Verdict] = {}
        async with contextlib.aclosing(self._client.stream(requests)) as answers:
            with contextlib.suppress(TimeoutError):
                while len(found) < len(requests):
                    async with asyncio.timeout(self._patience_s):
                        index, answer = await anext(answers)
                    found[index] = _senseless(answer) if isinstance(answer, BadChange) else answer
        return [found.get(index) or _overdue(self._patience_s) for index in range(len(requests))]

    async def close(self) -> None:
        await self._client.close()


class _Background:
    """One event loop in one thread, and who is asked on it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._asked: dict[Ask, Asked] = {}
        self._thread = threading.Thread(target=self._run, name="ces-adapters", daemon=True)
        self._thread.start()

    async def verdicts(self, ask: Ask, requests: Sequence[CheckRequest]) -> list[Verdict]:
        if ask not in self._asked:
            self._asked[ask] = _asked(ask)
        found = await self._asked[ask].verdicts(requests)
        for verdict in found:
            if verdict.reward is None:
                _log.warning("a sample is left out: %s", verdict.reason)
        return found

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
    return await asyncio.wrap_future(_submit(lambda background: background.verdicts(ask, requests)))


def verdicts_now(ask: Ask, requests: Sequence[CheckRequest]) -> list[Verdict]:
    """The same, waited for in this thread."""
    return _submit(lambda background: background.verdicts(ask, requests)).result()


def close() -> None:
    """End this process's judges and connections. The next request makes new ones."""
    global _background
    with _lock:
        closing, _background = _background, None
    if closing is not None:
        closing.close()


def _asked(ask: Ask) -> Asked:
    if ask.endpoint is not None:
        return _There(CesClient(ask.endpoint, os.environ.get(ask.token_env), ask.patience_s), ask.patience_s)
    if ask.state_dir is None:
        raise CesError("a judge needs `state_dir`; a service, `endpoint`: give one of them")
    service = client.found(Path(ask.state_dir), ask.patience_s)
    return _Here(ask, Path(ask.state_dir)) if service is None else _There(service, ask.patience_s)


def _overdue(patience_s: float) -> Verdict:
    return Verdict(status="infra_error", stage=None, reason=f"no verdict within {patience_s:g} s")


def _senseless(error: BadChange) -> Verdict:
    """The verdict on a request that can't be meant: no reward."""
    return Verdict(status="unchecked", stage=None, reason=str(error))


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
# `atexit` comes too late: by then no thread may be started, which ending a build takes. What is registered with
# `threading` is called in reverse order, so after the pools' own end was registered by their module.
importlib.import_module("concurrent.futures.thread")
getattr(threading, "_register_atexit", atexit.register)(close)
