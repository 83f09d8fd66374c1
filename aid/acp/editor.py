"""The editor at the other end, as far as AID asks something of it: what it shows of files, writing them, permission."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from aid.acp import schema
from aid.acp.peer import Peer, PeerError
from aid.errors import AidError


class Editor:
    """For one session. `fs` says what the editor offers, once it has sent `initialize`."""

    def __init__(self, peer: Peer, session_id: str, fs: schema.FileSystem) -> None:
        self.fs = fs
        self._peer = peer
        self._session_id = session_id

    def update(self, update: schema.Update) -> None:
        self._peer.notify("session/update", {"sessionId": self._session_id, "update": update})

    async def text(self, path: Path) -> str | None:
        """What the editor shows of a file, saved or not; None: it shows none, or offers no way to ask."""
        if not self.fs.read_text_file:
            return None
        params = schema.ReadParams(session_id=self._session_id, path=str(path))
        try:
            result: schema.ReadResult = await self._ask("fs/read_text_file", params, schema.ReadResult)
        except PeerError:
            return None  # it isn't there, or is no text: who reads the disk says so
        return result.content

    async def write(self, path: Path, text: str) -> str | None:
        """Why the editor did not write it; None when it did."""
        params = schema.WriteParams(session_id=self._session_id, path=str(path), content=text)
        try:
            await self._ask("fs/write_text_file", params, dict[str, Any] | None)
        except PeerError as error:
            return f"the editor did not write {path}: {error}"
        return None

    async def permission(self, call: schema.PermissionCall, options: tuple[schema.PermissionOption, ...]) -> str | None:
        """The option that the person chose; None: they cancelled the turn."""
        params = schema.PermissionParams(session_id=self._session_id, tool_call=call, options=options)
        try:
            found: schema.Permission = await self._ask("session/request_permission", params, schema.Permission)
        except PeerError as error:
            raise AidError(f"the editor could not ask for permission: {error}") from None
        return found.outcome.option_id if found.outcome.outcome == "selected" else None

    async def _ask(self, method: str, params: schema.Acp, wanted: Any) -> Any:
        try:
            return await self._peer.call(method, params, wanted)
        except ConnectionError as error:
            raise AidError(str(error)) from None


Say = Callable[[schema.Update], None]
