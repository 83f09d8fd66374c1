"""`aid models`: which there are, and which answers when none is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aid.cli.complete import model_names
from aid.cli.say import say

if TYPE_CHECKING:
    from aid.protocol import ModelsResult


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.pass_context
def models(context: click.Context, as_json: bool) -> None:
    """List the models this workspace can use, or choose the default one."""
    if context.invoked_subcommand is not None:
        return
    from aid.cli.outcome import workspace
    from aid.client import connect
    from aid.protocol import ModelsParams

    with connect() as client:
        _print(client.call("aid/models", ModelsParams(workspace=str(workspace(None)))), as_json=as_json)


@models.command()
@click.argument("name", shell_complete=model_names)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def use(name: str, as_json: bool) -> None:
    """Let NAME answer in this workspace from now on, until you choose again or 'default_model' in aid.toml changes."""
    from aid.cli.outcome import workspace
    from aid.client import connect
    from aid.protocol import SetModelParams

    with connect() as client:
        params = SetModelParams(model=name, workspace=str(workspace(None)))
        _print(client.call("aid/setModel", params), as_json=as_json)


def _print(found: ModelsResult, *, as_json: bool) -> None:
    if as_json:
        from aid.cli.outcome import print_json
        from aid.cli.wording import as_plain

        print_json({"models": [as_plain(each) for each in found.models]})
        return
    for model in found.models:
        mark = "*" if model.default else " "
        state = "" if model.ready else "not ready: "
        kind = f"{model.backend}, chosen here" if model.chosen else model.backend
        say(f"{mark} {model.name} ({kind})" + (f"  {state}{model.detail}" if model.detail else ""))
