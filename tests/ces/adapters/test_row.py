"""A data set's rows, as column stores give them, to tasks."""

from pathlib import Path

import msgspec
import pytest

from ces.adapters import replies
from ces.adapters.row import Row, read, row, rows
from ces.errors import CesError
from ces.tasks.task import Task, identified, write


def test_a_row_has_the_fields_that_have_columns() -> None:
    assert row({"workspace": "/w", "reference": "diff", "answer": 42, "rev": None}) == Row(workspace="/w", gold="diff")


def test_what_a_row_lacks_is_the_default() -> None:
    assert row({"rev": None, "upto": "build"}, {"workspace": "/w", "rev": "x", "upto": "test"}) == Row(
        workspace="/w", rev="x", upto="build"
    )


def test_a_task_column_holds_the_whole_task() -> None:
    task = Row(workspace="/w", onto="diff", hidden={"t.sh": "exit 1\n"}, prompt="fix it")
    assert row({"task": msgspec.json.encode(task).decode(), "prompt": "as TRL shows it"}) == task


def test_keys_that_other_rows_have_are_no_hidden_files() -> None:
    assert row({"workspace": "/w", "hidden": {"a": "1", "b": None}}).hidden == {"a": "1"}


def test_a_row_without_a_task_says_what_it_has() -> None:
    with pytest.raises(CesError, match=r"columns answer, rev is no task: .*workspace"):
        row({"rev": "x", "answer": 42})


@pytest.mark.parametrize("task", ["{bad", "[1]", "5", "\ud800", 5, ["x"], '{"workspace": 5}'])
def test_a_column_that_holds_no_task_is_named(task: object) -> None:
    with pytest.raises(CesError, match=r"task"):
        row({"workspace": "/w", "task": task})


def test_a_batch_has_a_task_for_each_completion() -> None:
    columns = {"workspace": ["/a", "/b"], "log_extra": print, "trainer_state": object(), "kind": "no column"}
    assert rows(columns, 2, {"upto": "build"}) == [Row(workspace="/a", upto="build"), Row(workspace="/b", upto="build")]


def test_a_reply_is_what_the_assistant_said_last() -> None:
    chat = [
        {"role": "assistant", "content": "first"},
        {"role": "assistant", "content": [{"type": "text", "text": "la"}, {"type": "text", "text": "st"}]},
        {"role": "tool", "content": "output"},
    ]
    assert (replies.text("plain"), replies.text(chat), replies.text([])) == ("plain", "last", "")


def test_a_diff_is_found_in_a_reply() -> None:
    diff = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"
    task = Row(workspace="/w")
    assert replies.unified(f"First:\n```diff\nno\n```\nno, better:\n```diff\n{diff}```\ndone\n", task) == diff
    assert replies.unified(f"Here it is:\n{diff}", task) == diff
    assert replies.unified("I will do it tomorrow.", task) is None


def test_what_is_said_beside_a_diff_is_no_part_of_it() -> None:
    first = "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-a\n+b\n\n@@ -7 +7 @@\n-- c\n+d\n"
    second = (
        "diff --git a/y b/z\nsimilarity index 90%\nrename from y\nrename to z\n--- a/y\n+++ b/z\n@@ -1 +1 @@\n-a\n+b\n"
    )
    task = Row(workspace="/w")
    assert replies.unified(f"{first}\nThat is all:\n\n- a is b\n", task) == first
    assert replies.unified(f"{first}That is all:\n- a is b\n", task) == first
    assert replies.unified(f"{first}\nAnd:\n\n{second}\n", task) == first + second
    assert replies.unified(f"```diff\n{second}\n```\n", task) == second
    assert replies.unified(second.removesuffix("\n"), task) == second.removesuffix("\n")
    assert replies.unified(f"{first}-e\n+f\n", task) == f"{first}-e\n+f\n"  # a hunk of wrong counts stays one


def test_a_conversion_that_is_not_there_is_named() -> None:
    with pytest.raises(CesError, match=r"'ces.adapters.replies:nothing' names no function"):
        replies.to_diff("ces.adapters.replies:nothing")


def test_a_task_file_is_read(tmp_path: Path) -> None:
    task = identified(
        Task(
            project="p",
            workspace="/w",
            kind="mutate:x",
            onto="o",
            gold="g",
            prompt="fix it",
            files=("a",),
            upto="build",
        )
    )
    write(tmp_path / "tasks.jsonl", [task])
    assert read(tmp_path / "tasks.jsonl") == [
        Row(id=task.id, project="p", workspace="/w", kind="mutate:x", onto="o", gold="g", prompt="fix it",
            files=("a",), upto="build")
    ]  # fmt: skip
    with (tmp_path / "tasks.jsonl").open("a") as file:
        file.write("no task\n")
    with pytest.raises(CesError, match=r"tasks\.jsonl:2: not a task"):
        read(tmp_path / "tasks.jsonl")
