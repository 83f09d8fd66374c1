"""Which errors are new: a build's errors before and after a change, matched although lines have moved.

Pure. Two errors are the same when file (renames followed), code and message agree, messages being compared without
line numbers, addresses and durations, and the place after lies where the change has moved the place before.
"""

import difflib
import re
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from ces.change import FileChange
from ces.verdict import BuildStatus, Diagnostic, Stage

_NUMBERS = re.compile(
    r"\b(?:lines?|characters?|columns?|bytes?) \d+(?:[-–]\d+)?|:\d+(?::\d+)?\b"  # places
    r"|\b0x[0-9a-f]+\b|\b\d+(?:\.\d+)?(?= ?m?s\b)"  # addresses, durations
)
_MOST_COMPARED = 1_000_000
Key = tuple[str | None, str | None, str]
Lines = list[tuple[int, int, int, int]]  # unchanged or replaced runs: before [i1, i2) became after [j1, j2)


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """`new`: errors only the tree after has. `remaining`: how many both have. `fixed`: how many are gone."""

    new: tuple[Diagnostic, ...]
    remaining: int
    fixed: int


def compare(
    before: BuildStatus, after: BuildStatus, changes: Sequence[FileChange], order: Sequence[Stage]
) -> Comparison:
    """The errors of `after` set against those of `before`; warnings don't count.

    Where the build after the change ended at an earlier stage, red or because it was to go no further, or has new
    errors that may hide old ones in files that were not changed, an error that is no longer seen is not called fixed.
    """
    old = [item for item in before.diagnostics if item.severity == "error"]
    now = [item for item in after.diagnostics if item.severity == "error"]
    new, gone = _match(old, now, changes)
    changed = {path for change in changes for path in (change.path, change.old_path)}
    if _earlier(after.stage, before.stage, order):
        return Comparison(new=tuple(new), remaining=len(old), fixed=0)
    hidden = [item for item in gone if new and item.file not in changed]
    fixed = len(gone) - len(hidden)
    return Comparison(new=tuple(new), remaining=len(old) - fixed, fixed=fixed)


def _earlier(stage: Stage | None, than: Stage | None, order: Sequence[Stage]) -> bool:
    return stage is not None and than is not None and order.index(stage) < order.index(than)


def _match(
    old: Sequence[Diagnostic], now: Sequence[Diagnostic], changes: Sequence[FileChange]
) -> tuple[list[Diagnostic], list[Diagnostic]]:
    if not old or not now:
        return list(now), list(old)
    renamed = {change.old_path: change.path for change in changes if change.old_path is not None}
    runs = {change.path: _runs(change) for change in changes}
    left: dict[Key, list[Diagnostic]] = defaultdict(list)
    for item in old:
        left[_key(item, renamed.get(item.file or "", item.file))].append(item)
    new = []
    for item in now:
        candidates = left[_key(item, item.file)]
        same = next((one for one in candidates if _moved_to(one, item, runs.get(item.file or ""))), None)
        if same is None:
            new.append(item)
        else:
            candidates.remove(same)
    return new, [item for candidates in left.values() for item in candidates]


def _key(item: Diagnostic, file: str | None) -> Key:
    return file, item.code, " ".join(_NUMBERS.sub("#", item.message).split())


def _moved_to(before: Diagnostic, after: Diagnostic, runs: Lines | None) -> bool:
    """Whether the lines of `before` became, or were replaced by, those where `after` stands."""
    if before.range is None or after.range is None or runs is None:
        return True
    for i1, i2, j1, j2 in runs:
        if i1 <= before.range.start_line < i2:
            if i2 - i1 == j2 - j1:
                return after.range.start_line - j1 == before.range.start_line - i1
            return j1 <= after.range.start_line < j2
    return before.range.start_line >= (runs[-1][1] if runs else 0)  # past the end, where some builds point


def _runs(change: FileChange) -> Lines:
    """Which lines became which; deleted and inserted ones are in no run."""
    if change.before is None or change.after is None:
        return []
    before, after = change.before.split(b"\n"), change.after.split(b"\n")
    head = 0
    while head < min(len(before), len(after)) and before[head] == after[head]:
        head += 1
    foot = 0
    while foot < min(len(before), len(after)) - head and before[-1 - foot] == after[-1 - foot]:
        foot += 1
    cut, kept = before[head : len(before) - foot], after[head : len(after) - foot]
    runs = [(0, head, 0, head)]
    if len(cut) * len(kept) > _MOST_COMPARED:  # rewritten: the lines within are anyone's guess
        runs.append((head, head + len(cut), head, head + len(kept)))
    else:
        for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, cut, kept, autojunk=False).get_opcodes():
            if tag in ("equal", "replace"):
                runs.append((i1 + head, i2 + head, j1 + head, j2 + head))
    runs.append((len(before) - foot, len(before), len(after) - foot, len(after)))
    return [run for run in runs if run[1] > run[0]]
