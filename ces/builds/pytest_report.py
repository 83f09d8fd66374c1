"""`python -m pytest`, and a report of which tests passed.

Run as a program in a workspace's own interpreter (any Python 3.8 or later, any pytest), with pytest's arguments. The
report, see `ces.report`, is JSON: file -> function -> how many of its parametrisations passed. It is kept in memory
until pytest has ended: a process that was ended before has reported nothing. Where pytest runs its tests in several
processes (xdist), this is the one that only collects what they say.
"""

import json
import os
import sys
from typing import Any


class Passed:
    """A plugin of pytest's."""

    def __init__(self) -> None:
        self._tests: dict[str, bool] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" and report.outcome == "passed" and not hasattr(report, "wasxfail"):
            self._tests[report.nodeid] = True

    def told(self) -> str:
        found: dict[str, dict[str, int]] = {}
        for test in self._tests:
            path, _, name = test.partition("::")
            functions = found.setdefault(path, {})
            function = name.partition("[")[0]
            functions[function] = functions.get(function, 0) + 1
        return json.dumps(found)


def main() -> int:
    path, word, process = os.environ.pop("CES_REPORT", ""), "", os.getpid()
    if path:
        with open(path) as report:  # noqa: PTH123
            word = report.readline()
        os.unlink(path)  # noqa: PTH108
    import pytest

    sys.path[0] = os.getcwd()  # noqa: PTH109 - as with -m, and so is the name
    sys.argv[0] = os.path.join(os.path.dirname(pytest.__file__), "__main__.py")  # noqa: PTH118, PTH120
    passed = Passed()
    try:
        return int(pytest.main(sys.argv[1:], plugins=[passed]))
    finally:
        if path and os.getpid() == process:  # what a test has forked may come here too
            with open(path, "w") as report:  # noqa: PTH123
                report.write(word + passed.told())


if __name__ == "__main__":
    sys.exit(main())
