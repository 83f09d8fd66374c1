"""The commands of one build, run in one view: which of them, in which order, and what they come to.

In: an adapter, a place, what is changed there. Out: a `BuildStatus`. When the last view was green this one probably is
too: the adapter's one command for all stages is run first, and the single steps only to find out where it fails.
Raises InfraError for what the machine did wrong.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from ces import isolation, process, report
from ces.builds.adapter import Adapter, BuildSettings, Step
from ces.builds.reading import Sources
from ces.errors import InfraError, Killed
from ces.isolation import Isolation, Place
from ces.limits import Limits, explain
from ces.verdict import BuildStatus, Diagnostic, Ran, Severity, Stage, Status

_NOT_RUN = (126, 127)
_KILLED = (-9, 137)
MOST_DIAGNOSTICS = 1000


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """One build to be run. `root` is the real tree, `changed` what the view has otherwise (None: deleted).

    `deadline` is on `time.monotonic`'s clock.
    """

    adapter: Adapter
    settings: BuildSettings
    isolation: Isolation
    root: Path
    place: Place
    changed: Mapping[str, bytes | None]
    deadline: float
    limits: Limits = Limits()


class _Spent:
    """What the commands of a build took so far, and which tests they ran."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.cpu_ms = 0.0
        self.ran: Ran | None = None


async def run(build: Build, *, hopeful: bool = False) -> BuildStatus:
    """The steps in order, until one fails or the time is over. `hopeful`: it is likely to be green."""
    spent = _Spent()
    whole = await asyncio.to_thread(build.adapter.whole, build.root, build.settings) if hopeful else None
    if whole is not None:
        ended = await _all(build, [whole], spent)
        if ended.status != "red":
            return ended
    steps = await asyncio.to_thread(_steps, build)
    return await _all(build, steps, spent)


async def step(build: Build, one: Step) -> process.Finished:
    """One command in the view."""
    env = process.build_environment(one.env)
    left_s = max(build.deadline - time.monotonic(), 0.0)
    return await isolation.run(build.isolation, build.place, one.argv, env, left_s, build.limits)


async def _step(build: Build, one: Step, spent: _Spent) -> process.Finished:
    """One command in the view; where it runs tests, which of them is added to `spent`."""
    if not one.tests:
        return await step(build, one)
    whole = bool(one.again) and not all(path.endswith(one.sources) for path in build.changed)
    one = one.all_tests() if whole else one
    if one.report:
        with report.awaited(build.isolation, build.place) as left:
            finished = await step(build, msgspec.structs.replace(one, env=one.env | left.env))
            said = await asyncio.to_thread(left.read)
    else:
        finished, said = await step(build, one), ""
    told = await asyncio.to_thread(build.adapter.ran, one, finished.output, said)
    partial = told.partial and not whole
    before = spent.ran.tests if spent.ran is not None and partial else {}
    spent.ran = Ran(tests=before | told.tests, partial=partial)
    return finished


def _steps(build: Build) -> Sequence[Step]:
    """To parse what is changed is cheapest, and says best what is wrong."""
    there = [path for path, content in build.changed.items() if content is not None]
    parsing = build.adapter.parse_steps(build.root, there) if there else ()
    return [*parsing, *build.adapter.steps(build.root, build.settings)]


async def _all(build: Build, steps: Sequence[Step], spent: _Spent) -> BuildStatus:
    seen_root = build.place.tree if build.isolation.kind == "session" else build.root
    sources = Sources(build.root, build.changed, seen_root)
    said: dict[Diagnostic, None] = {}
    stage: Stage | None = None
    for one in steps:
        if one.lacks is not None:
            why = f"'{one}' was not run: {one.lacks}"
            short = _status(build, "unchecked", stage, tuple(said), spent, why)
            return msgspec.structs.replace(short, short_of=one.stage)
        stage = one.stage
        finished = await _step(build, one, spent)
        spent.cpu_ms += finished.cpu_ms
        if finished.limit in ("wall", "cpu"):
            return _status(build, "timeout", stage, (), spent, _why_stopped(build, one, finished, spent))
        if finished.exit_code in _NOT_RUN:
            await _must_be_runnable(build, one)
        found = await asyncio.to_thread(_read, build, sources, one, finished)
        said |= dict.fromkeys(found)
        if finished.exit_code not in one.passes or finished.limit is not None:
            return _status(build, "red", stage, tuple(said), spent)
    if stage is None:
        why = f"{build.adapter.name} has nothing to run up to {build.settings.upto}"
        return _status(build, "unchecked", None, (), spent, why)
    return _status(build, "green", stage, tuple(said), spent)


async def _must_be_runnable(build: Build, one: Step) -> None:
    """Raise InfraError when it is the sandbox that hides the program, and not the candidate that says so."""
    asked = msgspec.structs.replace(one, argv=("/bin/sh", "-c", 'command -v "$1"', "sh", one.argv[0]))
    if (await step(build, asked)).exit_code in (1, *_NOT_RUN):
        raise InfraError(f"{one.argv[0]} can't be run in the build's sandbox")


def _why_stopped(build: Build, one: Step, finished: process.Finished, spent: _Spent) -> str:
    if finished.limit == "cpu":
        return f"'{one}' was stopped: {explain('cpu', build.limits)}"
    return f"'{one}' had not ended when {time.monotonic() - spent.started:.0f} s were spent"


def _read(build: Build, sources: Sources, one: Step, finished: process.Finished) -> Sequence[Diagnostic]:
    if finished.limit is not None:  # its own fault, whatever it said and with whatever code it ended
        message = f"'{one}' was stopped: {explain(finished.limit, build.limits)}"
        return [Diagnostic(file=None, range=None, severity="error", message=message, code=finished.limit)]
    if finished.exit_code not in one.passes and finished.machine_failed is not None:
        raise InfraError(f"the machine ran out of {finished.machine_failed} while '{one}' ran")
    if finished.exit_code in _KILLED:
        raise Killed(f"'{one}' was killed from outside: is the machine out of memory?", one.stage)
    return build.adapter.diagnostics(sources, one, finished.output, finished.exit_code)


def _status(
    build: Build,
    status: Status,
    stage: Stage | None,
    said: tuple[Diagnostic, ...],
    spent: _Spent,
    reason: str | None = None,
) -> BuildStatus:
    return BuildStatus(
        status=status,
        stage=stage,
        diagnostics=_bounded(said),
        reason=reason,
        adapter=build.adapter.name,
        cpu_ms=spent.cpu_ms,
        ran=spent.ran,
    )


def _bounded(said: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    """Errors first where there are more than anyone reads, with one that says how many are left out."""
    if len(said) <= MOST_DIAGNOSTICS:
        return said
    ordered = sorted(said, key=lambda item: item.severity != "error")
    left_out = ordered[MOST_DIAGNOSTICS:]
    severity: Severity = "error" if left_out[0].severity == "error" else "information"
    message = f"{len(left_out)} more of the build's messages are left out"
    more = Diagnostic(file=None, range=None, severity=severity, message=message, code="left-out", source="ces")
    return (*ordered[:MOST_DIAGNOSTICS], more)
