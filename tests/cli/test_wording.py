"""What a person reads of a result; each line must be true."""

from aid.cli.wording import result_lines
from aid.protocol import Candidate, PromptResult, Proposal, Timings
from aid.wording import verdict_words
from ces.verdict import Diagnostic, Range, Verdict

ERROR = Diagnostic(file="a.ml", range=Range(2, 4, 2, 9), severity="error", message="Unbound value x\nHint: y")
RED = Verdict(status="red", stage="typecheck", diagnostics=(ERROR,), remaining=1, fixed=2, adapter="dune")
GREEN = Verdict(status="green", stage="test", fixed=1, adapter="dune")


def result(verdict: Verdict, candidates: int, **fields: object) -> PromptResult:
    proposal = Proposal(id="p1", request="r1", workspace="/w", model="m", diff="", files=(), verdict=verdict)
    tried = tuple(Candidate(model="m", status="placed", verdict=verdict) for _ in range(candidates))
    timings = Timings(total=1500.0)
    return PromptResult(id="r1", model="m", proposal=proposal, candidates=tried, timings_ms=timings, **fields)  # type: ignore[arg-type]


def test_verdicts_in_words() -> None:
    unchecked = Verdict(status="unchecked", stage=None, reason="no build was recognised")
    masked = Verdict(status="red", stage="parse", adapter="dune", remaining=2)
    assert [verdict_words(each) for each in (GREEN, RED, masked, unchecked)] == [
        "green (dune test), 1 error fixed",
        "red (dune typecheck): 1 new error, 2 gone, 1 remaining",
        "red (dune parse): no new errors seen, 2 remaining",
        "unchecked: no build was recognised",
    ]


def test_a_red_proposal_says_that_nothing_was_green_and_what_to_do() -> None:
    assert result_lines(result(RED, 2)) == [
        "none of the 2 candidates is green; the best of them is p1",
        "verdict: red (dune typecheck): 1 new error, 2 gone, 1 remaining",
        "  a.ml:3:5: error: Unbound value x",
        "proposal p1 by m, 1.5 s",
        "'aid accept p1' applies it",
    ]


def test_an_applied_one_says_how_to_take_it_back() -> None:
    assert result_lines(result(GREEN, 1, applied="p1"))[-1] == "applied as p1: 'aid undo p1' takes it back"


def test_nothing_proposed_says_why() -> None:
    assert result_lines(PromptResult(id="r1", model="m", reason="the answer has no edits")) == [
        "nothing proposed: the answer has no edits"
    ]
