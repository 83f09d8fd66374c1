"""One session of an editor: its way to the daemon, what is set, and the turn that is under way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from aid.acp import commands, schema
from aid.acp.content import asked
from aid.acp.documents import ApplyEditParams, Documents
from aid.acp.editor import Editor
from aid.acp.link import Link
from aid.acp.peer import read
from aid.acp.settings import Settings
from aid.errors import Cancelled
from aid.protocol import ModelsParams, ModelsResult, UpdateParams
from aid.server.message import INVALID_REQUEST, METHOD_NOT_FOUND, Call, RpcError

if TYPE_CHECKING:  # with what is imported at its first use, for an editor waits for `initialize`
    from aid.acp.turn import Turn
    from aid.acp.undo import Written

TITLE_CHARS = 80


class _Place(msgspec.Struct):
    uri: str
    diagnostics: list[msgspec.Raw] = []


class _Shown(msgspec.Struct):
    message: str


class Session:
    """`id` is also the chat's name in the daemon. `left_out`: what AID can't use of what it was made with. `written`:
    what it wrote, also before it was loaded anew."""

    def __init__(self, session_id: str, root: Path, editor: Editor, left_out: tuple[str, ...] = ()) -> None:
        self.id = session_id
        self.root = root
        self._editor = editor
        self._link = Link(root, self._serve, self._hear, self._fresh)
        self._documents = Documents(root, self._link, editor)
        self._settings = Settings(())
        self._turn: Turn | None = None
        self._running: asyncio.Task[schema.StopReason] | None = None
        self.written: list[Written] = []
        self._erring: frozenset[str] = frozenset()
        self._left_out = left_out
        self._titled = False

    async def start(self) -> schema.Opened:
        """Reach the daemon. Raises AidError."""
        models: ModelsResult = await self._link.call("aid/models", ModelsParams(workspace=str(self.root)))
        self._settings = Settings(models.models)
        return schema.Opened(config_options=self._settings.options(), modes=self._settings.modes())

    def introduce(self) -> None:
        """What is said once the editor knows of the session."""
        self._editor.update(commands.COMMANDS)

    async def said_before(self) -> tuple[schema.Update, ...]:
        """What was said in it before, to be shown by `replay`. Raises UsageError where that is nothing."""
        from aid.acp.history import history

        return await history(self.root, self.id, self._link)

    def replay(self, said: Sequence[schema.Update]) -> None:
        """Show what was said in it before."""
        self._titled = self._titled or bool(said)
        for update in said:
            self._editor.update(update)

    async def close(self) -> None:
        self.cancel()
        await self._link.close()

    def set(self, option: str, value: str | bool) -> tuple[schema.Option, ...]:
        """Raises UsageError."""
        self._settings.set(option, value)
        if option == "mode":
            self._editor.update(schema.ModeChanged(current_mode_id=self._settings.mode))
        return self._settings.options()

    def cancel(self) -> None:
        if self._running is not None:
            self._running.cancel()

    async def prompt(self, blocks: tuple[schema.Block, ...]) -> schema.StopReason:
        """Do what the person typed. Raises AidError; a cancelled turn is an outcome, not an error."""
        if self._running is not None:
            raise RpcError(INVALID_REQUEST, "this session is at another prompt: cancel it, or wait for its end")
        self._running = running = asyncio.create_task(self._answer(blocks))
        try:
            return await running
        except (Cancelled, asyncio.CancelledError):
            return "cancelled"
        finally:
            self._running = None

    async def _answer(self, blocks: tuple[schema.Block, ...]) -> schema.StopReason:
        from aid.acp.turn import Turn

        typed = commands.command(blocks, self.root)
        if typed is not None and typed[0] != "fix":
            self._editor.update(schema.AgentText(content=schema.Text(text=await self._command(*typed))))
            return "end_turn"
        given = commands.fix(typed[1], self.root) if typed is not None else asked(blocks, self.root)
        given = msgspec.structs.replace(given, left_out=(*self._left_out, *given.left_out))
        self._left_out = ()
        self._entitle(given.words or f"Fix {typed[1] if typed else ''}")
        self._documents = Documents(self.root, self._link, self._editor)
        self._turn = Turn(self.id, self._documents, self._settings, self.written)
        try:
            return await self._turn.run(given, self._erring)
        finally:
            self._turn = None
            await self._documents.close()

    def _entitle(self, words: str) -> None:
        """A session is called by what was asked in it first."""
        if words.strip() and not self._titled:
            self._titled = True
            self._editor.update(schema.Titled(title=words.strip().splitlines()[0][:TITLE_CHARS]))

    async def _command(self, name: str, rest: str) -> str:
        if name == "undo":
            from aid.acp.undo import undo

            self._documents = Documents(self.root, self._link, self._editor)
            try:
                return await undo(self.written, self._documents)
            finally:
                await self._documents.close()
        if name == "model":
            return commands.model(rest, self._settings, self._options_changed)
        return await commands.status(self.root, self._settings, self._link)

    def _options_changed(self) -> None:
        self._editor.update(schema.OptionsChanged(config_options=self._settings.options()))

    # What the daemon says.

    async def _serve(self, call: Call) -> Any:
        if call.method == "workspace/applyEdit":
            return await self._documents.apply(read(call.params, ApplyEditParams))
        raise RpcError(METHOD_NOT_FOUND, f"there is no method {call.method!r}")

    def _hear(self, call: Call) -> None:
        if call.method == "aid/update" and self._turn is not None:
            self._turn.heard(read(call.params, UpdateParams))
        elif call.method == "window/showMessage" and self._turn is not None:
            self._turn.told(read(call.params, _Shown).message)
        elif call.method == "textDocument/publishDiagnostics":
            place: _Place = read(call.params, _Place)
            ref = asked((schema.ResourceLink(uri=place.uri),), self.root).files
            paths = {each.path for each in ref}
            self._erring = self._erring | paths if place.diagnostics else self._erring - paths

    def _fresh(self) -> None:
        self._documents.forget()
