"""`$/progress` for one piece of work: what a person sees of it in an editor without a plugin.

Source: LSP 3.17, "Work Done Progress".
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aid.protocol import UpdateParams
from aid.server.lsp_types import ProgressBegin, ProgressEnd, ProgressParams, ProgressReport, Token, TokenParams
from aid.server.peer import PeerError
from aid.session.client import OpenDocument
from ces.change import FileChange

if TYPE_CHECKING:
    from aid.server.connection import Connection

CREATE_TIMEOUT_S = 2.0

_numbers = itertools.count(1)


class Progress:
    """The client of one request, with the request's progress told under `token`.

    `passes_on`: `aid/update` goes to the client too (it asked by `aid/…`, so it knows what that is).
    """

    def __init__(self, connection: Connection, token: Token | None, title: str, *, passes_on: bool) -> None:
        self._connection = connection
        self._title = title
        self._passes_on = passes_on
        self._begun = False
        self._said = ""
        self.token = token

    async def begin(self, *, may_create: bool) -> None:
        """Show it; with no token from the client, under one of our own if the client lets us make one."""
        if self.token is None and may_create:
            token = f"aid-progress-{next(_numbers)}"
            try:
                await self._connection.ask("window/workDoneProgress/create", TokenParams(token=token), CREATE_TIMEOUT_S)
            except PeerError:
                return
            self.token = token
        if self.token is not None:
            self._begun = True
            self._tell(ProgressBegin(title=self._title, cancellable=True))

    def end(self, told: str | None = None) -> None:
        if self._begun:
            self._begun = False
            self._tell(ProgressEnd(message=told))

    def documents(self) -> Mapping[Path, OpenDocument]:
        return self._connection.documents()

    async def apply_edit(self, root: Path, changes: Sequence[FileChange], label: str) -> str | None:
        return await self._connection.apply_edit(root, changes, label)

    def update(self, params: UpdateParams) -> None:
        if self._passes_on:
            self._connection.update(params)
        said = _line(params)
        if self._begun and said and said != self._said:
            self._said = said
            self._tell(ProgressReport(message=said))

    def _tell(self, value: ProgressBegin | ProgressReport | ProgressEnd) -> None:
        assert self.token is not None
        self._connection.notify("$/progress", ProgressParams(token=self.token, value=value))


class Cancellable:
    """Which task each shown progress belongs to, for `window/workDoneProgress/cancel`."""

    def __init__(self) -> None:
        self._tasks: dict[Token, asyncio.Task[object]] = {}

    def add(self, token: Token | None) -> None:
        task = asyncio.current_task()
        if token is not None and task is not None:
            self._tasks[token] = task

    def discard(self, token: Token | None) -> None:
        if token is not None:
            self._tasks.pop(token, None)

    def cancel(self, token: Token) -> None:
        task = self._tasks.get(token)
        if task is not None:
            task.cancel()


def _line(params: UpdateParams) -> str:
    match params.kind:
        case "status":
            return params.text
        case "sources":
            return f"context from {len(params.sources)} sources"
        case "candidate" if params.candidate is not None:
            verdict = params.candidate.verdict
            return f"{params.candidate.model}: {verdict.status if verdict is not None else params.candidate.status}"
        case "reasoning":
            return f"{params.model} is thinking" if params.model else "thinking"
        case _:
            return f"{params.model} is writing" if params.model else "writing"
