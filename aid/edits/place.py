"""Where edits go in a document.

A document and edits in, places out; nothing is read, written or raised. The ways of comparing, strictest first:

    exact        line by line, carriage returns aside
    whitespace   trailing blanks aside
    indentation  all lines shifted by the same blanks; the new lines are shifted too
    fuzzy        context misspelt or left out: `fuzzy.THRESHOLD` of the text, `fuzzy.MARGIN` over the next best place

The first way that finds a place decides. Several places are refused, unless something the reply says besides picks
out one: the heading above a hunk, a line number that is right to the line while no other of the reply is wrong, the
order of hunks. The text decides against the number.
"""

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from aid.edits import fuzzy
from aid.edits.diff import same_pairs
from aid.edits.edit import Edit, Placed, Rejected
from aid.edits.elision import stands_for_more
from aid.edits.match import MAX_CANDIDATES, Match, find_all, without_numbers
from aid.edits.text import BOM, Text

MAX_MISSES = 100  # edits of one file that near misses are looked for; more are refused at once
_TELLING_CHARS = 10  # letters and digits that new text needs before finding it means that it was put there


def place(document: str, edit: Edit) -> Placed | Rejected:
    """Where `edit` (a `replace` or `write`) goes in `document`.

    Lines count from zero. A text found twice is Rejected: the first match is often the wrong one.
    """
    return place_all(Text(document), [edit])[0]


def place_all(text: Text, edits: Sequence[Edit]) -> list[Placed | Rejected]:
    """The place of each of one file's edits, in their order; what is sure of some helps to tell places of others."""
    if any(edit.op == "write" for edit in edits):
        return [_whole(text, edit) if edit.op == "write" else _refused(edit, _BESIDE_WHOLE) for edit in edits]
    candidates = [_candidates(text, edit) for edit in edits]
    chosen = [found[0] if len(found) == 1 else None for found in candidates]
    trusted = _numbers_hold(edits, chosen)
    results: list[Placed | Rejected] = []
    misses = 0
    for index, edit in enumerate(edits):
        found = candidates[index]
        if len(found) > 1:
            chosen[index] = _choose(text, edits, candidates, chosen, index, trusted)
        match = chosen[index]
        if match is not None:
            results.append(_placed(text, edit, match))
        elif found:
            results.append(_ambiguous(edit, found))
        elif misses < MAX_MISSES or not edit.old:
            misses += 1
            results.append(_otherwise(text, edit))
        else:
            results.append(_refused(edit, _not_found(())))
    return results


_BESIDE_WHOLE = "the reply also gives the whole file: send one or the other"
_LEFT_OUT = "the reply leaves out a part of the file: give all of it, or SEARCH/REPLACE"


def _refused(edit: Edit, reason: str, near: Sequence[int] = ()) -> Rejected:
    return Rejected(path=edit.path, reason=reason, near=tuple(near), edit=edit.raw)


def _candidates(text: Text, edit: Edit) -> list[Match]:
    found = find_all(text, edit.old)
    if edit.at_end or edit.final_newline is not None:
        ending = [match for match in found if match.start + len(edit.old) == len(text.raw)]
        return ending if ending or edit.final_newline is not None else found
    return found


def _numbers_hold(edits: Sequence[Edit], chosen: Sequence[Match | None]) -> bool:
    """Whether every line number that can be checked is right: one wrong number makes all of them guesses."""
    return all(
        match is None or edit.start is None or match.start == edit.start - 1
        for edit, match in zip(edits, chosen, strict=True)
    )


def _choose(
    text: Text,
    edits: Sequence[Edit],
    candidates: Sequence[Sequence[Match]],
    chosen: Sequence[Match | None],
    index: int,
    trusted: bool,
) -> Match | None:
    """The candidate meant by edit `index`, where what else the reply says leaves just one."""
    edit, left = edits[index], list(candidates[index])
    if len(left) >= MAX_CANDIDATES:
        return None
    if edit.headings:
        left = [match for match in left if _stands_under(text, edit.headings[-1], match.start)] or left
    if edit.ordered and len(left) > 1:
        left = _in_order(edits, chosen, index, left) or left
    if edit.start is not None and trusted and len(left) > 1:
        left = [match for match in left if match.start == edit.start - 1]
    return left[0] if len(left) == 1 else None


def _stands_under(text: Text, heading: str, start: int) -> bool:
    """Whether `heading` is the last line of its kind (same indentation, same first word) above line `start`.

    git cuts headings off at 80 bytes and drops their indentation, so a line that begins with one will do.
    """
    wanted = heading.strip()
    above = [number for number in text.beginning_with(wanted) if number < start] if wanted else []
    if not above:
        return False
    line = text.bare[above[-1]]
    body = line.lstrip()
    kind = line[: len(line) - len(body)] + body.split()[0]
    between = text.bare[above[-1] + 1 : start]
    return not any(other.startswith(kind) and other[len(kind) :][:1] in ("", " ", "\t") for other in between)


def _in_order(edits: Sequence[Edit], chosen: Sequence[Match | None], index: int, left: Sequence[Match]) -> list[Match]:
    """The candidates between the neighbours already placed, where those stand in the reply's order themselves."""
    sure = [match.start for match in chosen if match is not None]
    if sure != sorted(sure):
        return []
    low = max((match.start + len(edits[at].old) for at, match in enumerate(chosen[:index]) if match), default=0)
    after = [match.start for match in chosen[index + 1 :] if match is not None]
    high = min(after, default=None)
    size = len(edits[index].old)
    return [match for match in left if match.start >= low and (high is None or match.start + size <= high)]


def _ambiguous(edit: Edit, found: Sequence[Match]) -> Rejected:
    near = [match.start + 1 for match in found[:10]]
    count = f"at least {len(found)}" if len(found) >= MAX_CANDIDATES else str(len(found))
    reason = f"the lines to replace stand in {count} places: quote more of the lines around the one meant"
    return _refused(edit, reason, near)


def _placed(text: Text, edit: Edit, match: Match) -> Placed | Rejected:
    rival = _rival(text, edit, match)
    if rival is not None:
        reason = "the lines to replace stand exactly in one place and nearly so at the line number given"
        return _refused(edit, reason + ": quote more of the lines around the one meant", [match.start + 1, rival + 1])
    if _already_beside(text, edit, match):
        return Placed(edit=edit, start=match.start, end=match.start, lines=(), same=True)
    lines = _new_lines(text, edit, match)
    if lines is None:
        reason = "the file is indented differently there, and a new line's indentation can't be told from that"
        return _refused(edit, reason, [match.start + 1])
    return _finished(text, edit, match.start, match.start + len(edit.old), lines, match)


def _rival(text: Text, edit: Edit, match: Match) -> int | None:
    """The line a wrong line number points at, where what stands there is nearly what is quoted."""
    if edit.start is None or abs(edit.start - 1 - match.start) <= len(edit.old):
        return None
    other = fuzzy.align_at(text, edit.old, edit.start - 1)
    close = other is not None and other.sound and other.score >= fuzzy.THRESHOLD
    return other.start if other is not None and close and other.start == edit.start - 1 else None


def _already_beside(text: Text, edit: Edit, match: Match) -> bool:
    """Whether lines to be added above or below the quoted ones stand there already."""
    added = len(edit.new) - len(edit.old)
    if added <= 0 or match.how != "exact" or not edit.old:
        return False
    for start, extra in ((match.start, edit.new[-added:]), (match.start - added, edit.new[:added])):
        whole = text.bare[start : start + len(edit.new)] if start >= 0 else []
        if whole == [line.removesuffix("\r") for line in edit.new] and _telling(extra):
            return True
    return False


def _telling(lines: Sequence[str]) -> bool:
    return sum(char.isalnum() for line in lines for char in line[:100]) >= _TELLING_CHARS


def _new_lines(text: Text, edit: Edit, match: Match) -> list[str] | None:
    """The raw lines that replace the quoted ones: the document's own where they are context."""
    if match.faithful or edit.exact:
        return list(edit.new)
    kept: dict[int, int] = {}
    if text.bare is not text.raw or match.how != "exact":
        kept = {its: match.start + mine for mine, its in _kept(edit)} | _misquoted(text, edit, match)
    lines = []
    for index, line in enumerate(edit.new):
        if index in kept:
            lines.append(text.raw[kept[index]])
            continue
        shifted = match.shift.line(line)
        if shifted is None:
            return None
        lines.append(_ended(text, shifted))
    return lines


def _misquoted(text: Text, edit: Edit, match: Match) -> dict[int, int]:
    """New lines that repeat a quoted line with its wrong trailing blanks, and the document line that has them right."""
    if match.how != "whitespace":
        return {}
    lines: dict[str, int] = {}
    for index, line in enumerate(edit.old):
        if line != text.bare[match.start + index]:
            lines[line] = match.start + index
    return {index: lines[line] for index, line in enumerate(edit.new) if line in lines}


def _kept(edit: Edit) -> Sequence[tuple[int, int]]:
    """The pairs of old and new lines that are context: a diff says so itself, elsewhere equal lines are."""
    if edit.kept is not None:
        return edit.kept
    pairs = [
        (mine + step, its + step) for mine, its, length in same_pairs(edit.old, edit.new) for step in range(length)
    ]
    kept = list(pairs)
    old, new = ([line.rstrip() for line in side] for side in (edit.old, edit.new))
    for above, below in pairwise([(-1, -1), *pairs, (len(old), len(new))]):
        left, right = old[above[0] + 1 : below[0]], new[above[1] + 1 : below[1]]
        runs = same_pairs(left, right) if left and right else []
        kept += [(above[0] + 1 + a + step, above[1] + 1 + b + step) for a, b, size in runs for step in range(size)]
    return sorted(kept)


def _ended(text: Text, line: str) -> str:
    return line.removesuffix("\r") + "\r" if text.crlf else line


def _finished(text: Text, edit: Edit, start: int, end: int, lines: list[str], match: Match) -> Placed:
    verbatim = match.faithful or edit.exact
    if start == 0 and text.bom and not verbatim:
        if not lines and end < len(text.raw):
            lines, end = [text.raw[end]], end + 1
        lines = [BOM + lines[0].removeprefix(BOM), *lines[1:]] if lines else lines
    final = edit.final_newline if edit.final_newline is not None and end == len(text.raw) else text.final_newline
    if end == len(text.raw) and lines and text.crlf and not verbatim:
        lines = [*(_ended(text, line) for line in lines[:-1]), lines[-1].removesuffix("\r") + ("\r" if final else "")]
    return Placed(
        edit=edit,
        start=start,
        end=end,
        lines=tuple(lines),
        how=match.how,
        final_newline=final if end == len(text.raw) else None,
        same=lines == text.raw[start:end] and final == text.final_newline,
    )


def _otherwise(text: Text, edit: Edit) -> Placed | Rejected:
    """The place of an edit whose quoted lines stand nowhere as they are."""
    if not edit.old:
        return _unquoted(text, edit)
    listed = without_numbers(edit.old, edit.new)
    if listed is not None:
        plain = msgspec.structs.replace(edit, old=tuple(listed[0]), new=tuple(listed[1]), start=listed[2])
        return place_all(text, [plain])[0]
    done = find_all(text, edit.new) if _telling(edit.new) else []
    if len(done) == 1 and done[0].how in ("exact", "whitespace"):
        return Placed(edit=edit, start=done[0].start, end=done[0].start, lines=(), same=True)
    found = fuzzy.alignments(text, edit.old)
    alignment = fuzzy.best(found)
    near = fuzzy.nearest(text, edit.old, found)
    if alignment is None or edit.final_newline is not None:
        return _refused(edit, _not_found(found), near)
    merged = fuzzy.merge(text, edit.old, edit.new, _kept(edit), alignment, guessed=edit.kept is None)
    if merged is None:
        reason = "the quoted lines differ from the file's right where the change goes: quote them exactly"
        return _refused(edit, reason, [alignment.start + 1])
    lines = [line if own else _ended(text, line) for line, own in merged]
    match = Match(alignment.start, "fuzzy")
    return _finished(text, edit, alignment.start, alignment.end, lines, match)


def _not_found(found: Sequence[fuzzy.Alignment]) -> str:
    if len(found) > 1 and found[0].score >= fuzzy.THRESHOLD:
        return "the lines to replace stand nowhere exactly, and several places read alike: quote them exactly"
    return "the lines to replace are not in the file: quote them exactly as they stand there"


def _unquoted(text: Text, edit: Edit) -> Placed | Rejected:
    """An edit that quotes nothing fills an empty file; the apply-patch envelope also adds to a file's end so."""
    if text.raw and not edit.append:
        reason = "the edit quotes no lines of the file, so nothing says where it goes: quote the lines around it"
        return _refused(edit, reason)
    end = len(text.raw)
    added = list(edit.new)
    if end >= len(added) and text.bare[end - len(added) :] == added and _telling(added):
        return Placed(edit=edit, start=end, end=end, lines=(), same=True)
    start = max(0, end - 1)
    lines = text.raw[start:] + [line if edit.exact else _ended(text, line) for line in added]
    return _finished(text, edit, start, end, lines, Match(start, "exact"))


def _whole(text: Text, edit: Edit) -> Placed | Rejected:
    """The whole document anew: lines that stay keep their line ends, new ones get the document's own style."""
    if _leaves_out(text, edit):
        return _refused(edit, _LEFT_OUT)
    verbatim = edit.exact or any(line.endswith("\r") for line in edit.new)
    lines = list(edit.new)
    if text.bom and not edit.exact and lines:
        lines[0] = BOM + lines[0].removeprefix(BOM)
    if text.carriage_returns and not verbatim:
        bare = [line.removeprefix(BOM) for line in lines]
        kept = {its + step: mine + step for mine, its, size in same_pairs(text.bare, bare) for step in range(size)}
        lines = [text.raw[kept[at]] if at in kept else _ended(text, line) for at, line in enumerate(lines)]
    match = Match(0, "exact", faithful=verbatim)
    return _finished(text, edit, 0, len(text.raw), lines, match)


def _leaves_out(text: Text, edit: Edit) -> bool:
    """Whether a new line stands for lines of the document, which would be lost. The document may have such lines."""
    standing = [line.strip() for line in edit.new if stands_for_more(line)]
    return any(text.stripped) and any(standing.count(line) > text.stripped.count(line) for line in set(standing))
