"""The console script. Editors start `aid connect` often and want it at once, so that goes past the command line."""

import sys


def main() -> None:
    if sys.argv[1:] == ["connect"]:
        # msgspec would import it for what Python 3.11 has in `typing`: a fifth of the bridge's start, and a megabyte.
        sys.modules["typing_extensions"] = None  # type: ignore[assignment]
        from aid.bridge import run

        sys.exit(run())
    from aid.cli.main import main as command_line

    command_line()
