"""A streamed answer in two: what is said, and the edit blocks in it, which the editor is shown as diffs. Pure.

Only blocks that Markdown would garble are taken out: SEARCH/REPLACE, whose `=======` makes a heading of what stands
above it, and apply-patch envelopes. `aid.edits.prose` reads a whole answer by its format's parser; here there is only a
beginning, so it goes by lines. What a line is shows at its end, so a piece of one is held back as long as it may still
be a block's beginning or the path above one.
"""

import re

import msgspec

_BEGINS = re.compile(r"^(?:<{5,}\s|\*{3} Begin Patch)")
_ENDS = re.compile(r"^(?:>{5,}(?:\s|$)|\*{3} End Patch)")
_PATH = re.compile(r"^\S+\.\w+:?\s*$")


class Piece(msgspec.Struct, frozen=True):
    text: str
    edit: bool


class Prose:
    """Fed with an answer's pieces, it gives them back in order, each as prose or as edit."""

    def __init__(self) -> None:
        self._path = ""  # a line that may be the path above a block
        self._line = ""
        self._in_edit = False

    def feed(self, text: str) -> list[Piece]:
        found: list[Piece] = []
        *lines, rest = (self._line + text).split("\n")
        for line in lines:
            found += self._whole(line + "\n")
        self._line = rest
        if rest and not self._in_edit and not self._undecided(rest):
            found.append(Piece(self._path + rest, edit=False))
            self._path, self._line = "", ""
        return _joined(found)

    def end(self) -> list[Piece]:
        """What was held back."""
        rest, self._path, self._line = self._path + self._line, "", ""
        return [Piece(rest, edit=self._in_edit)] if rest else []

    def _whole(self, line: str) -> list[Piece]:
        path, self._path = self._path, ""
        if self._in_edit:
            self._in_edit = not _ENDS.match(line)
            return [Piece(line, edit=True)]
        if _BEGINS.match(line):
            self._in_edit = True
            return [Piece(path + line, edit=True)]
        if _PATH.match(line):
            self._path = line
            return [Piece(path, edit=False)]
        return [Piece(path + line, edit=False)]

    @staticmethod
    def _undecided(begun: str) -> bool:
        return begun.startswith(("<", "*")) or " " not in begun


def _joined(pieces: list[Piece]) -> list[Piece]:
    joined: list[Piece] = []
    for piece in pieces:
        if joined and joined[-1].edit == piece.edit:
            joined[-1] = Piece(joined[-1].text + piece.text, edit=piece.edit)
        elif piece.text:
            joined.append(piece)
    return joined
