"""Where two changes work on the same: the definitions that both touch, and what a flag has to do with them."""

import re
from collections.abc import Collection
from pathlib import PurePosixPath

from ces.hacks.definitions import Definition
from ces.hacks.edited import Edited, EditedFile
from ces.verdict import Flag

_OF_A_FOLDER = ("__init__", "mod", "lib", "main", "index")


def meets(flag: Flag, change: Edited, reference: Edited) -> bool:
    """Whether the reference works where the flag is: on the definition it is in, or on one that uses a new one."""
    file = next((one for one in change.code if one.path == flag.path), None)
    if file is None or flag.line is None:
        return True
    theirs = {name for path, name in reference.places if path == file.place}
    inner = innermost(file, flag.line)
    if inner is None:
        return bool(theirs)
    if inner.name in theirs:
        return True
    return inner.name not in file.defined_before and _used(inner, change, reference.places)


def strangers(flag: Flag, change: Edited, reference: Edited) -> bool:
    """Whether neither a flag's file nor one of the change's that names it has to do with a file of the reference.

    Two files have to do with each other where they are one, or one names the other's module.
    """
    file = next((one for one in change.code if one.path == flag.path), None)
    theirs = [one for one in reference.code if one.language not in ("dune", "config", None)]
    if file is None or not theirs:
        return False
    ours = [file, *(one for one in change.code if one is not file and names(one, file))]
    return not any(one.place == mine.place or names(one, mine) or names(mine, one) for one in theirs for mine in ours)


def names(one: EditedFile, other: EditedFile) -> bool:
    """Whether a file, before or after, has the name of another's module as a word; that may be a folder's."""
    parts = PurePosixPath(other.place).parts
    stem = parts[-1].partition(".")[0]
    if stem in _OF_A_FOLDER:
        stem = parts[-2] if len(parts) > 1 else stem
    word = re.compile(rf"\b{re.escape(stem)}\b", re.IGNORECASE if other.language == "ocaml" else re.NOFLAG)
    return word.search(one.after.text) is not None or word.search(one.before.text) is not None


def innermost(file: EditedFile, line: int) -> Definition | None:
    """The smallest definition around a line of the text after."""
    around = [one for one in file.defined.values() if not one.holds and one.first <= line <= one.last]
    return min(around, key=lambda one: one.last - one.first, default=None)


def taken(change: Edited, reference: Edited) -> int:
    """How many more lines go than come in what both touch."""
    both = change.places & reference.places
    return sum(_net(file, {name for path, name in both if path == file.place}) for file in change.code)


def _net(file: EditedFile, names: Collection[str]) -> int:
    if "" in names:
        return len(file.removed_code) - len(file.added_code)
    sides = ((file.defined_before, file.removed_code), (file.defined, file.added_code))
    gone, come = (
        sum(any(one.first <= line <= one.last for name, one in defined.items() if name in names) for line in lines)
        for defined, lines in sides
    )
    return gone - come


def _used(new: Definition, change: Edited, theirs: frozenset[tuple[str, str]]) -> bool:
    """Whether what both touch names a definition that only comes."""
    word = re.compile(rf"\b{re.escape(new.name.rpartition('.')[2].partition('#')[0])}\b")
    return any(
        word.search(one.text)
        for file in change.code
        for name, one in file.defined.items()
        if (file.place, name) in theirs and one.name != new.name
    )
