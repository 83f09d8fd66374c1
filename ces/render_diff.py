"""Changes as a git-style unified diff (git-diff(1), "Generating patch text with -p") that `git apply` takes.

Whole contents in, text out. Only text: content that isn't UTF-8, or has a NUL, is a BadChange.
"""

import difflib
import itertools
from collections.abc import Iterable, Iterator

from ces.change import FileChange
from ces.errors import BadChange

CONTEXT_LINES = 3
_NO_NEWLINE = "\\ No newline at end of file\n"


def render(changes: Iterable[FileChange]) -> str:
    """One diff of all of them, in their order; a change that changes nothing leaves nothing."""
    return "".join(_file(change) for change in changes)


def _file(change: FileChange) -> str:
    header = list(_header(change))
    body = "".join(_body(change))
    if not header and not body:
        return ""
    old = change.old_path or change.path
    return f"diff --git {_name('a/', old)} {_name('b/', change.path)}\n" + "".join(header) + body


def _header(change: FileChange) -> Iterator[str]:
    """The extended lines. A mode before the change isn't known; git only warns about it."""
    executable = change.mode is not None and change.mode & 0o111
    mode, other = ("100755", "100644") if executable else ("100644", "100755")
    if change.before is None:
        yield f"new file mode {mode}\n"
    elif change.after is None:
        yield f"deleted file mode {mode}\n"
    elif change.mode is not None:
        yield f"old mode {other}\nnew mode {mode}\n"
    if change.old_path is not None and change.old_path != change.path:
        yield f"rename from {_name('', change.old_path)}\nrename to {_name('', change.path)}\n"


def _body(change: FileChange) -> Iterator[str]:
    old, new = _lines(change.path, change.before), _lines(change.path, change.after)
    if old == new:
        return
    yield f"--- {'/dev/null' if change.before is None else _tabbed(_name('a/', change.old_path or change.path))}\n"
    yield f"+++ {'/dev/null' if change.after is None else _tabbed(_name('b/', change.path))}\n"
    for line in itertools.islice(difflib.unified_diff(old, new, n=CONTEXT_LINES), 2, None):
        yield line if line.endswith("\n") else f"{line}\n{_NO_NEWLINE}"


def _lines(path: str, content: bytes | None) -> list[str]:
    """Lines with their ends; only `\\n` ends one."""
    try:
        text = (content or b"").decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadChange(f"{path} is not UTF-8: a unified diff can't carry it") from error
    if "\0" in text:
        raise BadChange(f"{path} is binary: a unified diff can't carry it")
    parts = text.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _name(prefix: str, path: str) -> str:
    """A path as git writes it: quoted like a C string where it has quotes, backslashes or control characters."""
    if not any(char in '"\\' or ord(char) < 32 or ord(char) == 127 for char in path):
        return prefix + path
    escaped = "".join(
        f"\\{char}" if char in '"\\' else f"\\{ord(char):03o}" if ord(char) < 32 or ord(char) == 127 else char
        for char in path
    )
    return f'"{prefix}{escaped}"'


def _tabbed(name: str) -> str:
    """git ends a name that has a blank with a tab, for what follows a blank could be a date."""
    return name + "\t" if " " in name and not name.startswith('"') else name
