"""What is said of a turn that has ended: who answered what, what of it is to read, why nothing is proposed. Pure."""

import msgspec

from aid import edits
from aid.errors import Refusal
from aid.session.chat_text import NO_EDITS
from aid.session.turn import Ended, Setting


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """`reason`: why there is no proposal, in one line; None when there is one."""

    model: str
    text: str
    prose: str
    reason: str | None


def answer(ended: Ended, setting: Setting) -> Answer:
    """Takes a while where the text is long."""
    judged = ended.shown or (ended.judged[-1] if ended.judged else None)
    text = judged.attempt.reply if judged else ""
    return Answer(
        model=ended.shown.attempt.model if ended.shown else setting.backend.name,
        text=text,
        prose=edits.prose(text, ended.format),
        reason=_reason(ended, setting),
    )


def _reason(ended: Ended, setting: Setting) -> str | None:
    """Why there is no proposal, in one line; None when there is one."""
    if ended.stored is not None:
        return None
    if not ended.judged and setting.backend.capabilities.deterministic:
        return "the hints know no repair for what the build says: ask a model with --model"
    if not ended.judged:
        return "no answer came within the time budget"
    last = ended.judged[-1].attempt
    if last.outcome == "failed":
        return last.error or "the model failed"
    if last.outcome == "rejected":
        return "; ".join(dict.fromkeys(str(Refusal(each.path, each.reason, each.near)) for each in last.rejected))
    return "the answer's edits change nothing" if last.outcome == "no-op" else NO_EDITS
