"""What every adapter needs to read a build's output: the sources it talks about, and plain text.

Builds count columns in bytes, UTF-16 units or characters; `Sources` has the text to turn them into code points. It
reads the view that was built, not the person's tree: a proposal's own text comes first.
"""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from ces.verdict import Diagnostic, Range

TAIL_LINES = 40
MAX_SOURCE_BYTES = 4 << 20
MAX_PATHS = 50_000
_NOT_SOURCES = frozenset({"node_modules", "venv", "target"})
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


class Sources:
    """The files of one build. `seen_root` is where the build saw them; `changed` overrides what is on disk."""

    def __init__(
        self, root: Path, changed: Mapping[str, bytes | None] | None = None, seen_root: Path | None = None
    ) -> None:
        self._root = root
        self._seen_root = seen_root or root
        self._changed = dict(changed or {})
        self._lines: dict[str, list[bytes] | None] = {}
        self._paths: list[str] | None = None

    def relative(self, name: str, inside: str = "") -> str | None:
        """A name as a build prints it, as a path in the workspace with `/`; None when it lies outside.

        `inside` is the directory, relative to the workspace, that a relative name starts from.
        """
        path = os.path.normpath(self._seen_root / inside / name)
        for root in (self._seen_root, self._root):
            if Path(path).is_relative_to(root) and Path(path) != root:
                return Path(path).relative_to(root).as_posix()
        return None

    def exists(self, path: str) -> bool:
        if path in self._changed:
            return self._changed[path] is not None
        return (self._root / path).is_file()

    def lines(self, path: str) -> list[bytes] | None:
        """The file's lines without their ends, None when it can't be read."""
        if path not in self._lines:
            self._lines[path] = self._read(path)
        return self._lines[path]

    def _read(self, path: str) -> list[bytes] | None:
        content = self._changed.get(path)
        if path not in self._changed:
            file = self._root / path
            try:
                if file.is_file() and file.stat().st_size <= MAX_SOURCE_BYTES:
                    content = file.read_bytes()
            except OSError:
                return None
        return None if content is None else content.split(b"\n")

    def only(self, name: str) -> str | None:
        """The one file of the workspace whose path ends with `name`; None where there is none, or several."""
        if self._paths is None:
            self._paths = self._walk()
        found = [path for path in self._paths if path.endswith(f"/{name}") and self.exists(path)]
        return found[0] if len(found) == 1 else None

    def _walk(self) -> list[str]:
        paths = set(self._changed)
        for directory, inside, names in os.walk(self._root):
            inside[:] = [name for name in inside if not name.startswith((".", "_")) and name not in _NOT_SOURCES]
            start = os.path.relpath(directory, self._root)
            paths.update(name if start == "." else f"{start}/{name}" for name in names)
            if len(paths) > MAX_PATHS:
                break
        return sorted(paths)

    def from_bytes(self, path: str | None, line: int, column: int, *, up: bool = False) -> int:
        """Code points before byte `column` of zero-based `line`; the column itself where the source isn't there.

        A column inside a character is its start, or with `up` its end.
        """
        text = self._line(path, line)
        if text is None:
            return column
        if up:
            while 0 < column < len(text) and text[column] & 0xC0 == 0x80:
                column += 1
        return len(text[:column].decode("utf-8", "ignore"))

    def from_utf16(self, path: str | None, line: int, column: int) -> int:
        """Code points before UTF-16 unit `column` of zero-based `line`."""
        text = self._line(path, line)
        if text is None:
            return column
        units = text.decode("utf-8", "replace").encode("utf-16-le")[: 2 * column]
        return len(units.decode("utf-16-le", "ignore"))

    def _line(self, path: str | None, line: int) -> bytes | None:
        lines = None if path is None else self.lines(path)
        return lines[line] if lines is not None and 0 <= line < len(lines) else None


def plain(output: str) -> str:
    """Without colours and other terminal control, and with `\\n` alone at the end of lines."""
    return _ESCAPES.sub("", output).replace("\r\n", "\n").replace("\r", "\n")


def whole_lines(first: int, last: int) -> Range:
    """The range of one-based lines `first` to `last`, where a build gives no columns."""
    return Range(first - 1, 0, last, 0)


def tail(output: str, lines: int = TAIL_LINES) -> str:
    """The end of what a command printed, for a person."""
    kept = [line.rstrip() for line in plain(output).strip("\n").split("\n")]
    return "\n".join(kept[-lines:])


def word_at(sources: Sources, path: str | None, line: int, column: int) -> Range:
    """From a place to the end of the word there, for builds that only say where a message starts."""
    lines = None if path is None else sources.lines(path)
    text = lines[line].decode("utf-8", "replace") if lines is not None and 0 <= line < len(lines) else ""
    word = re.match(r"[\w$]+|\S", text[column:])
    return Range(line, column, line, column + (len(word[0]) if word else 0))


def failure(source: str, command: str, output: str, exit_code: int) -> Diagnostic:
    """A failed step that named no place: one error that quotes the output's end."""
    said = tail(output)
    how = f"was killed by signal {-exit_code}" if exit_code < 0 else f"failed with exit code {exit_code}"
    message = f"'{command}' {how}" + (f":\n{said}" if said else "")
    return Diagnostic(file=None, range=None, severity="error", message=message, code="exit", source=source)


def on_path(*tools: str) -> bool:
    return all(shutil.which(tool) is not None for tool in tools)
