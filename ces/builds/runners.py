"""What test runners print of the tests that passed, whatever build started them.

Runners that name each test (Alcotest, libtest, go's) give names, the others numbers under their own name: a runner
that was ended before its report has said nothing, and so has a program that only has an exit status. Pure.
"""

import re
from collections import Counter

from ces.builds.reading import plain

PRINTED = "printed"
"""Stands for the tests of a program whose form is not known, but that printed: more is not known of it."""
_NAMED = {
    "alcotest": re.compile(r"^ *\[OK\] +(?P<name>\S.*?) {2,}\d+ {2,}(?P<test>.*?)\.?$", re.MULTILINE),
    "libtest": re.compile(r"^test (?P<name>\S.*?)(?: - should panic)? \.\.\. ok$", re.MULTILINE),
    "inline": re.compile(
        r'^File "(?P<name>[^"]+)", line \d+, characters \d+-\d+: (?P<test>.*) \(\d+\.\d+ sec\)$', re.MULTILINE
    ),
    "go": re.compile(r"^ok +\t?(?P<name>\S+)\t(?!.*\[no tests to run\])", re.MULTILINE),
}
# `less`: of those, how many were not run after all.
_COUNTED = {
    "alcotest": re.compile(r"^Test Successful in \S+\. (?P<count>\d+) tests? run\.$", re.MULTILINE),
    "libtest": re.compile(r"^test result: \w+\. (?P<count>\d+) passed;", re.MULTILINE),
    "ounit": re.compile(r"^Ran: (?P<count>\d+) tests in: .*\nOK(?:.*?Skip: +(?P<less>\d+))?", re.MULTILINE),
    "qcheck": re.compile(r"^success \(ran (?P<count>\d+) tests\)$", re.MULTILINE),
    "pytest": re.compile(r"^(?:=+ )?(?:\d+ \w+, )*(?P<count>\d+) passed\b.* in [\d.]+s\b", re.MULTILINE),
    "unittest": re.compile(r"^Ran (?P<count>\d+) tests? in \S+\n\nOK(?: \(.*?skipped=(?P<less>\d+))?", re.MULTILINE),
    "node": re.compile(r"^(?:#|ℹ) pass (?P<count>\d+)$", re.MULTILINE),
    "mocha": re.compile(r"^ +(?P<count>\d+) passing\b", re.MULTILINE),
    "jest": re.compile(r"^ *Tests:? +(?:.*? )?(?P<count>\d+) passed\b", re.MULTILINE),  # and vitest
    "ava": re.compile(r"^ +(?P<count>\d+) tests? passed$", re.MULTILINE),
}
# node counts a file that ended well and ran no test as a test of the file's name.
_NODE_FILE = re.compile(r"^(?:ok \d+ - |✔ )\S*\.[cm]?[jt]sx?(?: \([\d.]+ms\))?$", re.MULTILINE)
_TAP = re.compile(r"^ok \d+\b(?!.*# *(?:SKIP|TODO))", re.MULTILINE | re.IGNORECASE)
_TAP_PLAN = re.compile(r"^(?:TAP version \d+|1\.\.\d+)", re.MULTILINE)


def passed(output: str) -> dict[str, int]:
    """Tests that passed by name, or by runner where it gives numbers only; empty where nothing is told."""
    text = plain(output)
    found: Counter[str] = Counter()
    for runner, number in _COUNTED.items():
        count = sum(int(told["count"]) - int(told.groupdict().get("less") or 0) for told in number.finditer(text))
        names = _names(runner, text)
        if names.total() == count or not count:
            found += names
        else:
            found[runner] += count
    found["node"] = max(found["node"] - len(_NODE_FILE.findall(text)), 0)
    for runner in _NAMED.keys() - _COUNTED.keys():
        found += _names(runner, text)
    if not found.total() and not _COUNTED["node"].search(text) and _TAP_PLAN.search(text):  # node's has its own count
        found["tap"] = len(_TAP.findall(text))
    return dict(+found)


def _names(runner: str, text: str) -> Counter[str]:
    form = _NAMED.get(runner)
    told = () if form is None else form.finditer(text)
    return Counter(" / ".join(filter(None, (one["name"], one.groupdict().get("test")))) for one in told)
