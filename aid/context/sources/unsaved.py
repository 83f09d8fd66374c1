"""Open documents with changes that are not on disk: what the person is working on.

Their text wins over the disk's in every other source too (`aid.context.reader`). Open documents without changes are
not shown for being open; they only count for what is related.
"""

from aid.context.piece import Ask, Piece, Place
from aid.context.reader import Reader

WEIGHT = 3
MOST_FILES = 8


class Unsaved:
    name = "unsaved"

    async def pieces(self, ask: Ask, reader: Reader) -> list[Piece]:
        texts = [await reader.text(path) for path in reader.open_paths()]
        changed = [text for text in texts if text is not None and text.unsaved]
        return [
            Piece(
                source=self.name,
                title=f"{text.path} (unsaved)",
                text=text.text,
                weight=WEIGHT,
                place=Place.UNSAVED,
                path=text.path,
            )
            for text in changed[:MOST_FILES]
        ]
