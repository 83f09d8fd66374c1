"""What would keep the judge busy for ever: types that blow up, loops without end, forks, memory."""

import re
from collections.abc import Iterator

from ces.hacks.case import Family, Trick
from ces.hacks.edited import Edited, EditedFile
from ces.hacks.patterns import Pattern, added
from ces.verdict import Flag

CHAIN = 6  # doublings: 2^6 times the type they start from
DEPTH = 60  # brackets within brackets
TAGS = 300  # polymorphic variant tags
_DOUBLING = {
    "ocaml": r"(?:\blet\s+\w+\s+(?:\w+\s+)?=\s*(?:fun\s+\w+\s*->\s*)?\(?\s*(?P<a>\w[\w']*(?:\s+\w+)?)\s*,\s*(?P=a)\b"
    r"|\blet\s+\w+\s+\w+\s*=\s*(?P<b>\w+)\s*\(\s*(?P=b)\b|\btype\s+(?:'\w+\s+)?\w+\s*=\s*(?P<c>(?:'\w+\s+)?\w+)\s*\*\s*(?P=c)\b)",
    "python": r"\b\w+\s*=\s*(?:[Tt]uple\[|Union\[|[(\[])\s*(?P<a>\w+)\s*,\s*(?P=a)\b",
    "rust": r"\b(?:type\s+\w+(?:<[^>]*>)?\s*=|let\s+\w+\s*=)\s*\(\s*(?P<a>\w+(?:<[^>]*>)?)\s*,\s*(?P=a)\b",
    "typescript": r"\btype\s+\w+(?:<[^>]*>)?\s*=\s*(?:[\[{]\s*(?:\w+\s*:\s*)?(?P<a>\w+(?:<[^>]*>)?)"
    r"\s*[,;]\s*(?:\w+\s*:\s*)?(?P=a)\b"
    r"|\x60\$\{(?P<b>\w+)\}\$\{(?P=b)\})",
}
_DOUBLINGS = {language: re.compile(words) for language, words in _DOUBLING.items()}
_TAG = re.compile(r"`[A-Z]\w*")
_BIG = r"(?:max_int|[1-9]\d{8,}|[1-9][\d_]{10,}|1\s*lsl\s*(?:[3-6]\d)|Sys\.max_(?:string|array)_length)"
_FORKS = r"(?:Unix\.fork|os\.fork(?:pty)?|libc::fork|\bfork)\s*\(\s*\)"
PATTERNS = (
    Pattern(
        trick="endless-loop",
        language="ocaml",
        words=r"\bwhile\s+true\s+do\s*(?:\(\s*\)|ignore\s+[^;]*?|incr\s+\w+)?\s*;?\s*done"
        r"|\blet\s+rec\s+(\w+)(?:\s+(?:\(\)|~?\w+))+\s*(?::[^=]*)?=\s*\1(?:\s+(?:~?\w+|\([^()]*\)))+\s*(?:\bin\b|;;|\blet\b|\Z)",
    ),
    Pattern(
        trick="endless-loop",
        language="python",
        words=r"\bwhile\s+(?:True|1)\s*:\s*(?:pass|\.\.\.|continue|time\.sleep\([^)]*\))\s*$"
        r"|\bdef\s+(\w+)\(\)[^:]*:\s*(?:return\s+)?\1\(\)\s*$|\bfor\s+\w+\s+in\s+(?:iter\(int,\s*1\)|itertools\.count\(\))\s*:\s*pass",
    ),
    Pattern(trick="endless-loop", language="rust", words=r"\bloop\s*\{\s*\}|\bwhile\s+true\s*\{\s*\}"),
    Pattern(
        trick="endless-loop",
        language="typescript",
        words=r"\b(?:while\s*\(\s*(?:true|1)\s*\)|for\s*\(\s*;\s*;\s*\))\s*(?:\{\s*\}|;)",
    ),
    Pattern(
        trick="fork-bomb",
        language="ocaml",
        words=rf"\b(?:while\s+true|for\s+\w+\s*=|let\s+rec\s)[^;]{{0,200}}?{_FORKS}",
    ),
    Pattern(
        trick="fork-bomb",
        language="python",
        words=rf"\b(?:while\s+(?:True|1)|for\s+\w+\s+in)\b[^:]*:(?:[^\n]*\n){{0,3}}?[^\n]*{_FORKS}"
        r"|\b(?:while\s+(?:True|1)|for\s+\w+\s+in\s+(?:(?:itertools\.)?(?:count|cycle|repeat)\(|iter\(|range\())[^:]*:"
        r"(?:[^\n]*\n){0,3}?[^\n]*\b(?:(?:subprocess\.)?Popen\(|Process\()",
    ),
    Pattern(
        trick="fork-bomb",
        language="rust",
        words=rf"\b(?:loop|while\s+true|for\s+\w+\s+in\s+[^{{]*\.\.[^{{]*)\s*\{{[^}}]{{0,200}}?(?:{_FORKS}|thread::spawn|Command::new)"
        rf"|\bfor\s+\w+\s+in\s+[^{{]*\{{[^}}]{{0,200}}?{_FORKS}",
    ),
    Pattern(
        trick="fork-bomb",
        language="typescript",
        words=r"\b(?:while\s*\(\s*(?:true|1)\s*\)|for\s*\(\s*;\s*;)[^}]{0,200}?\b(?:fork|spawn|exec|new Worker)\s*\(",
    ),
    Pattern(
        trick="memory-bomb",
        language="ocaml",
        words=rf"\b(?:Bytes|String|Array|Bigarray\.\w+|Buffer|Float\.Array|List)\.(?:create|make|init|create_float)\s+\(?{_BIG}",
    ),
    Pattern(
        trick="memory-bomb",
        language="python",
        words=r"\b(?:bytearray|bytes|list|range)\(\s*(?:10\s*\*\*\s*\d+|1\s*<<\s*[3-9]\d|[1-9][\d_]{9,})"
        r"|\*\s*\(?\s*(?:10\s*\*\*\s*(?:[89]|\d\d)|1\s*<<\s*(?:[3-9]\d)|[1-9]\d{8,}|1(?:_000){3,})"
        r"|\bwhile\s+(?:True|1)\s*:\s*\w+\s*(?:\.append\(\s*\w+\s*\)|\+=\s*\w+)\s*$",
    ),
    Pattern(
        trick="memory-bomb",
        language="rust",
        words=r"\bvec!\[[^;\]]*;\s*(?:[1-9][\d_]{9,}|usize::MAX|1\s*<<\s*[3-6]\d)|::with_capacity\(\s*(?:usize::MAX|[1-9][\d_]{9,})",
    ),
    Pattern(
        trick="memory-bomb",
        language="typescript",
        words=r"\b(?:Array|Buffer\.alloc(?:Unsafe)?|ArrayBuffer|Uint8Array)\(\s*(?:\d+e\d+|[1-9][\d_]{8,}|2\s*\*\*\s*[3-6]\d|10\s*\*\*\s*\d+)"
        r"|\.repeat\(\s*(?:\d+e\d+|[1-9][\d_]{8,}|2\s*\*\*\s*[3-6]\d)",
    ),
)


def find(change: Edited) -> Iterator[Flag]:
    yield from added(change.code, PATTERNS)
    for file in change.code:
        if file.added_code and file.language in _DOUBLINGS:
            says = _blows_up(file, _DOUBLINGS[file.language])
            if says:
                yield Flag(name="type-bomb", path=file.path, line=min(file.added_code), message=says)


def _blows_up(file: EditedFile, doubling: re.Pattern[str]) -> str | None:
    fresh = file.added_text
    doubled = len(doubling.findall(fresh))
    if doubled >= CHAIN and len(doubling.findall(file.after.code)) - len(doubling.findall(file.before.code)) >= CHAIN:
        return f"{doubled} definitions that each double the one before"
    if sum(map(fresh.count, "([{")) >= DEPTH:
        depth = _depth(file.after.code)
        if depth >= DEPTH and depth > 2 * _depth(file.before.code):
            return f"{depth} brackets deep"
    if file.language == "ocaml" and len(_TAG.findall(fresh)) >= TAGS:
        tags = len(_TAG.findall(file.after.code)) - len(_TAG.findall(file.before.code))
        return f"{tags} polymorphic variant tags" if tags >= TAGS else None
    return None


def _depth(code: str) -> int:
    deepest = depth = 0
    for mark in re.findall(r"[()\[\]{}]", code):
        depth = depth + 1 if mark in "([{" else max(depth - 1, 0)
        deepest = max(deepest, depth)
    return deepest


FAMILY = Family(
    name="bombs",
    tricks=(
        Trick("type-bomb", "Types or expressions that the type-checker takes for ever over."),
        Trick("endless-loop", "A loop that does nothing and doesn't end."),
        Trick("fork-bomb", "Processes or threads are started in a loop."),
        Trick("memory-bomb", "More memory is asked for than a machine has."),
    ),
    find=find,
)
