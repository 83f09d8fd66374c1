"""Early words on changes to a live dune workspace, and whether the build's own bear them out."""

import asyncio
import os
import random
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import msgspec
import psutil
import pytest

from ces.change import FileChange
from ces.check import Checker
from ces.verdict import Diagnostic, EarlyCount, Verdict

from .test_check import picture
from .test_ocaml_fast import LEXER_RULE, WORKSPACE

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
from _ocaml_mutations import mutate

Edit = Callable[[Path, str, str | None], FileChange]
MakeWorkspace = Callable[[str], Path]
MakeChecker = Callable[..., Checker]

pytestmark = [
    pytest.mark.ocaml,
    pytest.mark.skipif(shutil.which("dune") is None, reason="needs dune: apt-get install ocaml-dune ocaml"),
]
CHANGES = 48
POINT, BOX, LINE = "shapes/point.ml", "shapes/box.ml", "shapes/line.ml"


class Asked:
    """A checker, and what it says of changes: first and last."""

    def __init__(self, root: Path, checker: Checker) -> None:
        self.root = root
        self.checker = checker

    async def __call__(
        self, changes: Sequence[FileChange], overlay: Sequence[FileChange] = ()
    ) -> tuple[Verdict | None, Verdict]:
        """What it said early, if it said red, and the verdict; when both are known."""
        reds: list[Verdict] = []
        verdict = await self.checker.check(changes, budget_s=120, overlay=overlay, on_red=reds.append)
        await self.checker.settled()
        assert len(reds) <= 1
        return (reds[0] if reds else None), verdict

    @property
    def count(self) -> EarlyCount:
        return self.checker.early_count

    def text(self, path: str, old: str, new: str) -> str:
        before = (self.root / path).read_text()
        assert old in before
        return before.replace(old, new, 1)


@pytest.fixture
async def asked(workspace: MakeWorkspace, checker: MakeChecker) -> AsyncIterator[Asked]:
    """A green workspace that early words can be had of."""
    root = workspace(WORKSPACE)
    (root / "bin/dune").write_text((root / "bin/dune").read_text() + LEXER_RULE)
    judge = checker(root)
    found = await judge.isolation()
    if found is None or found.view != "overlay":
        pytest.skip(f"needs overlay views: {found}")
    assert (await judge.status()).status == "green"
    await judge.settled()
    yield Asked(root, judge)


def working_in(directory: Path) -> dict[int, psutil.Process]:
    """The processes whose working directory is below this one."""
    found = {}
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(directory):
                found[process.pid] = process
        except (psutil.Error, OSError):
            continue
    return found


def without_file(item: Diagnostic) -> tuple[object, ...]:
    return item.file, item.range, item.code, item.message


async def test_what_was_said_early_is_part_of_what_the_build_says(asked: Asked) -> None:
    chance = random.Random(7)
    made = 0
    while made < CHANGES:
        drawn = mutate(asked.root, chance)
        if drawn is None:
            continue
        made += 1
        early, verdict = await asked(drawn[1])
        if early is not None:
            assert verdict.status == "red" and verdict.stage in ("parse", "typecheck"), drawn
            assert {*map(without_file, early.diagnostics)} <= {*map(without_file, verdict.diagnostics)}, drawn
            assert early.diagnostics and early.stage == verdict.stage
    count = asked.count
    assert (count.false_reds, count.false_greens) == (0, 0), count
    assert count.compared == count.red + count.green
    assert count.red >= 8 and count.green >= 4 and count.red + count.green >= CHANGES / 2, count


async def test_the_early_word_lives_through_saves(asked: Asked, edit: Edit, state_dir: Path) -> None:
    broken = asked.text(POINT, "x = 0", 'x = "0"')
    early, _ = await asked([edit(asked.root, POINT, broken)])
    assert early is not None
    [first] = working_in(state_dir)

    (asked.root / POINT).write_text(broken)
    assert (await asked.checker.status()).status == "red"
    still = asked.text(POINT, 'x = "0"', "x = '0'")
    early, verdict = await asked([edit(asked.root, POINT, still)])
    assert early is not None and [item.file for item in early.diagnostics] == [POINT]
    assert (verdict.status, len(verdict.diagnostics), verdict.fixed) == ("red", 1, 1)
    early, verdict = await asked([edit(asked.root, BOX, asked.text(BOX, "a; b;", "a; b; a;"))])
    assert early is not None and (early.diagnostics, early.remaining, early.fixed) == ((), 1, 0)
    assert (verdict.status, verdict.diagnostics, verdict.remaining) == ("red", (), 1)
    early, verdict = await asked([edit(asked.root, POINT, asked.text(POINT, 'x = "0"', "x = 1"))])
    assert early is None and verdict.status == "green"
    assert [*working_in(state_dir)] == [first], "it was started anew"
    assert asked.count.false_reds == asked.count.false_greens == 0


async def test_a_state_of_the_tree_is_learnt_anew_when_much_of_it_changed(
    asked: Asked, edit: Edit, state_dir: Path
) -> None:
    [before] = (state_dir / "early").iterdir()
    kept = picture(before)
    for path in (POINT, LINE, BOX, "plain/words.ml", "plain/report.ml"):
        (asked.root / path).write_text((asked.root / path).read_text() + "\nlet more = 1\n")
    (asked.root / "shapes/point.mli").write_text((asked.root / "shapes/point.mli").read_text() + "val more : int\n")
    assert (await asked.checker.status()).status == "green"
    assert not before.exists() or picture(before) == kept
    await asked.checker.settled()
    [after] = (state_dir / "early").iterdir()
    assert after != before
    early, verdict = await asked([edit(asked.root, BOX, asked.text(BOX, "more = 1", "more = Point.more + Line.more"))])
    assert early is None and verdict.status == "green"
    early, verdict = await asked([edit(asked.root, BOX, asked.text(BOX, "more = 1", "more = Point.mor"))])
    assert early is not None and verdict.status == "red"
    assert asked.count == EarlyCount(red=1, green=1, compared=2)


async def test_what_a_checker_reads_stays_while_the_tree_is_built_anew(
    asked: Asked, edit: Edit, state_dir: Path
) -> None:
    [copy] = (state_dir / "early").iterdir()
    kept = picture(copy)
    assert any(path.endswith("shapes__Point.cmi") for path in kept)
    (asked.root / "shapes/point.mli").write_text("type t = { x : int; y : int }\nval origin : t\n")
    assert (await asked.checker.status()).status == "red"
    early, verdict = await asked([edit(asked.root, BOX, asked.text(BOX, "Point.add a b", "Point.origin"))])
    assert picture(copy) == kept
    assert early is not None, "point.ml has an unused value now"
    assert verdict.status == "red"
    whole = [
        edit(asked.root, BOX, asked.text(BOX, "Point.add a b", "Point.origin")),
        edit(asked.root, POINT, asked.text(POINT, "let add a b", "let _add a b")),
    ]
    early, verdict = await asked(whole)
    assert early is None and verdict.status == "green"


async def test_what_is_being_learnt_makes_way_for_the_trees_build(
    workspace: MakeWorkspace, checker: MakeChecker, edit: Edit, state_dir: Path
) -> None:
    root = workspace(WORKSPACE)
    (root / "bin/dune").write_text((root / "bin/dune").read_text() + LEXER_RULE)
    judge = checker(root)
    asked = Asked(root, judge)
    assert (await judge.status()).status == "green"
    for number in range(3):  # each finds the last state half learnt
        (root / LINE).write_text((root / LINE).read_text() + f"\nlet line{number} = {number}\n")
        assert (await judge.status()).status == "green"
    await judge.settled()
    assert len(list((state_dir / "early").iterdir())) == 1
    early, verdict = await asked([edit(root, BOX, asked.text(BOX, "a; b;", "(ignore Line.line2; a); b;"))])
    assert early is None and verdict.status == "green"
    early, verdict = await asked([edit(root, BOX, asked.text(BOX, "a; b;", "(ignore Line.line3; a); b;"))])
    assert early is not None and verdict.status == "red"


async def test_unsaved_text_counts(asked: Asked, edit: Edit) -> None:
    unsaved = edit(asked.root, POINT, asked.text(POINT, "let add", "let unsaved = 1\nlet add"))
    interface = "shapes/point.mli"
    shown = edit(asked.root, interface, asked.text(interface, "val add", "val unsaved : int\nval add"))
    uses = [edit(asked.root, BOX, asked.text(BOX, "a; b;", "(ignore Point.unsaved; a); b;"))]
    early, verdict = await asked(uses, [unsaved, shown])
    assert early is None and verdict.status == "green"
    early, verdict = await asked(uses)
    assert early is not None and verdict.status == "red"
    onto = msgspec.structs.replace(unsaved, before=unsaved.after, after=b"let\n")
    early, verdict = await asked([onto], [unsaved, shown])
    assert early is not None and (early.stage, verdict.stage) == ("parse", "parse")
    assert asked.count == EarlyCount(red=2, green=1, compared=3)


async def test_the_build_decides_where_a_type_check_can_not(asked: Asked, edit: Edit) -> None:
    early, verdict = await asked([edit(asked.root, "test/test_line.ml", "let () = exit 1\n")])
    assert early is None and (verdict.status, verdict.stage) == ("red", "test")
    early, verdict = await asked([edit(asked.root, "shapes/dune", "(library (name shapes) (libraries none))\n")])
    assert early is None and verdict.status == "red"
    assert asked.count == EarlyCount(green=1, unsure=1, compared=1)


SLOW = '(rule (alias runtest) (deps ../shapes/box.ml) (action (system "! grep slow ../shapes/box.ml || sleep 1e5")))'


async def test_when_the_time_is_over_what_was_said_early_is_the_verdict(
    workspace: MakeWorkspace, checker: MakeChecker, edit: Edit
) -> None:
    root = workspace(f"{WORKSPACE}-- slow/dune --\n{SLOW}\n")
    (root / "bin/dune").write_text((root / "bin/dune").read_text() + LEXER_RULE)
    judge = checker(root)
    assert (await judge.status()).status == "green"
    await judge.settled()
    change = [edit(root, BOX, "let x = 1 + true (* slow *)\n")]
    reds: list[Verdict] = []
    verdict = await judge.check(change, budget_s=15, on_red=reds.append)
    assert [msgspec.structs.replace(verdict, wall_ms=0.0)] == reds
    assert (verdict.status, verdict.stage) == ("red", "typecheck")
    assert verdict.reason == "a quick type check found this; the build had not ended"


async def test_processes_end_when_nobody_asks_and_start_again(
    asked: Asked, edit: Edit, checker: MakeChecker, tmp_path: Path, state_dir: Path
) -> None:
    wrong = [edit(asked.root, POINT, asked.text(POINT, "x = 0", 'x = "0"'))]
    assert (await asked(wrong))[0] is not None
    await asked.checker.close()
    assert not working_in(state_dir) and not list((state_dir / "early").iterdir())

    brief = Checker(asked.root, asked.checker._settings, tmp_path / "state", idle_s=0.0)
    await brief.status()
    await brief.settled()
    again = Asked(asked.root, brief)
    assert (await again(wrong))[0] is not None
    left = working_in(tmp_path / "state")
    await asyncio.to_thread(psutil.wait_procs, [*left.values()])
    wrong = [edit(asked.root, POINT, asked.text(POINT, "x = 0", 'x = "1"'))]
    assert (await again(wrong))[0] is not None
    await brief.close()
    assert not working_in(tmp_path / "state")


async def test_the_persons_own_build_directory_is_left_alone(asked: Asked, edit: Edit) -> None:
    env = {**os.environ, "DUNE_CACHE": "disabled"}
    process = await asyncio.create_subprocess_exec("dune", "build", "--root", ".", cwd=asked.root, env=env)
    assert await process.wait() == 0
    before = picture(asked.root)
    assert any(path.startswith("_build/") for path in before)
    for number in range(3):
        await asked([edit(asked.root, BOX, asked.text(BOX, "a; b;", f"a; {number};"))])
    assert picture(asked.root) == before
    assert asked.count.red == 3
