"""Sharing a number of tokens among pieces that want more. Pure.

Room for what changes often (errors, selection, diff) is set aside in coarse steps, so that one more error doesn't
change what is shown of the files before it, and a server's prefix cache hits.
"""

from collections.abc import Sequence

import msgspec

STEPS = 8
MOST_VOLATILE_STEPS = 4
MAP_SHARE = 0.12
HEAVY = 5  # for a lighter volatile piece (a diff) a step at most is set aside; more of it only where files leave room
LEAST_TOKENS = 24  # a piece that would get less is left out


class Claim(msgspec.Struct, frozen=True):
    """What one piece wants. `kind`: "map", "file" or "volatile"."""

    tokens: int
    weight: int
    kind: str


def share(claims: Sequence[Claim], budget: int) -> list[int]:
    """Tokens for each claim, at most what it wants; together at most `budget`. 0: left out."""
    granted = [0] * len(claims)
    step = max(1, budget // STEPS)
    volatile = [claim for claim in claims if claim.kind == "volatile"]
    wanted = sum(claim.tokens if claim.weight >= HEAVY else min(claim.tokens, step) for claim in volatile)
    reserve = min(max(-(-wanted // step), 1), MOST_VOLATILE_STEPS) * step
    room = budget - reserve
    for kind, limit in (("map", int(budget * MAP_SHARE)), ("file", None), ("volatile", None)):
        if kind == "volatile":
            room += reserve
        chosen = [index for index, claim in enumerate(claims) if claim.kind == kind]
        available = room if limit is None else min(limit, room)
        for index, tokens in zip(chosen, _fill([claims[index] for index in chosen], available), strict=True):
            granted[index] = tokens
            room -= tokens
    return granted


def _fill(claims: Sequence[Claim], room: int) -> list[int]:
    """Weighted max-min: each gets its weight's share, what one doesn't need goes to the others."""
    alive = [index for index, claim in enumerate(claims) if claim.tokens > 0]
    while alive:
        granted = _water(claims, alive, room)
        starved = [index for index in alive if granted[index] < min(claims[index].tokens, LEAST_TOKENS)]
        if not starved:
            return granted
        alive.remove(min(starved, key=lambda index: (claims[index].weight, -index)))
    return [0] * len(claims)


def _water(claims: Sequence[Claim], alive: Sequence[int], room: int) -> list[int]:
    granted = [0] * len(claims)
    open_, left = list(alive), max(0, room)
    while open_:
        total = sum(claims[index].weight for index in open_)
        full = [index for index in open_ if claims[index].tokens * total <= left * claims[index].weight]
        if not full:
            for index in open_:
                granted[index] = left * claims[index].weight // total
            return granted
        for index in full:
            granted[index] = claims[index].tokens
            left -= claims[index].tokens
        open_ = [index for index in open_ if index not in full]
    return granted
