"""dune's log (`_build/log`, up to dune 3.21): which of the workspace's programs ran, what each said of its tests.

The log is the one place where a test that was run and printed nothing differs from one that had no reason to run again.
"""

import re

from ces.builds import runners
from ces.verdict import Tests

PRINTED = "printed"
_COMMAND = re.compile(r"^\$ (?:\(cd _build/(?P<folder>\S+) && (?P<words>[^/].*?)\)|.*)(?: [<>2].*)?$")
_SAID = re.compile(r"^> ?")


def passed(log: str) -> Tests:
    """Program, as folder and command, -> its tests.

    One whose form no reader knows, but that printed, has one named `printed`: such a program is only known to have said
    something.
    """
    said: dict[str, list[str]] = {}
    program = None
    for line in log.split("\n"):
        command = _COMMAND.match(line)
        if command is not None:
            program = _name(command["folder"], command["words"]) if command["words"] else None
            if program is not None:
                said.setdefault(program, [])
        elif program is not None and line.startswith(">"):
            said[program].append(_SAID.sub("", line))
    return {program: _passed("\n".join(lines)) for program, lines in said.items()}


def _name(folder: str, words: str) -> str:
    """The folder is told from the build context's top: `default/test` is `test` there."""
    return f"{folder.partition('/')[2] or '.'}/{words.removeprefix('./')}".removeprefix("./")


def _passed(output: str) -> dict[str, int]:
    found = runners.passed(output)
    return found or ({PRINTED: 1} if output.strip() else {})
