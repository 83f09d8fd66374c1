"""`aid trust`: let a workspace's aid.toml run commands and say where requests go."""

from __future__ import annotations

import json
from pathlib import Path

import click

from aid.cli.say import give, say


@click.command()
@click.argument("directory", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def trust(directory: Path | None, as_json: bool) -> None:
    """Trust the aid.toml of DIRECTORY (else of this workspace) as it is now; a later change needs trust again."""
    from aid import config
    from aid.cli.outcome import workspace as workspace_of

    workspace = workspace_of(directory)
    own_file = workspace / config.FILE_NAME
    loaded = config.load(workspace)
    withheld, ignored = loaded.withheld, loaded.ignored
    config.trust(workspace)
    if as_json:
        give(json.dumps({"trusted": str(own_file), "settings": list(withheld), "ignored": list(ignored)}) + "\n")
    else:
        say(f"trusted {own_file}" + (f": {', '.join(withheld)}" if withheld else ": nothing was withheld"))
        if ignored:
            say(f"left out, since only your own aid.toml may say it: {', '.join(ignored)}")
