"""The fast path for OCaml on a small dune workspace: two libraries, an executable, a test, a generator, ppx.

Each case says what `OcamlFast` answers; where that is green or red, `dune build @check` on the same text must agree.
"""

import asyncio
import os
import re
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from ces import process
from ces.builds import dune_output, dune_rules
from ces.builds.ocaml_fast import Fast, OcamlFast, Unsure
from ces.builds.reading import Sources
from ces.change import FileChange
from tests.ces.conftest import unpack

pytestmark = [
    pytest.mark.ocaml,
    pytest.mark.skipif(shutil.which("dune") is None, reason="needs dune: apt-get install ocaml-dune ocaml"),
]

WORKSPACE = """\
-- dune-project --
(lang dune 2.9)
-- README.md --
Shapes.
-- shapes/dune --
(library (name shapes))
-- shapes/point.mli --
type t = { x : int; y : int }
val origin : t
val add : t -> t -> t
-- shapes/point.ml --
type t = { x : int; y : int }
let origin = { x = 0; y = 0 }
let add a b = { x = a.x + b.x; y = a.y + b.y }
-- shapes/line.ml --
type t = Point.t * Point.t
let length_squared ((a, b) : t) =
  let dx = a.Point.x - b.Point.x and dy = a.Point.y - b.Point.y in
  (dx * dx) + (dy * dy)
-- shapes/box.ml --
let corners (a, b) = [ a; b; Point.add a b ]
let diagonal (line : Line.t) = Line.length_squared line
-- plain/dune --
(library (name plain) (wrapped false) (modules :standard) (libraries shapes loose))
-- loose/dune --
(library (name loose) (wrapped false))
-- loose/first.ml --
let one = 1
-- loose/second.ml --
let two = First.one + 1
-- plain/words.ml --
let plural n word = if n = 1 then String.trim word else word ^ "s"
-- plain/report.ml --
let corners line = Words.plural (Shapes.Box.diagonal line) "corner"
-- bin/dune --
(executable (name main) (libraries plain shapes))
-- bin/main.ml --
let () = print_endline (Report.corners (Shapes.Point.origin, Shapes.Point.origin))
let () = print_int (Options.verbosity + Lexer.count)
-- bin/options.ml --
let verbosity = 2
-- bin/lexer.mll --
{ let count = 3 }
rule token = parse eof { 0 }
-- test/dune --
(test (name test_line) (libraries shapes))
-- test/test_line.ml --
let () = assert (Shapes.Line.length_squared (Shapes.Point.origin, Shapes.Point.origin) = 0)
-- notes/old.ml --
let this is not compiled
"""
LEXER_RULE = "\n(ocamllex lexer)\n"

Edits = dict[str, "tuple[str, str] | str | None"]
"""path -> (old text, new text) within it, or the whole new text, or None: deleted."""

CASES: dict[str, tuple[Edits, str]] = {
    "a_body": ({"shapes/point.ml": ("a.x + b.x", "b.x + a.x")}, "green, 1 checked"),
    "nothing": ({}, "green, 0 checked"),
    "a_file_no_build_reads": ({"README.md": "More."}, "green, 0 checked"),
    "a_source_of_no_stanza": ({"notes/old.ml": "let nor this"}, "green, 0 checked"),
    "a_type_error": ({"shapes/point.ml": ("x = 0", 'x = "0"')}, "red, typecheck"),
    "a_syntax_error": ({"shapes/point.ml": ("let add", "let let")}, "red, parse"),
    "a_warning_that_dune_makes_an_error": (
        {"shapes/point.ml": ("let origin", "let unused = 1 let origin")},
        "red, typecheck",
    ),
    "a_case_is_missing": (
        {"shapes/box.ml": ("let corners", "let f = function Some x -> x let corners")},
        "red, typecheck",
    ),
    "what_only_translation_finds": (
        {"shapes/box.ml": ("let corners", 'external f : int -> int = "%no_such_primitive" let corners')},
        "red, typecheck",
    ),
    "an_attribute_where_it_says_nothing": (
        {"shapes/box.ml": ("let corners", "let one = (1 [@inline]) let corners")},
        "red, typecheck",
    ),
    "the_interface_asks_for_more": (
        {"shapes/point.mli": ("val origin", "val more : int val origin")},
        "red, typecheck",
    ),
    "an_interface_changes_and_users_still_fit": (
        {
            "shapes/point.mli": ("val origin", "val more : int val origin"),
            "shapes/point.ml": ("let origin", "let more = 1 let origin"),
        },
        "green, 7 checked",
    ),
    "an_interface_changes_and_its_users_break": (
        {"shapes/point.mli": ("val add : t -> t -> t\n", ""), "shapes/point.ml": ("let add a b", "let _add a b")},
        "red, typecheck",
    ),
    "an_inferred_interface_stays": (
        {"shapes/line.ml": ("let dx", "let unit = 1 in let dx = unit * dx in let dx")},
        "red, typecheck",
    ),
    "a_comment_moves_everything_down": (
        {"shapes/line.ml": ("let length", "(* squared *)\nlet length")},
        "green, 1 checked",
    ),
    "an_inferred_interface_changes": ({"shapes/line.ml": ("(dx * dx)", "float (dx * dx)")}, "red, typecheck"),
    "a_change_reaches_another_library": (
        {"shapes/box.ml": ("Line.length_squared line", "(line, 1)")},
        "red, typecheck",
    ),
    "a_change_reaches_through_to_the_executable": (
        {
            "shapes/box.ml": ("Line.length_squared line", "string_of_int (Line.length_squared line)"),
            "plain/report.ml": (
                "Words.plural (Shapes.Box.diagonal line)",
                "Words.plural (String.length (Shapes.Box.diagonal line))",
            ),
        },
        "green, 3 checked",
    ),
    "a_deprecation_is_an_error_for_users": (
        {"shapes/point.mli": ("val add : t -> t -> t", 'val add : t -> t -> t [@@deprecated "no"]')},
        "red, typecheck",
    ),
    "the_executable": ({"bin/main.ml": ("Options.verbosity", "Options.verbose")}, "red, typecheck"),
    "a_test": ({"test/test_line.ml": ("= 0", "= 0.")}, "red, typecheck"),
    "a_module_is_added": (
        {
            "shapes/circle.ml": "let at = Point.origin\n",
            "shapes/box.ml": ("let corners", "let at = Circle.at let corners"),
        },
        "green, 9 checked",
    ),
    "an_added_module_is_wrong": ({"shapes/circle.ml": "let at = Point.origins\n"}, "red, typecheck"),
    "a_module_is_added_with_its_interface": (
        {"shapes/circle.ml": "let at = Point.origin let hidden = 1\n", "shapes/circle.mli": "val at : Point.t\n"},
        "red, typecheck",
    ),
    "an_interface_is_added": (
        {"shapes/box.mli": "val corners : Point.t * Point.t -> Point.t list\n"},
        "red, typecheck",
    ),
    "a_module_named_as_a_document_is_added": ({"shapes/README.ml": "let x : int = true\n"}, "red, typecheck"),
    "a_module_is_added_in_another_spelling": (
        {"shapes/Point.ml": "let x = 1\n"},
        "unsure: shapes/Point.ml is a module that is there already",
    ),
    "an_interface_is_added_in_two_spellings": (
        {"shapes/box.mli": "val corners : 'a\n", "shapes/Box.mli": "val corners : 'a\n"},
        "unsure: shapes/Box.mli is a module that is there already",
    ),
    "an_interface_is_added_in_another_spelling": (
        {"shapes/Box.mli": "val corners : Point.t * Point.t -> Point.t list val diagonal : Line.t -> int\n"},
        "green, 2 checked",
    ),
    "an_interface_is_deleted": ({"shapes/point.mli": None}, "green, 1 checked"),
    "a_used_module_is_deleted": ({"bin/options.ml": None}, "unsure: the dune file of bin has 'ocamllex'"),
    "a_used_module_of_a_library_is_deleted": (
        {"shapes/line.ml": None},
        "unsure: a module is gone: its name may mean another one now",
    ),
    "an_added_module_takes_the_place_of_a_standard_one": ({"loose/string.ml": "let x = 1\n"}, "red, typecheck"),
    "an_added_module_of_an_unwrapped_library": (
        {"loose/third.ml": "let x = 1\n", "plain/words.ml": ("let plural", "let _ = Third.x let plural")},
        "green, 2 checked",
    ),
    "modules_name_each_other": (
        {"shapes/line.ml": ("type t", "let box = Box.corners type t")},
        "unsure: shapes/line.ml and Box depend on each other",
    ),
    "a_new_circle_of_two_edits": (
        {"shapes/line.ml": ("type t", "let c = Circle.c type t"), "shapes/circle.ml": "let c = Line.length_squared\n"},
        "unsure: modules depend on each other in a circle",
    ),
    "a_module_that_names_itself": (
        {"shapes/box.ml": ("let corners", "let c = Box.corners let corners")},
        "red, typecheck",
    ),
    "a_dune_file": ({"shapes/dune": "(library (name shapes))"}, "unsure: shapes/dune is not an OCaml source"),
    "a_generators_input": ({"bin/lexer.mll": ("3", "4")}, "unsure: bin/lexer.mll is read by more than the compiler"),
    "a_stanza_that_lists_its_modules": (
        {"plain/more.ml": "let x = 1\n"},
        "unsure: the dune file of plain has 'modules'",
    ),
    "a_dumped_syntax_tree": ({"bin/options.ml": "Caml1999M030 and what follows"}, "unsure: bin/options.ml is not text"),
    "not_text": ({"bin/options.ml": "let x = \x00\x01"}, "red, parse"),
}


def build(root: Path) -> str:
    env = {**os.environ, "DUNE_CACHE": "disabled"}
    subprocess.run(["dune", "build", "--root", ".", "@check", "@default"], cwd=root, env=env, check=True)
    rules = subprocess.run(dune_rules.ARGV, cwd=root, env=env, check=True, capture_output=True)
    return rules.stdout.decode("utf-8", "replace")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    root = tmp_path_factory.mktemp("base")
    unpack(WORKSPACE, root)
    (root / "bin/dune").write_text((root / "bin/dune").read_text() + LEXER_RULE)
    return root, build(root)


@pytest.fixture(scope="module")
def copy(base: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same tree, warm, for dune's own word."""
    return Path(shutil.copytree(base[0], tmp_path_factory.mktemp("copy") / "tree"))


@pytest.fixture
async def fast(base: tuple[Path, str]) -> AsyncIterator[OcamlFast]:
    started = await OcamlFast.start(base[0], base[0] / "_build", base[1])
    assert isinstance(started, OcamlFast), started
    yield started
    await started.close()


def changes(root: Path, edits: Edits) -> list[FileChange]:
    made = []
    for path, edit in edits.items():
        before = (root / path).read_bytes() if (root / path).exists() else None
        after = edit
        if isinstance(edit, tuple):
            assert before is not None
            assert edit[0] in before.decode()
            after = before.decode().replace(edit[0], edit[1], 1)
        assert not isinstance(after, tuple)
        made.append(FileChange(path=path, before=before, after=None if after is None else after.encode()))
    return made


def told(found: Fast) -> str:
    if found.status == "green":
        return f"green, {found.checked} checked"
    return f"red, {found.stage}" if found.status == "red" else f"unsure: {found.reason}"


def dune_says(copy: Path, made: Sequence[FileChange]) -> str:
    for change in made:
        if change.after is None:
            (copy / change.path).unlink()
        else:
            (copy / change.path).write_bytes(change.after)
    env = {**os.environ, "DUNE_CACHE": "disabled"}
    built = subprocess.run(
        ["dune", "build", "--root", ".", "@check"], cwd=copy, env=env, capture_output=True, check=False
    )
    for change in made:
        if change.before is None:
            (copy / change.path).unlink()
        else:
            (copy / change.path).write_bytes(change.before)
    return "red" if built.returncode else "green"


@pytest.mark.parametrize("case", CASES)
async def test_answers_as_dune_would_or_not_at_all(
    fast: OcamlFast, base: tuple[Path, str], copy: Path, case: str
) -> None:
    edits, expected = CASES[case]
    made = changes(base[0], edits)
    found = await fast.check(made, 60.0)
    assert told(found) == expected, found
    if found.status != "unsure":
        assert dune_says(copy, made) == found.status


async def test_diagnostics_are_read_as_dunes_are(fast: OcamlFast, base: tuple[Path, str]) -> None:
    made = changes(base[0], {"shapes/point.mli": ("val origin", "val more : int val origin")})
    found = await fast.check(made, 60.0)
    sources = Sources(base[0], {change.path: change.after for change in made})
    (only,) = dune_output.parse(sources, found.output)
    assert (only.file, only.severity) == ("shapes/point.ml", "error")
    assert re.search(r"The value `?more'? is required but not provided", only.message)
    assert "ocaml_fast" not in only.message  # where new interfaces are kept is nobody's business


async def test_a_moved_module_keeps_its_users_or_breaks_them(
    fast: OcamlFast, base: tuple[Path, str], copy: Path
) -> None:
    before = (base[0] / "shapes/line.ml").read_bytes()
    moved = FileChange(path="shapes/segment.ml", old_path="shapes/line.ml", before=before, after=before)
    assert told(await fast.check([moved], 60.0)) == "unsure: a module is gone: its name may mean another one now"
    users = changes(base[0], {"shapes/box.ml": ("(line : Line.t) = Line.", "(line : Segment.t) = Segment.")})
    users += changes(base[0], {"test/test_line.ml": ("Shapes.Line", "Shapes.Segment")})
    assert (await fast.check([moved, *users], 60.0)).status == "green"


async def test_checks_at_the_same_time_do_not_mix(fast: OcamlFast, base: tuple[Path, str]) -> None:
    right = changes(base[0], {"shapes/line.ml": ("(dx * dx)", "(dx + dx)")})
    wrong = changes(base[0], {"shapes/line.ml": ("(dx * dx)", "float (dx * dx)")})
    found = await asyncio.gather(*(fast.check(made, 60.0) for made in [right, wrong] * 6))
    assert [each.status for each in found] == ["green", "red"] * 6


async def test_a_type_check_without_end_is_cut_off(fast: OcamlFast, base: tuple[Path, str]) -> None:
    doubling = "let f0 x = (x, x)\n" + "".join(f"let f{n} x = f{n - 1} (f{n - 1} x)\n" for n in range(1, 9))
    made = changes(base[0], {"bin/options.ml": f"let verbosity = 2\n{doubling}"})
    assert told(await fast.check(made, 3.0)) == "unsure: time is over"
    assert (await fast.check(changes(base[0], {"bin/options.ml": "let verbosity = 3\n"}), 60.0)).status == "green"


async def test_a_killed_server_is_started_again(fast: OcamlFast, base: tuple[Path, str]) -> None:
    made = changes(base[0], {"shapes/point.ml": ("a.x + b.x", "b.x + a.x")})
    assert (await fast.check(made, 60.0)).status == "green"
    for pid in fast.server_pids():
        os.kill(pid, signal.SIGKILL)
    assert (await fast.check(made, 60.0)).status == "green"


async def test_a_base_that_is_not_built_is_refused(base: tuple[Path, str], tmp_path: Path) -> None:
    (tmp_path / "_build/default").mkdir(parents=True)
    assert await OcamlFast.start(tmp_path, tmp_path / "_build", base[1]) == Unsure(
        "the base's objects can't be read: is it built?"
    )
    assert isinstance(await OcamlFast.start(tmp_path, tmp_path / "_build", "(((("), Unsure)


PPX = """\
-- dune-project --
(lang dune 2.9)
-- lib/dune --
(library (name lib) (preprocess (pps ppx_sexp_conv)))
-- lib/shape.ml --
open Sexplib0.Sexp_conv
type t = Dot | Box of int [@@deriving sexp_of]
-- lib/use.ml --
let shown = Shape.sexp_of_t Shape.Dot
"""


def has_ppx() -> bool:
    found = subprocess.run(["ocamlfind", "query", "ppx_sexp_conv"], capture_output=True, check=False)
    return found.returncode == 0


@pytest.fixture(scope="module")
def ppx_base(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    if shutil.which("ocamlfind") is None or not has_ppx():
        pytest.skip("needs ppx_sexp_conv: apt-get install libppx-sexp-conv-ocaml-dev")
    root = tmp_path_factory.mktemp("ppx")
    unpack(PPX, root)
    return root, build(root)


@pytest.fixture(scope="module")
def ppx_copy(ppx_base: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(ppx_base[0], tmp_path_factory.mktemp("ppx_copy") / "tree"))


async def run_ppx(driver: Path, argv: Sequence[str], directory: Path, timeout_s: float) -> process.Finished:
    return await process.run(argv, directory, process.build_environment(), timeout_s)


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ({"lib/shape.ml": ("Box of int", "Box of int * bool")}, "green, 2 checked"),
        ({"lib/shape.ml": ("Box of int", "Box of missing")}, "red, typecheck"),
        ({"lib/shape.ml": ("Dot | Box of int", "Box of int")}, "red, typecheck"),
        ({"lib/shape.ml": ("type t", "let let")}, "red, parse"),
        ({"lib/use.ml": ("Shape.Dot", "(Shape.Box 1)")}, "green, 1 checked"),
    ],
)
async def test_preprocessed_modules(ppx_base: tuple[Path, str], ppx_copy: Path, edits: Edits, expected: str) -> None:
    root, rules = ppx_base
    fast = await OcamlFast.start(root, root / "_build", rules, run_ppx)
    assert isinstance(fast, OcamlFast), fast
    made = changes(root, edits)
    found = await fast.check(made, 60.0)
    await fast.close()
    assert told(found) == expected, found
    assert dune_says(ppx_copy, made) == found.status


async def test_a_preprocessor_is_never_run_without_a_sandbox(ppx_base: tuple[Path, str]) -> None:
    root, rules = ppx_base
    fast = await OcamlFast.start(root, root / "_build", rules)
    assert isinstance(fast, OcamlFast), fast
    found = await fast.check(changes(root, {"lib/use.ml": ("Shape.Dot", "(Shape.Box 1)")}), 60.0)
    await fast.close()
    assert told(found) == "unsure: a preprocessor would have to run, and there is no sandbox for it"


CPPO = """\
-- dune-project --
(lang dune 2.9)
-- lib/dune --
(library (name lib) (preprocess (action (run cppo -n %{input-file}))) (preprocessor_deps (glob_files *.h)))
-- lib/one.ml --
#if 1 = 1
let one = 1
#endif
-- pure/dune --
(library (name pure) (preprocess (action (run cppo -n %{input-file}))))
-- pure/two.ml --
#if 1 = 1
let two = 2
#endif
-- sed/dune --
(library (name sed) (preprocess (action (run sed s/x/y/ %{input-file}))))
-- sed/three.ml --
let three = 3
"""


@pytest.mark.skipif(shutil.which("cppo") is None, reason="needs cppo: apt-get install cppo")
async def test_only_text_is_taken_from_a_program_that_reads_one_file(tmp_path: Path) -> None:
    """A dumped tree is read back as what it says it is, so whoever could print one would have the checker."""
    unpack(CPPO, tmp_path)
    fast = await OcamlFast.start(tmp_path, tmp_path / "_build", build(tmp_path), run_ppx)
    assert isinstance(fast, OcamlFast), fast
    said = [
        told(await fast.check(changes(tmp_path, edits), 60.0))
        for edits in (
            {"pure/two.ml": ("= 2", '= "2" ^ "3"')},
            {"pure/two.ml": ("= 2", "= true + 2")},
            {"pure/two.ml": ("let two = 2", "Caml1999M030")},
            {"pure/two.ml": ("let two", '#include "two.h"\nlet two')},
            {"lib/one.ml": ("= 1\n#e", "= 2\n#e")},
            {"sed/three.ml": ("= 3", "= 4")},
        )
    ]
    await fast.close()
    assert said == [
        "green, 1 checked",
        "red, typecheck",
        "unsure: the preprocessor of pure/two.ml printed no text",
        "unsure: the preprocessor of pure/two.ml failed",
        "unsure: lib/one.ml is read by more than the compiler",
        "unsure: sed/three.ml is read by more than the compiler",
    ]


INCLUDES = """\
-- dune-project --
(lang dune 2.9)
-- named/dune --
(library (name named) (preprocess (action (run cppo %{input-file}))) (preprocessor_deps ../inc/one.ml))
-- named/user.ml --
#include "../inc/one.ml"
let one = k
-- named/other.ml --
let two = User.one + 1
-- inc/one.ml --
let k = 1
-- listed/dune --
(library (name listed) (preprocess (action (run cppo %{input-file}))) (preprocessor_deps (glob_files ../all/*)))
-- listed/user.ml --
#include "../all/one.ml"
let one = k + 1
-- all/one.ml --
let k = 1
-- outside/dune --
(library (name outside) (libraries named))
-- outside/three.ml --
let three = Named.User.one + 1
"""


@pytest.mark.skipif(shutil.which("cppo") is None, reason="needs cppo: apt-get install cppo")
async def test_what_a_preprocessor_reads_besides_is_left_to_dune(tmp_path: Path) -> None:
    root = tmp_path / "base"
    unpack(INCLUDES, root)
    fast = await OcamlFast.start(root, root / "_build", build(root), run_ppx)
    assert isinstance(fast, OcamlFast), fast
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    said = []
    for edits in (
        {"inc/one.ml": ("1", '"1"')},
        {"inc/one.ml": ("1", '"1"'), "named/other.ml": ("+ 1", '^ ""'), "outside/three.ml": ("+ 1", '^ ""')},
        {"all/one.ml": ("1", '"1"')},
        {"named/user.ml": ("= k", "= k + 1")},
        {"outside/three.ml": ("1", "2")},
    ):
        made = changes(root, edits)
        said.append((told(await fast.check(made, 60.0)), dune_says(copy, made)))
    await fast.close()
    assert said == [
        ("unsure: inc/one.ml is read by more than the compiler", "red"),
        ("unsure: inc/one.ml is read by more than the compiler", "green"),
        ("unsure: all/one.ml is read by more than the compiler", "red"),
        ("unsure: the preprocessor of named/user.ml reads other files too", "green"),
        ("green, 1 checked", "green"),
    ]


@pytest.mark.skipif(shutil.which("cppo") is None, reason="needs cppo: apt-get install cppo")
async def test_a_preprocessor_that_may_read_everything_leaves_all_to_dune(tmp_path: Path) -> None:
    unpack(INCLUDES.replace("../inc/one.ml))\n", "(universe)))\n"), tmp_path)
    found = await OcamlFast.start(tmp_path, tmp_path / "_build", build(tmp_path), run_ppx)
    assert isinstance(found, Unsure)
    assert found.reason.startswith("a rule depends on everything: named/")
