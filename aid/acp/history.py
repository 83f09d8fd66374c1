"""A stored chat as the updates it once was: what was asked and answered, and what became of its proposals."""

from pathlib import Path

from aid.acp import schema
from aid.acp.link import Link
from aid.errors import UsageError
from aid.protocol import ChatParams, ChatResult, ChatTurn, Proposal, ProposalParams

_STATUS: dict[str, schema.CallStatus] = {"accepted": "completed", "partly": "completed", "undone": "failed"}


async def history(root: Path, chat: str, link: Link) -> tuple[schema.Update, ...]:
    """Raises UsageError when nothing was said in it, or nothing is kept."""
    found: ChatResult = await link.call("aid/chat", ChatParams(workspace=str(root), chat=chat))
    if not found.turns:
        raise UsageError(f"there is no session {chat!r} in {root}: 'session/list' names those that are kept")
    said: list[schema.Update] = []
    for turn in found.turns:
        said.append(schema.UserText(content=schema.Text(text=turn.prompt)))
        if turn.text:
            said.append(schema.AgentText(content=schema.Text(text=turn.text)))
        if turn.proposal is not None:
            said += await _proposed(turn, link, root)
        elif turn.reason:
            said.append(schema.AgentText(content=schema.Text(text=f"\nNothing proposed: {turn.reason}")))
    return tuple(said)


async def _proposed(turn: ChatTurn, link: Link, root: Path) -> tuple[schema.Update, ...]:
    """Its diff as text: the files have moved on since. Nothing where it is no longer kept."""
    try:
        proposal: Proposal = await link.call("aid/proposal", ProposalParams(id=turn.proposal or ""))
    except UsageError:
        return ()
    call = schema.ToolCall(
        tool_call_id=proposal.id,
        title=f"{', '.join(file.path for file in proposal.files)} ({proposal.state})",
        kind="edit",
        status=_STATUS.get(proposal.state, "failed"),
        content=(schema.Content(content=schema.Text(text=f"```diff\n{proposal.diff}```")),),
        locations=tuple(schema.Location(path=str(root / file.path)) for file in proposal.files),
    )
    return call, schema.AgentText(content=schema.Text(text=f"\n{proposal.badge}\n"))
