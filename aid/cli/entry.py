"""The console script. Editors start `aid connect` often and want it at once, so that goes past the command line."""

import sys


def main() -> None:
    if sys.argv[1:] == ["connect"]:
        from aid.bridge import run
        from aid.errors import AidError

        try:
            sys.exit(run())
        except AidError as error:
            print(f"aid: {error}", file=sys.stderr)
            sys.exit(error.exit_code)
    from aid.cli.main import main as command_line

    command_line()
