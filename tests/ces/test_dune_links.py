"""The fast path for OCaml in a dune tree with symbolic links, each case beside what dune says of it."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ces.builds.ocaml_fast import OcamlFast
from tests.ces.conftest import unpack
from tests.ces.test_ocaml_fast import Edits, build, changes, dune_says, told

pytestmark = [
    pytest.mark.ocaml,
    pytest.mark.skipif(shutil.which("dune") is None, reason="needs dune: apt-get install ocaml-dune ocaml"),
]

WORKSPACE = """\
-- dune-project --
(lang dune 2.9)
-- README.md --
All of it.
-- common/one.ml --
let one = 1
-- common/unread.ml --
let none = 0
-- own/dune --
(library (name own))
-- own/two.ml --
let two = 2
-- own/three.ml --
let three = 3
-- linked/dune --
(library (name linked))
-- linked/user.ml --
let four = One.one + Two.two + 1
-- deep/dune --
(include_subdirs unqualified)
(library (name deep))
-- deep/user.ml --
let five = Far.far + 1
-- far/away/far.ml --
let far = 4
"""
LINKS = {
    "linked/one.ml": "../common/chained.ml",
    "common/chained.ml": "one.ml",
    "linked/two.ml": "../own/two.ml",
    "linked/README.md": "../README.md",
    "notes.ml": "common/unread.ml",
    "deep/down": "../far",
    "emacs/.#lock.ml": "someone@somewhere.1",
}

CASES: dict[str, tuple[Edits, str, str]] = {
    "what_a_link_leads_to_breaks_who_reads_the_link": (
        {"common/one.ml": ("1", '"1"')},
        "unsure: common/one.ml is read by more than the compiler",
        "red",
    ),
    "what_a_link_leads_to_changes_with_who_reads_the_link": (
        {"common/one.ml": ("1", '"1"'), "linked/user.ml": ("One.one", "String.length One.one")},
        "unsure: common/one.ml is read by more than the compiler",
        "green",
    ),
    "it_is_a_module_of_another_stanza": (
        {"own/two.ml": ("2", '"2"')},
        "unsure: own/two.ml is read by more than the compiler",
        "red",
    ),
    "it_lies_in_a_linked_directory": (
        {"far/away/far.ml": ("4", '"4"')},
        "unsure: far/away/far.ml is read by more than the compiler",
        "red",
    ),
    "a_module_is_added_in_a_linked_directory": (
        {"far/away/further.ml": "let far : int = true\n"},
        "unsure: far/away/further.ml is read by more than the compiler",
        "red",
    ),
    "it_is_deleted": (
        {"common/one.ml": None},
        "unsure: common/one.ml is read by more than the compiler",
        "red",
    ),
    "by_the_links_own_name": (
        {"deep/down/away/far.ml": ("4", '"4"')},
        "unsure: deep/down/away/far.ml is read by more than the compiler",
        "red",
    ),
    "the_link_is_overwritten": (
        {"linked/two.ml": ("2", '"2"')},
        "unsure: linked/two.ml is read by more than the compiler",
        "red",
    ),
    "no_link_leads_there": ({"own/three.ml": ("3", "4")}, "green, 1 checked", "green"),
    "no_rule_reads_the_link": ({"common/unread.ml": ("0", '"0"')}, "green, 0 checked", "green"),
    "a_linked_text_that_no_rule_reads": ({"README.md": "More.\n"}, "green, 0 checked", "green"),
}  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    root = tmp_path_factory.mktemp("base")
    unpack(WORKSPACE, root)
    for path, target in LINKS.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).symlink_to(target)
    return root, build(root)


@pytest.fixture
async def fast(base: tuple[Path, str]) -> AsyncIterator[OcamlFast]:
    started = await OcamlFast.start(base[0], base[0] / "_build", base[1])
    assert isinstance(started, OcamlFast), started
    yield started
    await started.close()


@pytest.mark.parametrize("case", CASES)
async def test_what_is_read_through_a_link_is_left_to_dune(
    fast: OcamlFast, base: tuple[Path, str], case: str, tmp_path: Path
) -> None:
    edits, expected, truth = CASES[case]
    made = changes(base[0], edits)
    found = await fast.check(made, 60.0)
    copy = Path(shutil.copytree(base[0], tmp_path / "tree", symlinks=True))
    assert (told(found), dune_says(copy, made)) == (expected, truth), found
