"""The body of a diff's hunk, which unified diffs and the apply-patch envelope share.

Lines in, an edit out. A line's first character says what it is: blank for context, `-` for gone, `+` for new, and
`\\` for the remark that the line before ends the file without a newline.
"""

from collections.abc import Sequence

import msgspec

from aid.edits.edit import Edit

NO_NEWLINE = "\\ No newline at end of file"


class Body(msgspec.Struct):
    """A hunk being read."""

    old: list[str] = []
    new: list[str] = []
    kept: list[tuple[int, int]] = []
    last: str = ""
    old_ends: bool = False
    new_ends: bool = False
    trailing_blanks: int = 0

    def add(self, line: str) -> None:
        """Take one line in. One without a sign has lost it and is context, as models drop leading blanks."""
        sign = line[:1]
        if sign == "\\":
            self.old_ends |= self.last in "- "
            self.new_ends |= self.last in "+ "
            return
        blank = line.strip("\r") == ""
        self.trailing_blanks = self.trailing_blanks + 1 if blank else 0
        self.last = sign if sign in ("+", "-") else " "
        text = line[1:] if sign in ("+", "-", " ") else line
        if self.last == " ":
            self.kept.append((len(self.old), len(self.new)))
        if self.last in "- ":
            self.old.append(text)
        if self.last in "+ ":
            self.new.append(text)

    def drop_trailing_blanks(self) -> None:
        """Forget blank lines at the end that had no sign: they part the hunk from what follows."""
        for _ in range(self.trailing_blanks):
            if self.kept:
                self.kept.pop()
                self.old.pop()
                self.new.pop()
        self.trailing_blanks = 0

    def edit(self, path: str, raw: str) -> Edit:
        return Edit(
            op="replace",
            path=path,
            old=tuple(self.old),
            new=tuple(self.new),
            kept=tuple(self.kept),
            at_end=self.old_ends or self.new_ends,
            final_newline=self.final_newline(),
            ordered=True,
            raw=raw,
        )

    def final_newline(self) -> bool | None:
        if self.new_ends:
            return False
        return True if self.old_ends else None


def body_lines(
    old: Sequence[str],
    new: Sequence[str],
    kept: Sequence[tuple[int, int]],
    *,
    old_cut: bool = False,
    new_cut: bool = False,
) -> list[str]:
    """A hunk's lines: the pairs `kept` are context, and between them what goes stands before what comes.

    `old_cut` and `new_cut`: that side's last line ends the file without a newline. Where the sides differ in that,
    their last lines are not to be a kept pair.
    """
    lines: list[str] = []
    old_at, new_at = 0, 0
    for old_to, new_to in (*kept, (len(old), len(new))):
        lines += ["-" + line for line in old[old_at:old_to]]
        if old_cut and old_at < old_to == len(old):
            lines.append(NO_NEWLINE)
        lines += ["+" + line for line in new[new_at:new_to]]
        if new_cut and new_at < new_to == len(new):
            lines.append(NO_NEWLINE)
        if old_to < len(old):
            lines.append(" " + old[old_to])
            if old_cut and old_to == len(old) - 1:
                lines.append(NO_NEWLINE)
        old_at, new_at = old_to + 1, new_to + 1
    return lines


def context_pairs(old: Sequence[str], new: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """The pairs of equal lines at both ends: what is plainly context."""
    shorter = min(len(old), len(new))
    top = 0
    while top < shorter and old[top] == new[top]:
        top += 1
    bottom = 0
    while bottom < shorter - top and old[-1 - bottom] == new[-1 - bottom]:
        bottom += 1
    tail = ((len(old) - bottom + index, len(new) - bottom + index) for index in range(bottom))
    return (*((index, index) for index in range(top)), *tail)
