"""What rustc says in JSON (The rustc book, "JSON Output"), wrapped in cargo's `compiler-message` lines.

Only the fields read here are named; a line that is not of that form is left out. rustc counts lines and columns from
one, columns in code points.
"""

import re
from collections.abc import Sequence

import msgspec

from ces.builds.reading import Sources
from ces.verdict import Diagnostic, Fix, FixEdit, Range, Severity

_SUMMARY = re.compile(r"^(?:aborting due to |could not compile |\d+ warnings? emitted|For more information)")
_SEVERITIES: dict[str, Severity] = {"error": "error", "warning": "warning"}


class _Expansion(msgspec.Struct):
    span: "_Span"


class _Span(msgspec.Struct):
    file_name: str
    line_start: int
    line_end: int
    column_start: int
    column_end: int
    is_primary: bool = False
    label: str | None = None
    suggested_replacement: str | None = None
    suggestion_applicability: str | None = None
    expansion: _Expansion | None = None

    @property
    def range(self) -> Range:
        return Range(self.line_start - 1, self.column_start - 1, self.line_end - 1, self.column_end - 1)


class _Code(msgspec.Struct):
    code: str


class _Child(msgspec.Struct):
    message: str
    level: str
    spans: list[_Span] = []


class _Message(msgspec.Struct):
    message: str
    level: str
    code: _Code | None = None
    spans: list[_Span] = []
    children: list[_Child] = []


class _Line(msgspec.Struct):
    message: _Message


_DECODER = msgspec.json.Decoder(_Line)


def parse(sources: Sources, output: str) -> list[Diagnostic]:
    """The compiler's messages among the lines of `output`, in their order."""
    found = []
    for line in output.split("\n"):
        if line.startswith('{"reason":"compiler-message"'):
            try:
                message = _DECODER.decode(line).message
            except msgspec.DecodeError:
                continue
            severity = _SEVERITIES.get(message.level.removesuffix(": internal compiler error"))
            if severity is not None and not _SUMMARY.match(message.message):
                found.append(_diagnostic(sources, message, severity))
    return found


def _diagnostic(sources: Sources, message: _Message, severity: Severity) -> Diagnostic:
    path, place = _primary(sources, message.spans)
    label = next((span.label for span in message.spans if span.is_primary and span.label), None)
    lines = [message.message] + ([label] if label else []) + [_text(child) for child in message.children]
    return Diagnostic(
        file=path,
        range=place,
        severity=severity,
        message="\n".join(lines),
        code=message.code.code if message.code else None,
        source="rustc",
        fixes=tuple(fix for child in message.children for fix in _fixes(sources, child)),
    )


def _text(child: _Child) -> str:
    """A note or help, with the text it suggests."""
    suggested = [span.suggested_replacement.strip() for span in child.spans if span.suggested_replacement]
    suffix = f": `{'`, `'.join(suggested)}`" if suggested else ""
    return f"{child.level}: {child.message}{suffix}"


def _fixes(sources: Sources, child: _Child) -> list[Fix]:
    """A help's suggestion, save those with places left to fill in.

    rustc prints the parts of one suggestion and the alternatives to it in one list; only alternatives share a place.
    """
    spans = [span for span in child.spans if span.suggested_replacement is not None]
    edits = []
    for span in spans:
        path = sources.relative(span.file_name)
        if path is None or not sources.exists(path) or span.suggestion_applicability == "HasPlaceholders":
            return []
        edits.append(FixEdit(path, span.range, span.suggested_replacement or ""))
    sure = all(span.suggestion_applicability == "MachineApplicable" for span in spans)
    if len({(edit.file, edit.range) for edit in edits}) < len(edits):
        return [Fix(message=child.message, edits=(edit,), sure=sure) for edit in edits]
    return [Fix(message=child.message, edits=tuple(edits), sure=sure)] if edits else []


def _primary(sources: Sources, spans: Sequence[_Span]) -> tuple[str | None, Range | None]:
    """The first primary span in the workspace, out of the macros it was expanded from."""
    for span in sorted(spans, key=lambda span: not span.is_primary):
        inner: _Span | None = span
        while inner is not None:
            path = sources.relative(inner.file_name)
            if path is not None and sources.exists(path):
                return path, inner.range
            inner = inner.expansion.span if inner.expansion else None
    return None, None
