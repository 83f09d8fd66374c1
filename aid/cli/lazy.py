"""A group of commands found by name and imported when called, so that `--help` stays quick."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class LazyGroup(click.Group):
    """`table`: name -> (module:attribute, one line for --help). `extended_by`: the entry-point group by which other
    distributions add commands (name -> a click command); the table's own names win."""

    def __init__(
        self, *, table: dict[str, tuple[str, str]] | None = None, extended_by: str | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self._table = table or {}
        self._extended_by = extended_by

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self._table, *self._entry_points()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self._table:
            module, _, attribute = self._table[cmd_name][0].partition(":")
            command = getattr(import_module(module), attribute)
            return command if isinstance(command, click.Command) else None
        return self._from_entry_point(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, told) for name, (_, told) in self._table.items()]
        rows += [(name, f"From the package {value.partition('.')[0]}.") for name, value in self._entry_points().items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Command names without importing the commands; options as click does it."""
        from click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        names = {name: told for name, (_, told) in self._table.items()} | dict.fromkeys(self._entry_points(), "")
        return [CompletionItem(name, help=told) for name, told in names.items() if name.startswith(incomplete)]

    def _entry_points(self) -> dict[str, str]:
        if self._extended_by is None:
            return {}
        from importlib.metadata import entry_points

        return {
            point.name: point.value for point in entry_points(group=self._extended_by) if point.name not in self._table
        }

    def _from_entry_point(self, name: str) -> click.Command | None:
        if self._extended_by is None:
            return None
        from importlib.metadata import entry_points

        for point in entry_points(group=self._extended_by, name=name):
            command = point.load()
            if isinstance(command, click.Command):
                return command
        return None
