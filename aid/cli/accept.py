"""`aid accept` and `aid reject`: what to do with a proposal that was shown."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from aid.cli.complete import proposal_ids
from aid.cli.say import say

if TYPE_CHECKING:
    from aid.protocol import Hunk, OutcomeResult


@click.command()
@click.argument("proposal", shell_complete=proposal_ids)
@click.argument("files", nargs=-1)
@click.option(
    "--hunk", "hunks", multiple=True, metavar="FILE:N", help="Only this hunk, counted from 0; may be repeated."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def accept(proposal: str, files: tuple[str, ...], hunks: tuple[str, ...], as_json: bool) -> None:
    """Apply what is left of PROPOSAL, or only FILES or single hunks of it. Exit status 1: refused, nothing changed."""
    from aid.client import connect
    from aid.protocol import AcceptParams

    params = AcceptParams(id=proposal, files=files, hunks=tuple(_hunk(each) for each in hunks))
    with connect() as client:
        result = client.call("aid/accept", params)
    _report(result, as_json=as_json)


@click.command()
@click.argument("proposal", shell_complete=proposal_ids)
@click.argument("files", nargs=-1)
@click.option(
    "--hunk", "hunks", multiple=True, metavar="FILE:N", help="Only this hunk, counted from 0; may be repeated."
)
@click.option("--because", default="", help="Why; kept with the measurements when text is stored at all.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def reject(proposal: str, files: tuple[str, ...], hunks: tuple[str, ...], because: str, as_json: bool) -> None:
    """Turn down what is left of PROPOSAL, or only that of FILES or single hunks; it counts in 'aid stats'."""
    from aid.client import connect
    from aid.protocol import RejectParams

    params = RejectParams(id=proposal, files=files, hunks=tuple(_hunk(each) for each in hunks), reason=because)
    with connect() as client:
        client.call("aid/reject", params)
    say('{"rejected":true}' if as_json else f"rejected {proposal}")


def _hunk(named: str) -> Hunk:
    from aid.errors import UsageError
    from aid.protocol import Hunk

    path, _, index = named.rpartition(":")
    if not path or not index.isdigit():
        raise UsageError(f"--hunk {named}: write FILE:N, N counted from 0")
    return Hunk(path=path, index=int(index))


def _report(result: OutcomeResult, *, as_json: bool) -> None:
    from aid.cli.outcome import print_files, print_json, print_notes, print_refused
    from aid.cli.wording import as_plain

    if as_json:
        print_json(as_plain(result))
    else:
        print_notes(result.notes)
        print_refused(result.refused)
        if result.refused:
            say("aid: nothing was changed: mend that, or ask again for a proposal on the files as they are", err=True)
        if result.applied is not None:
            print_files(result.files)
            say(f"applied as {result.applied}: 'aid undo {result.applied}' takes it back")
    sys.exit(1 if result.refused else 0)
