"""One evaluation: every task asked of every model so many times, what was asked before left out.

In: tasks, models, how often. Out: samples in a file, each as it is judged. What the machine failed is asked again by
the next run.
"""

import asyncio
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from aid.config import Config
from aid.models import make
from aid.models.backend import Backend
from ces.judge import Judge
from ces.scratch import Scratch
from ces.tasks.task import Task
from trainer.errors import TrainerError
from trainer.evaluate.sample import Sample, Samples
from trainer.evaluate.sampling import Sampler
from trainer.evaluate.summary import RULES

RUN_FILE = "run.json"
TASKS_AT_ONCE = 2


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What is evaluated. `models` are names of the configuration, the one to be judged first."""

    tasks: tuple[Task, ...]
    models: tuple[str, ...]
    samples: int
    folder: Path

    @property
    def wanted(self) -> int:
        """Samples the whole run has. Rules answer the same whenever asked: one answer is enough."""
        return len(self.tasks) * sum(1 if model == RULES else self.samples for model in self.models)


class _Claim(msgspec.Struct, frozen=True):
    """run.json: whose samples a folder holds. The settings of each model by its name, a digest of the tasks' names."""

    models: dict[str, dict[str, Any]]
    tasks: str


Progress = Callable[[Sample], None]


async def evaluate(run: Run, config: Config, judge: Judge, on_sample: Progress) -> Samples:
    """Take the samples that are missing. `on_sample` is told of each, those that were there before included.

    The caller closes what comes back. Raises TrainerError for a task that doesn't fit its project or a folder that
    holds another run.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    samples = Samples(run.folder)
    try:
        _claim(run, config)
        for name in run.models:
            backend = make(name, config.models[name])
            try:
                with Scratch("evaluate") as folder:
                    await _one_model(run, backend, Sampler(backend, config, judge, folder.path), samples, on_sample)
            finally:
                await backend.close()
    except BaseException:
        samples.close()
        raise
    return samples


async def _one_model(run: Run, backend: Backend, sampler: Sampler, samples: Samples, on_sample: Progress) -> None:
    at_once = asyncio.Semaphore(max(1, backend.capabilities.parallel))
    tasks_at_once = asyncio.Semaphore(TASKS_AT_ONCE)

    async def one_task(task: Task) -> None:
        wanted = range(1 if backend.capabilities.deterministic else run.samples)
        known = {index: samples.found.get((task.id, backend.name, index)) for index in wanted}
        missing = [index for index, sample in known.items() if sample is None]
        for sample in known.values():
            if sample is not None:
                on_sample(sample)
        if not missing:
            return
        async with tasks_at_once:
            asked = await sampler.prepare(task)

            async def one_sample(index: int) -> None:
                async with at_once:
                    sample = await sampler.sample(asked, index)
                samples.add(sample)
                on_sample(sample)

            async with asyncio.TaskGroup() as group:
                for index in missing:
                    group.create_task(one_sample(index))

    try:
        async with asyncio.TaskGroup() as group:
            for task in run.tasks:
                group.create_task(one_task(task))
    except BaseExceptionGroup as errors:
        raise _first(errors) from errors
    finally:
        await sampler.close()


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    found: BaseException = errors
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found


def _claim(run: Run, config: Config) -> None:
    """Say whose samples are in the folder; refuse one that has another run's. Call with the folder locked.

    A run of some of the same models, or of those and more, is no other: each sample says whose it is.
    """
    models = {name: _identity(msgspec.to_builtins(config.models[name])) for name in run.models}
    tasks = hashlib.sha256("\n".join(sorted(task.id for task in run.tasks)).encode()).hexdigest()
    file = run.folder / RUN_FILE
    held = _held(file) if file.exists() else _Claim(models=models, tasks=tasks)
    nested = models.keys() <= held.models.keys() or models.keys() >= held.models.keys()
    both = held.models | models
    if held.tasks != tasks or not nested or both != models | held.models:
        raise _others(run.folder)
    draft = file.with_name(f".{RUN_FILE}-{os.getpid()}")
    draft.write_bytes(msgspec.json.encode(_Claim(models=both, tasks=tasks), order="sorted"))
    draft.replace(file)  # whole or not at all: half a claim would lock its own run out


def _held(file: Path) -> _Claim:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Claim)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _others(file.parent) from error


def _others(folder: Path) -> TrainerError:
    return TrainerError(f"{folder} holds the samples of other models or tasks: name another --report, or remove it")


def _identity(settings: dict[str, Any]) -> dict[str, Any]:
    """A model's settings, and digests of the files that they name: trained anew, a model keeps its path."""
    digests = {}
    for name in ("path", "adapter"):
        file = Path(settings.get(name) or "").expanduser()
        if file.is_file():
            with file.open("rb") as content:
                digests[name] = hashlib.file_digest(content, "sha256").hexdigest()
    return {**settings, "digests": digests}
