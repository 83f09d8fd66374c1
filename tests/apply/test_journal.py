import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aid import paths
from aid.apply import apply, history, recover, redo, undo
from aid.apply.journal import Journal
from aid.apply.record import Damaged, Kept, Move, Record, decode, encode
from aid.errors import ApplyError
from ces.change import FileChange
from ces.tree import Attributes


def test_a_record_is_read_as_it_was_written() -> None:
    kept = Kept(content=b"same\0\n", attributes=Attributes(mode=0o644, uid=1, gid=2))
    moves = (
        Move(path="a", before=kept, after=Kept(content=b""), added=1, removed=2),
        Move(path="ü/b", old_path="c", before=kept, after=kept),
        Move(path="d", before=None, after=kept, skipped=True),
    )
    record = Record(
        id="x", turn=7, state="undone", at=1.5, moves=moves, token="t", made=("a", "a/b"), unmade=("c",), summary="s"
    )
    raw = b"".join(encode(record))
    assert decode(raw) == record
    assert raw.count(b"same") == 1
    for damaged in (
        raw[:-1],
        raw[:40],
        b"",
        raw.replace(b"same", b"some"),
        raw.replace(b'"version":1', b'"version":2'),
    ):
        with pytest.raises(Damaged):
            decode(damaged)


def test_keeps_only_so_many_change_sets(home: Path) -> None:
    kept = Journal(home / "journal", kept_entries=3)
    for number in range(5):
        add(kept, f"c{number}")
    assert [name.id for name in kept.names()] == ["c4", "c3", "c2"]


def test_keeps_only_so_many_bytes_but_always_the_newest(home: Path) -> None:
    kept = Journal(home / "journal", kept_bytes=10_000)
    for number in range(4):
        add(kept, f"c{number}", size=4_000)
    assert [name.id for name in kept.names()] == ["c3", "c2"]
    add(kept, "large", size=40_000)
    assert [name.id for name in kept.names()] == ["large"]


def test_a_change_set_has_one_entry_however_often_it_is_undone(root: Path) -> None:
    apply(root, [new("a")])
    for _ in range(3):
        undo(root)
        redo(root)
    assert len(list(directory(root).glob("*-*"))) == 1


def test_a_damaged_entry_is_left_out_of_the_log_and_named_when_undone(root: Path) -> None:
    good = apply(root, [new("a")], id="good").id
    apply(root, [new("b")], id="bad")
    entry = next(directory(root).glob("*-bad.applied"))
    entry.write_bytes(entry.read_bytes()[:50])
    assert [each.id for each in history(root, 9)] == [good]
    with pytest.raises(ApplyError, match=r"change set bad can't be read .*: remove that file"):
        undo(root)
    assert undo(root, "good").id == "good"


def test_a_damaged_unfinished_record_stops_everything_and_says_what_to_do(root: Path) -> None:
    apply(root, [new("a")])
    (directory(root) / "pending").write_bytes(b"{}")
    for act in (lambda: apply(root, [new("b")]), lambda: undo(root), lambda: history(root, 1), lambda: recover(root)):
        with pytest.raises(ApplyError, match=r"unfinished record .*pending is damaged .* then remove it"):
            act()


def test_a_record_that_never_became_pending_is_of_no_account(root: Path) -> None:
    apply(root, [new("a")])
    (directory(root) / "pending.new").write_bytes(b"half")
    assert recover(root) is None
    apply(root, [new("b")])
    assert len(history(root, 9)) == 2


def test_other_files_in_the_journal_are_ignored(root: Path) -> None:
    apply(root, [new("a")])
    for name in ("x", "0000000001.applied", "x-y.applied", "0000000009-z.gone", "-.applied"):
        (directory(root) / name).write_text("")
    assert len(history(root, 9)) == 1
    undo(root)


def test_waits_for_its_turn_and_says_so_when_it_never_comes(root: Path) -> None:
    apply(root, [new("a")])
    impatient = Journal(directory(root), lock_timeout_s=0.01)
    other = Journal(directory(root))
    with other.locked(), pytest.raises(ApplyError, match="another AID process"), impatient.locked():
        pass
    with impatient.locked():
        pass


def test_applies_at_once_from_many_threads_lose_nothing(root: Path) -> None:
    lines = [f"line {number}\n" for number in range(64)]
    (root / "f").write_text("".join(lines))
    before = "".join(lines).encode()

    def change(number: int) -> str:
        after = before.replace(f"line {number}\n".encode(), f"LINE {number}\n".encode())
        return apply(root, [FileChange(path="f", before=before, after=after), new(f"n{number}")]).id

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(change, range(0, 64, 4)))
    expected = [line.upper() if number % 4 == 0 else line for number, line in enumerate(lines)]
    assert (root / "f").read_text() == "".join(expected)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda id_: undo(root, id_), ids))
    assert (root / "f").read_text() == "".join(lines)
    assert [path.name for path in root.iterdir()] == ["f"]


def test_a_folder_swapped_for_a_link_during_applies_never_leads_outside(home: Path, root: Path) -> None:
    outside = home / "outside"
    outside.mkdir()
    (outside / "f").write_bytes(b"1")
    (root / "d").mkdir()
    (root / "d" / "f").write_bytes(b"1")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            (root / "d").rename(root / "real")
            (root / "d").symlink_to(outside)
            (root / "d").unlink()
            (root / "real").rename(root / "d")

    racer = threading.Thread(target=swap)
    racer.start()
    try:
        for _ in range(150):
            try:
                apply(root, [FileChange(path="d/f", before=b"1", after=b"2"), new("g")])
                undo(root)
            except ApplyError:
                pass
    finally:
        stop.set()
        racer.join()
    assert (outside / "f").read_bytes() == b"1"
    assert [path.name for path in outside.iterdir()] == ["f"]
    assert recover(root) is None
    assert (root / "d" / "f").read_bytes() == (b"2" if (root / "g").exists() else b"1")


def add(kept: Journal, id_: str, size: int = 1) -> None:
    move = Move(path="f", before=None, after=Kept(content=b"x" * size))
    record = Record(id=id_, turn=kept.next_turn(), state="applied", at=0.0, moves=(move,), token="t")
    kept.begin(record)
    kept.commit(record)
    kept.prune()


def new(path: str, size: int = 1) -> FileChange:
    return FileChange(path=path, before=None, after=b"x" * size)


def directory(root: Path) -> Path:
    return paths.workspace_state(root) / "journal"
