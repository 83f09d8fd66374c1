"""What an editor may run by `workspace/executeCommand`, and the code actions that lead there.

`aid.fix` and `aid.edit` ask for a change and, unless told not to, make it in the editor when the build is green with
it; any other proposal stays open, for `aid.accept` with its id, which code actions in its files offer. All take one
object, in `arguments[0]`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from lsprotocol import types

from aid.protocol import (
    AcceptParams,
    Attachment,
    FileRef,
    OutcomeResult,
    PromptParams,
    PromptResult,
    Proposal,
    ProposalsParams,
    RejectParams,
    UndoParams,
)
from aid.server.host import Host
from aid.server.message import INVALID_PARAMS, RpcError
from aid.server.positions import path_of
from aid.session.client import Client

if TYPE_CHECKING:
    from aid.server.lsp import Editor

TITLE = "AID: fix this error"
MOST_OFFERED = 3
TITLES = {"aid.fix": "AID: fix", "aid.edit": "AID: edit", "aid.accept": "AID: apply"}


class EditArguments(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`range`: the part of the document meant; `aid.edit` changes nothing else, `aid.fix` mends what is wrong there.

    `message`: the error's text, for `aid.fix`. `apply`: when green.
    """

    uri: str
    range: types.Range | None = None
    message: str = ""
    prompt: str = ""
    model: str | None = None
    apply: bool = True


class UndoArguments(msgspec.Struct, frozen=True, kw_only=True):
    """`workspace` None: the editor's first folder."""

    workspace: str | None = None
    id: str | None = None


def register(editor: Editor, host: Host) -> None:
    """Offer the commands and code actions; pygls tells the editor of them."""
    commands = Commands(editor, host)
    kinds = [types.CodeActionKind.QuickFix, types.CodeActionKind.Refactor]

    @editor.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=kinds))
    async def actions(params: types.CodeActionParams) -> list[types.CodeAction]:
        return [*code_actions(params), *await commands.offers(params)]

    @editor.command("aid.fix")
    async def fix(given: EditArguments, client: Client) -> PromptResult:
        error = (Attachment(title="the error", text=given.message),) if given.message.strip() else ()
        return await commands.ask(given, client, attachments=error, fix=commands.place(given))

    @editor.command("aid.edit")
    async def edit(given: EditArguments, client: Client) -> PromptResult:
        if not given.prompt.strip():
            raise RpcError(INVALID_PARAMS, "aid.edit needs a `prompt`")
        place = commands.place(given)
        return await commands.ask(given, client, files=(place,), edit=place if given.range is not None else None)

    @editor.command("aid.accept")
    async def accept(given: AcceptParams, client: Client) -> OutcomeResult:
        return await commands.accept(given, client)

    @editor.command("aid.reject")
    async def reject(given: RejectParams, client: Client) -> OutcomeResult:
        return await host.reject(given, client)

    @editor.command("aid.undo")
    async def undo(given: UndoArguments, client: Client) -> OutcomeResult:
        return await host.undo(commands.undo_params(given), client)

    @editor.command("aid.redo")
    async def redo(given: UndoArguments, client: Client) -> OutcomeResult:
        return await host.redo(commands.undo_params(given), client)


def code_actions(params: types.CodeActionParams) -> list[types.CodeAction]:
    """One quick fix for each error that the editor reports at the place asked about."""
    uri = params.text_document.uri
    if not _wanted(params, types.CodeActionKind.QuickFix):
        return []
    errors = [each for each in params.context.diagnostics if each.severity in (None, types.DiagnosticSeverity.Error)]
    return [
        types.CodeAction(
            title=TITLE if len(errors) == 1 else f"{TITLE}: {_first_line(found.message)}",
            kind=types.CodeActionKind.QuickFix,
            diagnostics=[found],
            command=types.Command(
                TITLE, "aid.fix", arguments=[EditArguments(uri=uri, range=found.range, message=found.message)]
            ),
        )
        for found in errors
    ]


class Commands:
    """One editor's."""

    def __init__(self, editor: Editor, host: Host) -> None:
        self._editor = editor
        self._host = host

    def place(self, given: EditArguments) -> FileRef:
        path = path_of(given.uri)
        if path is None:
            raise RpcError(INVALID_PARAMS, f"`uri` is no file: {given.uri}")
        return _file_ref(path, given.range)

    async def ask(self, given: EditArguments, client: Client, **asked: Any) -> PromptResult:
        """`asked`: further fields of the PromptParams."""
        root = self._editor.root_of(Path(self.place(given).path))
        params = PromptParams(workspace=str(root), prompt=given.prompt, model=given.model, **asked)
        result = await self._host.prompt(params, client)
        if given.apply:
            return await self._apply_if_green(result, client)
        return result

    async def _apply_if_green(self, result: PromptResult, client: Client) -> PromptResult:
        proposal = result.proposal
        if proposal is None:
            self._show(f"AID: nothing to propose: {result.reason or 'the model gave no edit'}")
            return result
        if proposal.verdict.status != "green" or proposal.held:
            self._show(f"AID: not applied, it is {proposal.badge}: a code action in its files offers it")
            return result
        outcome = await self.accept(AcceptParams(id=proposal.id), client)
        if outcome.refused:
            self._show(f"AID: not applied: {'; '.join(each.reason for each in outcome.refused)}")
            return result
        return msgspec.structs.replace(result, applied=outcome.applied)

    async def offers(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        """To take or drop the proposals for the document that wait, the newest first."""
        path = path_of(params.text_document.uri)
        if path is None or not _wanted(params, types.CodeActionKind.Refactor):
            return []
        root = self._editor.root_of(path)
        found = (await self._host.proposals(ProposalsParams(workspace=str(root)), self._editor.connection)).proposals
        changing = [each for each in found if path in (root / file.path for file in each.files)]
        return [action for each in changing[:MOST_OFFERED] for action in _offer(each)]

    async def accept(self, params: AcceptParams, client: Client) -> OutcomeResult:
        """Open documents are the editor's to change, whenever it can."""
        through_editor = params.through_editor or self._editor.takes_edits
        params = msgspec.structs.replace(params, through_editor=through_editor)
        return await self._host.accept(params, client)

    def undo_params(self, given: UndoArguments) -> UndoParams:
        return UndoParams(workspace=given.workspace or str(self._editor.first_root()), id=given.id)

    def _show(self, told: str) -> None:
        self._editor.window_show_message(types.ShowMessageParams(types.MessageType.Warning, told))


def _wanted(params: types.CodeActionParams, kind: types.CodeActionKind) -> bool:
    """LSP 3.17: a client that names kinds wants those and what lies below them."""
    only = params.context.only
    return only is None or bool({kind, types.CodeActionKind.Empty} & set(only))


def _offer(proposal: Proposal) -> list[types.CodeAction]:
    what = f"{_first_line(proposal.summary) or 'a proposal'} ({_first_line(proposal.badge)})"
    chosen = (
        ("apply", "aid.accept", AcceptParams(id=proposal.id)),
        ("drop", "aid.reject", RejectParams(id=proposal.id)),
    )
    return [
        types.CodeAction(
            title=f"AID: {verb} {what}",
            kind=types.CodeActionKind.Refactor,
            command=types.Command(f"AID: {verb}", command, arguments=[msgspec.to_builtins(given)]),
        )
        for verb, command, given in chosen
    ]


def _file_ref(path: Path, where: types.Range | None) -> FileRef:
    """LSP's zero-based, end-exclusive range as one-based, inclusive lines."""
    if where is None:
        return FileRef(path=str(path))
    first = where.start.line + 1
    last = where.end.line + (1 if where.end.character or where.end.line == where.start.line else 0)
    return FileRef(path=str(path), first=first, last=max(first, last))


def _first_line(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line if len(line) <= 80 else line[:79] + "…"
