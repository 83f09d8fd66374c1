"""A name goes into a list of names, as in `import { a, c }`: at its alphabetical place where the list has one. Pure."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from aid.models.hints.nesting import Token

Order = Callable[[str], tuple[int | str, ...]]


def by_letter(name: str) -> tuple[int | str, ...]:
    return name.casefold(), name


def by_kind(name: str) -> tuple[int | str, ...]:
    """Constants, then classes, then the rest: isort's `order_by_type`, which ruff shares."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, *by_letter(name)


def added(text: str, names: Sequence[Token], wanted: str, orders: Sequence[Order]) -> tuple[int, str]:
    """Where `wanted` goes among `names` (at least one) and the text to write there; last where they aren't in order.

    `orders` are tried in turn; the first that the names are already in holds. A list over several lines stays so.
    """
    first = text.rfind("\n", 0, names[0].start) + 1
    margin = text[first : names[0].start]
    gap = " " if margin.strip() else f"\n{margin}"
    order = next((each for each in orders if _is_sorted([each(name.text) for name in names])), None)
    behind = next((name for name in names if order and order(name.text) > order(wanted)), None)
    return (names[-1].end, f",{gap}{wanted}") if behind is None else (behind.start, f"{wanted},{gap}")


def _is_sorted(keys: Sequence[tuple[int | str, ...]]) -> bool:
    return all(one <= other for one, other in pairwise(keys))
