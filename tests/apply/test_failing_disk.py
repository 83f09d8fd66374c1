"""A full disk, a limit, a tree that may not be written: nothing is changed, and one line says why."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aid.apply import apply, history, recover, undo
from aid.errors import ApplyError
from ces.change import FileChange

LARGE = 300_000


@pytest.fixture
def small_disk(home: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    directory = home / "disk"
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(directory)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("file systems may not be mounted here")
    yield directory
    subprocess.run(["umount", str(directory)], check=True)


def test_a_full_workspace_is_left_as_it_was(small_disk: Path) -> None:
    (small_disk / "a").write_text("a")
    (small_disk / "filler").write_bytes(b"x" * (1024 * 1024 - 8 * 4096 - LARGE))
    changes = [
        FileChange(path="a", before=b"a", after=b"A"),
        FileChange(path="d/e/large", before=None, after=b"x" * LARGE),
        FileChange(path="d/e/larger", before=None, after=b"y" * LARGE),
    ]
    before = tree(small_disk)
    with pytest.raises(ApplyError) as refused:
        apply(small_disk, changes)
    assert str(refused.value) == (
        "can't write d/e/larger: No space left on device (make room, then try again); nothing was changed"
    )
    assert tree(small_disk) == before
    assert not (small_disk / "d").exists()
    assert recover(small_disk) is None
    (small_disk / "filler").unlink()
    apply(small_disk, changes)
    assert len(tree(small_disk)) == 3
    undo(small_disk)
    assert tree(small_disk) == {"a": 1}


def test_a_full_journal_leaves_the_workspace_alone(
    small_disk: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(small_disk))
    apply(root, [FileChange(path="small", before=None, after=b"x")])
    with pytest.raises(ApplyError, match=r"can't write the journal: No space left on device \(make room"):
        apply(root, [FileChange(path="large", before=None, after=b"x" * 2_000_000)])
    assert tree(root) == {"small": 1}
    assert len(history(root, 9)) == 1
    undo(root)
    assert tree(root) == {}


def test_a_file_size_limit_leaves_everything_as_it_was(root: Path) -> None:
    (root / "a").write_text("a")
    said = refusal(root, f"resource.setrlimit(resource.RLIMIT_FSIZE, ({LARGE // 2}, {LARGE // 2}))", "b", LARGE)
    assert said == (
        "can't write the journal: File too large (raise the file size limit, then try again); nothing was changed"
    )
    assert tree(root) == {"a": 1}
    assert history(root, 9) == []


def refusal(root: Path, first: str, path: str, size: int) -> str:
    """What a process that runs `first` and then tries to add `path` with `size` bytes, and change a, is told."""
    code = f"""
import os, resource
from pathlib import Path
from aid.apply import apply
from aid.errors import ApplyError
from ces.change import FileChange
{first}
try:
    new = FileChange(path={path!r}, before=None, after=b"x" * {size})
    apply(Path({str(root)!r}), [FileChange(path="a", before=b"a", after=b"b"), new])
except ApplyError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.rstrip("\n")


def test_a_read_only_file_system_is_named(small_disk: Path) -> None:
    (small_disk / "a").write_text("a")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(ApplyError, match=r"can't write a: Read-only file system \(mount it writable"):
        apply(small_disk, [FileChange(path="a", before=b"a", after=b"b")])
    assert tree(small_disk) == {"a": 1}
    assert recover(small_disk) is None


def test_a_directory_that_may_not_be_written_is_named(home: Path, root: Path) -> None:
    (root / "d").mkdir()
    (root / "a").write_text("a")
    become = "pass"
    if os.geteuid() == 0:
        for path in (home, root, root / "a"):
            os.chown(path, 65534, 65534)
        (root / "d").chmod(0o755)
        become = "os.setgroups([]); os.setgid(65534); os.setuid(65534)"
    else:
        (root / "d").chmod(0o555)
    said = refusal(root, become, "d/b", 1)
    assert said == "can't write d/b: Permission denied (change its permissions, then try again); nothing was changed"
    assert tree(root) == {"a": 1}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_of_another_user_is_not_taken_over(home: Path, root: Path) -> None:
    (root / "a").write_text("a")
    for path in (home, root):
        os.chown(path, 65534, 65534)
    said = refusal(root, "os.setgroups([]); os.setgid(65534); os.setuid(65534)", "b", 1)
    assert "a belongs to another user" in said
    assert tree(root) == {"a": 1}


def test_a_rename_that_fails_midway_is_taken_back(root: Path) -> None:
    for name in ("a", "b", "gone"):
        (root / name).write_text("1")
    protect = ["chattr", "+i", str(root / "b")]
    if shutil.which("chattr") is None or subprocess.run(protect, capture_output=True, check=False).returncode != 0:
        pytest.skip("files can't be made immutable here")
    changes = [
        FileChange(path="new/n", before=None, after=b"2"),
        FileChange(path="a", before=b"1", after=b"2"),
        FileChange(path="b", before=b"1", after=b"2"),
        FileChange(path="gone", before=b"1", after=None),
    ]
    try:
        with pytest.raises(ApplyError, match="can't write b: Operation not permitted"):
            apply(root, changes)
    finally:
        subprocess.run(["chattr", "-i", str(root / "b")], check=True)
    assert {path.name: path.read_text() for path in root.iterdir()} == {"a": "1", "b": "1", "gone": "1"}
    assert history(root, 9) == []
    apply(root, changes)


def tree(root: Path) -> dict[str, int]:
    return {str(file.relative_to(root)): file.stat().st_size for file in root.rglob("*") if file.is_file()}
