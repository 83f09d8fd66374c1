"""What dune prints, as diagnostics: the OCaml compilers' messages, dune's own, rules and tests that failed.

In: the output of one dune command and the sources it was about. Out: `Diagnostic`s in the order printed. Handles the
forms of OCaml 4.08 to 5.x: `line 2, characters 3-7`, `lines 2-4, characters 2-10`, `line 1:` alone, warnings as errors
with their number and name, alerts, interface mismatches whose nested `File` lines belong to one message, preprocessed
files (`a.pp.ml`), hints (kept in the message), diffs of expected output, and commands that failed.
"""

import re
from collections.abc import Iterator

import msgspec

from ces.builds import ocaml_tests
from ces.builds.reading import Sources, plain, whole_lines
from ces.verdict import Diagnostic, Range, Severity

LOCATION = re.compile(
    r'^File "(?P<file>[^"]*)", lines? (?P<first>\d+)(?:-(?P<last>\d+))?(?:, characters (?P<start>\d+)-(?P<end>\d+))?:'
)
_COMMAND = re.compile(r"^ *(?P<what>\S.*?) \((?P<how>exit \d+|got signal \S+)\)$")
_COMMAND_LINE = re.compile(r"^\((?:cd \S+ && )?.*\)(?: [<>2&]+ \S+)*$")
_RUNNING = re.compile(r"^ {0,12}(?:ocaml\w*|ppx|sh|gcc|ocamldep) [^ ].*$")  # `--display short` without a result
_HEAD = re.compile(
    r"^(?P<kind>Error|Warning|Alert)"
    r"(?: \((?P<as>warning \d+(?: \[[\w-]+\])?|alert [\w-]+)\)| (?P<number>\d+(?: \[[\w-]+\])?| ?[\w-]+))?"
    r":(?: (?P<rest>.*))?$"
)
_EXCERPT = re.compile(r"^ *\d+ \| |^ *\d+ \|$|^ *\^[\^ .]*$|^ *\.\.\.$|^\.+$")
_BUILD_DIR = re.compile(r"^_build/(?!\.)[^/]+/")
_DIFF = re.compile(r"^(?:diff --git |--- |\+\+\+ |\|?@@)")
_PROFILE = ("Entering directory", "Leaving directory", "Done: ", "Had errors", "Waiting for filesystem")


class _Block(msgspec.Struct):
    """A run of output lines that belong together. `kind`: file, bare, command, action, or none (to be left out)."""

    kind: str
    lines: list[str]


def parse(sources: Sources, output: str) -> list[Diagnostic]:
    """Errors, warnings and alerts of one dune command. Never raises; what it can't read it leaves out."""
    found: list[Diagnostic] = []
    for block in _blocks(sources, plain(output).split("\n")):
        if block.kind == "file":
            _located(sources, block.lines, found)
        elif block.kind == "bare":
            found.append(_bare(block.lines))
        elif block.kind == "command":
            found += _failed_command(sources, block.lines)
        elif block.kind == "action":
            found += _failed_action(sources, block.lines)
    return list(dict.fromkeys(found))


def _blocks(sources: Sources, lines: list[str]) -> Iterator[_Block]:
    block = _Block("none", [])
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        kind = _starts(sources, block, line, following)
        if kind is None:
            block.lines.append(line)
            if _turns_to_action(block, line):
                block.kind = "action"
        else:
            yield block
            block = _Block(kind, [line])
    yield block


def _turns_to_action(block: _Block, line: str) -> bool:
    """Whether a block that names a stanza is what dune 3 prints of a failed action: the place, then its output."""
    if block.kind != "file" or not re.match(r'^File "(?:[^"]*/)?dune"', block.lines[0]):
        return False
    return not (_EXCERPT.match(line) or _HEAD.match(line) or _COMMAND.match(line)) and not _has_head(block.lines)


def _starts(sources: Sources, block: _Block, line: str, following: str) -> str | None:
    """The kind of block that starts at `line`, None when it goes on with the one before."""
    in_command = block.kind in ("command", "action")
    location = LOCATION.match(line)
    if location is not None:
        # A test's or linker's own output may look like a compiler's; only a place in the workspace ends it.
        return "file" if not in_command or _place(sources, location)[0] is not None else None
    if _COMMAND.match(line) and _COMMAND_LINE.match(following):
        expecting = block.kind == "file" and len(block.lines) == 1
        return None if expecting else "command"
    if line.startswith(_PROFILE) or (_RUNNING.match(line) and LOCATION.match(following)):
        return "none"
    if in_command or (block.kind == "file" and not _has_head(block.lines)):
        return None
    return "bare" if _HEAD.match(line) else None


def _has_head(lines: list[str]) -> bool:
    return any(_HEAD.match(line) for line in lines)


def _place(sources: Sources, location: "re.Match[str]") -> tuple[str | None, Range]:
    """Where a `File` line points: the source file in the workspace (None when it is none) and the range in it."""
    name = _BUILD_DIR.sub("", location["file"])
    path = sources.relative(name)
    if path is not None:
        path = _BUILD_DIR.sub("", path)
        original = re.sub(r"\.pp\.(mli?)$", r".\1", path)
        path = original if sources.exists(original) else path
        path = path if sources.exists(path) else None
    first, last = int(location["first"]), int(location["last"] or location["first"])
    if location["start"] is None or first == 0:
        return path, whole_lines(max(first, 1), max(last, 1))
    start = sources.from_bytes(path, first - 1, int(location["start"]))
    end = sources.from_bytes(path, last - 1, int(location["end"]))
    if last == first:
        end = max(start, end)
    return path, Range(first - 1, start, last - 1, end)


def _located(sources: Sources, lines: list[str], found: list[Diagnostic]) -> None:
    location = LOCATION.match(lines[0])
    assert location is not None
    path, place = _place(sources, location)
    body = [line for line in lines[1:] if not _EXCERPT.match(line)]
    body = body[1:] if body and _COMMAND.match(body[0]) else body
    body = body[1:] if body and _COMMAND_LINE.match(body[0]) else body
    if any(_DIFF.match(line) for line in body[:3]):
        message = "the output differs from what is expected:\n" + _trimmed(body)
        found.append(_diagnostic(path, _first_change(body) or place, "error", message, "diff"))
        return
    if not any(_HEAD.match(line) for line in body):
        _unheaded(path, place, lines[0], body, found)
        return
    severity, code, message = _message(body)
    if path is None and location["file"] not in ("_none_", "caml_startup", ""):
        message = f"{lines[0].removesuffix(':')}: {message}"
    found.append(_diagnostic(path, place if path else None, severity, message, code))


def _first_change(diff: list[str]) -> Range | None:
    """The first line of the old file that a unified diff takes away or adds before."""
    row = None
    for line in diff:
        header = re.match(r"^@@ -(\d+)", line)
        if header is not None:
            row = max(int(header[1]), 1)
        elif row is not None and line.startswith(("-", "+")):
            return whole_lines(row, row)
        elif row is not None:
            row += 1
    return None


def _unheaded(path: str | None, place: Range, line: str, body: list[str], found: list[Diagnostic]) -> None:
    """A `File` block without a heading: what belongs to the message before, or a failed rule's own words."""
    text = _trimmed(body)
    related = bool(body) and body[0].startswith("  ")
    if related and found:
        found[-1] = msgspec.structs.replace(found[-1], message=f"{found[-1].message}\n{line} {text.strip()}")
    elif text:
        found.append(_diagnostic(path, place if path else None, "error", text, None))


def _bare(lines: list[str]) -> Diagnostic:
    severity, code, message = _message([line for line in lines if not _EXCERPT.match(line)])
    return _diagnostic(None, None, severity, message, code)


def _message(body: list[str]) -> tuple[Severity, str | None, str]:
    """(severity, code, text) of a message that has a heading; every line after the heading belongs to it."""
    at = next(number for number, line in enumerate(body) if _HEAD.match(line))
    head = _HEAD.match(body[at])
    assert head is not None
    severity: Severity = "error" if head["kind"] == "Error" else "warning"
    code = head["as"] or (f"{head['kind'].lower()} {head['number'].strip()}" if head["number"] else None)
    return severity, code, _trimmed([head["rest"] or "", *body[at + 1 :]])


def _failed_command(sources: Sources, lines: list[str]) -> list[Diagnostic]:
    command = _COMMAND.match(lines[0])
    assert command is not None
    body = lines[2:] if len(lines) > 1 and _COMMAND_LINE.match(lines[1]) else lines[1:]
    what = command["what"]
    inside = re.search(r"\(cd (?:\S*/)?_build/[^/ ]+/?(\S*) &&", lines[1]) if len(lines) > 1 else None
    tests = ocaml_tests.parse(sources, body, inside[1] if inside else "")
    if tests:
        return tests
    if what.startswith("ocaml") and not _trimmed(body):
        return []  # the compiler's message follows as a block of its own
    said = _trimmed(body)
    message = f"{what} failed ({command['how']})" + (f":\n{said}" if said else "")
    return [_diagnostic(None, None, "error", message, command["how"])]


def _failed_action(sources: Sources, lines: list[str]) -> list[Diagnostic]:
    location = LOCATION.match(lines[0])
    assert location is not None
    path, place = _place(sources, location)
    body = [line for line in lines[1:] if not (_EXCERPT.match(line) or _COMMAND_LINE.match(line))]
    inside = (path or "").rpartition("/")[0]
    return ocaml_tests.parse(sources, body, inside) or [
        _diagnostic(path, place if path else None, "error", _trimmed(body), "action")
    ]


def _trimmed(lines: list[str]) -> str:
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def _diagnostic(
    path: str | None, place: Range | None, severity: Severity, message: str, code: str | None
) -> Diagnostic:
    return Diagnostic(file=path, range=place, severity=severity, message=message, code=code, source="dune")
