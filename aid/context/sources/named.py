"""The files the person names, whole, and the lines they point at."""

from aid.context.lines import merge
from aid.context.piece import Ask, Piece, Place, Span
from aid.context.reader import Reader
from aid.protocol import FileRef

FILE_WEIGHT = 6
SELECTED_WEIGHT = 10
MOST_QUOTED = 60  # a longer selection is named, not quoted again


class Named:
    """A piece a file, and one a selection. What can't be shown is said."""

    name = "files"

    async def pieces(self, ask: Ask, reader: Reader) -> list[Piece]:
        spans: dict[str, list[Span]] = {}
        result: list[Piece] = []
        for ref in ask.files:
            path = reader.relative(ref.path)
            if path is None:
                result.append(self._said(f"{ref.path} (outside the workspace)"))
                continue
            spans.setdefault(path, [])
            if ref.first is not None or ref.last is not None:
                spans[path].append(_span(ref))
        for path, selected in spans.items():
            result += await self._file(reader, path, selected)
        return result

    async def _file(self, reader: Reader, path: str, selected: list[Span]) -> list[Piece]:
        text = await reader.text(path)
        if text is None:
            missing = not (reader.root / path).exists()
            return [self._said(f"{path} ({'not there' if missing else 'not a text file of a usable size'})")]
        focus = merge(selected, len(text.lines))
        file = Piece(
            source=self.name,
            title=path,
            text=text.text,
            weight=SELECTED_WEIGHT if focus else FILE_WEIGHT,
            place=Place.SELECTED_FILE if focus else Place.FILES,
            path=path,
            focus=focus,
        )
        return [file, *(self._selection(path, text.lines, span) for span in focus)]

    def _selection(self, path: str, lines: tuple[str, ...], span: Span) -> Piece:
        first, last = span
        title = f"selected: {path}, {f'line {last}' if last - first == 1 else f'lines {first + 1}-{last}'}"
        quoted = lines[first:last] if last - first <= MOST_QUOTED else (lines[first], "…", lines[last - 1])
        return Piece(
            source="selection",
            title=title,
            text="\n".join(quoted),
            weight=SELECTED_WEIGHT,
            place=Place.SELECTION,
        )

    def _said(self, title: str) -> Piece:
        return Piece(source=self.name, title=title, text="", weight=1, place=Place.FILES)


def _span(ref: FileRef) -> Span:
    """One-based inclusive lines as people write them, zero-based and half-open as we do; one end alone is that line."""
    first = ref.first if ref.first is not None else ref.last or 1
    last = ref.last if ref.last is not None else first
    return (min(first, last) - 1, max(first, last))
