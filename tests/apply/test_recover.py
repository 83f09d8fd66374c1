"""What recovery does when the files were touched between the crash and the next start."""

from pathlib import Path

import pytest

from aid import paths
from aid.apply import apply, history, recover, undo
from ces.change import FileChange

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
