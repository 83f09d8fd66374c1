"""What is kept of requests under way: for a session that comes back, bounded, and never at a request's cost."""

import stat
from pathlib import Path

import pytest

from aid.session import kept
from aid.session.kept import Kept, Key


def test_a_session_that_comes_back_finds_what_it_asks_again_and_the_rest_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "requests.db"
    first = Kept(path)
    for number in (1, "1", 2):
        first.answer(Key("s", number), f"answer to {number!r}".encode())
    first.answer(Key("other", 1), b"not theirs")
    first.reply(Key("s", 3), "m 0 1", b"reply")
    first.reply(Key("s", 4), "m 0 1", b"of a request that was cancelled")
    first.close()
    second = Kept(path)
    assert second.attached("s", [1, "1", 3]) == {1: b"answer to 1", "1": b"answer to '1'"}
    assert second.replies(Key("s", 3)) == {"m 0 1": b"reply"}
    assert second.replies(Key("s", 4)) == {}
    second.forget([Key("s", 1)])
    assert second.attached("s", [1, "1", 2]) == {"1": b"answer to '1'"}
    second.forget_session("s")
    assert second.attached("s", ["1"]) == {}
    assert second.attached("other", [1]) == {1: b"not theirs"}
    second.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_answer_takes_the_place_of_the_replies_it_was_made_from(tmp_path: Path) -> None:
    here = Kept(tmp_path / "requests.db")
    here.reply(Key("s", 1), "m 0 1", b"reply")
    here.answer(Key("s", 1), b"answer")
    assert here.replies(Key("s", 1)) == {}
    here.close()


def test_sessions_that_never_come_back_take_a_bounded_room(tmp_path: Path) -> None:
    here = Kept(tmp_path / "requests.db")
    for number in range(kept.KEPT_ROWS + 10):
        here.answer(Key("s", number), b"answer")
    here.answer(Key("s", "huge"), b"x" * (kept.LARGEST_BYTES + 1))
    here.close()
    found = Kept(tmp_path / "requests.db").attached("s", [0, kept.KEPT_ROWS + 9, "huge"])
    assert found == {kept.KEPT_ROWS + 9: b"answer"}


def test_what_cannot_be_read_is_not_remembered_and_nobody_is_told_no(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "requests.db"
    path.write_bytes(b"no database at all" * 100)
    here = Kept(path)
    here.answer(Key("s", 1), b"answer")
    assert here.attached("s", [1]) == {}
    here.close()
    assert "kept" in caplog.text
