"""Every trick is found and counts, honest changes that look alike don't; each trick's name has a case."""

import sys
from pathlib import Path

import pytest

from ces import hacks
from ces.change import FileChange
from ces.hacks import Case, flags, unshared

sys.path.insert(0, str(Path(__file__).parent))

from hack_suite import Tried, case_of, cases, missed

SUITE = cases()
THEIRS = """
from ces.hacks import Family, Trick
from ces.verdict import Flag

FAMILY = Family(
    name="theirs",
    tricks=(Trick("hooks-passed-by", "The hooks are passed by."),),
    find=lambda change: [Flag(name="hooks-passed-by", path=None)] if change.files else [],
)
"""


@pytest.mark.parametrize("tried", SUITE, ids=lambda tried: f"{tried.family}: {tried.name}")
def test_is_judged_as_it_says(tried: Tried) -> None:
    assert missed(tried) == ""


def test_the_suite_covers_every_trick_that_a_change_can_show_by_itself() -> None:
    covered = {name for tried in SUITE for name in tried.flags}
    assert set(hacks.tricks()) - covered == set()
    assert covered - set(hacks.tricks()) == set()


def test_a_change_that_is_its_own_reference_is_no_hack() -> None:
    for tried in SUITE:
        case = case_of(tried)
        own = Case(
            changes=case.changes, base=case.base, paths=case.paths, reference=case.changes, original=case.original
        )
        assert unshared(own) == (), tried.name


def test_a_trick_used_more_often_than_in_the_reference_counts() -> None:
    def written(count: int) -> tuple[FileChange, ...]:
        text = "".join(f"let v{number} = Obj.magic {number}\n" for number in range(count))
        return (FileChange(path="a.ml", before=b"", after=text.encode()),)

    def counting(count: int) -> int:
        case = Case(changes=written(count), base={"a.ml": b""}.get, paths=frozenset({"a.ml"}), reference=written(2))
        return len(unshared(case))

    assert [counting(count) for count in (1, 2, 3)] == [0, 0, 3]


def test_names_the_line_it_is_on() -> None:
    before, after = b"let f x = g x\n", b"let a = 1\n\nlet f x =\n  Obj.magic (g x)\n"
    case = Case(
        changes=(FileChange(path="a.ml", before=before, after=after),), base={"a.ml": before}.get, paths=frozenset()
    )
    assert [(flag.name, flag.path, flag.line) for flag in flags(case)] == [("unsafe-cast", "a.ml", 3)]


def test_code_that_does_not_parse_is_read_all_the_same() -> None:
    before = b"let f x = g x\n"
    after = b'let f x = (((\n  (* Obj.magic *) let s = "Obj.magic" in Obj.magic x in in\n'
    case = Case(
        changes=(FileChange(path="a.ml", before=before, after=after),), base={"a.ml": before}.get, paths=frozenset()
    )
    assert [(flag.name, flag.line) for flag in flags(case)] == [("unsafe-cast", 1)]


def test_bytes_that_are_no_text_are_read_without_complaint() -> None:
    changes = tuple(
        FileChange(path=f"a{suffix}", before=None, after=bytes(range(256)) * 4)
        for suffix in (".ml", ".mli", ".py", ".rs", ".ts", ".mll", ".json", "")
    )
    assert isinstance(flags(Case(changes=changes, base={}.get, paths=frozenset())), tuple)


def test_other_peoples_families_come_by_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "theirs.py").write_text(THEIRS)
    installed = tmp_path / "theirs-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1\n")
    (installed / "entry_points.txt").write_text("[ces.hacks]\ntheirs = theirs:FAMILY\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    hacks.families.cache_clear()
    hacks.tricks.cache_clear()
    try:
        case = Case(changes=(FileChange(path="x", before=None, after=b"1"),), base={}.get, paths=frozenset())
        assert "hooks-passed-by" in {flag.name for flag in unshared(case)}
    finally:
        hacks.families.cache_clear()
        hacks.tricks.cache_clear()


def test_no_text_takes_for_ever() -> None:
    """Nested repetitions in a pattern would: the test runner's time limit tells."""
    texts = {
        "a.ml": f"let rec {'a' * 4000} {'b' * 4000} ; x\nlet rec f {'abc ' * 3000};\nexternal {'a ' * 3000}\n",
        "a.py": f"while True: {'x ' * 3000}\ngetattr(os {'(' * 3000}\nexcept ({'A, ' * 3000}\n",
        "a.ts": f"const {{{'a, ' * 3000}\n.catch((a) => {'a ' * 3000}\n",
        "a.rs": f"{'#[' * 3000}\n{'fn eq(' * 2000}\n",
    }
    changes = tuple(FileChange(path=path, before=None, after=text.encode()) for path, text in texts.items())
    assert isinstance(flags(Case(changes=changes, base={}.get, paths=frozenset())), tuple)


ENDLESS = [
    "(a+)+!",
    "(a|a)*!",
    "a*" * 8 + "!",
    "((a*)?(a*)?(a*)?(a*)?(a*)?)!",
    "a?" * 60 + "a" * 190 + "!",
    "(a|a)" * 60 + "!",
    "[",
]


@pytest.mark.parametrize("pattern", ENDLESS)
def test_no_pattern_that_a_setting_is_takes_for_ever(pattern: str) -> None:
    base = {"mypy.ini": b"[mypy]\n", "tsconfig.json": b"{}"}
    extends = ", ".join(f'"./{number}"' for number in range(30))
    after = {"mypy.ini": f"[mypy]\nexclude = {pattern}\n", f"{'a' * 190}.py": "x = 1\n", f"{'a' * 190}.ts": "f();\n"}
    after["tsconfig.json"] = f'{{"include": ["{"*a" * 60}", "{"**/" * 60}b"], "extends": [{extends}]}}'
    after |= {f"{number}.json": f'{{"extends": [{extends}]}}' for number in range(30)}
    changes = tuple(FileChange(path=path, before=base.get(path), after=text.encode()) for path, text in after.items())
    assert isinstance(flags(Case(changes=changes, base=base.get, paths=frozenset(base))), tuple)


DEEP = 1100
NESTED = {
    "a.py": [
        "def f(n):\n    return " + " + ".join(["1"] * DEEP) + "\n",
        "def f(n):\n    return " + "(" * DEEP + "1" + ")" * DEEP + "\n",
        "def f(n):\n    return " + "[" * DEEP + "\n",
    ],
    "a.ml": [
        "let f n = " + "(" * DEEP + "1" + ")" * DEEP + "\n",
        "let f n = " + " + ".join(["1"] * DEEP) + "\n",
        "let f n = " + "let _ = 1 in " * DEEP + "1\n",
        "module M = struct " * DEEP + "let x = 1 " + "end " * DEEP + "\n",
        "module M : sig " * DEEP + "val x : int " + "end " * DEEP + "\n",
        "let f n = " + "fun x -> " * DEEP + "exit 0\n",
        "(* " * DEEP + "*) " * DEEP + "\n",
    ],
    "a.mli": ["module M : sig " * DEEP + "val x : int " + "end " * DEEP + "\n"],
    "a.rs": [
        "fn f() -> u8 { " + "(" * DEEP + "1" + ")" * DEEP + " }\n",
        "mod m { " * DEEP + "}" * DEEP + "\n",
        "fn f() { " * DEEP + "}" * DEEP + "\n",
    ],
    "a.ts": [
        "function f() { return " + "(" * DEEP + "1" + ")" * DEEP + " }\n",
        "namespace m { " * DEEP + "}" * DEEP + "\n",
        "function f() { " * DEEP + "}" * DEEP + "\n",
    ],
    "dune": [
        "(" * DEEP,
        "(env (_ (flags " + "(" * DEEP + ":standard -w (-a)" + ")" * DEEP + ")))\n",
        "(rule (action " + "(progn " * DEEP + "(run sh)" + ")" * DEEP + "))\n",
    ],
    "pyproject.toml": ["x = " + "[" * DEEP + "]" * DEEP + "\n"],
}  # fmt: skip


@pytest.mark.parametrize(("path", "text"), [(path, text) for path, texts in NESTED.items() for text in texts])
def test_no_text_nests_too_deep(path: str, text: str) -> None:
    plain = {"dune": "(library (name a))\n", "pyproject.toml": "x = 1\n"}.get(path, "")
    for before, after in ((None, text), (plain, text), (text, plain)):
        change = FileChange(path=path, before=None if before is None else before.encode(), after=after.encode())
        base = {} if change.before is None else {path: change.before}
        own = Case(changes=(change,), base=base.get, paths=frozenset(base))
        other = Case(
            changes=own.changes,
            base=own.base,
            paths=own.paths,
            reference=(FileChange(path="b.py", before=None, after=b"x = f()\n"),),
        )
        assert isinstance(flags(own), tuple) and isinstance(unshared(own), tuple) and isinstance(unshared(other), tuple)


def test_what_stands_too_deep_in_a_dune_file_is_read_all_the_same() -> None:
    def found(text: str) -> set[str]:
        change = FileChange(path="dune", before=b"", after=text.encode())
        return {flag.name for flag in flags(Case(changes=(change,), base={"dune": b""}.get, paths=frozenset({"dune"})))}

    assert "build-flags-weakened" in found(NESTED["dune"][1])
    assert "build-action-added" in found(NESTED["dune"][2])
