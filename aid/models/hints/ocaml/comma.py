"""OCaml: a tuple where elements, fields or arguments were meant: `[1, 2]`, `{ a = 1, b = 2 }`, `f(1, 2)`."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.nesting import Token
from aid.models.hints.ocaml.mismatch import argument, mismatch
from aid.models.hints.ocaml.tokens import CLOSERS, tokens
from aid.models.hints.ocaml.tree import ancestor, covering
from aid.models.hints.span import replaced
from aid.models.hints.suggestion import Suggestion, TextEdit
from ces.verdict import Diagnostic

name = "comma"
suffixes = (".ml",)


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    found = mismatch(diagnostic, source)
    if found is None or " * " not in found.actual or " * " in found.expected:
        return
    text, before = source.text, source.text[: found.start].rstrip()
    commas = _commas(text, found.start, found.end)
    in_list = before.endswith(("[", "[|", ";"))
    in_record = ancestor(covering(text, found.start, found.end), ("field_expression",)) is not None
    if commas and (in_list or in_record):
        edits = tuple(TextEdit(source.path, comma.start, comma.end, ";") for comma in commas)
        kind = "fields" if in_record else "elements"
        yield Suggestion(edits, f"the compiler found a tuple here: `;` parts {kind}, `,` makes a tuple", 0.85)
    if not commas and found.text.startswith("(") and re.search(r"(?<![\w'])[a-z_][\w']*$", before):
        inner = _commas(text, found.start + 1, found.end - 1)
        ends = [found.start + 1, *(place for comma in inner for place in (comma.start, comma.end)), found.end - 1]
        parts = [text[a:b].strip() for a, b in zip(ends[::2], ends[1::2], strict=True)]
        arguments = " ".join(argument(part) for part in parts)
        gap = "" if before != text[: found.start] else " "
        reason = "the compiler found one tuple where the function takes arguments one after another"
        yield Suggestion(replaced(source, found.start, found.end, gap + arguments), reason, 0.7)


def _commas(text: str, start: int, end: int) -> list[Token]:
    """The commas between `start` and `end` that stand in no bracket."""
    found, depth = [], 0
    for token in tokens(text):
        if start <= token.start and token.end <= end:
            depth += (token.text in CLOSERS) - (token.text in CLOSERS.values())
            if token.text == "," and depth == 0:
                found.append(token)
    return found
