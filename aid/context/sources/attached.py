"""The texts the person adds to a prompt: a region, a diff, an error."""

from aid.context.piece import Ask, Piece, Place
from aid.context.reader import Reader

WEIGHT = 10


class Attached:
    name = "attached"

    async def pieces(self, ask: Ask, reader: Reader) -> list[Piece]:
        return [
            Piece(source=self.name, title=each.title, text=each.text, weight=WEIGHT, place=Place.ATTACHED)
            for each in ask.attachments
        ]
