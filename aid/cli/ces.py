"""`aid ces`: the code evaluation service. Sub-commands are found by name and imported when called."""

from __future__ import annotations

from importlib import import_module

import click

# name -> (module:attribute, one line for --help)
COMMANDS: dict[str, tuple[str, str]] = {
    "doctor": ("aid.cli.ces_doctor:doctor", "Say what isolation this machine really gives to builds."),
}


class Commands(click.Group):
    """Looks sub-commands up lazily."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, (_, told) in COMMANDS.items()])


@click.group(cls=Commands)
def ces() -> None:
    """The code evaluation service: judge diffs against warm builds."""
