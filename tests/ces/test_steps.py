"""What adapters run beside the stages' own commands: parsing only the changed files, and all stages in one."""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ces import builds, process
from ces.builds.adapter import Adapter, BuildSettings, Step
from ces.builds.reading import Sources

MakeWorkspace = Callable[[str], Path]
DUNE, CARGO, TSC, PYTEST, COMMAND = builds.ADAPTERS

needs_dune = pytest.mark.skipif(not (shutil.which("dune") and shutil.which("ocamlc")), reason="needs dune and ocaml")
needs_npm = pytest.mark.skipif(not (shutil.which("npm") and shutil.which("tsc")), reason="needs npm and tsc")

OCAML = """-- dune-project --
(lang dune 2.9)
-- lib/dune --
(library (name lib) (modules a b new))
-- lib/a.ml --
let a = 1
-- lib/a.mli --
val a : int
-- lib/b.ml --
let b = A.a
-- lib/data.ml --
not OCaml at all (
-- t/dune --
(test (name t) (libraries lib))
-- t/t.ml --
let () = assert (Lib.B.b = 1)
-- rewritten/dune --
(library (name rewritten) (preprocess (action (run sed s/BROKEN// %{input-file}))))
-- rewritten/r.ml --
let r = BROKEN 1
-- ppx/dune --
; (preprocess (action
(rule (targets x) (action (write-file x "(preprocess (action")))
(library (name ppx) (preprocess no_preprocessing))
-- ppx/p.ml --
let p = 1
"""
NOWHERE = 'external f : int -> int = "nowhere"\nlet x = f 1\n'


def run(root: Path, step: Step) -> tuple[int, str]:
    env = process.build_environment(step.env)
    ended = subprocess.run(step.argv, check=False, cwd=root, env=env, capture_output=True, text=True)
    return ended.returncode, ended.stdout + ended.stderr


def parsed(adapter: Adapter, root: Path, *paths: str) -> Sequence[str]:
    """The errors of parsing `paths`, each "file:line message"."""
    said = []
    for step in adapter.parse_steps(root, paths):
        assert step.stage == "parse"
        exit_code, output = run(root, step)
        found = adapter.diagnostics(Sources(root), step, output, exit_code)
        assert any(item.severity == "error" for item in found) == (exit_code not in step.passes)
        said += [f"{item.file}:{item.range.start_line if item.range else '-'} {item.message}" for item in found]
    return said


@needs_dune
def test_ocaml_is_parsed_by_its_own_parser_every_error_at_once(workspace: MakeWorkspace) -> None:
    root = workspace(OCAML.replace("modules a b new", "modules a b"))
    assert run(root, DUNE.steps(root, BuildSettings())[1])[0] == 0
    assert parsed(DUNE, root, "lib/a.ml", "lib/a.mli", "lib/b.ml", "t/t.ml", "ppx/p.ml") == []
    (root / "lib/a.ml").write_text("let a = (1\n")
    (root / "lib/a.mli").write_text("val a :\n")
    (root / "ppx/p.ml").write_text("let%expect_test _ = [%expect {| |}]\nlet p = nothing\n")
    assert parsed(DUNE, root, "lib/a.ml", "lib/a.mli", "lib/b.ml", "ppx/p.ml") == [
        "lib/a.ml:1 Syntax error: ')' expected\nFile \"lib/a.ml\", line 1, characters 8-9: This '(' might be unmatched",
        "lib/a.mli:1 Syntax error",
    ]


@needs_dune
def test_what_may_not_be_ocaml_is_not_parsed(workspace: MakeWorkspace) -> None:
    root = workspace(OCAML.replace("modules a b new", "modules a b"))
    assert run(root, DUNE.steps(root, BuildSettings())[1])[0] == 0
    unused = ("lib/data.ml", "lib/dune", "lib/gone.ml", "lib/a.cppo.ml", "rewritten/r.ml", "README.md", "lib/l.mll")
    assert parsed(DUNE, root, *unused) == []
    assert DUNE.parse_steps(root, ["rewritten/r.ml", "lib/a.cppo.ml", "lib/l.mll", "lib/dune"]) == ()


def test_python_parses_only_what_was_changed(workspace: MakeWorkspace) -> None:
    root = workspace("-- a.py --\nx = (\n-- b.py --\ny = 1\n-- c.py --\nz = = 1\n-- build/d.py --\n)\n")
    assert parsed(PYTEST, root, "b.py", "gone.py", "notes.txt", "build/d.py") == []
    assert parsed(PYTEST, root, "c.py", "a.py") == ["a.py:0 '(' was never closed", "c.py:0 invalid syntax"]


@pytest.mark.parametrize("adapter", [CARGO, COMMAND], ids=lambda adapter: adapter.name)
def test_where_nothing_only_parses_there_is_no_step(tmp_path: Path, adapter: Adapter) -> None:
    assert adapter.parse_steps(tmp_path, ["src/lib.rs"]) == ()
    assert adapter.whole(tmp_path, BuildSettings(command=("make",))) is None


def older_typescript() -> Path | None:
    cache = Path(os.environ.get("AID_DEV_CACHE") or Path.home() / ".cache" / "aid-dev")
    return next(iter(sorted(cache.glob("typescript-[56].*/node_modules"))), None)


@pytest.mark.skipif(older_typescript() is None or not shutil.which("node"), reason="needs TypeScript 5 or 6 and node")
def test_typescripts_own_parser_says_what_is_no_syntax(workspace: MakeWorkspace) -> None:
    root = workspace(
        "-- tsconfig.json --\n{}\n-- a.ts --\nlet é = '𝕏';let x = ;\nlet y = (1\n-- b.tsx --\nlet z = 1;\n"
    )
    installed = older_typescript()
    assert installed is not None
    (root / "node_modules").symlink_to(installed)
    assert parsed(TSC, root, "a.ts", "b.tsx", "gone.ts", "node_modules/typescript/lib/lib.d.ts") == [
        "a.ts:0 Expression expected.",
        "a.ts:2 ')' expected.",
    ]


def test_typescript_seven_has_no_parser_to_ask(workspace: MakeWorkspace) -> None:
    root = workspace("-- tsconfig.json --\n{}\n-- a.ts --\nlet x = ;\n")
    assert TSC.parse_steps(root, ["a.ts"]) == ()


@needs_dune
@pytest.mark.parametrize(
    ("change", "stage"),
    [
        ({}, None),
        ({"lib/b.ml": "let b = A.a ^ 2\n"}, "typecheck"),
        ({"lib/new.ml": NOWHERE, "t/t.ml": "let _ = Lib.New.x\n"}, "build"),
        ({"lib/b.ml": "let b = 2\n"}, "test"),
    ],
    ids=["green", "typecheck", "build", "test"],
)  # fmt: skip
def test_all_stages_in_one_command_fail_exactly_when_one_of_them_does(
    workspace: MakeWorkspace, change: dict[str, str], stage: str | None
) -> None:
    root = workspace(OCAML)
    (root / "lib/new.ml").write_text("")
    for path, text in change.items():
        (root / path).write_text(text)
    failed = next((step.stage for step in DUNE.steps(root, BuildSettings()) if run(root, step)[0]), None)
    assert failed == stage
    shutil.rmtree(root / "_build")
    for upto in ("typecheck", "build", "test"):
        whole = DUNE.whole(root, BuildSettings(upto=upto))
        assert (whole is None) == (upto == "typecheck")
        if whole is not None:
            assert whole.stage == upto
            reached = ("typecheck", "build", "test").index(upto)
            assert (run(root, whole)[0] != 0) == (stage in ("typecheck", "build", "test")[: reached + 1])


PACKAGE = """-- tsconfig.json --
{"compilerOptions": {"types": []}}
-- a.ts --
export const x: number = 1;
-- package.json --
{"scripts": {"test": "%s"}}
-- node_modules/installed/package.json --
{}
"""


@needs_npm
def test_a_packages_own_tests_are_run_where_it_has_some(workspace: MakeWorkspace) -> None:
    root = workspace(PACKAGE % "echo expected 1, got 2; exit 3")
    step = TSC.steps(root, BuildSettings())[-1]
    assert step.stage == "test"
    exit_code, output = run(root, step)
    said = TSC.diagnostics(Sources(root), step, output, exit_code)
    assert [item.message for item in said] == ["'npm test --silent' failed with exit code 3:\nexpected 1, got 2"]
    (root / "package.json").write_text('{"scripts": {"test": "true"}}')
    assert run(root, step)[0] == 0


def test_tests_are_run_without_node_modules_unless_they_need_any(workspace: MakeWorkspace) -> None:
    root = workspace(PACKAGE % "node test.js")
    shutil.rmtree(root / "node_modules")
    assert TSC.steps(root, BuildSettings())[-1].lacks is None
    scripts = '"scripts": {"test": "node test.js"}'
    for kind in ("dependencies", "devDependencies"):
        (root / "package.json").write_text(f'{{{scripts}, "{kind}": {{"@a/b": "^1"}}}}')
        assert TSC.steps(root, BuildSettings())[-1].lacks == "@a/b is not installed in node_modules: run 'npm ci'"
    (root / "node_modules/@a/b").mkdir(parents=True)
    assert TSC.steps(root, BuildSettings())[-1].lacks is None
    (root / "package.json").write_text(f'{{{scripts}, "dependencies": []}}')
    assert [(step.stage, step.lacks) for step in TSC.steps(root, BuildSettings())] == [
        ("typecheck", None),
        ("test", None),
    ]


def test_what_npm_init_writes_is_no_test(workspace: MakeWorkspace) -> None:
    root = workspace(PACKAGE % 'echo \\"Error: no test specified\\" && exit 1')
    assert [step.stage for step in TSC.steps(root, BuildSettings())] == ["typecheck"]
    (root / "package.json").write_text("[")
    assert [step.stage for step in TSC.steps(root, BuildSettings())] == ["typecheck"]
