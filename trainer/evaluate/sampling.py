"""From a task to a judged sample, by AID's own prompt, format and edit code and CES's verdict."""

import asyncio
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import msgspec

from aid.config import Config
from aid.models.backend import Backend, Chunk, Prompt
from aid.session.asking import Question
from aid.session.attempt import Attempt, attempt
from ces.change import FileChange
from ces.judge import Judge
from ces.score import scored
from ces.tasks.task import Task
from ces.verdict import Diagnostic, Stage, Verdict
from trainer.evaluate.sample import Sample
from trainer.evaluate.scene import Scene

SAMPLE_TEMPERATURE = 0.8
_NOWHERE: dict[str, Stage] = {"no-edit": "format", "rejected": "apply", "no-op": "apply", "duplicate": "apply"}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A task ready to be sampled: what its broken state is, and the prompt that AID would send."""

    task: Task
    changes: tuple[FileChange, ...]
    prompt: Prompt


class Sampler:
    """One run's model, asked task by task. `scenes` are kept by base, so that a project is copied and indexed once."""

    def __init__(self, backend: Backend, config: Config, judge: Judge, folder: Path) -> None:
        self._backend = backend
        self._config = config
        self._judge = judge
        self._folder = folder
        self._scenes: dict[tuple[str, str | None], asyncio.Task[Scene]] = {}

    async def prepare(self, task: Task) -> Asked:
        """Lay the task on its project and write the prompt."""
        scene = await self._scene(task)
        changes = scene.broken(task)
        diagnostics = task.diagnostics or await self._diagnostics(task)
        question = Question(backend=self._backend, config=self._config, request=task.prompt)
        asked = await scene.ask(question, changes, diagnostics)
        return Asked(task=task, changes=changes, prompt=asked)

    async def sample(self, asked: Asked, index: int) -> Sample:
        """One answer, placed and judged. The first is asked for as when serving, the others warmer."""
        prompt = msgspec.structs.replace(asked.prompt, seed=index)
        if index and not self._backend.capabilities.deterministic:
            prompt = msgspec.structs.replace(prompt, temperature=max(prompt.temperature, SAMPLE_TEMPERATURE))
        cut = False

        def on_chunk(chunk: Chunk) -> None:
            nonlocal cut
            cut = cut or chunk.finish == "length"

        scene = await self._scene(asked.task)
        done = await attempt(self._backend, prompt, scene.reader(asked.changes), on_chunk, resampled=True)
        started = time.monotonic()
        verdict = await self._verdict(asked.task, done)
        return _sample(asked.task, index, done, verdict, cut, (time.monotonic() - started) * 1000)

    async def close(self) -> None:
        for opened in await asyncio.gather(*self._scenes.values(), return_exceptions=True):
            if isinstance(opened, Scene):
                await opened.close()

    async def _scene(self, task: Task) -> Scene:
        place = (task.workspace, task.rev)
        if place not in self._scenes:
            self._scenes[place] = asyncio.ensure_future(self._opened(task))
        return await asyncio.shield(self._scenes[place])

    async def _opened(self, task: Task) -> Scene:
        async with self._judge.bases.held(Path(task.workspace), task.rev) as warm:
            return await Scene.open(warm.tree, self._folder / f"{warm.record.id}-{uuid.uuid4().hex[:8]}", self._config)

    async def _diagnostics(self, task: Task) -> Sequence[Diagnostic]:
        request = msgspec.structs.replace(task.request(""), policy="report", reference=None)
        return (await self._judge.check(request)).diagnostics

    async def _verdict(self, task: Task, done: Attempt) -> Verdict:
        if done.outcome == "placed":
            return await self._judge.check(task.request(done.diff))
        if done.outcome == "failed":
            return Verdict(status="infra_error", stage=None, reason=done.error)
        stage: Stage = "format" if not done.well_formed else _NOWHERE[done.outcome]
        return scored(Verdict(status="red", stage=stage), task.upto)


def _sample(task: Task, index: int, done: Attempt, verdict: Verdict, cut: bool, judge_ms: float) -> Sample:
    errors = [item for item in verdict.diagnostics if item.severity == "error"]
    return Sample(
        task=task.id,
        kind=task.kind,
        project=task.project,
        model=done.model,
        index=index,
        outcome=done.outcome,
        reply=done.reply,
        diff=done.diff,
        well_formed=done.well_formed,
        status=verdict.status,
        stage=verdict.stage,
        components=verdict.components,
        reward=verdict.reward,
        flags=tuple(flag.name for flag in verdict.flags),
        first_error=errors[0].message.splitlines()[0] if errors else verdict.reason,
        error=done.error,
        tries=done.tries,
        completion_tokens=done.completion_tokens,
        cut=cut,
        model_ms=done.model_ms,
        judge_ms=judge_ms,
    )
