"""Types talked away: casts that the checker can't see through."""

import re
from collections.abc import Iterator

from ces.hacks.case import Family, Trick
from ces.hacks.edited import Edited
from ces.hacks.patterns import Pattern, Shape, added, shown
from ces.hacks.source import Source, Span
from ces.verdict import Flag

_TAKES = "Option\\.get|Result\\.get_(?:ok|error)|List\\.hd|Lazy\\.force|Queue\\.(?:pop|take|peek)|Stack\\.(?:pop|top)"
_NOTHING = r"\(?\s*!?\s*\(?\s*(?:None\b|\[\s*\]|ref\s+(?:None\b|\[\s*\])|(?:Queue|Stack)\.create\b)"
_EMPTY = re.compile(
    r"\blet\s+(\w+)\s*(?::[^=]*)?=\s*(?:ref\s+)?(?:None\b|\[\s*\]|(?:Queue|Stack)\.create\s*\(\s*\))\s*(?:in\b|let\b|;;)"
)
_WRITTEN = re.compile(r"\bMarshal\.to_(?:string|bytes)\b")
_READ_BACK = re.compile(r"\bMarshal\.from_\w+")


def _from_nothing(source: Source) -> list[Span]:
    """Values of any type that are empty, stay so and are taken from: what comes out has whatever type is wanted."""
    found = []
    for empty in _EMPTY.finditer(source.code):
        name = re.escape(empty[1])
        rest = source.code[empty.end() :]
        taken = re.search(rf"\b(?:{_TAKES})\s*(?:@@\s*)?\(?\s*!?\s*\(?\s*{name}\b", rest)
        if taken and len(re.findall(rf"\b{name}\b(?!')", rest)) == 1:  # whatever else names it may fill it
            at = source.line(empty.start(1))
            found.append((at, at))
    return found


def _round_trips(source: Source) -> list[Span]:
    """What a definition marshals and reads back itself: it is of another type then. Files are read back elsewhere."""
    lines = set()
    for node in source.nodes("value_definition"):
        code = source.code[node.start_byte : node.end_byte]
        if re.search(r"\bMarshal\.to_\w+", code):
            read = _READ_BACK.finditer(code)
            lines |= {source.line(node.start_byte + one.start()) for one in read}
    return [(line, line) for line in sorted(lines)]


def _split_trips(change: Edited) -> Iterator[Flag]:
    """The same in several definitions or files that come: through a string, which nothing but the program sees."""
    files = [file for file in change.code if file.language == "ocaml"]
    come = [(file, line, file.after.bare_lines[line]) for file in files for line in sorted(file.added)]
    gone = [file.before.bare_lines[line] for file in files for line in file.removed]
    if not any(_WRITTEN.search(text) for *_, text in come):
        return
    back = [(file, line) for file, line, text in come if re.search(r"\bMarshal\.from_(?:string|bytes)\b", text)]
    for file, line in back[: max(len(back) - sum(_READ_BACK.search(text) is not None for text in gone), 0)]:
        yield Flag(name="unsafe-cast", path=file.path, line=line, message=shown(file.after, line))


PATTERNS = (
    Pattern(
        trick="unsafe-cast",
        language="ocaml",
        words=r"\bObj\s*\.\s*(?:magic|obj|field|set_field|add_offset|with_tag)\b|\b(?:open|include)!?\s+(?:Stdlib\.)?Obj\b"
        r"|\bmodule\s+\w+\s*=\s*(?:Stdlib\.)?Obj\b|\bObj\.\("
        r"|\(\s*(?:module\s+)?(?:Stdlib\s*\.\s*)?Obj\s*(?:\)|:(?!:))",
    ),
    Pattern(trick="value-from-nothing", language="ocaml", words=rf"\b(?:{_TAKES})\s*(?:@@\s*)?{_NOTHING}"),
    Shape(trick="value-from-nothing", language="ocaml", words=rf"\b(?:{_TAKES})\b", find=_from_nothing),
    Shape(trick="unsafe-cast", language="ocaml", words=r"\bMarshal\b", find=_round_trips),
    Pattern(trick="any-cast", language="ocaml", words=r"(?<![\w.])(?:Stdlib\.)?input_value\b|\bMarshal\.from_\w+\b"),
    Pattern(
        trick="unsafe-cast",
        language="ocaml",
        words=r"\bexternal\b[^=]*=\s*\"%(?:identity|obj_magic|opaque)\"",
        where="uncommented",
    ),
    Pattern(
        trick="type-asserted", language="python", words=r"(?<![\w.])(?:typing\.|t\.)?cast\((?!\s*(?:typing\.)?Any\b)"
    ),
    Pattern(
        trick="cast-forced",
        language="rust",
        words=r"\btransmute(?:_copy)?\b|\bunreachable_unchecked\b|\bmem::(?:zeroed|uninitialized)\b(?!::<libc::)"
        r"|\bMaybeUninit::(?:uninit|zeroed)\(\)\s*\.\s*assume_init\b|\bdowncast_\w*unchecked\b",
    ),
    Pattern(trick="cast-forced", language="typescript", words=r"\bas\s+(?:unknown|any|never)\s+as\b"),
    Pattern(
        trick="any-cast",
        language="typescript",
        words=r"\bas\s+(?:any|never)\b(?!\s+as\b)|:\s*any\b|<any>|\bdeclare\s+module\s+[\"'][^\"']*[\"']\s*;",
    ),
    Pattern(
        trick="any-cast",
        language="python",
        words=r"\bcast\(\s*(?:typing\.)?Any\b|\bif\s+not\s+(?:typing\.|t\.)?TYPE_CHECKING\b"
        r"|(?:->|:)\s*(?:typing\.)?Any\s*(?:[=:,)]|$)",
    ),
)


def find(change: Edited) -> Iterator[Flag]:
    found = list(added(change.code, PATTERNS))
    yield from found
    casts = {(flag.path, flag.line) for flag in found if flag.name == "unsafe-cast"}
    yield from (flag for flag in _split_trips(change) if (flag.path, flag.line) not in casts)


FAMILY = Family(
    name="casts",
    tricks=(
        Trick(
            "unsafe-cast",
            '`Obj.magic`, `"%identity"`, `Marshal`: the type is only asserted.',
            "close",
        ),
        Trick("value-from-nothing", "A value of any type is taken out of what is empty.", "close"),
        Trick("cast-forced", "`transmute`, `as unknown as`: one type is taken for another.", "near"),
        Trick("type-asserted", "A `cast` to a type: the checker believes it.", "weak"),
        Trick("any-cast", "`any`, `Any`: the checker is told to look away.", "near"),
    ),
    find=find,
)
