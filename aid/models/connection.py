"""A back end's one HTTP session: connections kept, certificates read once, the environment's proxy and authorities.

Proxies: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY; never for this machine itself, where a model server most often
runs. Authorities: SSL_CERT_FILE, else REQUESTS_CA_BUNDLE, else the system's. `~/.netrc` is not read.
A base_url `unix:/path/to.sock` is a server on that socket.
"""

import asyncio
import os
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from aid.errors import ModelError
from aid.models.address import is_this_machine, proxy_for, server_name

KEEP_ALIVE_S = 75.0
MAX_CONNECTIONS = 256


class Connection:
    """Opened by the first request, in that request's loop; `close` lets everything go."""

    def __init__(self, base_url: str) -> None:
        self.server = server_name(base_url)
        self._base_url = base_url.rstrip("/")
        self._socket = self._base_url.removeprefix("unix:") if self._base_url.startswith("unix:") else None
        parts = urlsplit(self._base_url)
        if self._socket is None and parts.scheme not in ("http", "https"):
            raise ModelError(f"base_url {self.server} is neither http(s)://… nor unix:/path: correct it in aid.toml")
        if "@" in parts.netloc:
            raise ModelError(f"base_url {self.server} carries a password: name a key by api_key_env instead")
        self.is_local = self._socket is not None or is_this_machine(parts.hostname or "")
        self._opening = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None

    def url(self, path: str) -> str:
        return f"http://localhost/v1{path}" if self._socket is not None else self._base_url + path

    def root_url(self, path: str) -> str:
        """`path` beside the API, where llama-server has its own."""
        return self.url("").removesuffix("/v1") + path

    async def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            async with self._opening:
                if self._session is None:
                    self._session = await self._opened()
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def _opened(self) -> aiohttp.ClientSession:
        connector: aiohttp.BaseConnector
        if self._socket is not None:
            connector = aiohttp.UnixConnector(self._socket, limit=MAX_CONNECTIONS, keepalive_timeout=KEEP_ALIVE_S)
            return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        proxy = proxy_for(self._base_url)
        # Reading the system's certificates takes tens of milliseconds of CPU.
        secure = self._base_url.startswith("https:") or (proxy or "").startswith("https:")
        context = await asyncio.to_thread(_certificates) if secure else True
        connector = aiohttp.TCPConnector(ssl=context, limit=MAX_CONNECTIONS, keepalive_timeout=KEEP_ALIVE_S)
        return aiohttp.ClientSession(connector=connector, proxy=proxy, cookie_jar=aiohttp.DummyCookieJar())


def _certificates() -> ssl.SSLContext:
    named = os.environ.get("SSL_CERT_FILE") or os.environ.get("REQUESTS_CA_BUNDLE")
    if not named:
        return ssl.create_default_context()
    try:
        if Path(named).is_dir():
            return ssl.create_default_context(capath=named)
        return ssl.create_default_context(cafile=named)
    except (OSError, ssl.SSLError) as error:
        raise ModelError(f"can't read certificates from {named}: correct SSL_CERT_FILE") from error
