"""OCaml warning 8: the case that isn't matched, where the other cases leave no doubt what it gives.

A case that only fails would silence the compiler and keep the bug, so none is proposed where no body follows: all the
others give the same, or one gives `()`, `None`, `[]`.
"""

import re
from collections.abc import Iterable, Sequence

from tree_sitter import Node

from aid.models.backend import SourceText
from aid.models.hints.ocaml.tree import covering, span_of, within
from aid.models.hints.span import indent_at, replaced, said_span
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "missing case"
suffixes = (".ml",)

_EXAMPLE = re.compile(r"case that is not matched: (.+?)(?: \(However, .*)?$")
_NEUTRAL = {"()": 0.55, "None": 0.5, "[]": 0.3}
_TAKES_CASES = ("match_expression", "function_expression", "try_expression")


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = _EXAMPLE.search(flat(diagnostic))
    if said is None:
        return
    start, end = said_span(diagnostic, source.text)
    match = within(covering(source.text, start, end), ("match_expression", "function_expression"))
    cases = [each for each in match.named_children if each.type == "match_case"] if match else []
    if not cases or span_of(source.text, cases[-1])[1] > end:
        return
    pattern = "_" if re.match(r"[\"'\d-]", said[1]) else said[1]
    for body, confidence in _bodies(source.text, cases):
        reason = f"the compiler misses the case `{said[1]}`; `{body}`, as other cases give, is a guess"
        edit = _added(source.text, cases, pattern, body)
        if edit:
            yield Suggestion(replaced(source, edit[0], edit[0], edit[1]), reason, confidence)


def _bodies(text: str, cases: Sequence[Node]) -> Iterable[tuple[str, float]]:
    bodies = [_slice(text, each.child_by_field_name("body")) for each in cases]
    if len(bodies) > 1 and len(set(bodies)) == 1:
        yield bodies[0], 0.6
        return
    for neutral, confidence in _NEUTRAL.items():
        if neutral in bodies:
            yield neutral, confidence


def _slice(text: str, node: Node | None) -> str:
    if node is None:
        return ""
    start, end = span_of(text, node)
    return text[start:end]


def _added(text: str, cases: Sequence[Node], pattern: str, body: str) -> tuple[int, str] | None:
    """Where the case goes and its text: after the last one, or before it where that would swallow it."""
    start, end = span_of(text, cases[-1])
    last_body = cases[-1].child_by_field_name("body")
    if last_body is not None and _would_swallow(last_body):
        bar = text.rfind("|", 0, start)
        if pattern == "_" or bar < 0 or text[bar + 1 : start].strip():
            return None
        break_ = "\n" + indent_at(text, bar) if not text[:bar].rsplit("\n", 1)[-1].strip() else " "
        return bar, f"| {pattern} -> {body}{break_}"
    first, _ = span_of(text, cases[0])
    if "\n" in text[first:end]:
        return end, f"\n{indent_at(text, start)}| {pattern} -> {body}"
    return end, f" | {pattern} -> {body}"


def _would_swallow(body: Node) -> bool:
    """Whether a case behind `body` would be one of a match that ends it, in no brackets of its own."""
    node: Node | None = body
    while node is not None and node.end_byte == body.end_byte:
        if node.type in _TAKES_CASES:
            return True
        node = node.named_children[-1] if node.named_children else None
    return False
