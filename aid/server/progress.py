"""`$/progress` for one piece of work: what a person sees of it in an editor without a plugin.

Source: LSP 3.17, "Work Done Progress".
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol.types import WorkDoneProgressBegin, WorkDoneProgressEnd, WorkDoneProgressReport

from aid.protocol import UpdateParams
from aid.server.editor_protocol import PeerError
from aid.session.client import OpenDocument
from aid.wording import candidate_words
from ces.change import FileChange

if TYPE_CHECKING:
    from aid.server.lsp import Editor

CREATE_TIMEOUT_S = 2.0

_numbers = itertools.count(1)


class Progress:
    """The client of one request, with the request's progress told under `token`.

    `passes_on`: `aid/update` goes to the client too (it asked by `aid/…`, so it knows what that is).
    """

    def __init__(self, editor: Editor, token: int | str | None, title: str, *, passes_on: bool) -> None:
        self._editor = editor
        self._shown = editor.work_done_progress
        self._token = token
        self._title = title
        self._passes_on = passes_on
        self._said = ""

    async def begin(self, *, may_create: bool) -> None:
        """Show it; with no token from the client, under one of our own if the client lets us make one."""
        if self._token is None and may_create:
            token = f"aid-progress-{os.getpid()}-{next(_numbers)}"  # another daemon may have had the numbers
            try:
                async with asyncio.timeout(CREATE_TIMEOUT_S):
                    await self._shown.create_async(token)
            except (PeerError, TimeoutError):
                return
            self._token = token
        task = asyncio.current_task()
        if self._token is not None and task is not None:
            self._shown.tokens[self._token] = task  # type: ignore[assignment]  # what pygls ends when the person cancels
            self._shown.begin(self._token, WorkDoneProgressBegin(title=self._title, cancellable=True))

    def end(self) -> None:
        """pygls itself forgets no token."""
        if self._token is not None and self._shown.tokens.pop(self._token, None) is not None:
            self._shown.end(self._token, WorkDoneProgressEnd())

    def documents(self) -> Mapping[Path, OpenDocument]:
        return self._editor.connection.documents()

    def changed(self, root: Path) -> None:
        self._editor.connection.changed(root)

    async def apply_edit(self, root: Path, changes: Sequence[FileChange], label: str) -> str | None:
        return await self._editor.connection.apply_edit(root, changes, label)

    async def made_edit(self) -> bool:
        return await self._editor.connection.made_edit()

    def update(self, params: UpdateParams) -> None:
        if self._passes_on:
            self._editor.connection.update(params)
        said = _line(params)
        if self._token in self._shown.tokens and said and said != self._said:
            self._said = said
            self._shown.report(self._token, WorkDoneProgressReport(message=said))


def _line(params: UpdateParams) -> str:
    match params.kind:
        case "status":
            return params.text
        case "sources":
            return f"context from {len(params.sources)} sources"
        case "candidate" if params.candidate is not None:
            return f"{params.candidate.model}: {candidate_words(params.candidate)}"
        case "restart":
            return "going on in a new daemon"
        case "reasoning":
            return f"{params.model} is thinking" if params.model else "thinking"
        case _:
            return f"{params.model} is writing" if params.model else "writing"
