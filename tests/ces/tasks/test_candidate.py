"""A candidate's two diffs: the gold one after the breaking one gives the green project's exact bytes."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ces import diff
from ces.change import FileChange
from ces.tasks.candidate import Origin, candidate
from ces.tasks.mutants import mutants

ORIGIN = Origin(project="p", workspace="/nowhere")
FILES = {
    "lib/a.ml": b"type t = { name : string; price : int }\r\nlet one = { name; price = 1 }\nlet rec f x = f (x + 1)",
    "lib/a.mli": b"type t = { name : string; price : int }\nval one : t\nval f : int -> int\n",
    "lib/b.ml": "let é = { A.name = \"é\"; price = A.f 2 }\n\x0clet two = [ é ]\n".encode(),
    "lib/dune": b"(library (name l) (libraries str unix))",
    "shop.py": b"import os\n\n\ndef f(self, a):\n    if a == 1:\n        return os.sep\n    return g(a, 2)\n",
}  # fmt: skip
TEXT = st.lists(st.sampled_from(["a", "b", "\n", "\r\n", "\r", "é", "\u2028", "\x0c", " ", "- ", "+++ x\n"])).map(
    "".join
)


def laid(text: str, files: dict[str, bytes]) -> dict[str, bytes]:
    """The files after a diff, as the judge reads it."""
    parsed = diff.parse(text)
    assert not isinstance(parsed, diff.Malformed), parsed
    changes = diff.apply(parsed, files.get)
    assert not isinstance(changes, diff.Misfit), changes
    after = dict(files)
    for change in changes:
        after.pop(change.old_path or change.path, None)
        if change.after is not None:
            after[change.path] = change.after
    return after


def there_and_back(made: Sequence[FileChange], files: dict[str, bytes]) -> None:
    task = candidate(ORIGIN, "mutate:x", tuple(made))
    broken = laid(task.onto, files)
    assert broken != files
    assert laid(task.gold, broken) == files


async def test_of_every_mutant() -> None:
    count = 0
    async for task in mutants(ORIGIN, FILES, seed=1):
        broken = laid(task.onto, FILES)
        assert broken != FILES
        assert laid(task.gold, broken) == FILES
        count += 1
    assert count > 50


@settings(max_examples=100, deadline=None)
@given(TEXT, TEXT)
def test_of_any_two_texts(before: str, after: str) -> None:
    if before != after:
        there_and_back([FileChange(path="f", before=before.encode(), after=after.encode())], {"f": before.encode()})


@pytest.mark.parametrize(
    "made",
    [
        [FileChange(path="new", before=None, after=b"x\n")],
        [FileChange(path="lib/dune", before=FILES["lib/dune"], after=None)],
        [FileChange(path="moved.ml", old_path="lib/b.ml", before=FILES["lib/b.ml"], after=FILES["lib/b.ml"] + b"x\n")],
    ],
)
def test_of_files_that_come_go_and_move(made: list[FileChange]) -> None:
    there_and_back(made, FILES)
