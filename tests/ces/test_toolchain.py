"""What makes a toolchain another one, and what is never run to find out."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ces import builds, toolchain
from ces.builds.adapter import Adapter, BuildSettings

MakeWorkspace = Callable[[str], Path]
DUNE, CARGO, TSC, PYTEST, COMMAND = builds.ADAPTERS
FILES = {
    "dune": "-- dune-project --\n(lang dune 2.9)\n",
    "cargo": "-- Cargo.toml --\n[package]\n",
    "tsc": "-- tsconfig.json --\n{}\n",
    "pytest": "-- setup.cfg --\n",
    "command": "-- check --\n",
}


def program(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + "\n".join(lines) + "\n")
    path.chmod(0o755)


@pytest.mark.parametrize("adapter", builds.ADAPTERS, ids=lambda adapter: adapter.name)
def test_the_same_tools_have_the_same_digest_whatever_the_sources_say(
    workspace: MakeWorkspace, adapter: Adapter
) -> None:
    root = workspace(FILES[adapter.name])
    settings = BuildSettings(command=("true",))
    first = toolchain.digest(adapter, root, {}, settings)
    (root / "a.ml").write_text("let x = 1\n")
    (root / "a.py").write_text("x = 1\n")
    assert toolchain.digest(adapter, root, {}, settings) == first
    assert len({toolchain.digest(each, root, {}, settings) for each in builds.ADAPTERS}) == len(builds.ADAPTERS)


def test_another_compiler_on_path_is_another_toolchain_and_is_asked_once(
    workspace: MakeWorkspace, tmp_path: Path
) -> None:
    root = workspace(FILES["dune"])
    tools, asked = tmp_path / "tools", tmp_path / "asked"
    env = {"PATH": f"{tools}{os.pathsep}/usr/bin{os.pathsep}/bin"}
    program(tools / "ocamlc", f"echo $1 >> {asked}", "echo version: 4.99")
    first = toolchain.digest(DUNE, root, env)
    assert toolchain.digest(DUNE, root, env) == first
    assert asked.read_text() == "-config\n"
    program(tools / "ocamlc", f"echo $1 >> {asked}", "echo version: 5.99.1")
    assert toolchain.digest(DUNE, root, env) != first
    assert asked.read_text() == "-config\n" * 2


@pytest.mark.skipif(not shutil.which("ocamlc"), reason="needs ocaml")
def test_a_library_that_comes_or_changes_is_another_toolchain(workspace: MakeWorkspace, tmp_path: Path) -> None:
    root = workspace(FILES["dune"])
    tools, libraries = tmp_path / "tools", tmp_path / "libraries"
    program(tools / "ocamlfind", f"echo {libraries}")
    env = {"PATH": f"{tools}{os.pathsep}/usr/bin{os.pathsep}/bin"}
    libraries.mkdir()
    seen = {toolchain.digest(DUNE, root, env)}
    for text in ("version = 1\n", "version = 10\n"):
        (libraries / "some").mkdir(exist_ok=True)
        (libraries / "some" / "META").write_text(text)
        seen.add(toolchain.digest(DUNE, root, env))
    assert len(seen) == 3


def test_a_program_of_the_workspaces_own_is_the_same_wherever_and_whenever_it_was_written(tmp_path: Path) -> None:
    settings = BuildSettings(command=("./check",))
    seen = set()
    for number, name in enumerate(("one", "another")):
        program(tmp_path / name / "check", "exit 0")
        os.utime(tmp_path / name / "check", (number, number))
        seen.add(toolchain.digest(COMMAND, tmp_path / name, {}, settings))
    assert len(seen) == 1
    program(tmp_path / "one" / "check", "exit 1")
    assert toolchain.digest(COMMAND, tmp_path / "one", {}, settings) not in seen


@pytest.mark.parametrize("adapter", builds.ADAPTERS, ids=lambda adapter: adapter.name)
def test_a_variable_that_builds_get_counts_and_who_asks_does_not(
    workspace: MakeWorkspace, adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, settings = workspace(FILES[adapter.name]), BuildSettings(command=("true",))
    seen = [toolchain.digest(adapter, root, {}, settings)]
    for name in ("USER", "SHELL", "TMPDIR", "PYENV_DIR", "EDITOR"):
        monkeypatch.setenv(name, "another")
        assert toolchain.digest(adapter, root, {}, settings) == seen[0], name
    for name in ("CAML_LD_LIBRARY_PATH", "RUSTFLAGS", "TZ", "LD_LIBRARY_PATH", "PKG_CONFIG_PATH"):
        monkeypatch.setenv(name, "b")
        seen.append(toolchain.digest(adapter, root, {}, settings))
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize(
    "command",
    [("tool",), ("env", "X=1", "tool"), ("sh", "-c", "tool --flag"), ("sh", "-c", "cd . && (tool); exit"), ("./run",)],
    ids=" ".join,
)
def test_every_program_that_a_command_names_counts(
    tmp_path: Path, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'tools'}{os.pathsep}/usr/bin{os.pathsep}/bin")
    (tmp_path / "root").mkdir()
    seen = set()
    for text in ("exit 0", "exit 1 # longer"):
        program(tmp_path / "tools" / "tool", text)
        program(tmp_path / "root" / "run", text)
        seen.add(toolchain.digest(COMMAND, tmp_path / "root", {}, BuildSettings(command=command)))
    assert len(seen) == 2


def test_a_workspaces_own_programs_count_and_are_not_run(workspace: MakeWorkspace, tmp_path: Path) -> None:
    root = workspace(FILES["dune"] + FILES["pytest"] + FILES["tsc"])
    ran = tmp_path / "ran"
    (root / "_opam/lib/some").mkdir(parents=True)
    seen: dict[Adapter, set[str]] = {DUNE: set(), PYTEST: set(), TSC: set()}
    for said in ("one", "two, longer"):
        for name in ("_opam/bin/ocamlc", "_opam/bin/dune", ".venv/bin/python", "node_modules/.bin/tsc"):
            program(root / name, f"touch {ran}", f"echo {said}")
        (root / "node_modules/.package-lock.json").write_text(said)
        for adapter, digests in seen.items():
            digests.add(toolchain.digest(adapter, root, {}))
    assert [len(digests) for digests in seen.values()] == [2, 2, 2]
    (root / "_opam/lib/some/META").write_text("version = 2\n")
    assert toolchain.digest(DUNE, root, {}) not in seen[DUNE]
    package = root / ".venv/lib/python3.11/site-packages/some-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Name: some\n")
    assert toolchain.digest(PYTEST, root, {}) not in seen[PYTEST]
    link = tmp_path / "links"
    link.mkdir()
    (link / "ocamlc").symlink_to(root / "_opam/bin/ocamlc")
    toolchain.digest(DUNE, root, {"PATH": str(link)})
    assert not ran.exists()


def test_a_rust_toolchain_file_is_read_and_not_obeyed(workspace: MakeWorkspace, tmp_path: Path) -> None:
    root = workspace(FILES["cargo"])
    where = tmp_path / "where"
    program(tmp_path / "tools" / "rustc", f"pwd >> {where}", "echo rustc 1.99")
    env = {"PATH": f"{tmp_path / 'tools'}{os.pathsep}/usr/bin{os.pathsep}/bin"}
    first = toolchain.digest(CARGO, root, env)
    (root / "rust-toolchain.toml").write_text('[toolchain]\nchannel = "nightly"\n')
    assert toolchain.digest(CARGO, root, env) != first
    assert set(where.read_text().split()) == {"/"}
