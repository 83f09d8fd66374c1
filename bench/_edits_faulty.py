"""True edits written as models write them: in each format, with one fault at a time, the same on every run.

Real changes in, replies out. A fault never touches what the edit means: new lines stay as they are, save that losing
one level of indentation loses it on every line of a hunk.
"""

import random
import re
from collections.abc import Callable, Sequence

import msgspec

FORMATS = ("search-replace", "udiff", "apply-patch", "whole", "line-range")


class Hunk(msgspec.Struct, frozen=True):
    """Rows of (sign, text); `start` is the one-based line of the first old row."""

    path: str
    start: int
    rows: tuple[tuple[str, str], ...]

    @property
    def old(self) -> list[str]:
        return [text for sign, text in self.rows if sign in " -"]

    @property
    def new(self) -> list[str]:
        return [text for sign, text in self.rows if sign in " +"]


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A reply and what it must come to. `hunks` and `slips` count the edits in it and those the fault touched."""

    id: str
    format: str
    fault: str
    reply: str
    before: dict[str, str]
    after: dict[str, str]


def hunks_of(diff: str) -> list[Hunk]:
    """The hunks of a git diff with right numbers."""
    found: list[Hunk] = []
    path, start = "", 0
    rows: list[tuple[str, str]] = []
    for line in [*diff.split("\n"), "diff --git"]:
        header = re.match(r"@@ -(\d+)", line)
        if (header or line.startswith("diff --git")) and rows:
            found.append(Hunk(path, start, tuple(rows)))
            rows = []
        if line.startswith("+++ "):
            path = line[6:]
        elif header:
            start = int(header[1])
        elif line[:1] in (" ", "+", "-") and not line.startswith("---"):
            rows.append((line[0], line[1:]))
    return found


def unique(hunk: Hunk, lines: Sequence[str]) -> Hunk:
    """`hunk` with more context where its old lines stand in several places."""
    text = "\n" + "\n".join(lines) + "\n"
    start, rows = hunk.start, list(hunk.rows)
    while text.count("\n" + "\n".join(old for sign, old in rows if sign in " -") + "\n") > 1:
        end = start - 1 + sum(sign in " -" for sign, _ in rows)
        if start > 1:
            start -= 1
            rows.insert(0, (" ", lines[start - 1]))
        if end < len(lines):
            rows.append((" ", lines[end]))
        elif start == 1:
            break
    return Hunk(hunk.path, start, tuple(rows))


# One fault each: hunks and a source of chance in, hunks out.


def lose_indentation(hunk: Hunk, _: random.Random) -> Hunk:
    """One level (four blanks) off every line, where every line has one."""
    if any(text.strip() and not text.startswith("    ") for _, text in hunk.rows):
        return hunk
    return Hunk(hunk.path, hunk.start, tuple((sign, text.removeprefix("    ")) for sign, text in hunk.rows))


def change_trailing_blanks(hunk: Hunk, chance: random.Random) -> Hunk:
    rows = []
    for sign, text in hunk.rows:
        spoilt = text.rstrip() if text != text.rstrip() else text + " " * chance.randint(1, 3)
        rows.append((sign, spoilt if sign in " -" and chance.random() < 0.4 else text))
    return Hunk(hunk.path, hunk.start, tuple(rows))


def _context(hunk: Hunk, least: int) -> list[int]:
    return [index for index, (sign, text) in enumerate(hunk.rows) if sign == " " and len(text.strip()) >= least]


def drop_context(hunk: Hunk, chance: random.Random) -> Hunk:
    """One line of context left out, any of them, if two others stay.

    Not the last line before what is added at a file's end: the reply without it quotes another place exactly.
    """
    return _drop(hunk, chance, [at for at in _all_context(hunk) if not _before_end(hunk, at)])


def _before_end(hunk: Hunk, index: int) -> bool:
    """Whether nothing but new lines stand between this row and an end of the hunk."""
    signs = [sign for sign, _ in hunk.rows]
    return any(side and set(side) == {"+"} for side in (signs[:index], signs[index + 1 :]))


def drop_beside(hunk: Hunk, chance: random.Random) -> Hunk:
    """A line of context left out right beside a change: the reply no longer says on which side of it that goes.

    Only where there is context on both sides of all changes: at a file's end it would plainly ask for another place.
    """
    if hunk.rows[0][0] != " " or hunk.rows[-1][0] != " ":
        return hunk
    return _drop(hunk, chance, [at for at in _all_context(hunk)[1:-1] if _beside_change(hunk, at)])


def _all_context(hunk: Hunk) -> list[int]:
    return [index for index, (sign, _) in enumerate(hunk.rows) if sign == " "]


def _beside_change(hunk: Hunk, index: int) -> bool:
    return any(sign != " " for sign, _ in hunk.rows[max(0, index - 1) : index + 2])


def _drop(hunk: Hunk, chance: random.Random, indices: Sequence[int]) -> Hunk:
    if not indices or len(_all_context(hunk)) < 3:
        return hunk
    gone = chance.choice(indices)
    start = hunk.start + (1 if gone == 0 else 0)
    return Hunk(hunk.path, start, tuple(row for index, row in enumerate(hunk.rows) if index != gone))


def misspell_context(hunk: Hunk, chance: random.Random) -> Hunk:
    """A letter of one line of context left out, doubled or swapped with the next."""
    indices = _context(hunk, 8)
    if not indices:
        return hunk
    index = chance.choice(indices)
    text = hunk.rows[index][1]
    letters = [at for at in range(len(text) - 1) if text[at].isalpha() and text[at + 1].isalpha()]
    if not letters:
        return hunk
    at = chance.choice(letters)
    wrong = chance.choice(
        [
            text[:at] + text[at + 1 :],
            text[:at] + text[at] + text[at:],
            text[:at] + text[at + 1] + text[at] + text[at + 2 :],
        ]
    )
    rows = [*hunk.rows[:index], (" ", wrong), *hunk.rows[index + 1 :]]
    return Hunk(hunk.path, hunk.start, tuple(rows))


def shift_number(hunk: Hunk, chance: random.Random) -> Hunk:
    return Hunk(hunk.path, max(1, hunk.start + chance.choice([-1, 1]) * chance.randint(1, 60)), hunk.rows)


def _unchanged(hunk: Hunk, _: random.Random) -> Hunk:
    return hunk


HUNK_FAULTS: dict[str, Callable[[Hunk, random.Random], Hunk]] = {
    "none": _unchanged,
    "wrong line numbers": shift_number,
    "wrong counts": _unchanged,
    "no numbers": _unchanged,
    "lost indentation": lose_indentation,
    "trailing blanks": change_trailing_blanks,
    "fences around": _unchanged,
    "prose between": _unchanged,
    "context dropped": drop_context,
    "context misspelt": misspell_context,
    "context dropped in every hunk": drop_context,
    "context misspelt in every hunk": misspell_context,
    "dropped beside a change": drop_beside,
    "misspelt in SEARCH only": _unchanged,
}

_MEANINGFUL = {
    "wrong line numbers": ("udiff", "line-range"),
    "wrong counts": ("udiff",),
    "no numbers": ("udiff",),
    "lost indentation": ("search-replace", "udiff", "apply-patch", "line-range"),
    "trailing blanks": ("search-replace", "udiff", "apply-patch", "line-range"),
    "context dropped": ("search-replace", "udiff", "apply-patch", "line-range"),
    "context misspelt": ("search-replace", "udiff", "apply-patch", "line-range"),
    "context dropped in every hunk": ("search-replace", "udiff", "apply-patch", "line-range"),
    "context misspelt in every hunk": ("search-replace", "udiff", "apply-patch", "line-range"),
    "dropped beside a change": ("search-replace", "udiff", "apply-patch", "line-range"),
    "misspelt in SEARCH only": ("search-replace", "line-range"),
}
HARDER = (
    "context dropped in every hunk",
    "context misspelt in every hunk",
    "dropped beside a change",
    "misspelt in SEARCH only",
)  # more than one slip, or one where the reply no longer says what is meant: refusing is right
_ONE_HUNK = ("context dropped", "context misspelt", "dropped beside a change")
_AS_GIT_WRITES = ("none", "wrong counts", "fences around", "prose between")  # three lines of context, right numbers
PROSE = ["Now the next change, which follows from the first:", "This keeps the old behaviour.\n\nThen:"]


def cases(change: dict[str, object]) -> list[Case]:
    """Every format with every fault that means something in it, for one real change."""
    before, after = change["before"], change["after"]
    assert isinstance(before, dict) and isinstance(after, dict)
    true = [unique(hunk, before[hunk.path].split("\n")) for hunk in hunks_of(str(change["edit"]))]
    plain = hunks_of(str(change["edit"]))
    found = []
    for fault, spoil in HUNK_FAULTS.items():
        for format in _MEANINGFUL.get(fault, FORMATS):
            chance = random.Random(f"{change['id']} {fault} {format}")
            source = plain if format == "udiff" and fault in _AS_GIT_WRITES else true
            spoilt = [spoil(hunk, chance) for hunk in source]
            if fault in _ONE_HUNK:
                only = chance.randrange(len(source))
                spoilt = [new if at == only else old for at, (old, new) in enumerate(zip(source, spoilt, strict=True))]
            if spoil is not _unchanged and spoilt == source:
                continue
            reply = write(format, spoilt, after, fault, chance)
            if reply is not None:
                found.append(
                    Case(id=str(change["id"]), format=format, fault=fault, reply=reply, before=before, after=after)
                )
    return found


def write(format: str, hunks: Sequence[Hunk], after: dict[str, str], fault: str, chance: random.Random) -> str | None:
    """The reply; None where the fault can't be made in it."""
    match format:
        case "search-replace":
            parts = [_search_replace(hunk, fault, chance) for hunk in hunks]
        case "line-range":
            parts = [_line_range(hunk, fault, chance) for hunk in hunks]
        case "whole":
            parts = [_whole(path, text) for path, text in after.items()]
        case "udiff":
            parts = _by_file(
                hunks, lambda path: f"--- a/{path}\n+++ b/{path}", lambda hunk: _udiff(hunk, fault, chance)
            )
        case _:
            parts = _by_file(hunks, lambda path: f"*** Update File: {path}", lambda hunk: _body("@@", hunk))
            parts = [f"*** Begin Patch\n{part}\n*** End Patch" for part in parts] if fault == "prose between" else parts
    if any(part is None for part in parts):
        return None
    texts = [part for part in parts if part is not None]
    language = "" if format in ("whole", "apply-patch") else "diff" if format == "udiff" else "python"
    if (fault == "fences around" and format != "whole") or (fault == "prose between" and format == "udiff"):
        texts = [f"```{language}\n{text}\n```" for text in texts]
    if format == "apply-patch" and fault != "prose between":
        if fault == "fences around":
            texts = [text.removeprefix("```\n").removesuffix("\n```") for text in texts]
        text = "*** Begin Patch\n" + "\n".join(texts) + "\n*** End Patch"
        return f"```\n{text}\n```\n" if fault == "fences around" else text + "\n"
    if fault == "prose between":
        texts = [
            "Here is what I would change.",
            *(f"{PROSE[at % 2]}\n\n{text}" for at, text in enumerate(texts)),
            "Done.",
        ]
    return ("\n\n" if format != "udiff" or fault == "prose between" else "\n").join(texts) + "\n"


def _by_file(hunks: Sequence[Hunk], header: Callable[[str], str], body: Callable[[Hunk], str]) -> list[str | None]:
    parts: list[str | None] = []
    for path in dict.fromkeys(hunk.path for hunk in hunks):
        own = [body(hunk) for hunk in hunks if hunk.path == path]
        parts.append("\n".join([header(path), *own]))
    return parts


def _body(header: str, hunk: Hunk) -> str:
    return "\n".join([header, *(sign + text for sign, text in hunk.rows)])


def _udiff(hunk: Hunk, fault: str, chance: random.Random) -> str:
    if fault == "no numbers":
        return _body("@@ ... @@", hunk)
    old, new = len(hunk.old), len(hunk.new)
    if fault == "wrong counts":
        old, new = max(1, old + chance.choice([-2, -1, 1, 3])), max(1, new + chance.choice([-2, -1, 2, 3]))
    return _body(f"@@ -{hunk.start},{old} +{hunk.start},{new} @@", hunk)


def _search(hunk: Hunk, fault: str, chance: random.Random) -> list[str] | None:
    """The quoted lines; None where the fault is for them alone and can't be made."""
    if fault == "misspelt in SEARCH only":
        spoilt = misspell_context(hunk, chance)
    else:
        return hunk.old
    return spoilt.old if spoilt != hunk else None


def _search_replace(hunk: Hunk, fault: str, chance: random.Random) -> str | None:
    old = _search(hunk, fault, chance)
    if old is None:
        return None
    width = 9 if any(re.match(r"\s*(={5,8}|<{5,}|>{5,})", text) for _, text in hunk.rows) else 7
    rows = [hunk.path, "<" * width + " SEARCH", *old, "=" * width, *hunk.new, ">" * width + " REPLACE"]
    return "\n".join(rows)


def _line_range(hunk: Hunk, fault: str, chance: random.Random) -> str | None:
    old = _search(hunk, fault, chance)
    if old is None:
        return None
    width = 9 if any(re.match(r"\s*(={5,8}|<{5,}|>{5,})", text) for _, text in hunk.rows) else 7
    numbered = [f"{number}| {text}" for number, text in enumerate(old, hunk.start)]
    rows = [hunk.path, "<" * width + " LINES", *numbered, "=" * width, *hunk.new, ">" * width + " END"]
    return "\n".join(rows)


def _whole(path: str, text: str) -> str:
    longest = max((len(run) for run in re.findall(r"^\s*(`{3,})", text, re.MULTILINE)), default=2)
    marks = "`" * max(3, longest + 1)
    return f"{path}\n{marks}\n{text}{'' if text.endswith(chr(10)) or not text else chr(10)}{marks}"
