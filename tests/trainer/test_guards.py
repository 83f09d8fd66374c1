"""Models that went off the rails are named, and ordinary ones are not."""

from typing import Any

import pytest

from trainer.evaluate.guards import findings, is_looping, is_promising
from trainer.evaluate.sample import Sample
from trainer.evaluate.summary import compare

EDIT = "a.ml\n<<<<<<< SEARCH\nlet a = 1\n=======\nlet a = 2\n>>>>>>> REPLACE\n"


def sample(task: str = "t", index: int = 0, *, green: bool = True, **fields: Any) -> Sample:
    ordinary: dict[str, Any] = {
        "task": task, "kind": "mutate:x", "project": "p", "model": "m", "index": index, "outcome": "placed",
        "reply": EDIT, "diff": "--- a\n+++ b\n", "well_formed": True, "status": "green" if green else "red",
        "stage": "test" if green else "typecheck",
        "components": {"format": 1.0, "apply": 1.0, "typecheck": 1.0 if green else 0.0},
        "reward": 1.0 if green else 0.0,
    }  # fmt: skip
    return Sample(**(ordinary | fields))


def fired(samples: list[Sample], present: list[Sample] | None = None) -> list[str]:
    comparison = compare(samples, present) if present else None
    return [each.guard for each in findings(samples, present or [], comparison)]


def many(count: int = 60, **fields: Any) -> list[Sample]:
    return [sample(f"t{number}", **fields) for number in range(count)]


def test_an_ordinary_model_is_let_through() -> None:
    assert fired(many()) == []
    assert fired(many(), many()) == []


@pytest.mark.parametrize(
    ("guard", "fields"),
    [
        ("empty", {"reply": " \n"}),
        ("looping", {"reply": EDIT + "let x = 1\n" * 40}),
        ("promising", {"reply": "Good point. I'll do it tomorrow.", "diff": "", "outcome": "no-edit"}),
        ("promising", {"reply": "As an AI I can't change code.", "diff": "", "outcome": "no-edit"}),
        ("format", {"well_formed": False}),
        ("cut", {"cut": True}),
    ],
)
def test_each_guard_fires_for_its_own_fault(guard: str, fields: dict[str, Any]) -> None:
    assert guard in fired(many(40) + many(20, **fields))
    assert guard not in fired(many(59) + many(1, **fields))


def test_answers_that_grow_without_bound() -> None:
    long = many(reply=EDIT + "".join(f"let value_{n} = {n * n}\n" for n in range(60)))
    assert fired(long, many()) == ["growth"]
    assert fired(many(), long) == []
    words = many(green=False, reply="No.", diff="", outcome="no-edit", well_formed=False)
    assert fired(many(), words) == []  # an edit is longer than a refusal


def test_a_model_that_passes_less_often_than_the_present_one_beyond_noise() -> None:
    worse = [sample(f"t{n}", green=n % 2 == 0) for n in range(60)]
    assert fired(worse, many()) == ["pass rate"]
    one_less = [sample(f"t{n}", green=n != 7) for n in range(60)]
    assert fired(one_less, many()) == []


def test_a_fall_that_is_the_same_on_every_task() -> None:
    worse = [sample(f"t{n}", index, green=index > 0) for n in range(8) for index in range(4)]
    assert fired(worse, [sample(f"t{n}", index) for n in range(8) for index in range(4)]) == ["pass rate"]


@pytest.mark.parametrize("count", range(1, 6))
def test_a_lower_pass_rate_on_too_few_tasks_to_tell_is_no_pass(count: int) -> None:
    assert fired(many(count, green=False), many(count)) == ["pass rate"]
    [found] = findings(many(count, green=False), many(count), compare(many(count, green=False), many(count)))
    assert "passes 100.0% less often" in found.message and "at least 6 would have to" in found.message
    assert fired(many(count), many(count)) == [] and fired(many(count), many(count, green=False)) == []


def test_tasks_that_neither_model_passes_hide_no_fall_on_the_others() -> None:
    never = [sample(f"never{n}", green=False) for n in range(2)]
    assert fired(never + many(5, green=False), never + many(5)) == ["pass rate"]


def test_a_habit_that_both_models_have_is_no_reason_to_keep_the_old_one() -> None:
    assert fired(many(cut=True), many(cut=True)) == []


UNSCORABLE: dict[str, Any] = {
    "reply": "", "diff": "", "well_formed": False, "outcome": "failed", "status": "infra_error", "reward": None,
    "error": "the server is down",
}  # fmt: skip


def test_what_the_machine_failed_is_no_answer() -> None:
    assert fired(many(95) + many(5, **UNSCORABLE)) == []


def test_a_model_that_could_not_be_judged_is_not_promoted() -> None:
    [found] = findings(many(60, **UNSCORABLE))
    assert found.guard == "unscorable" and "60 of 60 samples could not be judged" in found.message
    assert "the server is down" in found.message
    assert fired(many(40) + many(20, **UNSCORABLE)) == ["unscorable"]
    assert fired(many(), many(60, **UNSCORABLE)) == ["pass rate"]  # nothing to set it against


def test_code_is_not_taken_for_a_loop_or_a_promise() -> None:
    code = "".join(f"let rec f{n} x = if x = {n} then g{n * 7} (x - {n}) else h x\n" for n in range(30))
    assert not is_looping(sample(reply=code))
    assert not is_promising(sample(reply=f"I'm sorry about that.\n{EDIT}"))
