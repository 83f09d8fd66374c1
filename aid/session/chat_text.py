"""A chat as Markdown, for editors whose chat is a text: what they are to show, and what the person wrote, with what is
attached to it. Pure.

In a proposal, words in brackets say what may be done with what stands before them, or what was done: an editor may make
buttons of them, and finds by them which part of a proposal a place in the text is.
"""

import re
from collections.abc import Iterable, Mapping

import msgspec

from aid.protocol import Attachment, ChatTurn, FileRef, PromptParams, Proposal, ProposedFile

NO_EDITS = "the answer has no edits"
_ATTACHED = re.compile(r"^attached: (.+)\n(?:(`{3,}).*\n((?:.*\n)*?)\2\n)?", re.M)
_FENCE = re.compile(r"^.? {0,3}(`{3,})", re.M)
_PLACE = re.compile(r"(.+?):(\d+)(?:-(\d+))?$")


def read(params: PromptParams) -> PromptParams:
    """`params` with what is attached in the prompt's text taken out of it."""
    files, texts = list(params.files), list(params.attachments)

    def taken(found: re.Match[str]) -> str:
        title, fence, text = found.groups()
        if fence:
            texts.append(Attachment(title=title, text=text))
        else:
            files.append(_file(title))
        return ""

    prompt = _ATTACHED.sub(taken, params.prompt + "\n").strip()
    return msgspec.structs.replace(params, prompt=prompt, files=tuple(files), attachments=tuple(texts))


def chat(turns: Iterable[ChatTurn], proposals: Mapping[str, Proposal]) -> str:
    """`proposals` are those that are still kept, by id."""
    return "\n\n".join(_turn(each, proposals.get(each.proposal or "")) for each in turns)


def answer(prose: str, reason: str | None, proposal: Proposal | None) -> str:
    """`reason` why there is no proposal; an answer in words alone needs none."""
    aside = "" if reason is None or (prose and reason == NO_EDITS) else f"_{reason}_"
    return "\n\n".join(part for part in (prose.strip(), aside, shown(proposal) if proposal else "") if part)


def shown(proposal: Proposal) -> str:
    """A proposal's verdict, then each file's diff in a fence."""
    head = f"**Proposal {proposal.id}** {proposal.badge}\n\n{_label('all', proposal.state)} [reject] [diff] [undo]"
    return "\n\n".join((head, *(_shown(each) for each in proposal.files)))


def _turn(turn: ChatTurn, proposal: Proposal | None) -> str:
    attached = "".join(f"\nattached: {each}" for each in turn.attached)
    told = answer(turn.prose, turn.reason, proposal)
    return f"## You\n\n{turn.prompt.strip()}{attached}\n\n## AID\n\n{told}".rstrip()


def _shown(file: ProposedFile) -> str:
    old = "/dev/null" if file.status == "added" else f"a/{file.old_path or file.path}"
    new = "/dev/null" if file.status == "deleted" else f"b/{file.path}"
    lines = [f"diff --git a/{file.old_path or file.path} b/{file.path}\n--- {old}\n+++ {new}\n"]
    for hunk in file.hunks:
        label = _label("hunk", "accepted" if hunk.accepted else "rejected" if hunk.rejected else "open")
        lines.append(f"{hunk.header} {label}\n{hunk.text}")
    diff = "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
    fence = "`" * max([3, *(len(run) + 1 for run in _FENCE.findall(diff))])
    head = f"### {file.path} +{file.added} -{file.removed} {_label('file', file.state)} [compare]"
    return f"{head}\n\n{fence}diff\n{diff}{fence}"


def _label(part: str, state: str) -> str:
    return f"[{part} {state}]" if state in ("accepted", "rejected") else f"[accept {part}]"


def _file(named: str) -> FileRef:
    found = _PLACE.match(named)
    if found is None:
        return FileRef(path=named)
    path, first, last = found.groups()
    return FileRef(path=path, first=int(first), last=int(last or first))
