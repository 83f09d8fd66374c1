"""What models are told to write is what AID reads: each format's example is parsed and placed."""

import re
from typing import get_args

import pytest

from aid import edits
from aid.config import EditFormat
from aid.edits import Document
from aid.prompts.formats import INSTRUCTIONS

BEFORE = "(* the area of a circle *)\nlet area r = 3 * r * r\n"
AFTER = {True: "(* the area of a circle *)\nlet area r = 3.14 *. r *. r\n", False: "let area r = 3.14 *. r *. r\n"}


@pytest.mark.parametrize("fmt", get_args(EditFormat))
def test_the_example_of_each_format_does_what_it_shows(fmt: EditFormat) -> None:
    paragraphs = INSTRUCTIONS[fmt].split("\n\n")
    example = next(each for each in paragraphs if re.match(r"lib/area.ml\n|--- a/|\*\*\* Begin", each))
    plan = edits.plan(
        edits.parse(example, fmt),
        lambda path: Document(path=path, content=BEFORE.encode()) if path == "lib/area.ml" else None,
    )
    assert plan.rejected == ()
    assert [(change.path, change.after) for change in plan.changes] == [("lib/area.ml", AFTER[fmt != "whole"].encode())]
