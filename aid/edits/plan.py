"""All edits of one reply, over all its files, to whole contents before and after.

Edits and a way to read files in, a `Plan` out. All edits are placed in the files as they are now, so their order does
not matter; only what stands nowhere in them is looked for once more in what the others make of them.
"""

from collections.abc import Callable, Sequence
from functools import cache

import msgspec

from aid.edits.diff import unified
from aid.edits.edit import Document, Edit, Placed, Plan, Rejected
from aid.edits.match import find_all
from aid.edits.place import place_all
from aid.edits.text import Text, assemble
from ces.change import FileChange


class _Outcome(msgspec.Struct):
    """What one file's edits come to. `change` None: nothing is changed."""

    change: FileChange | None = None
    rejected: list[Rejected] = []


def plan(edits: Sequence[Edit | Rejected], read: Callable[[str], Document | None]) -> Plan:
    """What `edits` do, all or none; `read` gives a file as it is now, None where there is none.

    Changes are in the order in which the reply first names their files.
    """
    read = cache(read)  # one reply sees one state of the files
    by_path: dict[str, list[Edit]] = {}
    rejected = [edit for edit in edits if isinstance(edit, Rejected)]
    moved: dict[str, str] = {}
    for edit in edits:
        if isinstance(edit, Edit) and edit.op == "rename" and edit.new_path is not None:
            moved.setdefault(edit.new_path, edit.path)
    for edit in edits:
        if isinstance(edit, Edit):
            path = edit.path
            if path in moved and edit.op in ("replace", "mode") and read(path) is None:
                path = moved[path]
            by_path.setdefault(path, []).append(edit)
    changes: list[FileChange] = []
    unchanged: list[str] = []
    for path, own in by_path.items():
        outcome = _file(path, own, read)
        rejected += outcome.rejected
        if outcome.change is not None:
            changes.append(outcome.change)
        elif not outcome.rejected:
            unchanged.append(path)
    rejected += _collisions(changes)
    return Plan(changes=tuple(changes), rejected=tuple(rejected), unchanged=tuple(unchanged), diff=unified(changes))


def _file(path: str, edits: Sequence[Edit], read: Callable[[str], Document | None]) -> _Outcome:
    """One file's edits together."""
    document = read(path)
    if document is None and _moved_already(path, edits, read):
        return _Outcome()
    edits, repeated = _once(edits, {"delete", "rename", "mode", "create", "write"})
    target, refused = _target(path, edits, document, read)
    if repeated is not None:
        refused = _refuse(repeated, "the reply says two different things about the whole file")
    deletes = [edit for edit in edits if edit.op == "delete"]
    if refused is None and deletes:
        refused = _undeletable(deletes[0], edits, document)
        if refused is None and document is not None:
            return _Outcome(change=FileChange(path=path, before=document.content, after=None))
    if refused is not None:
        return _Outcome(rejected=[refused])
    before = None if document is None else document.content
    mode = next((edit.mode for edit in edits if edit.mode is not None), None)
    if document is not None and mode == document.mode:
        mode = None
    after, rejected = _content(path, [edit for edit in edits if edit.op not in ("rename", "mode")], before)
    if after is None or (after == before and target is None and mode is None):
        return _Outcome(rejected=rejected)
    old_path = path if target is not None else None
    change = FileChange(path=target or path, before=before, after=after, old_path=old_path, mode=mode)
    return _Outcome(change=change, rejected=rejected)


def _moved_already(path: str, edits: Sequence[Edit], read: Callable[[str], Document | None]) -> bool:
    """Whether all that is asked is a move whose file stands under its new name and no more under its old one."""
    targets = {edit.new_path for edit in edits if edit.op == "rename"}
    if len(targets) != 1 or any(edit.op != "rename" for edit in edits):
        return False
    target = targets.pop()
    return target is not None and target != path and read(target) is not None


def _once(edits: Sequence[Edit], ops: set[str]) -> tuple[list[Edit], Edit | None]:
    """The edits without repeats, and the first that contradicts an earlier one about the whole file."""
    kept: list[Edit] = []
    orders: dict[str, tuple[object, ...]] = {}
    contradiction = None
    for edit in edits:
        if edit.op in ops:
            kind = "text" if edit.op in ("create", "write") else edit.op
            says = (edit.new, edit.new_path, edit.mode, edit.final_newline)
            if kind in orders:
                if orders[kind] != says:
                    contradiction = contradiction or edit
                continue
            orders[kind] = says
        kept.append(edit)
    return kept, contradiction


def _refuse(edit: Edit, reason: str, path: str | None = None) -> Rejected:
    return Rejected(path=path or edit.path, reason=reason, edit=edit.raw)


def _target(
    path: str, edits: Sequence[Edit], document: Document | None, read: Callable[[str], Document | None]
) -> tuple[str | None, Rejected | None]:
    """The file's new name, where it gets one, and why it can't have it."""
    rename = next((edit for edit in edits if edit.op == "rename"), None)
    if rename is None or rename.new_path is None or rename.new_path == path:
        return None, None
    if document is None:
        return None, _refuse(rename, "there is no such file to rename")
    if read(rename.new_path) is not None:
        return None, _refuse(rename, f"it can't be renamed to {rename.new_path}: that file is there already")
    return rename.new_path, None


def _undeletable(delete: Edit, edits: Sequence[Edit], document: Document | None) -> Rejected | None:
    """Why the file can't be deleted. What the reply quotes of it must be what it holds: else another was meant."""
    if document is None:
        return _refuse(delete, "there is no such file to delete: leave this out if it is gone already")
    if len(edits) > 1:
        return _refuse(delete, "the reply both deletes the file and edits it")
    if delete.old:
        text = Text(document.content.decode("utf-8", "surrogateescape"))
        quoted = Text("\n".join(delete.old) + "\n")
        if text.stripped_right != quoted.stripped_right:
            return _refuse(delete, "the file holds something else than the diff that deletes it says")
    return None


def _content(path: str, edits: Sequence[Edit], before: bytes | None) -> tuple[bytes | None, list[Rejected]]:
    """The file's bytes after `edits`, None where they make no file; and what could not be placed."""
    if not edits:
        return before, []
    makes = next((edit for edit in edits if edit.op in ("create", "write")), None)
    blank = [edit for edit in edits if edit.op == "replace" and not any(line.strip() for line in edit.old)]
    if before is None and makes is None:
        if not blank or len(blank) > 1:
            return None, [_refuse(edit, "there is no such file") for edit in edits]
        makes = blank[0]
    rest = [edit for edit in edits if edit is not makes]
    if makes is not None and (before is None or makes.op == "create"):
        made = _made(makes)
        if made is None:
            return None, [_refuse(makes, "the new text can't be encoded in UTF-8")]
        if before and before != made:
            return None, [_refuse(makes, "the file is there already: edit its lines, or give another name")]
        return _edited(path, rest, made) if rest else (made, [])
    return _edited(path, edits, before or b"")


def _made(edit: Edit) -> bytes | None:
    """A new file's bytes."""
    text = assemble(edit.new, edit.final_newline is not False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return None


def _edited(path: str, edits: Sequence[Edit], before: bytes) -> tuple[bytes | None, list[Rejected]]:
    """The bytes after replacing lines; None where nothing can be replaced."""
    if b"\0" in before:
        return None, [_refuse(edit, "the file is binary") for edit in edits]
    text = Text(before.decode("utf-8", "surrogateescape"))
    results = place_all(text, edits)
    placed, rejected = _apart(text, [result for result in results if isinstance(result, Placed)])
    lost = [edit for edit, result in zip(edits, results, strict=True) if isinstance(result, Rejected)]
    rejected += [result for result in results if isinstance(result, Rejected)]
    after = _spliced(text, placed)
    if lost and placed:
        again = Text(after)
        for edit, first in zip(lost, list(rejected[-len(lost) :]), strict=True):
            if (second := _later(text, again, edit)) is not None:
                rejected.remove(first)
                after = _spliced(again, [second])
                again = Text(after)
    return after.encode("utf-8", "surrogateescape"), rejected


def _later(text: Text, again: Text, edit: Edit) -> Placed | None:
    """Where an edit goes that quotes what other edits of the reply have written: exactly, or nowhere."""
    if not edit.old or find_all(text, edit.old):
        return None  # it stood in the file already and was refused for another reason
    result = place_all(again, [edit])[0]
    return result if isinstance(result, Placed) and result.how == "exact" and not result.same else None


def _apart(text: Text, placed: Sequence[Placed]) -> tuple[list[Placed], list[Rejected]]:
    """The places that do anything, in the file's order, and those that overlap an earlier edit of the reply.

    Only what changes counts: the lines of context may be another edit's.
    """
    trimmed = [_trimmed(text, place) for place in placed if not place.same]
    taken: list[Placed] = []
    rejected: list[Rejected] = []
    for place in sorted(trimmed, key=lambda place: (place.start, place.end)):
        last = taken[-1] if taken else None
        if last is None or place.start > last.end or (place.start == last.end and not _both_insert(place, last)):
            taken.append(place)
        elif (place.start, place.end, place.lines) != (last.start, last.end, last.lines):
            reason = "the edit changes lines that another edit of the reply changes too: make them one"
            near = (place.start + 1,)
            rejected.append(Rejected(path=place.edit.path, reason=reason, near=near, edit=place.edit.raw))
    return taken, rejected


def _both_insert(place: Placed, last: Placed) -> bool:
    return place.start == place.end and last.start == last.end


def _trimmed(text: Text, place: Placed) -> Placed:
    """`place` without the lines at both ends that stay as they are."""
    start, end, lines = place.start, place.end, place.lines
    first = 0
    while start < end and first < len(lines) and text.raw[start] == lines[first]:
        start, first = start + 1, first + 1
    last = len(lines)
    while end > start and last > first and text.raw[end - 1] == lines[last - 1]:
        end, last = end - 1, last - 1
    return msgspec.structs.replace(place, start=start, end=end, lines=lines[first:last])


def _spliced(text: Text, placed: Sequence[Placed]) -> str:
    """The document with every place's lines in it. `placed` is in order and apart."""
    lines: list[str] = []
    at = 0
    final_newline = text.final_newline
    for place in placed:
        lines += text.raw[at : place.start]
        lines += place.lines
        at = place.end
        if place.final_newline is not None:
            final_newline = place.final_newline
    return assemble([*lines, *text.raw[at:]], final_newline)


def _collisions(changes: Sequence[FileChange]) -> list[Rejected]:
    """Files that two changes would both write, and files below what another change makes a file."""
    seen: set[str] = set()
    rejected = []
    for change in changes:
        if change.after is None:
            continue
        if change.path in seen:
            rejected.append(Rejected(path=change.path, reason="two edits of the reply write this file"))
        seen.add(change.path)
    for change in changes:
        parts = change.path.split("/")
        above = ["/".join(parts[:length]) for length in range(1, len(parts))]
        if change.after is not None and any(path in seen for path in above):
            rejected.append(Rejected(path=change.path, reason="the reply makes a file of one of its folders"))
    return rejected
