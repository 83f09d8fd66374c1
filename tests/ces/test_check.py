"""A checker on small real workspaces, with the real builds."""

import asyncio
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import watchfiles

from ces.change import FileChange
from ces.check import Checker
from ces.isolation import Kind
from ces.verdict import BuildStatus, Verdict

Edit = Callable[[Path, str, str | None], FileChange]
MakeWorkspace = Callable[[str], Path]
MakeChecker = Callable[..., Checker]

needs_dune = pytest.mark.skipif(not (shutil.which("dune") and shutil.which("ocamlc")), reason="needs dune and ocaml")
needs_cargo = pytest.mark.skipif(not shutil.which("cargo"), reason="needs cargo")
needs_npm = pytest.mark.skipif(not shutil.which("npm"), reason="needs npm")
KINDS: list[tuple[Kind, ...]] = [("bubblewrap", "session"), ("unshare", "session"), ("session",)]

DUNE = """-- dune-project --
(lang dune 2.9)
-- lib/dune --
(library (name lib))
-- lib/a.ml --
let twice x = x + nothing
-- lib/b.ml --
let shout s = s ^ 1
-- t/dune --
(test (name t) (libraries lib))
-- t/t.ml --
let () = assert (Lib.A.twice 2 = 4)
"""
A, B, T = "lib/a.ml", "lib/b.ml", "t/t.ml"
A_FIXED, B_FIXED = "let twice x = x + x\n", 'let shout s = s ^ "!"\n'
SCRIPT = "-- check.sh --\n{}\n-- value --\n1\n"


def said(answer: Verdict | BuildStatus) -> tuple[object, ...]:
    lines = [f"{item.file}: {item.message.splitlines()[0]}" for item in answer.diagnostics]
    counts = (answer.remaining, answer.fixed) if isinstance(answer, Verdict) else ()
    return (answer.status, answer.stage, *counts, lines)


def picture(root: Path) -> dict[str, tuple[str, int]]:
    """Every file of a tree: its content's hash and its mtime."""
    return {
        str(path.relative_to(root)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file()
    }


def build(root: Path, *argv: str) -> None:
    subprocess.run(argv, cwd=root, check=False, capture_output=True)


@needs_dune
@pytest.mark.parametrize("kinds", KINDS, ids=lambda kinds: kinds[0])
async def test_a_red_ocaml_workspace_goes_green(
    workspace: MakeWorkspace, checker: MakeChecker, edit: Edit, kinds: tuple[Kind, ...]
) -> None:
    root = workspace(DUNE)
    build(root, "dune", "build")
    before = picture(root)
    judge = checker(root, kinds=kinds)

    red = [
        "lib/a.ml: Unbound value nothing",
        "lib/b.ml: This expression has type int but an expression was expected of type",
    ]
    assert said(await judge.status()) == ("red", "typecheck", red)
    half = await judge.check([edit(root, A, A_FIXED)], budget_s=60)
    assert said(half) == ("red", "typecheck", 1, 1, [])
    whole = await judge.check([edit(root, A, A_FIXED), edit(root, B, B_FIXED)], budget_s=60)
    assert said(whole) == ("green", "test", 0, 2, [])
    worse = await judge.check(
        [edit(root, A, "\n\nlet twice x = x + nothing\n"), edit(root, B, "let shout s = s ^ t")], budget_s=60
    )
    assert said(worse) == ("red", "typecheck", 1, 1, ["lib/b.ml: Unbound value t"])
    wrong = await judge.check([edit(root, A, "let twice x = x + 1\n"), edit(root, B, B_FIXED)], budget_s=60)
    assert said(wrong) == ("red", "test", 0, 2, ['t/t.ml: exception Assert_failure("t/t.ml", 1, 9)'])

    (root / A).write_text(A_FIXED)
    (root / B).write_text(B_FIXED)
    assert said(await judge.status()) == ("green", "test", [])
    changed = {path: found for path, found in picture(root).items() if path not in (A, B)}
    assert changed == {path: found for path, found in before.items() if path not in (A, B)}
    assert any(path.startswith("_build/") for path in changed)


@needs_dune
async def test_one_command_does_for_a_green_proposal_and_the_steps_tell_where_another_fails(
    workspace: MakeWorkspace, checker: MakeChecker, edit: Edit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, dune = tmp_path / "log", shutil.which("dune")
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/dune").write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec {dune} "$@"\n')
    (tmp_path / "tools/dune").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'tools'}{os.pathsep}{os.environ['PATH']}")
    root = workspace(DUNE.replace("nothing", "x").replace("s ^ 1", 's ^ "!"'))
    judge = checker(root, kinds=("session",))
    assert said(await judge.status()) == ("green", "test", [])

    async def asked(text: str, file: str = A) -> tuple[object, list[str]]:
        log.write_text("")
        verdict = await judge.check([edit(root, file, text)], budget_s=60)
        return said(verdict)[:2], [
            " ".join(word for word in line.split() if word.startswith("@") or word == "test")
            for line in log.read_text().splitlines()
        ]

    assert await asked("let twice x = 2 * x\n") == (("green", "test"), ["@check @default @runtest"])
    assert await asked("let twice x = 3 * x\n") == (
        ("red", "test"),
        ["@check @default @runtest", "@check", "@default", "test"],
    )
    # One that fails is mostly followed by another.
    assert await asked("let twice x = x ^ x\n") == (("red", "typecheck"), ["@check"])
    assert await asked("let twice x = x + x + 0\n") == (("green", "test"), ["@check", "@default", "test"])
    assert await asked("let twice x = x ^ x ^ x\n") == (("red", "typecheck"), ["@check @default @runtest", "@check"])


@needs_dune
async def test_what_was_built_is_not_built_again_while_the_tree_stays(
    workspace: MakeWorkspace, checker: MakeChecker, edit: Edit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, dune = tmp_path / "log", shutil.which("dune")
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/dune").write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec {dune} "$@"\n')
    (tmp_path / "tools/dune").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'tools'}{os.pathsep}{os.environ['PATH']}")
    root = workspace(DUNE)
    judge = checker(root, kinds=("session",))
    changes = [edit(root, A, A_FIXED)], [edit(root, A, A_FIXED), edit(root, B, B_FIXED)]
    unsaved = [edit(root, B, B_FIXED)]

    async def all_asked() -> list[tuple[object, ...]]:
        answers = [said(await judge.status()), said(await judge.status(unsaved))]
        answers += [said(await judge.check(each, budget_s=60, on_red=lambda _: None)) for each in changes]
        answers.append(said(await judge.check(changes[0], budget_s=60, overlay=unsaved)))
        return answers

    first = await all_asked()
    await judge.settled()
    assert [answer[0] for answer in first] == ["red", "red", "red", "green", "green"]
    assert log.read_text()
    log.write_text("")
    assert await all_asked() == first
    assert log.read_text() == ""
    (root / B).write_text(B_FIXED)
    assert said(await judge.status())[0] == "red"
    assert log.read_text()


@needs_dune
async def test_unsaved_text_is_the_ground_a_change_stands_on(
    workspace: MakeWorkspace, checker: MakeChecker, edit: Edit
) -> None:
    root = workspace(DUNE)
    judge = checker(root)
    unsaved = edit(root, A, A_FIXED)
    assert said(await judge.status([unsaved]))[:2] == ("red", "typecheck")
    assert said(await judge.check([edit(root, B, B_FIXED)], budget_s=60, overlay=[unsaved])) == (
        "green",
        "test",
        0,
        1,
        [],
    )
    onto = FileChange(path=A, before=A_FIXED.encode(), after=b"let twice x = x + y\n")
    verdict = await judge.check([onto], budget_s=60, overlay=[unsaved])
    assert said(verdict) == ("red", "typecheck", 1, 0, ["lib/a.ml: Unbound value y"])


@needs_dune
async def test_files_come_go_and_move(workspace: MakeWorkspace, checker: MakeChecker, edit: Edit) -> None:
    root = workspace(DUNE)
    (root / A).write_text(A_FIXED)
    judge = checker(root)
    gone = await judge.check([edit(root, B, None)], budget_s=60)
    assert said(gone) == ("green", "test", 0, 1, [])
    moved = FileChange(path="lib/c.ml", old_path=B, before=(root / B).read_bytes(), after=B_FIXED.encode())
    user = edit(root, T, 'let () = assert (Lib.C.shout "a" = "a!")\n')
    assert said(await judge.check([moved, user], budget_s=60)) == ("green", "test", 0, 1, [])
    new = edit(root, "lib/deep/er.ml", "let x = 1\n")
    assert said(await judge.check([new], budget_s=60)) == ("red", "typecheck", 1, 0, [])


@needs_cargo
async def test_a_rust_proposal_leaves_nothing_behind_for_the_next_check(
    workspace: MakeWorkspace, checker: MakeChecker, edit: Edit
) -> None:
    root = workspace(
        "-- Cargo.toml --\n[package]\nname = 'small'\nversion = '0.1.0'\nedition = '2021'\n"
        "-- src/lib.rs --\npub fn one() -> u32 { 1 }\n#[test]\nfn is_one() { assert_eq!(one(), 1); }\n"
    )
    text = (root / "src/lib.rs").read_text()
    judge = checker(root)
    assert said(await judge.status()) == ("green", "test", [])
    wrong = edit(root, "src/lib.rs", text.replace("{ 1 }", "{ 2 }"))
    verdict = await judge.check([wrong], budget_s=120)
    assert said(verdict) == ("red", "test", 0, 0, ["src/lib.rs: test failed: is_one"])
    comment = edit(root, "src/lib.rs", text + "// fine\n")
    assert said(await judge.check([comment], budget_s=120)) == ("green", "test", 0, 0, [])
    # A file put back with its old time must not be taken for built (cargo goes by mtime).
    (root / "src/lib.rs").write_text(text.replace("{ 1 }", "{ 3 }"))
    os.utime(root / "src/lib.rs", (10**9, 10**9))
    assert said(await judge.status()) == ("red", "test", ["src/lib.rs: test failed: is_one"])
    assert not (root / "target").exists()


async def test_a_python_workspace_is_compiled_then_tested(
    workspace: MakeWorkspace, checker: MakeChecker, edit: Edit
) -> None:
    root = workspace(
        "-- pyproject.toml --\n[tool.pytest.ini_options]\naddopts = ''\n"
        "-- small.py --\ndef add(a, b):\n    return a - b\n"
        "-- test_small.py --\nfrom small import add\n\n\ndef test_adds():\n    assert add(1, 2) == 3\n"
    )
    judge = checker(root)
    assert said(await judge.status()) == ("red", "test", ["test_small.py: test_adds: assert -1 == 3"])
    fixed = edit(root, "small.py", "def add(a, b):\n    return a + b\n")
    assert said(await judge.check([fixed], budget_s=60)) == ("green", "test", 0, 1, [])
    broken = edit(root, "small.py", "def add(a, b:\n    return a + b\n")
    assert said(await judge.check([broken], budget_s=60)) == ("red", "parse", 1, 0, ["small.py: '(' was never closed"])
    assert not list(root.rglob("__pycache__"))


async def test_tests_that_go_are_told_with_the_verdict_and_do_not_change_it(
    workspace: MakeWorkspace, checker: MakeChecker, edit: Edit
) -> None:
    first, second = "def test_one():\n    assert 1 == 1\n", "def test_two():\n    assert 2 == 2\n"
    root = workspace(f"-- pytest.ini --\n[pytest]\n-- test_a.py --\n{first}-- test_b.py --\n{second}")
    judge = checker(root)

    async def told(*changes: FileChange) -> tuple[object, ...]:
        verdict = await judge.check(changes, budget_s=60)
        return verdict.status, verdict.tests_run, verdict.tests_expected, {flag.name for flag in verdict.flags}

    assert await told(edit(root, "test_b.py", second + first)) == ("green", 3, 2, set())
    assert await told(edit(root, "test_b.py", None)) == ("green", 1, 2, {"test-deleted", "tests-missing"})


@needs_dune
async def test_a_dune_test_that_goes_is_told_though_dune_runs_only_what_has_changed(
    workspace: MakeWorkspace, checker: MakeChecker, edit: Edit
) -> None:
    root = workspace(DUNE.replace("nothing", "x").replace("s ^ 1", 's ^ "!"'))
    gone = await checker(root).check([edit(root, T, None), edit(root, "t/dune", None)], budget_s=60)
    assert said(gone) == ("green", "test", 0, 0, [])
    assert "test-deleted" in {flag.name for flag in gone.flags} and gone.tests_run is None


@needs_dune
async def test_an_endless_test_is_a_timeout_and_nothing_of_it_is_left(
    workspace: MakeWorkspace, checker: MakeChecker, edit: Edit
) -> None:
    root = workspace(DUNE)
    (root / A).write_text(A_FIXED)
    (root / B).write_text(B_FIXED)
    judge = checker(root)
    assert (await judge.status()).status == "green"
    endless = edit(root, T, "let () = while true do () done\n")
    verdict = await judge.check([endless], budget_s=6)
    assert verdict.status == "timeout"
    assert verdict.reason is not None
    assert "had not ended" in verdict.reason
    assert "./t.exe " not in commands()
    assert said(await judge.check([edit(root, A, A_FIXED + "(* *)")], budget_s=60))[0] == "green"


async def test_the_first_build_goes_on_when_its_callers_leave(
    workspace: MakeWorkspace, checker: MakeChecker, edit: Edit, state_dir: Path
) -> None:
    root = workspace(SCRIPT.format("touch up; exec sleep 1000.5"))
    judge = checker(root, "sh", "check.sh")
    patient = asyncio.create_task(judge.check([edit(root, "value", "2\n")], budget_s=1000))
    await appears(state_dir, "up")
    verdict = await judge.check([edit(root, "value", "2\n")], budget_s=0.05)
    assert (verdict.status, verdict.reason) == ("timeout", "the tree as it stands is still being built")
    patient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await patient
    assert "sleep 1000.5 " in commands()
    await judge.close()
    assert "sleep 1000.5 " not in commands()


async def test_the_same_question_is_answered_once(
    workspace: MakeWorkspace, checker: MakeChecker, edit: Edit, tmp_path: Path
) -> None:
    root = workspace(SCRIPT.format("cat /proc/sys/kernel/random/uuid; exit 1"))
    judge = checker(root, "sh", "check.sh")
    first, second = await asyncio.gather(judge.status(), judge.status())
    assert first.diagnostics == second.diagnostics == (await judge.status()).diagnostics
    change = edit(root, "value", "2\n")
    verdicts = await asyncio.gather(*(judge.check([change], budget_s=60) for _ in range(3)))
    verdicts.append(await judge.check([change], budget_s=60))
    assert len({verdict.diagnostics for verdict in verdicts}) == 1
    (root / "value").write_text("3\n")
    assert (await judge.status()).diagnostics != first.diagnostics


async def test_the_same_question_with_two_budgets_keeps_to_each(
    workspace: MakeWorkspace, checker: MakeChecker, edit: Edit, state_dir: Path
) -> None:
    root = workspace(SCRIPT.format("grep -q 1 value || { touch up; exec sleep 1000.75; }"))
    judge = checker(root, "sh", "check.sh")
    assert (await judge.status()).status == "green"
    change = edit(root, "value", "2\n")
    patient = asyncio.create_task(judge.check([change], budget_s=1000))
    await appears(state_dir, "up")
    assert (await judge.check([change], budget_s=0.1)).status == "timeout"
    assert "sleep 1000.75 " in commands()
    patient.cancel()


async def test_two_proposals_are_judged_side_by_side_without_seeing_each_other(
    workspace: MakeWorkspace, checker: MakeChecker, edit: Edit
) -> None:
    root = workspace(SCRIPT.format("grep -q 1 value && test ! -e left-behind && echo x >left-behind"))
    judge = checker(root, "sh", "check.sh")
    verdicts = await asyncio.gather(
        *(judge.check([edit(root, "value", f"{number}\n")], budget_s=60) for number in range(1, 5))
    )
    assert [verdict.status for verdict in verdicts] == ["green", "red", "red", "red"]
    assert not (root / "left-behind").exists()


async def test_a_cancelled_check_ends_its_build(
    workspace: MakeWorkspace, checker: MakeChecker, edit: Edit, state_dir: Path
) -> None:
    root = workspace(SCRIPT.format("grep -q 1 value || { touch up; exec sleep 1000.25; }"))
    judge = checker(root, "sh", "check.sh")
    assert (await judge.status()).status == "green"
    running = asyncio.create_task(judge.check([edit(root, "value", "2\n")], budget_s=1000))
    await appears(state_dir, "up")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await judge.close()
    assert "sleep 1000.25 " not in commands()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (FileChange(path="../outside", before=None, after=b""), "'../outside' is not a plain path"),
        (FileChange(path="/etc/passwd", before=None, after=b""), "'/etc/passwd' is not a plain path"),
        (FileChange(path=".git/hooks/x", before=None, after=b""), ".git/hooks/x is inside a version control"),
        (FileChange(path="link/x", before=None, after=b""), "link/x: link is not a directory of the workspace"),
        (FileChange(path="value/x", before=None, after=b""), "value/x: value is not a directory of the workspace"),
        (FileChange(path="value", before=b"0\n", after=b""), "value is not what the change was made from"),
        (FileChange(path="value", before=None, after=b""), "value exists already"),
        (FileChange(path="none", before=b"0", after=None), "none is not there"),
    ],
    ids=lambda value: value.path if isinstance(value, FileChange) else "",
)
async def test_a_change_that_can_not_be_made_is_red_at_apply(
    workspace: MakeWorkspace, checker: MakeChecker, change: FileChange, reason: str
) -> None:
    root = workspace(SCRIPT.format("exit 0"))
    (root / "link").symlink_to("/tmp")
    verdict = await checker(root, "sh", "check.sh").check([change], budget_s=60)
    assert (verdict.status, verdict.stage) == ("red", "apply")
    assert verdict.diagnostics[0].message.startswith(reason)


async def test_what_can_not_be_built_is_unchecked_and_says_why(workspace: MakeWorkspace, checker: MakeChecker) -> None:
    root = workspace("-- notes.txt --\nnothing to build\n")
    judge = checker(root)
    status = await judge.status()
    assert status.status == "unchecked"
    assert status.reason is not None
    assert "no build was recognised" in status.reason
    verdict = await judge.check([FileChange(path="x", before=None, after=b"")], budget_s=10)
    assert (verdict.status, verdict.reason) == ("unchecked", status.reason)
    (root / "dune-project").write_text("(lang dune 2.0)\n")
    if shutil.which("dune"):
        assert (await judge.status()).status == "green"


async def test_a_missing_tool_is_unchecked_with_what_to_install(
    workspace: MakeWorkspace, checker: MakeChecker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    status = await checker(workspace("-- dune-project --\n(lang dune 2.0)\n")).status()
    assert status.status == "unchecked"
    assert status.reason == "missing: dune: apt-get install ocaml-dune ocaml (or: opam install dune)"


@needs_npm
@pytest.mark.usefixtures("tsc")
async def test_tests_whose_packages_are_not_installed_are_unchecked_and_errors_short_of_them_red(
    workspace: MakeWorkspace, checker: MakeChecker, edit: Edit
) -> None:
    root = workspace(
        "-- tsconfig.json --\n{}\n-- a.ts --\nfine\n-- test.js --\nprocess.exit(1);\n"
        '-- package.json --\n{"scripts": {"test": "node test.js"}, "dependencies": {"some": "1"}}\n'
    )
    judge = checker(root, kinds=("session",))
    status = await judge.status()
    why = "'npm test --silent' was not run: some is not installed in node_modules: run 'npm ci'"
    assert (*said(status), status.reason) == ("unchecked", "typecheck", [], why)
    fine = await judge.check([edit(root, "a.ts", "better\n")], budget_s=60)
    assert (*said(fine), fine.reason) == ("unchecked", "typecheck", 0, 0, [], why)
    red = await judge.check([edit(root, "a.ts", "broken\n")], budget_s=60)
    assert said(red) == ("red", "typecheck", 0, 0, ["a.ts: broken"])
    (root / "node_modules/some").mkdir(parents=True)
    assert said(await judge.status())[:2] == ("red", "test")


async def test_a_cargo_without_a_toolchain_is_unchecked_and_not_red(
    workspace: MakeWorkspace, checker: MakeChecker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tools").mkdir()
    for name in ("cargo", "rustc"):
        said = "error: rustup could not choose a version of cargo to run, because no default is configured."
        (tmp_path / "tools" / name).write_text(f'#!/bin/sh\necho "{said}" >&2\nexit 1\n')
        (tmp_path / "tools" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'tools'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("RUSTUP_HOME", str(tmp_path / "rustup"))
    judge = checker(workspace('-- Cargo.toml --\n[package]\nname = "a"\n'))
    status = await judge.status()
    assert status.status == "unchecked" and "missing: cargo: rustup could not choose a version" in (status.reason or "")
    (tmp_path / "rustup").mkdir()
    (tmp_path / "rustup/settings.toml").write_text(f'[overrides]\n"{tmp_path}" = "stable"\n')
    assert (await judge.status()).status == "red"


async def test_a_build_killed_from_outside_is_the_machines_fault(
    workspace: MakeWorkspace, checker: MakeChecker
) -> None:
    status = await checker(workspace(SCRIPT.format("kill -9 $$")), "sh", "check.sh").status()
    assert status.status == "infra_error"
    assert status.reason is not None
    assert "killed from outside" in status.reason


async def test_a_proposal_that_kills_itself_each_time_is_red_and_not_unscorable(
    workspace: MakeWorkspace, checker: MakeChecker, edit: Edit
) -> None:
    root = workspace(SCRIPT.format("true"))
    verdict = await checker(root, "sh", "check.sh").check([edit(root, "check.sh", "kill -9 $$\n")], budget_s=60)
    assert (verdict.status, verdict.diagnostics[0].code) == ("red", "killed")


async def test_a_proposal_that_says_its_build_is_missing_is_red(
    workspace: MakeWorkspace, checker: MakeChecker, edit: Edit
) -> None:
    root = workspace(SCRIPT.format("true"))
    said = edit(root, "check.sh", "echo sh: not found; exit 127\n")
    assert (await checker(root, "sh", "check.sh").check([said], budget_s=60)).status == "red"


async def appears(directory: Path, name: str) -> None:
    """Return once a file called `name` is somewhere below: how a test learns what happens inside a view."""
    async for _ in watchfiles.awatch(directory, yield_on_timeout=True, rust_timeout=200):
        if any(directory.rglob(name)):
            return


def commands() -> list[str]:
    found = []
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            try:
                found.append((directory / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
    return found
