"""The fast path for OCaml where dune does more with a source than compile it: copies, rules, modules of its own.

Each case says what `OcamlFast` answers, and what dune says: where the first is sure they must be the same.
"""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ces.builds.ocaml_fast import OcamlFast
from tests.ces.conftest import unpack
from tests.ces.test_ocaml_circles import dune_version
from tests.ces.test_ocaml_fast import Edits, build, changes, dune_says, told

pytestmark = [
    pytest.mark.ocaml,
    pytest.mark.skipif(shutil.which("dune") is None, reason="needs dune: apt-get install ocaml-dune ocaml"),
]

WORKSPACE = """\
-- dune-project --
(lang dune 2.9)
-- shared/dune --
(library (name shared))
-- shared/own.ml --
let one = 1
-- shared/same.ml --
let two = 2
-- copied/dune --
(copy_files ../shared/s*.ml)
(library (name copied))
-- copied/own.ml --
let one = 1
-- again/dune --
(copy_files ../copied/same.ml)
(library (name again))
-- again/user.ml --
let three = Same.two + 1
-- listed/dune --
(library (name listed))
-- listed/first.ml --
let one = 1
-- lists/dune --
(rule
 (deps (source_tree ../listed))
 (action (with-stdout-to names.ml (system "for f in ../listed/*.ml; do echo let $(basename $f .ml) = 1; done"))))
(library (name lists))
-- lists/user.ml --
let one = Names.first
-- made/dune --
(rule (mode promote) (action (with-stdout-to kept.ml (echo "let one = 1"))))
(library (name made) (libraries (select chosen.ml from (unix -> chosen.unix.ml) (-> chosen.none.ml))))
-- made/kept.ml --
let one = 1
-- made/chosen.unix.ml --
let two = 2
-- made/chosen.none.ml --
let two = 0
-- made/user.ml --
let three = Kept.one + Chosen.two
-- opened/dune --
(library (name opened) (wrapped false) (libraries shared) (flags (:standard -open Shared)))
-- opened/left.ml --
let one = Own.one
-- opened/right.ml --
let one = Left.one
-- alone/dune --
(library (name alone))
-- alone/one.ml --
let one = 1
-- alone/two.ml --
let two = One.one + 1
-- waits/dune --
(copy_files ../alone/t*h.ml) ; nothing is named so yet
(library (name waits))
-- waits/mine.ml --
let one = 1
-- waits/more.ml --
let two = 2
-- wrapped/dune --
(library (name wrapped))
-- wrapped/wrapped.ml --
let one = 1
-- wrapped/left.ml --
let two = 2
-- wrapped/right.ml --
module Alias = Left
"""

CASES: dict[str, tuple[Edits, str, str]] = {
    "a_copy_of_a_copy": ({"shared/same.ml": ("= 2", '= "2"')}, "red, typecheck", "red"),
    "a_source_whose_name_is_copied_is_added": (
        {"shared/sum.ml": "let sum = Own.one\n", "shared/own.ml": ("let one", "let three = 3 let one")},
        "unsure: files beside shared/sum.ml are read by more than the compiler",
        "green",
    ),
    "what_is_added_fits_where_it_is_written_alone": (
        {"shared/sum.ml": "let sum = Own.three\n", "shared/own.ml": ("let one", "let three = 3 let one")},
        "unsure: files beside shared/sum.ml are read by more than the compiler",
        "red",
    ),
    "a_source_is_added_that_a_pattern_without_matches_copies": (
        {"alone/tenth.ml": "let ten = Two.two * 5\n"},
        "unsure: alone/tenth.ml may be copied elsewhere",
        "red",
    ),
    "a_source_in_a_directory_that_a_rule_reads_is_added": (
        {"listed/end.ml": "let two = 2\n"},
        "unsure: files beside listed/end.ml are read by more than the compiler",
        "red",
    ),
    "a_promoted_source_is_edited": (
        {"made/kept.ml": ("= 1", '= "1"')},
        "unsure: made/kept.ml is made by a rule",
        "green",
    ),
    "a_source_comes_where_a_rule_makes_one": (
        {"made/chosen.ml": "let two = 2\n"},
        "unsure: made/chosen.ml is made by a rule",
        "red",
    ),
    "an_added_module_of_a_library_with_an_open_in_its_flags": (
        {"opened/middle.ml": "let one = Own.one\n", "opened/right.ml": ("Left", "Middle")},
        "green, 2 checked",
        "green",
    ),
    "a_module_that_names_its_librarys_main_module": (
        {"wrapped/left.ml": ("2", "Wrapped.one")},
        "unsure: wrapped/left.ml names its library's main module",
        "red",
    ),
    "a_module_that_names_a_main_module_of_aliases": (
        {"shared/own.ml": ("1", "Shared.Same.two")},
        "unsure: shared/own.ml names its library's main module",
        "red",
    ),
    "a_circle_of_aliases_that_nothing_uses": (
        {"wrapped/left.ml": ("let", "module Alias = Right let")},
        "unsure: wrapped/left.ml and Right depend on each other",
        "red",
    ),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    root = tmp_path_factory.mktemp("base")
    unpack(WORKSPACE, root)
    return root, build(root)


@pytest.fixture(scope="module")
def copy(base: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(base[0], tmp_path_factory.mktemp("copy") / "tree"))


@pytest.fixture
async def fast(base: tuple[Path, str]) -> AsyncIterator[OcamlFast]:
    started = await OcamlFast.start(base[0], base[0] / "_build", base[1])
    assert isinstance(started, OcamlFast), started
    yield started
    await started.close()


@pytest.mark.parametrize("case", CASES)
async def test_what_a_rule_does_with_a_source_is_followed_or_left_to_dune(
    fast: OcamlFast, base: tuple[Path, str], copy: Path, case: str
) -> None:
    edits, expected, truth = CASES[case]
    made = changes(base[0], edits)
    found = await fast.check(made, 60.0)
    assert (told(found), dune_says(copy, made)) == (expected, truth), found


VIRTUAL = """\
-- dune-project --
(lang dune 2.9)
-- ticking/dune --
(library (name ticking) (virtual_modules clock) (default_implementation real))
-- ticking/clock.mli --
val now : unit -> int
-- ticking/later.ml --
let later () = Clock.now () + 1
-- real/dune --
(library (name real) (implements ticking) (private_modules hand))
-- real/clock.ml --
let now () = Hand.hand
-- real/hand.ml --
let hand = 1
"""


async def test_an_implementation_that_names_its_virtual_librarys_main_module_is_left_to_dune(tmp_path: Path) -> None:
    if dune_version() >= 3:
        pytest.skip("dune 3.17 itself breaks off at the @check of a virtual library")
    root = tmp_path / "base"
    unpack(VIRTUAL, root)
    fast = await OcamlFast.start(root, root / "_build", build(root))
    assert isinstance(fast, OcamlFast), fast
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    said = []
    for edits in (
        {"real/clock.ml": ("Hand.hand", "Hand.hand + Ticking.Later.later ()")},
        {"real/hand.ml": ("1", "Ticking.Later.later ()")},
        {"real/clock.ml": ("Hand.hand", "Hand.hand + 1")},
    ):
        made = changes(root, edits)
        said.append((told(await fast.check(made, 60.0)), dune_says(copy, made)))
    await fast.close()
    assert said == [
        ("unsure: real/clock.ml names its library's main module", "red"),
        ("unsure: real/hand.ml names its library's main module", "red"),
        ("green, 1 checked", "green"),
    ]
