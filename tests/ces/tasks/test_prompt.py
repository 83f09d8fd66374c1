"""What a person would ask, by what the build says."""

import pytest

from ces.tasks.prompt import prompts
from ces.verdict import Diagnostic, Stage


def error(message: str, file: str | None = "lib/b.ml") -> Diagnostic:
    return Diagnostic(file=file, range=None, severity="error", message=message)


@pytest.mark.parametrize(
    ("stage", "errors", "said"),
    [
        (
            "typecheck",
            [error("Unbound value x\nHint: y")],
            [
                "lib/b.ml is red, fix it",
                "fix the build error in lib/b.ml",
                "it doesn't compile any more, mend it",
                "fix the build",
                "fix this: Unbound value x",
            ],
        ),
        (
            "test",
            [error("the output differs:\n-1\n+2", "test/t.ml")],
            ["the tests fail, fix the code", "make the tests pass", "fix this: the output differs"],
        ),
        (
            "test",
            [error("assert 1 == 2", "lib/a.ml")],
            [
                "the tests fail since lib/a.ml was changed, fix it",
                "the tests fail, fix the code",
                "make the tests pass",
                "fix this: assert 1 == 2",
            ],
        ),
        (
            "build",
            [],
            [
                "lib/a.ml is red, fix it",
                "fix the build error in lib/a.ml",
                "it doesn't compile any more, mend it",
                "fix the build",
            ],
        ),
    ],
)
def test_what_is_asked_is_what_a_person_sees(stage: Stage, errors: list[Diagnostic], said: list[str]) -> None:
    assert list(prompts(["lib/a.ml"], errors, stage)) == said


def test_a_message_is_cut_to_a_line_without_the_place_it_repeats() -> None:
    long = 'File "b.pp.ml", line 77, characters 17-19:\nThis expression ' + "x" * 200
    assert prompts([], [error(long)], "typecheck")[-1] == "fix this: This expression " + "x" * 103 + "…"
