"""Which request the work at hand is for, where it is one that may come again after the daemon was restarted.

A context variable, since the work may be a method of ours or one of pygls' commands: whatever a request's task runs
finds it, and nothing else does.
"""

from contextvars import ContextVar
from hashlib import sha256

import msgspec

from aid.session.kept import Kept, Key


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """`again`: an earlier daemon was asked it before this one, and may have done all of it but answer."""

    key: Key
    kept: Kept
    again: bool = False

    @property
    def name(self) -> str:
        """The same in every daemon; short, of hexadecimal digits."""
        return sha256(str(self.key).encode()).hexdigest()[:12]


IDENTITY: ContextVar[Identity | None] = ContextVar("identity", default=None)


def again() -> str:
    """The `name` of the request at hand where it was asked before, else ""."""
    identity = IDENTITY.get()
    return identity.name if identity is not None and identity.again else ""


def did(by: str) -> bool:
    """Whether the request at hand is asked again, and `by` is its name: it was the one that did it."""
    return bool(by) and by == again()


def name() -> str:
    """The `name` of the request at hand, "" where it can't come again."""
    identity = IDENTITY.get()
    return identity.name if identity is not None else ""
