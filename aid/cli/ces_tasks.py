"""`aid ces tasks`: task sets of green projects, each task verified red and green. No daemon needed."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aid.cli.ces_check import with_judge
from aid.cli.outcome import print_json, workspace
from aid.cli.say import say

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

    from ces.judge import Judge
    from ces.request import CheckRequest
    from ces.tasks.admit import Admission
    from ces.tasks.build import Summary
    from ces.tasks.record import Record
    from ces.tasks.task import Task
    from ces.verdict import Verdict

    Made = Callable[[Judge], Coroutine[Any, Any, AsyncGenerator[Task, None]]]

JOBS = 2  # as many as a judge of our own has workers

_workspace = click.option(
    "--workspace", "root", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The green project; else the workspace found from here.",
)  # fmt: skip
_n = click.option(
    "--n", "wanted", type=click.IntRange(min=1), default=100, show_default=True,
    help="How many tasks of this project the file is to have.",
)  # fmt: skip
_out = click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True,
    help="The task file. What is in it already stays and isn't verified again.",
)  # fmt: skip
_runs = click.option(
    "--runs", type=click.IntRange(min=1), default=2, show_default=True, help="Runs that have to agree."
)
_project = click.option("--project", help="What the tasks call the project; else its directory's name.")
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")


@click.group()
def tasks() -> None:
    """Build task sets: broken states of green projects, each with the diff that mends it."""


@tasks.command()
@_workspace
@click.option("--rev", help="A git or Mercurial revision; else the files as they are now.")
@_n
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Decides which places are broken, and in what order."
)
@click.option("--kinds", help="Only these kinds of breakage, with commas between them.")
@_out
@_runs
@_project
@_json
def mutate(
    root: Path | None, rev: str | None, wanted: int, seed: int, kinds: str | None, out: Path, runs: int,
    project: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Break a green project in many small ways; keep what the build says is red.

    Exit status 1: no task came of it.
    """
    from ces.tasks.candidate import Origin
    from ces.tasks.mutants import mutants
    from ces.tasks.paths import sources

    top, only = workspace(root), _only(kinds)

    async def made(judge: Judge) -> AsyncGenerator[Task, None]:
        tree, full = await _green_base(judge, top, rev)
        origin = Origin(project=project or top.name, workspace=str(top), rev=full)
        return mutants(origin, sources(tree), seed=seed, only=only)

    _build(made, out, wanted, runs, as_json=as_json)


@tasks.command()
@_workspace
@click.option("--since", help="Only commits after this revision.")
@click.option("--hide-tests", is_flag=True, help="Ask by the commit's subject, and judge by tests that aren't shown.")
@_n
@_out
@_runs
@_project
@_json
def history(
    root: Path | None, since: str | None, hide_tests: bool, wanted: int, out: Path, runs: int,
    project: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Take small commits' source back under their tests; keep what the build says is red.

    Exit status 1: no task came of it.
    """
    from aid.errors import UsageError
    from ces import vcs
    from ces.tasks.candidate import Origin
    from ces.tasks.history import commits

    top = workspace(root)

    async def made(judge: Judge) -> AsyncGenerator[Task, None]:
        found = await vcs.find(top)
        if found is None:
            raise UsageError(f"{top} is under neither git nor Mercurial: it has no history")
        origin = Origin(project=project or top.name, workspace=str(top))
        return commits(found, origin, since, hide_tests=hide_tests)

    _build(made, out, wanted, runs, as_json=as_json)


def _only(kinds: str | None) -> tuple[str, ...]:
    from aid.errors import UsageError
    from ces.tasks import mutate as breakages

    known = breakages.kinds()
    only = tuple(kind.strip() for kind in kinds.split(",")) if kinds else ()
    unknown = [kind for kind in only if kind not in known]
    if unknown:
        raise UsageError(f"no breakage is called {unknown[0]!r}: there are {', '.join(known)}")
    return only


async def _green_base(judge: Judge, top: Path, rev: str | None) -> tuple[Path, str | None]:
    """The frozen tree, and the revision's full name."""
    from aid.errors import AidError
    from aid.wording import diagnostic_line
    from ces.frozen import resolve_revision

    say(f"building {top}", err=True)
    full = None if rev is None else await resolve_revision(top, rev)
    async with judge.bases.held(top, full) as warm:
        status = warm.record.status
        if status.status != "green":
            errors = [each for each in status.diagnostics if each.severity == "error"]
            first = f": {diagnostic_line(errors[0])}" if errors else f": {status.reason}" if status.reason else ""
            raise AidError(f"{top} is {status.status}{first}; tasks are made of a green project")
        return warm.tree, full


def _build(made: Made, out: Path, wanted: int, runs: int, *, as_json: bool) -> None:
    """Verify candidates into the file, and say how it went."""
    from aid.cli.wording import as_plain
    from aid.errors import UsageError
    from ces.errors import CesError
    from ces.tasks.build import Goal, build
    from ces.tasks.record import Record

    try:
        record = Record(out)
    except CesError as error:
        raise UsageError(str(error)) from error

    async def built(judge: Judge) -> Summary:
        async def check(request: CheckRequest) -> Verdict:
            return await judge.check(request, fresh=True)

        goal = Goal(tasks=wanted, runs=runs, jobs=JOBS)
        return await build(await made(judge), check, record, _teller(record, wanted), goal)

    with closing(record):
        summary = with_judge(built)
    if as_json:
        print_json({**as_plain(summary), "out": str(out), "tasks": len(record.tasks)})
    else:
        say(
            f"{summary.admitted} new tasks, {len(record.tasks)} in {out}; {summary.refused} refused, "
            f"{summary.quarantined} unsteady, {summary.infra_error} given up because the machine failed"
        )
    sys.exit(0 if record.tasks else 1)


def _teller(record: Record, wanted: int) -> Callable[[Admission], None]:
    """Prints a line a candidate on standard error."""

    def tell(admission: Admission) -> None:
        task = admission.task
        said = f": {admission.reason}" if admission.reason else ""
        where = ", ".join(task.files)
        say(f"[{record.count(task)}/{wanted}] {admission.outcome} {task.kind} {where}{said}", err=True)

    return tell
