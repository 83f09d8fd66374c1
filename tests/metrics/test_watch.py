"""Survival over time. The clock is the test's own; nothing sleeps."""

import asyncio
from pathlib import Path

import pytest

from aid.config import MetricsSettings
from aid.metrics import Metrics, SurvivalWatch
from ces.change import FileChange

ADDED = FileChange(path="f", before=b"a\n", after=b"a\nb\nc\nd\ne\n")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def metrics(tmp_path: Path, clock: Clock) -> Metrics:
    return Metrics(tmp_path / "state" / "aid.db", MetricsSettings(), clock=clock)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "f").write_bytes(ADDED.after or b"")
    return tmp_path / "f"


def measured(metrics: Metrics) -> list[tuple[float, float]]:
    from aid.metrics.schema import opened

    metrics.flush()
    db = opened(metrics.path)
    found = [(each["after_s"], each["fraction"]) for each in db.query("SELECT * FROM survival ORDER BY after_s")]
    db.close()
    return found


async def test_measures_at_30_s_2_and_10_min(metrics: Metrics, clock: Clock, file: Path) -> None:
    watch = SurvivalWatch(metrics)
    watch.watch("r", "t", file.parent, [ADDED])
    dues = []
    for text in ("a\nb\nc\nd\ne\n", "a\nb\nc\nd\n", "b\n"):
        due = watch.next_due()
        assert due is not None
        dues.append(due - 1000.0)
        clock.now = due - 0.001
        await watch.measure()
        assert len(measured(metrics)) == len(dues) - 1
        clock.now = due
        file.write_text(text)
        await watch.measure()
    assert dues == [30.0, 120.0, 600.0]
    assert measured(metrics) == [(30.0, 1.0), (120.0, 0.75), (600.0, 0.25)]
    assert watch.next_due() is None
    metrics.flush()
    assert metrics.watched() == []
    metrics.close()


async def test_goes_on_after_a_restart_and_leaves_out_what_was_missed(
    metrics: Metrics, clock: Clock, file: Path, tmp_path: Path
) -> None:
    SurvivalWatch(metrics).watch("r", "t", file.parent, [ADDED])
    metrics.close()
    clock.now += 100.0
    again = Metrics(metrics.path, MetricsSettings(), clock=clock)
    watch = SurvivalWatch(again)
    await watch.resume()
    assert watch.next_due() == 1120.0
    clock.now = 1125.0
    file.unlink()
    await watch.measure()
    clock.now = 100_000.0
    await watch.measure()
    assert measured(again) == [(120.0, 0.0)]
    assert again.watched() == []
    again.close()


async def test_keeps_only_hashes_of_what_it_watches(metrics: Metrics, file: Path) -> None:
    line = FileChange(path="f", before=None, after=b"let very_secret = 1\n")
    SurvivalWatch(metrics).watch("r", "t", file.parent, [line])
    metrics.close()
    assert b"very_secret" not in metrics.path.read_bytes()


async def test_watches_nothing_where_nothing_was_added(metrics: Metrics, file: Path) -> None:
    watch = SurvivalWatch(metrics)
    watch.watch("r", "t", file.parent, [FileChange(path="f", before=b"a\n", after=None)])
    assert watch.next_due() is None
    metrics.close()


async def test_reads_a_file_as_the_person_sees_it(metrics: Metrics, clock: Clock, tmp_path: Path) -> None:
    async def unsaved(root: Path, path: str) -> bytes | None:
        return b"b\nc\n" if (root, path) == (tmp_path, "f") else None

    watch = SurvivalWatch(metrics, unsaved)
    watch.watch("r", "t", tmp_path, [ADDED])
    clock.now += 30.0
    await watch.measure()
    assert measured(metrics) == [(30.0, 0.5)]
    metrics.close()


async def test_runs_in_the_background_and_wakes_for_what_is_new(metrics: Metrics, clock: Clock, tmp_path: Path) -> None:
    """What is due when it starts is measured at once; so is what comes up while it waits."""
    looked: asyncio.Queue[str] = asyncio.Queue()

    async def read(root: Path, path: str) -> bytes | None:
        looked.put_nowait(root.name)
        return ADDED.after

    SurvivalWatch(metrics).watch("r1", "t1", tmp_path / "before", [ADDED])
    clock.now += 31.0
    watch = SurvivalWatch(metrics, read)
    running = asyncio.create_task(watch.run())
    assert await looked.get() == "before"
    watch.watch("r2", "t2", tmp_path / "new", [ADDED])
    clock.now += 32.0
    watch.watch("r3", "t3", tmp_path / "newer", [ADDED])
    assert await looked.get() == "new"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    metrics.close()
