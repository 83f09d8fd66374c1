"""Progress on a terminal: the answer as it streams in, replaced by one line a candidate when it is judged."""

from __future__ import annotations

from rich.console import Console
from rich.live import Live as RichLive
from rich.text import Text

from aid.cli.say import coloured
from aid.printable import printable
from aid.protocol import UpdateParams

SHOWN_LINES = 12


class Live:
    """A context manager; what it draws is gone when it ends, save the lines it printed above."""

    def __init__(self, *, show_all: bool) -> None:
        self._show_all = show_all
        self._console = Console(stderr=True)
        self._live = RichLive(console=self._console, transient=True, refresh_per_second=12)
        self._streamed = ""

    def __enter__(self) -> Live:
        self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._live.stop()

    def update(self, params: UpdateParams) -> None:
        if params.kind in ("text", "reasoning"):
            self._streamed += params.text
            tail = "\n".join(self._streamed.splitlines()[-SHOWN_LINES:])
            self._live.update(Text(printable(tail), style="dim"))
            return
        if self._show_all and params.proposal is not None:
            self._live.console.print(coloured(params.proposal.diff))
        if params.line:
            self._live.console.print(Text(printable(params.line), style=_style(params)), highlight=False)
        if params.kind == "candidate":
            self._streamed = ""
            self._live.update(Text(""))


def _style(params: UpdateParams) -> str:
    verdict = params.candidate.verdict if params.candidate else None
    if verdict is None:
        return "dim"
    return {"green": "green", "red": "red"}.get(verdict.status, "yellow")
