"""What an editor may run by `workspace/executeCommand`, and the code actions that lead there.

`aid.fix` and `aid.edit` ask for a change and, unless told not to, make it in the editor when the build is green with
it; any other proposal stays open, for `aid.accept` with its id. All take one object, in `arguments[0]`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from aid.protocol import (
    AcceptParams,
    FileRef,
    OutcomeResult,
    PromptParams,
    PromptResult,
    RejectParams,
    UndoParams,
)
from aid.server.host import Host
from aid.server.lsp_types import CodeAction, CodeActionParams, Command, Diagnostic, Range, ShowMessageParams
from aid.server.message import INVALID_PARAMS, RpcError
from aid.server.positions import path_of
from aid.server.routes import read_params
from aid.session.client import Client

if TYPE_CHECKING:
    from aid.server.lsp import LanguageSession

QUICK_FIX = "quickfix"
TITLE = "AID: fix this error"
_DIAGNOSTIC = msgspec.json.Decoder(Diagnostic)


class EditArguments(msgspec.Struct, frozen=True, kw_only=True):
    """`range`: the part of the document meant. `message`: the error's text, for `aid.fix`. `apply`: when green."""

    uri: str
    range: Range | None = None
    message: str = ""
    prompt: str = ""
    model: str | None = None
    apply: bool = True


class UndoArguments(msgspec.Struct, frozen=True, kw_only=True):
    """`workspace` None: the editor's first folder."""

    workspace: str | None = None
    id: str | None = None


_ARGUMENTS: dict[str, msgspec.json.Decoder[Any]] = {
    "aid.fix": msgspec.json.Decoder(EditArguments),
    "aid.edit": msgspec.json.Decoder(EditArguments),
    "aid.accept": msgspec.json.Decoder(AcceptParams),
    "aid.reject": msgspec.json.Decoder(RejectParams),
    "aid.undo": msgspec.json.Decoder(UndoArguments),
    "aid.redo": msgspec.json.Decoder(UndoArguments),
}
COMMANDS = tuple(_ARGUMENTS)
TITLES = {"aid.fix": "AID: fix", "aid.edit": "AID: edit", "aid.accept": "AID: apply"}


def code_actions(params: CodeActionParams) -> tuple[CodeAction, ...]:
    """One quick fix for each error that the editor reports at the place asked about."""
    only = params.context.only
    if only is not None and not {QUICK_FIX, ""} & set(only):
        return ()
    errors = []
    for raw in params.context.diagnostics:
        found = read_params(_DIAGNOSTIC, raw)
        if found.severity in (None, 1):
            errors.append((found, raw))
    return tuple(
        CodeAction(
            title=TITLE if len(errors) == 1 else f"{TITLE}: {_first_line(found.message)}",
            kind=QUICK_FIX,
            diagnostics=(raw,),
            command=Command(
                title=TITLE,
                command="aid.fix",
                arguments=(EditArguments(uri=params.text_document.uri, range=found.range, message=found.message),),
            ),
        )
        for found, raw in errors
    )


class Commands:
    """One editor's."""

    def __init__(self, session: LanguageSession, host: Host) -> None:
        self._session = session
        self._host = host

    async def run(self, command: str, arguments: tuple[msgspec.Raw, ...], client: Client) -> Any:
        """The command's result. Raises RpcError for a command or arguments that don't exist."""
        if command not in _ARGUMENTS:
            raise RpcError(INVALID_PARAMS, f"there is no command {command!r}")
        given = read_params(_ARGUMENTS[command], arguments[0] if arguments else msgspec.Raw(b"{}"))
        match command:
            case "aid.fix":
                return await self._ask(given, _fix_prompt(given), client)
            case "aid.edit":
                if not given.prompt.strip():
                    raise RpcError(INVALID_PARAMS, "aid.edit needs a `prompt`")
                return await self._ask(given, given.prompt, client)
            case "aid.accept":
                return await self._accept(given, client)
            case "aid.reject":
                return await self._host.reject(given, client)
            case "aid.undo":
                return self._changed(await self._host.undo(self._undo(given), client))
            case _:
                return self._changed(await self._host.redo(self._undo(given), client))

    async def _ask(self, given: EditArguments, prompt: str, client: Client) -> PromptResult:
        path = path_of(given.uri)
        if path is None:
            raise RpcError(INVALID_PARAMS, f"`uri` is no file: {given.uri}")
        params = PromptParams(
            workspace=str(self._session.root_of(path)),
            prompt=prompt,
            files=(_file_ref(path, given.range),),
            model=given.model,
        )
        result = await self._host.prompt(params, client)
        if given.apply:
            return await self._apply_if_green(result, client)
        return result

    async def _apply_if_green(self, result: PromptResult, client: Client) -> PromptResult:
        proposal = result.proposal
        if proposal is None:
            self._show(2, f"AID: nothing to propose: {result.reason or 'the model gave no edit'}")
            return result
        if proposal.verdict.status != "green":
            why = proposal.verdict.reason or f"{len(proposal.verdict.diagnostics)} new problems"
            told = f"AID: the proposal is {proposal.verdict.status} ({why}): not applied; aid.accept {proposal.id}"
            self._show(2, told)
            return result
        outcome = await self._accept(AcceptParams(id=proposal.id), client)
        if outcome.refused:
            self._show(2, f"AID: not applied: {'; '.join(each.reason for each in outcome.refused)}")
            return result
        return msgspec.structs.replace(result, applied=outcome.applied)

    async def _accept(self, params: AcceptParams, client: Client) -> OutcomeResult:
        """Open documents are the editor's to change, whenever it can."""
        through_editor = params.through_editor or self._session.takes_edits
        params = msgspec.structs.replace(params, through_editor=through_editor)
        return self._changed(await self._host.accept(params, client))

    def _undo(self, given: UndoArguments) -> UndoParams:
        return UndoParams(workspace=given.workspace or str(self._session.first_root()), id=given.id)

    def _changed(self, outcome: OutcomeResult) -> OutcomeResult:
        if outcome.files:
            self._session.refresh_diagnostics()
        return outcome

    def _show(self, kind: int, told: str) -> None:
        self._session.connection.notify("window/showMessage", ShowMessageParams(type=kind, message=told))


def _fix_prompt(given: EditArguments) -> str:
    told = given.prompt.strip()
    ask = f"Fix this error: {given.message.strip()}" if given.message.strip() else "Fix the errors here."
    return f"{ask}\n{told}" if told else ask


def _file_ref(path: Path, where: Range | None) -> FileRef:
    """LSP's zero-based, end-exclusive range as one-based, inclusive lines."""
    if where is None:
        return FileRef(path=str(path))
    first = where.start.line + 1
    last = where.end.line + (1 if where.end.character or where.end.line == where.start.line else 0)
    return FileRef(path=str(path), first=first, last=max(first, last))


def _first_line(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line if len(line) <= 80 else line[:79] + "…"
