"""The diff source over real repositories. Time is made by an unbounded or an exhausted patience, never by waiting."""

import asyncio
import logging
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from aid.context.piece import Ask
from aid.context.reader import Reader
from aid.context.sources.diff import Diff
from aid.protocol import FileRef

Write = Callable[[Mapping[str, str | bytes]], None]


class At:
    """An index at some generation, which is all the source asks of it."""

    def __init__(self, generation: int) -> None:
        self.generation = generation
        self.touched: list[Callable[[frozenset[str] | None], None]] = []

    async def ask(self, question: Any, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("not asked")


def run(root: Path, *command: str) -> None:
    subprocess.run(command, cwd=root, check=True, capture_output=True)


def repository(root: Path, kind: str) -> None:
    run(root, kind, "init")
    if kind == "git":
        run(root, "git", "config", "user.email", "a@example.org")
        run(root, "git", "config", "user.name", "A")


def commit(root: Path, kind: str) -> None:
    if kind == "git":
        run(root, "git", "add", ".")
        run(root, "git", "commit", "-qm", "one")
    else:
        run(root, "hg", "commit", "-qAm", "one", "-u", "A")


async def ask(source: Diff, root: Path, generation: int, index: At | None = None) -> list[tuple[str, str]]:
    reader = Reader(Ask(root=root, prompt=""), index or At(generation), max_file_bytes=1000)
    return [(piece.title, piece.text) for piece in await source.pieces(Ask(root=root, prompt=""), reader)]


@pytest.fixture
async def source() -> Any:
    one = Diff(patience_s=60)
    yield one
    await one.close()


@pytest.mark.parametrize("kind", ["git", "hg"])
async def test_what_is_not_committed(root: Path, write: Write, source: Diff, kind: str) -> None:
    repository(root, kind)
    write({"a.ml": "let a = 1\n"})
    commit(root, kind)
    assert await ask(source, root, 1) == []
    write({"a.ml": "let a = 2\n"})
    ((title, text),) = await ask(source, root, 2)
    assert title == "uncommitted changes"
    assert "-let a = 1\n+let a = 2" in text


@pytest.mark.parametrize("kind", ["git", "hg"])
async def test_a_commit_is_noticed_though_no_source_changed(root: Path, write: Write, source: Diff, kind: str) -> None:
    repository(root, kind)
    write({"a.ml": "let a = 1\n"})
    commit(root, kind)
    write({"a.ml": "let a = 2\n"})
    assert await ask(source, root, 1) != []
    commit(root, kind)
    assert await ask(source, root, 1) == []


@pytest.mark.parametrize("kind", ["git", "hg"])
async def test_the_files_at_hand_come_first(root: Path, write: Write, source: Diff, kind: str) -> None:
    repository(root, kind)
    write({"a.ml": "1\n", "b.ml": "1\n", "z.ml": "1\n"})
    commit(root, kind)
    write({"a.ml": "2\n", "b.ml": "2\n", "z.ml": "2\n"})
    asked = Ask(root=root, prompt="", files=(FileRef(path="z.ml"),))
    (piece,) = await source.pieces(asked, Reader(asked, At(1), max_file_bytes=1000))
    files = [line.rpartition(" b/")[2] for line in piece.text.split("\n") if line.startswith("diff --git")]
    assert files == ["z.ml", "a.ml", "b.ml"]


async def test_asked_once_for_one_state_of_the_tree(root: Path, write: Write, source: Diff) -> None:
    repository(root, "git")
    write({"a.ml": "let a = 1\n"})
    commit(root, "git")
    write({"a.ml": "let a = 2\n"})
    first = await ask(source, root, 1)
    write({"a.ml": "let a = 3\n"})  # not in a new generation yet
    assert await ask(source, root, 1) == first
    assert await ask(source, root, 2) != first


async def test_a_request_goes_without_and_the_next_one_has_it(root: Path, write: Write) -> None:
    repository(root, "git")
    write({"a.ml": "let a = 1\n"})
    commit(root, "git")
    write({"a.ml": "let a = 2\n"})
    source = Diff(patience_s=0)
    assert await ask(source, root, 1) == [("uncommitted changes (not there yet)", "")]
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name().startswith("diff ")))
    ((title, _),) = await ask(source, root, 1)
    assert title == "uncommitted changes"
    await source.close()


async def test_begun_when_a_request_arrives_it_is_there_for_that_request(root: Path, write: Write) -> None:
    repository(root, "git")
    write({"a.ml": "let a = 1\n"})
    commit(root, "git")
    write({"a.ml": "let a = 2\n"})
    index, source = At(1), Diff(patience_s=0)
    source.start(root, index)
    (task,) = (task for task in asyncio.all_tasks() if task.get_name().startswith("diff "))
    await task
    ((title, _),) = await ask(source, root, 1, index)
    assert title == "uncommitted changes"
    await source.close()


async def test_a_request_that_waits_for_other_things_waits_for_it(root: Path, write: Write) -> None:
    repository(root, "git")
    write({"a.ml": "let a = 1\n"})
    commit(root, "git")
    write({"a.ml": "let a = 2\n"})
    source = Diff(patience_s=0, patient_s=60)
    asked = Ask(root=root, prompt="", patient=True)
    (piece,) = await source.pieces(asked, Reader(asked, At(1), max_file_bytes=1000))
    assert piece.title == "uncommitted changes"
    await source.close()


async def test_asked_as_soon_as_the_index_sees_a_change(root: Path, write: Write) -> None:
    repository(root, "git")
    write({"a.ml": "let a = 1\n"})
    commit(root, "git")
    index, source = At(1), Diff(patience_s=60)
    assert await ask(source, root, 1, index) == []
    write({"a.ml": "let a = 2\n"})
    index.generation = 2
    for callback in index.touched:
        callback(None)
    (task,) = (task for task in asyncio.all_tasks() if task.get_name().startswith("diff "))
    await task
    write({"a.ml": "let a = 1\n"})  # what is answered now was asked before this
    assert len(await ask(source, root, 2, index)) == 1
    assert len(index.touched) == 1
    await source.close()


async def test_no_version_control_is_no_diff(root: Path, source: Diff) -> None:
    assert await ask(source, root, 1) == []


async def test_a_worktree_elsewhere(root: Path, write: Write, source: Diff) -> None:
    repository(root, "git")
    write({"a.ml": "let a = 1\n"})
    commit(root, "git")
    tree = root.parent / "tree"
    run(root, "git", "worktree", "add", "-q", str(tree))
    (tree / "a.ml").write_text("let a = 2\n")
    assert len(await ask(source, tree, 1)) == 1
    run(tree, "git", "commit", "-qam", "two")
    assert await ask(source, tree, 1) == []


async def test_a_broken_repository_is_logged_and_gone_without(
    root: Path, write: Write, source: Diff, caplog: pytest.LogCaptureFixture
) -> None:
    write({".git/HEAD": "nonsense"})
    with caplog.at_level(logging.WARNING):
        assert await ask(source, root, 1) == []
    assert "no diff of" in caplog.text
