"""Positions: what an editor counts and where that is in the text."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol.types import (
    Position,
    Range,
    TextDocumentContentChangePartial,
    TextDocumentContentChangeWholeDocument,
    TextDocumentItem,
    VersionedTextDocumentIdentifier,
)

from aid.server.documents import Documents
from aid.server.positions import line_starts, offset, path_of, position, units

texts = st.text(alphabet=st.sampled_from("aé漢😋\n\r\f\u2028\x85\t"), max_size=40)
encodings = st.sampled_from(["utf-8", "utf-16", "utf-32"])


@given(texts, encodings, st.data())
def test_every_place_of_a_text_has_a_position_that_leads_back(text: str, encoding: str, data: st.DataObject) -> None:
    starts = line_starts(text)
    line = data.draw(st.integers(0, len(starts) - 1))
    shown = (text[starts[line] :] + "\n").replace("\r\n", "\n").replace("\r", "\n").partition("\n")[0]
    points = data.draw(st.integers(0, len(shown)))
    where = position(text, starts, line, points, encoding)
    assert offset(text, starts, where, encoding) == starts[line] + points


@given(texts, encodings, st.integers(0, 60), st.integers(0, 60))
def test_any_position_is_held_inside_its_line(text: str, encoding: str, line: int, character: int) -> None:
    starts = line_starts(text)
    found = offset(text, starts, Position(line, character), encoding)
    assert 0 <= found <= len(text)
    if line < len(starts):
        assert "\n" not in text[starts[line] : found] and "\r" not in text[starts[line] : found]


@pytest.mark.parametrize(
    ("line", "character", "text"),
    [
        (0, 0, "|a\f😋b\r\nc"),
        (0, 3, "a\f|😋b\r\nc"),
        (0, 4, "a\f😋|b\r\nc"),
        (0, 99, "a\f😋b|\r\nc"),
        (1, 1, "a\f😋b\r\nc|"),
    ],
)
def test_a_form_feed_ends_no_line_and_an_emoji_is_two_units(line: int, character: int, text: str) -> None:
    plain = text.replace("|", "")
    at = offset(plain, line_starts(plain), Position(line, character), "utf-16")
    assert plain[:at] + "|" + plain[at:] == text


def test_counts_units_as_the_editor_does() -> None:
    assert [units("é😋", encoding) for encoding in ("utf-8", "utf-16", "utf-32")] == [6, 3, 2]


def opened(text: str, encoding: str) -> Documents:
    documents = Documents(None, position_encoding=encoding)
    documents.put_text_document(TextDocumentItem(uri="file:///a", language_id="x", version=1, text=text))
    return documents


@given(texts, encodings, st.data())
def test_incremental_changes_are_those_of_a_plain_splice(text: str, encoding: str, data: st.DataObject) -> None:
    documents = opened(text, encoding)
    expected = text
    changes = []
    for _each in range(data.draw(st.integers(1, 4))):
        starts = line_starts(expected)
        ends = sorted((data.draw(st.integers(0, len(starts) - 1)), data.draw(st.integers(0, 10))) for _ in range(2))
        first, last = (position(expected, starts, line, points, encoding) for line, points in ends)
        new = data.draw(texts)
        changes.append(TextDocumentContentChangePartial(text=new, range=Range(first, last)))
        start, end = offset(expected, starts, first, encoding), offset(expected, starts, last, encoding)
        expected = expected[:start] + new + expected[end:]
    for change in changes:
        documents.update_text_document(VersionedTextDocumentIdentifier(uri="file:///a", version=2), change)
    (document,) = documents.files().values()
    assert (document.text, document.version) == (expected, 2)


def test_a_change_without_a_range_is_the_whole_text() -> None:
    documents = opened("old", "utf-16")
    whole = VersionedTextDocumentIdentifier(uri="file:///a", version=5), TextDocumentContentChangeWholeDocument("new")
    documents.update_text_document(*whole)
    assert documents.files()[Path("/a")].text == "new"
    documents.remove_text_document("file:///a")
    documents.update_text_document(*whole)
    assert documents.files() == {}


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///tmp/a%20b.ml", "/tmp/a b.ml"),
        ("file://localhost/x;y", "/x;y"),
        ("file:///%C3%A9", "/é"),
        ("file:///%E9", "/\udce9"),
        ("untitled:Untitled-1", None),
        ("file://elsewhere/x", None),
        ("file:relative", None),
        ("file:///a%00b", None),
        ("http://[", None),
    ],
)
def test_reads_file_uris(uri: str, path: str | None) -> None:
    found = path_of(uri)
    assert (str(found) if found is not None else None) == path
