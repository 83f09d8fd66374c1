"""Whether code that nobody has read may be run."""

import pytest

from ces.errors import NoIsolation
from ces.isolation import ALLOW_FLAG, ALLOW_VARIABLE, Isolation, require

NONE = Isolation(kind="session", view="copy", network=True, notes=("bubblewrap is missing: install it",))
SOME = Isolation(kind="unshare", view="overlay", network=False)


def test_what_encloses_is_enough() -> None:
    require(SOME)


def test_a_session_is_no_isolation_and_the_refusal_says_why_and_what_to_do() -> None:
    with pytest.raises(NoIsolation) as refused:
        require(NONE)
    for said in ("bubblewrap is missing: install it", "aid ces doctor", ALLOW_FLAG, ALLOW_VARIABLE):
        assert said in str(refused.value)


def test_the_person_may_say_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    require(NONE, allow_unsafe=True)
    monkeypatch.setenv(ALLOW_VARIABLE, "1")
    require(NONE)


def test_anything_but_a_plain_yes_is_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOW_VARIABLE, "maybe")
    with pytest.raises(NoIsolation):
        require(NONE)
