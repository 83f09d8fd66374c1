"""What recovery does when the files were touched between the crash and the next start."""

from pathlib import Path

import pytest

from aid import paths
from aid.apply import apply, history, recover, undo
from aid.apply.journal import Journal
from aid.apply.record import Record
from aid.apply.settle import Settled, as_proposed, settle
from aid.apply.transaction import carry_out
from aid.errors import StaleError
from ces.change import FileChange
from ces.tree import Tree

OLD = "".join(f"{number}\n" for number in range(9))
NEW = OLD.replace("4\n", "four\n")


def interrupted(root: Path) -> str:
    """A change set of two files and a new one, all of them written, its commit lost."""
    for name in ("a", "b"):
        (root / name).write_text(OLD)
    changes = [FileChange(path=name, before=OLD.encode(), after=NEW.encode()) for name in ("a", "b")]
    id_ = apply(root, [*changes, FileChange(path="d/e/n", before=None, after=b"n\n")]).id
    journal = paths.workspace_state(root) / "journal"
    next(journal.glob("*.applied")).rename(journal / "pending")
    return id_


def check(root: Path, outcome: str, left: tuple[str, ...] = ()) -> None:
    recovered = recover(root)
    assert recovered is not None
    assert (recovered.outcome, recovered.left) == (outcome, left)
    assert recover(root) is None
    assert len(history(root, 9)) == (1 if outcome == "finished" else 0)


def test_finishes_what_lacks_only_its_commit(root: Path) -> None:
    id_ = interrupted(root)
    check(root, "finished")
    assert undo(root).id == id_
    assert texts(root) == {"a": OLD, "b": OLD}


def test_rolls_back_what_is_half_done(root: Path) -> None:
    interrupted(root)
    (root / "b").write_text(OLD)
    check(root, "rolled back")
    assert texts(root) == {"a": OLD, "b": OLD}
    assert not (root / "d").exists()


def test_keeps_what_the_person_edited_elsewhere(root: Path) -> None:
    interrupted(root)
    (root / "a").write_text(NEW + "mine\n")
    (root / "b").write_text("mine\n" + OLD)
    check(root, "rolled back")
    assert texts(root) == {"a": OLD + "mine\n", "b": "mine\n" + OLD}


@pytest.mark.parametrize("mine", ["mine\n", "", NEW.replace("four", "five")])
def test_leaves_alone_what_the_person_rewrote(root: Path, mine: str) -> None:
    interrupted(root)
    (root / "a").write_text(mine)
    (root / "d" / "e" / "n").write_text("n\nmine\n")
    check(root, "rolled back", ("a", "d/e/n"))
    assert texts(root) == {"a": mine, "b": OLD, "d/e/n": "n\nmine\n"}


def test_leaves_alone_what_the_person_removed(root: Path) -> None:
    interrupted(root)
    (root / "a").unlink()
    check(root, "rolled back", ("a",))
    assert texts(root) == {"b": OLD}


def test_never_follows_a_link_put_in_place_of_a_directory(home: Path, root: Path) -> None:
    interrupted(root)
    (root / "a").write_text(OLD)
    (root / "d").rename(home / "outside")
    (root / "d").symlink_to(home / "outside")
    check(root, "rolled back", ("d/e/n",))
    assert (home / "outside" / "e" / "n").read_text() == "n\n"
    assert (root / "b").read_text() == OLD


def test_the_next_change_says_what_was_mended(root: Path) -> None:
    id_ = interrupted(root)
    (root / "a").write_text("mine\n")
    applied = apply(root, [FileChange(path="x", before=None, after=b"")])
    assert applied.notes == (
        f"change set {id_} had been interrupted and was rolled back",
        "a was edited meanwhile and is left as it was found",
    )


def texts(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


class InterruptedJournal(Journal):
    """Ctrl-C comes at a chosen moment."""

    def __init__(self, directory: Path, *, after_commit: bool) -> None:
        super().__init__(directory)
        self._after_commit = after_commit

    def commit(self, record: Record) -> None:
        if self._after_commit:
            super().commit(record)
        raise KeyboardInterrupt


@pytest.mark.parametrize("after_commit", [False, True])
def test_an_interrupt_leaves_the_journal_and_the_tree_agreeing(root: Path, after_commit: bool) -> None:
    (root / "a").write_text(OLD)
    journal = InterruptedJournal(paths.workspace_state(root) / "journal", after_commit=after_commit)
    with Tree(root, pinned=True) as tree:
        settled = settle(tree, as_proposed(FileChange(path="a", before=OLD.encode(), after=NEW.encode())))
        assert isinstance(settled, Settled) and settled.stamp is not None
        record = Record(id="x", state="applied", moves=(settled.move,), turn=1, token="t")
        with pytest.raises(KeyboardInterrupt):
            carry_out(tree, journal, record, {"a": settled.stamp})
    assert texts(root) == {"a": NEW if after_commit else OLD}
    assert recover(root) is None
    assert len(history(root, 9)) == (1 if after_commit else 0)


def test_a_file_saved_at_the_last_moment_is_not_overwritten(root: Path) -> None:
    (root / "a").write_text(OLD)
    with Tree(root, pinned=True) as tree:
        settled = settle(tree, as_proposed(FileChange(path="a", before=OLD.encode(), after=NEW.encode())))
        assert isinstance(settled, Settled) and settled.stamp is not None
        (root / "a").write_text("mine")
        record = Record(id="x", state="applied", moves=(settled.move,), turn=1, token="t")
        with pytest.raises(StaleError, match="a was changed at this very moment: try again; nothing was changed"):
            carry_out(tree, Journal(paths.workspace_state(root) / "journal"), record, {"a": settled.stamp})
    assert texts(root) == {"a": "mine"}
    assert recover(root) is None
