"""The index against a real tree, really watched. Waits are for the index's own generations, never for time."""

import asyncio
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

from aid.config import ContextSettings
from aid.context import search
from aid.context.index import WorkspaceIndex, index_file
from aid.context.scan import refresh, scan
from aid.context.store import Writer, open_index
from aid.context.walk import look

Write = Callable[[Mapping[str, str | bytes]], None]
Indexed = Callable[..., Any]


async def defined(index: WorkspaceIndex, *names: str) -> list[tuple[str, str]]:
    found = await index.ask(search.symbols, names)
    return [(one.path, one.definition.name) for one in found]


async def until(index: WorkspaceIndex, wanted: Callable[[], Any]) -> None:
    """Wait, a generation at a time, until the coroutine `wanted` makes gives something true."""
    generation = index.generation
    while not await wanted():
        generation = await index.until_newer(generation)


async def test_indexes_definitions_and_references(write: Write, indexed: Indexed) -> None:
    write({"lib/a.ml": "let alpha x = Beta.make x\n", "lib/beta.ml": "let make x = x\n", "README.md": "# hi\n"})
    index = await indexed()
    assert index.files == 3
    assert await defined(index, "alpha", "make") == [("lib/a.ml", "alpha"), ("lib/beta.ml", "make")]
    assert await index.ask(search.references, "lib/a.ml") == ["alpha", "Beta", "make"]
    assert await index.ask(search.users, "make", most=9) == ["lib/a.ml", "lib/beta.ml"]
    assert await index.ask(search.paths_named, ["beta.ml", "lib/a.ml", "b.ml"]) == {
        "beta.ml": ["lib/beta.ml"],
        "lib/a.ml": ["lib/a.ml"],
    }
    (best,) = await index.ask(search.related, {"Beta": 1.0, "make": 1.0}, beside=["lib/a.ml"], most=5)
    assert (best.path, [one.signature for one in best.definitions]) == ("lib/beta.ml", ["let make x"])


async def test_start_returns_before_the_workspace_is_read(write: Write, indexed: Indexed) -> None:
    write({f"m{number}.py": f"def f{number}(): pass\n" for number in range(50)})
    index = await indexed(ready=False)
    assert (index.ready, index.files) == (False, 0)
    assert await defined(index, "f1") == []
    await index.until_ready()
    assert await defined(index, "f1") == [("m1.py", "f1")]


async def test_sees_changes_additions_deletions_and_renames(root: Path, write: Write, indexed: Indexed) -> None:
    write({"a.ml": "let alpha = 1\n", "b.ml": "let beta = 1\n"})
    index = await indexed()
    write({"a.ml": "let changed = 1\n"})
    await until(index, lambda: defined(index, "changed"))
    assert await defined(index, "alpha") == []
    write({"c.ml": "let gamma = 1\n"})
    await until(index, lambda: defined(index, "gamma"))
    (root / "b.ml").rename(root / "d.ml")

    async def moved() -> bool:
        return await defined(index, "beta") == [("d.ml", "beta")]

    await until(index, moved)
    (root / "c.ml").unlink()

    async def gone() -> bool:
        return await defined(index, "gamma") == []

    await until(index, gone)
    assert index.files == 2


async def test_sees_into_new_moved_and_deleted_folders(root: Path, write: Write, indexed: Indexed) -> None:
    write({"a.ml": "let alpha = 1\n"})
    index = await indexed()
    write({"new/deep/b.ml": "let beta = 1\n"})
    await until(index, lambda: defined(index, "beta"))
    write({"new/deep/c.ml": "let gamma = 1\n"})
    await until(index, lambda: defined(index, "gamma"))
    (root / "new").rename(root / "old")

    async def moved() -> bool:
        return await defined(index, "beta", "gamma") == [("old/deep/b.ml", "beta"), ("old/deep/c.ml", "gamma")]

    await until(index, moved)
    subprocess.run(["rm", "-r", str(root / "old")], check=True)

    async def gone() -> bool:
        return await defined(index, "beta", "gamma") == []

    await until(index, gone)


async def test_a_changed_ignore_file_takes_files_out_and_back(root: Path, write: Write, indexed: Indexed) -> None:
    write({"gen/a.ml": "let alpha = 1\n", "b.ml": "let beta = 1\n"})
    index = await indexed()
    write({".gitignore": "gen/\n"})

    async def out() -> bool:
        return await defined(index, "alpha", "beta") == [("b.ml", "beta")]

    await until(index, out)
    (root / ".gitignore").unlink()
    await until(index, lambda: defined(index, "alpha"))


async def test_ignored_files_bring_no_new_generation(write: Write, indexed: Indexed) -> None:
    write({".gitignore": "*.o\n", "a.ml": "let alpha = 1\n"})
    index = await indexed()
    touched: list[frozenset[str] | None] = []
    index.touched.append(touched.append)
    write({"a.o": "x", "a.ml~": "x"})
    write({"b.ml": "let beta = 1\n"})
    await until(index, lambda: defined(index, "beta"))
    assert all(paths is not None and paths <= {"b.ml"} for paths in touched)


async def test_tells_what_was_touched(write: Write, indexed: Indexed) -> None:
    write({"a.ml": "let alpha = 1\n"})
    index = await indexed()
    seen = asyncio.get_running_loop().create_future()
    index.touched.append(lambda paths: None if seen.done() else seen.set_result(paths))
    write({"a.ml": "let other = 1\n"})
    assert await seen == {"a.ml"}


async def test_can_be_told_of_a_change(write: Write, indexed: Indexed) -> None:
    write({"a.ml": "let alpha = 1\n"})
    index = await indexed()
    write({"a.ml": "let other = 1\n"})
    index.touch(["a.ml"])
    await until(index, lambda: defined(index, "other"))


async def test_many_changes_at_once(write: Write, indexed: Indexed) -> None:
    write({"a.ml": "let alpha = 1\n"})
    index = await indexed()
    write({f"d{number % 7}/m{number}.py": f"def f{number}(): pass\n" for number in range(300)})

    async def all_there() -> bool:
        return int(index.files) == 301

    await until(index, all_there)
    assert await defined(index, "f299") == [("d5/m299.py", "f299")]


async def test_odd_files_are_no_obstacle(root: Path, write: Write, indexed: Indexed) -> None:
    write(
        {
            "good.ml": "let good = 1\n",
            "binary.ml": b"let bin = 1\n\0\0",
            "huge.ml": "let huge = 1\n" + "(* x *)\n" * 1000,
            "latin.py": b"def latin(): return '\xe9\xe8'\n",
            "empty.ml": "",
            "logo.png": b"\x89PNG\0",
            "broken.ts": "function ((((",
        }
    )
    (root / "loop").symlink_to(root)
    (root / "up").symlink_to(root.parent)
    os.mkfifo(root / "pipe.ml")
    (root / "gone.ml").symlink_to(root / "nowhere")
    index = await indexed(settings=ContextSettings(max_file_bytes=2000))
    assert await defined(index, "good", "bin", "huge", "latin") == [("good.ml", "good"), ("latin.py", "latin")]
    assert await index.ask(search.paths_named, ["logo.png", "huge.ml", "empty.ml"]) == {"empty.ml": ["empty.ml"]}


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
async def test_unreadable_files_and_folders_are_left_out(root: Path, write: Write, indexed: Indexed) -> None:
    write({"a.ml": "let alpha = 1\n", "secret.ml": "let secret = 1\n", "shut/b.ml": "let beta = 1\n"})
    (root / "secret.ml").chmod(0)
    (root / "shut").chmod(0)
    try:
        index = await indexed()
        assert await defined(index, "alpha", "secret", "beta") == [("a.ml", "alpha")]
    finally:
        (root / "shut").chmod(0o700)


async def test_no_more_than_max_files(write: Write, indexed: Indexed, caplog: pytest.LogCaptureFixture) -> None:
    write({f"m{number}.py": f"def f{number}(): pass\n" for number in range(9)})
    index = await indexed(settings=ContextSettings(max_files=5))
    assert index.files == 5
    assert "4 files beyond max_files left out" in caplog.text


async def test_polls_where_the_kernel_gives_no_watches(
    write: Write, indexed: Indexed, caplog: pytest.LogCaptureFixture
) -> None:
    write({"lib/a.ml": "let alpha = 1\n"})
    with caplog.at_level(logging.WARNING):
        index = await indexed(most_watches=1, poll_s=0.05)
    assert index.polling
    assert len([record for record in caplog.records if "comparing the tree" in record.message]) == 1
    write({"lib/a.ml": "let other = 1\n"})
    await until(index, lambda: defined(index, "other"))


POLLING = """
import asyncio, sys
from pathlib import Path
from shutil import rmtree
from aid.context import search
from aid.context.index import WorkspaceIndex

async def main(root):
    index = WorkspaceIndex(root, poll_s=0.05)
    await index.start()
    await index.until_ready()
    generation = index.generation
    (root / "d3" / "a.ml").write_text("let other = 1")
    await index.until_newer(generation)
    print(index.polling, len(await index.ask(search.symbols, ["other"])))
    await index.close()

asyncio.run(main(Path(sys.argv[1])))
"""


def own_limits() -> bool:
    tried = subprocess.run(["unshare", "-Ur", "true"], capture_output=True, check=False)
    return tried.returncode == 0


@pytest.mark.skipif(not own_limits(), reason="needs a user namespace of its own to set inotify's limits in")
@pytest.mark.parametrize(("limit", "allowed"), [("max_inotify_watches", 5), ("max_inotify_instances", 0)])
def test_polls_where_the_kernel_refuses(root: Path, write: Write, limit: str, allowed: int) -> None:
    write({f"d{number}/a.ml": "let alpha = 1\n" for number in range(9)})
    script = f"echo {allowed} > /proc/sys/user/{limit} && exec {sys.executable} -c '{POLLING}' {root}"
    done = subprocess.run(["unshare", "-Ur", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "True 1\n"
    assert done.stderr.count("comparing the tree every") == 1


async def test_the_next_daemon_uses_what_the_last_one_indexed(root: Path, write: Write, indexed: Indexed) -> None:
    write({"a.ml": "let alpha = 1\n", "b.ml": "let beta = 1\n"})
    first = await indexed()
    await first.close()
    write({"b.ml": "let other = 1\n"})
    second = await indexed(ready=False)
    assert second.files == 2
    assert await defined(second, "alpha") == [("a.ml", "alpha")]
    touched: list[frozenset[str] | None] = []
    second.touched.append(touched.append)
    await second.until_ready()
    assert touched == [frozenset({"b.ml"})]
    assert await defined(second, "other", "beta") == [("b.ml", "other")]


@pytest.mark.parametrize("content", [b"not a database" * 100, b""])
async def test_a_damaged_index_is_built_anew(root: Path, write: Write, indexed: Indexed, content: bytes) -> None:
    write({"a.ml": "let alpha = 1\n"})
    file = index_file(root)
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    index = await indexed()
    assert await defined(index, "alpha") == [("a.ml", "alpha")]


async def test_an_index_of_another_format_is_built_anew(root: Path, write: Write, indexed: Indexed) -> None:
    write({"a.ml": "let alpha = 1\n"})
    file = index_file(root)
    file.parent.mkdir(parents=True)
    connection = open_index(file)
    connection.execute("PRAGMA user_version = 7")
    connection.execute("INSERT INTO names(name) VALUES ('stale')")
    connection.close()
    index = await indexed()
    assert await index.ask(lambda db: db.execute("SELECT 1 FROM names WHERE name = 'stale'").fetchall()) == []
    assert index.files == 1


async def test_a_deleted_cache_is_made_anew(root: Path, write: Write, indexed: Indexed) -> None:
    write({"a.ml": "let alpha = 1\n"})
    index = await indexed()
    rmtree(index_file(root).parent)
    assert await defined(index, "alpha") == []
    write({".gitignore": "*.o\n"})  # brings the next scan
    await until(index, lambda: defined(index, "alpha"))


async def test_a_failing_callback_does_not_end_the_index(
    write: Write, indexed: Indexed, caplog: pytest.LogCaptureFixture
) -> None:
    write({"a.ml": "let alpha = 1\n"})
    index = await indexed(retry_s=0.0)

    def failing(_: frozenset[str] | None) -> None:
        raise ValueError("no")

    index.touched.append(failing)
    write({"a.ml": "let beta = 1\n"})
    await until(index, lambda: defined(index, "beta"))
    write({"a.ml": "let gamma = 1\n"})
    await until(index, lambda: defined(index, "gamma"))
    assert "ValueError: no" in caplog.text


def test_a_transaction_that_fails_is_taken_back(root: Path, write: Write, tmp_path: Path) -> None:
    write({"a.py": "def alpha(): pass\n", "b.py": "def beta(): pass\n"})
    connection = open_index(tmp_path / "index.sqlite")
    writer = Writer(connection, root, max_file_bytes=1000)
    found = look(root, "a.py")
    assert found is not None
    with pytest.raises(KeyError), writer:
        writer.put(found)
        raise KeyError
    assert search.count(connection) == 0
    refresh(root, connection, ["b.py"], max_file_bytes=1000)
    assert search.count(connection) == 1
    connection.close()


async def test_closing_while_indexing_leaves_a_usable_index(write: Write, indexed: Indexed) -> None:
    write({f"m{number}.py": f"def f{number}(): pass\n" for number in range(1000)})
    first = await indexed(ready=False)
    await first.close()
    second = await indexed()
    assert second.files == 1000
    assert not [one for one in threading.enumerate() if one.name == "aid-index-read_1"]


def test_renames_while_a_scan_runs(root: Path, write: Write, tmp_path: Path) -> None:
    """Files that go between being listed and being read are no error, and a refresh puts things right."""
    write({f"m{number:03}.py": f"def f{number}(): pass\n" for number in range(900)})
    connection = open_index(tmp_path / "index.sqlite")
    calls = 0

    def renaming() -> bool:
        nonlocal calls
        calls += 1
        for number in range(400 * calls, 400 * calls + 50):
            (root / f"m{number:03}.py").rename(root / f"r{number:03}.py")
        return True

    scan(root, connection, max_files=10_000, max_file_bytes=100_000, wanted=renaming)
    moved = [f"{letter}{number:03}.py" for letter in "mr" for number in (*range(400, 450), *range(800, 850))]
    refresh(root, connection, moved, max_file_bytes=100_000)
    paths = {path for (path,) in connection.execute("SELECT path FROM files WHERE text")}
    connection.close()
    assert paths == {path.name for path in root.glob("*.py")}


def test_counts_of_definitions_stay_right(root: Path, write: Write, tmp_path: Path) -> None:
    connection = open_index(tmp_path / "index.sqlite")
    for contents in ({"a.py": "def f(): pass\n"}, {"b.py": "def f(): other()\n"}, {"a.py": "def h(): pass\n"}):
        write(contents)
        refresh(root, connection, list(contents), max_file_bytes=1000)
    (root / "b.py").unlink()
    refresh(root, connection, ["b.py"], max_file_bytes=1000)
    rows = dict(connection.execute("SELECT name, defined FROM names"))
    assert (rows["f"], rows["h"], rows["other"]) == (0, 1, 0)
    assert connection.execute("SELECT COUNT(*) FROM uses").fetchone() == (0,)
    connection.close()
