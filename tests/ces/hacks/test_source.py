"""A file after a change is read from what it was before; that must not change what is read."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ces.hacks.source import Source

ROOT = Path(__file__).parents[3]
FILES = ["ces/judge.py", "demo/ocaml/lib/inventory.ml", "ces/builds/ocaml_checker/check.ml"]


def picture(source: Source) -> object:
    assert source.root is not None
    return str(source.root), source.spans, source.code, source.uncommented


@pytest.mark.parametrize("path", FILES)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_reading_on_from_the_text_before_gives_the_same_tree(path: str, data: st.DataObject) -> None:
    """Lines are taken out, doubled or moved: what mostly parses, and what doesn't."""
    raw = (ROOT / path).read_bytes()
    lines = raw.splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    length = data.draw(st.integers(0, 4))
    new = data.draw(st.sampled_from([[], lines[at : at + 1] * 2, [b"\n"], ["é = 1\n".encode()], lines[:2]]))
    after = b"".join([*lines[:at], *new, *lines[at + length :]])
    before = Source(path, raw)
    whole, further = Source(path, after), Source(path, after, before)
    assert whole.root is not None
    if whole.root.has_error:
        assert further.root is not None and further.root.has_error  # how it recovers may differ
    else:
        assert picture(further) == picture(whole)
    assert before.tree is not None and picture(before) == picture(Source(path, raw))
