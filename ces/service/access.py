"""Who may ask: the bearer token, and the cookie of a page that was given it.

A browser sends cookies by itself, so a cookie opens only what changes nothing; and where no token is asked for, a
request must name this machine as its host, or any web page could reach the service through a name of its own that
points here (DNS rebinding).
"""

import hmac
import ipaddress
import os
import secrets
import stat
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from ces.errors import CesError
from ces.service.settings import ServiceSettings

COOKIE = "ces"
OPEN_PATHS = ("/", "/login")
_READING = ("GET", "HEAD")


class Access:
    """`token` None: everyone who can connect may ask."""

    def __init__(self, token: str | None) -> None:
        self._token = None if token is None else token.encode()

    def refusal(self, request: web.Request) -> tuple[int, str] | None:
        """(status, reason), or None when `request` may go on."""
        origin, host = request.headers.get("Origin"), request.headers.get("Host", "")
        if origin is not None and _origin_host(origin) != host:
            return 403, f"requests from pages of {origin} are not answered"
        if self._token is None:
            if request.transport is not None and not _local(request.transport.get_extra_info("sockname"), host):
                return 403, f"host {host!r} is not this machine: ask http://127.0.0.1"
            return None
        if request.path in OPEN_PATHS or self._known(request):
            return None
        return 401, "the bearer token is missing or wrong: send 'Authorization: Bearer TOKEN'"

    def session(self, token: str) -> str | None:
        """The cookie for whoever knows `token`."""
        if self._token is None or not hmac.compare_digest(_bytes(token), self._token):
            return None
        return self._cookie()

    def _known(self, request: web.Request) -> bool:
        if self._token is None:
            return True
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return hmac.compare_digest(_bytes(given.strip()), self._token)
        cookie = request.cookies.get(COOKIE, "")
        return request.method in _READING and hmac.compare_digest(_bytes(cookie), self._cookie().encode())

    def _cookie(self) -> str:
        return hmac.new(self._token or b"", b"the page's session", "sha256").hexdigest()


def access(settings: ServiceSettings) -> Access:
    """Raises CesError where no token may be done without, or where its file can't be used."""
    if not settings.open_to_all:
        return Access(kept_token(settings.token_file or settings.state_dir / "token", make=settings.token_file is None))
    if settings.port is not None and not is_loopback(settings.host):
        raise CesError(f"without a token {settings.host} would let the whole network run builds here: give it a token")
    return Access(None)


def kept_token(file: Path, *, make: bool) -> str:
    """The token in `file`, which only its owner may read; a new one when there is none and `make`."""
    try:
        if make:
            file.parent.mkdir(parents=True, exist_ok=True)
            _put_new(file)
        mode = file.stat().st_mode
        token = file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise CesError(f"token file {file} can't be used: {why}; write a token into it, or let one be made") from error
    if stat.S_IMODE(mode) & 0o077:
        raise CesError(f"token file {file} can be read by others: run 'chmod 600 {file}' and change the token")
    if not token:
        raise CesError(f"token file {file} is empty: remove it, or write a token into it")
    return token


def _put_new(file: Path) -> None:
    draft = file.with_name(f".{file.name}-{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(secrets.token_urlsafe(32) + "\n")
    try:
        os.link(draft, file)  # whole or not at all, and never over another process's
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bytes(given: str) -> bytes:
    return given.encode("utf-8", "surrogateescape")  # what is no UTF-8 arrives so


def _origin_host(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _local(sockname: object, host: str) -> bool:
    """Whether `host`, a Host header, names this machine; on a unix socket it names nothing."""
    if not isinstance(sockname, tuple):
        return True
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False
