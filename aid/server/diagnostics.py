"""What the build says of an editor's workspaces, published as LSP diagnostics and told as `aid/buildChanged`.

One build at a time for each folder; changes that come meanwhile mean one more afterwards, not one each.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol.types import Diagnostic, DiagnosticSeverity, Position, PublishDiagnosticsParams, Range

from aid.errors import AidError
from aid.protocol import BuildChangedParams, BuildParams, BuildState, InitializationOptions
from aid.server.documents import Document
from aid.server.host import Host
from aid.server.positions import line_starts, position
from aid.wording import build_words, count
from ces import verdict

if TYPE_CHECKING:
    from aid.server.lsp import Editor

log = logging.getLogger("aid.server")

READ_LIMIT_BYTES = 4_000_000


class BuildDiagnostics:
    """One editor's."""

    def __init__(self, editor: Editor, host: Host) -> None:
        self._editor = editor
        self._host = host
        self._running: dict[Path, asyncio.Task[None]] = {}
        self._again: set[Path] = set()
        self._published: dict[Path, set[str]] = {}
        self.asked_for = InitializationOptions()

    def refresh(self, root: Path) -> None:
        """Build `root` again, soon, and publish what comes of it, to an editor that wants to know."""
        if not (self.asked_for.diagnostics or self.asked_for.build_changed):
            return
        if root in self._running:
            self._again.add(root)
            return
        task = asyncio.get_running_loop().create_task(self._build(root))
        self._running[root] = task
        task.add_done_callback(partial(self._built, root))

    def close(self) -> None:
        self._again.clear()
        for task in list(self._running.values()):
            task.cancel()

    def _built(self, root: Path, task: asyncio.Task[None]) -> None:
        del self._running[root]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("internal error in diagnostics", exc_info=error)
        if root in self._again:
            self._again.discard(root)
            self.refresh(root)

    async def _build(self, root: Path) -> None:
        self._tell(root, "running", badge="building")
        try:
            status = await self._host.build(BuildParams(workspace=str(root)), self._editor.connection)
        except AidError as error:
            log.info("no diagnostics", extra={"root": str(root), "reason": type(error).__name__})
            self._tell(root, "unchecked", badge=f"unchecked: {error}")
            return
        errors, warnings = count(status, "error"), count(status, "warning")
        self._tell(root, status.status, errors=errors, warnings=warnings, badge=build_words(status))
        if status.status not in ("green", "red") or not self.asked_for.diagnostics:
            return  # it says nothing of the tree: what was published stands
        by_file: dict[str, list[verdict.Diagnostic]] = {}
        for each in status.diagnostics:
            if each.file is not None:
                by_file.setdefault(each.file, []).append(each)
        self._publish(root, await asyncio.to_thread(_texts, root, by_file), by_file)

    def _tell(self, root: Path, status: BuildState, **told: Any) -> None:
        if self.asked_for.build_changed:
            params = BuildChangedParams(workspace=str(root), status=status, **told)
            self._editor.connection.notify("aid/buildChanged", params)

    def _publish(
        self, root: Path, texts: Mapping[str, str], by_file: Mapping[str, Sequence[verdict.Diagnostic]]
    ) -> None:
        fresh = {}
        open_files = self._editor.workspace.files()
        for file, found in by_file.items():
            document = open_files.get(root / file)
            text = document.text if document is not None else texts.get(file, "")
            fresh[_uri(root / file, document)] = tuple(
                to_lsp(each, text, self._editor.workspace.encoding) for each in found
            )
        for uri in self._published.get(root, set()) - fresh.keys():
            fresh[uri] = ()
        self._published[root] = {uri for uri, found in fresh.items() if found}
        for uri, found_there in fresh.items():
            self._editor.text_document_publish_diagnostics(PublishDiagnosticsParams(uri, found_there))


def to_lsp(found: verdict.Diagnostic, text: str, encoding: str) -> Diagnostic:
    """`found` with its code points counted in the editor's units; without a range it stands at the top."""
    where = Range(Position(0, 0), Position(0, 0))
    if found.range is not None:
        starts = line_starts(text)
        first, last = found.range, found.range
        where = Range(
            position(text, starts, first.start_line, first.start_character, encoding),
            position(text, starts, last.end_line, last.end_character, encoding),
        )
    return Diagnostic(
        range=where,
        message=found.message,
        severity=DiagnosticSeverity[found.severity.capitalize()],
        code=found.code,
        source=found.source or "aid",
    )


def _texts(root: Path, files: Mapping[str, object]) -> dict[str, str]:
    """The files' texts; one that is gone or too large counts as empty."""
    texts = {}
    for file in files:
        try:
            with (root / file).open("rb") as source:
                texts[file] = source.read(READ_LIMIT_BYTES).decode("utf-8", "replace")
        except OSError:
            continue
    return texts


def _uri(path: Path, document: Document | None) -> str:
    return document.uri if document is not None else path.as_uri()
