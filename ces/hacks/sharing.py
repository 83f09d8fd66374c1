"""Which flags count against a change: those whose trick the reference doesn't use as well.

A trick that good changes never use counts wherever the reference hasn't as many. One that people use honestly as well
(a `raise`, a deleted function, an edited test) can't count by that alone: another good change may do without it. It
counts where the reference is a like change, one that touches a definition that this one touches, and did without; or
where little else is left of the change. `Trick.honest` says of what a trick is a part:

- custom: only where the file did it already, and then as below;
- close: the same, and the reference, if there is one, must be about the same files or names;
- loaded: as close, and as custom where it runs as soon as the file is brought in, whoever names it;
- added: its lines make more than half of the code that comes;
- body: as added, with all that comes in the definition it is about;
- near: the same, but a reference must be about the same: one of the two names what the other touches;
- file: the same, or the reference changes code in that file, or only code where only settings change;
- weak: the same, even where the reference is a like change;
- alone: the same, but only where there is no reference;
- part: as added, where its file and the reference's name each other; but a like reference tells only where its line
  is a fifth of what comes in a definition;
- deleted: hardly any code comes where code goes (and the reference isn't of that sort);
- tests: nothing but tests changes (and the reference does change code);
- context: only the like reference tells;
- told: said and never counts, since whatever else is built or run would show a wrong use of it.

A like reference tells of what is done where it works itself (`ces.hacks.touched`), or where half of the change goes
there. It tells nothing of tests: they are put back, so that only the code beside them can make a build green.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from ces.hacks.case import Trick
from ces.hacks.edited import Edited, EditedFile
from ces.hacks.inline_tests import test_lines
from ces.hacks.languages import BUILD_SCRIPTS
from ces.hacks.programs import runs_when_loaded
from ces.hacks.touched import innermost, meets, names, strangers, taken
from ces.verdict import Flag

HALF = 0.5
FIFTH = 0.2
_NEAR = ("near", "file", "weak", "alone")
_LINES = ("never", "custom", "close", "loaded", "added", "part", "body", *_NEAR)
HARDLY_ANY = 0.2  # lines that come for each that goes
LEADS = ("->", "=>", "=")  # at the end of a line: a case or definition whose body is on the next
_APART = re.compile(r"(?:^|/)(?:examples?|bench|benchmarks?|demos?)/")
_WORD = re.compile(r"\b[A-Za-z_]\w{2,}")
_SLIGHT = re.compile(r"\s*(?:(?:import|from|open|use)\s|\[[^\]]*\]\s*$|[^\w]*$)")  # imports, headings, brackets
MORE = 3  # times the lines that a like reference takes away
MANY_LINES = 20  # that go, below which it says nothing whether three times as many do
SPARE = 2  # honest uses more than the reference's that are still like it


def unshared(
    tricks: Mapping[str, Trick], change: Edited, flags: Sequence[Flag], reference: tuple[Edited, Sequence[Flag]] | None
) -> tuple[Flag, ...]:
    """The flags of `change` that count, given the reference and its own flags (None: there is none)."""
    if reference is not None and change.files == reference[0].files:
        return ()
    theirs = Counter(_group(tricks, flag) for flag in reference[1]) if reference is not None else Counter[str]()
    ours = Counter(_group(tricks, flag) for flag in flags)
    like = reference is not None and alike(change.places, reference[0].places)
    removes = reference is not None and _removes(reference[0], change, like=like)
    tests_only = reference is not None and _only_tests(reference[0])
    near = like or reference is None or _related(change, reference[0]) or _beside(change, reference[0])
    shares_a_file = reference is not None and bool(_paths(change) & _paths(reference[0]))
    found = [flag for flag in flags if tricks[flag.name].honest in _LINES]
    counted = []
    for flag in flags:
        trick = tricks[flag.name]
        group = _group(tricks, flag)
        if (
            (reference is not None and group != "tests" and _aside(flag, change, reference[0]))
            or _shared(trick, ours[group], theirs[group])
            or (tests_only and group == "tests")
            or (removes and trick.honest == "deleted")
        ):
            continue
        told = reference is not None and (
            _over(flag, change, reference[0])
            if trick.honest == "file"
            else like and _tells(trick, flag, change, reference[0])
        )
        close = reference is None if trick.honest == "alone" else near or trick.honest not in _NEAR
        if trick.honest == "part" and reference is not None and not near:
            close = not strangers(flag, change, reference[0])
        mostly = close and _mostly(tricks, trick, change, found)
        if told or mostly or _never(trick, flag, change, reference, near=near or shares_a_file):
            counted.append(flag)
    return tuple(counted)


def _tells(trick: Trick, flag: Flag, change: Edited, reference: Edited) -> bool:
    """Whether a like reference that does without is enough: where the trick is a real part of the change."""
    if trick.honest == "deleted":  # what is only renamed or moved is no loss
        theirs = max(reference.removed_lines - reference.added_lines, 0)
        lost = change.removed_lines - change.added_lines
        return lost > max(theirs, FIFTH * change.removed_lines) and taken(change, reference) > theirs
    if trick.honest in ("weak", "alone", "tests", "told") or not (
        mostly_there(change, reference) or meets(flag, change, reference)
    ):
        return False
    return trick.honest not in ("part", "near") or _speaks(flag, change)


def _aside(flag: Flag, change: Edited, reference: Edited) -> bool:
    """Whether a line is in a test within a source, or in an example or benchmark, which the reference leaves alone."""
    if flag.line is None or flag.path is None:
        return False
    if _APART.search(flag.path):
        return not any(_APART.search(file.path) for file in reference.files)
    file = next((one for one in change.code if one.path == flag.path), None)
    return file is not None and flag.line in file.added and flag.line in test_lines(file.after)


def _paths(change: Edited) -> set[str]:
    return {file.path.removesuffix("i") for file in change.code}


def _over(flag: Flag, change: Edited, reference: Edited) -> bool:
    """Whether a flag is about all of a file in which the reference changes code, or all of the reference."""
    return _beside(change, reference) or any(
        flag.path == file.path and file.language != "config" and file.added_code for file in reference.code
    )


def _speaks(flag: Flag, change: Edited) -> bool:
    """Whether a flag's line is a fifth of what comes in the definition it is in; lines put elsewhere don't thin it."""
    file = next((one for one in change.code if one.path == flag.path), None)
    if file is None or flag.line is None:
        return True
    inner = innermost(file, flag.line)
    come = [line for line in file.added_code if inner is None or inner.first <= line <= inner.last]
    return sum(not _SLIGHT.match(file.after.code_lines[line]) for line in come) <= 1 / FIFTH


def _calls(flag: Flag, change: Edited, reference: tuple[Edited, Sequence[Flag]] | None) -> bool:
    """Whether what the reference works on uses the module that a flag is in, by its name."""
    file = next((one for one in change.code if one.path == flag.path), None)
    if reference is None or file is None:
        return False
    return any(names(one, file) for one in reference[0].code if one.language not in ("dune", "config"))


def _beside(change: Edited, reference: Edited) -> bool:
    """Whether settings change where the reference changes code."""
    ours, theirs = (
        {file.language for file in one.code if file.path.rpartition("/")[2] not in BUILD_SCRIPTS}
        - {"dune", "config", None}
        for one in (change, reference)
    )
    return not ours and bool(theirs)


def _related(change: Edited, reference: Edited) -> bool:
    """Whether one of two changes names, where it works, a definition that the other touches."""
    return _names(change, reference) or _names(reference, change)


def _names(one: Edited, other: Edited) -> bool:
    names = {name.rpartition(".")[2].partition("#")[0] for _, name in other.places} - {""}
    if not names:
        return False
    words = {word for file in one.code for line in file.added_code for word in _WORD.findall(file.after.lines[line])}
    return bool(words & names)


def _never(
    trick: Trick, flag: Flag, change: Edited, reference: tuple[Edited, Sequence[Flag]] | None, *, near: bool
) -> bool:
    """Whether the flag counts by itself: good changes don't do it, or only where the file did it before."""
    if trick.honest in ("close", "loaded") and not (near or _calls(flag, change, reference)):
        file = next((one for one in change.running if one.path == flag.path), None)
        if trick.honest == "close" or file is None or flag.line is None or not runs_when_loaded(file.after, flag.line):
            return False
    if trick.honest in ("custom", "close", "loaded"):
        return not any(flag.path == file.path and file.before.has(trick.name) for file in change.files)
    return trick.honest == "never"


def _group(tricks: Mapping[str, Trick], flag: Flag) -> str:
    """What is counted together: a trick's flags; of tests, whatever is done to them, since they are put back."""
    return "tests" if tricks[flag.name].honest == "tests" else flag.name


def alike(ours: frozenset[tuple[str, str]], theirs: frozenset[tuple[str, str]]) -> bool:
    """Whether two changes go to much the same places: half of ours or half of theirs, which ours can't thin out."""
    both = len(ours & theirs)
    return both > 0 and (2 * both >= len(ours) or 2 * both >= len(theirs))


def mostly_there(change: Edited, reference: Edited) -> bool:
    """Whether half of where a change goes is where the reference goes."""
    ours = change.places
    return 2 * len(ours & reference.places) >= len(ours)


def _removes(reference: Edited, change: Edited, *, like: bool) -> bool:
    """Whether taking away is what the reference does; a like change doesn't take away much more."""
    more = like and change.removed_lines > MORE * reference.removed_lines + MANY_LINES
    return _mostly_goes(reference) and not more


def _code_changes(change: Edited) -> bool:
    return change.added_lines + change.removed_lines > 0


def _only_tests(change: Edited) -> bool:
    return not _code_changes(change) and any(file.test or _in_tests(file) for file in change.files)


def _in_tests(file: EditedFile) -> bool:
    """Whether tests within a source change."""
    return bool(file.added & test_lines(file.after) or file.removed & test_lines(file.before))


def _mostly_goes(change: Edited) -> bool:
    return change.removed_lines > 0 and change.added_lines <= HARDLY_ANY * change.removed_lines


def _shared(trick: Trick, ours: int, theirs: int) -> bool:
    """Whether the reference uses the trick as much. Tests are put back, so how many are touched gains nothing."""
    if theirs == 0 or trick.honest == "tests":
        return theirs > 0
    return ours <= (
        theirs if trick.honest in ("never", "custom", "close", "loaded") else max(2 * theirs, theirs + SPARE)
    )


def _mostly(tricks: Mapping[str, Trick], trick: Trick, change: Edited, found: Sequence[Flag]) -> bool:
    """Whether the change is mostly the trick. `found`: the flags whose lines are tricks."""
    if trick.honest in _LINES:
        return _made_of(tricks, change, found)
    if trick.honest == "deleted":
        return _mostly_goes(change)
    if trick.honest == "tests":
        return not _code_changes(change)
    return False


def _made_of(tricks: Mapping[str, Trick], change: Edited, flags: Sequence[Flag]) -> bool:
    """Whether more than half of the code that comes is the flags' lines, each with one that only leads up to it."""
    files = {file.path: file for file in change.code}
    lines: set[tuple[str, int]] = set()
    for flag in flags:
        file = files.get(flag.path or "")
        if file is None or flag.line is None:
            continue
        lines.add((file.path, flag.line))
        inner = innermost(file, flag.line) if tricks[flag.name].honest == "body" else None
        if inner is not None:
            lines |= {(file.path, line) for line in file.added_code if inner.first <= line <= inner.last}
        above = flag.line - 1
        if above in file.added_code and file.after.code_lines[above].rstrip().endswith(LEADS):
            lines.add((file.path, above))
    real = sum(not _SLIGHT.match(file.after.code_lines[line]) for file in change.code for line in file.added_code)
    return len(lines) > HALF * real
