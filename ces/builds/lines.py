"""Messages of the form `file:line:column: severity: text [code]`: gcc, clang, go, mypy, eslint's unix format, flake8.

Only lines that name a file of the workspace count; a `note` belongs to the message before it.
"""

import re

import msgspec

from ces.builds.reading import Sources, plain, whole_lines, word_at
from ces.verdict import Diagnostic, Range, Severity

_LINE = re.compile(
    r"^\s*(?P<file>[^\s:][^:]*?):(?P<line>\d+)(?::(?P<column>\d+))?(?::(?P<end_line>\d+):(?P<end_column>\d+))?: ?"
    r"(?:(?P<severity>fatal error|error|warning|note|info|hint)\b:? ?)?(?P<text>\S.*)$",
    re.IGNORECASE,
)
_CODE = re.compile(r"\s+\[(?P<code>[A-Za-z][\w./@-]*|-W[\w=+-]+)\]$")
_SEVERITIES: dict[str, Severity] = {
    "fatal error": "error",
    "error": "error",
    "warning": "warning",
    "note": "information",
    "info": "information",
    "hint": "hint",
}


def parse(
    sources: Sources, output: str, source: str, default: Severity = "error", *, inside: str = ""
) -> list[Diagnostic]:
    """Every such message; `default` is the severity of one that names none.

    `inside` is the directory, relative to the workspace, that relative names start from.
    """
    found: list[Diagnostic] = []
    for line in plain(output).split("\n"):
        message = _LINE.match(line)
        path = sources.relative(message["file"], inside) if message is not None else None
        if message is None or path is None or not sources.exists(path):
            continue
        severity = _SEVERITIES.get((message["severity"] or "").lower(), default)
        if severity == "information" and found and found[-1].file == path:
            noted = f"{found[-1].message}\nnote: {message['text']}"
            found[-1] = msgspec.structs.replace(found[-1], message=noted)
            continue
        found.append(_diagnostic(sources, message, path, severity, source))
    return list(dict.fromkeys(found))


def _diagnostic(sources: Sources, message: "re.Match[str]", path: str, severity: Severity, source: str) -> Diagnostic:
    text = message["text"]
    code = _CODE.search(text)
    named = code["code"] if code else None
    if named is not None and named.startswith(("Error/", "Warning/")):  # eslint's unix format
        kind, _, named = named.partition("/")
        severity = _SEVERITIES[kind.lower()]
    return Diagnostic(
        file=path,
        range=_range(sources, message, path),
        severity=severity,
        message=text[: code.start()] if code else text,
        code=named,
        source=source,
    )


def _range(sources: Sources, message: "re.Match[str]", path: str) -> Range:
    row = max(int(message["line"]) - 1, 0)
    if message["column"] is None:
        return whole_lines(row + 1, row + 1)
    column = max(int(message["column"]) - 1, 0)
    if message["end_line"] is not None:
        return Range(row, column, int(message["end_line"]) - 1, int(message["end_column"]))
    return word_at(sources, path, row, column)
