"""What dune prints, as diagnostics: the OCaml compilers' messages, dune's own, rules and tests that failed.

In: the output of one dune command and the sources it was about. Out: `Diagnostic`s in the order printed. Handles the
forms of OCaml 4.08 to 5.x: `line 2, characters 3-7`, `lines 2-4, characters 2-10`, `line 1:` alone, `character 12: …`
on one line, warnings as errors with their number and name, alerts, interface mismatches whose nested `File` lines
belong to one message, preprocessed files (`a.pp.ml`), hints (kept in the message), diffs of expected output (one
diagnostic a hunk), and commands that failed.

What differs between runs or between the aliases a build was asked for is left out, so that the same error reads the
same: sandbox names, diff headers, what asked for a file, where in a cycle dune came in.
"""

import itertools
import re
from collections.abc import Iterator

import msgspec

from ces.builds import ocaml_tests, toolchain_output
from ces.builds.reading import Sources, plain, whole_lines, word_at
from ces.verdict import Diagnostic, Range, Severity

LOCATION = re.compile(
    r'^File "(?P<file>[^"]*)", lines? (?P<first>\d+)(?:-(?P<last>\d+))?'
    r"(?:, characters? (?P<start>\d+)(?:-(?P<end>\d+))?)?:(?P<rest>.*)"
)
_CPPO = re.compile(r'^Error: (?P<place>File "[^"]*", line \d+, characters \d+-\d+)$')
_COMMAND = re.compile(r"^ *(?P<what>\S.*?) \((?P<how>exit \d+|got signal \S+)\)$")
_COMMAND_LINE = re.compile(r"^\((?:cd \S+ && )?.*\)(?: [<>2&]+ \S+)*$")
# What dune puts before the output of a command that succeeded: the program, right-aligned to column 12, and its target.
_RUNNING = re.compile(r"^(?:(?=.{12} ) *\S{1,12}|\S{13,}) (?:alias )?\S*[./{]\S*$")
_HEAD = re.compile(
    r"^(?P<kind>Error|Warning|Alert)"
    r"(?: \((?P<as>warning \d+(?: \[[\w-]+\])?|alert [\w-]+)\)| (?P<number>\d+(?: \[[\w-]+\])?| ?[\w-]+))?"
    r":(?: (?P<rest>.*))?$"
)
_EXCERPT = re.compile(r"^ *\d+ \| |^ *\d+ \|$|^ *\^[\^ .]*$|^ *\.\.\.$|^\.+$")
_BUILD_DIR = re.compile(r"^_build/(?:\.sandbox/[^/]+/)?(?!\.)[^/]+/")
_DIFF = re.compile(r"^(?:diff --git |--- \S.*\n\+\+\+ \S|-{6} \S.*\n\+{6} \S)")
_DIFF_OLD = re.compile(r"^-{3,6} (?P<name>\S.*?)(?:\t.*)?$")
_HUNK = re.compile(r"^@[@|] ?-(?P<row>\d+)")
_PATDIFF_LINE = re.compile(r"^[-+! ]\|")
_PROFILE = ("Entering directory", "Leaving directory", "Done: ", "Had errors", "Waiting for filesystem", "Promoting ")
_REQUIRED = re.compile(r"^ *-> required by (?:alias |_build/)")
_ASKED = re.compile(r"-> required by alias \S+ in (?P<file>\S+):(?P<row>\d+)$")
_LISTED = re.compile(r"^- (?P<file>\S+):(?P<row>\d+)$")


class _Block(msgspec.Struct):
    """A run of output lines that belong together. `kind`: file, bare, command, action, or none (to be left out)."""

    kind: str
    lines: list[str]
    explained: bool = False  # whether a block that names a file comes next


def parse(sources: Sources, output: str) -> list[Diagnostic]:
    """Errors, warnings and alerts of one dune command. Never raises; what it can't read it leaves out."""
    found: list[Diagnostic] = []
    for block in _blocks(sources, list(_as_ocaml_prints_it(plain(output).split("\n")))):
        if block.kind == "file":
            _located(sources, block.lines, found)
        elif block.kind == "bare":
            found.append(_bare(sources, block.lines))
        elif block.kind == "command":
            found += _failed_command(sources, block)
        elif block.kind == "action":
            found += _failed_action(sources, block.lines)
    return list(dict.fromkeys(found))


def _as_ocaml_prints_it(lines: list[str]) -> Iterator[str]:
    """cppo's `Error: File …` with its message on a line of its own, as a compiler's `File …:` line."""
    for number, line in enumerate(lines):
        said = _CPPO.match(line)
        following = lines[number + 1] if number + 1 < len(lines) else ""
        yield f"{said['place']}:" if said is not None and following.startswith("Error: ") else line


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
            block.explained = kind == "file"
            yield block
            block = _Block(kind, [line])
    yield block


def _turns_to_action(block: _Block, line: str) -> bool:
    """Whether a block that names a stanza is what dune 3 prints of a failed action: the place, then its output."""
    if block.kind != "file" or not re.match(r'^File "(?:[^"]*/)?dune[^"/]*"', block.lines[0]):
        return False
    return not (_EXCERPT.match(line) or _HEAD.match(line) or _COMMAND.match(line)) and not _is_whole(block.lines)


def _starts(sources: Sources, block: _Block, line: str, following: str) -> str | None:
    """The kind of block that starts at `line`, None when it goes on with the one before."""
    in_command = block.kind in ("command", "action")
    location = LOCATION.match(line)
    if location is not None and not (in_command and _is_alcotests(location)):
        # A test's or linker's own output may look like a compiler's; only a place in the workspace ends it.
        return "file" if not in_command or _place(sources, location)[0] is not None else None
    if _COMMAND.match(line) and _COMMAND_LINE.match(following):
        expecting = block.kind == "file" and len(block.lines) == 1 and "(internal)" in line  # git's or patdiff's diff
        return None if expecting else "command"
    if line.startswith(_PROFILE) or (_RUNNING.match(line) and (LOCATION.match(following) or _HEAD.match(following))):
        return "none"
    if _is_diff(block.lines):
        return "bare" if _HEAD.match(line) else None
    if in_command or (block.kind == "file" and not _is_whole(block.lines)):
        return None
    return "bare" if _HEAD.match(line) else None


def _is_alcotests(location: "re.Match[str]") -> bool:
    """Whether it is how alcotest prints `__POS__`: `line 2, character 22:` and nothing behind."""
    return location["start"] is not None and location["end"] is None and not location["rest"].strip()


def _is_whole(lines: list[str]) -> bool:
    """Whether the message that a `File` line announces is there."""
    location = LOCATION.match(lines[0])
    return bool(location and location["rest"].strip()) or _has_head(lines) or _is_diff(lines)


def _has_head(lines: list[str]) -> bool:
    return any(_HEAD.match(line) for line in lines)


def _is_diff(lines: list[str]) -> bool:
    """Whether it is a `File` line or a command that failed, then git's, diff's or patdiff's output."""
    return any(_DIFF.match(f"{line}\n{following}") for line, following in itertools.pairwise(lines[1:6]))


def _place(sources: Sources, location: "re.Match[str]") -> tuple[str | None, Range]:
    """Where a `File` line points: the source file in the workspace (None when it is none) and the range in it."""
    path = _source(sources, location["file"])
    first, last = int(location["first"]), int(location["last"] or location["first"])
    if location["start"] is None or first == 0:
        return path, whole_lines(max(first, 1), max(last, 1))
    start = sources.from_bytes(path, first - 1, int(location["start"]))
    if location["end"] is None:
        return path, word_at(sources, path, first - 1, start)
    end = sources.from_bytes(path, last - 1, int(location["end"]), up=True)
    if last == first:
        end = max(start, end)
    return path, Range(first - 1, start, last - 1, end)


def _source(sources: Sources, name: str) -> str | None:
    """The workspace's file that a build means by `name`: out of the build directory, before preprocessing.

    A `# line` directive names a file as the rule's own directory sees it: taken where only one file can be meant.
    """
    path = sources.relative(_BUILD_DIR.sub("", name))
    if path is None:
        return None
    path = _BUILD_DIR.sub("", path)
    for candidate in (re.sub(r"\.pp\.(mli?)$", r".\1", path), path):
        if sources.exists(candidate):
            return candidate
    return sources.only(path)


def _located(sources: Sources, lines: list[str], found: list[Diagnostic]) -> None:
    location = LOCATION.match(lines[0])
    assert location is not None
    path, place = _place(sources, location)
    body = [line for line in lines[1:] if not _EXCERPT.match(line)]
    body = body[1:] if body and _COMMAND.match(body[0]) else body
    body = body[1:] if body and _COMMAND_LINE.match(body[0]) else body
    hunks = _hunks(sources, path, body) if _is_diff(["", *body]) else []
    if hunks:
        found += hunks
        return
    rest = location["rest"].strip()
    if rest and not _HEAD.match(rest):
        found.append(
            ocaml_tests.inline(path, place, rest, body) or _diagnostic(path, place, "error", _trimmed([rest]), None)
        )
        return
    body = [rest, *body] if rest else body
    if not _has_head(body):
        _unheaded(path, place, lines[0], body, found)
        return
    severity, code, message = _message(body)
    if path is None and location["file"] not in ("_none_", "caml_startup", ""):
        message = f"{lines[0].partition(':')[0]}: {message}"
    found.append(_diagnostic(path, place, severity, message, code))


def _hunks(sources: Sources, path: str | None, diff: list[str]) -> list[Diagnostic]:
    """One diagnostic a hunk of a unified diff, at the first line of the old file that it takes away or adds before."""
    found: list[Diagnostic] = []
    kept: list[str] = []
    first, row, patdiff = None, 0, False
    for line in [*diff, "@@ -0"]:
        old, hunk = _DIFF_OLD.match(line), _HUNK.match(line)
        if hunk is not None:
            if kept:
                message = "the output differs from what is expected:\n" + _trimmed(kept)
                found.append(_diagnostic(path, whole_lines(first or 1, first or 1), "error", message, "diff"))
            kept, first, row, patdiff = [], None, max(int(hunk["row"]), 1), line.startswith("@|")
        elif old is not None and not row:
            path = _diffed(sources, old["name"]) or path
        elif row:
            first = row if first is None and line.startswith(("-", "+", "!")) else first
            row += not line.startswith("+")
            kept.append(f"{line[0]}{line[2:]}" if patdiff and _PATDIFF_LINE.match(line) else line)
    return found


def _diffed(sources: Sources, name: str) -> str | None:
    """The workspace's file in a diff's header, as git names it from the directory or the sandbox of an action."""
    name = re.sub(r"^(?:\.\./)+(?!\.)[^/]+/", "", name.removeprefix("a/"))
    path = _BUILD_DIR.sub("", name)
    return path if sources.exists(path) else None


def _unheaded(path: str | None, place: Range, line: str, body: list[str], found: list[Diagnostic]) -> None:
    """A `File` block without a heading: what belongs to the message before, or a failed rule's own words."""
    text = _trimmed(body)
    related = bool(body) and body[0].startswith("  ")
    if related and found:
        found[-1] = msgspec.structs.replace(found[-1], message=f"{found[-1].message}\n{line} {text.strip()}")
    elif text:
        found.append(_diagnostic(path, place, "error", text, None))


def _bare(sources: Sources, lines: list[str]) -> Diagnostic:
    severity, code, message = _message([line for line in lines if not _EXCERPT.match(line)])
    listed = sorted(line for line in message.split("\n") if _LISTED.match(line))
    asked = next((found for line in lines if (found := _ASKED.search(line))), None)
    named = _LISTED.match(listed[0]) if listed else asked
    path = sources.relative(named["file"]) if named is not None else None
    if named is None or path is None or not sources.exists(path):
        return _diagnostic(None, None, severity, message, code)
    message = "\n".join([line for line in message.split("\n") if line not in listed] + listed)
    return _diagnostic(path, whole_lines(int(named["row"]), int(named["row"])), severity, message, code)


def _message(body: list[str]) -> tuple[Severity, str | None, str]:
    """(severity, code, text) of a message that has a heading; every line after the heading belongs to it."""
    at = next(number for number, line in enumerate(body) if _HEAD.match(line))
    head = _HEAD.match(body[at])
    assert head is not None
    severity: Severity = "error" if head["kind"] == "Error" else "warning"
    code = head["as"] or (f"{head['kind'].lower()} {head['number'].strip()}" if head["number"] else None)
    text = [head["rest"] or "", *(line for line in body[at + 1 :] if not _REQUIRED.match(line))]
    for number, line in enumerate(text):
        if line == "Hint: try:" and text[number + 1 : number + 2] and "external-lib-deps" in text[number + 1]:
            text = text[:number] + text[number + 2 :]
            break
    return severity, code, _trimmed(_from_the_least(text) if "ycle" in text[0] else text)


def _from_the_least(cycle: list[str]) -> list[str]:
    """The lines of a cycle (`   a`, `-> b`, `-> a`) as if it had been entered at the first by name, from nowhere."""
    end = next((number for number, line in enumerate(cycle) if number > 1 and not line.startswith("-> ")), len(cycle))
    names = [line[3:] for line in cycle[1:end]]
    names = names[names.index(names[-1]) :] if names else names
    if len(names) < 2:
        return cycle
    at = names.index(min(names))
    turned = names[at:-1] + names[:at] + [names[at]]
    return [cycle[0], f"   {turned[0]}", *(f"-> {name}" for name in turned[1:]), *cycle[end:]]


def _failed_command(sources: Sources, block: _Block) -> list[Diagnostic]:
    lines = block.lines
    command = _COMMAND.match(lines[0])
    assert command is not None
    body = lines[2:] if len(lines) > 1 and _COMMAND_LINE.match(lines[1]) else lines[1:]
    hunks = _hunks(sources, None, body) if _is_diff(lines) else []
    if hunks:
        return hunks
    what = command["what"]
    inside = re.search(r"\(cd (?:\S*/)?_build/[^/ ]+/?(\S*) &&", lines[1]) if len(lines) > 1 else None
    found = _in_sources(sources, body, inside[1] if inside else "")
    if found and (" alias " in what or any(item.file for item in found)):
        return found
    said = _trimmed(body)
    if not said and block.explained and " alias " not in what:
        return []  # the compiler's message follows as a block of its own
    message = f"{what} failed ({command['how']})" + (f":\n{said}" if said else "")
    return [_diagnostic(None, None, "error", message, command["how"])]


def _failed_action(sources: Sources, lines: list[str]) -> list[Diagnostic]:
    location = LOCATION.match(lines[0])
    assert location is not None
    path, place = _place(sources, location)
    body = [line for line in lines[1:] if not (_EXCERPT.match(line) or _COMMAND_LINE.match(line))]
    found = _in_sources(sources, body, (path or "").rpartition("/")[0])
    if found and (not _is_field(sources, path, place) or any(item.file for item in found)):
        return found
    said = _trimmed(body)
    message = said if re.match(r"^Command (?:exited|got)", said) else f"this action failed:\n{said}"
    return [_diagnostic(path, place, "error", message, "action")]


def _is_field(sources: Sources, path: str | None, place: Range) -> bool:
    """Whether the place in a dune file is a field or a stanza, as for a rule's action; for a test it is its name."""
    lines = sources.lines(path) if path is not None else None
    return (
        lines is not None
        and place.start_line < len(lines)
        and b"(" in lines[place.start_line][place.start_character : place.start_character + 1]
    )


def _in_sources(sources: Sources, said: list[str], inside: str) -> list[Diagnostic]:
    """What a failed program says of the workspace's sources, when it is a test, a C compiler or the linker."""
    return ocaml_tests.parse(sources, said, inside) or toolchain_output.parse(sources, said, inside)


def _trimmed(lines: list[str]) -> str:
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def _diagnostic(
    path: str | None, place: Range | None, severity: Severity, message: str, code: str | None
) -> Diagnostic:
    place = place if path else None
    return Diagnostic(file=path, range=place, severity=severity, message=message, code=code, source="dune")
