"""The database: what is kept, by whom, through which schema, and what happens when it can't be."""

import logging
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from aid.config import MetricsSettings
from aid.metrics import Metrics, Request
from aid.metrics.schema import migrations, opened
from aid.metrics.writer import Writer
from aid.protocol import SourceUse

# The schema as its first migration left it.
FIRST_SCHEMA = """
CREATE TABLE [_sqlite_migrations] (
   [id] INTEGER PRIMARY KEY,
   [migration_set] TEXT,
   [name] TEXT,
   [applied_at] TEXT
);
CREATE UNIQUE INDEX [idx__sqlite_migrations_migration_set_name] ON [_sqlite_migrations] ([migration_set], [name]);
INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES
    ('aid.metrics', 'm001_requests', '2026-11-22 00:00:00');
CREATE TABLE requests (
    id TEXT PRIMARY KEY,
    at REAL NOT NULL,
    workspace TEXT NOT NULL,
    model TEXT NOT NULL,
    backend TEXT NOT NULL DEFAULT '',
    variant TEXT NOT NULL DEFAULT '',
    experiment TEXT NOT NULL DEFAULT '',
    arm TEXT NOT NULL DEFAULT '',
    format TEXT,
    sources TEXT NOT NULL DEFAULT '[]',
    context_tokens INTEGER,
    queue_ms REAL, context_ms REAL, first_token_ms REAL, model_ms REAL, verify_ms REAL, total_ms REAL,
    prompt_tokens INTEGER, cached_tokens INTEGER, completion_tokens INTEGER,
    well_formed INTEGER, applied_cleanly INTEGER,
    verdict TEXT, stage TEXT,
    candidates INTEGER NOT NULL DEFAULT 0,
    lines_added INTEGER, lines_removed INTEGER, files INTEGER,
    error TEXT,
    root TEXT, prompt TEXT, reply TEXT, diff TEXT
);
CREATE INDEX requests_at ON requests (at);
INSERT INTO requests (id, at, workspace, model, total_ms) VALUES ('old', 1.0, 'w', 'small', 250.0);
INSERT INTO requests (id, at, workspace, model, well_formed, error) VALUES ('down', 0.5, 'w', 'small', 0, 'ModelError');
"""

SECRET = Request(
    id="r1",
    root=Path("/home/someone/secret-project"),
    model="small",
    sources=(SourceUse(source="file", tokens=5, items=("secret_file.ml",)),),
    prompt="secret prompt",
    reply="secret reply",
    diff="secret diff",
)


def rows(path: Path, table: str) -> list[dict[str, Any]]:
    db = opened(path)
    found = list(db.query(f"SELECT * FROM {table}"))
    db.close()
    return found


def test_keeps_no_text_and_no_path_unless_told_to(tmp_path: Path) -> None:
    for store_text in (False, True):
        path = tmp_path / f"{store_text}.db"
        metrics = Metrics(path, MetricsSettings(store_text=store_text))
        metrics.record(SECRET)
        metrics.outcome(SECRET.id, "rejected", reason="secret reason")
        metrics.close()
        (kept,), (outcome,) = rows(path, "requests"), rows(path, "outcomes")
        assert outcome["reason"] == ("secret reason" if store_text else None)
        assert (b"secret" in path.read_bytes()) is store_text
        assert kept["context_tokens"] == 5
        texts = ["secret prompt", "secret reply", "secret diff", "/home/someone/secret-project"]
        assert [kept[name] for name in ("prompt", "reply", "diff", "root")] == (texts if store_text else [None] * 4)


def test_the_file_is_the_users_alone_and_in_wal_mode(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path / "deep" / "aid.db", MetricsSettings())
    metrics.record(SECRET)
    metrics.close()
    assert metrics.path.stat().st_mode & 0o777 == 0o600
    assert metrics.path.parent.stat().st_mode & 0o777 == 0o700
    db = opened(metrics.path)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()


def test_does_nothing_where_metrics_are_switched_off(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path / "aid.db", MetricsSettings(enabled=False))
    metrics.record(SECRET)
    metrics.outcome("r1", "accepted")
    metrics.close()
    assert list(tmp_path.iterdir()) == []


def test_a_later_record_of_a_request_stands_in_place_of_the_earlier(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path / "aid.db", MetricsSettings())
    metrics.record(Request(id="r", root=tmp_path, model="small"))
    metrics.record(Request(id="r", root=tmp_path, model="big"))
    assert [each["model"] for each in metrics.stats()["models"]] == ["big"]
    metrics.close()


def test_brings_an_older_database_up_to_date_and_keeps_what_it_held(tmp_path: Path) -> None:
    path = tmp_path / "aid.db"
    old = sqlite3.connect(path)
    old.executescript(FIRST_SCHEMA)
    old.close()
    metrics = Metrics(path, MetricsSettings())
    metrics.record(Request(id="new", root=tmp_path, model="small", at=2.0))
    metrics.outcome("old", "rejected")
    found = metrics.stats()
    metrics.close()
    assert (found["requests"], found["outcomes"]["rejected"]) == (3, 1)
    assert found["rates"]["well_formed"] is None
    assert found["latency_ms"]["total"] == {"n": 1, "p50": 250.0, "p90": 250.0, "p99": 250.0}
    db = opened(path)
    assert [each.name for each in migrations.applied(db)] == [
        "m001_requests", "m002_outcomes", "m003_survival", "m004_failures_judge_no_reply", "m005_decisions",
    ]  # fmt: skip
    assert migrations.pending(db) == []
    db.close()


WRITING = """
import sys
from pathlib import Path
from aid.config import MetricsSettings
from aid.metrics import Metrics, Request

path, name = Path(sys.argv[1]), sys.argv[2]
sys.stdin.readline()
metrics = Metrics(path, MetricsSettings())
for number in range(300):
    metrics.record(Request(id=f"{name}{number}", root=path, model=name))
    metrics.outcome(f"{name}{number}", "accepted", applied=f"t{name}{number}")
metrics.close()
"""


def test_two_processes_write_at_once_into_a_database_neither_found(tmp_path: Path) -> None:
    path = tmp_path / "aid.db"
    writing = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", WRITING, path, name], stdin=-1, stderr=-1, text=True)
        for name in ("a", "b")
    ]
    for process in writing:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate()[1] for process in writing]
    assert (told, [process.returncode for process in writing]) == (["", ""], [0, 0])
    metrics = Metrics(path, MetricsSettings())
    found = metrics.stats()
    assert [(each["model"], each["requests"], each["outcomes"]["accepted"]) for each in found["models"]] == [
        ("a", 300, 300),
        ("b", 300, 300),
    ]


def test_recording_does_not_wait_for_the_database(tmp_path: Path) -> None:
    """While the writing thread is stuck, `record` returns; all is written once it gets on."""
    writer = Writer(tmp_path / "aid.db")
    stuck, go = threading.Event(), threading.Event()

    def wait(db: object) -> None:
        stuck.set()
        go.wait()

    written: list[int] = []
    writer.put("stuck", wait)
    stuck.wait()
    for number in range(100):
        writer.put(f"{number}", lambda db, number=number: written.append(number))
    assert written == []
    go.set()
    writer.close()
    assert written == list(range(100))


@pytest.mark.parametrize("trouble", ["a directory in its place", "no database", "a file in the way"])
def test_a_database_that_cannot_be_written_costs_one_line_of_the_log_a_record(
    tmp_path: Path, trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "state" / "aid.db"
    if trouble == "a directory in its place":
        path.mkdir(parents=True)
    elif trouble == "no database":
        path.parent.mkdir()
        path.write_bytes(b"no database, whatever its name says" * 50)
    else:
        path.parent.write_text("in the way")
    metrics = Metrics(path, MetricsSettings())
    metrics.record(SECRET)
    metrics.outcome("r1", "accepted")
    metrics.close()
    lines = [record.getMessage().split(":")[:2] for record in caplog.records if record.levelno >= logging.WARNING]
    assert lines == [["metrics", " request r1 is lost"], ["metrics", " outcome of r1 is lost"]]


def test_a_locked_database_costs_the_record_and_not_the_next(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "aid.db"
    opened(path).close()
    writer = Writer(path, busy_s=0.01)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    statement = "INSERT INTO outcomes (request, at, state) VALUES (?, 0, 'accepted')"
    writer.put("one", lambda db: db.execute(statement, ["one"]))
    writer.flush()
    other.execute("ROLLBACK")
    other.close()
    writer.put("two", lambda db: db.execute(statement, ["two"]))
    writer.close()
    assert [each["request"] for each in rows(path, "outcomes")] == ["two"]
    assert [record.getMessage() for record in caplog.records] == [f"metrics: one is lost: {path}: database is locked"]


FULL = """
import resource, sys
from pathlib import Path
from aid.config import MetricsSettings
from aid.metrics import Metrics, Request

resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
metrics = Metrics(Path(sys.argv[1]), MetricsSettings(store_text=True))
for number in range(50):
    metrics.record(Request(id=f"r{number}", root=Path("/"), model="small", diff=str(number) * 10_000))
metrics.close()
"""


def test_a_full_disk_costs_records_and_nothing_else(tmp_path: Path) -> None:
    """A process that may write no more than 200 kB to a file stands for the disk."""
    path = tmp_path / "aid.db"
    ran = subprocess.run([sys.executable, "-c", FULL, path], capture_output=True, text=True, check=True)
    lost = ran.stderr.splitlines()
    assert 0 < len(lost) < 50
    assert all(line.startswith("metrics: request r") and " is lost: " in line for line in lost)
    assert len(rows(path, "requests")) == 50 - len(lost)


def test_goes_on_once_the_database_can_be_written_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "aid.db"
    path.mkdir()
    metrics = Metrics(path, MetricsSettings())
    metrics.record(Request(id="lost", root=tmp_path, model="small"))
    metrics.flush()
    path.rmdir()
    metrics.record(Request(id="kept", root=tmp_path, model="small"))
    assert metrics.stats()["requests"] == 1
    metrics.close()
    assert len(caplog.records) == 1


def test_a_faulty_record_does_not_end_all_recording(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = Writer(tmp_path / "aid.db")
    written: list[int] = []
    writer.put("a fault", lambda db: written.append(1 // 0))
    writer.put("another", lambda db: written.append(1))
    writer.close()
    assert written == [1]
    assert "a fault is lost" in caplog.text


def test_nothing_is_taken_on_after_closing(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path / "aid.db", MetricsSettings())
    metrics.close()
    metrics.record(SECRET)
    metrics.flush()
    metrics.close()
    assert not metrics.path.exists()
