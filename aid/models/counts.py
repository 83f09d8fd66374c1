"""Token counts as a server tells them beside its answer. Pure; a count that can't be meant is as good as none."""

from typing import Annotated, TypeVar

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]  # sums of a few of them fit SQLite's integers

_T = TypeVar("_T")


def told(raw: msgspec.Raw, kind: type[_T]) -> _T | None:
    """The block of counts in `raw`, None where it has none or other than counts: the answer is good without it."""
    try:
        return None if bytes(raw) in (b"", b"null") else msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError:
        return None
