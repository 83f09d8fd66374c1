"""The steps of a turn as the editor shows them: context, ask, judge, propose."""

from aid.acp import schema
from aid.acp.editor import Say

CONTEXT, ASK, JUDGE, PROPOSE = range(4)
_STEPS = ("Gather context and the build's errors", "Ask {model}", "Judge the answer by the build", "Propose the change")


class Plan:
    """Says the steps anew whenever one of them has moved on."""

    def __init__(self, say: Say, model: str) -> None:
        self._say = say
        self._names = tuple(step.format(model=model) for step in _STEPS)
        self._at = -1

    def reach(self, step: int) -> None:
        """`step` is under way; those before it are done. Never goes back."""
        if step > self._at:
            self._at = step
            self._say(schema.Plan(entries=tuple(self._entry(number) for number in range(len(self._names)))))

    def finish(self) -> None:
        self.reach(len(self._names))

    def _entry(self, number: int) -> schema.Step:
        status: schema.StepStatus = "pending"
        if number <= self._at:
            status = "completed" if number < self._at else "in_progress"
        return schema.Step(content=self._names[number], status=status)
