"""Tests that are told not to run, or to fail and be right."""

from collections.abc import Iterator

from ces.hacks.case import Family, Trick
from ces.hacks.edited import Edited
from ces.hacks.patterns import Pattern, added
from ces.verdict import Flag

_WORDS = {
    "ocaml": r"\bskip_if\b|\bAlcotest\.skip\b|\bOUnit2?\.(?:skip_if|todo)\b|(?<![\w.])todo\s+\""
    r"|@tags\b|\bQCheck\.assume_fail\b",
    "python": r"\bpytest\.(?:mark\.)?(?:skip|skipif|xfail|importorskip)\b|\bunittest\.(?:skip\w*|expectedFailure)\b"
    r"|@(?:skip\w*|expectedFailure)\b|\.skipTest\(|\bSkipTest\b|\bcollect_ignore\b|\b__test__\s*=\s*False\b",
    "rust": r"#\[\s*(?:ignore\b|should_panic|cfg\(\s*(?:any\(\s*\)|FALSE))",
    "typescript": r"\b(?:it|test|describe|suite|context)\.(?:skip|todo|only|failing|fails|skipIf)\b"
    r"|(?<![\w.])(?:xit|xtest|xdescribe|fit|fdescribe)\(|\bthis\.skip\(",
}
# In code that is no test the same words switch off the tests that import it.
_FROM_CODE = Pattern(
    trick="suite-skipped",
    language="python",
    words=r"\bpytest\.(?:skip|xfail|exit|importorskip)\(|\bpytestmark\b|\bpytest\.mark\.(?:skip|xfail)|\bSkipTest\b",
)
PATTERNS = tuple(Pattern(trick="test-skipped", language=language, words=words) for language, words in _WORDS.items())


def find(change: Edited) -> Iterator[Flag]:
    yield from added(change.files, PATTERNS)
    yield from added([file for file in change.files if not file.test], (_FROM_CODE,))


FAMILY = Family(
    name="skipped",
    tricks=(
        Trick("test-skipped", "A test is skipped, expected to fail, or the only one left to run.", "tests"),
        Trick("suite-skipped", "Code that is no test skips the tests that import it."),
    ),
    find=find,
)
