"""dune's s-expressions, with the line each starts on. What doesn't parse gives what was read up to there.

Lists are at most DEEPEST within each other: one that stands deeper is read as the next one beside its parent, so that
each keeps its head and atoms their order.
"""

import re

import msgspec

_TOKEN = re.compile(
    r"(?P<skip>\s+|;[^\n]*|#\|.*?\|#)|(?P<open>\()|(?P<close>\))|\"(?P<string>(?:[^\"\\]|\\.)*)\"|(?P<atom>[^\s()\";]+)",
    re.DOTALL,
)
DEEPEST = 64


class Sexp(msgspec.Struct, frozen=True):
    """An atom, or a list where `items` isn't None. Lines are zero-based."""

    line: int
    atom: str = ""
    items: tuple["Sexp", ...] | None = None

    @property
    def head(self) -> str:
        """A list's first atom."""
        return self.items[0].atom if self.items else ""

    def fields(self, *names: str) -> list["Sexp"]:
        return [one for one in self.items or () if one.head in names]

    def atoms(self) -> list["Sexp"]:
        """Every atom below, in order."""
        return [self] if self.items is None else [atom for one in self.items for atom in one.atoms()]

    def lists(self) -> list["Sexp"]:
        """Every list below, itself first."""
        return [] if self.items is None else [self, *(each for one in self.items for each in one.lists())]

    def __str__(self) -> str:
        return self.atom if self.items is None else f"({' '.join(map(str, self.items))})"


def parse(text: str) -> tuple[Sexp, ...]:
    """The file's stanzas."""
    stack: list[tuple[int, list[Sexp]]] = [(0, [])]
    line = beyond = 0
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "open":
            if len(stack) > DEEPEST:
                beyond += 1
                _close(stack)
            stack.append((line, []))
        elif kind == "close":
            if beyond:
                beyond -= 1
            elif len(stack) > 1:
                _close(stack)
        elif kind in ("string", "atom"):
            stack[-1][1].append(Sexp(line, atom=token[kind]))
        line += token[0].count("\n")
    while len(stack) > 1:
        _close(stack)
    return tuple(one for one in stack[0][1] if one.items is not None)


def _close(stack: list[tuple[int, list[Sexp]]]) -> None:
    start, items = stack.pop()
    stack[-1][1].append(Sexp(start, items=tuple(items)))
