"""One verdict from a CES service over HTTP, asked for until there is one.

A busy service (429, 503) is waited for as long as it says, a broken connection tried again; the same request never
runs twice, since all its tries carry one idempotency key. Whoever calls bounds the time.
"""

import asyncio
import uuid
from collections.abc import Callable

import aiohttp
import msgspec

from ces.errors import CesError
from ces.request import CheckRequest
from ces.verdict import Verdict

CONNECT_TIMEOUT_S = 10.0
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
_BUSY = (429, 502, 503, 504)


class Service:
    """Made and used on one event loop. `unjudged` makes the verdict on a request that the service calls senseless."""

    def __init__(self, endpoint: str, token: str | None, unjudged: Callable[[str], Verdict]) -> None:
        self._url = f"{endpoint.rstrip('/')}/v1/check"
        self._unjudged = unjudged
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S)
        self._session = aiohttp.ClientSession(headers=headers, timeout=timeout)

    async def check(self, request: CheckRequest) -> Verdict:
        """Raises CesError when the service would refuse any request of ours."""
        body = msgspec.json.encode(request)
        key = request.key or uuid.uuid4().hex
        wait_s = FIRST_WAIT_S
        while True:
            answer = await self._once(body, key)
            if isinstance(answer, Verdict):
                return answer
            await asyncio.sleep(answer or wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    async def close(self) -> None:
        await self._session.close()

    async def _once(self, body: bytes, key: str) -> Verdict | float:
        """The verdict, or in how many seconds to try again (0: whenever)."""
        try:
            async with self._session.post(self._url, data=body, headers={"Idempotency-Key": key}) as answer:
                content = await answer.read()
                if answer.status in _BUSY:
                    return _seconds(answer.headers.get("Retry-After", ""))
        except (aiohttp.ClientError, OSError):
            return 0.0
        if answer.status == 200:
            return msgspec.json.decode(content, type=Verdict)
        said = content.decode(errors="replace").strip()
        if answer.status in (400, 413, 422):
            return self._unjudged(said)
        if answer.status >= 500:
            return 0.0
        raise CesError(f"{self._url} answers {answer.status} ({said}): check the address and the token")


def _seconds(retry_after: str) -> float:
    return float(retry_after) if retry_after.isdigit() else 0.0
