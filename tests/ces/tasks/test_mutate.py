"""Breakages as data: every kind's source, and every mutant of it, in tests/ces/tasks/mutants/LANGUAGE.toml.

Run with CES_RECORD=1 to write what the mutators make now; then read the difference.
"""

import os
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ces.change import FileChange
from ces.tasks.candidate import Origin, candidate, reversed_change
from ces.tasks.mutants import mutants
from ces.tasks.mutate import MUTATORS, Project, changes, mutations
from ces.tasks.mutate.misspell import misspell
from ces.tasks.mutate.mutator import kind_of

TABLES = Path(__file__).parent / "mutants"
LONE_FILE = {"ocaml": "a.ml", "python": "a.py", "rust": "a.rs", "typescript": "a.ts"}
_FILE = re.compile(r"^-- (\S+) --\n", re.MULTILINE)
ORIGIN = Origin(project="p", workspace="/nowhere")


def table(language: str) -> list[dict[str, object]]:
    cases: list[dict[str, object]] = tomllib.loads((TABLES / f"{language}.toml").read_text("utf-8"))["case"]
    return cases


def project(language: str, text: str) -> Project:
    """The files of a `-- path --` archive, or one file."""
    parts = _FILE.split(text)
    files = dict(zip(parts[1::2], parts[2::2], strict=True)) or {LONE_FILE[language]: text}
    return Project({path: content.encode() for path, content in files.items()})


def shown(made: tuple[FileChange, ...], text: str) -> str:
    archive = bool(_FILE.search(text))
    return "".join((f"-- {each.path} --\n" if archive else "") + (each.after or b"").decode() for each in made)


def mutants_of(language: str, kind: str, text: str) -> list[str]:
    opened = project(language, text)
    return [shown(changes(opened, mutation.edits), text) for mutation in mutations(opened, {kind})]


def _record() -> None:
    for language in MUTATORS:
        lines = []
        for case in table(language):
            kind, source = str(case["kind"]), str(case["source"])
            found = "".join(f"    {_quoted(each)},\n" for each in mutants_of(language, kind, source))
            lines.append(f'[[case]]\nkind = "{kind}"\nsource = {_quoted(source)}\nmutants = [\n{found}]\n')
        (TABLES / f"{language}.toml").write_text("\n".join(lines), "utf-8")


def _quoted(text: str) -> str:
    return f"'''\n{text}'''"


if os.environ.get("CES_RECORD"):
    _record()

CASES = [(language, case) for language in MUTATORS for case in table(language)]


@pytest.mark.parametrize(("language", "case"), CASES, ids=lambda each: each["kind"] if isinstance(each, dict) else each)
def test_a_breakage_is_made_at_each_of_its_sites(language: str, case: dict[str, object]) -> None:
    assert mutants_of(language, str(case["kind"]), str(case["source"])) == case["mutants"]


@pytest.mark.parametrize("language", MUTATORS)
def test_every_breakage_is_in_the_table_once(language: str) -> None:
    assert [case["kind"] for case in table(language)] == sorted(kind_of(mutator) for mutator in MUTATORS[language])


@pytest.mark.parametrize(("language", "case"), CASES, ids=lambda each: each["kind"] if isinstance(each, dict) else each)
def test_the_gold_changes_after_the_breakage_give_the_exact_bytes(language: str, case: dict[str, object]) -> None:
    opened = project(language, str(case["source"]))
    for mutation in mutations(opened):
        made = changes(opened, mutation.edits)
        for change in made:
            back = reversed_change(change)
            assert (back.before, back.after) == (change.after, opened.sources[change.path].content)


async def test_the_same_seed_gives_the_same_candidates_in_the_same_order() -> None:
    files = {"a.ml": b"let total x = x + 1\n\nlet rec down x = if x > 0 then down (x - 1) else total x\n"}
    first = [task.id async for task in mutants(ORIGIN, files, seed=1)]
    assert first == [task.id async for task in mutants(ORIGIN, files, seed=1)]
    assert first != [task.id async for task in mutants(ORIGIN, files, seed=2)]
    assert len(set(first)) == len(first) > 20


async def test_kinds_take_turns() -> None:
    files = {"a.ml": b"let a = f 1 2 3\nlet b = f 4 5 6\nlet rec g x = g (x + 1)\n"}
    kinds = [task.kind async for task in mutants(ORIGIN, files, seed=0, only={"rec-missing", "off-by-one"})]
    assert sorted(kinds[:2]) == ["mutate:off-by-one", "mutate:rec-missing"]
    assert set(kinds[2:]) == {"mutate:off-by-one"}


def test_a_candidate_says_what_it_breaks_and_how_to_mend_it() -> None:
    change = FileChange(path="a.ml", before=b"let x = 1\n", after=b"let x = 1.0\n")
    task = candidate(ORIGIN, "mutate:float-literal", (change,))
    assert "-let x = 1\n+let x = 1.0\n" in task.onto
    assert "-let x = 1.0\n+let x = 1\n" in task.gold
    assert task.files == ("a.ml",)


@settings(deadline=None)
@given(st.from_regex(r"[a-z_][a-z_0-9']{0,12}", fullmatch=True), st.randoms(use_true_random=False))
def test_a_misspelt_name_is_another_name_that_begins_alike(name: str, chance: object) -> None:
    made = misspell(name, chance, {"taken"})  # type: ignore[arg-type]
    if made is not None:
        assert made not in (name, "taken")
        assert made[0] == name[0]
        assert abs(len(made) - len(name)) <= 1
