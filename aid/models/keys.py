"""Where a server's key comes from: a variable of the environment, else the keyring. It is never written anywhere."""

import asyncio
import os

from aid.errors import ModelError

KEYRING_USER = "aid"


async def api_key(variable: str | None, service: str | None) -> str | None:
    """The key in the environment variable `variable`, else the keyring's for `service` and user "aid".

    None where neither is configured. Raises ModelError, which says how to set it, where one is and holds nothing.
    """
    key = os.environ.get(variable, "").strip() if variable else ""
    if not key and service:
        key = await asyncio.to_thread(_from_keyring, service)
    if not key and (variable or service):
        raise ModelError(f"there is no key: {advice(variable, service)}")
    if not key.isprintable() or not key.isascii():
        raise ModelError(f"the key holds characters no HTTP header can carry: {advice(variable, service)}")
    return key or None


def advice(variable: str | None, service: str | None) -> str:
    """What to do about a key that is missing or refused."""
    if service:
        stored = f"run 'keyring set {service} {KEYRING_USER}'"
        return f"set {variable} and restart the daemon, or {stored}" if variable else stored
    return f"set {variable} and restart the daemon" if variable else "set api_key_env in aid.toml"


def _from_keyring(service: str) -> str:
    # Imported only here: it looks for back ends on import, and may open D-Bus.
    import keyring
    import keyring.errors

    try:
        return (keyring.get_password(service, KEYRING_USER) or "").strip()
    except keyring.errors.KeyringError as error:
        raise ModelError(
            f"the keyring can't be read ({type(error).__name__}): unlock it, or use api_key_env"
        ) from error
