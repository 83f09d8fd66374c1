"""What C compilers and the linker print when a dune rule runs them: errors in C stubs, symbols that are nowhere.

In: a failed command's output and the directory it ran in. Out: diagnostics in the workspace's files, empty where the
output has neither form.
"""

import re
from collections.abc import Sequence

from ces.builds import lines
from ces.builds.reading import Sources, whole_lines
from ces.verdict import Diagnostic

_C_ERROR = re.compile(r"^\S+\.(?:c|cc|cpp|cxx|h|hh|hpp):\d+:\d+: (?:fatal )?error: ", re.MULTILINE)
_UNDEFINED = re.compile(r"^(?P<file>\S+\.(?:mli?|c|cc|cpp|cxx)):(?P<row>\d+):.*(?P<text>undefined reference to .*)$")
_BUILD_DIR = re.compile(r"(?:^|.*/)_build/(?!\.)[^/]+/")


def parse(sources: Sources, said: Sequence[str], inside: str) -> list[Diagnostic]:
    """`inside` is the directory, relative to the workspace, that the program ran in."""
    text = "\n".join(said)
    if _C_ERROR.search(text):
        return lines.parse(sources, text, "cc", inside=inside)
    return _unresolved(sources, said)


def _unresolved(sources: Sources, said: Sequence[str]) -> list[Diagnostic]:
    found: dict[tuple[str, str], Diagnostic] = {}
    for line in said:
        undefined = _UNDEFINED.match(line)
        path = sources.relative(_BUILD_DIR.sub("", undefined["file"])) if undefined is not None else None
        if undefined is None or path is None or not sources.exists(path):
            continue
        row = int(undefined["row"])
        found.setdefault(
            (path, undefined["text"]),
            Diagnostic(
                file=path,
                range=whole_lines(row, row),
                severity="error",
                message=undefined["text"],
                code="link",
                source="dune",
            ),
        )
    return list(found.values())
