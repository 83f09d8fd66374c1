"""What is known to load: what did, until one of its files or Python's path is another."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aid import proven

NAME = "aid_test_of_proven"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module that imports another, and can be imported."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / f"{NAME}.py").write_text(f"import {NAME}_part\n")
    (tmp_path / f"{NAME}_part.py").write_text("")
    yield tmp_path
    for name in (NAME, f"{NAME}_part"):
        sys.modules.pop(name, None)


def test_what_loaded_is_known_to_load_until_a_file_that_it_took_changes(module: Path) -> None:
    assert not proven.loads(NAME)
    proven.load(NAME, beside=set(sys.modules))
    assert proven.loads(NAME)
    (module / f"{NAME}_part.py").write_text("raise ImportError\n")
    assert not proven.loads(NAME)
    (module / f"{NAME}_part.py").unlink()
    assert not proven.loads(NAME)


def test_what_loaded_may_not_load_where_modules_are_looked_for_elsewhere(
    module: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proven.load(NAME, beside=set(sys.modules))
    monkeypatch.syspath_prepend(module / "other")
    assert not proven.loads(NAME)


def test_what_does_not_load_is_not_known_to(module: Path) -> None:
    (module / f"{NAME}_part.py").write_text("raise ImportError\n")
    with pytest.raises(ImportError):
        proven.load(NAME, beside=set(sys.modules))
    assert not proven.loads(NAME)
