"""What an address says by itself: a server's name to show, whether it is this machine, which proxy leads to it."""

import ipaddress
import urllib.request
from urllib.parse import urlsplit


def server_name(url: str) -> str:
    """`url` without user, password, query and fragment: what messages may show."""
    try:
        parts = urlsplit(url)
        host = f"{parts.hostname or ''}:{parts.port}" if parts.port else parts.hostname or ""
    except ValueError:
        return "the model server"
    return f"{parts.scheme}://{host}{parts.path}" if host else parts.path or "the model server"


def is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def proxy_for(url: str) -> str | None:
    """The environment's proxy for `url` (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY; either case).

    None for what NO_PROXY names and for this machine, where a proxy could only send the request astray.
    """
    parts = urlsplit(url)
    if is_this_machine(parts.hostname or ""):
        return None
    proxies = urllib.request.getproxies()
    if urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return proxies.get(parts.scheme) or proxies.get("all")
