"""The console script. Editors start `aid connect` often and want it at once, so that goes past the command line."""

import sys


def main() -> None:
    if sys.argv[1:] == ["connect"]:
        from aid.bridge import run

        sys.exit(run())
    from aid.cli.main import main as command_line

    command_line()
