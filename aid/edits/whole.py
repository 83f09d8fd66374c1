"""Whole files: from a model's text to edits and back.

    path/to/file.ml
    ```ocaml
    the whole text
    ```

What comes in are a reply's lines; what goes out is one `write` per file. Nothing here touches a file or raises. The
name stands alone above the fence or on it: a name inside a sentence is no order to overwrite that file with an
example. A fence longer than any inside the text holds anything.
"""

import re
from collections.abc import Sequence

from aid.edits.edit import Edit, Rejected
from aid.edits.path import check_path
from aid.edits.reply import NO_NAME, fence, fence_path, may_name, named_path, order, path_line

_RUN = re.compile(r"^\s*(`{3,}|~{3,})")
_NESTING = (".md", ".mdx", ".markdown", ".rst", ".txt", ".adoc", ".org")
_WORDS = ("no-newline", "newline", "exact")
_UNNAMED = f"no file name above the code: {NO_NAME}"
_SHELLS = ("sh", "bash", "shell", "console", "zsh", "fish", "powershell", "shell-session")


def parse(lines: Sequence[str], known: frozenset[str]) -> list[Edit | Rejected]:
    """The edits of a reply's lines, in its order; `known` are the paths the prompt showed."""
    edits: list[Edit | Rejected] = []
    at = 0
    free = 0
    unnamed = 0
    while at < len(lines):
        ordered = order(lines, at)
        if ordered is not None:
            edits.append(ordered[0])
            at = free = ordered[1]
            continue
        opening = fence(lines[at])
        if opening is None:
            at += 1
            continue
        path = _path(lines, free, at, opening[1], known)
        end = _closing(lines, at, opening[0], path)
        if path is None:
            unnamed += 1
            if _doubtful(lines, free, at, opening[1]):
                raw = "\n".join(lines[free : len(lines) if end is None else abs(end) + 1]).strip("\n")
                edits.append(Rejected(path=None, reason=_UNNAMED, edit=raw))
        else:
            edits.append(_write(lines, at, end, path, opening[1]))
        at = free = len(lines) if end is None else abs(end) + 1
    if not edits and unnamed:
        edits.append(Rejected(path=None, reason=_UNNAMED))
    return edits


def _path(lines: Sequence[str], free: int, at: int, words: str, known: frozenset[str]) -> str | None:
    """The name on the fence or alone on the line above it; one blank line may part them.

    A bare word is none unless known: it is as likely a caption.
    """
    if (whole := fence_path(words, known)) is not None:
        return whole
    for word in reversed(words.split()):
        named = named_path(word.partition("=")[2] or word, known)
        if named is not None and named[1] and ("/" in word or "." in word or named[0] in known):
            return named[0]
    for above in (at - 1, at - 2):
        if above < free:
            return None
        if lines[above].strip():
            named = named_path(lines[above], known)
            return named[0] if named is not None and named[1] else None
    return None


def _doubtful(lines: Sequence[str], free: int, at: int, words: str) -> bool:
    """Whether the line above the fence may name the file whose text this is: to leave that out would be half an answer.

    Above a shell's lines it is a caption.
    """
    if words.partition(" ")[0].lower() in _SHELLS:
        return False
    above = next((line for line in reversed(lines[max(free, at - 2) : at]) if line.strip()), "")
    return any(char.isspace() for char in above.strip()) and may_name(above)


def _closing(lines: Sequence[str], at: int, run: str, path: str | None) -> int | None:
    """The line of the fence that closes the one at `at`; None when the text is cut off, negative when another fence
    might close it as well (the file is one that often holds code blocks)."""
    ends: list[int] = []
    for number in range(at + 1, len(lines)):
        marks = fence(lines[number], indented=False)
        if marks is None or marks[0][0] != run[0] or len(marks[0]) < len(run):
            continue
        if ends and _path(lines, ends[-1] + 1, number, marks[1], frozenset()) is not None:
            break
        if not marks[1]:
            ends.append(number)
            if path is None or not path.endswith(_NESTING):
                break
    if not ends:
        return None
    return ends[0] if len(ends) == 1 else -ends[0]


def _write(lines: Sequence[str], at: int, end: int | None, path: str, words: str) -> Edit | Rejected:
    raw = "\n".join([path, *lines[at : len(lines) if end is None else abs(end) + 1]])
    reason = check_path(path)
    if reason is None and end is None:
        reason = "the file's text has no closing fence: it is cut off"
    if reason is None and end is not None and end < 0:
        reason = "several fences could close the file's text: put a longer one around it"
    if reason is not None or end is None:
        return Rejected(path=path, reason=reason or "", edit=raw)
    attributes = set(words.split()).intersection(_WORDS)
    final = False if "no-newline" in attributes else True if "newline" in attributes else None
    new = tuple(lines[at + 1 : end])
    return Edit(op="write", path=path, new=new, final_newline=final, exact="exact" in attributes, raw=raw)


def render(edit: Edit) -> str:
    """One file as its path and its fenced text."""
    longest = max((len(run[1]) for line in edit.new if (run := _RUN.match(line))), default=2)
    marks = "`" * max(3, longest + 1)
    words = []
    if edit.final_newline is not None:
        words.append("newline" if edit.final_newline else "no-newline")
    if edit.exact:
        words.append("exact")
    opening = f"{marks}text {' '.join(words)}" if words else marks
    return "\n".join([path_line(edit.path), opening, *edit.new, marks])
