"""Which workspace folders an editor added and took away since it said `initialize`. Pure."""

from contextlib import suppress
from typing import Any

import msgspec


class _Folder(msgspec.Struct):
    uri: str
    name: str = ""


class _Event(msgspec.Struct):
    added: list[_Folder] = []
    removed: list[_Folder] = []


class _Changed(msgspec.Struct):
    event: _Event


_CHANGED = msgspec.json.Decoder(_Changed)


class Folders:
    def __init__(self) -> None:
        self._added: dict[str, str] = {}
        self._removed: dict[str, str] = {}

    def changed(self, params: msgspec.Raw) -> None:
        with suppress(msgspec.DecodeError, UnicodeError, RecursionError):
            event = _CHANGED.decode(params).event
            for folder in event.removed:
                self._added.pop(folder.uri, None)
                self._removed[folder.uri] = folder.name
            for folder in event.added:
                self._removed.pop(folder.uri, None)
                self._added[folder.uri] = folder.name

    def replay(self) -> dict[str, Any] | None:
        """The params of one `workspace/didChangeWorkspaceFolders` that says it all; None: there is nothing to say."""
        if not self._added and not self._removed:
            return None
        added, removed = (
            [{"uri": uri, "name": name} for uri, name in each.items()] for each in (self._added, self._removed)
        )
        return {"event": {"added": added, "removed": removed}}
