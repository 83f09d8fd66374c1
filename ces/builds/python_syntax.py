"""Compile every Python file below the current directory, or those named, in memory, with this interpreter.

Run as a program in a workspace's own interpreter (any Python 3.8 or later): prints `file:line:column: SyntaxError: …`
for each file that doesn't compile, and exits with 1 when there is one. Imports and writes nothing.
"""

import os
import sys
import warnings
from collections.abc import Iterator

SKIPPED = {"node_modules", "venv", "__pycache__", "site-packages", "build", "dist"}


def main() -> int:
    warnings.simplefilter("ignore")
    failed = 0
    for path in sys.argv[1:] or sources():
        failed |= check(path)
    return failed


def is_walked(directory: str) -> bool:
    return directory not in SKIPPED and not directory.startswith(".")


def sources() -> "Iterator[str]":
    for directory, inside, names in os.walk("."):
        inside[:] = sorted(filter(is_walked, inside))
        for name in sorted(names):
            if name.endswith(".py"):
                yield os.path.relpath(os.path.join(directory, name))  # noqa: PTH118


def check(path: str) -> int:
    try:
        with open(path, "rb") as source:  # noqa: PTH123
            compile(source.read(), path, "exec", dont_inherit=True)
    except SyntaxError as error:
        kind = type(error).__name__
        print(f"{path}:{error.lineno or 1}:{error.offset or 1}: error: {error.msg} [{kind}]")
        return 1
    except ValueError as error:  # NUL bytes, before 3.12
        print(f"{path}:1:1: error: {error} [SyntaxError]")
        return 1
    except OSError:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
