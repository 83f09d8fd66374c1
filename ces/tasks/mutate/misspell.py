"""A name as a person mistypes it: two letters swapped, one left out, one doubled."""

import random
import re
from collections.abc import Collection

_SHORTEST = 3
_LETTERS = re.compile(r"[A-Za-z]")


def misspell(name: str, chance: random.Random, taken: Collection[str] = ()) -> str | None:
    """Another name, none of `taken`, with the first character kept; None where there is none."""
    if len(name) < _SHORTEST:
        return None
    places = [at for at in range(1, len(name)) if _LETTERS.match(name[at])]
    made = {name[:at] + name[at + 1] + name[at] + name[at + 2 :] for at in places if at + 1 in places}
    made |= {name[:at] + name[at + 1 :] for at in places if len(name) > _SHORTEST}
    made |= {name[:at] + name[at] + name[at:] for at in places}
    left = sorted(made - {name} - set(taken))
    return chance.choice(left) if left else None
