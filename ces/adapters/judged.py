"""Replies to verdicts: what every trainer's adapter does between its library's signature and CES."""

from collections.abc import Sequence

import msgspec

from ces import score
from ces.adapters import asking, replies
from ces.adapters.asking import Ask
from ces.adapters.row import Row
from ces.request import CheckRequest, Policy
from ces.verdict import Verdict
from ces.waiting import in_thread

NO_EDIT = "the reply has no edit"


class Judging(msgspec.Struct, frozen=True, kw_only=True):
    """How a reply is judged: by whom, how it becomes a diff (`ces.adapters.replies.ToDiff` by its path), how strictly,
    how long the build may run."""

    ask: Ask
    to_diff: str = replies.UNIFIED
    policy: Policy = "reward"
    timeout_s: float = 120.0

    async def verdicts(self, texts: Sequence[str], tasks: Sequence[Row]) -> list[Verdict]:
        """The verdicts on replies to tasks, in their order. Raises CesError for what concerns every reply.

        A reply without an edit fails the `format` stage here, whether or not CES can be reached.
        """
        diffs = await in_thread(lambda: self._diffs(texts, tasks))
        found = iter(await asking.verdicts(self.ask, self._requests(diffs, tasks)))
        return [no_edit(task) if diff is None else next(found) for diff, task in zip(diffs, tasks, strict=True)]

    def verdict_now(self, text: str, task: Row) -> Verdict:
        """One verdict, waited for in this thread."""
        diffs = self._diffs([text], [task])
        found = asking.verdicts_now(self.ask, self._requests(diffs, [task]))
        return found[0] if found else no_edit(task)

    def _diffs(self, texts: Sequence[str], tasks: Sequence[Row]) -> list[str | None]:
        to_diff = replies.to_diff(self.to_diff)
        return [to_diff(text, task) for text, task in zip(texts, tasks, strict=True)]

    def _requests(self, diffs: Sequence[str | None], tasks: Sequence[Row]) -> list[CheckRequest]:
        return [
            task.request(diff, self.policy, self.timeout_s)
            for diff, task in zip(diffs, tasks, strict=True)
            if diff is not None
        ]


def no_edit(task: Row) -> Verdict:
    """The verdict on a reply that has nothing to apply."""
    return score.scored(Verdict(status="red", stage="format", reason=NO_EDIT), task.upto)
