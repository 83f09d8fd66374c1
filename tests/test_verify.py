"""Which judged candidate is shown, and which may be written without asking."""

import pytest

from aid.verify import best, may_apply
from ces.verdict import Diagnostic, Flag, Verdict

ERROR = Diagnostic(file="a.ml", range=None, severity="error", message="no")
GREEN = Verdict(status="green", stage="test", adapter="dune")
MENDED = Verdict(status="red", stage="build", fixed=2, remaining=1, adapter="dune")
SAME = Verdict(status="red", stage="build", remaining=3, adapter="dune")
WORSE = Verdict(status="red", stage="typecheck", diagnostics=(ERROR,), adapter="dune")
WORST = Verdict(status="red", stage="parse", diagnostics=(ERROR, ERROR), adapter="dune")
NO_BUILD = Verdict(status="unchecked", stage=None, reason="no build was recognised")
NO_TOOL = Verdict(status="unchecked", stage=None, reason="missing: dune", adapter="dune")
LATE = Verdict(status="timeout", stage=None, reason="the time budget is spent")


def test_candidates_are_shown_in_this_order() -> None:
    order = [GREEN, MENDED, SAME, NO_TOOL, LATE, WORSE, WORST]
    left = list(reversed(order))
    found = []
    while left:
        shown = best([(verdict, verdict) for verdict in left])
        assert shown is not None
        found.append(shown[0])
        left.remove(shown[0])
    assert found == order
    assert best([]) is None


def test_the_first_of_equals_is_shown() -> None:
    assert best([("first", SAME), ("second", SAME)]) == ("first", SAME)


@pytest.mark.parametrize(
    ("verdict", "refusal"),
    [
        (GREEN, None),
        (NO_BUILD, None),
        (MENDED, "the build is red: 1 remaining error"),
        (SAME, "the build is red: 3 remaining errors"),
        (WORSE, "the build is red: 1 new error"),
        (NO_TOOL, "the build did not say: unchecked, missing: dune"),
        (LATE, "the build did not say: timeout, the time budget is spent"),
    ],
)
def test_only_green_or_what_has_no_build_is_written_without_asking(verdict: Verdict, refusal: str | None) -> None:
    assert may_apply(verdict, has_build=verdict is not NO_BUILD) == refusal


def test_a_build_that_is_there_but_broken_is_waited_for() -> None:
    broken = Verdict(status="unchecked", stage=None, reason="adapter 'nosuch' is none of dune")
    assert may_apply(broken, has_build=True) == "the build did not say: unchecked, adapter 'nosuch' is none of dune"


def test_a_green_that_lacks_tests_is_not_written_by_itself() -> None:
    def applied(*names: str) -> str | None:
        flags = tuple(Flag(name=name, path="test_m.py") for name in names)
        return may_apply(Verdict(status="green", stage="test", flags=flags), has_build=True)

    assert applied("test-deleted", "test-stanza-deleted", "tests-missing") == "its tests are deleted, missing"
    assert applied("test-edited", "test-emptied", "test-skipped") == "its tests are emptied, skipped"
    assert applied("comment-only", "definition-deleted", "test-edited", "unreadable") is None
