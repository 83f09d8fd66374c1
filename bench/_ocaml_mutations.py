"""Diffs of an OCaml project, made by chance from a seed: edits that keep it green, break it, or change an interface.

Nothing here knows whether a diff is right: that is for a build to say. Every kind is one a person or a model makes.
"""

import random
import re
from collections.abc import Callable
from pathlib import Path

from ces.change import FileChange

Edit = Callable[[random.Random, str], str | None]

_TOP = re.compile(r"^let (?:rec )?([a-z]\w*)", re.MULTILINE)
_VAL = re.compile(r"^val ([a-z]\w*) *:[^\n]*\n", re.MULTILINE)


def _replace(pattern: str, new: Callable[["re.Match[str]", random.Random], str]) -> Edit:
    compiled = re.compile(pattern, re.MULTILINE)

    def edit(chance: random.Random, text: str) -> str | None:
        found = list(compiled.finditer(text))
        if not found:
            return None
        match = chance.choice(found)
        return text[: match.start()] + new(match, chance) + text[match.end() :]

    return edit


def _append(*lines: str) -> Edit:
    return lambda chance, text: f"{text}\n{chance.choice(lines)}\n".replace("NUMBER", str(chance.randrange(10**6)))


def _twice(chance: random.Random, text: str) -> str | None:
    lines = text.split("\n")
    at = chance.randrange(len(lines))
    return "\n".join([*lines[:at], lines[at], *lines[at:]])


def _without_line(chance: random.Random, text: str) -> str | None:
    lines = text.split("\n")
    del lines[chance.randrange(len(lines))]
    return "\n".join(lines)


IMPLEMENTATION: dict[str, Edit] = {
    "comment": _replace(r"^let ", lambda m, c: "(* a remark *)\n" + m[0]),
    "local value": _replace(r" = (?=\w)", lambda m, c: f" = let fresh = {c.randrange(99)} in ignore fresh; "),
    "new value": _append("let fresh_NUMBER x = x + NUMBER", "let fresh_NUMBER = [ NUMBER ]", "let _ = NUMBER"),
    "new module": _append("module Fresh = struct type t = T of int let x = T NUMBER end"),
    "new type": _append("type fresh = A_NUMBER | B", "exception Fresh_NUMBER of int"),
    "another number": _replace(r"\b\d+\b", lambda m, c: str(c.randrange(100))),
    "number to string": _replace(r"(?<![\w.])\d+(?![\w.])", lambda m, c: f'"{m[0]}"'),
    "misspelt name": _replace(r"\b[a-z]\w{3,}\b", lambda m, c: m[0][:-1]),
    "swapped words": _replace(r"\b(\w+) (\w+)\b", lambda m, c: f"{m[2]} {m[1]}"),
    "no rec": _replace(r"\blet rec ", lambda m, c: "let "),
    "needless rec": _replace(r"^let (?!rec|open)", lambda m, c: "let rec "),
    "no Some": _replace(r"\bSome ", lambda m, c: ""),
    "float operator": _replace(r" ([-+*/]) ", lambda m, c: f" {m[1]}. "),
    "no case": _replace(r"^ *\| [^\n]*\n", lambda m, c: ""),
    "renamed value": _replace(r"^let (?:rec )?([a-z]\w*)", lambda m, c: m[0] + "_renamed"),
    "one argument more": _replace(r"^let (?:rec )?([a-z]\w*) (?=\w)", lambda m, c: m[0] + "_more "),
    "one argument less": _replace(r"^(let (?:rec )?[a-z]\w*) [a-z]\w* (?=\w)", lambda m, c: m[1] + " "),
    "another module's": _replace(r"\b([A-Z]\w*)\.", lambda m, c: c.choice(["List", "String", "Core", "Fresh"]) + "."),
    "without a module": _replace(r"\b[A-Z]\w*\.(?=[a-z])", lambda m, c: ""),
    "a line twice": _twice,
    "a line less": _without_line,
    "an attribute": _replace(r"^let ", lambda m, c: '[@@@ocaml.warning "-32"]\n' + m[0]),
    "no unit": _replace(r" \(\)", lambda m, c: ""),
    "renamed constructor": _replace(r"\| ([A-Z]\w*)", lambda m, c: f"| {m[1]}'"),
}

INTERFACE: dict[str, Edit] = {
    "comment": _replace(r"^val ", lambda m, c: "(** A remark. *)\n" + m[0]),
    "no value": _replace(_VAL.pattern, lambda m, c: ""),
    "deprecated": _replace(_VAL.pattern, lambda m, c: m[0].rstrip("\n") + ' [@@ocaml.deprecated "old"]\n'),
    "another type": _replace(r"\b(int|string|bool|unit)\b", lambda m, c: c.choice(["int", "string", "char", "unit"])),
    "optional": _replace(r"^(val [a-z]\w* *: *)(?=\w)", lambda m, c: m[1] + "?fresh:int -> "),
    "a value more": _append("val fresh_NUMBER : int"),
    "a type more": _append("type fresh_NUMBER"),
    "abstract": _replace(r"^type t = [^\n]*\n", lambda m, c: "type t\n"),
    "a line less": _without_line,
    "more general": _replace(r"\bint\b", lambda m, c: "'fresh"),
}

_FRESH = (
    "let f x = x + 1\n",
    'let f x = x + "1"\n',
    "type t = A | B\nlet f = function A -> 1 | B -> 2\n",
    "type t = A | B\nlet f = function A -> 1\n",
    "let unused = ignore (List.map succ)\n",
)


def mutate(project: Path, chance: random.Random) -> tuple[str, tuple[FileChange, ...]] | None:
    """One diff: (what kind, the changes); None when that kind doesn't fit what was drawn."""
    files = sorted(
        path.relative_to(project).as_posix()
        for path in project.rglob("*.ml*")
        if path.suffix in (".ml", ".mli") and "_build" not in path.parts
    )
    drawn = chance.random()
    if drawn < 0.06:
        return _moved(project, files, chance)
    made = [_edited(project, chance.choice(files), chance)]
    if drawn > 0.85:
        made.append(_edited(project, chance.choice(files), chance))
    if drawn > 0.95:  # a module and its interface
        path = chance.choice([name for name in files if name.endswith(".mli")])
        made = [_edited(project, path, chance), _edited(project, path.removesuffix("i"), chance)]
    kept = {change.path: (kind, change) for kind, change in filter(None, made)}
    if not kept:
        return None
    return " + ".join(kind for kind, _ in kept.values()), tuple(change for _, change in kept.values())


def _edited(project: Path, path: str, chance: random.Random) -> tuple[str, FileChange] | None:
    if not (project / path).is_file():
        return None
    before = (project / path).read_text("utf-8", "surrogateescape")
    edits = INTERFACE if path.endswith(".mli") else IMPLEMENTATION
    kind = chance.choice(sorted(edits))
    after = edits[kind](chance, before)
    if after is None or after == before:
        return None
    return f"{kind} ({path.rpartition('.')[2]})", _change(path, before, after)


def _moved(project: Path, files: list[str], chance: random.Random) -> tuple[str, tuple[FileChange, ...]]:
    path = chance.choice(files)
    before = (project / path).read_text("utf-8", "surrogateescape")
    folder = path.rpartition("/")[0]
    kind = chance.choice(["removed", "module removed", "renamed", "added", "interface added"])
    if kind == "removed":
        return kind, (_change(path, before, None),)
    if kind == "module removed":
        both = [name for name in (path.removesuffix("i"), path.removesuffix("i") + "i") if (project / name).is_file()]
        return kind, tuple(_change(name, (project / name).read_text("utf-8", "surrogateescape"), None) for name in both)
    fresh = f"{folder}/fresh.ml" if folder else "fresh.ml"
    if kind == "renamed":
        fresh += "i" if path.endswith("i") else ""
        content = before.encode("utf-8", "surrogateescape")
        return kind, (FileChange(path=fresh, before=content, after=content, old_path=path),)
    if kind == "interface added":
        mli = path.removesuffix("i") + "i"
        return kind, (_change(mli, None, "val fresh : int\n") if mli not in files else _change(fresh, None, _FRESH[0]),)
    return kind, (_change(fresh, None, chance.choice(_FRESH)),)


def _change(path: str, before: str | None, after: str | None) -> FileChange:
    def encoded(text: str | None) -> bytes | None:
        return None if text is None else text.encode("utf-8", "surrogateescape")

    return FileChange(path=path, before=encoded(before), after=encoded(after))
