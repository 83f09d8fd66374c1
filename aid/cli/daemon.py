"""The daemon's life from the command line: start, stop, restart, status, logs, doctor, connect."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from aid.cli.say import give, say

if TYPE_CHECKING:
    from aid.protocol import StatusResult

STATUS_TIMEOUT_S = 10.0

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")


@click.command()
@_json
def start(as_json: bool) -> None:
    """Start the daemon, unless it runs."""
    from aid import lifecycle
    from aid.cli.restart import report

    lifecycle.connect_or_start().close()
    report("running", as_json=as_json)


@click.command()
@click.option("--keep-models", is_flag=True, help="Leave the model workers running, warm.")
@_json
def stop(keep_models: bool, as_json: bool) -> None:
    """Stop the daemon and its model workers."""
    stopped = _stop(models=not keep_models)
    if as_json:
        _print_json({"running": False, "stopped": stopped})
    else:
        say("stopped" if stopped else "not running")


@click.command()
@_json
def restart(as_json: bool) -> None:
    """Start the daemon anew; model workers stay warm."""
    from aid.cli.restart import restart as start_anew

    start_anew(as_json=as_json)


@click.command()
@_json
def status(as_json: bool) -> None:
    """Say what the daemon is doing. Exit status 1: it is not running."""
    from aid.client import connect
    from aid.lifecycle import holder
    from aid.protocol import StatusParams

    if holder() is None:
        if as_json:
            _print_json({"running": False})
        else:
            say("not running: 'aid start' starts it, as does any command that needs it")
        sys.exit(1)
    with connect(start=False) as client:
        found = client.call("aid/status", StatusParams(), timeout_s=STATUS_TIMEOUT_S)
    if as_json:
        _print_json(_status_json(found))
    else:
        for line in _status_lines(found):
            say(line)


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on printing what is logged until interrupted.")
@click.option("-n", "--lines", "count", type=click.IntRange(min=0), default=20, show_default=True)
@_json
def logs(follow: bool, count: int, as_json: bool) -> None:
    """Print the end of the daemon's log; with --json its lines as they are, one object each."""
    from aid.logs import log_path, readable, tail

    def show(line: str) -> None:
        give(line + "\n") if as_json else say(readable(line))

    path = log_path()
    for line in tail(path, count):
        show(line)
    if follow:
        from aid.logs import follow as follow_log

        for line in follow_log(path):
            show(line)


@click.command()
@_json
def doctor(as_json: bool) -> None:
    """Say what is installed, what is missing, and how to mend it. Exit status 1: AID's main job can't work."""
    from aid.cli.outcome import workspace
    from aid.doctor import examine

    report = examine(workspace(None))
    if as_json:
        import msgspec

        give(msgspec.json.encode(report).decode() + "\n")
    else:
        marks = {"ok": "ok     ", "poor": "could  ", "missing": "MISSING"}
        for check in report.checks:
            mark = "lacks  " if check.status == "missing" and not check.needed else marks[check.status]
            say(f"{mark}  {check.name}" + (f": {check.found}" if check.found else ""))
            if check.fix:
                say(f"         -> {check.fix}")
        say("AID works here." if report.works else "AID can't do its main job until what is MISSING is there.")
    sys.exit(0 if report.works else 1)


@click.command()
def connect() -> None:
    """Speak to the daemon over standard input and output (editors start this)."""
    from aid.bridge import run

    sys.exit(run())


def _stop(*, models: bool) -> bool:
    """End the daemon, by asking and then by signals. False: none ran."""
    from contextlib import nullcontext

    from aid import lifecycle
    from aid.cli.restart import KILL_GRACE_S, STOP_TIMEOUT_S, ask_to_end, reach

    owner = lifecycle.holder()
    if owner is None or not owner.pid:
        return False
    client = reach()
    with client or nullcontext():
        told = ask_to_end(client, models=models)
    if not (told and lifecycle.wait_ended(owner.pid, STOP_TIMEOUT_S)):
        lifecycle.end(owner.pid, KILL_GRACE_S)
    return True


def _status_json(found: StatusResult) -> dict[str, Any]:
    from aid.cli.wording import as_plain

    entries = {
        "workspaces": [as_plain(each) for each in found.workspaces],
        "models": [as_plain(each) for each in found.models],
    }
    return {"running": True} | as_plain(found) | entries


def _status_lines(found: StatusResult) -> list[str]:
    from aid.protocol import early_words

    lines = [
        f"running: AID {found.version}, pid {found.pid}, up {found.uptime_s:.0f} s, {found.rss_bytes / 1e6:.0f} MB",
        f"clients: {found.clients}, requests running: {found.requests_running}",
    ]
    if found.config_error is not None:
        lines.append(f"configuration: {found.config_error}")
    for workspace in found.workspaces:
        build = workspace.build.status if workspace.build is not None else "not asked"
        indexed = f"{workspace.files} files" if workspace.indexed else "being indexed"
        lines.append(f"workspace {workspace.root}: {indexed}, build {build}")
        if workspace.early is not None:
            lines.append(f"  early words: {early_words(workspace.early)}")
    for model in found.models:
        words = ["default"] if model.default else []
        words += [] if model.ready else ["not ready"]
        words += [model.detail] if model.detail else []
        lines.append(f"model {model.name} ({model.backend})" + (f": {', '.join(words)}" if words else ""))
    return [*lines, f"log: {found.log}"]


def _print_json(fields: dict[str, Any]) -> None:
    import json

    give(json.dumps(fields) + "\n")
