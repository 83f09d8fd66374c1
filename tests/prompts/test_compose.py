"""What a model is sent, and that what stays the same stands first."""

from aid.edits.edit import Rejected
from aid.models.backend import Message
from aid.prompts import Section, ask_again, compose, overhead_text

MAP = Section("Other files", "lib/shape.mli: val area : t -> float", volatile=False)
FILE = Section("File", "let area r = 3 * r\n", path="lib/area.ml", volatile=False)
ERROR = Section("Build errors", "lib/area.ml:1: This expression has type int")


def text(messages: tuple[Message, ...]) -> str:
    return "\n".join(f"{message.role}: {message.content}" for message in messages)


def test_files_are_fenced_under_their_path_and_the_request_comes_last() -> None:
    system, user = compose("fix it ", [MAP, FILE, ERROR], "search-replace")
    assert system.content.endswith(
        "# Other files\nlib/shape.mli: val area : t -> float\n\n# File\nlib/area.ml\n```\nlet area r = 3 * r\n```"
    )
    assert user.content == "# Build errors\nlib/area.ml:1: This expression has type int\n\n# Request\nfix it"


def test_a_fence_in_a_file_gets_a_longer_fence_around_it() -> None:
    system, _ = compose("x", [Section("File", "a\n````\nb", path="n.md", volatile=False)], "whole")
    assert "n.md\n`````\na\n````\nb\n`````" in system.content


def test_a_second_turn_begins_with_the_first_one_word_for_word() -> None:
    first = compose("fix it", [MAP, FILE, ERROR], "search-replace")
    history = (Message("user", "fix it"), Message("assistant", "done"))
    second = compose("and this", [MAP, FILE], "search-replace", history)
    assert text(second).startswith(text(first[:1]))


def test_overhead_is_all_but_the_sections() -> None:
    whole = text(compose("fix it", [MAP, FILE, ERROR], "udiff"))
    assert len(overhead_text("fix it", "udiff")) < len(whole)
    assert "fix it" in overhead_text("fix it", "udiff")


def test_refusals_are_sent_back_after_the_reply_they_are_about() -> None:
    sent = compose("fix it", [FILE], "search-replace")
    refused = Rejected(path="lib/area.ml", reason="not found")
    again = ask_again(sent, "my edits", [(refused, "lib/area.ml: not found; the nearest lines are\n1: let area r")])
    assert again[: len(sent)] == sent
    assert [message.role for message in again[len(sent) :]] == ["assistant", "user"]
    assert "the nearest lines are\n1: let area r" in again[-1].content
