"""What a bridge (`aid connect`) and the daemon say to each other beside what the editor says. No plugin sees it.

A bridge names its session first, so that what an editor asked is known by (session, id) to whichever daemon is there.
A daemon that knows the session's answer to a request sends that in place of doing it again; it keeps an answer until
the bridge says that the editor has it.
"""

import msgspec

VERSION = 1  # of aid.protocol; here because the bridge, which every editor keeps running, can't afford to import that

SPOKEN = frozenset({1})  # the versions of bridges that this daemon serves

ATTACH = "aid/attach"
DELIVERED = "aid/delivered"
ENDING = "aid/ending"
EDITED = "$/aid/edited"  # by the id of a `workspace/applyEdit` that an earlier daemon may have sent: its answer


class AttachParams(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The first message of a bridge, a request. `again`: ids of requests that it sent to an earlier daemon."""

    session: str
    protocol: int
    again: tuple[int | str, ...] = ()


class AttachResult(msgspec.Struct, frozen=True, kw_only=True):
    protocol: int
    version: str
    pid: int


class DeliveredParams(msgspec.Struct, frozen=True, kw_only=True):
    """A notification of the bridge: the editor has the answers to these."""

    ids: tuple[int | str, ...]


class EndingParams(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A notification of the daemon, its last word. `restart`: another one takes over; else somebody wanted it gone.

    `dropped`: ids of what it was at and leaves unanswered all the same. Anything else unanswered, it never began.
    """

    restart: bool
    dropped: tuple[int | str, ...] = ()
