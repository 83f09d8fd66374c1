"""dune's log (`_build/log`, up to dune 3.21): which programs ran, and what each said of its tests.

The log is the one place where a test that was run and printed nothing differs from one that had no reason to run again.
"""

import re

from ces.builds import runners
from ces.verdict import Tests

_COMMAND = re.compile(r"^\$ (?:\(cd _build/(?P<folder>\S+) && (?P<words>.*?)\)|.*)(?: [<>2].*)?$")
_SAID = re.compile(r"^> ?")
_FAILED = re.compile(r"^\[\d+\]$")


def passed(log: str) -> Tests:
    """Program, as folder and command, -> its tests.

    Compilers and other tools are programs, too; as a rule they have no tests. Only of the workspace's own, and only
    when they succeeded, does it say something that they printed anything.
    """
    said: dict[str, list[str]] = {}
    failed = set()
    program = None
    for line in log.split("\n"):
        command = _COMMAND.match(line)
        if command is not None:
            program = _name(command["folder"], command["words"]) if command["folder"] else None
            if program is not None:
                said.setdefault(program, [])
        elif program is not None and _FAILED.match(line):
            failed.add(program)
        elif program is not None and line.startswith(">"):
            said[program].append(_SAID.sub("", line))
    tests = {program: runners.passed("\n".join(lines)) for program, lines in said.items()}
    for program, lines in said.items():
        if any(lines) and not tests[program] and program not in failed and not program.startswith("/"):
            tests[program] = {runners.PRINTED: 1}
    return tests


def _name(folder: str, words: str) -> str:
    """The folder is told from the build context's top: `default/test` is `test` there."""
    if words.startswith("/"):
        return words
    return f"{folder.partition('/')[2] or '.'}/{words.removeprefix('./')}".removeprefix("./")
