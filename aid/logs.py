"""The daemon's log: one JSON object a line, rotated, without prompt text unless the person asked for it.

    {"at": "2026-11-22T21:30:00.123Z", "level": "info", "logger": "aid.server", "message": "answered", "method": …}

Of an exception only its type and where it was raised are written: its message may quote a prompt.
"""

import json
import logging
import os
import time
import traceback
from collections import deque
from collections.abc import Iterator
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from aid import paths

MAX_BYTES = 2_000_000
KEPT = 4

_OURS = ("aid", "ces")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def log_path() -> Path:
    directory = paths.state_dir() / "logs"
    directory.mkdir(mode=0o700, exist_ok=True)
    return directory / "daemon.jsonl"


def configure(level: str, *, prompts: bool, max_bytes: int = MAX_BYTES) -> None:
    """Send the records of `aid` and `ces` to the log file, and warnings of other libraries' loggers too.

    Fields are given as `extra={...}`. `prompts`: keep `extra` field "text" and exceptions' messages.
    """
    target = _PrivateFile(log_path(), maxBytes=max_bytes, backupCount=KEPT, encoding="utf-8", delay=True)
    target.setFormatter(JsonLines(prompts=prompts))
    root = logging.getLogger()
    root.addHandler(target)
    for name in _OURS:
        logging.getLogger(name).setLevel(level.upper())


class _PrivateFile(RotatingFileHandler):
    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return open(descriptor, "a", encoding=self.encoding)  # noqa: PTH123 - a Path can't open a descriptor


class JsonLines(logging.Formatter):
    def __init__(self, *, prompts: bool) -> None:
        super().__init__()
        self._prompts = prompts

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "at": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._message(record),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if not self._prompts:
            line.pop("text", None)
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = self._told(record.exc_info[1])
        return json.dumps(line, default=_plain, ensure_ascii=False)

    def _message(self, record: logging.LogRecord) -> str:
        """Other people's loggers quote what they choose (asyncio: an exception's text), after the first line."""
        message = record.getMessage()
        ours = record.name.partition(".")[0] in _OURS
        return message if ours or self._prompts else message.partition("\n")[0][:200]

    def _told(self, error: BaseException) -> dict[str, Any]:
        frames = traceback.extract_tb(error.__traceback__)
        told: dict[str, Any] = {
            "type": type(error).__qualname__,
            "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]],
        }
        if error.__cause__ is not None:
            told["cause"] = self._told(error.__cause__)
        if self._prompts:
            told["message"] = str(error)
        return told


def tail(path: Path, count: int) -> list[str]:
    """The last `count` lines of a log file and, where it holds fewer, of the one rotated before it."""
    lines: deque[str] = deque(maxlen=count)
    for part in (path.with_name(path.name + ".1"), path):
        if part.is_file():
            with part.open(encoding="utf-8", errors="replace") as source:
                lines.extend(line.rstrip("\n") for line in source)
    return list(lines)


def follow(path: Path) -> Iterator[str]:
    """Lines as they are written from now on, through rotations, until interrupted."""
    from watchfiles import watch

    source = path.open(encoding="utf-8", errors="replace") if path.is_file() else None
    if source is not None:
        source.seek(0, os.SEEK_END)
    half = ""
    for _ in watch(path.parent, recursive=False, debounce=50, step=20, raise_interrupt=False):
        if source is not None:
            pieces = (half + source.read()).split("\n")
            half = pieces.pop()
            yield from pieces
        if path.is_file() and (source is None or os.fstat(source.fileno()).st_ino != path.stat().st_ino):
            if source is not None:
                source.close()
            source = path.open(encoding="utf-8", errors="replace")
            pieces = source.read().split("\n")
            half = pieces.pop()
            yield from pieces


def readable(line: str) -> str:
    """One log line for a person; a line that is not ours as it stands."""
    try:
        record = json.loads(line)
        head = f"{record.pop('at')} {record.pop('level'):<7} {record.pop('message')}"
    except (ValueError, KeyError, AttributeError, TypeError):
        return line
    record.pop("logger", None)
    return " ".join([head, *(f"{key}={_short(value)}" for key, value in record.items())])


def _plain(value: object) -> str:
    """JSON text that was not read (bytes in some form) as it is; anything else by its name."""
    try:
        return bytes(memoryview(value)).decode("utf-8", "replace")  # type: ignore[arg-type]  # TypeError is an answer
    except TypeError:
        return str(value)


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
