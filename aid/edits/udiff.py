"""Unified diffs: from a model's text to edits and back.

What comes in are a reply's lines; what goes out is one `replace` per hunk, and `create`, `delete`, `rename` and `mode`
as git's extended headers say. Nothing here touches a file or raises. Line numbers and counts are untrusted: a hunk's
numbers are only hints, its counts decide solely where removed lines look like the header of a next file, and a hunk
may have neither.
"""

import re
from collections.abc import Sequence

import msgspec

from aid.edits.edit import Edit, Rejected
from aid.edits.hunk import Body
from aid.edits.path import check_path, clean_path
from aid.edits.reply import fence

_HUNK = re.compile(r"^@@+ ?(?:-(\d+)(?:,(\d+))? +\+(\d+)(?:,(\d+))?)?(?: ?@@+ ?(.*))?")
_OCTAL = re.compile(r"\\([0-7]{3}|.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


_EXTENDED = (
    "old mode ", "new ", "deleted file mode ", "rename ", "copy ", "similarity ", "dissimilarity ", "index ",
    "Binary ", "GIT ",
)  # fmt: skip


class _File(msgspec.Struct):
    """One file's part of a diff, being read."""

    old: str | None = None
    new: str | None = None
    git: bool = False
    created: bool = False
    deleted: bool = False
    renamed: bool = False
    mode: int | None = None
    reason: str | None = None
    hunks: list[Edit] = []
    first: int = 0
    end: int = 0


def parse(lines: Sequence[str], known: frozenset[str]) -> list[Edit | Rejected]:
    """The edits of a reply's lines, in its order. A diff that names no file is for the only known one."""
    reader = _Reader(lines, known)
    while reader.at < len(lines):
        reader.step()
    reader.finish()
    return reader.edits


class _Reader:
    """Reads line by line; `at` is the next line."""

    def __init__(self, lines: Sequence[str], known: frozenset[str]) -> None:
        self.lines = lines
        self.known = known
        self.at = 0
        self.file: _File | None = None
        self.fenced = False
        self.edits: list[Edit | Rejected] = []

    def step(self) -> None:
        line = self.lines[self.at]
        if line.startswith("diff --git "):
            self.begin()
            self.current().git = True
            self.current().end = self.at + 1
            self.git_names(line.removeprefix("diff --git "))
        elif self.is_header(self.at):
            self.names()
            self.current().end = self.at
            return
        elif line.startswith("@@"):
            self.hunk()
            self.current().end = self.at
            return
        elif self.file is not None and not self.file.hunks:
            self.extended(line, self.file)
            if line.startswith(_EXTENDED):
                self.file.end = self.at + 1
        if fence(line) is not None:
            self.fenced = not self.fenced
        self.at += 1

    def current(self) -> _File:
        if self.file is None:
            self.file = _File(first=self.at)
        return self.file

    def begin(self) -> None:
        self.finish()
        self.file = _File(first=self.at)

    def finish(self) -> None:
        if self.file is not None:
            self.edits += _file_edits(self.file, "\n".join(self.lines[self.file.first : self.file.end]), self.known)
        self.file = None

    def git_names(self, names: str) -> None:
        """Both names of a `diff --git` line, when they are alike or quoted; else the lines below say them."""
        file = self.current()
        half = len(names) // 2
        if names[:2] == "a/" and names[half + 1 :][:2] == "b/" and names[2:half] == names[half + 3 :]:
            file.old = file.new = names[2:half]
        elif names.startswith('"') and len(parts := re.findall(r'"(?:[^"\\]|\\.)*"', names)) == 2:
            file.old, file.new = (_name(part)[2:] for part in parts)

    def is_header(self, index: int) -> bool:
        """Whether `--- x`, `+++ y` stand here. The numbers of the hunk being read, where right, go before."""
        lines = self.lines
        return lines[index].startswith("--- ") and index + 1 < len(lines) and lines[index + 1].startswith("+++ ")

    def names(self) -> None:
        """The `--- x` and `+++ y` lines: a new file begins, unless git's header above has begun it."""
        if self.file is None or self.file.hunks or not self.file.git:
            self.begin()
        file = self.current()
        old, new = _name(self.lines[self.at][4:]), _name(self.lines[self.at + 1][4:])
        if old != "/dev/null" and new != "/dev/null":
            if old.startswith("a/") and new.startswith("b/"):
                old, new = old[2:], new[2:]
        elif old != new:
            old, new = (name if name == "/dev/null" else _without_side(name) for name in (old, new))
        file.created |= old == "/dev/null"
        file.deleted |= new == "/dev/null"
        if not file.renamed:
            file.old = new if file.created else old
            file.new = old if file.deleted else new
        self.at += 2

    def extended(self, line: str, file: _File) -> None:
        """One of git's extended header lines (git-diff(1))."""
        word, _, rest = line.partition(" ")
        if line.startswith(("new file mode ", "new mode ")):
            file.created |= line.startswith("new file")
            digits = line.rpartition(" ")[2].strip()
            if re.fullmatch(r"100[0-7]{3}", digits):
                mode = int(digits[3:], 8)
                file.mode = mode if not file.created or mode != 0o644 else None
            elif line.startswith("new file"):
                file.reason = f"mode {digits} is no regular file's"
        elif line.startswith("deleted file mode "):
            file.deleted = True
        elif line.startswith(("rename from ", "rename to ")):
            file.renamed = True
            name = _name(line.split(" ", 2)[2])
            file.old, file.new = (name, file.new) if " from " in line[:12] else (file.old, name)
        elif word in ("Binary", "GIT") or line.startswith(("copy from ", "copy to ")):
            file.reason = "binary patches and copies are not supported: give the new text" if rest else None

    def hunk(self) -> None:
        """A hunk: as long as its counts say when what follows fits that, else up to what can't be its line."""
        start = self.at
        match = _HUNK.match(self.lines[start])
        counts = _counts(match) if match else None
        body = self.counted(start + 1, counts) if counts is not None else None
        if body is None:
            body = self.loose(start + 1)
        edit = body.edit("", "\n".join(self.lines[start : self.at]))
        number = int(match[1]) if match and match[1] and len(match[1]) < 10 else 0
        heading = _heading(self.lines[start], match)
        edit = msgspec.structs.replace(edit, start=number or None, headings=(heading,) if heading else ())
        self.current().hunks.append(edit)

    def counted(self, first: int, counts: tuple[int, int]) -> Body | None:
        """The hunk of exactly `counts` old and new lines; None when they are not there or something follows."""
        body = Body()
        at = first
        lines = self.lines
        while at < len(lines) and (len(body.old) < counts[0] or len(body.new) < counts[1]):
            if lines[at][:1] not in (" ", "+", "-", "\\", ""):
                return None
            body.add(lines[at])
            at += 1
        if at < len(lines) and lines[at].startswith("\\"):
            body.add(lines[at])
            at += 1
        if (len(body.old), len(body.new)) != counts or not self.ends_at(at):
            return None
        self.at = at
        return body

    def ends_at(self, index: int) -> bool:
        """Whether a hunk may well end before line `index`."""
        if index >= len(self.lines):
            return True
        line = self.lines[index]
        return self.is_header(index) or line[:1] not in ("+", "-", " ", "\\")

    def loose(self, first: int) -> Body:
        """The lines up to the next header, hunk or fence, or to prose; in a fence a line may lack its sign."""
        body = Body()
        at = first
        while at < len(self.lines):
            line = self.lines[at]
            header = self.is_header(at) and self.lines[at + 2 : at + 3] != [] and self.lines[at + 2].startswith("@@")
            if header or line.startswith(("@@", "diff --git ")) or fence(line, indented=False) is not None:
                break
            if line[:1] not in ("+", "-", " ", "\\", "") and not self.fenced:
                break
            body.add(line)
            at += 1
        body.drop_trailing_blanks()
        self.at = at
        return body


def _counts(match: re.Match[str]) -> tuple[int, int] | None:
    if match[1] is None or any(group and len(group) > 9 for group in match.groups()[:4]):
        return None
    return int(match[2] or 1), int(match[4] or 1)


def _heading(line: str, match: re.Match[str] | None) -> str:
    """What follows the numbers of an `@@` line, or stands in their place."""
    if match is not None and (match[5] or match[1]):
        return (match[5] or "").strip()
    return line.strip("@ \t\r")


def _name(text: str) -> str:
    """A path as diffs write it: up to a tab, or quoted like a C string."""
    plain = text.rstrip("\r")
    if plain.startswith('"') and plain.rstrip().endswith('"') and len(plain.rstrip()) > 1:
        quoted = plain.rstrip()[1:-1]
        octets = _OCTAL.sub(_unescaped, quoted).encode("latin-1", "surrogateescape") if quoted.isascii() else None
        if octets is not None:
            return octets.decode("utf-8", "replace")
        return _OCTAL.sub(_unescaped, quoted)
    return plain.partition("\t")[0].rstrip()


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    return chr(int(code, 8) & 255) if code.isdigit() and len(code) == 3 else _ESCAPES.get(code, code)


def _without_side(name: str) -> str:
    return name[2:] if name.startswith(("a/", "b/")) else name


def _file_edits(file: _File, raw: str, known: frozenset[str]) -> list[Edit | Rejected]:
    """One file's edits, or the one reason why there are none."""
    if file.old is None and file.new is None and not file.hunks and file.reason is None:
        return []
    old, new = file.old or file.new, file.new or file.old
    if old is None or new is None:
        if len(known) != 1:
            return [Rejected(path=None, reason="no '--- a/PATH' and '+++ b/PATH' above the hunk", edit=raw)]
        old = new = next(iter(known))
    old, new = clean_path(old), clean_path(new)
    reason = file.reason or check_path(old) or check_path(new)
    if reason is not None:
        return [Rejected(path=old, reason=reason, edit=raw)]
    if file.created or file.deleted:
        return [_whole_file(file, old, raw)]
    edits: list[Edit | Rejected] = []
    if file.renamed and old != new:
        edits.append(Edit(op="rename", path=old, new_path=new, raw=raw))
    if file.mode is not None:
        edits.append(Edit(op="mode", path=old, mode=file.mode, raw=raw))
    header = f"--- a/{old}\n+++ b/{new}\n"
    edits += [msgspec.structs.replace(hunk, path=old, raw=header + hunk.raw) for hunk in file.hunks]
    if not edits:
        return [Rejected(path=old, reason="the diff has no hunk: '@@ … @@' and lines below it", edit=raw)]
    return edits


def _whole_file(file: _File, path: str, raw: str) -> Edit | Rejected:
    """A file made or deleted: its hunks hold the whole text."""
    old = tuple(line for hunk in file.hunks for line in hunk.old)
    new = tuple(line for hunk in file.hunks for line in hunk.new)
    final = file.hunks[-1].final_newline if file.hunks else None
    if file.created and file.deleted:
        return Rejected(path=path, reason="the diff both makes and deletes the file", edit=raw)
    if file.deleted:
        if new:
            return Rejected(path=path, reason="the diff deletes the file and leaves lines of it", edit=raw)
        return Edit(op="delete", path=path, old=old, raw=raw)
    if old:
        return Rejected(path=path, reason="the diff makes a new file and quotes old lines of it", edit=raw)
    return Edit(op="create", path=path, new=new, mode=file.mode, final_newline=final, raw=raw)
