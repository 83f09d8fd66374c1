"""`aid undo`, `aid redo`, `aid log`: what was applied in this workspace, and taking it back. No daemon needed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aid.cli.complete import applied_ids, undone_ids
from aid.cli.outcome import files_json, print_files, print_json, print_notes, reported, workspace

if TYPE_CHECKING:
    from aid.apply import Applied
    from aid.metrics import Metrics
    from aid.protocol import LogEntry

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

    def take_back() -> Applied:
        done = apply.undo(workspace(root), id_)
        _count(lambda metrics: metrics.undone(done.id))
        return done

    _take(take_back, "undone", as_json=as_json)


def _count(told: Callable[[Metrics], None]) -> None:
    """What was measured of the request that made the change set says so too; without measurements, nothing."""
    from aid import paths
    from aid.config import MetricsSettings
    from aid.metrics.store import FILE_NAME, Metrics

    if (paths.state_dir() / FILE_NAME).exists():
        metrics = Metrics(None, MetricsSettings())
        told(metrics)
        metrics.close()


@click.command()
@click.argument("id_", metavar="[ID]", required=False, shell_complete=undone_ids)
@_json
@_root
def redo(id_: str | None, as_json: bool, root: Path | None) -> None:
    """Apply again the change set ID, or the one last undone. Exit status 1: it no longer fits, nothing was changed."""
    from aid import apply

    def again() -> Applied:
        done = apply.redo(workspace(root), id_)
        _count(lambda metrics: metrics.redone(done.id))
        return done

    _take(again, "applied", as_json=as_json)


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
            click.echo(_entry_line(entry))


def _take(change: Callable[[], Applied], done: str, *, as_json: bool) -> None:
    with reported({done: False, "files": [], "rejected": [], "id": None}, as_json=as_json):
        result = change()
        if as_json:
            print_json({done: True, "files": files_json(result.files), "rejected": [], "id": result.id})
        else:
            print_files(result.files)
            print_notes(result.notes)
            click.echo(f"{done} {result.id}")


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
