"""`aid ces`: the code evaluation service on the command line."""

from __future__ import annotations

import click

from aid.cli.lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "check": ("aid.cli.ces_check:check", "Judge the diff on standard input against a warm base."),
    "doctor": ("aid.cli.ces_doctor:doctor", "Say what isolation this machine really gives to builds."),
    "serve": ("aid.cli.ces_serve:serve", "Judge diffs over HTTP until it is told to stop."),
    "tasks": ("aid.cli.ces_tasks:tasks", "Build task sets of green projects, by breaking them or from their history."),
    "warm": ("aid.cli.ces_check:warm", "Build a base, so that checks on it are quick."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def ces() -> None:
    """Judge diffs by builds: a base is built once to a known state, diffs are laid over it all day."""
