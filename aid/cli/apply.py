"""`aid apply`: a model's text on standard input becomes edits of the workspace, all or none. Needs no daemon."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from aid.cli.outcome import (
    files_json,
    plain,
    print_files,
    print_json,
    print_notes,
    print_refused,
    refused_json,
    reported,
    workspace,
)
from aid.cli.say import give_diff, need_output, say

if TYPE_CHECKING:
    from aid.apply import Applied
    from aid.edits.edit import Document, Format, Plan

MAX_REPLY_BYTES = 64 * 1024 * 1024
FORMATS = ("auto", "search-replace", "udiff", "apply-patch", "whole", "line-range")
_NOTHING: dict[str, Any] = {"applied": False, "files": [], "rejected": [], "diff": "", "id": None}


@click.command()
@click.option(
    "--format", "format_", type=click.Choice(FORMATS), default="auto", show_default=True, help="The edits' form."
)
@click.option("--dry-run", is_flag=True, help="Print the diff and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.option(
    "--root", type=click.Path(exists=True, file_okay=False, path_type=Path), help="The workspace; else found from here."
)
def apply(format_: Format | Literal["auto"], dry_run: bool, as_json: bool, root: Path | None) -> None:
    """Apply the edits in a model's reply, given on standard input; all of them or none.

    Exit status 1: an edit could not be placed, and nothing was changed.
    """
    with reported(_NOTHING, as_json=as_json):
        from aid import apply as journaled

        if dry_run:
            need_output()
        top = workspace(root)
        journaled.recover(top)
        plan = _plan(_reply(), format_, top)
        applied: Applied | None = None
        if plan.changes and not plan.rejected and not dry_run:
            applied = journaled.apply(top, plan.changes, summary="aid apply")
        _print_json(plan, applied) if as_json else _print(plan, applied, dry_run=dry_run)
        sys.exit(1 if plan.rejected else 0)


def _reply() -> str:
    """What is on standard input. Bytes that aren't UTF-8 come as surrogates, as `aid.edits` has them in documents."""
    from aid.errors import UsageError

    try:
        raw = sys.stdin.buffer.read(MAX_REPLY_BYTES + 1)
    except (AttributeError, OSError) as error:
        raise UsageError("standard input can't be read: give the reply there, 'aid apply < reply'") from error
    if len(raw) > MAX_REPLY_BYTES:
        raise UsageError(f"the reply is larger than {MAX_REPLY_BYTES >> 20} MiB: apply it in parts")
    return raw.decode("utf-8", "surrogateescape")


def _plan(reply: str, format_: Format | Literal["auto"], root: Path) -> Plan:
    """What the reply does to the files at `root`, paths that may not be touched refused."""
    from aid import edits
    from aid.apply.planned import planned
    from aid.edits.edit import Document
    from aid.errors import UsageError
    from ces.tree import Tree

    def read(path: str) -> Document | None:
        file = tree.read(path)
        return None if file is None else Document(path=path, content=file.content, mode=file.mode)

    try:
        tree = Tree(root)
    except OSError as error:
        raise UsageError(f"can't open {root}: {error.strerror}; name another by --root") from error
    with tree:
        return planned(edits.parse(reply, format_), read)


def _print_json(plan: Plan, applied: Applied | None) -> None:
    print_json(
        {
            "applied": applied is not None,
            "files": [] if plan.rejected else files_json(applied.files if applied else plan.changes),
            "rejected": refused_json(plan.rejected),
            "diff": "" if plan.rejected else plain(plan.diff),
            "id": applied.id if applied else None,
        }
    )


def _print(plan: Plan, applied: Applied | None, *, dry_run: bool) -> None:
    if plan.rejected:
        print_refused(plan.rejected)
    elif not plan.changes:
        say("nothing to change: the files are so already")
    elif dry_run:
        give_diff(plan.diff)
    elif applied is not None:
        print_files(applied.files)
        print_notes(applied.notes)
        say(f"applied as {applied.id}: 'aid undo {applied.id}' takes it back")
