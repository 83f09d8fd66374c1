"""pytest's `--tb=short` report, as one diagnostic a failed test or a module that could not be collected.

The place is the innermost traceback line in the workspace, the code the exception's type, the message its `E` lines
after the test's name.
"""

import re

from ces.builds.reading import Sources, plain, whole_lines
from ces.verdict import Diagnostic, Range

_SECTION = re.compile(r"^={3,} (?P<name>[A-Z][A-Za-z ]*|.* (?:passed|failed|error).*) ={3,}$")
_TITLE = re.compile(r"^_{3,} (?P<title>.+?) _{3,}$")
_FRAME = re.compile(r"^(?P<file>[^\s:][^:]*):(?P<line>\d+): in (?P<function>.+)$")
_INNERMOST = re.compile(r"^(?P<file>[^\s:][^:]*\.py):(?P<line>\d+): (?P<kind>[\w.]+)$")
_IN_FILE = re.compile(r'^E\s+File "(?P<file>[^"]+)", line (?P<line>\d+)')
_TYPED = re.compile(r"^(?P<kind>(?:\w+\.)*[A-Z]\w+)(?::|$)")
_CHAINED = (
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
)


def parse(sources: Sources, output: str) -> list[Diagnostic]:
    """Failures and errors, in the report's order."""
    found: list[Diagnostic] = []
    section, title = "", None
    block: list[str] = []
    for line in [*plain(output).split("\n"), "=== END ==="]:
        named = _SECTION.match(line)
        start = _TITLE.match(line) if section in ("FAILURES", "ERRORS") else None
        if named is None and start is None:
            block.append(line)
            continue
        if title is not None:
            found.append(_diagnostic(sources, title, block))
        section = named["name"] if named is not None else section
        title, block = (start["title"] if start is not None else None), []
    return found


def _diagnostic(sources: Sources, title: str, block: list[str]) -> Diagnostic:
    chained = max((number for number, line in enumerate(block) if line in _CHAINED), default=-1)
    block = block[chained + 1 :]  # the last exception is the one that got out
    texts = [_text(line) for line in block if re.match(r"^E(?: |$)", line)]
    kind = next((typed["kind"] for text in texts if (typed := _TYPED.match(text.strip()))), None)
    if kind is None and any(text.strip().startswith("assert ") for text in texts):
        kind = "AssertionError"
    path, place = _place(sources, block)
    message = "\n".join([f"{title}: {texts[0].strip()}" if texts else title, *texts[1:]])
    if not texts:
        message = "\n".join([title, *(line for line in block if line.strip())][:40])
    return Diagnostic(file=path, range=place, severity="error", message=message, code=kind, source="pytest")


def _text(line: str) -> str:
    return line[1:].removeprefix("   ").rstrip()


def _place(sources: Sources, block: list[str]) -> tuple[str | None, Range | None]:
    found: tuple[str | None, Range | None] = None, None
    for line in block:
        if line.startswith("---"):  # captured output follows
            break
        for pattern in (_FRAME, _INNERMOST, _IN_FILE):
            named = pattern.match(line)
            path = sources.relative(named["file"]) if named is not None else None
            if named is not None and path is not None and sources.exists(path):
                row = int(named["line"])
                found = path, whole_lines(row, row)
    return found
