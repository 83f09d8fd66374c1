"""Content blocks as editors send them, and slash commands."""

from pathlib import Path

import pytest

from aid.acp import commands, schema
from aid.acp.content import Asked, asked, file_ref
from aid.errors import UsageError
from aid.protocol import Attachment, FileRef


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "a b.ml").write_text("let x = 1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("fragment", "first", "last"),
    [("", None, None), ("#L3", 3, 3), ("#L3-9", 3, 9), ("#L3:9", 3, 9), ("#L3-L9", 3, 9), ("#x", None, None)],
)
def test_a_place_in_a_file_is_its_uris_fragment(root: Path, fragment: str, first: int | None, last: int | None) -> None:
    uri = (root / "lib" / "a b.ml").as_uri() + fragment
    assert file_ref(uri, root) == FileRef(path="lib/a b.ml", first=first, last=last)


@pytest.mark.parametrize("uri", ["file:///etc/passwd", "https://example.org/a.ml", "file://host/a.ml", "file://[", ""])
def test_what_is_no_file_of_the_workspace_is_none_here(root: Path, uri: str) -> None:
    assert file_ref(uri, root) is None


def test_a_folder_is_no_file(root: Path) -> None:
    assert file_ref((root / "lib").as_uri(), root) is None


def test_a_mention_stays_in_its_place_in_the_sentence(root: Path) -> None:
    uri = (root / "lib" / "a b.ml").as_uri()
    blocks = (
        schema.Text(text="Rename x in "),
        schema.ResourceLink(uri=f"{uri}#L1", name="a b.ml"),
        schema.Text(text=", as in "),
        schema.Resource(resource=schema.Contents(uri="issue:7", text="x is a bad name")),
        schema.Resource(resource=schema.Contents(uri=uri, text="let x = 2\n")),
        schema.Resource(resource=schema.Contents(uri="blob:9")),
        schema.Image(),
    )
    assert asked(blocks, root) == Asked(
        words="Rename x in `lib/a b.ml:1`, as in issue:7`lib/a b.ml`blob:9",
        files=(FileRef(path="lib/a b.ml", first=1, last=1), FileRef(path="lib/a b.ml")),
        attachments=(Attachment(title="issue:7", text="x is a bad name"),),
        unsaved={"lib/a b.ml": "let x = 2\n"},
        left_out=("blob:9 (binary)", "an image"),
    )


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("/undo", ("undo", "")),
        ("/fix lib/a.ml:3 ", ("fix", "lib/a.ml:3")),
        ("/model", ("model", "")),
        ("/usr/bin is where it is", None),
        ("/fixture", None),
        ("what does /undo do?", None),
    ],
)
def test_a_command_is_a_known_word_at_the_beginning(root: Path, typed: str, expected: tuple[str, str] | None) -> None:
    assert commands.command((schema.Text(text=typed),), root) == expected


def test_fix_takes_a_mentioned_file(root: Path) -> None:
    link = schema.ResourceLink(uri=(root / "lib" / "a b.ml").as_uri() + "#L1", name="a b.ml")
    found = commands.command((schema.Text(text="/fix "), link), root)
    assert found == ("fix", "lib/a b.ml:1")
    assert commands.fix(found[1], root).fix == FileRef(path="lib/a b.ml", first=1, last=1)


def test_fix_refuses_a_file_that_is_not_there(root: Path) -> None:
    with pytest.raises(UsageError, match=r"lib/c\.ml is no file of this workspace: write it as FILE or FILE:LINE"):
        commands.fix("lib/c.ml", root)
