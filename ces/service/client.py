"""The other end of a service: the same calls as a `Judge`, over HTTP.

Every request goes out with a key, so that it can be sent again after a full queue, a restart or a broken connection
without being judged twice; what was answered before a stream broke is not asked again. Only when `patience_s` is over
is a request given up: then its verdict is `infra_error`, with no reward, as when the judge's own machine fails.
"""

import asyncio
import contextlib
import random
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec

from ces.errors import BadChange, CesError
from ces.request import CheckRequest
from ces.service.serve import running
from ces.verdict import Verdict

PATIENCE_S = 900.0
BATCH = 200
BATCH_BYTES = 8 << 20
AT_ONCE = 4
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 30.0
CONNECT_S = 10.0
LINE_BYTES = 64 << 20
_AGAIN = (408, 429, 500, 502, 503, 504)


class _Line(msgspec.Struct):
    index: int
    verdict: Verdict | None = None
    error: str = ""
    status: int = 200


class _Again(Exception):
    """Worth another try, after `after_s` if the service said so."""

    def __init__(self, reason: str, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.after_s = after_s


class CesClient:
    """Use as an async context manager. `url` is http://HOST:PORT, or unix:PATH for a unix socket.

    `waits` is told why a request has to be sent again and in how many seconds. Raises CesError where the service can't
    mean what it was asked: a wrong token, a key given twice.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        patience_s: float = PATIENCE_S,
        waits: Callable[[str, float], None] = lambda why, pause_s: None,
    ) -> None:
        self._url = url
        self._token = token
        self._patience_s = patience_s
        self._waits = waits
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def check(self, request: CheckRequest) -> Verdict:
        """The verdict on one diff. Raises BadChange for a request that can't be meant."""
        return (await self.evaluate([request]))[0]

    async def evaluate(self, requests: Sequence[CheckRequest]) -> list[Verdict]:
        """The verdicts on many diffs, in their order. Raises BadChange for the first that can't be meant."""
        found: dict[int, Verdict] = {}
        async with contextlib.aclosing(self.stream(requests)) as verdicts:
            async for index, verdict in verdicts:
                if isinstance(verdict, BadChange):
                    raise verdict
                found[index] = verdict
        return [found[index] for index in range(len(requests))]

    async def stream(self, requests: Sequence[CheckRequest]) -> AsyncGenerator[tuple[int, Verdict | BadChange], None]:
        """(index, verdict) as they are reached, each once; a BadChange in place of one that can't be meant.

        Leaving the loop cancels what is left.
        """
        answers: asyncio.Queue[tuple[int, Verdict | BadChange]] = asyncio.Queue()
        places = asyncio.Semaphore(AT_ONCE)

        async def sent(part: dict[int, CheckRequest]) -> None:
            async with places:
                await self._patiently(part, answers)

        tasks = [asyncio.ensure_future(sent(part)) for part in _parts(requests)]
        try:
            for _ in requests:
                yield await _next(answers, tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def health(self) -> dict[str, Any]:
        """How the service is; "draining" is an answer too. Raises CesError when it can't be reached."""
        return await self._get("/v1/health")

    async def bases(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self._get("/v1/bases"))["bases"]
        return found

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            unix = self._url.removeprefix("unix:") if self._url.startswith("unix:") else None
            connector = aiohttp.UnixConnector(unix) if unix is not None else aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(
                "http://ces" if unix is not None else self._url,
                connector=connector,
                headers={} if self._token is None else {"Authorization": f"Bearer {self._token}"},
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
                read_bufsize=1 << 20,
            )
        return self._session

    async def _get(self, path: str) -> dict[str, Any]:
        try:
            async with self._open().get(path, timeout=aiohttp.ClientTimeout(total=CONNECT_S)) as response:
                found: dict[str, Any] = msgspec.json.decode(await response.read())
                if response.status not in (200, 503):
                    raise CesError(f"the service at {self._url} says: {found.get('error', response.status)}")
                return found
        except (aiohttp.ClientError, OSError, msgspec.DecodeError) as error:
            raise CesError(f"the service at {self._url} can't be reached: {error or type(error).__name__}") from error

    async def _patiently(
        self, left: dict[int, CheckRequest], answers: "asyncio.Queue[tuple[int, Verdict | BadChange]]"
    ) -> None:
        """Send `left` until every one of them is answered; take away what is."""
        given_up = time.monotonic() + self._patience_s
        tries = 0
        while left:
            before = len(left)
            try:
                await self._once(left, answers)
                continue
            except _Again as error:
                why, after_s = str(error), error.after_s
            except (aiohttp.ClientError, OSError, msgspec.DecodeError) as error:
                why, after_s = str(error) or type(error).__name__, None
            tries = 0 if len(left) < before else tries + 1  # a try that got somewhere starts the count anew
            if len(left) < before:
                given_up = time.monotonic() + self._patience_s
            pause = min(FIRST_PAUSE_S * 2**tries, LONGEST_PAUSE_S) * random.uniform(0.5, 1.0)
            pause = max(pause, after_s or 0.0)
            if time.monotonic() + pause > given_up:
                reason = f"the service at {self._url} gave no answer: {why}"
                for index in list(left):
                    del left[index]
                    answers.put_nowait((index, Verdict(status="infra_error", stage=None, reason=reason)))
                return
            self._waits(why, pause)
            await asyncio.sleep(pause)

    async def _once(
        self, left: dict[int, CheckRequest], answers: "asyncio.Queue[tuple[int, Verdict | BadChange]]"
    ) -> None:
        """One try. Raises _Again for what another may mend; what was answered until then is no longer in `left`."""
        order = list(left)
        headers = {"Content-Type": "application/json"}
        body = msgspec.json.encode(list(left.values()))
        again = None
        async with self._open().post("/v1/check", data=body, headers=headers) as response:
            if response.status != 200:
                raise _failure(self._url, response.status, await response.read(), response.headers.get("Retry-After"))
            async for text in _lines(response.content):
                line = msgspec.json.decode(text, type=_Line)
                if line.verdict is None and line.status in _AGAIN:
                    again = line.error
                    continue
                if left.pop(order[line.index], None) is not None:
                    answers.put_nowait((order[line.index], line.verdict or BadChange(line.error)))
        if left:
            raise _Again(again or "the stream ended early")


async def _next(
    answers: "asyncio.Queue[tuple[int, Verdict | BadChange]]", tasks: "list[asyncio.Task[None]]"
) -> tuple[int, Verdict | BadChange]:
    """The next answer, or what ended a task instead."""
    if answers.empty():
        coming = asyncio.ensure_future(answers.get())
        try:
            while not coming.done():
                open_tasks = [task for task in tasks if not task.done()]
                await asyncio.wait({coming, *open_tasks}, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                        raise error
            return coming.result()
        finally:
            coming.cancel()
    return answers.get_nowait()


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length: the reader's own have a limit."""
    rest = b""
    async for piece in content.iter_any():
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line


def _parts(requests: Sequence[CheckRequest]) -> list[dict[int, CheckRequest]]:
    """`requests` by their index, with keys, in parts of a size to send at once."""
    parts: list[dict[int, CheckRequest]] = []
    room = 0
    run = uuid.uuid4().hex
    for index, request in enumerate(requests):
        size = len(request.diff) + len(request.onto) + sum(map(len, request.hidden.values()))
        size += len(request.reference or "")
        if not parts or len(parts[-1]) >= BATCH or room < size:
            parts.append({})
            room = BATCH_BYTES
        room -= size
        key = request.key if request.key is not None else f"{run}-{index}"
        parts[-1][index] = msgspec.structs.replace(request, key=key)
    return parts


def _failure(url: str, status: int, body: bytes, retry_after: str | None) -> Exception:
    try:
        told = str(msgspec.json.decode(body)["error"])
    except (msgspec.DecodeError, KeyError, TypeError):
        told = f"HTTP status {status}"
    if status in _AGAIN:
        return _Again(told, float(retry_after) if retry_after is not None and retry_after.isdigit() else None)
    return CesError(f"the service at {url} says: {told}")


def found(
    state_dir: Path, patience_s: float = PATIENCE_S, waits: Callable[[str, float], None] = lambda why, pause_s: None
) -> CesClient | None:
    """A client of the service that runs over `state_dir`, None when none does. Raises CesError for a lost token."""
    address = running(state_dir)
    if address is None:
        return None
    try:
        token = None if address.token_file is None else Path(address.token_file).read_text("ascii").strip()
    except OSError as error:
        raise CesError(f"a service runs (pid {address.pid}), but its token can't be read: {error}") from error
    return CesClient(address.url or f"unix:{address.unix}", token, patience_s, waits)
