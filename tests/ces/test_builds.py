"""Which adapter is found, which steps it asks for, and forms of output that no tool installed here prints."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ces import builds, isolation
from ces import workspace as views
from ces.builder import Builder
from ces.builds.adapter import Adapter, BuildSettings, Step
from ces.builds.command import Command
from ces.builds.reading import Sources, plain
from ces.errors import CesError
from ces.verdict import Diagnostic


def printed(found: Sequence[Diagnostic]) -> list[str]:
    return [
        f"{item.file}:{item.range.start_line if item.range else '-'} [{item.code or ''}] {item.message}"
        for item in found
    ]


def dune(text: str, **files: str) -> list[str]:
    """What is read in dune's output about sources given as name_ext=text."""
    changed = {name.replace("_", "."): content.encode() for name, content in files.items()}
    changed |= {"t/dune": b"(test\n (name t))\n", "t/t.ml": b"let () = assert false\n"}
    adapter = builds.ADAPTERS[0]
    step = adapter.steps(Path("/workspace"), BuildSettings())[-1]
    return printed(adapter.diagnostics(Sources(Path("/workspace"), changed), step, text, 1))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["dune-project", "Cargo.toml"], "dune"),
        (["Cargo.toml", "pyproject.toml"], "cargo"),
        (["tsconfig.json", "package.json"], "tsc"),
        (["setup.cfg"], "pytest"),
        (["Makefile"], None),
        ([], None),
    ],
)
def test_the_first_adapter_that_recognises_the_tree_is_taken(
    tmp_path: Path, names: list[str], expected: str | None
) -> None:
    for name in names:
        (tmp_path / name).touch()
    found = builds.find(tmp_path, BuildSettings())
    assert (found and found.name) == expected


def test_settings_overrule_what_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "dune-project").touch()
    assert builds.find(tmp_path, BuildSettings(adapter="pytest")) is builds.ADAPTERS[3]
    found = builds.find(tmp_path, BuildSettings(command=("make",)))
    assert found is not None
    assert found.name == "command"
    with pytest.raises(CesError, match=r"'bazel' is none of dune, cargo, tsc, pytest, command"):
        builds.find(tmp_path, BuildSettings(adapter="bazel"))


def test_a_check_goes_no_further_than_asked(tmp_path: Path) -> None:
    adapter = builds.ADAPTERS[0]
    stages = {
        upto: list(dict.fromkeys(step.stage for step in adapter.steps(tmp_path, BuildSettings(upto=upto))))
        for upto in ("typecheck", "build")
    }
    assert stages == {"typecheck": ["typecheck"], "build": ["typecheck", "build"]}


@pytest.mark.parametrize("adapter", builds.ADAPTERS, ids=lambda adapter: adapter.name)
def test_a_build_that_can_not_stop_so_early_runs_its_first_stage(tmp_path: Path, adapter: Adapter) -> None:
    (first, *_) = [step.stage for step in adapter.steps(tmp_path, BuildSettings(command=("make",)))]
    asked = BuildSettings(command=("make",), upto="parse")
    assert {step.stage for step in adapter.steps(tmp_path, asked)} == {first}


class Idle(Command):
    """A build that has nothing to run."""

    def steps(self, root: Path, settings: BuildSettings) -> Sequence[Step]:
        return ()


async def test_where_nothing_is_run_nothing_is_green(tmp_path: Path, state_dir: Path) -> None:
    found = await isolation.probe(tmp_path, state_dir, ("session",))
    idle = Builder(tmp_path, BuildSettings(), Idle(), found, views.make(tmp_path, state_dir, found, ()))
    _, status = await idle.build_tree(time.monotonic() + 60)
    assert (status.status, status.reason) == ("unchecked", "command has nothing to run up to test")


def test_a_workspaces_own_environment_is_used_and_not_run(tmp_path: Path) -> None:
    (tmp_path / ".venv/bin").mkdir(parents=True)
    python = tmp_path / ".venv/bin/python"
    python.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    python.chmod(0o755)
    adapter = builds.ADAPTERS[3]
    assert adapter.missing_tools(tmp_path, BuildSettings()) == ("pytest: .venv/bin/python -m pip install pytest",)
    package = tmp_path / ".venv/lib/python3.11/site-packages/pytest"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    assert adapter.missing_tools(tmp_path, BuildSettings()) == ()
    assert adapter.steps(tmp_path, BuildSettings())[-1].argv[0] == ".venv/bin/python"
    assert not (tmp_path / "ran").exists()


def test_a_local_opam_switch_comes_first(tmp_path: Path) -> None:
    (tmp_path / "_opam/bin").mkdir(parents=True)
    step = builds.ADAPTERS[0].steps(tmp_path, BuildSettings())[0]
    assert step.env["PATH"].split(os.pathsep)[0] == str(tmp_path / "_opam/bin")


def test_reads_quoted_names_and_hints_as_ocaml_5_prints_them() -> None:
    text = (
        'File "a.ml", line 1, characters 8-15:\n1 | let f = greting\n            ^^^^^^^\n'
        'Error: Unbound value "greting"\nHint: Did you mean "greeting"?\n'
    )
    assert dune(text, a_ml="let f = greting\n") == ['a.ml:0 [] Unbound value "greting"\nHint: Did you mean "greeting"?']


def test_reads_a_long_excerpt_with_dots_and_nested_places_as_one_message() -> None:
    text = (
        'File "a.ml", lines 1-9, characters 0-3:\n1 | module M : sig\n2 |   val f : int\n...\n'
        '8 |   let f = "x"\n9 | end\n'
        "Error: Signature mismatch:\n       ...\n       Values do not match:\n"
        '         val f : string\n       File "a.ml", line 2, characters 2-13: Expected declaration\n'
        '       File "a.ml", line 8, characters 6-7: Actual declaration\n'
    )
    read = dune(text, a_ml="module M : sig\n" + "x\n" * 9)
    assert len(read) == 1
    assert read[0].startswith("a.ml:0 [] Signature mismatch:")
    assert read[0].count("declaration") == 2


def test_reads_a_failed_action_as_dune_3_prints_it() -> None:
    place = 'File "t/dune", line 2, characters 7-8:\n2 |  (name t))\n           ^\n'
    assert dune(place + 'Fatal error: exception Assert_failure("t/t.ml", 1, 9)\n') == [
        't/t.ml:0 [Assert_failure] exception Assert_failure("t/t.ml", 1, 9)'
    ]
    assert dune(place + "before\n") == ["t/dune:1 [action] this action failed:\nbefore"]
    assert dune(place + 'Error: Library "x" not found.\n-> required by t/t.exe\n') == [
        't/dune:1 [] Library "x" not found.\n-> required by t/t.exe'
    ]


@pytest.mark.parametrize(
    "diff",
    [
        "        diff (internal) (exit 1)\n(cd _build/default && /usr/bin/diff -u t/t.expected t/t.output)\n"
        "--- t/t.expected\t2026-11-27 03:17:15.679504963 +0000\n"
        "+++ t/t.output\t2026-11-27 03:17:16.375504978 +0000\n"
        "@@ -1,2 +1,2 @@\n one\n-|three\n+two\n",
        "     patdiff (internal) (exit 1)\n(cd _build/default && /bin/patdiff t/t.expected t/t.output)\n"
        "------ t/t.expected\n++++++ t/t.output\n@|-1,2 +1,2 ====================\n |one\n-||three\n+|two\n",
    ],
    ids=["diff", "patdiff"],
)
def test_reads_what_other_programs_than_git_say_of_a_difference(diff: str) -> None:
    place = 'File "t/t.expected", line 1, characters 0-0:\n'
    hunk = "the output differs from what is expected:\n one\n-|three\n+two"
    assert dune(place + diff, **{"t/t_expected": "one\n|three\n"}) == [f"t/t.expected:1 [diff] {hunk}"]


def test_a_failed_test_that_prints_rules_is_no_difference() -> None:
    said = "           t alias t/runtest (exit 1)\n(cd _build/default/t && ./t.exe)\n--- first\nno\n"
    assert dune(said) == ["None:- [exit 1] t alias t/runtest failed (exit 1):\n--- first\nno"]


def test_a_column_past_the_end_of_a_line_ends_with_it() -> None:
    assert dune('File "a.ml", line 1, characters 0-99:\nError: no\n', a_ml="é\n") == ["a.ml:0 [] no"]


def test_colours_and_links_are_taken_out() -> None:
    assert plain("\x1b[1mFile\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07\r\n") == "File link\n"


_PIECES = st.sampled_from(
    [
        'File "a.ml", line 1, characters 0-5:', 'File "a.ml", lines 0-3:', 'File "dune", line 1, characters 0-1:',
        "Error: x", "Warning 8 [x]: y", "1 | let", "  ^^^", "  t alias runtest (exit 1)", "(cd _build/default && ./t)",
        "--- a", "@@ -1 +1 @@", "> [FAIL]  a  0  b.", "│ [FAIL]  a  0  b.", "=" * 78, "Error: a:0:b.", "E   x", "E",
        "=== FAILURES ===", "___ t ___", "a.py:1: in f", '{"reason":"compiler-message","message":{}}',
        '{"reason":"compiler-message","message":{"level":"error","message":"m","spans":[{}]}}',
        "---- a stdout ----", "thread 'a' panicked at a.rs:0:0:", "a.ts(0,0): error TS1: x", "a.c:0:0: note: x",
        "failures:",
        '{"reason":"compiler-message","message":{"level":"error","message":"m","spans":[{"file_name":"a.rs"}]}}',
    ]
)  # fmt: skip


@given(st.lists(st.one_of(_PIECES, st.text(max_size=20)), max_size=12))
def test_no_output_makes_an_adapter_fail_and_a_failed_step_always_gives_an_error(lines: list[str]) -> None:
    changed = dict.fromkeys(("a.ml", "dune", "a.py", "a.rs", "a.ts", "a.c"), b"one\ntwo\n")
    sources = Sources(Path("/workspace"), changed)
    for adapter in builds.ADAPTERS:
        for step in adapter.steps(Path("/workspace"), BuildSettings(command=("make",))):
            found = adapter.diagnostics(sources, step, "\n".join(lines), 1)
            assert any(item.severity == "error" for item in found)
