"""The files a compiler had in view when it failed: what the hints read beside the files with errors.

Only names are followed, at most `MOST_FILES` of them, so a huge folder costs little. A model is shown outlines in
place of these; rules need whole texts and no budget.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from aid.errors import AidError
from aid.models.backend import SourceText
from aid.session.workspace import View
from ces.errors import CesError
from ces.verdict import Diagnostic

MOST_FILES = 60
MOST_BYTES = 200_000
_BESIDE = {
    ".ml": (".ml", ".mli", ".mll", ".mly"),
    ".mli": (".ml", ".mli"),
    ".py": (".py",),
    ".rs": (".rs",),
    ".ts": (".ts", ".tsx"),
    ".tsx": (".ts", ".tsx"),
}
_DUNE_DEPTH = 3
_PYTHON_IMPORT = re.compile(r"^\s*(?:from\s+(\.*[\w.]*)\s+import|import\s+([\w.]+))", re.M)
_SCRIPT_IMPORT = re.compile(r"""from\s+["'](\.[^"']*)["']""")


def neighbours(
    root: Path, view: View, diagnostics: Sequence[Diagnostic], known: Sequence[SourceText]
) -> tuple[SourceText, ...]:
    """Whole texts of files near the errors and not yet in `known`. Reads the disk: call it in a thread."""
    seen = {source.path for source in known}
    found: list[SourceText] = []
    for path in _paths(root, view, diagnostics):
        if path in seen:
            continue
        seen.add(path)
        text = _text(view, path)
        if text is not None:
            found.append(SourceText(path=path, text=text))
        if len(found) >= MOST_FILES:
            break
    return tuple(found)


def _paths(root: Path, view: View, diagnostics: Sequence[Diagnostic]) -> Iterator[str]:
    """Nearest first: the files with errors, what they import, their folder, the dune files."""
    erring = list(dict.fromkeys(one.file for one in diagnostics if one.file is not None))
    yield from erring
    for path in erring:
        yield from _imported(path, _text(view, path) or "")
    for path in erring:
        yield from _beside(root, PurePosixPath(path))
    if any(path.endswith((".ml", ".mli")) for path in erring) or not erring:
        yield from _dune_files(root)


def _imported(path: str, text: str) -> Iterator[str]:
    folder = PurePosixPath(path).parent
    if path.endswith(".py"):
        for relative, absolute in _PYTHON_IMPORT.findall(text):
            yield from _python_module(folder, relative or absolute)
    elif path.endswith((".ts", ".tsx")):
        for named in _SCRIPT_IMPORT.findall(text):
            target = os.path.normpath(folder / named)
            yield from (f"{target}{suffix}" for suffix in (".ts", ".tsx", "/index.ts"))


def _python_module(folder: PurePosixPath, name: str) -> Iterator[str]:
    """Where a module may be: below the root, below src, or beside the file that imports it."""
    dots = len(name) - len(name.lstrip("."))
    parts = [part for part in name.split(".") if part]
    above = folder
    for _ in range(max(0, dots - 1)):
        above = above.parent
    for base in (above,) if dots else (PurePosixPath(), PurePosixPath("src"), folder):
        target = base.joinpath(*parts)
        yield from (f"{target}.py", f"{target}/__init__.py")


def _beside(root: Path, path: PurePosixPath) -> Iterator[str]:
    suffixes = _BESIDE.get(path.suffix, ())
    near = sorted(_names(root / path.parent), key=lambda name: (PurePosixPath(name).stem != path.stem, name))
    yield from ((path.parent / name).as_posix() for name in near if name == "dune" or name.endswith(suffixes or "\0"))


def _dune_files(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        at = Path(folder).relative_to(root)
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_")) and name != "node_modules")
        if len(at.parts) >= _DUNE_DEPTH:
            folders.clear()
        yield from ((at / name).as_posix() for name in names if name in ("dune", "dune-project"))


def _names(folder: Path) -> Iterable[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:
        return ()


def _text(view: View, path: str) -> str | None:
    try:
        document = view.read(path)
    except (AidError, CesError, OSError):
        return None
    if document is None or len(document.content) > MOST_BYTES or b"\0" in document.content:
        return None
    return document.content.decode("utf-8-sig", "replace")
