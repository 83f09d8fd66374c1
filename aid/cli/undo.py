"""`aid undo`, `aid redo`, `aid log`: what was applied in this workspace, and taking it back. No daemon needed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aid.cli.complete import applied_ids, undone_ids
from aid.cli.outcome import files_json, print_files, print_json, print_notes, reported, workspace
from aid.cli.say import say

if TYPE_CHECKING:
    from aid.apply import Applied
    from aid.protocol import LogEntry
    from aid.session.in_editor import State
    from aid.session.proposals import Stored

_root = click.option(
    "--root", type=click.Path(exists=True, file_okay=False, path_type=Path), help="The workspace; else found from here."
)
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")


@click.command()
@click.argument("id_", metavar="[ID]", required=False, shell_complete=applied_ids)
@_json
@_root
def undo(id_: str | None, as_json: bool, root: Path | None) -> None:
    """Take back the change set ID, or the one last applied. Your edits elsewhere in its files stay.

    Exit status 1: you edited the same lines since, and nothing was changed.
    """
    from aid import apply

    _take(lambda: _known(apply.undo(workspace(root), id_), "undone"), "undone", as_json=as_json)


def _known(done: Applied, to: State) -> Applied:
    """`done`, once the proposal that the change set is of, and what was measured of its request, show it."""
    import msgspec

    from aid.errors import AidError
    from aid.session import steps
    from aid.session.proposals import Proposals
    from aid.session.store import Store

    store, stored, notes = Store(), None, done.notes
    if store.path.exists():
        try:
            stored = Proposals(store).turn(done.id, steps.undone if to == "undone" else steps.redone)
        except AidError as error:
            notes = (*notes, f"proposals don't show it: {error}")
        store.close()
    _count(done.id, to, stored)
    return msgspec.structs.replace(done, notes=notes)


def _count(applied: str, to: State, stored: Stored | None) -> None:
    """Without measurements, nothing."""
    from aid import paths
    from aid.config import MetricsSettings
    from aid.metrics.store import FILE_NAME, Metrics
    from aid.session.steps import tally

    if (paths.state_dir() / FILE_NAME).exists():
        metrics = Metrics(None, MetricsSettings())
        (metrics.undone if to == "undone" else metrics.redone)(applied)
        if stored is not None:
            metrics.decided(stored.proposal.request, *tally(stored))
        metrics.close()


@click.command()
@click.argument("id_", metavar="[ID]", required=False, shell_complete=undone_ids)
@_json
@_root
def redo(id_: str | None, as_json: bool, root: Path | None) -> None:
    """Apply again the change set ID, or the one last undone. Exit status 1: it no longer fits, nothing was changed."""
    from aid import apply

    _take(lambda: _known(apply.redo(workspace(root), id_), "applied"), "applied", as_json=as_json)


@click.command()
@click.option("--limit", "-n", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")
@_json
@_root
def log(limit: int, as_json: bool, root: Path | None) -> None:
    """List what was applied in this workspace, the latest first.

    The last 200 change sets are kept, up to 256 MiB in all.
    """
    with reported({"entries": []}, as_json=as_json):
        from aid import apply

        entries = apply.history(workspace(root), limit)
        if as_json:
            print_json({"entries": [_entry_json(entry) for entry in entries]})
        for entry in () if as_json else entries:
            say(_entry_line(entry))


def _take(change: Callable[[], Applied], done: str, *, as_json: bool) -> None:
    with reported({done: False, "files": [], "rejected": [], "id": None}, as_json=as_json):
        result = change()
        if as_json:
            print_json({done: True, "files": files_json(result.files), "rejected": [], "id": result.id})
        else:
            print_files(result.files)
            print_notes(result.notes)
            say(f"{done} {result.id}")


def _entry_json(entry: LogEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": entry.at,
        "state": entry.state,
        "summary": entry.summary,
        "files": [
            {"path": file.path, "status": file.status, "added": file.added, "removed": file.removed}
            for file in entry.files
        ],
    }


def _entry_line(entry: LogEntry) -> str:
    at = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.at))
    names = ", ".join(f"{file.path} +{file.added} -{file.removed}" for file in entry.files[:3])
    more = f" and {len(entry.files) - 3} more" if len(entry.files) > 3 else ""
    return f"{entry.id}  {at}  {entry.state}  {names}{more}" + (f"  {entry.summary}" if entry.summary else "")
