"""What the formats share in reading a reply: its lines, file names standing alone, orders about whole files.

Text in, data out. A reply that can't be read at all comes back as one `Rejected`.
"""

import json
import re
from collections.abc import Sequence

from aid.edits.edit import Edit, Rejected
from aid.edits.path import check_path, clean_path

MAX_REPLY_CHARS = 1_000_000  # some 250,000 tokens: far past any model's answer, and every step here is linear in it

_EXTENSION = re.compile(r"(^|[^.\s])\.\w+$")
_LABEL = re.compile(r"^(file ?name|file ?path|file|path)\s*:\s*", re.IGNORECASE)
_DECORATION = "*`#:\"' \t"
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})\s*([^`]*)$")
_ORDER = re.compile(r"^\s*\*\*\* (Delete|Rename|Mode ([0-7]{3,4})) File: (.+?)\s*$")
_TARGET = re.compile(r"^\s*\*\*\* Move to: (.+?)\s*$")
_NAME_IN_PROSE = re.compile(
    r"`([^`]+)`|(?<![\w.-])([\w.-]+(?:/[\w.-]+)+)|(?<![\w.-])([\w-]+(?:\.[\w-]+)*\.[A-Za-z]\w*)(?![\w(])"
)
_ABBREVIATIONS = frozenset({"e.g", "i.e", "a.k.a"})
_LEADS = frozenset({"also", "and", "for", "in", "now", "on", "then", "to"})
NO_NAME = "write the path alone on the line before, in double quotes if it has blanks"


def read_lines(reply: str) -> list[str] | Rejected:
    """The reply's lines without newlines, or why it can't be used.

    Where every line ends in a carriage return the reply itself came that way and they mean nothing; where only
    some do, those are meant.
    """
    if len(reply) > MAX_REPLY_CHARS:
        return Rejected(
            path=None,
            reason=f"the reply has {len(reply):,} characters; at most {MAX_REPLY_CHARS:,} are read. Send fewer edits",
        )
    if "\0" in reply:
        return Rejected(path=None, reason="the reply has a NUL character: it is not text")
    try:
        reply.encode()
    except UnicodeEncodeError:
        return Rejected(path=None, reason="the reply is not Unicode text (it has a lone surrogate)")
    lines = reply.split("\n")
    if "\r" in reply and all(line.endswith("\r") for line in lines[:-1]):
        lines = [line.removesuffix("\r") for line in lines]
    if lines[-1] == "":
        lines.pop()
    return lines


def fence(line: str, *, indented: bool = True) -> tuple[str, str] | None:
    """The run of backticks or tildes and what follows it, where `line` is a Markdown code fence."""
    if ("```" not in line and "~~~" not in line) or (not indented and line[:1] not in ("`", "~")):
        return None
    match = _FENCE.match(line)
    return (match[1], match[2].strip()) if match else None


def named_path(line: str, known: frozenset[str]) -> tuple[str, bool] | None:
    """The file name that stands alone on `line`, and whether it surely is one.

    Sure is a known path, a JSON string, or what has a folder or an extension; a bare word (`Makefile`) is not.
    Headings, bold type, backticks, a label such as `File:` and a final colon are taken off. A name with blanks that
    isn't known needs a label, or quotes around it, else nothing tells it from a sentence: `may_name` is for those.
    """
    plain = line.strip()
    if not plain or len(plain) > 1000 or _FENCE.match(plain):
        return None
    quoted = _json_string(plain)
    if quoted is not None:
        return clean_path(quoted), True
    if clean_path(plain) in known:
        return clean_path(plain), True
    inner = plain.strip(_DECORATION)
    decorated = inner != plain and not plain.endswith(":")
    labelled = _LABEL.match(inner) is not None
    inner = _LABEL.sub("", inner).strip(_DECORATION)
    path = clean_path(inner)
    if path in known:
        return path, True
    if not any(char.isalnum() for char in inner) or any(char in inner for char in "<>|(){}[]=;,"):
        return None
    if any(char.isspace() for char in inner):
        marked = labelled or plain.strip("*#: \t")[:1] in ("`", "'")
        whole = "`" not in inner and _EXTENSION.search(inner) is not None
        return (path, labelled) if marked and whole else None
    if "/" in inner or "\\" in inner or _EXTENSION.search(inner):
        return path, True
    return (path, False) if decorated or not plain.endswith(":") else None


def may_name(line: str) -> bool:
    """Whether `line`, no sure name, may yet be a file's: it ends in an extension, or is all one label or quotation."""
    plain = line.strip()
    inner = plain.strip(_DECORATION)
    if "`" in inner and _LABEL.match(inner) is None:
        return False  # the backticks say where the names in this sentence begin and end
    marked = plain.strip("*#: \t")[:1] in ("`", "'", '"') and plain.rstrip("*: \t")[-1:] in ("`", "'", '"')
    return marked or _LABEL.match(inner) is not None or _EXTENSION.search(inner) is not None


def fence_path(words: str, known: frozenset[str]) -> str | None:
    """The known path that stands on a fence, blanks and all, after a language or without one."""
    return next((path for text in (words, words.partition(" ")[2]) if (path := quoted_path(text)) in known), None)


def _json_string(text: str) -> str | None:
    if len(text) < 3 or text[0] != '"' or text[-1] != '"':
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, str) else None


def path_line(path: str) -> str:
    """`path` on a line of its own, such that `named_path` reads it back."""
    if named_path(path, frozenset()) == (path, True) and fence(path) is None:
        return path
    return json.dumps(path, ensure_ascii=False)


class PathFinder:
    """Finds the file each block of a reply is for: the name standing alone above it, else the block before's."""

    def __init__(self, lines: Sequence[str], known: frozenset[str]) -> None:
        self.lines = lines
        self.known = known
        self.previous: str | None = None
        self.after_previous = 0

    def above(self, index: int) -> str | Rejected:
        """The file of the block that begins at `index`; call `done` with its end afterwards."""
        path = self._named(index) or self._inherited(index)
        if path is None:
            return Rejected(path=None, reason=f"no file name above this edit: {NO_NAME}")
        reason = check_path(path)
        if reason is not None:
            return Rejected(path=path, reason=reason)
        return path

    def done(self, path: str | None, end: int) -> None:
        self.after_previous = end
        self.previous = path

    def _named(self, index: int) -> str | None:
        at = index - 1
        blanks = 0
        while at >= self.after_previous and blanks < 3:
            line = self.lines[at]
            marks = fence(line)
            if marks is not None:
                if (whole := fence_path(marks[1], self.known)) is not None:
                    return whole
                inside = named_path(marks[1].rpartition(" ")[2], self.known) if marks[1] else None
                if inside is not None and inside[1]:
                    return inside[0]
            elif line.strip():
                named = named_path(line, self.known)
                sure = named is not None and (named[1] or blanks == 0)
                return named[0] if named is not None and sure else None
            else:
                blanks += 1
            at -= 1
        return None

    def _inherited(self, index: int) -> str | None:
        """The previous block's file, or the only known one, unless the prose since then names another."""
        path = self.previous
        if path is None and len(self.known) == 1:
            path = next(iter(self.known))
        if path is None:
            return None
        between = self.lines[self.after_previous : index]
        nearest = next((line for line in reversed(between) if line.strip() and fence(line) is None), "")
        word = named_path(nearest, self.known) is not None and not nearest.rstrip(" *_").endswith((".", "!", "?"))
        doubtful = word or (may_name(nearest) and not self._sentence_on(nearest, path))
        if doubtful or any(self._mentions_another(line, path) for line in between):
            return None
        return path

    def _sentence_on(self, line: str, path: str) -> bool:
        """Whether `line` is a sentence that ends in `path`, and in no known path that only ends alike."""
        words = line.strip().strip(_DECORATION).split() or [""]
        same = words[-1] == path or path.endswith("/" + words[-1])
        alike = any(other.endswith(" " + words[-1]) for other in self.known)
        return same and not alike and (len(words) > 3 or (len(words) > 1 and words[0].lower() in _LEADS))

    def _mentions_another(self, line: str, path: str) -> bool:
        for match in _NAME_IN_PROSE.finditer(line):
            token = clean_path((match[1] or match[2] or match[3]).rstrip(".,:;"))
            named = token in self.known or "/" in token or _EXTENSION.search(token)
            if named and token not in _ABBREVIATIONS and token != path and not path.endswith("/" + token):
                return True
        return False


def order(lines: Sequence[str], index: int) -> tuple[Edit | Rejected, int] | None:
    """An order about a whole file at `index`, and the line after it; None where there is none.

    `*** Delete File: p`, `*** Rename File: p` with `*** Move to: q` below it, `*** Mode 755 File: p`: the same words
    in every format that has none of its own.
    """
    match = _ORDER.match(lines[index])
    if match is None:
        return None
    path = quoted_path(match[3])
    raw = lines[index]
    end = index + 1
    new_path = None
    if match[1] == "Rename":
        target = _TARGET.match(lines[end]) if end < len(lines) else None
        if target is None:
            return Rejected(path=path, reason="no '*** Move to: PATH' below '*** Rename File'", edit=raw), end
        new_path = quoted_path(target[1])
        raw, end = raw + "\n" + lines[end], end + 1
    reason = check_path(path) or (check_path(new_path) if new_path is not None else None)
    if reason is not None:
        return Rejected(path=path, reason=reason, edit=raw), end
    if match[1] == "Delete":
        return Edit(op="delete", path=path, raw=raw), end
    if match[1] == "Rename":
        return Edit(op="rename", path=path, new_path=new_path, raw=raw), end
    return Edit(op="mode", path=path, mode=int(match[2], 8), raw=raw), end


def quoted_path(text: str) -> str:
    """A path as it stands after `File:`, plain or as a JSON string."""
    return clean_path(_json_string(text) or text)


def order_path(path: str) -> str:
    """`path` as it stands after `File:` in an order."""
    return path if clean_path(path) == path and not path.startswith('"') else json.dumps(path, ensure_ascii=False)
