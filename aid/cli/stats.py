"""`aid stats`: what was measured, read from the database itself; needs no daemon, but one that runs writes first."""

from __future__ import annotations

from typing import Any

import click

from aid.cli.complete import model_names
from aid.cli.say import give, on_terminal, say
from aid.printable import printable

Column = tuple[str, dict[str, Any]]
RATES = {
    "well formed": "well_formed",
    "applied cleanly": "applied_cleanly",
    "green": "green",
    "accepted": "acceptance",
    "hunks accepted": "acceptance_of_hunks",
}
WRITTEN_S = 2.0
LATENCIES = {"first token": "first_token", "total": "total"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.option("--days", type=click.FloatRange(min=0), help="Only the last DAYS days.")
@click.option("--model", shell_complete=model_names, help="Only this model.")
def stats(as_json: bool, days: float | None, model: str | None) -> None:
    """Print what was measured: latency, apply success, acceptance, survival.

    Rates are of the requests where it could be known; 'accepted' is of the proposals that were decided upon, and one
    that was undone counts as not accepted; 'hunks accepted' is of the hunks decided upon. 'kept after' is the median
    share of accepted lines still in the files.
    """
    import time

    from aid import paths
    from aid.metrics.stats import Choice
    from aid.metrics.store import FILE_NAME, read_stats

    _written()
    since = None if days is None else time.time() - days * 86400
    found = read_stats(paths.state_dir() / FILE_NAME, Choice(since=since, model=model))
    if as_json:
        import msgspec

        give(msgspec.json.encode(found).decode() + "\n")
    elif not found["requests"]:
        say("no requests recorded yet" if days is None and model is None else "no such requests recorded")
    else:
        say(_first_line(found))
        say()
        _print(_table(_columns(found)))


def _written() -> None:
    """Wait until a daemon that is there has written down what it did so far: it does that beside its work."""
    from contextlib import suppress

    from aid.client import connect
    from aid.errors import AidError
    from aid.protocol import StatsParams

    with suppress(AidError), connect(start=False) as client:
        client.call("aid/stats", StatsParams(days=0.0), timeout_s=WRITTEN_S)


def _columns(found: dict[str, Any]) -> list[Column]:
    models = [(f"{each['model']} {each['variant']}".strip(), each) for each in found["models"]]
    arms = [(f"{each['experiment']}: {each['arm']}", each) for each in found["experiments"]]
    return [("all", found), *(models if len(models) > 1 else []), *arms]


def _first_line(found: dict[str, Any]) -> str:
    outcomes = {name: count for name, count in found["outcomes"].items() if count}
    accepted = outcomes.pop("accepted", 0) + outcomes.pop("partly", 0)
    decided = ", ".join(f"{count} {name}" for name, count in {"accepted": accepted, **outcomes}.items())
    return f"{found['requests']} requests, {sum(found['errors'].values())} failed; {decided}"


def _table(columns: list[Column]) -> list[list[str]]:
    """Rows of cells, the first with the columns' names."""

    def row(name: str, cell: Any) -> list[str]:
        return [name, *(cell(summary) for _, summary in columns)]

    rows = [["", *(name for name, _ in columns)], row("requests", lambda each: str(each["requests"]))]
    for name, key in RATES.items():
        rows.append(row(name, lambda each, key=key: _percent(each["rates"][key])))
    rows += [
        row(f"{name} {part}", lambda each, key=key, part=part: _duration(each["latency_ms"][key][part]))
        for name, key in LATENCIES.items()
        for part in ("p50", "p90", "p99")
    ]
    for after_s in columns[0][1]["survival"]:
        name = f"kept after {_after(float(after_s))}"
        rows.append(row(name, lambda each, key=after_s: _percent(each["survival"].get(key, {}).get("median"))))
    return rows


def _print(rows: list[list[str]]) -> None:
    if not on_terminal():
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for name, *cells in rows:
            aligned = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
            say("  ".join([name.ljust(widths[0]), *aligned]).rstrip())
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text  # a model's name may look like markup

    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, heading in enumerate(rows[0]):
        table.add_column(Text(printable(heading)), justify="right" if number else "left")
    for row in rows[1:]:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console().print(table)


def _percent(fraction: float | None) -> str:
    return "-" if fraction is None else f"{fraction:.0%}"


def _duration(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "-"
    return f"{milliseconds:.0f} ms" if milliseconds < 10_000 else f"{milliseconds / 1000:.1f} s"


def _after(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 60 else f"{seconds / 60:g} min"
