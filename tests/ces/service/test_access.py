"""Who may ask, and what a stranger on the line can do."""

import asyncio
import os
import stat
from pathlib import Path

import aiohttp
import pytest

from ces.errors import CesError
from ces.service.access import kept_token
from ces.service.serve import Service, running

from .conftest import Caller, MakeCaller, MakeService, token_of

GUARDED = ("/v1/bases", "/v1/health", "/v1/events", "/metrics", "/nothing")


async def status(http: aiohttp.ClientSession, method: str, path: str, **fields: object) -> int:
    async with http.request(method, path, **fields) as response:  # type: ignore[arg-type]
        return response.status


async def test_without_the_token_nothing_is_told(service: MakeService, caller: MakeCaller) -> None:
    served = await service()
    ask = caller(served)
    assert ask.token is not None and len(ask.token) >= 32
    async with aiohttp.ClientSession(ask.address.url) as stranger:
        for wrong in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer \xff"}, {"Cookie": "ces=\xff"}):
            for path in GUARDED:
                assert await status(stranger, "GET", path, headers=wrong) == 401, (wrong, path)
            assert await status(stranger, "POST", "/v1/check", json=ask.request("bad"), headers=wrong) == 401
        assert await status(stranger, "GET", "/") == 200
    assert await status(ask.http, "GET", "/nothing") == 404
    assert await status(ask.http, "DELETE", "/v1/check") == 405


async def test_the_pages_cookie_only_reads(service: MakeService, caller: MakeCaller) -> None:
    ask = caller(await service())
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(ask.address.url, cookie_jar=jar) as page:
        assert await status(page, "POST", "/login", json={"token": "no"}) == 401
        async with page.post("/login", json={"token": ask.token}) as response:
            cookie = response.headers["Set-Cookie"]
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and ask.token not in cookie
        assert await status(page, "GET", "/v1/health") == 200
        assert await status(page, "POST", "/v1/check", json=ask.request("bad")) == 401
        assert await status(page, "GET", "/v1/health", headers={"Origin": "http://evil.example"}) == 403


async def test_the_page_allows_only_its_own_script(service: MakeService, caller: MakeCaller) -> None:
    ask = caller(await service())
    async with ask.http.get("/") as one, ask.http.get("/") as other:
        policy, text = one.headers["Content-Security-Policy"], await one.text()
        assert policy != other.headers["Content-Security-Policy"]
    nonce = policy.split("'nonce-")[1].split("'")[0]
    assert text.count(f'nonce="{nonce}"') == text.count("<script") + text.count("<style") == 2
    assert "default-src 'none'" in policy and "unsafe" not in policy and "://" not in policy


async def test_without_a_token_only_this_machine_is_answered(service: MakeService, caller: MakeCaller) -> None:
    ask = caller(await service(open_to_all=True))
    assert ask.token is None
    assert (await ask.check(ask.request("bad")))[0] == 200
    assert await status(ask.http, "GET", "/v1/health", headers={"Host": "rebound.example"}) == 403
    assert await status(ask.http, "POST", "/v1/check", headers={"Origin": "http://evil.example"}) == 403
    assert await status(ask.http, "GET", "/v1/health", headers={"Origin": "http://[evil"}) == 403
    assert await status(ask.http, "GET", "/v1/health", headers={"Host": "[evil"}) in (400, 403)
    with pytest.raises(CesError, match="would let the whole network"):
        await service(open_to_all=True, host="0.0.0.0")


async def test_a_unix_socket_is_its_owners(service: MakeService, caller: MakeCaller, state_dir: Path) -> None:
    path = state_dir / "s"
    served = await service(port=None, unix=path, open_to_all=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    ask = caller(served)
    assert (await ask.check(ask.request("bad")))[1]["status"] == "red"
    await served.stop()
    assert not path.exists()
    path.write_text("not a socket")
    with pytest.raises(CesError, match="is no socket"):
        await service(port=None, unix=path)


async def test_one_service_a_state_directory(service: MakeService, state_dir: Path) -> None:
    assert running(state_dir) is None
    served = await service()
    found = running(state_dir)
    assert found == served.address and found.pid == os.getpid()
    assert stat.S_IMODE((state_dir / "service.json").stat().st_mode) == 0o600
    with pytest.raises(CesError, match=f"a service runs already .*pid {os.getpid()}"):
        await service()
    await served.stop()
    assert running(state_dir) is None and not (state_dir / "service.json").exists()
    (state_dir / "token").chmod(0o644)
    with pytest.raises(CesError, match="can be read by others"):
        await service()


def test_a_token_is_made_once(tmp_path: Path) -> None:
    first = kept_token(tmp_path / "token", make=True)
    assert kept_token(tmp_path / "token", make=True) == first
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["token"]
    with pytest.raises(CesError, match="can't be used"):
        kept_token(tmp_path / "none", make=False)
    (tmp_path / "token").write_text("\n")
    with pytest.raises(CesError, match="is empty"):
        kept_token(tmp_path / "token", make=False)


async def raw(served: Service, text: bytes) -> bytes:
    """What is answered to `text` until the service closes the connection."""
    assert served.address is not None and served.address.url is not None
    host, port = served.address.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(text)
    said = await reader.read()
    writer.close()
    await writer.wait_closed()
    return said


async def works(ask: Caller) -> bool:
    return bool((await ask.check(ask.request("bad")))[1]["status"] == "red")


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: x\r\n" % n for n in range(1000)) + b"\r\n",
        b"POST /v1/check HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST /v1/check HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
async def test_garbage_is_a_bad_request(service: MakeService, caller: MakeCaller, garbage: bytes) -> None:
    served = await service()
    assert (await raw(served, garbage)).split()[1] == b"400"
    assert await works(caller(served))


async def test_a_body_too_large_or_too_slow_is_refused(service: MakeService, caller: MakeCaller) -> None:
    served = await service(body_bytes=10_000, read_timeout_s=0.5)
    ask = caller(served)
    assert (await ask.check(ask.request("x" * 20_000)))[0] == 413
    head = f"POST /v1/check HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token_of(ask.address)}\r\n"
    said = await raw(served, f"{head}Connection: close\r\nContent-Length: 500\r\n\r\n{{".encode())
    assert said.split()[1] == b"408"


async def test_who_never_finishes_asking_is_cut_off_and_holds_nobody(service: MakeService, caller: MakeCaller) -> None:
    served = await service(idle_timeout_s=1.0)
    slow = [asyncio.ensure_future(raw(served, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX")) for _ in range(200)]
    assert await works(caller(served))
    assert set(await asyncio.gather(*slow)) == {b""}
