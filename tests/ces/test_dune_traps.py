"""What makes dune say green, or red, for reasons that are not the workspace's: each with a real build."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ces import builds, process
from ces.builds.adapter import BuildSettings
from ces.check import Checker
from ces.isolation import Kind

MakeWorkspace = Callable[[str], Path]
MakeChecker = Callable[..., Checker]
DUNE = builds.ADAPTERS[0]

pytestmark = pytest.mark.skipif(not (shutil.which("dune") and shutil.which("ocamlc")), reason="needs dune and ocaml")

WARNS = """-- dune-project --
(lang dune 2.9)
-- lib/dune --
(library (name lib))
-- lib/a.ml --
type t = A | B
let f = function A -> 1
"""
CYCLE = """-- dune-project --
(lang dune 2.9)
-- lib/dune --
(library (name lib))
-- lib/a.ml --
let f x = B.g x
-- lib/a.mli --
val f : int -> int
-- lib/b.ml --
let g x = A.f x
-- lib/b.mli --
val g : int -> int
"""
UNLINKED = """-- dune-project --
(lang dune 2.9)
-- bin/dune --
(executable (name main))
-- bin/main.ml --
external f : int -> int = "no_such_symbol"
let () = print_int (f 1)
"""


def outcomes(root: Path) -> list[tuple[str, bool]]:
    """(stage, whether it passes) of every step."""
    found = []
    for step in DUNE.steps(root, BuildSettings()):
        env = process.build_environment(step.env)
        ended = subprocess.run(step.argv, check=False, cwd=root, env=env, capture_output=True)
        found.append((step.stage, ended.returncode == 0))
    return found


@pytest.mark.parametrize("text", [CYCLE, UNLINKED], ids=["implementation cycle", "link error"])
async def test_what_check_lets_through_is_red_at_the_build(
    workspace: MakeWorkspace, checker: MakeChecker, text: str
) -> None:
    root = workspace(text)
    status = await checker(root).status()
    assert status.status == "red"
    assert any(item.severity == "error" for item in status.diagnostics)
    passed = dict(outcomes(root))
    assert not passed["build"]
    # dune 3 finds the cycle here already; no dune finds the link error.
    assert status.stage == ("build" if passed["typecheck"] else "typecheck")
    assert passed["typecheck"] or text == CYCLE


async def test_the_persons_dune_variables_and_settings_are_not_the_builds(
    workspace: MakeWorkspace, checker: MakeChecker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = workspace(WARNS)
    settings = tmp_path / "home" / ".config" / "dune"
    settings.mkdir(parents=True)
    (settings / "config").write_text("(lang dune 9.9)\n")  # dune refuses to start where it reads this
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home" / ".config"))
    for name, value in {
        "DUNE_PROFILE": "release",
        "DUNE_WORKSPACE": "/nonexistent",
        "DUNE_BUILD_DIR": str(tmp_path / "elsewhere"),
        "OCAMLPARAM": "_,w=-a",
        "OCAMLRUNPARAM": "b",
    }.items():
        monkeypatch.setenv(name, value)
    status = await checker(root, kinds=("session",)).status()  # the kind that hides nothing
    assert (status.status, status.stage) == ("red", "typecheck")
    assert [item.code for item in status.diagnostics] == ["warning 8 [partial-match]"]
    assert not (tmp_path / "elsewhere").exists()


async def test_a_profile_that_the_workspace_itself_sets_holds(workspace: MakeWorkspace, checker: MakeChecker) -> None:
    root = workspace(WARNS + "-- dune-workspace --\n(lang dune 2.9)\n(profile release)\n")
    status = await checker(root).status()
    assert (status.status, status.stage) == ("green", "test")
    assert [(item.severity, item.code) for item in status.diagnostics] == [("warning", "warning 8 [partial-match]")]


@pytest.mark.parametrize("kind", ["bubblewrap", "unshare", "session"])
async def test_a_dune_workspace_further_up_is_not_this_workspaces(
    tmp_path: Path, checker: MakeChecker, kind: Kind
) -> None:
    (tmp_path / "dune-workspace").write_text("(lang dune 2.9)\n(profile release)\n")
    (tmp_path / "dune-project").write_text("(lang dune 9.9)\n")
    root = tmp_path / "inner"
    for name, text in {
        "dune-project": "(lang dune 2.9)\n",
        "lib/dune": "(library (name lib))\n",
        "lib/a.ml": "type t = A | B\nlet f = function A -> 1\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    status = await checker(root, kinds=(kind, "session")).status()
    assert (status.status, status.stage) == ("red", "typecheck")
    assert [item.file for item in status.diagnostics] == ["lib/a.ml"]


async def test_a_language_newer_than_the_dune_that_is_installed_is_said_in_so_many_words(
    workspace: MakeWorkspace, checker: MakeChecker
) -> None:
    root = workspace(WARNS.replace("2.9", "9.9"))
    status = await checker(root).status()
    assert (status.status, status.stage) == ("red", "typecheck")
    [said] = status.diagnostics
    assert (said.file, said.range and said.range.start_line) == ("dune-project", 0)
    assert "Version 9.9 of the dune language is not supported" in said.message
    assert "Supported versions" in said.message
