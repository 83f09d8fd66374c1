"""A project on disk, on which tasks are laid one after another for AID to gather context from, as it does when serving.

The scene is a copy of a base's tree in a temporary directory, indexed once. Laying a task writes the files that its
breakage changes; they are put back before the next is laid. What a candidate's edits are placed in is read from memory,
so that many samples of many tasks may be under way.
"""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from aid.config import Config
from aid.context.build import ContextBuilder
from aid.context.index import WorkspaceIndex
from aid.context.piece import Ask, Context
from aid.edits.edit import Document
from aid.models.backend import Prompt, SourceText
from aid.session.asking import Question, count, prompt, room
from aid.session.neighbours import neighbours
from aid.session.workspace import View
from ces import diff
from ces.change import FileChange
from ces.diff import Malformed, Misfit
from ces.tasks.task import Task
from ces.tree import Tree
from ces.verdict import Diagnostic
from trainer.errors import TrainerError


class Scene:
    """Open it with `open`; close it. `base` is the frozen tree, `folder` where the copy may be."""

    def __init__(self, base: Path, folder: Path, config: Config) -> None:
        self._base = base
        self._root = folder
        self._index = WorkspaceIndex(folder, config.context, file=folder.with_suffix(".index"))
        self._context = ContextBuilder(settings=config.context)
        self._laying = asyncio.Lock()

    @classmethod
    async def open(cls, base: Path, folder: Path, config: Config) -> "Scene":
        await asyncio.to_thread(shutil.copytree, base, folder, symlinks=True)
        scene = cls(base, folder, config)
        await scene._index.start()
        await scene._index.until_ready()
        return scene

    def broken(self, task: Task) -> tuple[FileChange, ...]:
        """What the task's breakage does to the base. Raises TrainerError for a task that doesn't fit."""
        parsed = diff.parse(task.onto)
        changes = parsed if isinstance(parsed, Malformed) else diff.apply(parsed, self._read_base)
        if isinstance(changes, Malformed | Misfit):
            reason = f"{changes.path} {changes.reason}" if isinstance(changes, Misfit) else changes.reason
            raise TrainerError(f"task {task.id} doesn't fit {task.workspace}: {reason}; make the tasks anew")
        return changes

    def reader(self, changes: Sequence[FileChange]) -> Callable[[str], Document | None]:
        """The files of the broken state, as edits are placed in them."""
        laid: dict[str, bytes | None] = {}
        for change in changes:
            if change.old_path is not None:
                laid[change.old_path] = None
            laid[change.path] = change.after

        def read(path: str) -> Document | None:
            content = laid[path] if path in laid else self._read_base(path)
            return None if content is None else Document(path=path, content=content)

        return read

    async def ask(self, question: Question, changes: Sequence[FileChange], diagnostics: Sequence[Diagnostic]) -> Prompt:
        """The prompt that AID would send for `question` in the broken state."""
        async with self._laying:
            await asyncio.to_thread(self._write, changes, back=False)
            try:
                context = await self._gathered(question, diagnostics)
                asked = prompt(question, context, diagnostics)
                if question.backend.capabilities.deterministic:
                    more = await asyncio.to_thread(self._neighbours, diagnostics, asked)
                    asked = msgspec.structs.replace(asked, sources=(*asked.sources, *more))
                return asked
            finally:
                await asyncio.to_thread(self._write, changes, back=True)

    async def close(self) -> None:
        await self._context.close()
        await self._index.close()
        await asyncio.to_thread(shutil.rmtree, self._root, ignore_errors=True)

    async def _gathered(self, question: Question, diagnostics: Sequence[Diagnostic]) -> Context:
        async def counted(texts: Sequence[str]) -> list[int]:
            return await count(question.backend, texts)

        ask = Ask(root=self._root, prompt=question.request, diagnostics=tuple(diagnostics))
        budget = await room(question)
        return await self._context.build(
            ask, budget_tokens=budget, count=counted, index=self._index, model=question.backend.name
        )

    def _neighbours(self, diagnostics: Sequence[Diagnostic], asked: Prompt) -> tuple[SourceText, ...]:
        with Tree(self._root) as tree:
            return neighbours(self._root, View(self._root, tree, {}), diagnostics, asked.sources)

    def _read_base(self, path: str) -> bytes | None:
        try:
            return (self._base / path).read_bytes()
        except OSError:
            return None

    def _write(self, changes: Sequence[FileChange], *, back: bool) -> None:
        for change in changes:
            old = change.old_path or change.path
            gone, kept, content = (change.path, old, change.before) if back else (old, change.path, change.after)
            (self._root / gone).unlink(missing_ok=True)
            if content is not None:
                target = self._root / kept
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
