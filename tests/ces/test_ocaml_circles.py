"""Implementations that need each other in a circle: red where `dune build` says so, also up to a type check.

dune 2's own `@check` lets them through, and dune 3 refuses more of them. Each case says what the quick checker answers
and what dune's build does.
"""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ces import isolation
from ces.bases import BaseSettings
from ces.builds.adapter import BuildSettings
from ces.builds.dune import Dune
from ces.builds.ocaml_fast import OcamlFast
from ces.judge import Judge, JudgeSettings
from ces.render_diff import render
from ces.request import CheckRequest
from tests.ces.conftest import unpack
from tests.ces.test_ocaml_fast import Edits, build, changes, told

pytestmark = [
    pytest.mark.ocaml,
    pytest.mark.skipif(shutil.which("dune") is None, reason="needs dune: apt-get install ocaml-dune ocaml"),
]

WORKSPACE = """\
-- dune-project --
(lang dune 2.9)
-- lib/dune --
(library (name lib) (modules_without_implementation sort))
-- lib/a.ml --
type t = int
let a = 1
let named () = B.b
-- lib/a.mli --
type t = int
val a : int
val named : unit -> int
-- lib/b.ml --
let b = 1
-- lib/b.mli --
val b : int
-- lib/c.ml --
let c = A.a
-- lib/sort.mli --
module type S = sig val x : A.t end
-- bin/dune --
(executable (name main))
-- bin/main.ml --
let () = print_int One.one
-- bin/one.ml --
let one = 1
-- bin/two.ml --
let two = 2
-- bin/two.mli --
val two : int
-- bin/three.ml --
let three = 3 + Two.two
-- bin/three.mli --
val three : int
-- through/dune --
(library (name through))
-- through/a.ml --
let x = B.y 1
-- through/a.mli --
val x : int
-- through/b.ml --
let y x = x
-- through/b.mli --
val y : int -> int
-- through/c.ml --
type t = int
-- through/c.mli --
type t = int
-- through/d.ml --
type t = int
let d = A.x
-- through/d.mli --
type t = int
val d : int
-- aside/dune --
(library (name aside) (modes native))
-- aside/a.ml --
let a = 1
-- aside/a.mli --
val a : int
-- aside/b.ml --
let b = A.a
-- aside/b.mli --
val b : int
"""
SAID = "dependency cycle between modules in _build/default/{}"
ONLY_DUNE_3 = "an interface that names its own users"
THROUGH: Edits = {"through/b.mli": ("int ->", "C.t ->"), "through/c.ml": ("= int", "= int let _ = A.x")}

CASES: dict[str, tuple[Edits, str, str]] = {
    "two": ({"lib/b.ml": ("= 1", "= 1 + A.a")}, "red, typecheck", SAID.format("lib:\n   A\n-> B\n-> A")),
    "three": ({"lib/b.ml": ("= 1", "= 1 + C.c")}, "red, typecheck", SAID.format("lib:\n   A\n-> B\n-> C\n-> A")),
    "a_name_that_was_there": ({"lib/a.ml": ("let a = 1", "let a = 2 + (0 * B.b)")}, "green, 1 checked", ""),
    "a_module_is_added": (
        {"lib/b.ml": ("= 1", "= D.d"), "lib/d.ml": "let d = C.c\n"},
        "red, typecheck",
        SAID.format("lib:\n   A\n-> B\n-> D\n-> C\n-> A"),
    ),
    "an_added_module_has_an_interface": (
        {"lib/b.ml": ("= 1", "= D.d"), "lib/d.ml": "let d = C.c\n", "lib/d.mli": "val d : int\n"},
        "red, typecheck",
        SAID.format("lib:\n   A\n-> B\n-> D\n-> C\n-> A"),
    ),
    "an_interface_names_back_the_only_one_that_needs_it": (
        {"lib/b.mli": ("val", "val more : A.t val"), "lib/b.ml": ("let", "let more = 2 let")},
        "unsure: lib/b.mli closes a circle through an interface",
        ONLY_DUNE_3,
    ),
    "an_interface_names_it_back_and_dune_is_asked": (
        {"lib/b.mli": ("val", "val more : A.t val"), "lib/b.ml": ("let", "let more = 2 let"),
         "lib/dune": ("(library", "; again\n(library")},
        "unsure: lib/dune is not an OCaml source",
        ONLY_DUNE_3,
    ),
    "through_an_interface": (
        THROUGH,
        "unsure: through/b.mli closes a circle through an interface",
        SAID.format("through:"),
    ),
    "through_an_interface_where_dune_is_asked": (
        {**THROUGH, "through/dune": ("(library", "; again\n(library")},
        "unsure: through/dune is not an OCaml source",
        SAID.format("through:"),
    ),
    "through_an_interface_that_alone_has_changed": (
        {"through/b.mli": ("int ->", "D.t ->")},
        "unsure: through/b.mli closes a circle through an interface",
        SAID.format("through:"),
    ),
    "through_an_interface_that_leads_nowhere": ({"through/b.mli": ("int ->", "C.t ->")}, "green, 1 checked", ""),
    "through_an_interface_of_an_added_module": (
        {"through/c.ml": ("type", "let _ = E.e type"), "through/e.ml": "let e = 1\n", "through/e.mli": "val e : D.t\n",
         "through/b.ml": ("let", "let _ = (0 : C.t) let")},
        "unsure: through/b.ml closes a circle through an interface",
        SAID.format("through:"),
    ),
    "through_a_module_of_types_alone": (
        {"lib/a.ml": ("let a", "module F (X : Sort.S) = X let a"), "lib/sort.mli": ("A.t", "C.t"),
         "lib/c.ml": ("let", "type t = int let")},
        "unsure: lib/a.ml closes a circle through an interface",
        SAID.format("lib:"),
    ),
    "by_a_module_of_types_alone": (
        {"lib/a.ml": ("let", "module F (X : Sort.S) = X let")},
        "unsure: lib/a.ml closes a circle through an interface",
        ONLY_DUNE_3,
    ),
    "what_the_program_needs_not": (
        {"bin/two.ml": ("= 2", "= 2 + Three.three")},
        "unsure: bin/two.ml and Three need each other",
        "",
    ),
    "what_the_program_needs": (
        {"bin/two.ml": ("= 2", "= 2 + Three.three"), "bin/one.ml": ("= 1", "= Two.two")},
        "unsure: bin/two.ml and Three need each other",
        SAID.format("bin:\n   Three\n-> Two\n-> Three"),
    ),
    "a_library_without_an_archive_of_bytecode": (
        {"aside/a.ml": ("= 1", "= B.b")},
        "unsure: aside/a.ml and B need each other",
        SAID.format("aside:\n   A\n-> B\n-> A"),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    root = tmp_path_factory.mktemp("base")
    unpack(WORKSPACE, root)
    return root, build(root)


@pytest.fixture
async def fast(base: tuple[Path, str]) -> AsyncIterator[OcamlFast]:
    started = await OcamlFast.start(base[0], base[0] / "_build", base[1])
    assert isinstance(started, OcamlFast), started
    yield started
    await started.close()


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of all judges here, so that the base is built once."""
    made = tmp_path_factory.mktemp("state")
    yield made
    isolation.remove_tree(made)


@pytest.fixture
async def judge(state: Path) -> AsyncIterator[Judge]:
    made = Judge(JudgeSettings(bases=BaseSettings(state_dir=state), audit_share=1.0))
    yield made
    await made.close()


@pytest.fixture(scope="module")
def copy(base: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(base[0], tmp_path_factory.mktemp("copy") / "tree"))


def dune_version() -> int:
    told = subprocess.run(["dune", "--version"], capture_output=True, text=True, check=True).stdout
    return int(told.split(".")[0])


def dune_builds(copy: Path, diff: str) -> bool:
    """Whether dune's whole build passes with a diff that git applies, and takes back."""
    words = ["git", "apply", "-p1", "-"]
    subprocess.run(words, cwd=copy, input=diff.encode(), check=True)
    ended = subprocess.run(
        ["dune", "build", "--root", ".", "@check", "@default"], cwd=copy, capture_output=True, check=False
    )
    subprocess.run([*words, "-R"], cwd=copy, input=diff.encode(), check=True)
    return ended.returncode == 0


@pytest.mark.parametrize("case", CASES)
async def test_a_circle_is_red_by_whoever_is_asked(
    fast: OcamlFast, judge: Judge, base: tuple[Path, str], copy: Path, case: str
) -> None:
    edits, expected, said = CASES[case]
    if said == ONLY_DUNE_3:
        said = SAID.format("lib:") if dune_version() >= 3 else ""
    made = changes(base[0], edits)
    assert told(await fast.check(made, 60.0)) == expected
    diff = render(made)
    assert dune_builds(copy, diff) == (not said and "red" not in expected)
    verdict = await judge.check(CheckRequest(diff=diff, workspace=str(base[0]), upto="typecheck"))
    await judge.audited()
    assert verdict.status == ("red" if said or "red" in expected else "green"), verdict
    assert not said or said in "".join(item.message for item in verdict.diagnostics), verdict
    assert verdict.stage == "typecheck"
    assert judge.audits.disagreements == 0


@pytest.mark.parametrize(
    ("dune", "exit_code"),
    [
        ("kill -9 $$", 137),
        ("exit 1", 1),
        ("echo Error: a program that was not linked; exit 1", 0),
        ("echo Error: a program that was not linked; kill -9 $$", 137),
        ("true", 0),
    ],
)
def test_where_a_circle_is_known_what_dune_could_not_say_is_not_green(
    copy: Path, tmp_path: Path, dune: str, exit_code: int
) -> None:
    """dune's last step as it is, over what a real dune wrote, with a dune that ends in one way or another."""
    if dune_version() >= 3:
        pytest.skip("dune 3 says so in the step before")
    tree = shutil.copytree(copy, tmp_path / "tree")
    (tree / "lib" / "b.ml").write_text("let b = 1 + A.a\n")
    subprocess.run(["dune", "build", "--root", ".", "@check"], cwd=tree, check=True)
    ending = tmp_path / "bin" / "dune"
    ending.parent.mkdir()
    ending.write_text(f"#!/bin/sh\n{dune}\n")
    ending.chmod(0o755)
    asked = Dune().steps(tree, BuildSettings(upto="typecheck"))[-1]
    env = {**os.environ, "PATH": f"{ending.parent}:{os.environ['PATH']}"}
    assert subprocess.run(asked.argv, cwd=tree, env=env, capture_output=True, check=False).returncode == exit_code
