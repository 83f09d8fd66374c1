"""Token counts, each text counted once a model: the model is asked for several at a time, and only for new ones."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from hashlib import blake2b

Count = Callable[[Sequence[str]], Awaitable[list[int]]]

ENTRIES = 4096


class TokenCounts:
    """Counts by model and content hash; the least recently used are forgotten."""

    def __init__(self, entries: int = ENTRIES) -> None:
        self._entries = entries
        self._known: OrderedDict[bytes, int] = OrderedDict()

    async def of(self, texts: Sequence[str], count: Count, model: str) -> list[int]:
        """The tokens of each text, in at most one call of `count`. An empty text has none."""
        keys = [_key(model, text) for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if text and key not in self._known}
        if new:
            counted = await count(list(new.values()))
            self._known.update(zip(new, counted, strict=True))
        result: list[int] = []
        for key, text in zip(keys, texts, strict=True):
            if text:
                self._known.move_to_end(key)
            result.append(self._known[key] if text else 0)
        while len(self._known) > self._entries:
            self._known.popitem(last=False)
        return result


def _key(model: str, text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, person=_person(model)).digest()


def _person(model: str) -> bytes:
    return blake2b(model.encode(), digest_size=16).digest()
