"""The log file: JSON lines, rotated, and no text of prompts unless asked for."""

import json
import logging
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aid import logs


@pytest.fixture
def root(private: Path) -> Iterator[logging.Logger]:
    """The root logger, as it was afterwards."""
    logger = logging.getLogger()
    before = list(logger.handlers)
    yield logger
    for handler in [each for each in logger.handlers if each not in before]:
        logger.removeHandler(handler)
        handler.close()


def written() -> list[dict[str, object]]:
    return [json.loads(line) for line in logs.log_path().read_text("utf-8").splitlines()]


@pytest.mark.parametrize("prompts", [False, True])
def test_text_is_written_only_when_asked_for(root: logging.Logger, prompts: bool) -> None:
    logs.configure("info", prompts=prompts)
    try:
        raise ValueError("the secret")
    except ValueError:
        logging.getLogger("aid.x").exception("failed", extra={"method": "aid/prompt", "text": "the secret"})
    (line,) = written()
    assert (line["level"], line["logger"], line["message"], line["method"]) == (
        "error",
        "aid.x",
        "failed",
        "aid/prompt",
    )
    error = line["error"]
    assert isinstance(error, dict) and error["type"] == "ValueError" and "test_logs.py" in error["at"][0]
    assert ("the secret" in json.dumps(line)) is prompts


def test_other_peoples_loggers_do_not_get_to_quote(root: logging.Logger) -> None:
    logs.configure("info", prompts=False)
    logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: ValueError('the secret')")
    (line,) = written()
    assert line["message"] == "Task exception was never retrieved"


def test_rotates_and_keeps_a_few(root: logging.Logger) -> None:
    logs.configure("info", prompts=False, max_bytes=2000)
    for number in range(200):
        logging.getLogger("aid.x").info("line", extra={"number": number})
    files = sorted(path.name for path in logs.log_path().parent.iterdir())
    assert files == ["daemon.jsonl", *(f"daemon.jsonl.{number}" for number in range(1, logs.KEPT + 1))]
    assert all(path.stat().st_size <= 2000 for path in logs.log_path().parent.iterdir())
    last = [json.loads(line)["number"] for line in logs.tail(logs.log_path(), 20)]
    assert last == list(range(180, 200)), "across the rotation"


def test_levels(root: logging.Logger) -> None:
    logs.configure("warning", prompts=False)
    logging.getLogger("aid.x").info("no")
    logging.getLogger("ces.x").warning("yes")
    logging.getLogger("elsewhere").info("no")
    assert [line["message"] for line in written()] == ["yes"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            '{"at":"T","level":"info","logger":"aid","message":"answered","method":"aid/log","ms":1.5}',
            "T info    answered method=aid/log ms=1.5",
        ),
        ("not JSON", "not JSON"),
        ("[1]", "[1]"),
    ],
)
def test_reads_for_people(line: str, expected: str) -> None:
    assert logs.readable(line) == expected


def test_follows_what_is_written_through_a_rotation(root: logging.Logger) -> None:
    """In a process of its own, as `aid logs -f` is; it says when it watches, by the lines it prints."""
    path = logs.log_path()
    path.write_text("old\n")
    follow = "for line in logs.follow(Path(sys.argv[1])): print(line, flush=True)"
    script = f"from pathlib import Path; import sys; from aid import logs\n{follow}"
    follower = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    assert follower.stdout is not None
    try:
        seen = ""
        while not seen.startswith("knock"):  # until it watches, nothing is seen; then all of it
            with path.open("a") as log:
                log.write("knock\n")
            seen = follower.stdout.readline() if _has_more(follower) else ""
        path.rename(path.with_name("daemon.jsonl.1"))
        path.write_text("after\n")
        while seen != "after\n":
            seen = follower.stdout.readline()
            assert seen in ("knock\n", "after\n")
    finally:
        follower.terminate()
        follower.wait()
        follower.stdout.close()


def _has_more(process: subprocess.Popen[str]) -> bool:
    ready, _, _ = select.select([process.stdout], [], [], 0.2)
    return bool(ready)
