"""What a trainer rewards is what AID would make of the same reply."""

from pathlib import Path

from ces.adapters.row import Row
from trainer.replies import to_diff

ONTO = "--- a/a.ml\n+++ b/a.ml\n@@ -1 +1 @@\n-let a = 1\n+let a = one\n"
EDIT = "a.ml\n<<<<<<< SEARCH\nlet a = {}\n=======\nlet a = 1\n>>>>>>> REPLACE\n"


def row(root: Path) -> Row:
    (root / "a.ml").write_text("let a = 1\n")
    (root / "b.ml").write_text("let b = 2\n")
    return Row(workspace=str(root), onto=ONTO, files=("a.ml",))


def test_edits_are_placed_in_the_broken_state(tmp_path: Path) -> None:
    diff = to_diff(f"I mend it.\n\n{EDIT.format('one')}", row(tmp_path))
    assert diff is not None and "-let a = one\n+let a = 1\n" in diff


def test_files_the_breakage_did_not_touch_can_be_edited_too(tmp_path: Path) -> None:
    diff = to_diff("b.ml\n<<<<<<< SEARCH\nlet b = 2\n=======\nlet b = 3\n>>>>>>> REPLACE\n", row(tmp_path))
    assert diff is not None and diff.startswith("diff --git a/b.ml b/b.ml\n")


def test_what_is_no_edit_or_fits_nowhere_is_none(tmp_path: Path) -> None:
    task = row(tmp_path)
    for reply in ("", "I'll do it tomorrow.", EDIT.format("1"), EDIT.format("elsewhere"), "../x\n```\ny\n```\n", "\0"):
        assert to_diff(reply, task) is None, reply
