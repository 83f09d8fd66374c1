"""`aid ces doctor`: what stands between a build and this machine, tried out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aid.cli.say import give, say

if TYPE_CHECKING:
    from ces.doctor import Enforced, Report, Tried


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.option(
    "--workspace",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The workspace whose builds are meant (the present one).",
)
def doctor(as_json: bool, workspace: Path | None) -> None:
    """Say what isolation this machine really gives to builds, and what would improve it.

    Exit status 1: none, so that code which nobody has read is not run here unless you say so.
    """
    import asyncio

    import msgspec

    from aid import paths
    from aid.cli.outcome import workspace as workspace_of
    from ces.doctor import examine

    root = workspace_of(workspace)
    report = asyncio.run(examine(root, paths.state_dir() / "ces"))
    if as_json:
        give(msgspec.json.encode(report).decode() + "\n")
    else:
        _print(report)
    sys.exit(0 if report.isolated else 1)


def _print(report: Report) -> None:
    say(f"builds run in: {report.uses}")
    say(f"their user is: {report.identity}\n")
    for tried in report.kinds:
        say(f"{tried.kind:11} {_kind(tried)}")
        for why in tried.why:
            say(f"{'':11} {why}")
    say()
    for enforced in report.limits:
        say(f"{enforced.limit:11} {_allows(enforced):10} kept by {enforced.by}")
    if report.improve:
        say("\nbetter:")
    for command in report.improve:
        say(f"  {command}")
    if not report.isolated:
        say("\nno isolation: code that nobody has read is not run here unless you say so")


def _kind(tried: Tried) -> str:
    if not tried.works:
        return "doesn't work"
    network = "network open" if tried.network else "no network"
    filtered = "seccomp filter" if tried.seccomp else "no seccomp filter"
    return f"works: {tried.view} view, {network}, {tried.user}, {filtered}"


def _allows(enforced: Enforced) -> str:
    if enforced.allows is None:
        return "wall time"
    if enforced.limit in ("memory", "file", "output", "disk"):
        return f"{enforced.allows / (1 << 20):.0f} MB"
    return f"{enforced.allows:g}"
