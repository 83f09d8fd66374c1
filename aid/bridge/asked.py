"""What a daemon asks of the editor, so that an editor's late answer reaches whoever it is for, and no one else. Pure.

A daemon names an edit it wants made by the request it is for: the next daemon, which does that request again, asks by
the same id, and is given the answer to the first in place of having the edit made twice. It may ask for that answer
alone (`aid.attach.EDITED`): an editor that was never asked for the edit refuses that. Answers to what a dead daemon
asked, and no one asked again, are dropped.
"""

from collections import OrderedDict

import msgspec

KEPT = 256


class _Question(msgspec.Struct):
    """`current`: the daemon at the other end now wants the answer."""

    current: bool = True
    answer: bytes | None = None


class Asked:
    def __init__(self) -> None:
        self._questions: OrderedDict[int | str, _Question] = OrderedDict()

    def by_daemon(self, identity: int | str) -> tuple[bool, bytes | None]:
        """Whether the editor is to be asked, and the answer where it has been given already."""
        question = self._questions.get(identity)
        if question is not None:
            question.current = True
            return False, question.answer
        self._questions[identity] = _Question()
        while len(self._questions) > KEPT:
            self._questions.popitem(last=False)
        return True, None

    def answered(self, identity: int | str | None, body: bytes) -> bool:
        """The editor answers: whether the daemon at the other end is to have it."""
        question = self._questions.get(identity) if identity is not None else None
        if question is None:
            return False
        question.answer = body
        return question.current

    def lost(self) -> None:
        """The daemon went."""
        for question in self._questions.values():
            question.current = False
