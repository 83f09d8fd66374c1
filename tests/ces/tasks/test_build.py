"""Task sets of small real projects, judged by the real builds: dune, pytest, git and Mercurial."""

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from ces import vcs
from ces.bases import BaseSettings
from ces.builds.adapter import BuildSettings
from ces.judge import Judge, JudgeSettings
from ces.request import CheckRequest
from ces.tasks.admit import Admission
from ces.tasks.build import Goal, Summary, build
from ces.tasks.candidate import Origin
from ces.tasks.history import commits
from ces.tasks.mutants import mutants
from ces.tasks.paths import sources
from ces.tasks.record import Record
from ces.vcs import Vcs

needs_dune = pytest.mark.skipif(not (shutil.which("dune") and shutil.which("ocamlc")), reason="needs dune and ocaml")
DUNE = """-- dune-project --
(lang dune 2.9)
-- lib/dune --
(library (name shop) (libraries str))
-- lib/item.ml --
type t = { name : string; price : int }

let make name price = { name; price }
let rec total = function [] -> 0 | item :: rest -> item.price + total rest
-- lib/item.mli --
type t = { name : string; price : int }

val make : string -> int -> t
val total : t list -> int
-- lib/words.ml --
let split text = Str.split (Str.regexp " +") text
let find name items = List.find_opt (fun (item : Item.t) -> item.name = name) items
let price name items = match find name items with Some item -> Some item.Item.price | None -> None
-- test/dune --
(test (name t) (libraries shop))
-- test/t.ml --
open Shop

let items = [ Item.make "tea" 3; Item.make "milk" 2 ]
let () = assert (Item.total items = 5)
let () = assert (Words.price "milk" items = Some 2 && Words.price "rum" items = None)
let () = assert (Words.split "a  b" = [ "a"; "b" ])
"""
PYTHON = """-- pyproject.toml --
[project]
name = "shop"
-- shop.py --
import math


def pages(items, size):
    return math.ceil(items / size)
-- spare.py --
def spare(item):
    return not item
-- tests/test_shop.py --
from shop import pages


def test_pages():
    assert pages(7, 3) == 3
"""


MakeJudge = Callable[..., Judge]
MakeWorkspace = Callable[[str], Path]


@pytest.fixture
async def judge(state_dir: Path) -> AsyncIterator[MakeJudge]:
    """Makes a judge; with a command, that is every workspace's build."""
    made: list[Judge] = []

    def make(*command: str) -> Judge:
        build = BuildSettings(command=command)
        made.append(Judge(JudgeSettings(bases=BaseSettings(state_dir=state_dir, build=lambda _: build))))
        return made[-1]

    yield make
    for each in made:
        await each.close()


async def mutate(root: Path, judge: Judge, out: Path, wanted: int, *only: str) -> tuple[Summary, list[Admission]]:
    told: list[Admission] = []
    candidates = mutants(Origin(project="shop", workspace=str(root)), sources(root), seed=1, only=only)
    with closing(Record(out)) as record:
        summary = await build(candidates, judge.check, record, told.append, Goal(tasks=wanted))
    return summary, told


@needs_dune
async def test_a_dune_project_is_broken_in_many_ways(
    workspace: MakeWorkspace, judge: MakeJudge, tmp_path: Path
) -> None:
    root = workspace(DUNE)
    kinds = ("rec-missing", "field-new", "library-missing", "signature-changed", "off-by-one", "case-missing")
    _, told = await mutate(root, judge(), tmp_path / "tasks.jsonl", 7, *kinds)
    admitted = {one.task.kind: one for one in told if one.outcome == "admitted"}
    assert set(admitted) == {f"mutate:{kind}" for kind in kinds}
    stages = {kind: one.broken[0].stage for kind, one in admitted.items()}
    assert stages["mutate:rec-missing"] == "typecheck"
    assert stages["mutate:off-by-one"] == "test"
    assert admitted["mutate:field-new"].task.files == ("lib/item.ml",)
    assert "Some record fields are undefined: " in admitted["mutate:field-new"].task.diagnostics[0].message
    assert admitted["mutate:signature-changed"].task.files == ("lib/item.mli",)
    assert admitted["mutate:library-missing"].task.files == ("lib/dune",)
    assert not [path for task in admitted.values() for path in task.task.files if path.startswith("test/")]


async def test_a_python_project_s_breakages_are_red_and_the_others_dropped(
    workspace: MakeWorkspace, judge: MakeJudge, tmp_path: Path
) -> None:
    root = workspace(PYTHON)
    summary, told = await mutate(root, judge(), tmp_path / "tasks.jsonl", 9, "import-missing", "not-missing")
    assert sorted((one.task.kind, one.task.files, one.outcome, one.reason) for one in told) == [
        ("mutate:import-missing", ("shop.py",), "admitted", ""),
        ("mutate:not-missing", ("spare.py",), "refused", "broken state is green at test"),
    ]
    assert summary.admitted == 1


INDEPENDENT = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "HGRCPATH": "", "HGUSER": "a"}
COMMIT = {
    "git": [["git", "add", "-A"], ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm"]],
    "hg": [["hg", "addremove", "-q"], ["hg", "commit", "-m"]],
}
# Checked by a script of their own: what is at stake is the history, and starting pytest each time takes seconds.
RUN = """import sys

sys.path.insert(0, ".")
import shop

assert shop.pages(7, 3) == 3
"""
FULL_PAGES_RUN = RUN.replace("== 3\n", "== 3 and shop.pages(6, 3) == 2\n")
ROUNDED_UP = "def pages(items, size):\n    return -(-items // size)\n"
# subject -> the files it writes
HISTORY = {
    "first": {"shop.py": "def pages(items, size):\n    return items // size + 1\n", "tests/run.py": RUN},
    "only notes": {"NOTES": "something\n"},
    "full pages count as one page": {"shop.py": ROUNDED_UP, "CHANGES": "full pages\n", "tests/run.py": FULL_PAGES_RUN},
    "a comment": {"shop.py": f"# rounded up\n{ROUNDED_UP}"},
    "too large": {"shop_names.py": "".join(f"name_{number} = {number}\n" for number in range(101))},
}


@pytest.fixture(params=["git", "hg"])
async def repository(request: pytest.FixtureRequest, workspace: MakeWorkspace) -> AsyncIterator[tuple[Path, Vcs]]:
    kind: str = request.param
    if shutil.which(kind) is None:
        pytest.skip(f"{kind} is not installed")
    root = workspace("")
    call(root, kind, "init")
    for subject, files in HISTORY.items():
        for path, text in files.items():
            (root / path).parent.mkdir(exist_ok=True)
            (root / path).write_text(text)
        for argv in COMMIT[kind][:-1]:
            call(root, *argv)
        call(root, *COMMIT[kind][-1], subject)
    (root / "shop.py").unlink()  # what tasks are about are revisions, not the directory
    found = await vcs.find(root)
    assert found is not None
    yield root, found
    await found.close()


async def of_history(
    repository: tuple[Path, Vcs], judge: Judge, out: Path, *, hide_tests: bool
) -> tuple[Record, list[tuple[str, str, str]]]:
    root, found = repository
    told: list[Admission] = []
    candidates = commits(found, Origin(project="shop", workspace=str(root)), hide_tests=hide_tests)
    with closing(Record(out)) as record:
        await build(candidates, judge.check, record, told.append, Goal(tasks=5))
    return record, [(one.outcome, one.task.prompt, one.reason) for one in told]


async def test_a_small_commit_with_its_tests_is_a_task(
    repository: tuple[Path, Vcs], judge: MakeJudge, tmp_path: Path
) -> None:
    judging = judge(sys.executable, "tests/run.py")
    record, told = await of_history(repository, judging, tmp_path / "tasks.jsonl", hide_tests=False)
    assert told == [
        ("admitted", "full pages count as one page", ""),
        ("refused", "", "broken state is green at build"),
    ]
    task = record.tasks[0]
    assert task.files == ("shop.py",)
    assert "-    return -(-items // size)\n+    return items // size + 1\n" in task.onto
    assert "tests/run.py" not in task.onto
    assert "fix the build" in task.prompts
    assert (await judging.check(task.request(task.gold))).status == "green"


async def test_a_commit_s_tests_may_be_hidden(repository: tuple[Path, Vcs], judge: MakeJudge, tmp_path: Path) -> None:
    judging = judge(sys.executable, "tests/run.py")
    record, told = await of_history(repository, judging, tmp_path / "tasks.jsonl", hide_tests=True)
    assert told == [("admitted", "full pages count as one page", "")]
    task = record.tasks[0]
    assert "-assert shop.pages(7, 3) == 3 and shop.pages(6, 3) == 2\n+assert shop.pages(7, 3) == 3\n" in task.onto
    assert "tests/run.py" not in task.gold
    assert task.hidden == {"tests/run.py": FULL_PAGES_RUN}
    assert task.prompts == ("full pages count as one page",)
    assert (await judging.check(task.request(task.gold))).status == "green"
    beside_the_point = task.gold.replace("+    return -(-items // size)", "+    return items // size + 2 - 1")
    assert (await judging.check(task.request(beside_the_point))).status == "red"


async def test_a_fresh_run_is_a_run_of_its_own(workspace: MakeWorkspace, judge: MakeJudge) -> None:
    judging = judge(sys.executable, "tests/run.py")
    root = workspace(f"-- shop.py --\n{ROUNDED_UP}-- tests/run.py --\n{RUN}")
    request = CheckRequest(diff="--- a/shop.py\n+++ b/shop.py\n@@ -1 +1 @@\n-def pages(items, size):\n+def pages():\n",
                           workspace=str(root))  # fmt: skip
    answers = [await judging.check(request, fresh=fresh) for fresh in (True, True, False)]
    assert [answer.status for answer in answers] == ["red"] * 3
    assert [answer.cached for answer in answers] == [False, False, True]


def call(root: Path, *argv: str) -> None:
    subprocess.run(argv, cwd=root, env=os.environ | INDEPENDENT, check=True, capture_output=True)
