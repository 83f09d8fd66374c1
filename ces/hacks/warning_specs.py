"""OCaml's warning specifications (`-w A-4-44`, `-warn-error -a+31`): which warnings one switches off.

Numbers, ranges and letters are read; a warning by its name counts as all of them, which is the careful reading. So is
that of a number without a sign, which the compiler refuses: it counts as switched off.
"""

import re

ALL = frozenset(range(1, 75))
_LETTERS = {
    "a": ALL, "c": {1, 2}, "d": {3}, "e": {4}, "f": {5}, "k": set(range(32, 40)), "l": {6}, "m": {7}, "p": {8},
    "r": {9}, "s": {10}, "u": {11, 12}, "v": {13}, "x": {*range(14, 26), 30}, "y": {26}, "z": {27},
}  # fmt: skip
_PART = re.compile(r"[-+@]([a-z]+(?:-[a-z]+)+|[a-z]{2,})|([-+@]?)(?:(\d{1,3})(?:\.\.(\d{1,3}))?|([A-Za-z]))")
DUNE_LEAVES_OFF = frozenset({4, 29, 40, 41, 42, 44, 45, 48, 58, 59, 60, 63, 64, 65, 66, 68, 70})
"""What dune's own dev profile doesn't ask for: manners, none of which tells of code that is wrong or missing."""


def switched_off(specification: str) -> frozenset[int]:
    """The warnings that are off once it is read, those it doesn't speak of left out."""
    off: set[int] = set()
    for part in _PART.finditer(specification):
        name, sign, first, last, letter = part.groups()
        if name:
            off |= ALL if part[0].startswith("-") else frozenset()
            continue
        meant = set(_LETTERS.get(letter.lower(), ())) if letter else set(range(int(first), int(last or first) + 1))
        if sign == "-" or (not sign and not (letter and letter.isupper())):
            off |= meant
        else:
            off -= meant
    return frozenset(off)
