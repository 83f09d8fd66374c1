"""A prompt's way, for an editor: ask the daemon, stream what it says, show each file of its proposal, ask, write.

Each file is a tool call of its own with its diff, for permission is given by tool call.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

from aid import apply
from aid.acp import plan, schema
from aid.acp.content import Asked
from aid.acp.documents import Documents
from aid.acp.plan import Plan
from aid.acp.prose import Piece, Prose
from aid.acp.settings import GREEN, SHOW, Settings
from aid.acp.shown import Shown, made, shown
from aid.acp.undo import Written
from aid.edits.edit import Rejected
from aid.errors import AidError, Refusal
from aid.protocol import AcceptParams, OutcomeResult, PromptParams, PromptResult, Proposal, RejectParams, UpdateParams
from ces.change import FileChange

MOST_ASKED_FOR = 64
ALLOW, REJECT = "allow", "reject"
NOT_ASKED = "not asked"  # nobody can say yes to what can't be shown
_OPTIONS = (
    schema.PermissionOption(option_id=ALLOW, name="Write this file", kind="allow_once"),
    schema.PermissionOption(option_id=REJECT, name="Leave it as it is", kind="reject_once"),
)


class Turn:
    """`chat` is the session's name, by which the daemon remembers what was said. `documents` are the turn's; `written`
    gets what was written."""

    def __init__(self, chat: str, documents: Documents, settings: Settings, written: list[Written]) -> None:
        self._root = documents.root
        self._chat = chat
        self._link = documents.link
        self._editor = documents.editor
        self._documents = documents
        self._settings = settings
        self._written = written
        self._plan = Plan(documents.editor.update, settings.model)
        self._prose = Prose()
        self._unjudged: set[str] = set()  # files with text that the verdict is not about
        self._heard_of: set[str] = set()  # models; context is gathered once for each

    async def run(self, asked: Asked, erring: frozenset[str]) -> schema.StopReason:
        """`erring`: the files that the build complained of, whose unsaved text is asked for beforehand.

        Raises AidError when the daemon can't do it.
        """
        self._plan.reach(plan.CONTEXT)
        if asked.left_out:
            self._think(f"AID can't use {', '.join(asked.left_out)}")
        named = {ref.path for ref in asked.files}
        others = sorted(erring - named)[:MOST_ASKED_FOR]
        await asyncio.gather(*(self._documents.show(path, text=asked.unsaved.get(path)) for path in (*named, *others)))
        result: PromptResult = await self._link.call("aid/prompt", self._params(asked))
        self._stream(self._prose.end())
        if result.proposal is None:
            self._plan.finish()
            self._tell(f"Nothing proposed: {result.reason or 'no answer'}")
            return "end_turn"
        self._plan.reach(plan.PROPOSE)
        return await self._propose(result.proposal)

    def heard(self, params: UpdateParams) -> None:
        """The daemon says how it gets on."""
        if params.kind == "sources" and params.model in self._heard_of:
            self._stream(self._prose.end())
            self._prose = Prose()
            self._tell("\nThe daemon was started anew, and asks again.\n\n")
        self._heard_of.add(params.model)
        match params.kind:
            case "text":
                self._plan.reach(plan.ASK)
                self._stream(self._prose.feed(params.text))
            case "reasoning":
                self._plan.reach(plan.ASK)
                self._editor.update(schema.Thought(content=schema.Text(text=params.text)))
            case "sources" | "candidate" | "status":
                if params.kind != "status":
                    self._plan.reach(plan.ASK if params.kind == "sources" else plan.JUDGE)
                if params.line:
                    self._think(params.line)

    def told(self, line: str) -> None:
        """The bridge says something for the person: that it waits for its daemon."""
        self._think(line)

    def _params(self, asked: Asked) -> PromptParams:
        return PromptParams(
            workspace=str(self._root),
            prompt=asked.words,
            files=asked.files,
            attachments=asked.attachments,
            fix=asked.fix,
            model=self._settings.chosen,
            chat=self._chat,
        )

    async def _propose(self, proposal: Proposal) -> schema.StopReason:
        changes = await self._on_top(made(proposal, self._documents.content))
        files = shown(proposal, self._root, changes)
        for each in files:
            self._call(each)
        self._tell(f"{proposal.badge}\n")
        if self._settings.mode == SHOW:
            self._tell(f"\nNothing is written in this mode: `aid accept {proposal.id}` does.\n")
            self._plan.finish()
            return "end_turn"
        waiting = list(files)
        try:
            await self._decide_all(waiting, proposal)
        except asyncio.CancelledError:
            for left in waiting:
                self._ended(left, "failed", "cancelled")
            raise
        self._plan.finish()
        return "end_turn"

    async def _decide_all(self, waiting: list[Shown], proposal: Proposal) -> None:
        """Do what the person says to each file; they are taken out of `waiting` one by one.

        Raises CancelledError when they cancel the turn.
        """
        while waiting:
            each = waiting[0]
            choice = await self._decide(each, proposal) if each.change is not None else NOT_ASKED
            if choice is None:
                raise asyncio.CancelledError
            del waiting[0]
            if choice == ALLOW:
                await _whole(self._write(each, proposal))
                continue
            self._ended(each, "failed", await self._reject(each, proposal) if choice == REJECT else "")

    async def _reject(self, each: Shown, proposal: Proposal) -> str:
        """What became of the file, in words: somebody else may have decided it meanwhile."""
        try:
            await _whole(self._link.call("aid/reject", RejectParams(id=proposal.id, files=(each.file.path,))))
        except AidError as error:
            return str(error)
        return "left as it is"

    async def _on_top(self, changes: dict[str, FileChange | str]) -> dict[str, FileChange | str]:
        """The changes on what the editor shows by now, which the daemon didn't know of every file."""
        moved: dict[str, FileChange | str] = {}
        for path, change in changes.items():
            moved[path] = change
            if isinstance(change, str) or change.status == "added":
                continue
            at = change.old_path or path
            await self._documents.show(at)
            current = self._documents.content(at)
            if current == change.before:
                continue
            found = apply.rebase(change, current)
            if isinstance(found, Rejected):
                moved[path] = str(Refusal(found.path, found.reason, found.near))
            else:
                self._think(
                    f"{path} has unsaved changes that the build has not seen: the change is shown on top of them"
                )
                self._unjudged.add(path)
                moved[path] = found
        return moved

    async def _decide(self, each: Shown, proposal: Proposal) -> str | None:
        """ALLOW, REJECT or None: cancelled."""
        judged = each.file.path not in self._unjudged
        if self._settings.mode == GREEN and proposal.verdict.status == "green" and not proposal.held and judged:
            return ALLOW
        call = schema.PermissionCall(
            tool_call_id=each.call_id, title=each.title, kind=each.kind, content=each.content, locations=each.locations
        )
        chosen = await self._editor.permission(call, _OPTIONS)
        return chosen if chosen in (ALLOW, None) else REJECT

    async def _write(self, each: Shown, proposal: Proposal) -> None:
        """Through the editor where it can, else on disk; the daemon refuses to write under text not saved."""
        assert each.change is not None
        path, through = each.file.path, self._editor.fs.write_text_file and each.file.status == "modified"
        self._editor.update(schema.ToolCallUpdate(tool_call_id=each.call_id, status="in_progress"))
        try:
            await self._documents.show(each.file.old_path or path, held=through)
            params = AcceptParams(id=proposal.id, files=(path,), through_editor=through)
            done: OutcomeResult = await self._link.call("aid/accept", params)
        except AidError as error:
            self._ended(each, "failed", str(error))
            return
        if done.refused:
            self._ended(each, "failed", "; ".join(str(Refusal(it.path, it.reason, it.near)) for it in done.refused))
            return
        if done.applied is not None:
            paths = (path, each.file.old_path) if each.file.old_path else (path,)
            self._written.append(Written(applied=done.applied, proposal=proposal.id, paths=paths))
        self._ended(each, "completed", "\n".join(done.notes))

    def _call(self, each: Shown) -> None:
        self._editor.update(
            schema.ToolCall(
                tool_call_id=each.call_id,
                title=each.title,
                kind=each.kind,
                status="pending",
                content=each.content,
                locations=each.locations,
            )
        )

    def _ended(self, each: Shown, status: schema.CallStatus, told: str) -> None:
        """`told`, if anything, stands below the diff."""
        content = (*each.content, schema.Content(content=schema.Text(text=told))) if told else None
        self._editor.update(schema.ToolCallUpdate(tool_call_id=each.call_id, status=status, content=content))

    def _stream(self, pieces: list[Piece]) -> None:
        """The answer as it comes; its edits are shown as diffs, so here they count as thoughts."""
        for piece in pieces:
            text = schema.Text(text=piece.text)
            self._editor.update(schema.Thought(content=text) if piece.edit else schema.AgentText(content=text))

    def _think(self, line: str) -> None:
        self._editor.update(schema.Thought(content=schema.Text(text=f"{line}\n")))

    def _tell(self, text: str) -> None:
        self._editor.update(schema.AgentText(content=schema.Text(text=f"\n{text}")))


async def _whole(writing: Coroutine[Any, Any, None]) -> None:
    """Do it to its end, also when it is cancelled meanwhile: half of it done would be worse than a late cancel."""
    task = asyncio.ensure_future(writing)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
