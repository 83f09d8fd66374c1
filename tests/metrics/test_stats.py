"""Figures, against numbers worked by hand."""

import contextlib
import json
import math
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from aid.cli.stats import stats as stats_command
from aid.config import MetricsSettings
from aid.errors import UsageError
from aid.metrics import Metrics, Request
from aid.metrics.stats import percentile
from aid.metrics.store import Watched
from aid.metrics.survival import Lines
from aid.protocol import SourceUse, Timings

DAY_S = 86400.0
NOW = 100 * DAY_S


def filled(path: Path | None, root: Path) -> Metrics:
    """Ten requests of three kinds, one of them forty days old, their outcomes and survival."""
    metrics = Metrics(path, MetricsSettings(), clock=lambda: NOW)
    for number in range(1, 8):
        metrics.record(
            Request(
                id=f"a{number}",
                root=root,
                model="small",
                at=NOW - number,
                timings_ms=Timings(first_token=number * 10.0, total=number * 100.0),
                sources=(SourceUse(source="file", tokens=50), SourceUse(source="errors", tokens=25)),
                prompt_tokens=100,
                completion_tokens=10,
                well_formed=number != 7,
                applied_cleanly=number <= 5,
                verdict={1: "green", 2: "green", 3: "green", 4: "red", 5: "unchecked"}.get(number),
                lines_added=3,
                lines_removed=1,
                files=2,
            )
        )
    metrics.record(
        Request(id="b1", root=root, model="small", variant="lora", experiment="x", arm="lora", at=NOW - 2 * DAY_S)
    )
    metrics.record(Request(id="c1", root=root / "other", model="big", error="ModelError", at=NOW))
    metrics.record(Request(id="c2", root=root, model="big", error="ModelError", at=NOW - 40 * DAY_S))
    metrics.outcome("a1", "accepted", applied="t1")
    metrics.outcome("a2", "partly", applied="t2")
    metrics.outcome("a3", "rejected")
    metrics.outcome("a4", "accepted", applied="t4")
    metrics.undone("t4")
    metrics.undone("t2", at=NOW + 1)
    metrics.redone("t2", at=NOW + 2)
    metrics.undone("of nobody")
    metrics.decided("a1", 2, 0, 1)
    metrics.decided("a1", 2, 1, 1)
    metrics.decided("a2", 4, 2, 0)
    for id_, fractions in {"1": (1.0, 0.5), "2": (0.75, 0.25), "4": (0.0,)}.items():
        watched = Watched(applied=f"t{id_}", request=f"a{id_}", at=NOW, root=root, lines=Lines((), {}, {}))
        for after_s, fraction in zip((30.0, 120.0), fractions, strict=False):
            metrics.survived(watched, after_s, fraction)
    return metrics


def test_green_is_of_what_a_build_judged(tmp_path: Path) -> None:
    """Neither a machine that failed nor a spent budget says anything of the change."""
    metrics = Metrics(tmp_path / "aid.db", MetricsSettings(), clock=lambda: NOW)
    for verdict in ("green", "red", "infra_error", "timeout", "unchecked"):
        metrics.record(Request(id=verdict, root=tmp_path, model="small", verdict=verdict, applied_cleanly=True))
    found = metrics.stats()
    metrics.close()
    assert found["rates"]["green"] == 0.5


def test_counts_rates_and_percentiles(tmp_path: Path) -> None:
    metrics = filled(tmp_path / "aid.db", tmp_path)
    found = metrics.stats()
    metrics.close()
    small = next(each for each in found["models"] if (each["model"], each["variant"]) == ("small", ""))
    nothing = {"n": 0, "p50": None, "p90": None, "p99": None}
    assert small == {
        "model": "small",
        "variant": "",
        "requests": 7,
        "errors": {},
        "outcomes": {"accepted": 1, "partly": 1, "rejected": 1, "undone": 1},
        "verdicts": {"green": 3, "red": 1, "unchecked": 1},
        "rates": {
            "well_formed": 6 / 7,
            "applied_cleanly": 5 / 7,
            "green": 3 / 4,
            "acceptance": 2 / 4,
            "acceptance_of_shown": 2 / 5,
            "acceptance_of_hunks": 3 / 4,
        },
        "hunks": {"proposed": 6, "accepted": 3, "rejected": 1},
        "latency_ms": {
            "queue": nothing,
            "context": nothing,
            "first_token": {"n": 7, "p50": 40.0, "p90": 70.0, "p99": 70.0},
            "model": nothing,
            "verify": nothing,
            "total": {"n": 7, "p50": 400.0, "p90": 700.0, "p99": 700.0},
        },
        "tokens": {"context": 525, "prompt": 700, "cached": 0, "completion": 70},
        "changed": {"lines_added": 21, "lines_removed": 7, "files": 14},
        "survival": {
            "30": {"n": 3, "median": 0.75, "mean": pytest.approx(1.75 / 3)},
            "120": {"n": 2, "median": 0.375, "mean": 0.375},
        },
    }
    assert (found["requests"], found["errors"]) == (10, {"ModelError": 2})
    assert [(each["model"], each["variant"], each["requests"]) for each in found["models"]] == [
        ("big", "", 2),
        ("small", "", 7),
        ("small", "lora", 1),
    ]
    assert [(each["experiment"], each["arm"], each["requests"]) for each in found["experiments"]] == [("x", "lora", 1)]
    assert found["models"][0]["latency_ms"]["first_token"] == nothing
    assert found["models"][0]["rates"] == dict.fromkeys(small["rates"])


@pytest.mark.parametrize(
    ("chosen", "requests"),
    [
        ({}, 10),
        ({"days": 1.0}, 8),
        ({"days": 7.0}, 9),
        ({"model": "big"}, 2),
        ({"model": "big", "days": 7.0}, 1),
        ({"root": ""}, 9),
        ({"root": "other"}, 1),
        ({"root": "unknown"}, 0),
    ],
)
def test_looks_at_the_chosen_requests_only(tmp_path: Path, chosen: dict[str, Any], requests: int) -> None:
    metrics = filled(tmp_path / "aid.db", tmp_path)
    if "root" in chosen:
        chosen = {"root": tmp_path / chosen["root"]}
    assert metrics.stats(**chosen)["requests"] == requests
    metrics.close()


def test_says_nothing_of_a_database_that_is_not_there(tmp_path: Path) -> None:
    found = Metrics(tmp_path / "none.db", MetricsSettings()).stats()
    assert (found["requests"], found["rates"]["acceptance"], found["models"]) == (0, None, [])
    assert not (tmp_path / "none.db").exists()


@given(st.lists(st.floats(0, 1e6), min_size=1), st.sampled_from([1, 50, 90, 99, 100]))
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(values: list[float], percent: int) -> None:
    found = percentile(sorted(values), percent)
    assert found is not None
    needed = math.ceil(len(values) * percent / 100)
    assert sum(value <= found for value in values) >= needed
    assert sum(value < found for value in values) < needed


@pytest.fixture
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def test_the_command_prints_one_object(own_state: Path) -> None:
    filled(None, own_state).close()
    ran = CliRunner().invoke(stats_command, ["--json", "--model", "small"])
    assert ran.exit_code == 0
    assert json.loads(ran.stdout)["requests"] == 8


def test_the_command_prints_a_plain_table_into_a_pipe(own_state: Path) -> None:
    filled(None, own_state).close()
    ran = CliRunner().invoke(stats_command, ["--model", "small"])
    assert (
        ran.output
        == """\
8 requests, 0 failed; 2 accepted, 1 rejected, 1 undone

                     all   small  small lora  x: lora
requests               8       7           1        1
well formed          86%     86%           -        -
applied cleanly      71%     71%           -        -
green                75%     75%           -        -
accepted             50%     50%           -        -
hunks accepted       75%     75%           -        -
first token p50    40 ms   40 ms           -        -
first token p90    70 ms   70 ms           -        -
first token p99    70 ms   70 ms           -        -
total p50         400 ms  400 ms           -        -
total p90         700 ms  700 ms           -        -
total p99         700 ms  700 ms           -        -
kept after 30 s      75%     75%           -        -
kept after 2 min     38%     38%           -        -
"""
    )


def test_the_command_draws_a_table_on_a_terminal(own_state: Path) -> None:
    metrics = filled(None, own_state)
    metrics.record(Request(id="d", root=own_state, model="[bold]odd", at=NOW))
    metrics.close()
    ours, theirs = pty.openpty()
    script = "from aid.cli.stats import stats; stats()"
    env = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    drawn = ""
    with subprocess.Popen([sys.executable, "-c", script], stdout=theirs, env=env) as process:
        os.close(theirs)
        with contextlib.suppress(OSError):  # how a terminal ends on Linux
            while piece := os.read(ours, 4096):
                drawn += piece.decode()
    assert process.returncode == 0
    os.close(ours)
    assert "\x1b[1m" in drawn
    assert "[bold]odd" in drawn


def test_the_command_says_so_when_nothing_was_recorded(own_state: Path) -> None:
    ran = CliRunner().invoke(stats_command, [])
    assert (ran.exit_code, ran.output) == (0, "no requests recorded yet\n")


def test_the_command_says_what_to_do_with_a_file_that_is_no_database(own_state: Path) -> None:
    metrics = filled(None, own_state)
    metrics.close()
    metrics.path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(UsageError, match=r"can't read the metrics in .*aid\.db \(.*move the file away"):
        CliRunner().invoke(stats_command, [], catch_exceptions=False)
