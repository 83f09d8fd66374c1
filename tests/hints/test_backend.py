"""The back end: which suggestions one reply holds, what the next seed gives, and how it says that there is no more."""

import textwrap
from pathlib import Path

import pytest

from aid import edits
from aid.config import HintsModel
from aid.edits.edit import Document
from aid.models.backend import Chunk, Prompt, SourceText
from aid.models.hints import HintsBackend
from ces.verdict import Diagnostic, Range, Severity

SOURCE = textwrap.dedent("""\
    let length_of l = List.length l
    let f x = lenght_of x

    let g x y = x + 1

    let h x = List.mapp succ x
    """)


def said(line: int, start: int, end: int, message: str, severity: Severity = "error") -> Diagnostic:
    return Diagnostic(file="m.ml", range=Range(line, start, line, end), severity=severity, message=message)


UNBOUND = said(1, 10, 19, "Unbound value lenght_of\nHint: Did you mean length_of?")
UNUSED = said(3, 8, 9, "unused variable y.")
SEVERAL = said(5, 10, 19, "Unbound value List.mapp\nHint: Did you mean map, map2 or mapi?")


def prompt(*diagnostics: Diagnostic, seed: int | None = None, text: str = SOURCE) -> Prompt:
    return Prompt(
        messages=(),
        format="search-replace",
        sources=(SourceText(path="m.ml", text=text),),
        diagnostics=diagnostics,
        seed=seed,
    )


async def chunks(asked: Prompt) -> list[Chunk]:
    return [chunk async for chunk in HintsBackend("hints", HintsModel()).stream(asked)]


async def after(asked: Prompt) -> str | None:
    """The file as the reply leaves it, placed as AID places any reply; None without a reply."""
    text = "".join(chunk.text for chunk in await chunks(asked))
    before = asked.sources[0].text.encode()
    plan = edits.plan(edits.parse(text, "search-replace"), lambda path: Document(path=path, content=before))
    assert not plan.rejected
    return plan.changes[0].after.decode() if plan.changes and plan.changes[0].after else None


async def test_the_first_reply_mends_every_error_that_has_a_suggestion() -> None:
    [answer, last] = await chunks(prompt(UNBOUND, UNUSED, said(0, 0, 3, "something no rule knows")))
    assert last == Chunk(finish="stop")
    prose, _, blocks = answer.text.partition("\n\n")
    assert prose == textwrap.dedent("""\
        Hint (did you mean): the compiler asks whether `lenght_of` should be `length_of`
        Hint (unused variable): the compiler says that `y` is never used; a `_` before the name says so on purpose""")
    assert blocks.count("<<<<<<< SEARCH") >= 1
    mended = SOURCE.replace("lenght_of", "length_of").replace("x y", "x _y")
    assert await after(prompt(UNBOUND, UNUSED)) == mended


async def test_later_seeds_give_the_alternatives_by_falling_likelihood() -> None:
    names = []
    for seed in range(3):
        text = await after(prompt(SEVERAL, seed=seed))
        assert text is not None
        names.append(text.split("List.")[-1].split()[0])
    assert names == ["map", "map2", "mapi"]


async def test_a_later_seed_may_leave_an_error_alone() -> None:
    found = [await after(prompt(UNBOUND, UNUSED, seed=seed)) for seed in range(3)]
    assert found == [
        SOURCE.replace("lenght_of", "length_of").replace("x y", "x _y"),
        SOURCE.replace("lenght_of", "length_of"),
        SOURCE.replace("x y", "x _y"),
    ]


@pytest.mark.parametrize("asked", [prompt(), prompt(SEVERAL, seed=3), prompt(SEVERAL, seed=1000)])
async def test_an_empty_reply_says_that_there_are_no_more(asked: Prompt) -> None:
    assert await chunks(asked) == [Chunk(finish="stop")]


async def test_warnings_wait_until_there_are_no_errors() -> None:
    warning = said(3, 8, 9, "unused variable y.", "warning")
    assert await after(prompt(UNBOUND, warning)) == SOURCE.replace("lenght_of", "length_of")
    assert await after(prompt(warning)) == SOURCE.replace("x y", "x _y")


async def test_a_name_unused_beside_another_error_waits_for_that_one() -> None:
    """tsc finds `width` unused where `widht` stands: the misspelling is mended, the parameter keeps its name."""
    source = "export function area(width: number) {\n  return widht * 2;\n}\n"
    unused = Diagnostic(
        file="a.ts",
        range=Range(0, 21, 0, 26),
        severity="error",
        message="'width' is declared but its value is never read.",
        code="TS6133",
    )
    unknown = Diagnostic(
        file="a.ts",
        range=Range(1, 9, 1, 14),
        severity="error",
        message="Cannot find name 'widht'. Did you mean 'width'?",
        code="TS2552",
    )
    asked = Prompt(
        messages=(),
        format="search-replace",
        sources=(SourceText(path="a.ts", text=source),),
        diagnostics=(unused, unknown),
    )
    assert await after(asked) == source.replace("widht", "width")


async def test_a_line_that_stands_twice_is_found_by_its_neighbours() -> None:
    text = "let a = 1\nlet f x y = x\nlet b = 2\nlet f x y = x\nlet c = 3\n"
    asked = prompt(said(3, 8, 9, "unused variable y."), text=text)
    assert await after(asked) == "let a = 1\nlet f x y = x\nlet b = 2\nlet f x _y = x\nlet c = 3\n"


async def test_says_nothing_of_files_it_was_not_given() -> None:
    elsewhere = Diagnostic(file="other.ml", range=Range(0, 0, 0, 3), severity="error", message=UNBOUND.message)
    assert await chunks(prompt(elsewhere)) == [Chunk(finish="stop")]


async def test_an_installed_package_adds_a_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "house_hints.py").write_text(
        textwrap.dedent("""\
            from aid.models.hints import Suggestion, TextEdit

            name = "house rule"
            suffixes = (".ml",)


            def propose(diagnostic, source, sources):
                if "no frobs" in diagnostic.message:
                    yield Suggestion((TextEdit(source.path, 0, 3, "LET"),), "no frobs here", 0.5)
            """)
    )
    metadata = tmp_path / "house_hints-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: house-hints\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[aid.hints]\nhouse = house_hints\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = await chunks(prompt(said(0, 0, 3, "no frobs")))
    assert found[0].text.startswith("Hint (house rule): no frobs here\n")


async def test_counts_no_fewer_tokens_than_bytes() -> None:
    assert await HintsBackend("hints", HintsModel()).count_tokens("é") == 2
