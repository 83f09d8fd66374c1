"""What a step leaves for us is read whatever lies there."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ces import report
from ces.isolation import Isolation, Place

SESSION = Isolation(kind="session", view="copy", network=True)


def _link(path: Path) -> None:
    path.with_name("elsewhere").write_text(path.read_text() + "{}")
    path.unlink()
    path.symlink_to(path.with_name("elsewhere"))


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _endless(path: Path) -> None:
    os.truncate(path, report.MOST_BYTES + 1)


LEFT: dict[str, tuple[Callable[[Path], object], str]] = {
    "the word and more": (lambda path: path.write_text(path.read_text() + "told\nmore"), "told\nmore"),
    "the word alone": (lambda path: None, ""),
    "another word": (lambda path: path.write_text("\ntold"), ""),
    "nothing": (lambda path: path.unlink(), ""),
    "a link": (_link, ""),
    "a pipe": (_pipe, ""),
    "a folder": (_folder, ""),
    "more than is read": (_endless, ""),
}


@pytest.mark.parametrize(("leave", "expected"), LEFT.values(), ids=LEFT.keys())
def test_only_a_file_that_starts_with_the_word_is_a_report(
    tmp_path: Path, leave: Callable[[Path], object], expected: str
) -> None:
    place = Place(root=tmp_path, tree=tmp_path, scratch=tmp_path)
    with report.awaited(SESSION, place) as left:
        leave(Path(left.env[report.VARIABLE]))
        assert left.read() == expected


def test_a_report_is_taken_away_when_it_has_been_read(tmp_path: Path) -> None:
    with report.awaited(SESSION, Place(root=tmp_path, tree=tmp_path, scratch=tmp_path)) as left:
        assert Path(left.env[report.VARIABLE]).exists()
    assert list(tmp_path.iterdir()) == []
