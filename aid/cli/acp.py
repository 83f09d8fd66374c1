"""`aid acp`: AID as an agent for editors that speak the Agent Client Protocol."""

from __future__ import annotations

import sys

import click


@click.command()
def acp() -> None:
    """Be an agent over standard input and output, for editors that speak the Agent Client Protocol.

    Zed, JetBrains' IDEs, agent-shell (Emacs), CodeCompanion (Neovim) and others start it: name `aid` as the command
    and `acp` as its one argument. Everything else is set in aid.toml.
    """
    if sys.stdin.isatty():
        raise click.UsageError("an editor starts this and speaks the Agent Client Protocol to it: see 'aid acp --help'")
    from aid.acp.agent import run

    run()
