"""A stored chat as the updates it once was: what was asked and answered, and what became of its proposals."""

from pathlib import Path

from aid.acp import schema
from aid.acp.editor import Editor
from aid.acp.link import Link
from aid.errors import UsageError
from aid.protocol import ChatParams, ChatResult, ChatTurn, Proposal, ProposalParams

_STATUS: dict[str, schema.CallStatus] = {"accepted": "completed", "partly": "completed", "undone": "failed"}


async def replay(root: Path, chat: str, link: Link, editor: Editor) -> None:
    """Raises UsageError when nothing was said in it, or nothing is kept."""
    found: ChatResult = await link.call("aid/chat", ChatParams(workspace=str(root), chat=chat))
    if not found.turns:
        raise UsageError(f"there is no session {chat!r} in {root}: 'session/list' names those that are kept")
    for turn in found.turns:
        editor.update(schema.UserText(content=schema.Text(text=turn.prompt)))
        if turn.text:
            editor.update(schema.AgentText(content=schema.Text(text=turn.text)))
        if turn.proposal is not None:
            await _proposed(turn, link, editor, root)
        elif turn.reason:
            editor.update(schema.AgentText(content=schema.Text(text=f"\nNothing proposed: {turn.reason}")))


async def _proposed(turn: ChatTurn, link: Link, editor: Editor, root: Path) -> None:
    """Its diff as text: the files have moved on since."""
    try:
        proposal: Proposal = await link.call("aid/proposal", ProposalParams(id=turn.proposal or ""))
    except UsageError:
        return  # it is no longer kept
    editor.update(
        schema.ToolCall(
            tool_call_id=proposal.id,
            title=f"{', '.join(file.path for file in proposal.files)} ({proposal.state})",
            kind="edit",
            status=_STATUS.get(proposal.state, "failed"),
            content=(schema.Content(content=schema.Text(text=f"```diff\n{proposal.diff}```")),),
            locations=tuple(schema.Location(path=str(root / file.path)) for file in proposal.files),
        )
    )
    editor.update(schema.AgentText(content=schema.Text(text=f"\n{proposal.badge}\n")))
