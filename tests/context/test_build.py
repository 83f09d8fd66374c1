"""Contexts built in real workspaces: what is in them, in which order, and what was left out."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aid.context.build import AT_ONCE, ContextBuilder
from aid.context.lines import split
from aid.context.piece import Ask, Context, Piece, Place
from aid.context.reader import Index, Reader
from aid.context.sources.errors import Errors
from aid.context.sources.mentions import Mentions
from aid.context.sources.named import Named
from aid.context.sources.related import RelatedFiles
from aid.context.sources.unsaved import Unsaved
from aid.protocol import FileRef
from ces.verdict import Diagnostic, Range

Write = Callable[[Mapping[str, str | bytes]], None]
Indexed = Callable[..., Any]


class Buffer:
    def __init__(self, text: str) -> None:
        self.text = text


async def count(texts: Sequence[str]) -> list[int]:
    return [-(-len(text) // 4) for text in texts]


def fresh_builder() -> ContextBuilder:
    """All sources that need no version control."""
    return ContextBuilder([Named(), Unsaved(), Errors(), Mentions(), RelatedFiles()])


def ref(path: str, first: int | None = None, last: int | None = None) -> FileRef:
    return FileRef(path=path, first=first, last=last)


def error(file: str | None, line: int, message: str) -> Diagnostic:
    return Diagnostic(file=file, range=Range(line - 1, 0, line - 1, 4), severity="error", message=message)


async def build(
    root: Path,
    index: Index | None = None,
    *,
    budget: int = 4000,
    builder: ContextBuilder | None = None,
    prompt: str = "do it",
    **asked: Any,
) -> Context:
    ask = Ask(root=root, prompt=prompt, **asked)
    return await (builder or fresh_builder()).build(ask, budget_tokens=budget, count=count, index=index)


def shown(context: Context) -> str:
    return "\n".join(f"## {piece.title}\n{piece.text}" for piece in context.pieces)


async def test_named_files_and_the_selected_lines(root: Path, write: Write) -> None:
    write({"a.ml": "let a = 1\nlet b = 2\n", "b.ml": "let c = 3\n"})
    context = await build(root, files=(ref("b.ml"), ref("./a.ml", 2, 2)))
    assert shown(context) == ("## b.ml\nlet c = 3\n## a.ml\nlet a = 1\nlet b = 2\n## selected: a.ml, line 2\nlet b = 2")
    assert [(one.path, one.text, one.shown) for one in context.sources] == [
        ("b.ml", "let c = 3\n", ()),
        ("a.ml", "let a = 1\nlet b = 2\n", ()),
    ]
    assert [use.source for use in context.uses] == ["files", "selection"]
    assert context.tokens == sum(use.tokens for use in context.uses)


async def test_what_can_not_be_shown_is_said(root: Path, write: Write) -> None:
    write({"binary.ml": b"\0", "dir/x.ml": ""})
    (root.parent / "outside.ml").write_text("secret")
    (root / "link.ml").symlink_to(root.parent / "outside.ml")
    files = ("../outside.ml", str(root.parent / "outside.ml"), "link.ml", "gone.ml", "binary.ml", "dir")
    context = await build(root, files=tuple(ref(path) for path in files))
    assert context.pieces == ()
    assert context.uses[0].items == (
        "../outside.ml (outside the workspace)",
        f"{root.parent}/outside.ml (outside the workspace)",
        "link.ml (outside the workspace)",
        "gone.ml (not there)",
        "binary.ml (not a text file of a usable size)",
        "dir (not a text file of a usable size)",
    )


async def test_a_link_within_the_workspace_is_the_file_it_points_to(root: Path, write: Write) -> None:
    write({"real/a.ml": "let a = 1\n"})
    (root / "link.ml").symlink_to(root / "real" / "a.ml")
    (root / "folder").symlink_to(root / "real")
    context = await build(root, files=(ref("link.ml"), ref("folder/a.ml")))
    assert [piece.path for piece in context.pieces] == ["real/a.ml"]


async def test_unsaved_text_wins_everywhere(root: Path, write: Write, indexed: Indexed) -> None:
    write(
        {"a.ml": "let old_name = 1\n", "b.ml": "let use = New_mod.fresh_name\n", "new_mod.ml": "let fresh_name = 1\n"}
    )
    index = await indexed()
    documents = {
        root / "a.ml": Buffer("let fine = 1\nlet changed = New_mod.fresh_name 2\n"),
        root / "b.ml": Buffer((root / "b.ml").read_text()),
        root / "unborn.ml": Buffer("let unborn = 1\n"),
        root.parent / "elsewhere.ml": Buffer("let elsewhere = 1\n"),
    }
    context = await build(
        root, index, files=(ref("a.ml"),), documents=documents, diagnostics=(error("a.ml", 2, "bad"),)
    )
    text = shown(context)
    assert "old_name" not in text
    assert "elsewhere" not in text
    assert "  2 | let changed" in text
    assert "## unborn.ml (unsaved)\nlet unborn = 1" in text
    assert "## b.ml" not in text  # open, but as it is on disk
    assert "new_mod.ml:\n  let fresh_name = 1" in text
    assert {one.path: one.text for one in context.sources}["a.ml"] == documents[root / "a.ml"].text


async def test_errors_show_the_definition_around_them(root: Path, write: Write, indexed: Indexed) -> None:
    body = "".join(f"let f{number} x =\n  let y = x in\n  y + {number}\n\n" for number in range(80))
    write({"big.ml": body})
    index = await indexed()
    context = await build(root, index, diagnostics=(error("big.ml", 162, "type"), error(None, 1, "link")))
    piece = next(piece for piece in context.pieces if piece.path == "big.ml")
    assert piece.shown == ((151, 168),)
    assert "let f40 x =\n  let y = x in\n  y + 40" in piece.text
    assert piece.text.startswith("… 151 lines left out …\n")
    messages = context.pieces[-1]
    assert messages.text == "build:1:1: error: link\nbig.ml:162:1: error: type\n  162 |   let y = x in"


async def test_warnings_only_without_errors(root: Path, write: Write) -> None:
    write({"a.ml": "let a = 1\n"})
    warning = Diagnostic(file="a.ml", range=Range(0, 4, 0, 5), severity="warning", message="unused", code="32")
    assert "a.ml:1:5: warning [32]: unused" in shown(await build(root, diagnostics=(warning,)))
    assert "unused" not in shown(await build(root, diagnostics=(warning, error("a.ml", 1, "bad"))))


async def test_names_in_the_prompt(root: Path, write: Write, indexed: Indexed) -> None:
    write(
        {
            "lib/shape.ml": "let area x = x\n" + "let other_thing y = y\n" * 30 + "let scale_it z = z\n",
            "lib/use.ml": "let go = Shape.scale_it 2\n",
            "bin/main.py": "print()\n",
        }
    )
    index = await indexed()
    context = await build(root, index, prompt="make scale_it faster; see main.py")
    assert "… 31 lines left out …\nlet scale_it z = z" in shown(context)
    assert "## bin/main.py\nprint()" in shown(context)
    assert "## files that use scale_it\nlib/shape.ml\nlib/use.ml" in shown(context)
    plain = await build(root, index, prompt="please use the value that is used")
    assert plain.pieces == ()


async def test_related_files_are_signatures_ranked_by_reference(root: Path, write: Write, indexed: Indexed) -> None:
    write(
        {
            "main.ml": "let run () = Store.save_all (Parser.parse_line x)\n",
            "store.ml": "let save_all x =\n  ignore x\n\nlet unrelated_thing y = y\n",
            "parser.mli": "val parse_line : string -> int\n",
            "parser.ml": "let parse_line s = int_of_string s\n",
            "noise.ml": "let nothing_at_all = 1\n",
        }
    )
    index = await indexed()
    context = await build(root, index, files=(ref("main.ml"),))
    assert context.pieces[0].text == ("parser.mli:\n  val parse_line : string -> int\nstore.ml:\n  let save_all x")


def prefix(context: Context, upto: str) -> list[str]:
    titles = [piece.title for piece in context.pieces]
    return [f"{piece.title}\n{piece.text}" for piece in context.pieces[: titles.index(upto)]]


async def test_the_earlier_prefix_stays_when_an_error_comes_or_the_selected_file_changes(
    root: Path, write: Write, indexed: Indexed
) -> None:
    modules = {f"m{number}.ml": f"let value_of_{number} x = x\nlet more_{number} = 2\n" for number in range(9)}
    uses = "".join(f"let use_{number} = M{number}.value_of_{number} 1\n" for number in range(6))
    write({**modules, "main.ml": uses, "steady.ml": "let steady_one = M1.more_1\n"})
    index = await indexed()
    builder = fresh_builder()
    files = (ref("main.ml", 2, 3), ref("steady.ml"))
    before = await build(root, index, builder=builder, files=files)
    assert before.pieces[0].title == "other files of this workspace"

    with_error = await build(
        root, index, builder=builder, files=files, diagnostics=(error("main.ml", 4, "bad"), error("m8.ml", 2, "x"))
    )
    assert prefix(with_error, "selected: main.ml, lines 2-3")[:3] == prefix(before, "selected: main.ml, lines 2-3")

    edited = Buffer(uses + "let fresh = M7.value_of_7 (M8.value_of_8 2)\n")
    unsaved = await build(root, index, builder=builder, files=files, documents={root / "main.ml": edited})
    assert prefix(unsaved, "main.ml") == prefix(before, "main.ml")
    assert "value_of_7" in shown(unsaved).split("also related")[1]

    generation = index.generation
    (root / "main.ml").write_text(edited.text)
    await index.until_newer(generation)
    saved = await build(root, index, builder=builder, files=files)
    assert prefix(saved, "main.ml") == prefix(before, "main.ml")


async def test_the_map_is_made_anew_when_it_is_no_longer_true(root: Path, write: Write, indexed: Indexed) -> None:
    write({"main.ml": "let run = Store.save_all 1\n", "store.ml": "let save_all x = x\n"})
    index = await indexed()
    builder = fresh_builder()
    await build(root, index, builder=builder, files=(ref("main.ml"),))
    generation = index.generation
    write({"store.ml": "let save_all ~force x = x\n"})
    await index.until_newer(generation)
    context = await build(root, index, builder=builder, files=(ref("main.ml"),))
    assert "let save_all ~force x" in context.pieces[0].text


async def test_in_a_tight_budget_one_more_error_message_leaves_the_files_alone(
    root: Path, write: Write, indexed: Indexed
) -> None:
    write({"a.ml": "".join(f"let name_{number} = {number}\n" for number in range(400))})
    index = await indexed()
    builder = fresh_builder()
    one = (error("a.ml", 100, "bad"),)
    before = await build(root, index, builder=builder, budget=900, files=(ref("a.ml"),), diagnostics=one)
    more = (*one, error(None, 1, "linking failed"))
    after = await build(root, index, builder=builder, budget=900, files=(ref("a.ml"),), diagnostics=more)
    assert before.pieces[0].shown != ()
    assert after.pieces[0] == before.pieces[0]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.sampled_from("ab \n\r\n\téλ\x0c"), max_size=600),
    budget=st.integers(0, 250),
    first=st.integers(1, 60),
)
async def test_shown_lines_are_exact_and_the_budget_holds(root: Path, text: str, budget: int, first: int) -> None:
    (root / "a.ml").write_bytes(text.encode())
    context = await build(root, budget=budget, files=(ref("a.ml", first, first + 4),))
    assert context.tokens <= budget
    lines = split(text)
    for piece in context.pieces:
        if piece.path is None:
            continue
        (source,) = [one for one in context.sources if one.path == piece.path]
        assert source.text == text
        spans = source.shown or ((0, len(lines)),)
        said = [line for line in piece.text.split("\n") if not line.endswith("left out …")]
        assert said == [line for one, last in spans for line in lines[one:last]] or lines == []


async def test_what_was_cut_is_reported(root: Path, write: Write) -> None:
    write({"a.ml": "".join(f"let name_{number} = {number}\n" for number in range(400)), "b.ml": "let b = 1\n"})
    context = await build(root, budget=500, files=(ref("a.ml", 200, 202), ref("b.ml")))
    (use, selection) = context.uses
    whole = -(-(len((root / "a.ml").read_text().rstrip("\n")) + len("a.ml\n")) // 4) + 8
    a = next(piece for piece in context.pieces if piece.path == "a.ml")
    assert a.tokens + a.cut_tokens == whole
    assert use.cut_tokens == a.cut_tokens > 1000
    lines = sum(last - first for first, last in a.shown)
    assert use.items == ("b.ml", f"a.ml ({lines} of 400 lines)")
    assert any(first <= 199 < last for first, last in a.shown)
    assert selection.cut_tokens == 0


async def test_no_room_at_all(root: Path, write: Write) -> None:
    write({"a.ml": "let a = 1\n" * 50})
    context = await build(root, budget=0, files=(ref("a.ml"),))
    assert (context.pieces, context.sources, context.tokens) == ((), (), 0)
    assert context.uses[0].items == ("a.ml (left out)",)
    assert context.uses[0].cut_tokens > 0


async def test_the_model_is_asked_for_each_text_once(root: Path, write: Write, count: Any) -> None:
    write({"a.ml": "let a = 1\n", "b.ml": "let b = 1\n" * 400})
    builder = fresh_builder()
    ask = Ask(root=root, prompt="x", files=(ref("a.ml"), ref("b.ml", 3, 4)))
    await builder.build(ask, budget_tokens=300, count=count, model="one")
    assert len(count.asked) <= 3
    texts = [text for asked in count.asked for text in asked]
    assert len(texts) == len(set(texts))
    again = len(count.asked)
    await builder.build(ask, budget_tokens=300, count=count, model="one")
    assert len(count.asked) == again
    await builder.build(ask, budget_tokens=300, count=count, model="another")
    assert len(count.asked) > again


async def test_a_text_far_too_large_is_not_counted(root: Path, write: Write, count: Any) -> None:
    write({"a.ml": "let a = 1\n" * 40_000})
    ask = Ask(root=root, prompt="x", files=(ref("a.ml", 20_000, 20_002),))
    context = await fresh_builder().build(ask, budget_tokens=500, count=count)
    assert max(len(text) for asked in count.asked for text in asked) < 10_000
    assert context.tokens <= 500
    assert any(first <= 20_000 < last for first, last in context.pieces[0].shown)


class Broken:
    name = "broken"

    async def pieces(self, ask: Ask, reader: Reader) -> list[Piece]:
        raise RuntimeError("no")


class Late:
    name = "late"

    async def pieces(self, ask: Ask, reader: Reader) -> list[Piece]:
        await asyncio.Event().wait()
        return []


class Extra:
    name = "extra"

    async def pieces(self, ask: Ask, reader: Reader) -> list[Piece]:
        return [Piece(source="extra", title="house rules", text="be kind", weight=2, place=Place.MAP)]


async def test_another_source_adds_its_pieces_and_a_failing_one_harms_no_one(
    root: Path, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    write({"a.ml": "let a = 1\n"})
    builder = ContextBuilder([Named(), Broken(), Late(), Extra()])
    context = await build(root, builder=builder, files=(ref("a.ml"),))
    assert [piece.title for piece in context.pieces] == ["house rules", "a.ml"]
    assert [(use.source, use.items) for use in context.uses] == [
        ("files", ("a.ml",)),
        ("broken", ("broken (failed, see the log)",)),
        ("late", ("late (took too long)",)),
        ("extra", ("house rules",)),
    ]
    assert "context source broken failed" in caplog.text


class Crowded:
    """Ends when as many are in it as may be, so that none leaves before the last has come."""

    name = "crowded"

    def __init__(self) -> None:
        self.inside, self.most = 0, 0
        self._full = asyncio.Event()

    async def pieces(self, ask: Ask, reader: Reader) -> list[Piece]:
        self.inside += 1
        self.most = max(self.most, self.inside)
        if self.inside == AT_ONCE:
            self._full.set()
        await self._full.wait()
        self.inside -= 1
        return []


async def test_of_many_requests_the_first_are_not_held_up_by_the_last(root: Path) -> None:
    crowded = Crowded()
    builder = ContextBuilder([crowded])
    await asyncio.gather(*(build(root, builder=builder) for _ in range(3 * AT_ONCE)))
    assert crowded.most == AT_ONCE


async def test_a_request_during_indexing_uses_what_is_there(root: Path, write: Write, indexed: Indexed) -> None:
    write({"main.ml": "let run = Store.save_all 1\n", "store.ml": "let save_all x = x\n"})
    index = await indexed(ready=False)
    early = await build(root, index, files=(ref("main.ml"),))
    assert [piece.title for piece in early.pieces] == ["main.ml"]
    await index.until_ready()
    late = await build(root, index, files=(ref("main.ml"),))
    assert [piece.title for piece in late.pieces] == ["other files of this workspace", "main.ml"]


async def test_crlf_bom_and_invalid_utf8(root: Path, write: Write) -> None:
    write({"a.ml": b"\xef\xbb\xbflet a = 1\r\nlet b = '\xe9'\r\n"})
    context = await build(root, files=(ref("a.ml"),))
    assert context.pieces[0].text == "let a = 1\nlet b = '\ufffd'"
    assert context.sources[0].text == "\ufefflet a = 1\r\nlet b = '\ufffd'\r\n"


async def test_the_same_request_gives_the_same_bytes(root: Path, write: Write, indexed: Indexed) -> None:
    write({f"m{number}.ml": f"let v_{number} = M{(number + 1) % 9}.v_{(number + 1) % 9}\n" for number in range(9)})
    index = await indexed()
    asked = {"files": (ref("m3.ml"), ref("m1.ml")), "diagnostics": (error("m2.ml", 1, "b"), error("m0.ml", 1, "a"))}
    first, second = await build(root, index, **asked), await build(root, index, **asked)  # type: ignore[arg-type]
    assert first == second
