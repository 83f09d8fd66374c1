"""Which files are tests, and what is left of a change when tests are put back."""

from collections.abc import Mapping

import pytest

from ces.change import FileChange
from ces.testfiles import is_test, restore_tests

TREE = {
    "dune": b"(rule (alias hello) (action (progn)))",
    "lib/dune": b"(library (name a) (modules a test))\n(test (name check_a) (modules check_a))",
    "checks/dune": b"(tests (names one two))",
    "inline/dune": b"(library (name b) (inline_tests))",
    "app/dune": b"(executable (name main))\n(cram (deps main.exe))",
}
TESTS = """
test/foo.ml lib_test/expect/test_re.ml checks/one.ml checks/dune lib/check_a.ml cli.t cli.t/run.t cli.t/dune
test/run.expected lib/out.expected tests/test_a.py test_a.py a_test.py a/b/conftest.py tests/__snapshots__/a.ambr
tests/data.json pytest.ini src/a.test.ts src/a.spec.tsx src/__tests__/a.ts src/__snapshots__/a.snap vitest.config.ts
tests/cli.rs src/parser/tests.rs e2e-tests/x.js test/dune ocaml-lsp-server/test/e2e-new/a.ml a/testdata/x.txt
.pytest.ini pytest.toml sub/.pytest.toml
"""
OTHERS = """
lib/a.ml lib/test.ml lib/dune dune inline/test_utils.mli app/main.ml app/dune a.py src/testing.py src/contest.py
src/lib.rs src/latest.ts pyproject.toml README.md attest/a.ml lib/testing/a.py
"""


@pytest.mark.parametrize("path", TESTS.split())
def test_is_a_test(path: str) -> None:
    assert is_test(path, TREE.get)


@pytest.mark.parametrize("path", OTHERS.split())
def test_is_no_test(path: str) -> None:
    assert is_test(path, TREE.get) == (path == "inline/test_utils.mli")


BASE = {"a.py": b"a\n", "tests/test_a.py": b"t\n", "tests/test_b.py": b"u\n"}


def changed(path: str, after: bytes | None, old_path: str | None = None) -> FileChange:
    return FileChange(path=path, before=BASE.get(old_path or path), after=after, old_path=old_path)


def tree_after(changes: tuple[FileChange, ...]) -> Mapping[str, bytes]:
    files = dict(BASE)
    for change in changes:
        files.pop(change.old_path or change.path, None)
        if change.after is not None:
            files[change.path] = change.after
    return files


def check(
    changes: list[FileChange],
    expected: dict[str, bytes],
    restored: list[str],
    reference: list[FileChange] | None = None,
) -> None:
    left, put_back = restore_tests(changes, BASE.get, reference)
    assert tree_after(left) == expected
    assert sorted(put_back) == restored


def test_edited_deleted_and_new_tests_are_as_in_the_base() -> None:
    check(
        [
            changed("a.py", b"A\n"),
            changed("tests/test_a.py", b"weak\n"),
            changed("tests/test_b.py", None),
            changed("tests/conftest.py", b"hook\n"),
        ],
        BASE | {"a.py": b"A\n"},
        ["tests/conftest.py", "tests/test_a.py", "tests/test_b.py"],
    )


def test_a_test_that_was_moved_away_is_back_and_its_copy_stays() -> None:
    check([changed("old.py", b"t\n", "tests/test_a.py")], BASE | {"old.py": b"t\n"}, ["tests/test_a.py"])


def test_code_that_was_moved_among_the_tests_is_gone_from_both() -> None:
    check(
        [changed("tests/a.py", b"a\n", "a.py")],
        {path: text for path, text in BASE.items() if path != "a.py"},
        ["tests/a.py"],
    )


def test_the_references_tests_are_laid_over() -> None:
    reference = [
        changed("a.py", b"right\n"),
        changed("tests/test_a.py", b"theirs\n"),
        changed("tests/test_c.py", b"new\n"),
        changed("tests/test_b.py", None),
    ]
    check(
        [changed("a.py", b"A\n"), changed("tests/test_a.py", b"weak\n")],
        {"a.py": b"A\n", "tests/test_a.py": b"theirs\n", "tests/test_c.py": b"new\n"},
        ["tests/test_a.py", "tests/test_b.py", "tests/test_c.py"],
        reference,
    )


def test_the_reference_itself_is_left_as_it_is() -> None:
    reference = [changed("a.py", b"right\n"), changed("tests/test_a.py", b"theirs\n")]
    check(reference, BASE | {"a.py": b"right\n", "tests/test_a.py": b"theirs\n"}, [], reference)


def test_a_change_that_touches_no_test_is_returned_as_it_is() -> None:
    changes = (changed("a.py", b"A\n"),)
    assert restore_tests(changes, BASE.get) == (changes, ())
