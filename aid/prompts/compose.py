"""From a request and its context to the messages a model is sent. Pure.

Order is what a server's prefix cache sees, most stable first: how to answer, the parts of the workspace that a chat's
turns share, the earlier turns, then what is new in this turn, and the person's words last. The shared parts stand in
the system message because many chat templates refuse two user messages in a row.
"""

from collections.abc import Sequence

import msgspec

from aid.config import EditFormat
from aid.edits.edit import Rejected
from aid.models.backend import Message
from aid.prompts.formats import INSTRUCTIONS, SYSTEM


class Section(msgspec.Struct, frozen=True):
    """A titled piece of context; `path` makes it a file's fenced text. `volatile`: expected to differ next turn."""

    title: str
    text: str
    path: str | None = None
    volatile: bool = True


def compose(
    request: str, sections: Sequence[Section], fmt: EditFormat, history: Sequence[Message] = ()
) -> tuple[Message, ...]:
    """The messages of one turn."""
    stable = [_shown(section) for section in sections if not section.volatile]
    fresh = [_shown(section) for section in sections if section.volatile]
    system = Message("system", "\n\n".join((SYSTEM, INSTRUCTIONS[fmt], *stable)))
    return (system, *history, Message("user", "\n\n".join((*fresh, f"# Request\n{request.strip()}"))))


def overhead_text(request: str, fmt: EditFormat, history: Sequence[Message] = ()) -> str:
    """All that a prompt holds beside its context, for counting what is left of the token budget."""
    return "\n".join(message.content for message in compose(request, (), fmt, history))


def ask_again(sent: Sequence[Message], reply: str, rejected: Sequence[tuple[Rejected, str]]) -> tuple[Message, ...]:
    """The turn that sends refusals back: each `Rejected` with its description (reason and nearest lines).

    The edits that were placed are kept, so only the refused ones are asked for again.
    """
    told = "\n\n".join(description for _, description in rejected)
    text = (
        f"{len(rejected)} of your edits could not be used; the others were kept.\n\n{told}\n\n"
        "Send only these edits again, corrected, in the same format."
    )
    return (*sent, Message("assistant", reply), Message("user", text))


def _shown(section: Section) -> str:
    if section.path is None:
        return f"# {section.title}\n{section.text.rstrip()}"
    fence = "```"
    while fence in section.text:
        fence += "`"
    return f"# {section.title}\n{section.path}\n{fence}\n{section.text.rstrip(chr(10))}\n{fence}"
