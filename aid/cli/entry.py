"""The console script. Who starts `aid connect` or `aid restart` wants it at once, so these go past the command line."""

import sys


def main() -> None:
    try:
        _run()
    except KeyboardInterrupt:
        # Nothing may be imported yet, so this is said without what the command line is made of.
        sys.stderr.write("aid: cancelled\n")
        if "--json" in sys.argv:
            sys.stdout.write('{"error": "cancelled"}\n')
        sys.exit(130)


def _run() -> None:
    if sys.argv[1:] == ["connect"]:
        # msgspec would import it for what Python 3.11 has in `typing`: a fifth of the bridge's start, and a megabyte.
        sys.modules["typing_extensions"] = None  # type: ignore[assignment]
        from aid.bridge import run

        sys.exit(run())
    if sys.argv[1:] in (["restart"], ["restart", "--json"]):
        _restart()
        return
    from aid.cli.main import main as command_line

    command_line()


def _restart() -> None:
    """As the command of that name does it."""
    from aid.errors import AidError

    try:
        from aid.cli.restart import restart

        restart(as_json="--json" in sys.argv)
    except AidError as error:
        from aid.cli.main import fail

        fail(str(error), error.exit_code)
