"""Modules known to load: they did once, and no file that they took has changed since.

`aid restart` ends the old daemon once the new one can't fail any more. What is known to load may come after that, while
the old one is ending; anything else is imported before.
"""

import sys
from collections.abc import Iterable, Set
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import msgspec

from aid import paths
from aid.errors import AidError

_Stamp = tuple[int, int]


class _Proof(msgspec.Struct, frozen=True):
    """`files`: the size and mtime_ns of each by its path."""

    python: str
    path: tuple[str, ...]
    files: dict[str, _Stamp]


_PROOF = msgspec.json.Decoder(_Proof)


def load(module: str, beside: Set[str]) -> None:
    """Import it, and remember that it can be where the modules `beside` are there. Raises whatever the import does."""
    import_module(module)
    loaded = (getattr(each, "__file__", None) for name, each in list(sys.modules.items()) if name not in beside)
    with suppress(OSError, AidError):  # what can't be remembered costs the next restart a moment, no more
        _keep(module, _proof(file for file in loaded if file is not None))


def loads(module: str) -> bool:
    """Whether an import of it is sure to work, as far as that can be known without one."""
    try:
        proof = _PROOF.decode(_file(module).read_bytes())
        return proof == _proof(proof.files)
    except (OSError, AidError, msgspec.DecodeError):
        return False


def _proof(files: Iterable[str]) -> _Proof:
    """Raises OSError where a file is gone."""
    stamps: dict[str, _Stamp] = {}
    for file in sorted(files):
        seen = Path(file).stat()
        stamps[file] = (seen.st_size, seen.st_mtime_ns)
    return _Proof(python=sys.version, path=tuple(sys.path), files=stamps)


def _keep(module: str, proof: _Proof) -> None:
    file = _file(module)
    new = file.with_suffix(f".{id(proof)}")
    new.write_bytes(msgspec.json.encode(proof))
    new.replace(file)


def _file(module: str) -> Path:
    return paths.cache_dir() / f"loads-{module}.json"
