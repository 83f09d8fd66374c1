import ctypes
import os
import socket
import threading
from pathlib import Path

import pytest

from ces.errors import BadChange
from ces.tree import Attributes, Tree, components

LIBC = ctypes.CDLL(None, use_errno=True)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../x",
        "a/../../x",
        "a/./b",
        "a//b",
        "a/",
        ".",
        "a\0b",
        "\ud800",
        "x" * 256,
        "a/" * 2100 + "b",
        ".git/config",
        ".GIT/config",
        "vendor/.git/hooks/post-commit",
        ".git",
        ".hg/hgrc",
        ".Hg/hgrc",
        ".git./config",
        ".git /config",
        "git~1/config",
        ".g\u200cit/config",
    ],
)
def test_refuses_a_path_that_leads_elsewhere(root: Path, path: str) -> None:
    with Tree(root) as tree:
        for touch in (tree.read, tree.missing_parents, tree.delete):
            with pytest.raises(BadChange):
                touch(path)
        with pytest.raises(BadChange):
            tree.replace(path, b"")
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("path", ["a", "a/b.c", ".gitignore", ".github/x.yml", "git/x", "…/ü", "a b", "..a", "hg"])
def test_takes_a_path_inside(path: str) -> None:
    assert "/".join(components(path)) == path


def test_reads_what_is_there(root: Path) -> None:
    (root / "a").mkdir()
    (root / "a" / "f").write_bytes(b"\0\r\n")
    (root / "a" / "f").chmod(0o640)
    with Tree(root) as tree:
        file = tree.read("a/f")
        assert file is not None
        assert (file.content, file.mode, file.links) == (b"\0\r\n", 0o640, 1)
        assert tree.stamp("a/f") == file.stamp
        assert tree.read("a/g") is None
        assert tree.read("b/c/g") is None
        assert tree.stamp("b/c/g") is None


def test_names_links_pipes_sockets_and_directories_without_opening_them(root: Path) -> None:
    (root / "link").symlink_to("file")
    (root / "file").write_text("x")
    os.mkfifo(root / "pipe")
    (root / "dir").mkdir()
    with socket.socket(socket.AF_UNIX) as server, Tree(root) as tree:
        server.bind(str(root / "sock"))
        for name, kind in [
            ("link", "a symbolic link"),
            ("pipe", "a pipe"),
            ("dir", "a directory"),
            ("sock", "a socket"),
        ]:
            with pytest.raises(BadChange, match=kind):
                tree.read(name)
            with pytest.raises(BadChange, match=kind):
                tree.replace(name, b"")


@pytest.mark.parametrize("pinned", [False, True])
def test_enters_no_linked_directory(home: Path, root: Path, pinned: bool) -> None:
    outside = home / "outside"
    outside.mkdir()
    (outside / "f").write_text("theirs")
    (root / "in").symlink_to(outside)
    (root / "plain").write_text("x")
    with Tree(root, pinned=pinned) as tree:
        with pytest.raises(BadChange, match="in is a symbolic link, not a directory"):
            tree.replace("in/f", b"ours")
        with pytest.raises(BadChange, match="in is a symbolic link"):
            tree.replace("in/new/f", b"ours")
        with pytest.raises(BadChange, match="plain is a file, not a directory"):
            tree.replace("plain/f", b"ours")
    assert [each.name for each in outside.iterdir()] == ["f"]
    assert (outside / "f").read_text() == "theirs"


def test_replaces_a_file_whole_and_keeps_its_attributes(root: Path) -> None:
    (root / "f").write_text("old")
    (root / "f").chmod(0o751)
    before = (root / "f").stat()
    with Tree(root) as tree:
        assert tree.replace("f", b"new") == ()
    after = (root / "f").stat()
    assert (root / "f").read_bytes() == b"new"
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino
    assert [each.name for each in root.iterdir()] == ["f"]


def test_keeps_extended_attributes(root: Path) -> None:
    (root / "f").write_text("old")
    try:
        os.setxattr(root / "f", "user.note", b"kept")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    with Tree(root) as tree:
        tree.replace("f", b"new")
    assert os.getxattr(root / "f", "user.note") == b"kept"


def test_a_new_file_heeds_the_umask_unless_a_mode_is_named(root: Path) -> None:
    old = os.umask(0o027)
    try:
        with Tree(root) as tree:
            tree.replace("plain", b"")
            tree.replace("script", b"", Attributes(mode=0o755))
    finally:
        os.umask(old)
    assert [(root / name).stat().st_mode & 0o777 for name in ("plain", "script")] == [0o640, 0o755]


def test_makes_and_removes_directories(root: Path) -> None:
    (root / "a").mkdir()
    with Tree(root, pinned=True) as tree:
        made = tree.replace("a/b/c/f", b"x")
        assert made == ("a/b", "a/b/c")
        tree.delete("a/b/c/f")
        (root / "a" / "b" / "kept").write_text("x")
        tree.remove_directories(made)
    assert sorted(str(each.relative_to(root)) for each in root.rglob("*")) == ["a", "a/b", "a/b/kept"]


def test_never_overwrites_a_file_that_appeared(root: Path) -> None:
    with Tree(root) as tree:
        tree.stage("f", "temporary", b"ours")
        (root / "f").write_text("theirs")
        with pytest.raises(FileExistsError):
            tree.publish("f", "temporary", replaces=False)
    assert (root / "f").read_text() == "theirs"


def test_a_failed_replacement_leaves_nothing_behind(root: Path) -> None:
    (root / "f").mkdir()
    with Tree(root) as tree, pytest.raises(BadChange):
        tree.replace("f", b"x")
    with Tree(root) as tree, pytest.raises(BadChange):
        tree.replace("d/" + "e/" * 3 + "\udc80", b"x")
    assert [each.name for each in root.iterdir()] == ["f"]


def test_a_long_lived_tree_sees_a_directory_made_anew(root: Path) -> None:
    with Tree(root) as tree:
        tree.replace("d/f", b"1")
        (root / "d" / "f").unlink()
        (root / "d").rmdir()
        (root / "d").mkdir()
        (root / "d" / "f").write_bytes(b"2")
        file = tree.read("d/f")
    assert file is not None and file.content == b"2"


@pytest.mark.parametrize("pinned", [False, True])
def test_enters_deep_and_many_directories_with_few_descriptors(root: Path, pinned: bool) -> None:
    deep = "/".join(["d"] * 300) + "/f"
    with Tree(root, pinned=pinned) as tree:
        tree.replace(deep, b"x")
        for number in range(300):
            tree.replace(f"{number}/f", b"x")
        assert len(list(Path("/proc/self/fd").iterdir())) < 200
        file = tree.read(deep)
    assert file is not None and file.content == b"x"


@pytest.mark.parametrize("pinned", [False, True])
def test_a_directory_swapped_for_a_link_meanwhile_never_leads_outside(home: Path, root: Path, pinned: bool) -> None:
    outside = home / "outside"
    outside.mkdir()
    (outside / "f").write_bytes(b"theirs")
    (root / "d").mkdir()
    (root / "d" / "f").write_bytes(b"0")
    (root / "link").symlink_to(outside)
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            exchange(root / "d", root / "link")

    racer = threading.Thread(target=swap)
    racer.start()
    wrote = refused = 0
    try:
        for number in range(400):
            with Tree(root, pinned=pinned) as tree:
                try:
                    tree.replace("d/f", b"%d" % number)
                    wrote += 1
                except (BadChange, FileNotFoundError, FileExistsError):
                    refused += 1
    finally:
        stop.set()
        racer.join()
    assert [each.name for each in outside.iterdir()] == ["f"]
    assert (outside / "f").read_bytes() == b"theirs"
    assert wrote + refused == 400
    assert sorted(each.name for each in root.iterdir()) == ["d", "link"]


def exchange(one: Path, other: Path) -> None:
    """Swap two names at once: renameat2(2) with RENAME_EXCHANGE, which Python doesn't have."""
    at_cwd, rename_exchange = -100, 2
    assert LIBC.renameat2(at_cwd, bytes(one), at_cwd, bytes(other), rename_exchange) == 0
