"""A unified diff read strictly: text in, file changes against a tree out.

git-style where files are renamed, copied, created, deleted or change mode (git-diff(1), "Generating patch text").
Strict, because what is judged must be what was written: a hunk stands at its line, or, where that doesn't fit, at the
one place in the file that does; its counts are right; nothing between hunks is passed over. Models' looser diffs are
placed above CES, where the person can see what became of them. Line ends alone are the file's to say: a diff that was
turned from LF to CRLF on its way, or back, is taken with the ends of the file that it fits otherwise.

Neither function raises on any text: a `Malformed` says what can't be read, a `Misfit` what doesn't fit the tree.
"""

import re
from collections.abc import Callable, Sequence

import msgspec
from unidiff.constants import DEV_NULL
from unidiff.errors import UnidiffParseError
from unidiff.patch import Hunk, PatchedFile, PatchSet

from ces.change import FileChange

Read = Callable[[str], bytes | None]
_PREFIX = re.compile(r"^[ab]/")
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}
_HEADER = re.compile(r"^(?:--- |\+\+\+ |-- ?$)")  # "-- " ends a mail, as git format-patch writes one
_LINK_MODES = ("120000", "160000")


class Malformed(msgspec.Struct, frozen=True):
    """Text that is no unified diff: the stage is `format`."""

    reason: str


class Misfit(msgspec.Struct, frozen=True):
    """A diff that doesn't fit the tree: the stage is `apply`. `line` is zero-based in the file as it is."""

    path: str
    reason: str
    line: int | None = None


class FileDiff(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a diff. `old` None: it is created; `new` None: deleted. `mode` are the permission bits it gets.

    `copied`: it is made from `old`, which stays.
    """

    old: str | None
    new: str | None
    hunks: tuple["Lines", ...]
    mode: int | None = None
    copied: bool = False


class Lines(msgspec.Struct, frozen=True, kw_only=True):
    """One hunk: the lines at zero-based `start` that must be there, and those that stand there afterwards.

    Lines keep their ends; one without is the file's last.
    """

    start: int
    before: tuple[bytes, ...]
    after: tuple[bytes, ...]


def parse(text: str) -> tuple[FileDiff, ...] | Malformed:
    """The files of a unified diff, in its order; none for empty or blank text."""
    plain = text.split("\n")
    if len(plain) > 1 and all(line.endswith("\r") for line in plain[:-1]):  # headers too, which no program writes so
        plain = [line.removesuffix("\r") for line in plain]
    lines = [line + "\n" for line in plain]
    lines[-1] = lines[-1][:-1]
    try:
        patch = PatchSet([line for line in lines if line])
        stray = _stray(patch, lines)
        if stray is not None:
            return Malformed(f"line {stray + 1} of the diff is in no hunk: {lines[stray].strip()[:80]!r}")
        files = tuple(_file(each) for each in patch)
    except (UnidiffParseError, ValueError) as error:
        return Malformed(f"not a unified diff: {' '.join(str(error).split())[:200]}")
    if not files and text.strip():
        return Malformed("not a unified diff: there is no '--- ' and '+++ ' line in it")
    paths = [path for each in files for path in {None if each.copied else each.old, each.new} if path is not None]
    twice = next((path for path in paths if paths.count(path) > 1), None)
    return Malformed(f"{twice} is changed twice in the diff") if twice is not None else files


def apply(files: Sequence[FileDiff], read: Read) -> tuple[FileChange, ...] | Misfit:
    """The changes that a diff makes to the tree behind `read`, all or none. Files left as they were drop out."""
    changes = []
    for each in files:
        path = each.new if each.new is not None else each.old
        assert path is not None
        before = read(each.old) if each.old is not None else None
        if each.old is not None and before is None:
            return Misfit(each.old, "is not there")
        if path != each.old and read(path) is not None:
            return Misfit(path, "exists already")
        after = _patched(path, before or b"", each.hunks)
        if isinstance(after, Misfit):
            return after
        if each.new is None:
            if after:
                return Misfit(path, "is deleted, but the diff doesn't take out all of its lines")
            changes.append(FileChange(path=path, before=before, after=None))
            continue
        if each.copied:
            changes.append(FileChange(path=path, before=None, after=after, mode=each.mode))
            continue
        renamed = each.old if each.old not in (None, each.new) else None
        if after != before or renamed is not None or each.mode is not None:
            changes.append(FileChange(path=path, before=before, after=after, old_path=renamed, mode=each.mode))
    return tuple(changes)


def _stray(patch: PatchSet, lines: Sequence[str]) -> int | None:
    """A line that adds or takes away but belongs to no hunk, because its hunk's counts are too small."""
    taken = {line.diff_line_no for file in patch for hunk in file for line in hunk}
    for number, line in enumerate(lines):
        if line[:1] in ("+", "-") and number + 1 not in taken and not _HEADER.match(line):
            return number
    return None


def _file(file: PatchedFile) -> FileDiff:
    if file.is_binary_file or any(line.startswith("GIT binary patch") for line in file.patch_info or ()):
        raise ValueError("it changes a binary file: give text files only")
    if _LINK_MODES[0] in (file.target_mode, file.source_mode) or _LINK_MODES[1] in (file.target_mode, file.source_mode):
        raise ValueError(f"{_name(file.target_file)} is a symbolic link or a submodule: only files are changed")
    old, new = _name(file.source_file), _name(file.target_file)
    hunks = tuple(_lines(hunk) for hunk in file)
    whole_new = len(file) == 1 and file[0].source_length == 0 and file[0].source_start == 0
    if old is not None and new is not None and whole_new and not file.patch_info:
        old = None  # as `diff -N` writes a new file, with a name on both sides
    if old is None and new is None:
        raise ValueError("a file has no name")
    mode = file.target_mode if file.target_mode != file.source_mode else None
    copied = any(line.startswith("copy from ") for line in file.patch_info or ())
    bits = int(mode, 8) & 0o777 if mode is not None else None
    return FileDiff(old=old, new=new, hunks=hunks, mode=bits, copied=copied)


def _name(name: str | None) -> str | None:
    """A file's name as it is on disk, None for no file."""
    if not name or name == DEV_NULL:
        return None
    if name.startswith('"') and name.endswith('"') and len(name) > 1:
        name = _ESCAPE.sub(_unescaped, name[1:-1].encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
    return _PREFIX.sub("", name.rstrip("\r"))


def _unescaped(match: "re.Match[bytes]") -> bytes:
    code = match[1]
    return bytes([int(code, 8) & 0xFF]) if code[:1].isdigit() else _LETTERS.get(code, code)


def _lines(hunk: Hunk) -> Lines:
    before: list[bytes] = []
    after: list[bytes] = []
    sides: list[list[bytes]] = []
    for line in hunk:
        if line.line_type == "\\":
            for side in sides:
                side[-1] = side[-1].removesuffix(b"\n")
            continue
        sides = [before] * (line.line_type != "+") + [after] * (line.line_type != "-")
        for side in sides:
            side.append(line.value.encode("utf-8", "surrogateescape"))
    start = hunk.source_start - 1 if hunk.source_length else hunk.source_start
    return Lines(start=max(start, 0), before=tuple(before), after=tuple(after))


def _patched(path: str, content: bytes, hunks: Sequence[Lines]) -> bytes | Misfit:
    have = _split(content)
    done = _replaced(path, have, hunks)
    if not isinstance(done, Misfit):
        return done
    wanted = [line for hunk in hunks for line in (*hunk.before, *hunk.after)]
    ends, theirs = _ends(have), _ends(wanted)
    if len(ends) == len(theirs) == 1 and ends != theirs:
        other = _replaced(path, have, [_ended(hunk, ends[0]) for hunk in hunks])
        return done if isinstance(other, Misfit) else other
    if len(ends) + len(theirs) > 2:
        bare = [_ended_as(line, b"\n") for line in have]
        if not isinstance(_replaced(path, bare, [_ended(hunk, b"\n") for hunk in hunks]), Misfit):
            said = f"the file's lines end in {_named(ends)}, the diff's in {_named(theirs)}"
            return Misfit(path, f"fits but for line ends: {said}. Make the diff from the file as it is", done.line)
    return done


def _ends(lines: Sequence[bytes]) -> list[bytes]:
    """The line ends in use."""
    found = {b"\r\n" if line.endswith(b"\r\n") else b"\n" for line in lines if line.endswith(b"\n")}
    return sorted(found)


def _named(ends: Sequence[bytes]) -> str:
    return " and ".join("CRLF" if end == b"\r\n" else "LF" for end in ends)


def _ended(hunk: Lines, end: bytes) -> Lines:
    before, after = ([_ended_as(line, end) for line in side] for side in (hunk.before, hunk.after))
    return Lines(start=hunk.start, before=tuple(before), after=tuple(after))


def _ended_as(line: bytes, end: bytes) -> bytes:
    return line[:-1].removesuffix(b"\r") + end if line.endswith(b"\n") else line


def _replaced(path: str, have: Sequence[bytes], hunks: Sequence[Lines]) -> bytes | Misfit:
    done: list[bytes] = []
    at = drift = 0
    for hunk in hunks:
        start = _place(have, hunk, at, drift)
        if start is None:
            return Misfit(path, "has no place, or several, where a hunk fits", hunk.start)
        drift = start - hunk.start
        done += have[at:start]
        done += hunk.after
        at = start + len(hunk.before)
    done += have[at:]
    if any(not line.endswith(b"\n") for line in done[:-1]):
        return Misfit(path, "would have a line without end in its middle")
    return b"".join(done)


def _split(content: bytes) -> list[bytes]:
    """Lines by line feed alone: a lone carriage return stays inside its line."""
    lines = [line + b"\n" for line in content.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _place(have: Sequence[bytes], hunk: Lines, first: int, drift: int) -> int | None:
    """Where the hunk's lines stand: at its own line, moved as the hunk before was, or the one place from `first` on."""
    want, size = list(hunk.before), len(hunk.before)
    for start in (hunk.start + drift, hunk.start):
        if first <= start <= len(have) - size and list(have[start : start + size]) == want:
            return start
    if not want:
        return None
    found = [
        at for at in range(first, len(have) - size + 1) if have[at] == want[0] and list(have[at : at + size]) == want
    ]
    return found[0] if len(found) == 1 else None
