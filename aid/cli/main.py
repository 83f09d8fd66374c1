"""`aid`: one entry point. Commands are found by name and imported when called, so that `aid --help` stays quick.

Other distributions add commands by the entry-point group `aid.commands` (name -> a click command).
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import NoReturn

import click

from aid import __version__
from aid.cli.lazy import LazyGroup
from aid.cli.say import give, say
from aid.errors import AidError

# name -> (module:attribute, one line for --help)
COMMANDS: dict[str, tuple[str, str]] = {
    "ask": ("aid.cli.ask:ask", "Ask for a change; print its diff and what the build says of it."),
    "apply": ("aid.cli.apply:apply", "Turn a model's text on standard input into edits of this workspace."),
    "accept": ("aid.cli.accept:accept", "Apply a proposal that was shown."),
    "reject": ("aid.cli.accept:reject", "Turn a proposal down."),
    "undo": ("aid.cli.undo:undo", "Take back what was applied last, or the one named."),
    "redo": ("aid.cli.undo:redo", "Apply again what was undone last, or the one named."),
    "log": ("aid.cli.undo:log", "List what was applied in this workspace."),
    "start": ("aid.cli.daemon:start", "Start the daemon."),
    "stop": ("aid.cli.daemon:stop", "Stop the daemon and its model workers."),
    "restart": ("aid.cli.daemon:restart", "Start the daemon anew; model workers stay warm."),
    "status": ("aid.cli.daemon:status", "Say what the daemon is doing."),
    "logs": ("aid.cli.daemon:logs", "Print the daemon's log."),
    "doctor": ("aid.cli.daemon:doctor", "Say what is installed, what is missing, and how to mend it."),
    "connect": ("aid.cli.daemon:connect", "Speak to the daemon over standard input and output (editors start this)."),
    "acp": ("aid.cli.acp:acp", "Be an agent for editors that speak the Agent Client Protocol (Zed and others)."),
    "models": ("aid.cli.models:models", "List the models, or choose the default one."),
    "stats": ("aid.cli.stats:stats", "Print what was measured: latency, apply success, acceptance, survival."),
    "trust": ("aid.cli.trust:trust", "Trust this workspace's aid.toml as it is now."),
    "ces": ("aid.cli.ces:ces", "Judge diffs by builds: warm, check, serve, tasks, doctor."),
    "completion": ("aid.cli.completion:completion", "Print the shell's completion script."),
}


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    extended_by="aid.commands",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="aid")
def aid() -> None:
    """A local sidecar that turns a prompt into a checked, undoable multi-file diff."""


def main() -> None:
    """Exit status: 0 done, 1 the asked-for thing did not work out, 2 wrong usage or set-up."""
    try:
        aid.main(prog_name="aid", standalone_mode=False)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.Abort:
        fail("cancelled", 130)
    except click.ClickException as error:
        fail(" ".join(error.format_message().split()), 2)
    except AidError as error:
        fail(str(error), error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # the reader went away; Python would say so a second time at exit
        sys.exit(1)


def fail(message: str, exit_code: int) -> NoReturn:
    """Say why, in one line, and end."""
    say(f"aid: {message}", err=True)
    if "--json" in sys.argv:
        import json

        with suppress(AidError):  # the first reason is the one to tell
            give(json.dumps({"error": message}) + "\n")
    sys.exit(exit_code)
