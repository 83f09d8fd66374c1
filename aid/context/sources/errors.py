"""What the build says, each error with the line it points at, and the code around it."""

from collections.abc import Sequence

from aid.context.lines import merge
from aid.context.outline import enclosing
from aid.context.piece import Ask, Piece, Place, Span
from aid.context.reader import Reader, Text
from ces.verdict import Diagnostic

MESSAGE_WEIGHT = 8
CODE_WEIGHT = 8
MOST_ERRORS = 20
MOST_FILES = 5
LINES_BEFORE, LINES_AFTER = 10, 6
LONGEST_DEFINITION = 60
SMALL_FILE = 120  # lines; shown whole if there is room


class Errors:
    """One piece with the messages, one a file they point into. Warnings only where there are no errors."""

    name = "errors"

    async def pieces(self, ask: Ask, reader: Reader) -> list[Piece]:
        serious = pick(ask.diagnostics)
        if not serious:
            return []
        lines: list[str] = []
        for one in serious[:MOST_ERRORS]:
            text = None if one.file is None else await reader.text(one.file)
            lines += _said(one, text)
        if len(serious) > MOST_ERRORS:
            lines.append(f"… and {len(serious) - MOST_ERRORS} more")
        messages = Piece(
            source=self.name,
            title="build errors",
            text="\n".join(lines),
            weight=MESSAGE_WEIGHT,
            place=Place.ERRORS,
        )
        files = list(dict.fromkeys(one.file for one in serious if one.file is not None))[:MOST_FILES]
        code = [await self._code(reader, file, [one for one in serious if one.file == file]) for file in files]
        return [messages, *(piece for piece in code if piece is not None)]

    async def _code(self, reader: Reader, path: str, diagnostics: Sequence[Diagnostic]) -> Piece | None:
        text = await reader.text(path)
        if text is None:
            return None
        definitions = await reader.outline(path)
        focus: list[Span] = []
        core: list[int] = []
        for one in diagnostics:
            if one.range is None:
                continue
            line = min(one.range.start_line, len(text.lines) - 1)
            around = enclosing(definitions, line)
            core.append(line)
            focus.append((line - LINES_BEFORE, line + 1 + LINES_AFTER))
            if around is not None and around.last - around.first <= LONGEST_DEFINITION:
                focus.append((around.first, around.last))
        return Piece(
            source=self.name,
            title=path,
            text=text.text,
            weight=CODE_WEIGHT,
            place=Place.ERRING,
            path=path,
            focus=merge(focus, len(text.lines)),
            core=tuple(core),
            whole=not focus or len(text.lines) <= SMALL_FILE,
        )


def pick(diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    """The errors, or the warnings where there are none; once each, by file and line."""
    for severity in ("error", "warning"):
        chosen = {_key(one): one for one in diagnostics if one.severity == severity}
        if chosen:
            return [chosen[key] for key in sorted(chosen)]
    return []


def _key(one: Diagnostic) -> tuple[str, int, int, str]:
    where = (-1, -1) if one.range is None else (one.range.start_line, one.range.start_character)
    return (one.file or "", *where, one.message)


def _said(one: Diagnostic, text: Text | None) -> list[str]:
    """`file:line:column: severity: message`, one-based as compilers write it, and the line as it is now."""
    where = one.file or "build"
    if one.range is not None:
        where += f":{one.range.start_line + 1}:{one.range.start_character + 1}"
    code = f" [{one.code}]" if one.code else ""
    lines = [f"{where}: {one.severity}{code}: {one.message.strip()}"]
    if text is not None and one.range is not None and one.range.start_line < len(text.lines):
        lines.append(f"  {one.range.start_line + 1} | {text.lines[one.range.start_line]}")
    return lines
