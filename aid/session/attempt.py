"""One attempt at an answer: ask a back end, read its edits, place them; send back what could not be placed.

Knows nothing of builds: what comes out here may still be red.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import msgspec

from aid import edits
from aid.apply.planned import planned
from aid.edits.edit import Document, Plan, Rejected
from aid.edits.parse import NO_EDIT
from aid.errors import ModelError
from aid.models.backend import Backend, Chunk, Prompt
from aid.prompts import ask_again
from aid.session.bounds import Bounds, within
from ces.change import FileChange, merge
from ces.errors import BadChange

Read = Callable[[str], Document | None]
Outcome = Literal["placed", "duplicate", "rejected", "no-edit", "no-op", "failed"]

MAX_RETRIES = 2


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one candidate. `tries` counts the replies asked for; tokens and ms are their sums.

    `first_token_at` is `time.monotonic()` seconds. `changes` is not empty exactly when `outcome` is "placed".
    `error` is what a failing model says, `error_kind` its kind: what was not reached then says nothing of it.
    `hopeless`: to ask it again at once is of no use.
    """

    model: str
    outcome: Outcome
    reply: str = ""
    changes: tuple[FileChange, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    diff: str = ""
    well_formed: bool = False
    tries: int = 1
    first_token_at: float | None = None
    model_ms: float = 0.0
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    error: str | None = None
    error_kind: str | None = None
    hopeless: bool = False


class _Reply(msgspec.Struct, kw_only=True):
    text: str = ""
    first_token_at: float | None = None
    ms: float = 0.0
    last: Chunk = Chunk()


async def attempt(
    backend: Backend,
    prompt: Prompt,
    read: Read,
    on_chunk: Callable[[Chunk], None],
    *,
    resampled: bool,
    bounds: Bounds | None = None,
) -> Attempt:
    """Ask until the edits are placed, at most 1 + MAX_RETRIES times; a ModelError becomes outcome "failed".

    `resampled`: the caller asks again itself when the answer does nothing, so that isn't sent back here. `bounds`: what
    alone may change.
    """
    replies: list[_Reply] = []
    plan = Plan(changes=())
    parsed_any = False
    asked = prompt
    try:
        for _ in range(1 + MAX_RETRIES):
            reply = await _ask(backend, asked, on_chunk)
            replies.append(reply)
            found = await _parsed(reply.text, prompt)
            if _is_prose(found):
                break
            parsed_any = parsed_any or any(not isinstance(edit, Rejected) for edit in found)
            plan = within(await asyncio.to_thread(_onto, plan, found, read), bounds)
            refused = _refused(plan, found, resampled=resampled)
            if not refused or backend.capabilities.deterministic or reply.last.finish == "length":
                break  # a rule would say the same again, and a reply cut off for length would be cut off again
            described = [(each, edits.describe(each, _text(each, _over(plan, read)))) for each in refused]
            asked = msgspec.structs.replace(
                asked, messages=ask_again(asked.messages, reply.text, described), grammar=prompt.grammar
            )
    except ModelError as error:
        if not replies:
            return Attempt(
                model=backend.name,
                outcome="failed",
                error=str(error),
                error_kind=error.kind,
                hopeless=error.hopeless,
            )
        return _finished(backend.name, replies, plan, parsed_any, error)
    return _finished(backend.name, replies, plan, parsed_any)


async def _ask(backend: Backend, prompt: Prompt, on_chunk: Callable[[Chunk], None]) -> _Reply:
    reply = _Reply()
    parts: list[str] = []
    started = time.monotonic()
    async for chunk in backend.stream(prompt):
        if reply.first_token_at is None and (chunk.text or chunk.reasoning):
            reply.first_token_at = time.monotonic()
        parts.append(chunk.text)
        on_chunk(chunk)
        reply.last = chunk
    reply.text = "".join(parts)
    reply.ms = (time.monotonic() - started) * 1000
    return reply


async def _parsed(text: str, prompt: Prompt) -> list[edits.Edit | Rejected]:
    """The edits of a reply in the format that was asked for, else in whichever it is in."""
    paths = [source.path for source in prompt.sources]
    found = await asyncio.to_thread(edits.parse, text, prompt.format, paths=paths)
    return edits.parse(text, "auto", paths=paths) if _is_prose(found) else found


def _is_prose(found: Sequence[edits.Edit | Rejected]) -> bool:
    """Whether the reply has no edits at all, rather than ones that can't be used."""
    return all(isinstance(each, Rejected) and each.reason.endswith(NO_EDIT) for each in found)


def _onto(done: Plan, found: list[edits.Edit | Rejected], read: Read) -> Plan:
    """The plan after a further reply: its edits are placed in the files as `done` leaves them."""
    more = planned(found, _over(done, read))
    if not done.changes:
        return more
    merged = merge(done.changes, more.changes)
    return Plan(changes=merged, rejected=more.rejected, unchanged=more.unchanged, diff=edits.unified(merged))


def _over(done: Plan, read: Read) -> Read:
    """`read`, with the changes already placed laid over it."""
    after = {change.path: change for change in done.changes}
    gone = {change.old_path for change in done.changes if change.old_path is not None}

    def reading(path: str) -> Document | None:
        change = after.get(path)
        if change is None:
            return None if path in gone else read(path)
        if change.after is None:
            return None
        before = read(change.old_path or path)
        mode = change.mode if change.mode is not None else before.mode if before else 0o644
        return Document(path=path, content=change.after, mode=mode)

    return reading


def _refused(plan: Plan, found: list[edits.Edit | Rejected], *, resampled: bool) -> tuple[Rejected, ...]:
    if plan.rejected:
        return plan.rejected
    if plan.unchanged and not plan.changes and found and not resampled:
        return tuple(
            Rejected(path=path, reason="the edit changes nothing: its new text is what the file has already")
            for path in plan.unchanged
        )
    return ()


def _text(rejected: Rejected, read: Read) -> str | None:
    try:
        document = read(rejected.path) if rejected.path else None
    except (BadChange, OSError):
        return None
    return None if document is None else document.content.decode("utf-8", "replace")


def _finished(
    model: str, replies: list[_Reply], plan: Plan, parsed_any: bool, error: ModelError | None = None
) -> Attempt:
    outcome: Outcome = "placed"
    if plan.rejected:
        outcome = "rejected"
    elif not plan.changes:
        outcome = "no-op" if plan.unchanged else "no-edit"
    return Attempt(
        model=model,
        outcome=outcome,
        reply="\n\n".join(reply.text for reply in replies),
        changes=plan.changes if outcome == "placed" else (),
        rejected=plan.rejected,
        diff=plan.diff if outcome == "placed" else "",
        well_formed=parsed_any,
        tries=len(replies),
        first_token_at=replies[0].first_token_at,
        model_ms=sum(reply.ms for reply in replies),
        prompt_tokens=total(reply.last.prompt_tokens for reply in replies),
        cached_tokens=total(reply.last.cached_tokens for reply in replies),
        completion_tokens=total(reply.last.completion_tokens for reply in replies),
        error=None if error is None else str(error),
        error_kind=None if error is None else error.kind,
        hopeless=error is not None and error.hopeless,
    )


def total(counts: Iterable[int | None]) -> int | None:
    """The sum of those that are known; None where none is."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
