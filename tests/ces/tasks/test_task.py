"""Task files: what is read back, and what is said of lines that are no tasks."""

from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from ces.change import FileChange
from ces.errors import CesError
from ces.tasks.candidate import Origin, candidate
from ces.tasks.record import Record
from ces.tasks.task import Task, read, write


def task(name: str = "a.ml", workspace: str = "/here") -> Task:
    change = FileChange(path=name, before=b"let x = 1\n", after="let é = 1".encode())
    return candidate(Origin(project="p", workspace=workspace, rev="abc"), "mutate:value-misspelt", (change,), seed=3)


def test_tasks_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    tasks = [task("a.ml"), task("b.ml")]
    write(path, tasks)
    assert read(path) == (tasks, [])
    assert path.read_bytes().count(b"\n") == 2
    assert [each.name for each in tmp_path.iterdir()] == ["tasks.jsonl"]


def test_the_same_breakage_elsewhere_on_the_disk_is_the_same_task() -> None:
    assert task(workspace="/here").id == task(workspace="/there").id
    assert task("a.ml").id != task("b.ml").id


def test_a_line_that_is_no_task_is_named_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    good = msgspec.json.encode(task())
    changed = msgspec.json.encode(msgspec.structs.replace(task(), gold="something else"))
    lines = [good, b"", b"{", b'{"id": "x"}', good.replace(b'"kind"', b'"sort"'), changed, good, b"\xff"]
    path.write_bytes(b"\n".join(lines))
    tasks, bad = read(path)
    assert [each.id for each in tasks] == [task().id]
    assert [(each.number, each.reason.split(":")[0]) for each in bad] == [
        (3, "not a task"),
        (4, "not a task"),
        (5, "not a task"),
        (6, f"task {task().id} was changed after it was verified"),
        (7, "the task of line 1 again"),
        (8, "not a task"),
    ]
    with pytest.raises(CesError, match=r"tasks\.jsonl line 3: not a task: .*: mend it or write to another file"):
        Record(path)
    with pytest.raises(CesError, match="can't be read"):
        read(tmp_path / "none")


def test_a_file_that_could_not_be_written_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    with pytest.raises(CesError, match="none is no directory"):
        Record(tmp_path / "none" / "tasks.jsonl")


def test_a_torn_line_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    whole = msgspec.json.encode(task()) + b"\n"
    path.write_bytes(whole + whole[:40])
    with closing(Record(path)) as record:
        assert record.knows(task())
        assert path.read_bytes() == whole
        record.add(task("b.ml"))
    assert len(read(path)[0]) == 2


def test_a_line_that_only_was_not_ended_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_bytes(msgspec.json.encode(task()))
    with closing(Record(path)) as record:
        record.add(task("b.ml"))
    assert [each.id for each in read(path)[0]] == [task().id, task("b.ml").id]


@pytest.mark.parametrize("there", [b"my notes, one line", b"kept\nnot ended", b'{"id": 1, "other": 2}'])
def test_a_file_of_something_else_is_left_as_it_is(tmp_path: Path, there: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(there)
    with pytest.raises(CesError, match=r"notes\.txt line 1: not a task: .*: mend it or write to another file"):
        Record(path)
    assert path.read_bytes() == there
    assert list(tmp_path.iterdir()) == [path]


def test_one_builder_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    with closing(Record(path)) as first:
        with pytest.raises(CesError, match=r"another builder is at work on .*tasks\.jsonl: wait for it"):
            Record(path)
        first.add(task())
    with closing(Record(path)) as second:
        assert second.knows(task())
