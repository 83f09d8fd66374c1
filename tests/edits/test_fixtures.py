"""Replies in each format over small trees, as fixtures/FORMAT.toml has them: the tree afterwards, or the refusals."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from aid.edits import Document, parse, plan

FILES = sorted((Path(__file__).parent / "fixtures").glob("*.toml"))
CASES = [
    pytest.param(file.stem.replace("_", "-"), case, id=f"{file.stem}: {case['name']}")
    for file in FILES
    for case in tomllib.loads(file.read_text("utf-8"))["case"]
]


@pytest.mark.parametrize(("format", "case"), CASES)
@pytest.mark.parametrize("told", [True, False], ids=["format told", "format found out"])
def test_the_tree_afterwards(format: Any, case: dict[str, Any], told: bool) -> None:
    tree = dict(case["before"])
    documents = {path: Document(path=path, content=text.encode()) for path, text in tree.items()}
    planned = plan(parse(case["reply"], format if told else "auto"), documents.get)
    assert [rejected.reason for rejected in planned.rejected] == case.get("refused", [])
    for change in planned.changes:
        tree.pop(change.old_path or change.path, None)
        if change.after is not None:
            tree[change.path] = change.after.decode()
    assert tree == case.get("after", case["before"])
