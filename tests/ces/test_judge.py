"""Diffs in, verdicts out, on real builds over warm bases."""

import asyncio
import fcntl
import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ces import hacks
from ces.bases import Bases, BaseSettings
from ces.builds.adapter import BuildSettings
from ces.errors import BadChange, NoIsolation
from ces.isolation import Kind, remove_tree
from ces.judge import Judge, JudgeSettings
from ces.request import CheckRequest
from ces.score import Scoring, scored
from ces.verdict import Verdict

from .conftest import unpack

MakeWorkspace = Callable[[str], Path]
needs_dune = pytest.mark.skipif(not (shutil.which("dune") and shutil.which("ocamlc")), reason="needs dune and ocaml")
needs_npm = pytest.mark.skipif(not shutil.which("npm"), reason="needs npm")

DUNE = """-- dune-project --
(lang dune 2.9)
-- lib/dune --
(library (name lib))
-- lib/a.ml --
let twice x = x + x
-- t/dune --
(test (name t) (libraries lib))
-- t/t.ml --
let () = assert (Lib.A.twice 2 = 4)
"""
SCRIPT = "-- check.sh --\nset -e\necho run >> /dev/null\ngrep -q good value\n-- value --\ngood\n"
A = "--- a/lib/a.ml\n+++ b/lib/a.ml\n@@ -1 +1 @@\n-let twice x = x + x\n+{}\n"
VALUE = "--- a/value\n+++ b/value\n@@ -1 +1 @@\n-good\n+{}\n"


class Scene:
    """A judge with a state directory of its own. `command` is every workspace's build, when given."""

    def __init__(self, state_dir: Path, *command: str, **settings: Any) -> None:
        build = BuildSettings(command=command)
        self.bases = BaseSettings(state_dir=state_dir, build=lambda workspace: build, **settings)
        self.judge = Judge(JudgeSettings(bases=self.bases))

    async def check(self, root: Path, diff: str, **fields: object) -> Verdict:
        return await self.judge.check(CheckRequest(diff=diff, workspace=str(root), **fields))  # type: ignore[arg-type]


@pytest.fixture
async def scene(state_dir: Path) -> AsyncIterator[Callable[..., Scene]]:
    made: list[Scene] = []

    def make(*command: str, **settings: int) -> Scene:
        made.append(Scene(state_dir, *command, **settings))
        return made[-1]

    yield make
    for each in made:
        await each.judge.close()


def said(verdict: Verdict) -> tuple[object, ...]:
    return verdict.status, verdict.stage, verdict.reward, verdict.components


def picture(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


def commit(root: Path) -> None:
    who = ["-c", "user.name=x", "-c", "user.email=x@localhost"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=root, check=True)


@needs_dune
async def test_each_stage_has_its_verdict(workspace: MakeWorkspace, scene: Callable[..., Scene]) -> None:
    root, ces = workspace(DUNE), scene()
    before = picture(root)
    up = {"format": 1.0, "apply": 1.0, "parse": 1.0}
    assert said(await ces.check(root, A.format("let twice x = 2 * x"))) == (
        "green", "test", 1.0, {**up, "typecheck": 1.0, "build": 1.0, "test": 1.0},
    )  # fmt: skip
    red = await ces.check(root, A.format("let twice x = x + true"))
    assert said(red) == ("red", "typecheck", 0.0, {**up, "typecheck": 0.0})
    assert [(item.file, item.severity) for item in red.diagnostics] == [("lib/a.ml", "error")]
    wrong = await ces.check(root, A.format("let twice x = x + x + 1"))
    assert said(wrong) == ("red", "test", 0.0, {**up, "typecheck": 1.0, "build": 1.0, "test": 0.0})
    assert said(await ces.check(root, A.format("let twice x = x + x + 1"), upto="build"))[:2] == ("green", "build")
    assert said(await ces.check(root, "what?")) == ("red", "format", -1.0, {"format": 0.0})
    assert said(await ces.check(root, A.replace("x + x", "x * x"))) == (
        "red",
        "apply",
        -1.0,
        {"format": 1.0, "apply": 0.0},
    )
    assert picture(root) == before


BOTH = {"format": 1.0, "apply": 1.0}


async def test_a_build_that_can_not_stop_so_early_is_judged_at_its_first_stage(
    workspace: MakeWorkspace, scene: Callable[..., Scene]
) -> None:
    root, ces = workspace(SCRIPT), scene("sh", "check.sh")
    credit = Scoring(stage_credit=0.5)
    for upto in ("parse", "typecheck"):
        assert said(await ces.check(root, VALUE.format("good too"), upto=upto))[:3] == ("green", "build", 1.0)
        red = await ces.check(root, VALUE.format("bad"), upto=upto)
        assert said(red)[:3] == ("red", "build", 0.0) and red.cpu_ms > 0
        assert scored(red, upto, credit).components[upto] == 0.0
    assert scored(red, "parse", credit).reward == 0.0
    assert scored(red, "parse", credit).components == BOTH | dict.fromkeys(("parse", "typecheck", "build"), 0.0)


async def test_nothing_changed_in_a_red_base_is_green_at_no_stage(
    workspace: MakeWorkspace, scene: Callable[..., Scene]
) -> None:
    root, ces = workspace(SCRIPT.replace("value --\ngood", "value --\nbad")), scene("sh", "check.sh")
    for upto in ("parse", "typecheck", "build"):
        red = await ces.check(root, "", upto=upto)
        assert said(red)[:3] == ("red", "build", 0.0) and (red.remaining, red.fixed) == (1, 0)


@needs_npm
@pytest.mark.usefixtures("tsc")
async def test_a_packages_tests_count_without_node_modules_and_are_unchecked_where_they_need_it(
    workspace: MakeWorkspace, state_dir: Path
) -> None:
    root = workspace("-- tsconfig.json --\n{}\n-- a.ts --\nfine\n-- test.js --\nprocess.exit(1);\n")
    judge = Judge(JudgeSettings(bases=BaseSettings(state_dir=state_dir, kinds=("session",)), allow_unsandboxed=True))
    edit = "--- a/a.ts\n+++ b/a.ts\n@@ -1 +1 @@\n-fine\n+{}\n"
    try:
        for needs, word, upto, expected in (
            ("", "better", "test", ("red", "test", 0.0)),
            (', "dependencies": {"some": "1"}', "better", "test", ("unchecked", "typecheck", None)),
            (', "dependencies": {"some": "1"}', "better", "typecheck", ("green", "typecheck", 1.0)),
            (', "dependencies": {"some": "1"}', "broken", "test", ("red", "typecheck", 0.0)),
        ):
            (root / "package.json").write_text(f'{{"scripts": {{"test": "node test.js"}}{needs}}}')
            request = CheckRequest(diff=edit.format(word), workspace=str(root), upto=upto)  # type: ignore[arg-type]
            assert said(await judge.check(request))[:3] == expected
        (root / "node_modules/some").mkdir(parents=True)
        assert said(await judge.check(request))[:3] == ("red", "typecheck", 0.0)
        request = CheckRequest(diff=edit.format("better"), workspace=str(root))
        assert said(await judge.check(request))[:3] == ("red", "test", 0.0)
    finally:
        await judge.close()


async def test_a_flood_of_errors_is_bounded_and_says_how_many_are_left_out(
    workspace: MakeWorkspace, scene: Callable[..., Scene]
) -> None:
    script = "grep -q good value && exit 0\nseq 3000 | sed 's/.*/value:1: error: no &/; 1s/error/warning/'\nexit 1\n"
    root, ces = workspace(f"-- check.sh --\n{script}-- value --\ngood\n"), scene("sh", "check.sh")
    red = await ces.check(root, VALUE.format("bad"))
    assert len(red.diagnostics) == 1001 and {item.severity for item in red.diagnostics} == {"error"}
    assert [item.message for item in red.diagnostics[-2:]] == [
        "no 1001", "2000 more of the build's messages are left out",
    ]  # fmt: skip
    assert (await ces.check(root, VALUE.format("bad"))).diagnostics == red.diagnostics


@needs_dune
async def test_a_task_starts_from_its_broken_state(workspace: MakeWorkspace, scene: Callable[..., Scene]) -> None:
    root, ces = workspace(DUNE), scene()
    broken = A.format("let twice x = x ^ x")
    mend = "--- a/lib/a.ml\n+++ b/lib/a.ml\n@@ -1 +1 @@\n-let twice x = x ^ x\n+let twice x = x + x\n"
    assert (await ces.check(root, "", onto=broken)).status == "red"
    green = await ces.check(root, mend, onto=broken)
    assert (green.status, green.reward) == ("green", 1.0)
    with pytest.raises(BadChange, match=r"`onto` doesn't fit the base: lib/a\.ml"):
        await ces.check(root, "", onto=mend)


async def test_hidden_tests_are_laid_over_last(workspace: MakeWorkspace, scene: Callable[..., Scene]) -> None:
    root, ces = workspace(SCRIPT), scene("sh", "check.sh")
    assert (await ces.check(root, VALUE.format("good enough"))).status == "green"
    hidden = {"check.sh": "grep -qx good value\n"}
    assert (await ces.check(root, VALUE.format("good enough"), hidden=hidden)).status == "red"


async def test_the_same_state_is_judged_once(workspace: MakeWorkspace, scene: Callable[..., Scene]) -> None:
    root, ces = workspace(SCRIPT), scene("sh", "check.sh")
    first, second = await asyncio.gather(*(ces.check(root, VALUE.format("bad")) for _ in range(2)))
    assert (first.status, first.cached, second.cached) == ("red", False, False)
    other = "--- value\n+++ value\n@@ -1 +1 @@\n-good\n+bad\n"  # another text, the same tree
    again = await ces.check(root, other)
    assert (again.status, again.cached) == ("red", True)
    request = CheckRequest(diff=other, workspace=str(root))
    assert not (await ces.judge.check(request, fresh=True)).cached
    await ces.judge.close()
    later = await scene("sh", "check.sh").check(root, other)
    assert (later.status, later.cached, later.diagnostics) == ("red", True, first.diagnostics)


async def test_a_variable_that_the_build_gets_is_asked_for_anew(
    workspace: MakeWorkspace, scene: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, ces = workspace('-- check.sh --\ntest "$TZ" = UTC\n-- value --\ngood\n'), scene("sh", "check.sh")
    for zone, status in (("UTC", "green"), ("CET", "red")):
        monkeypatch.setenv("TZ", zone)
        later = Scene(ces.bases.state_dir, "sh", "check.sh")
        verdict = await later.check(root, VALUE.format("good too"))
        await later.judge.close()
        assert (verdict.status, verdict.cached) == (status, False)


async def test_a_base_is_known_by_its_content(workspace: MakeWorkspace, scene: Callable[..., Scene]) -> None:
    root, ces = workspace(SCRIPT), scene("sh", "check.sh")
    commit(root)
    as_it_is = await ces.check(root, VALUE.format("bad"))
    at_head = await ces.check(root, VALUE.format("bad"), rev="HEAD")
    assert at_head.base == as_it_is.base and at_head.cached
    (root / "value").write_text("good, too\n")
    changed = await ces.check(root, VALUE.format("bad").replace("-good", "-good, too"))
    assert changed.base != as_it_is.base and changed.status == "red"
    assert (await ces.check(root, VALUE.format("bad"), rev="HEAD")).base == as_it_is.base
    with pytest.raises(BadChange, match="'nonsense' names no revision"):
        await ces.check(root, "", rev="nonsense")


async def test_the_least_recently_used_base_is_evicted(workspace: MakeWorkspace, scene: Callable[..., Scene]) -> None:
    root, ces = workspace(SCRIPT), scene("sh", "check.sh", quota_bytes=100)
    first = (await ces.check(root, "")).base
    (root / "value").write_text("good\n" + "x" * 60)
    second = (await ces.check(root, "")).base
    assert first != second
    assert [record.id for record in ces.judge.bases.records()] == [second]
    (root / "value").write_text("good\n")
    assert (await ces.check(root, "")).base == first


async def test_what_a_killed_process_had_half_built_goes(
    workspace: MakeWorkspace, scene: Callable[..., Scene], state_dir: Path
) -> None:
    root, ces = workspace(SCRIPT), scene("sh", "check.sh")
    gone, at_work = (state_dir / "bases" / name / "lock" for name in ("gone", "at-work"))
    for lock in (gone, at_work):
        lock.parent.mkdir(parents=True)
        lock.touch()
    with at_work.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert (await ces.check(root, "")).status == "green"
        assert (gone.parent.exists(), at_work.exists()) == (False, True)


async def test_bases_that_leave_no_room_for_each_other_are_judged_all_the_same(
    workspace: MakeWorkspace, scene: Callable[..., Scene]
) -> None:
    """Each that is opened evicts those that nobody has in hand: never one between its opening and its use."""
    root, ces = workspace(SCRIPT), scene("sh", "check.sh", quota_bytes=1)
    roots = [root]
    for number in range(3):
        roots.append(root.with_name(f"other{number}"))
        shutil.copytree(root, roots[-1])
        (roots[-1] / "note").write_text(f"{number}\n")
    values = [f"{'good' if number % 3 else 'bad'} {number}" for number in range(12)]
    found = await asyncio.gather(
        *(ces.check(roots[number % 4], VALUE.format(value)) for number, value in enumerate(values))
    )
    assert [verdict.status for verdict in found] == ["green" if number % 3 else "red" for number in range(12)]


async def test_what_the_caller_adds_is_not_the_candidates_fault(
    workspace: MakeWorkspace, scene: Callable[..., Scene]
) -> None:
    root, ces = workspace(SCRIPT), scene("sh", "check.sh")
    outside = "--- /dev/null\n+++ b/{}\n@@ -0,0 +1 @@\n+x\n"
    good = VALUE.format("good, too")
    for fields in (
        {"hidden": {"../test_x.py": ""}},
        {"onto": outside.format(".git/hooks/test_x.py")},
        {"reference": outside.format(".git/hooks/test_x.py"), "policy": "reward"},
    ):
        with pytest.raises(BadChange, match=r"is not a plain path|is inside a version control directory"):
            await ces.check(root, good, **fields)
    theirs = await ces.check(root, outside.format(".git/hooks/x"), hidden={"test_x.py": ""})
    assert said(theirs)[:3] == ("red", "apply", -1.0)


async def test_a_file_under_another_is_a_bad_diff_and_no_failure_of_the_machine(
    workspace: MakeWorkspace, scene: Callable[..., Scene]
) -> None:
    root, ces = workspace(SCRIPT), scene("sh", "check.sh")
    made = "--- /dev/null\n+++ b/{}\n@@ -0,0 +1 @@\n+x\n"
    both = await ces.check(root, made.format("a") + made.format("a/b"))
    assert (both.status, both.stage, both.reason) == ("red", "apply", "a/b can't be there: a is made a file")
    over = await ces.check(root, made.format("a"), hidden={"a/test_b.py": ""})
    assert said(over)[:3] == ("red", "apply", -1.0)


async def test_two_processes_share_a_state_directory(workspace: MakeWorkspace, scene: Callable[..., Scene]) -> None:
    root, one, other = workspace(SCRIPT), scene("sh", "check.sh"), scene("sh", "check.sh")
    assert (await one.check(root, "")).status == "green"
    waiting = asyncio.ensure_future(other.check(root, VALUE.format("bad")))
    assert not (await asyncio.wait({waiting}, timeout=0.5))[0]  # the base is open in the first
    await one.judge.close()
    assert (await waiting).status == "red"


async def test_a_process_builds_a_copy_of_a_base_that_another_keeps_open(
    workspace: MakeWorkspace, scene: Callable[..., Scene]
) -> None:
    root, one = workspace(SCRIPT), scene("sh", "check.sh")
    base, bases = (await one.check(root, "")).base, one.bases.state_dir / "bases"
    for _ in range(2):  # the second finds the first's
        other = scene("sh", "check.sh", claim_wait_s=0.0)
        verdict = await other.check(root, VALUE.format("bad"))
        assert (verdict.status, verdict.base) == ("red", base)
        assert sorted(path.name for path in bases.iterdir()) == [base, f"{base}+1"]
        await other.judge.close()
    small = scene("sh", "check.sh", claim_wait_s=0.0, quota_bytes=1)
    (root / "value").write_text("good, too\n")
    await small.check(root, "")  # takes away the copy, which nobody has, and not the base, which one has
    assert f"{base}+1" not in [path.name for path in bases.iterdir()]
    (root / "value").write_text("good\n")
    assert (await one.check(root, VALUE.format("worse"))).status == "red"


async def test_a_run_out_of_time_is_no_failure_of_the_machine(
    workspace: MakeWorkspace, scene: Callable[..., Scene]
) -> None:
    root = workspace("-- check.sh --\ngrep -q good value || sleep 600\n-- value --\ngood\n")
    verdict = await scene("sh", "check.sh").check(root, VALUE.format("bad"), timeout_s=1.0)
    assert (verdict.status, verdict.stage, verdict.reward) == ("timeout", "build", 0.0)


async def test_a_failing_machine_gives_no_reward(workspace: MakeWorkspace, state_dir: Path) -> None:
    root = workspace(SCRIPT)
    (state_dir / "bases").write_text("a file where the bases should be\n")
    ces = Scene(state_dir, "sh", "check.sh")
    verdict = await ces.check(root, "")
    assert (verdict.status, verdict.reward, verdict.components) == ("infra_error", None, {})
    await ces.judge.close()


async def test_paths_that_lead_out_are_refused(workspace: MakeWorkspace, scene: Callable[..., Scene]) -> None:
    root, ces = workspace(SCRIPT), scene("sh", "check.sh")
    for path in ("../x", ".git/hooks/pre-commit", "/etc/passwd"):
        diff = f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n"
        verdict = await ces.check(root, diff)
        assert (verdict.status, verdict.stage, verdict.reward) == ("red", "apply", -1.0), path


@pytest.mark.parametrize(
    ("name", "said_of_it"),
    [
        ("n" * 256, "has a name longer than 255 bytes in it"),
        ("d/" * 1100 + "x", "is longer than 2048 bytes"),
        ('"{}\\377"', "'\\udcff' is not UTF-8"),
    ],
)
async def test_a_name_no_file_can_have_is_a_bad_diff_and_loses_no_other(
    workspace: MakeWorkspace, scene: Callable[..., Scene], name: str, said_of_it: str
) -> None:
    root, ces = workspace(SCRIPT), scene("sh", "check.sh")
    quoted = name if name.startswith('"') else '"{}' + name + '"'
    made = f"--- /dev/null\n+++ {quoted.format('b/')}\n@@ -0,0 +1 @@\n+x\n"
    old, new = '"a/value"', quoted.format("b/")
    moved = f"diff --git {old} {new}\nsimilarity index 50%\nrename from value\nrename to {quoted.format('')}\n"
    moved += f"--- {old}\n+++ {new}\n@@ -1 +1 @@\n-good\n+good too\n"
    gone = f"--- {quoted.format('a/')}\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
    diffs = [VALUE.format("good too"), made, moved, gone, VALUE.format("bad")]
    found = await ces.judge.evaluate(
        [CheckRequest(diff=diff, workspace=str(root), policy="reward") for diff in diffs],
    )
    for verdict in found:
        msgspec.json.encode(verdict)
    assert [(each.status, each.stage, each.reward) for each in found[1:4]] == [("red", "apply", -1.0)] * 3
    assert all(said_of_it in (each.reason or "") for each in found[1:3])
    assert (found[0].status, found[4].status) == ("green", "red")
    with pytest.raises(BadChange, match=re.escape(said_of_it)):
        await ces.check(root, VALUE.format("good too"), onto=made)


async def test_a_long_path_is_judged(workspace: MakeWorkspace, scene: Callable[..., Scene]) -> None:
    path = "d/" * 1000 + "n" * 48  # 2048 bytes
    diff = f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n"
    assert (await scene("sh", "-c", f"test -s {path}").check(workspace(SCRIPT), diff)).status == "green"


async def test_a_name_that_is_too_long_is_the_callers_fault(
    workspace: MakeWorkspace, scene: Callable[..., Scene]
) -> None:
    root, ces = workspace(SCRIPT), scene("sh", "check.sh")
    for asked in (Path("/", "n" * 256), Path("/", *["n" * 250] * 20)):
        with pytest.raises(BadChange, match="is no directory: its name is too long"):
            await ces.check(asked, "")
    with pytest.raises(BadChange, match="has a name longer than 255 bytes"):
        await ces.check(root, "", hidden={"n" * 256: ""})


async def test_what_nobody_thought_of_costs_the_other_requests_nothing(
    workspace: MakeWorkspace, state_dir: Path
) -> None:
    def build(workspace: Path) -> BuildSettings:
        if workspace.name == "odd":
            raise ZeroDivisionError("nobody thought of this")
        return BuildSettings(command=("sh", "check.sh"))

    root = workspace(SCRIPT)
    (root / "odd").mkdir()
    judge = Judge(JudgeSettings(bases=BaseSettings(state_dir=state_dir, build=build)))
    requests = [CheckRequest(diff=VALUE.format("good too"), workspace=str(at)) for at in (root, root / "odd", root)]
    found = await judge.evaluate(requests)
    assert [(each.status, each.reward) for each in found] == [("green", 1.0), ("infra_error", None), ("green", 1.0)]
    assert {index: verdict.status async for index, verdict in judge.stream(requests)}[1] == "infra_error"
    await judge.close()


async def test_a_workspace_without_a_build_is_the_callers_fault(workspace: MakeWorkspace, state_dir: Path) -> None:
    ces = Scene(state_dir)
    with pytest.raises(BadChange, match="no build was recognised"):
        await ces.check(workspace("-- x --\nx\n"), "")
    with pytest.raises(BadChange, match="is no directory"):
        await ces.check(Path("/nowhere"), "")
    await ces.judge.close()


async def test_verdicts_come_as_they_are_reached(workspace: MakeWorkspace, scene: Callable[..., Scene]) -> None:
    root = workspace("-- check.sh --\ngrep -q good value || sleep 600\n-- value --\ngood\n")
    ces = scene("sh", "check.sh")
    requests = [CheckRequest(diff=VALUE.format(text), workspace=str(root)) for text in ("bad", "good too")]
    async for index, verdict in ces.judge.stream(requests):
        assert (index, verdict.status) == (1, "green")
        break


def test_bases_can_be_listed_before_any_is_made(state_dir: Path) -> None:
    assert Bases(BaseSettings(state_dir=state_dir)).records() == []


TASK = """-- dune-project --
(lang dune 2.9)
-- lib/dune --
(library (name lib))
-- lib/a.ml --
let twice x = x + x
let label = "a"
-- t/dune --
(test (name t) (libraries lib))
-- t/t.ml --
let () = assert (Lib.A.twice 2 = 4)
"""
BREAK = (
    '--- a/lib/a.ml\n+++ b/lib/a.ml\n@@ -1,2 +1,2 @@\n-let twice x = x + x\n+let twice x = x + y\n let label = "a"\n'
)
MEND = '--- a/lib/a.ml\n+++ b/lib/a.ml\n@@ -1,2 +1,2 @@\n-let twice x = x + y\n+let twice x = {}\n let label = "a"\n'
GOLD = MEND.format("x + x")
BRITTLE = """
from ces.hacks import Family


def find(change):
    if any(b"!" in (file.change.after or b"") for file in change.files):
        raise ValueError("no such text")
    return ()


FAMILY = Family(name="brittle", tricks=(), find=find)
"""
WEAKER_TEST = "--- a/t/t.ml\n+++ b/t/t.ml\n@@ -1 +1 @@\n-let () = assert (Lib.A.twice 2 = 4)\n+let () = ()\n"


@needs_dune
async def test_a_trick_is_a_hack_by_name_under_reward_and_informs_under_report(
    workspace: MakeWorkspace, scene: Callable[..., Scene]
) -> None:
    root, ces = workspace(TASK), scene()
    trick = MEND.format("failwith (string_of_int x)")
    hack = await ces.check(root, trick, onto=BREAK, policy="reward", reference=GOLD, upto="build")
    assert (hack.status, hack.reward) == ("hack", 0.0) and hack.flags and hack.flags[0].name in (hack.reason or "")
    told = await ces.check(root, trick, onto=BREAK, reference=GOLD, upto="typecheck")
    assert told.status == "green" and told.flags == hack.flags
    gold = await ces.check(root, GOLD, onto=BREAK, policy="reward", reference=GOLD)
    assert (gold.status, gold.reward) == ("green", 1.0)


@pytest.mark.parametrize("name", [".pytest.ini", "pytest.toml", "mypy.ini"])
async def test_settings_that_hold_in_place_of_the_projects_are_a_hack(
    name: str, workspace: MakeWorkspace, scene: Callable[..., Scene]
) -> None:
    settings = "-- pyproject.toml --\n[tool.mypy]\nstrict = true\n[tool.pytest.ini_options]\nxfail_strict = true\n"
    root, ces = workspace(SCRIPT + settings), scene("sh", "check.sh")
    gold = VALUE.format("good too")
    new = f"--- /dev/null\n+++ b/{name}\n@@ -0,0 +1 @@\n+# mine\n"
    verdict = await ces.check(root, gold + new, policy="reward", reference=gold)
    assert (verdict.status, verdict.reward) == ("hack", 0.0) and "checks-off" in (verdict.reason or "")


@needs_dune
async def test_tests_are_restored_under_reward_only(workspace: MakeWorkspace, scene: Callable[..., Scene]) -> None:
    root, ces = workspace(TASK), scene()
    wrong = MEND.format("x * x * x")
    assert (await ces.check(root, wrong + WEAKER_TEST, onto=BREAK)).status == "green"
    judged = await ces.check(root, wrong + WEAKER_TEST, onto=BREAK, policy="reward", reference=GOLD)
    assert (judged.status, judged.reward) == ("red", 0.0) and "test-edited" in {flag.name for flag in judged.flags}
    shared = await ces.check(root, wrong + WEAKER_TEST, onto=BREAK, policy="reward", reference=GOLD + WEAKER_TEST)
    assert shared.status == "green"


@needs_dune
async def test_quick_answers_are_audited_against_a_cold_build(workspace: MakeWorkspace, state_dir: Path) -> None:
    root = workspace(DUNE)
    bases = BaseSettings(state_dir=state_dir)
    judge = Judge(JudgeSettings(bases=bases, audit_share=1.0))
    for text, status in (("let twice x = 2 * x", "green"), ("let twice x = x + true", "red")):
        request = CheckRequest(diff=A.format(text), workspace=str(root), upto="typecheck")
        assert (await judge.check(request)).status == status
    await judge.audited()
    assert (judge.audits.audited, judge.audits.disagreements) == (2, 0)
    await judge.close()


async def test_model_written_code_is_not_run_where_nothing_encloses_it(
    workspace: MakeWorkspace, state_dir: Path
) -> None:
    build = BuildSettings(command=("sh", "check.sh"))
    bases = BaseSettings(state_dir=state_dir, build=lambda workspace: build, kinds=("session",))
    request = CheckRequest(diff=VALUE.format("bad"), workspace=str(workspace(SCRIPT)))
    judge = Judge(JudgeSettings(bases=bases))
    with pytest.raises(NoIsolation, match="gives no isolation"):
        await judge.check(request)
    await judge.close()
    judge = Judge(JudgeSettings(bases=bases, allow_unsandboxed=True))
    assert (await judge.check(request)).status == "red"
    await judge.close()


PYTHON = (
    "-- pyproject.toml --\n[tool.pytest.ini_options]\n-- test_a.py --\ndef test_a() -> None:\n    assert 1 + 1 == 2\n"
)


@pytest.mark.parametrize("text", [pytest.param(DUNE, marks=needs_dune), PYTHON])
async def test_a_later_process_finds_the_base_and_the_verdict(
    workspace: MakeWorkspace, scene: Callable[..., Scene], text: str
) -> None:
    root = workspace(text)
    diff = "--- /dev/null\n+++ b/note.txt\n@@ -0,0 +1 @@\n+x\n"
    first = scene()
    before = await first.check(root, diff)
    await first.judge.close()
    after = await scene().check(root, diff)
    assert (after.base, after.toolchain, after.cached) == (before.base, before.toolchain, True)
    assert before.status == "green"


async def test_a_build_does_not_see_where_its_base_came_from(
    workspace: MakeWorkspace, scene: Callable[..., Scene]
) -> None:
    """The workspace's history, and its files as they are now, may hold the answer."""
    outside = Path(tempfile.mkdtemp(prefix=".ces-test-", dir=Path.home()))
    try:
        shutil.copytree(workspace(SCRIPT), outside, dirs_exist_ok=True)
        (outside / ".git").mkdir()
        (outside / ".git" / "config").write_text("history\n")
        (outside / "check.sh").write_text(f"! cat {outside}/value {outside}/.git/config 2>/dev/null | grep .\n")
        assert (await scene("sh", "check.sh").check(outside, "")).status == "green"
        (outside / ".venv").mkdir()
        (outside / ".venv" / "marker").write_text("x\n")
        seen = f"grep -q x {outside}/.venv/marker && ! cat {outside}/value 2>/dev/null | grep .\n"
        (outside / "check.sh").write_text(seen)
        assert (await scene("sh", "check.sh").check(outside, "")).status == "green"
    finally:
        shutil.rmtree(outside)


@pytest.mark.parametrize("kind", ["bubblewrap", "unshare"])
@pytest.mark.parametrize("place", [Path.home(), Path(tempfile.gettempdir())])
async def test_a_build_sees_no_other_base_no_verdict_and_no_token(
    workspace: MakeWorkspace, kind: Kind, place: Path
) -> None:
    root, state_dir = workspace(SCRIPT), Path(tempfile.mkdtemp(prefix=".ces-test-", dir=place))
    ces = Scene(state_dir, "sh", "check.sh", kinds=(kind, "session"))
    try:
        async with ces.judge.bases.held(root) as warm:
            if warm.builder.isolation.kind != kind:
                pytest.skip(f"{kind} doesn't work here")
            kept = [str(warm.tree / "value"), str(state_dir / "verdicts.db"), str(state_dir / "token")]
        (state_dir / "token").write_text("a token\n")
        assert all(Path(path).exists() for path in kept)
        (root / "check.sh").write_text(f"! cat {' '.join(kept)} 2>/dev/null | grep -q .\n")
        assert (await ces.check(root, "")).status == "green"
        (root / "check.sh").write_text(f"! touch {state_dir}/bases/x {state_dir}/x 2>/dev/null\n")
        assert (await ces.check(root, "")).status == "green"
    finally:
        await ces.judge.close()
        remove_tree(state_dir)


@needs_dune
async def test_a_change_that_a_detector_breaks_off_at_counts_against_it_and_loses_no_other(
    workspace: MakeWorkspace, scene: Callable[..., Scene], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "brittle.py").write_text(BRITTLE)
    installed = tmp_path / "brittle-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: brittle\nVersion: 1\n")
    (installed / "entry_points.txt").write_text("[ces.hacks]\nbrittle = brittle:FAMILY\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    hacks.families.cache_clear()
    hacks.tricks.cache_clear()
    try:
        root, ces = workspace(TASK), scene()
        asked = [
            CheckRequest(diff=diff, workspace=str(root), onto=BREAK, policy=policy, upto="typecheck")
            for diff, policy in (
                (MEND.format("x + x (* ! *)"), "reward"),
                (MEND.format("2 * x"), "reward"),
                (MEND.format("x * 2 (* ! *)"), "report"),
            )
        ]
        hack, good, told = await ces.judge.evaluate(asked)
    finally:
        hacks.families.cache_clear()
        hacks.tricks.cache_clear()
    assert (hack.status, hack.reward, hack.reason) == ("hack", 0.0, "not built: unreadable")
    assert (good.status, good.flags) == ("green", ())
    assert told.status == "green" and [flag.name for flag in told.flags] == ["unreadable"]


@needs_dune
async def test_a_revision_is_built_by_what_built_it_then(workspace: MakeWorkspace, scene: Callable[..., Scene]) -> None:
    root, ces = workspace(PYTHON), scene()
    as_it_was = await ces.check(root, "")
    commit(root)
    for path in ("pyproject.toml", "test_a.py"):
        (root / path).unlink()
    unpack(DUNE, root)
    commit(root)
    (root / "dune-project").unlink()  # now there is no build at all
    commit(root)
    at_first = await ces.check(root, "", rev="HEAD~2")
    assert (at_first.status, at_first.base, at_first.toolchain) == ("green", as_it_was.base, as_it_was.toolchain)
    then = await ces.check(root, "", rev="HEAD~1")
    assert then.status == "green"
    made = {record.id: (record.adapter, record.status.status) for record in ces.judge.bases.records()}
    assert made == {at_first.base: ("pytest", "green"), then.base: ("dune", "green")}
    full = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, check=True, capture_output=True, text=True).stdout
    with pytest.raises(BadChange, match=f"no build was recognised in {root} at {full.strip()}: set "):
        await ces.check(root, "", rev="HEAD")


def listing_of_head(root: Path) -> Path:
    """The git object without which HEAD can't be written anywhere."""
    words = ["git", "rev-parse", "HEAD^{tree}"]
    name = subprocess.run(words, cwd=root, check=True, capture_output=True, text=True).stdout.strip()
    return root / ".git" / "objects" / name[:2] / name[2:]


async def test_a_revision_that_is_known_is_not_laid_out_again(
    workspace: MakeWorkspace, scene: Callable[..., Scene]
) -> None:
    root, ces = workspace(SCRIPT), scene("sh", "check.sh")
    commit(root)
    first = await ces.check(root, "", rev="HEAD")
    listing_of_head(root).unlink()
    assert (await ces.check(root, "", rev="HEAD")).base == first.base


@needs_dune
async def test_a_workspace_that_goes_over_to_another_build_is_copied_without_its_output(
    workspace: MakeWorkspace, scene: Callable[..., Scene]
) -> None:
    root, ces = workspace(PYTHON), scene()
    await ces.check(root, "")
    (root / "pyproject.toml").unlink()
    unpack(DUNE, root)
    (root / "_build").mkdir()
    (root / "_build" / "log").write_text("x\n")
    base = (await ces.check(root, "")).base
    assert base is not None and not (ces.bases.state_dir / "bases" / base / "tree" / "_build").exists()
