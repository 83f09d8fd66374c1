"""Test programs' own output, as one diagnostic a failed test: alcotest, OUnit, inline tests, exceptions nobody caught.

What changes from run to run (run ids, seconds, log files, shard numbers) is left out, so that the same failure before
and after a change reads the same.
"""

import re
from collections.abc import Sequence

from ces.builds.reading import Sources, whole_lines
from ces.verdict import Diagnostic, Range

_ALCOTEST = re.compile(r"^[>│| ]*\[FAIL\] +(?P<suite>\S.*?) {2,}(?P<index>\d+) {2,}(?P<name>.*?)\.? *│?$")
_ALCOTEST_BOX = re.compile(r"^[│|] *\[FAIL\] ")
_OUNIT = re.compile(r"^(?P<kind>Error|Failure): (?P<name>\S.*?)\.$")
_OUNIT_RULE = re.compile(r"^[=-]{70,}$")
_UNCAUGHT = re.compile(r"^Fatal error: exception (?P<name>[\w.]+)(?P<rest>.*)$")
_IN_SOURCE = re.compile(r'\("(?P<file>[^"]+\.mli?)", (?P<line>\d+), (?P<column>\d+)\)')
_FRAME = re.compile(
    r'file "(?P<file>[^"]+\.mli?)"(?: \(inlined\))?, lines? (?P<line>\d+)(?:-\d+)?, characters (?P<column>\d+)-'
)
_POS = re.compile(r'^File "(?P<file>[^"]+\.mli?)", line (?P<line>\d+), character (?P<column>\d+):$')
_INLINE = re.compile(r"^(?P<name>.*?) (?:is false\.|threw .*|raised .*)$")
_UNSTEADY = re.compile(
    r"^ *(?:Logs saved to |Full test results in |This run has ID |Called from |Raised |Re-raised |Testing )|^ ?─+$"
    r'|^File "[^"]*\.log", line|\(in the (?:log|code)\)\.$|^Ran: |^FAILED \d+ / \d+ tests'
)


def parse(sources: Sources, lines: Sequence[str], inside: str) -> list[Diagnostic]:
    """The failed tests in a test program's output; empty when it has no form known here.

    `inside` is the directory, relative to the workspace, that the program ran in.
    """
    return _alcotest(sources, lines, inside) or _ounit(sources, lines, inside) or _uncaught(sources, lines, inside)


def inline(path: str | None, place: Range | None, headline: str, details: Sequence[str]) -> Diagnostic | None:
    """A failed test of ppx_inline_test, which prints its place and the result on one line; None for anything else."""
    if not _INLINE.match(headline):
        return None
    message = _told(f"test failed: {headline}", details)
    return Diagnostic(file=path, range=place, severity="error", message=message, code="inline_test", source="dune")


def _alcotest(sources: Sources, lines: Sequence[str], inside: str) -> list[Diagnostic]:
    details = _boxes(lines)
    found: dict[str, Diagnostic] = {}
    for line in lines:
        failed = _ALCOTEST.match(line)
        if failed is None or _ALCOTEST_BOX.match(line):
            continue
        name = f"{failed['suite']} / {failed['name']}"
        found.setdefault(name, _failure(sources, f"test failed: {name}", details.get(name, []), "alcotest", inside))
    return list(found.values())


def _boxes(lines: Sequence[str]) -> dict[str, list[str]]:
    """What alcotest prints under the box of a failed test, by the test's name."""
    details: dict[str, list[str]] = {}
    name = None
    for line in lines:
        failed = _ALCOTEST.match(line) if _ALCOTEST_BOX.match(line) else None
        if failed is not None:
            name = f"{failed['suite']} / {failed['name']}"
            details[name] = []
        elif line.startswith((" ────", "└", "┌", "Full test results")):
            name = None if details.get(name or "") else name
        elif name is not None:
            details[name].append(line)
    return details


def _ounit(sources: Sources, lines: Sequence[str], inside: str) -> list[Diagnostic]:
    found: dict[str, Diagnostic] = {}
    for number, line in enumerate(lines):
        failed = _OUNIT.match(line)
        if failed is None or number == 0 or not _OUNIT_RULE.match(lines[number - 1]):
            continue
        details = []
        for detail in lines[number + 1 :]:
            if _OUNIT_RULE.match(detail):
                break
            details.append(detail)
        name = failed["name"]
        found.setdefault(name, _failure(sources, f"test failed: {name}", details, "ounit", inside))
    return list(found.values())


def _uncaught(sources: Sources, lines: Sequence[str], inside: str) -> list[Diagnostic]:
    for number, line in enumerate(lines):
        raised = _UNCAUGHT.match(line)
        if raised is not None:
            message = line.removeprefix("Fatal error: ")
            return [_failure(sources, message, [line, *lines[number + 1 :]], raised["name"], inside)]
    return []


def _failure(sources: Sources, headline: str, details: Sequence[str], code: str, inside: str) -> Diagnostic:
    path, place = _place(sources, details, inside)
    message = _told(headline, [line for line in details if not _POS.match(line)])
    return Diagnostic(file=path, range=place, severity="error", message=message, code=code, source="dune")


def _told(headline: str, details: Sequence[str]) -> str:
    kept = [line.rstrip() for line in details if not _UNSTEADY.search(line) and not _UNCAUGHT.match(line)]
    text = re.sub(r"\n{2,}", "\n", "\n".join(kept)).strip("\n")
    return f"{headline}\n{text}" if text else headline


def _place(sources: Sources, details: Sequence[str], inside: str) -> tuple[str | None, Range | None]:
    """The first place the failure names that is a file of the workspace (libraries' own frames are not)."""
    for line in details:
        for pattern in (_POS, _IN_SOURCE, _FRAME):
            for named in pattern.finditer(line):
                for start in ("", inside):
                    path = sources.relative(named["file"], start)
                    if path is not None and sources.exists(path):
                        row = int(named["line"])
                        column = sources.from_bytes(path, row - 1, int(named["column"]))
                        return path, Range(row - 1, column, row, 0) if column else whole_lines(row, row)
    return None, None
