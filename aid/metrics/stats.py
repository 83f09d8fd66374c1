"""What the database says: counts, rates, percentiles of latencies, survival. Reads only.

Percentiles are by nearest rank: p90 is the smallest value that at least 90 % of the values don't exceed. A rate over
nothing is None, never 0.
"""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from aid.metrics.record import OUTCOMES

if TYPE_CHECKING:
    from sqlite_utils import Database

LATENCIES = ("queue_ms", "context_ms", "first_token_ms", "model_ms", "verify_ms", "total_ms")
PERCENTILES = (50, 90, 99)
Row = dict[str, Any]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Which requests to look at; None: all. `since` is seconds since the epoch."""

    workspace: str | None = None
    since: float | None = None
    model: str | None = None


def compute(db: "Database | None", choice: Choice) -> dict[str, Any]:
    """`summary` of all the chosen requests, then of each model and variant, and of each experiment's arms.

    db None: nothing was ever recorded.
    """
    rows = [] if db is None else _rows(db, choice)
    by_model = _grouped(rows, "model", "variant")
    by_arm = _grouped([row for row in rows if row["experiment"]], "experiment", "arm")
    return {
        **summary(rows),
        "models": [{"model": key[0], "variant": key[1], **summary(found)} for key, found in by_model],
        "experiments": [{"experiment": key[0], "arm": key[1], **summary(found)} for key, found in by_arm],
    }


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Counts, rates and percentiles of some requests.

    `acceptance` is of what was decided, `acceptance_of_shown` of all that was proposed; undone counts as not
    accepted. `hunks` counts those of proposals of which something was decided, as it is now, and `acceptance_of_hunks`
    is of those decided. `green` is of the proposals a build judged, green or red: a machine that failed, or a spent
    budget, is neither. `survival` is of the accepted lines after so many seconds.
    """
    outcomes = Counter(row["outcome"] for row in rows if row["outcome"])
    accepted = outcomes["accepted"] + outcomes["partly"]
    hunks = {name: sum(row["decisions"].get(name, 0) for row in rows) for name in ("hunks", "accepted", "rejected")}
    shown = sum(1 for row in rows if row["applied_cleanly"])
    verdicts = Counter(row["verdict"] for row in rows if row["verdict"])
    return {
        "requests": len(rows),
        "errors": dict(sorted(Counter(row["error"] for row in rows if row["error"]).items())),
        "outcomes": {state: outcomes[state] for state in OUTCOMES},
        "verdicts": dict(sorted(verdicts.items())),
        "rates": {
            "well_formed": _rate(_known(rows, "well_formed")),
            "applied_cleanly": _rate(_known(rows, "applied_cleanly")),
            "green": _ratio(verdicts["green"], verdicts["green"] + verdicts["red"]),
            "acceptance": _ratio(accepted, sum(outcomes.values())),
            "acceptance_of_shown": _ratio(accepted, shown),
            "acceptance_of_hunks": _ratio(hunks["accepted"], hunks["accepted"] + hunks["rejected"]),
        },
        "hunks": {"proposed": hunks["hunks"], "accepted": hunks["accepted"], "rejected": hunks["rejected"]},
        "latency_ms": {name.removesuffix("_ms"): spread(_known(rows, name)) for name in LATENCIES},
        "tokens": {name: sum(_known(rows, f"{name}_tokens")) for name in ("context", "prompt", "cached", "completion")},
        "changed": {name: sum(_known(rows, name)) for name in ("lines_added", "lines_removed", "files")},
        "survival": _survival(rows),
    }


def spread(values: Sequence[float]) -> dict[str, Any]:
    """{"n", "p50", "p90", "p99"}; the percentiles of nothing are None."""
    ordered = sorted(values)
    return {"n": len(ordered), **{f"p{percent}": percentile(ordered, percent) for percent in PERCENTILES}}


def percentile(ordered: Sequence[float], percent: float) -> float | None:
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] if ordered else None


def _rows(db: "Database", choice: Choice) -> list[Row]:
    """Each chosen request with its latest outcome, what was decided of its hunks and its measures of survival."""
    wanted = {
        "workspace = :workspace": choice.workspace,
        "at >= :since": choice.since,
        "model = :model": choice.model,
    }
    conditions = [condition for condition, value in wanted.items() if value is not None]
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    query = f"""
        SELECT *, (SELECT state FROM outcomes WHERE request = requests.id ORDER BY at DESC, outcomes.id DESC LIMIT 1)
               AS outcome
        FROM requests {where} ORDER BY at"""
    rows: list[Row] = list(db.query(query, msgspec.structs.asdict(choice)))
    survival: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for found in db.query("SELECT request, after_s, fraction FROM survival"):
        survival[found["request"]].append((found["after_s"], found["fraction"]))
    decisions = {found["request"]: found for found in db.query("SELECT * FROM decisions")}
    return [{**row, "survival": survival[row["id"]], "decisions": decisions.get(row["id"], {})} for row in rows]


def _survival(rows: Iterable[Row]) -> dict[str, dict[str, Any]]:
    """By seconds after: {"n", "median", "mean"} of the fractions."""
    by_time: defaultdict[float, list[float]] = defaultdict(list)
    for row in rows:
        for after_s, fraction in row["survival"]:
            by_time[after_s].append(fraction)
    return {
        f"{after_s:g}": {"n": len(found), "median": statistics.median(found), "mean": statistics.fmean(found)}
        for after_s, found in sorted(by_time.items())
    }


def _grouped(rows: Sequence[Row], *names: str) -> list[tuple[tuple[str, ...], list[Row]]]:
    groups: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in names)].append(row)
    return sorted(groups.items())


def _known(rows: Iterable[Row], name: str) -> list[Any]:
    return [row[name] for row in rows if row[name] is not None]


def _rate(values: Sequence[int]) -> float | None:
    return _ratio(sum(values), len(values))


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
