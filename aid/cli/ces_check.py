"""`aid ces warm` and `aid ces check`: bases and verdicts without the daemon."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from aid.cli.ces_options import quota, unsandboxed
from aid.cli.outcome import print_json, workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from ces.bases import BaseRecord
    from ces.judge import Judge
    from ces.request import CheckRequest, Policy
    from ces.service.client import CesClient
    from ces.verdict import Stage, Verdict

T = TypeVar("T")
STAGES = ("parse", "typecheck", "build", "test")
MAX_DIFF_BYTES = 64 * 1024 * 1024
MOST_TIMEOUT_S = 86_400.0
WARM_CHECK_S = 1.0

_workspace = click.option(
    "--workspace", "root", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The workspace; else found from here.",
)  # fmt: skip
_rev = click.option("--rev", help="A git or Mercurial revision; else the files as they are now.")
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")


@click.command()
@_workspace
@_rev
@quota
@_json
def warm(root: Path | None, rev: str | None, quota_bytes: int | None, as_json: bool) -> None:
    """Build a base and keep it. Exit status 1: it is built, but red."""
    from aid.cli.wording import as_plain
    from aid.wording import diagnostic_line

    top = workspace(root)

    async def warmed(judge: Judge) -> BaseRecord:
        async with judge.bases.held(top, rev) as held:
            return held.record

    record = _warmed_by_service(top, rev, quota_bytes) or with_judge(warmed, quota_bytes=quota_bytes)
    if as_json:
        print_json(as_plain(record))
    else:
        status = record.status
        click.echo(f"base {record.id} ({record.adapter}): {status.status}, {status.wall_ms / 1000:.1f} s to build")
        for each in [each for each in status.diagnostics if each.severity == "error"]:
            click.echo(f"  {diagnostic_line(each)}")
    sys.exit(0 if record.status.status == "green" else 1)


@click.command()
@_workspace
@_rev
@click.option("--upto", type=click.Choice(STAGES), default="test", show_default=True, help="The last stage to judge.")
@click.option(
    "--policy", type=click.Choice(("report", "reward")), default="report", show_default=True,
    help="report: signs of tricks inform. reward: they make the verdict `hack`.",
)  # fmt: skip
@click.option(
    "--reference", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The known good diff: what it does too is no trick.",
)  # fmt: skip
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(0, MOST_TIMEOUT_S, min_open=True), default=120.0, show_default=True,
    help="Seconds that judging it may take.",
)  # fmt: skip
@click.option(
    "--patience", "patience_s", type=click.FloatRange(min=0), default=900.0, show_default=True,
    help="Seconds to go on asking a service whose queue is full.",
)  # fmt: skip
@unsandboxed
@_json
def check(
    root: Path | None,
    rev: str | None,
    upto: Stage,
    policy: Policy,
    reference: Path | None,
    timeout_s: float,
    patience_s: float,
    unsandboxed: bool,
    as_json: bool,
) -> None:
    """Judge the unified diff on standard input.

    Exit status 0: green. 1: red, a trick, or out of time. 2: nothing could be said.
    """
    from ces.request import CheckRequest

    request = CheckRequest(
        diff=_diff(),
        workspace=str(workspace(root)),
        rev=rev,
        upto=upto,
        policy=policy,
        reference=reference.read_bytes().decode("utf-8", "surrogateescape") if reference is not None else None,
        timeout_s=timeout_s,
    )

    async def checked(judge: Judge) -> Verdict:
        return await judge.check(request)

    verdict = _from_service(request, patience_s) or with_judge(checked, allow_unsandboxed=unsandboxed)
    _print(verdict, as_json=as_json)
    sys.exit({"green": 0, "infra_error": 2, "unchecked": 2}.get(verdict.status, 1))


def _warmed_by_service(top: Path, rev: str | None, quota_bytes: int | None) -> BaseRecord | None:
    """What the running service has, None when there is none to ask."""
    import msgspec

    from aid.errors import UsageError
    from ces.bases import BaseRecord
    from ces.request import CheckRequest
    from ces.service.client import PATIENCE_S

    async def asked(client: CesClient) -> BaseRecord:
        # Only the base is wanted, whose building the limit doesn't count: a build that can't stop early may not end.
        verdict = await client.check(
            CheckRequest(diff="", workspace=str(top), rev=rev, upto="parse", timeout_s=WARM_CHECK_S)
        )
        for record in msgspec.convert(await client.bases(), list[BaseRecord]):
            if record.id == verdict.base:
                return record
        raise UsageError(f"nothing could be said: {verdict.reason}")

    found = _asked_of_service(asked, PATIENCE_S)
    if found is not None and quota_bytes is not None:
        raise UsageError("--quota is the running service's to keep: give it to 'aid ces serve'")
    return found


def _from_service(request: CheckRequest, patience_s: float) -> Verdict | None:
    """The running service's verdict, None when there is none to ask."""
    return _asked_of_service(lambda client: client.check(request), patience_s) if _is_text(request) else None


def _asked_of_service(work: Callable[[CesClient], Coroutine[Any, Any, T]], patience_s: float) -> T | None:
    """`work` with a client of the service that runs, None when none does: it has the bases open, which no two can."""
    import asyncio

    from aid.errors import UsageError
    from aid.judging import ces_state
    from ces.errors import CesError
    from ces.service.client import found

    try:
        client = found(ces_state(), patience_s, _say_waits)
        if client is None:
            return None

        async def asked() -> T:
            async with client:
                return await work(client)

        return asyncio.run(asked())
    except CesError as error:
        raise UsageError(str(error)) from error
    except KeyboardInterrupt:
        raise click.Abort from None


def _say_waits(why: str, pause_s: float) -> None:
    click.echo(f"aid: {why.partition(': try again')[0]}; asking again in {pause_s:.0f} s", err=True)


def _is_text(request: CheckRequest) -> bool:
    """Whether JSON can carry it: a diff of files that aren't UTF-8 can't be sent."""
    try:
        request.diff.encode()
        (request.reference or "").encode()
    except UnicodeEncodeError:
        return False
    return True


def _diff() -> str:
    from aid.errors import UsageError

    if sys.stdin.isatty():
        click.echo("aid: reading a unified diff from the terminal; end it with Ctrl-D", err=True)
    text = sys.stdin.buffer.read(MAX_DIFF_BYTES + 1)
    if len(text) > MAX_DIFF_BYTES:
        raise UsageError(f"the diff is larger than {MAX_DIFF_BYTES >> 20} MB: give one change at a time")
    return text.decode("utf-8", "surrogateescape")


def with_judge(
    work: Callable[[Judge], Coroutine[Any, Any, T]], *, quota_bytes: int | None = None, allow_unsandboxed: bool = False
) -> T:
    """`work` with a judge of our own."""
    import asyncio

    from aid.errors import UsageError
    from aid.judging import judge_settings
    from ces.errors import BadChange, CesError
    from ces.judge import Judge

    async def whole() -> T:
        judge = Judge(judge_settings(quota_bytes=quota_bytes, allow_unsandboxed=allow_unsandboxed))
        try:
            return await work(judge)
        finally:
            await judge.close()

    try:
        return asyncio.run(whole())
    except BadChange as error:
        raise UsageError(str(error)) from error
    except CesError as error:
        raise UsageError(f"nothing could be said: {error}") from error
    except KeyboardInterrupt:
        raise click.Abort from None


def _print(verdict: Verdict, *, as_json: bool) -> None:
    from aid.cli.wording import as_plain
    from aid.wording import diagnostic_line, verdict_words

    if as_json:
        print_json(as_plain(verdict))
        return
    click.echo(f"verdict: {verdict_words(verdict)}")
    for each in verdict.diagnostics:
        if each.severity == "error":
            click.echo(f"  {diagnostic_line(each)}")
    for flag in verdict.flags:
        where = "" if flag.path is None else flag.path + ("" if flag.line is None else f":{flag.line + 1}")
        click.echo(" ".join(filter(None, ("flag:", flag.name, where, flag.message))))
    reward = "none" if verdict.reward is None else f"{verdict.reward:g}"
    known = ", known from before" if verdict.cached else ""
    told = f"reward {reward}{_tests(verdict)}, {verdict.wall_ms:.0f} ms{known}"
    click.echo(f"{told}, base {verdict.base}" if verdict.base else told)


def _tests(verdict: Verdict) -> str:
    """More than those expected run where the base, being red, passed fewer, or where the change adds some."""
    run, expected = verdict.tests_run, verdict.tests_expected
    if run is None or expected is None:
        return ""
    return f", {run} of {expected} tests" if run <= expected else f", {run} tests, {expected} expected"
