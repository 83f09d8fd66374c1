"""OCaml: a labelled argument given without its label or under another one."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.ocaml.mismatch import argument
from aid.models.hints.ocaml.tree import ancestor, covering, span_of
from aid.models.hints.span import line_bounds, replaced, said_span
from aid.models.hints.suggestion import Suggestion, TextEdit
from aid.models.hints.wording import flat, nearly
from ces.verdict import Diagnostic

name = "label"
suffixes = (".ml",)

_APPLIED = re.compile(
    r"The function applied to this argument has type (?P<type>.+) "
    r"This argument cannot be applied (?:without label|with label [~?](?P<label>\w+))"
)
_OMITTED = re.compile(r"labels? ([\w, ]+) (?:was|were) omitted in the application")
_EXPECTED = re.compile(r"but an expression was expected of type .*?(\w+):")
_LABEL = re.compile(r"(?:^|-> |\()\??(\w+):")


def propose(diagnostic: Diagnostic, source: SourceText, sources: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = flat(diagnostic)
    expected = _EXPECTED.search(said)
    applied, omitted = _APPLIED.search(said), _OMITTED.search(said)
    if omitted:
        yield from _omitted(diagnostic, source, re.split(r",\s*", omitted[1]))
    elif applied and applied["label"]:
        yield from _misnamed(diagnostic, source, applied["label"], _LABEL.findall(applied["type"]))
    elif expected:
        yield from _unknown(diagnostic, source, sources, expected[1])
    elif applied:
        start, end = said_span(diagnostic, source.text)
        for n, label in enumerate(_LABEL.findall(applied["type"])[:3]):
            reason = f"the compiler wants a label here: `~{label}`"
            text = _labelled(label, source.text[start:end])
            yield Suggestion(replaced(source, start, end, text), reason, 0.85 / (n + 1))


def _labelled(label: str, text: str) -> str:
    return f"~{label}" if text == label else f"~{label}:{argument(text)}"


def _misnamed(diagnostic: Diagnostic, source: SourceText, written: str, labels: Sequence[str]) -> Iterable[Suggestion]:
    start, end = said_span(diagnostic, source.text)
    before = re.search(rf"[~?]{re.escape(written)}\s*(:?)\s*$", source.text[:start])
    punned = source.text[start:end].lstrip("~?") == written
    if before is None and not punned:
        return
    place = (before.start() if before else source.text.rfind("~", 0, end), end)
    value = written if punned and not (before and before[1]) else source.text[start:end]
    if not labels:
        reason = f"the compiler says that the function takes no `~{written}`: without the label"
        yield Suggestion(replaced(source, *place, argument(value)), reason, 0.6)
    close = nearly(written, labels)
    for label in close or labels[:1]:
        reason = f"the compiler knows no label `~{written}` here, but `~{label}`"
        yield Suggestion(replaced(source, *place, _labelled(label, value)), reason, 0.85 if close else 0.5)


def _unknown(
    diagnostic: Diagnostic, source: SourceText, sources: Sequence[SourceText], written: str
) -> Iterable[Suggestion]:
    """A full application to a label the function lacks: the expected type shows only that label."""
    start, end = line_bounds(source.text, said_span(diagnostic, source.text)[0])
    place = re.compile(rf"~{re.escape(written)}\b").search(source.text, start, end)
    known = {label for each in sources for label in re.findall(r"[~?](\w+)\b|\b(\w+):", each.text) for label in label}
    for n, label in enumerate(nearly(written, known - {""})):
        if place:
            reason = f"the compiler knows no label `~{written}` here; `~{label}` is used elsewhere"
            yield Suggestion(replaced(source, place.start() + 1, place.end(), label), reason, 0.75 / (n + 1))


def _omitted(diagnostic: Diagnostic, source: SourceText, labels: Sequence[str]) -> Iterable[Suggestion]:
    start, end = said_span(diagnostic, source.text)
    call = ancestor(covering(source.text, start, end).parent, ("application_expression",))
    if call is None:
        return
    bare = [each for each in call.children_by_field_name("argument") if each.type != "labeled_argument"]
    edits = []
    for label, node in zip(labels, bare, strict=False):
        first, last = span_of(source.text, node)
        edits.append(TextEdit(source.path, first, last, _labelled(label, source.text[first:last])))
    if len(edits) == len(labels):
        yield Suggestion(tuple(edits), f"the compiler says that labels were left out: {', '.join(labels)}", 0.85)
