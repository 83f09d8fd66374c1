import os
from pathlib import Path

import pytest

from ces.fingerprint import Fingerprint


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("src/a.ml", "src/b.ml", ".git/config", "_build/log", "node_modules/x/y.js", "src/__pycache__/a.pyc"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        os.utime(path, ns=(10**18, 10**18))
    return tmp_path


def test_the_same_tree_has_the_same_digest(tree: Path) -> None:
    fingerprint = Fingerprint(tree, ["_build"])
    first = fingerprint.look()
    assert fingerprint.look().digest == first.digest
    assert fingerprint.look().changed == frozenset()


def test_says_which_files_came_went_and_changed(tree: Path) -> None:
    fingerprint = Fingerprint(tree, ["_build"])
    before = fingerprint.look()
    (tree / "src/a.ml").write_text("changed")
    (tree / "src/b.ml").unlink()
    (tree / "new.ml").write_text("new")
    after = fingerprint.look()
    assert after.changed == {"src/a.ml", "src/b.ml", "new.ml"}
    assert after.digest != before.digest


def test_a_change_back_gives_the_digest_back(tree: Path) -> None:
    fingerprint = Fingerprint(tree, ["_build"])
    fingerprint.look()
    digests = []
    for text in ("one", "two", "one"):
        (tree / "src/a.ml").write_text(text)
        digests.append(fingerprint.look().digest)
    assert digests[0] == digests[2] != digests[1]


def test_version_control_build_output_and_caches_do_not_count(tree: Path) -> None:
    fingerprint = Fingerprint(tree, ["_build"])
    before = fingerprint.look()
    for name in (".git/config", "_build/log", "node_modules/x/y.js", "src/__pycache__/a.pyc"):
        (tree / name).write_text("changed")
    assert fingerprint.look().digest == before.digest
    assert fingerprint.vcs == (".git",)


def test_installing_a_package_counts(tree: Path) -> None:
    fingerprint = Fingerprint(tree, ["_build"])
    before = fingerprint.look()
    (tree / "node_modules/another").mkdir()
    assert fingerprint.look().digest != before.digest


def test_a_touched_path_is_compared_by_content_whatever_stat_says(tree: Path) -> None:
    fingerprint = Fingerprint(tree)
    fingerprint.look()
    fingerprint.touched(["src/a.ml"])
    first = fingerprint.look()
    seen = (tree / "src/a.ml").stat()
    (tree / "src/a.ml").write_text("SRC/A.ML")
    os.utime(tree / "src/a.ml", ns=(seen.st_mtime_ns, seen.st_mtime_ns))
    fingerprint.touched(["src/a.ml"])
    assert fingerprint.look().digest != first.digest


def test_two_quick_writes_of_one_size_are_told_apart(tree: Path) -> None:
    fingerprint = Fingerprint(tree)
    fingerprint.look()
    path = tree / "src/a.ml"
    path.write_text("one")
    seen = path.stat()
    first = fingerprint.look()
    path.write_text("two")
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert fingerprint.look().digest != first.digest


def test_a_symlink_is_not_followed_but_counts(tree: Path) -> None:
    (tree / "link").symlink_to("/")
    fingerprint = Fingerprint(tree)
    before = fingerprint.look()
    assert before.files < 20
    (tree / "link").unlink()
    (tree / "link").symlink_to("/etc")
    assert fingerprint.look().digest != before.digest


def test_a_pipe_is_not_read(tree: Path) -> None:
    fingerprint = Fingerprint(tree)
    before = fingerprint.look()
    os.mkfifo(tree / "pipe")
    assert fingerprint.look().digest == before.digest


def test_ignored_files_and_editors_own_do_not_count(tree: Path) -> None:
    (tree / ".gitignore").write_text("*.log\n/out/\n")
    (tree / "out").mkdir()
    fingerprint = Fingerprint(tree)
    before = fingerprint.look()
    for name in ("dev.log", "out/made.ml", "src/.a.ml.swp", "src/#a.ml#", "src/a.ml~"):
        (tree / name).write_text("x")
    (tree / "src/.#a.ml").symlink_to("someone@somewhere")
    after = fingerprint.look()
    assert (after.digest, after.changed) == (before.digest, frozenset())
    assert "dev.log" in fingerprint.entries
    (tree / ".gitignore").write_text("")
    assert fingerprint.look().digest != before.digest
