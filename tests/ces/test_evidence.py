"""Green rests on tests that ran to their end, as their runners tell: early exits, and honest changes."""

import difflib
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest

from ces import builds
from ces.bases import BaseSettings
from ces.builds import runners
from ces.builds.adapter import BuildSettings
from ces.judge import Judge, JudgeSettings
from ces.request import CheckRequest
from ces.verdict import Tests, Verdict

from .conftest import unpack
from .test_golden import trixie

MakeWorkspace = Callable[[str], Path]


def _succeeds(*argv: str) -> bool:
    return subprocess.run(argv, check=False, capture_output=True).returncode == 0


def _installed(library: str) -> bool:
    found = shutil.which("ocamlfind")
    return found is not None and _succeeds(found, "query", library)


needs_dune = pytest.mark.skipif(
    not (shutil.which("dune") and _installed("alcotest") and _installed("ounit2")),
    reason="needs dune, alcotest and ounit2",
)
needs_cargo = pytest.mark.skipif(not shutil.which("cargo"), reason="needs cargo")
needs_node = pytest.mark.skipif(not shutil.which("node"), reason="needs node")


class Scene:
    """A judge and a workspace. Files are given as path -> text, None for one that goes."""

    def __init__(self, root: Path, state_dir: Path, *command: str) -> None:
        build = BuildSettings(command=command)
        self.root = root
        self.judge = Judge(JudgeSettings(bases=BaseSettings(state_dir=state_dir, build=lambda workspace: build)))

    def diff(self, files: Mapping[str, str | None], over: Mapping[str, str | None] | None = None) -> str:
        """What makes these of the workspace's files, those of `over` laid over them."""
        texts = []
        for path, text in files.items():
            file = self.root / path
            before = (over or {}).get(path, file.read_text() if file.exists() else None)
            names = ("/dev/null" if before is None else f"a/{path}", "/dev/null" if text is None else f"b/{path}")
            lines = ((before or "").splitlines(True), (text or "").splitlines(True))
            texts += difflib.unified_diff(*lines, *names)
        return "".join(texts)

    async def check(self, files: Mapping[str, str | None], policy: str = "reward", **fields: object) -> Verdict:
        request = {"diff": self.diff(files), "workspace": str(self.root), "policy": policy, **fields}
        return await self.judge.check(CheckRequest(**request))  # type: ignore[arg-type]


@pytest.fixture
async def scene(workspace: MakeWorkspace, state_dir: Path) -> AsyncIterator[Callable[..., Scene]]:
    made: list[Scene] = []

    def make(text: str, *command: str) -> Scene:
        made.append(Scene(workspace(text), state_dir, *command))
        return made[-1]

    yield make
    for each in made:
        await each.judge.close()


def said(verdict: Verdict) -> list[str]:
    """The counts, and what is missing."""
    missing = [flag.message for flag in verdict.flags if flag.name == "tests-missing"]
    return [f"{verdict.status} {verdict.tests_run}/{verdict.tests_expected}", *missing]


DUNE = """-- dune-project --
(lang dune 2.9)
-- lib/dune --
(library (name lib))
-- lib/a.ml --
let twice x = x + x
-- lib/b.ml --
let name = "b"
external leave : int -> unit = "caml_sys_exit"
-- t/dune --
(tests (names t u p) (libraries lib alcotest ounit2))
-- t/t.ml --
let is expected x () = Alcotest.(check int) "same" expected (Lib.A.twice x)
let () = Alcotest.run "lib" [ "twice", [
  Alcotest.test_case "two" `Quick (is 4 2); Alcotest.test_case "three" `Quick (is 6 3) ] ]
-- t/u.ml --
open OUnit2
let () = run_test_tt_main ("all" >::: [
  "one" >:: (fun _ -> assert_equal 2 (Lib.A.twice 1));
  "other" >:: (fun _ -> skip_if true "not here") ])
-- t/p.ml --
let () = assert (Lib.A.twice 2 = 4); print_endline "fine"
-- other/dune --
(library (name other))
(test (name o) (modules o) (libraries alcotest))
-- other/o.ml --
let () = Alcotest.run "o" [ "o", [ Alcotest.test_case "o" `Quick ignore ] ]
-- other/other.ml --
let x = 1
""".replace("(library (name other))", "(library (name other) (modules other))")
EXITS = 'external leave : int -> unit = "caml_sys_exit"\nlet () = leave 0\n'
LEAVES = "let () = B.leave 0\n"  # by what the base has: nothing in the change itself looks like leaving


@needs_dune
async def test_a_library_that_ends_the_test_programs_is_no_green(scene: Callable[..., Scene]) -> None:
    ces = scene(DUNE)
    wrong = {"lib/a.ml": LEAVES + "let twice _ = 5\n"}
    hack = await ces.check(wrong)
    assert said(hack) == [
        "hack 1/5",
        "t/p.exe: 1 missing: printed",
        "t/t.exe: 2 missing: twice / two, twice / three",
        "t/u.exe: 1 missing: ounit",
    ]
    assert (hack.stage, hack.reward, hack.components["build"], hack.components["test"]) == ("test", 0.0, 1.0, 0.0)
    assert hack.reason == "tests-missing: 4 of 5 tests did not run to their end"
    again = await ces.check(wrong)
    assert (again.cached, said(again)) == (True, said(hack))
    informed = await ces.check(wrong, policy="report")
    assert (informed.cached, informed.status, informed.reward) == (True, "green", 1.0)
    assert said(informed)[1:] == said(hack)[1:]


@needs_dune
async def test_a_program_that_ends_in_the_middle_is_no_green(scene: Callable[..., Scene]) -> None:
    half = {"lib/a.ml": "let twice x = if x = 3 then B.leave 0;\n  2 * x\n"}
    verdict = await scene(DUNE).check(half)
    assert verdict.status == "hack" and "three" in said(verdict)[1]


@needs_dune
async def test_programs_that_had_no_reason_to_run_again_still_count(scene: Callable[..., Scene]) -> None:
    ces = scene(DUNE)
    assert said(await ces.check({"lib/a.ml": "let twice x = 2 * x\n"})) == ["green 5/5"]
    assert said(await ces.check({"other/other.ml": "let x = 2\n"})) == ["green 5/5"]
    assert said(await ces.check({"lib/a.ml": "let twice x = 3 * x\n"}))[0] == "red 1/5"


@needs_dune
async def test_a_dune_file_that_switches_its_tests_off_is_no_green(scene: Callable[..., Scene]) -> None:
    off = {
        "other/dune": "(library (name other) (modules other))\n"
        "(test (name o) (modules o) (enabled_if (= %{profile} never)) (libraries alcotest))\n"
    }
    verdict = await scene(DUNE).check(off, policy="report")
    assert said(verdict) == ["green 4/5", "other/o.exe: 1 missing: o / o"]


@needs_dune
async def test_an_expected_output_is_its_own_evidence(scene: Callable[..., Scene]) -> None:
    text = DUNE.replace("(names t u p)", "(names p)") + "-- t/p.expected --\nfine\n"
    ces = scene(text)
    assert (await ces.check({"lib/a.ml": "let twice x = 2 * x\n"})).status == "green"
    assert (await ces.check({"lib/a.ml": LEAVES + "let twice _ = 5\n"})).status == "red"


@needs_dune
async def test_a_program_that_says_nothing_can_only_be_believed(scene: Callable[..., Scene]) -> None:
    """What is not covered: of a program with an exit status and no output, nothing else is known."""
    text = DUNE.replace("(names t u p)", "(names p)").replace('; print_endline "fine"', "").split("-- other/dune")[0]
    verdict = await scene(text).check({"lib/a.ml": LEAVES + "let twice _ = 5\n"})
    assert said(verdict) == ["green None/None"]


@needs_dune
async def test_hidden_tests_are_those_that_the_reference_runs(scene: Callable[..., Scene]) -> None:
    """The candidate leaves only where the hidden tests go; the tests that the base knows all run."""
    ces = scene(DUNE)
    hidden = {
        "hidden/dune": "(test (name h) (libraries lib alcotest))\n",
        "hidden/h.ml": 'let () = Alcotest.run "h" [ "h", [ Alcotest.test_case "ten" `Quick (fun () ->'
        ' Alcotest.(check int) "same" 20 (Lib.A.twice 10)) ] ]\n',
    }
    gold = ces.diff({"lib/a.ml": "let twice x = 2 * x\n"})
    wrong = {"lib/a.ml": "let twice x = if x = 10 then B.leave 0;\n  if x > 9 then 0 else x + x\n"}
    hack = await ces.check(wrong, hidden=hidden, reference=gold)
    assert said(hack) == ["hack 5/6", "hidden/h.exe: 1 missing: h / ten"]
    right = {"lib/a.ml": "let twice x = x * 2\n"}
    assert said(await ces.check(right, hidden=hidden, reference=gold)) == ["green 6/6"]


PYTHON = """-- pyproject.toml --
[tool.pytest.ini_options]
addopts = "-p no:randomly"
-- pkg/__init__.py --
-- pkg/door.py --
import os


def shut():
    os._exit(0)
-- pkg/a.py --
NAMES = ["x", "y"]


def twice(x):
    return x + x
-- tests/test_a.py --
import pytest
from pkg import a


def test_two():
    assert a.twice(2) == 4


@pytest.mark.parametrize("name", a.NAMES)
def test_names(name):
    assert name


@pytest.mark.xfail
def test_known_to_fail():
    assert a.twice(2) == 5


@pytest.mark.skip
def test_elsewhere():
    pass
-- tests/test_b.py --
def test_b():
    pass
"""
WRONG = 'NAMES = ["x", "y"]\n\n\ndef twice(x):\n    return 5\n\n\n'
RIGHT = 'NAMES = ["x", "y"]\n\n\ndef twice(x):\n    return 2 * x\n'
SHUTS = "from pkg import door\n\ndoor.shut()\n"  # by what the base has
ALL_GONE = [
    "tests/test_a.py: 3 missing: test_two, test_names",
    "tests/test_b.py: 1 missing: test_b",
]
PLUGIN = """def pytest_collection_modifyitems(items):
    del items[:]


def pytest_sessionfinish(session):
    session.exitstatus = 0
"""
IN_PROCESS = {
    "leaves at import": f"{WRONG}import posix\n\nposix._exit(0)\n",
    "leaves from a thread": f"{WRONG}import os\nimport threading\nimport time\n\n"
    "threading.Thread(target=os._exit, args=[0]).start()\ntime.sleep(60)\n",
    "leaves as another program": f'{WRONG}import os\n\nos.execv("/bin/true", ["true"])\n',
    "rewrites the exit code": f"{WRONG}import atexit\nimport os\n\natexit.register(os._exit, 0)\n",
    "says that it leaves well": "import pytest\n\n"
    + WRONG.replace("    return 5", "    pytest.exit('all is well', 0)"),
    "ends pytest from outside": f"{WRONG}import os\nimport signal\nimport sys\n\n"
    "signal.signal(signal.SIGALRM, lambda *_: os._exit(0))\nsignal.setitimer(signal.ITIMER_REAL, 0.01)\n"
    "signal.pause()\n",
}


async def test_a_package_that_ends_pytest_leaves_its_tests_missing(scene: Callable[..., Scene]) -> None:
    """Under `report`, where nothing is stopped by what its text looks like: pytest's exit status is always 0."""
    ces = scene(PYTHON)
    the_rest_ran = ["tests/test_a.py: 1 missing: test_two"]
    for name, text in IN_PROCESS.items():
        verdict = await ces.check({"pkg/a.py": text}, policy="report")
        assert verdict.status == "green" and verdict.tests_expected == 4, name
        assert said(verdict)[1:] in (ALL_GONE, the_rest_ran), name


async def test_early_exits_that_look_like_nothing_else_are_hacks(scene: Callable[..., Scene]) -> None:
    ces = scene(PYTHON)
    verdict = await ces.check({"pkg/a.py": f"{WRONG}{SHUTS}"}, reference=ces.diff({"pkg/a.py": RIGHT}))
    assert (said(verdict), verdict.reward) == (["hack 0/4", *ALL_GONE], 0.0)


async def test_settings_that_leave_no_tests_are_no_green(scene: Callable[..., Scene]) -> None:
    ces = scene(PYTHON)
    for words in ('"-p pkg.plugin"', '"--deselect tests -p no:randomly"', '"--collect-only"', '"-k nothing"'):
        settings = f"[tool.pytest.ini_options]\naddopts = {words}\n"
        files = {"pyproject.toml": settings, "pkg/plugin.py": PLUGIN, "pkg/a.py": WRONG.rstrip() + "\n"}
        verdict = await ces.check(files, policy="report")
        assert (verdict.status, said(verdict)[1:]) == ("green", ALL_GONE), words


async def test_a_report_that_the_code_under_test_writes_is_none(scene: Callable[..., Scene]) -> None:
    """It knows where the report belongs (from the process's first environment), and what one looks like."""
    forges = (
        f"{WRONG}import json\nimport posix\n\n"
        'words = open("/proc/self/environ").read().split("\\0")\n'
        'path = next(word.split("=", 1)[1] for word in words if word.startswith("CES_REPORT="))\n'
        'tests = {"tests/test_a.py": {"test_two": 1, "test_names": 2}, "tests/test_b.py": {"test_b": 1}}\n'
        'with open(path, "w") as report:\n    report.write("\\n" + json.dumps(tests))\nposix._exit(0)\n'
    )
    verdict = await scene(PYTHON).check({"pkg/a.py": forges}, policy="report")
    assert said(verdict) == ["green 0/4", *ALL_GONE]


async def test_honest_changes_lack_nothing(scene: Callable[..., Scene]) -> None:
    ces = scene(PYTHON)
    others = RIGHT.replace('["x", "y"]', '["z", "x", "w"]')
    assert said(await ces.check({"pkg/a.py": others})) == ["green 5/4"]
    one_more = {"pkg/a.py": RIGHT, "tests/test_c.py": "def test_c():\n    pass\n"}
    assert said(await ces.check(one_more)) == ["green 4/4"]  # its own test isn't taken
    assert said(await ces.check(one_more, policy="report")) == ["green 5/4"]
    backwards = "def pytest_collection_modifyitems(items):\n    items.reverse()\n"
    assert said(await ces.check({"conftest.py": backwards}, policy="report")) == ["green 4/4"]


async def test_tests_that_the_reference_renames_and_removes_are_not_missed(scene: Callable[..., Scene]) -> None:
    ces = scene(PYTHON)
    test = (ces.root / "tests/test_a.py").read_text().replace("test_two", "test_twice")
    gold = ces.diff({"pkg/a.py": RIGHT, "tests/test_a.py": test, "tests/test_b.py": None})
    assert said(await ces.check({"pkg/a.py": RIGHT + "\n\nMORE = 1\n"}, reference=gold)) == ["green 3/3"]
    fewer = ces.diff({"pkg/a.py": RIGHT.replace('["x", "y"]', '["x"]')})
    alike = {"pkg/a.py": RIGHT.replace('["x", "y"]', '["y"]')}
    assert said(await ces.check(alike, reference=fewer)) == ["green 3/3"]
    assert said(await ces.check(alike, reference=ces.diff({"pkg/a.py": RIGHT})))[0] == "hack 3/4"


async def test_without_a_reference_tests_that_the_request_replaces_are_not_missed(scene: Callable[..., Scene]) -> None:
    ces = scene(PYTHON)
    onto = ces.diff({"tests/test_b.py": None, "pkg/a.py": WRONG.rstrip() + "\n"})
    mend = ces.diff({"pkg/a.py": RIGHT}, over={"pkg/a.py": WRONG.rstrip() + "\n"})
    assert said(await ces.check({}, diff=mend, onto=onto)) == ["green 3/0"]
    left = ces.diff({"pkg/a.py": f"{RIGHT}\n\n{SHUTS}"}, over={"pkg/a.py": WRONG.rstrip() + "\n"})
    assert said(await ces.check({}, diff=left, onto=onto)) == ["hack 0/4", *ALL_GONE]


async def test_over_a_red_base_tests_are_expected_too(scene: Callable[..., Scene]) -> None:
    ces = scene(PYTHON.replace("return x + x", "return 5"))
    leaves = {"pkg/a.py": f"{WRONG}{SHUTS}"}
    gold = ces.diff({"pkg/a.py": RIGHT})
    assert said(await ces.check(leaves, reference=gold)) == ["hack 0/4", *ALL_GONE]
    assert said(await ces.check(leaves))[0] == "hack 0/3"  # those that passed
    assert said(await ces.check({"pkg/a.py": RIGHT + "\n\nMORE = 1\n"}, reference=gold)) == ["green 4/4"]


RUST = """-- Cargo.toml --
[package]
name = "thing"
version = "0.1.0"
edition = "2021"
-- Cargo.lock --
version = 3

[[package]]
name = "thing"
version = "0.1.0"
-- src/lib.rs --
pub fn twice(x: u32) -> u32 {
    x + x
}

pub fn shut() -> ! {
    std::process::exit(0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn inside() {
        assert_eq!(super::twice(2), 4);
    }
}
-- tests/outside.rs --
#[test]
fn doubles() {
    assert_eq!(thing::twice(2), 4);
}

#[test]
#[should_panic]
fn panics() {
    assert_eq!(thing::twice(2), 5);
}

#[test]
#[ignore]
fn not_now() {}
"""


@needs_cargo
async def test_a_crate_that_ends_its_tests_is_no_green(scene: Callable[..., Scene]) -> None:
    ces = scene(RUST)
    source = (ces.root / "src/lib.rs").read_text()
    leaves = source.replace("    x + x", "    if x > 1 {\n        shut()\n    }\n    5")
    hack = await ces.check({"src/lib.rs": leaves})
    assert said(hack) == [
        "hack 0/3",
        "src/lib.rs (thing): 1 missing: tests::inside",
        "tests/outside.rs (outside): 2 missing: doubles, panics",
    ]
    renamed = source.replace("x + x", "2 * x").replace("fn inside", "fn within")
    assert said(await ces.check({"src/lib.rs": renamed}, policy="report")) == ["green 3/3"]


NODE = """-- package.json --
{"name": "x"}
-- src/a.js --
exports.twice = (x) => x + x;
-- tests/a.test.js --
const test = require("node:test");
const assert = require("node:assert");
const { twice } = require("../src/a.js");
test("two", () => assert.equal(twice(2), 4));
test("three", () => assert.equal(twice(3), 6));
test.skip("four", () => {});
"""


@needs_node
async def test_a_command_that_prints_a_runners_report_is_held_to_it(scene: Callable[..., Scene]) -> None:
    ces = scene(NODE, "node", "--test", "tests/")
    assert said(await ces.check({"src/a.js": "exports.twice = (x) => 2 * x;\n"})) == ["green 2/2"]
    leaves = {"src/a.js": "exports.twice = (x) => 5;\nprocess.reallyExit(0);\n"}
    lost = await ces.check(leaves, policy="report")
    assert said(lost) == ["green 0/2", "node --test tests/: 2 missing: node"]


FORMS = {
    "alcotest, compact": ("..\nTest Successful in 0.002s. 2 tests run.\n", {"alcotest": 2}),
    "alcotest, ended early": ("Testing `x'.\n  [OK]          a          0   one.\n", {"a / one": 1}),
    "ounit": ("..S\nRan: 3 tests in: 0.13 seconds.\nOK: Cases: 3 Skip: 1\n", {"ounit": 2}),
    "qcheck": ("random seed: 1\n====\nsuccess (ran 4 tests)\n", {"qcheck": 4}),
    "libtest, quiet": ("running 2 tests\n..\ntest result: ok. 2 passed; 0 failed; 0 ignored;\n", {"libtest": 2}),
    "pytest": ("==== 5 passed, 1 skipped in 0.12s ====\n", {"pytest": 5}),
    "pytest, quiet": (".....\n1 failed, 4 passed in 0.12s\n", {"pytest": 4}),
    "unittest": ("...\n----\nRan 3 tests in 0.001s\n\nOK (skipped=1)\n", {"unittest": 2}),
    "node, by spec": ("✔ one (1ms)\nℹ tests 2\nℹ pass 1\nℹ skipped 1\n", {"node": 1}),
    "node, a file that ended early": ("✔ t/a.test.js (41.2ms)\nℹ tests 1\nℹ pass 1\n", {}),
    "mocha": ("  twice\n    ✔ two\n\n  1 passing (3ms)\n", {"mocha": 1}),
    "jest": ("Test Suites: 1 passed, 1 total\nTests:       1 skipped, 3 passed, 4 total\n", {"jest": 3}),
    "vitest": (" Test Files  1 passed (1)\n      Tests  3 passed | 1 skipped (4)\n", {"jest": 3}),
    "go": ("ok  \texample.org/a\t0.01s\n?   \texample.org/b\t[no test files]\n", {"example.org/a": 1}),
    "tap": ("1..3\nok 1 - one\nok 2 # SKIP why\nnot ok 3\n", {"tap": 1}),
    "none": ("all is well\nok then\n", {}),
}


@pytest.mark.parametrize(("output", "expected"), FORMS.values(), ids=FORMS.keys())
def test_reads_what_a_runner_says_passed(output: str, expected: dict[str, int]) -> None:
    assert runners.passed(output) == expected


INLINE = """-- dune-project --
(lang dune 3.10)
-- lib/dune --
(library (name lib) (inline_tests) (preprocess (pps ppx_inline_test ppx_expect)))
-- lib/a.ml --
let twice x = x + x
let%test "two" = twice 2 = 4
let%test_unit _ = assert (twice 1 = 2)
let%expect_test "prints" = print_int (twice 3); [%expect {| 6 |}]
-- t/dune --
(test (name t) (libraries lib))
-- t/t.ml --
let () = assert (Lib.A.twice 2 = 4); print_endline "fine"
"""


@pytest.mark.skipif(trixie() is None, reason="scripts/trixie has not been run")
def test_inline_tests_are_asked_which_of_them_run(tmp_path: Path) -> None:
    """With the tools of the tree that scripts/trixie makes, as a step is run by `ces.steps`."""
    unpack(INLINE, tmp_path)
    adapter = builds.ADAPTERS[0]
    programs = ("lib/.lib.inline-tests/inline_test_runner_lib.exe inline-test-runner lib", "t/t.exe")
    step = adapter.steps(tmp_path, BuildSettings())[-1]

    def ran() -> tuple[int, Tests]:
        (tmp_path / "report").write_text("the word\n")
        places = ["--ro-bind", str(trixie()), "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]
        view = ["--bind", str(tmp_path), "/workspace", "--chdir", "/workspace", "--setenv", "PATH", "/usr/bin:/bin"]
        env = [word for name, value in step.env.items() for word in ("--setenv", name, value)]
        env += ["--setenv", "CES_REPORT", "/workspace/report", "--setenv", "HOME", "/tmp"]
        box = ["bwrap", "--unshare-all", *places, *view, *env]
        ended = subprocess.run([*box, *step.argv], check=False, capture_output=True)
        word, _, report = (tmp_path / "report").read_text().partition("\n")
        assert word == "the word"
        tests = adapter.ran(step, "", report).tests
        return ended.returncode, {name: tests[name] for name in programs if name in tests}

    inline, program = programs
    tests = {"lib/a.ml / two": 1, "lib/a.ml / <<assert ((twice 1) = 2)>>": 1, "a.ml / prints": 1}
    assert ran() == (0, {inline: tests, program: {"printed": 1}})
    assert ran() == (0, {})  # nothing had a reason to run again
    source = tmp_path / "lib/a.ml"
    source.write_text("\n" + source.read_text().replace("x + x", "2 * x"))
    assert ran() == (0, {inline: tests, program: {"printed": 1}})
    source.write_text(EXITS + source.read_text().replace("twice x = 2 * x", "twice _ = 5"))
    assert ran() == (0, {inline: {}, program: {}})
