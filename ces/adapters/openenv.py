"""CES as an OpenEnv environment: a broken build to mend, an edit as the action, the verdict as the reward.

    python -m ces.adapters.openenv TASKS.jsonl --endpoint http://127.0.0.1:8437

`reset` gives what a person would say, the broken files and what the build says of them. A step is one whole attempt on
the broken state, not a change to the one before. The episode ends with a green build, a caught trick, or the last
attempt. Where the machine failed the reward is None and the attempt doesn't count: take the step again, and leave the
sample out if you won't; it is no 0. The reference solution and hidden tests never leave the server.

Exercised with the real library (openenv 0.10.0): its server under uvicorn, its WebSocket client, its task API.
Not exercised: its containers, the Hub, its web page.
"""

import asyncio
import random
import uuid
from pathlib import Path
from typing import Any

import click
import msgspec
from openenv.core.env_server import Action, Environment, Observation, State, create_fastapi_app

from ces.adapters import broken, row
from ces.adapters.asking import TOKEN_ENV, Ask
from ces.adapters.judged import Judging
from ces.adapters.replies import UNIFIED
from ces.adapters.row import Row
from ces.errors import CesError
from ces.verdict import Verdict

NAME = "ces"
SPLIT = "tasks"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`attempts` is how many steps an episode has, `sessions` how many clients may be connected at once."""

    tasks: tuple[Row, ...]
    judging: Judging
    attempts: int = 1
    sessions: int = 64


class Attempt(Action):  # type: ignore[misc]
    """What the model wrote: a unified diff, or whatever the server's `to_diff` reads."""

    reply: str


class Build(Observation):  # type: ignore[misc]
    """The task and what the build says. `files` are those of the broken state, with their text; `diagnostics` the
    broken state's own after `reset`, those that the attempt brought after a step. `stage` is the last one reached."""

    task_id: str
    prompt: str
    files: dict[str, str]
    diagnostics: list[dict[str, Any]]
    attempts_left: int
    status: str
    stage: str | None
    reason: str | None
    flags: list[dict[str, Any]]
    components: dict[str, float]
    tests_run: int | None = None
    tests_expected: int | None = None


class Episode(State):  # type: ignore[misc]
    """`step_count` counts the attempts that were judged."""

    task_id: str = ""
    done: bool = False


class CesEnvironment(Environment):  # type: ignore[misc]
    """One session. `reset` takes `index` or `task_id`; without either, a task at random by `seed`."""

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._episode = Episode(done=True)
        self._task: Row | None = None
        self._files: dict[str, str] = {}

    @property
    def state(self) -> Episode:
        return self._episode

    async def reset_async(
        self,
        seed: int | None = None,
        episode_id: str | None = None,
        index: int | None = None,
        task_id: str | None = None,
        **_: Any,
    ) -> Build:
        """Raises CesError for a task that isn't there or can't be read."""
        task = self._chosen(seed, index, task_id)
        self._files = await broken.files(task)
        self._task = task
        self._episode = Episode(episode_id=episode_id or str(uuid.uuid4()), task_id=task.id)
        broken_state = Verdict(status="red", stage=None, diagnostics=task.diagnostics)
        return self._seen(task, broken_state, done=False)

    async def step_async(self, action: Attempt, timeout_s: float | None = None, **_: Any) -> Build:
        """Raises CesError where no episode is under way."""
        if self._task is None or self._episode.done:
            raise CesError("no episode is under way: reset the environment first")
        judging = self._settings.judging
        if timeout_s is not None:
            judging = msgspec.structs.replace(judging, timeout_s=min(timeout_s, judging.timeout_s))
        (verdict,) = await judging.verdicts([action.reply], [self._task])
        if verdict.reward is not None:
            self._episode.step_count += 1
        self._episode.done = self._ends(verdict)
        return self._seen(self._task, verdict, done=self._episode.done)

    def reset(self, seed: int | None = None, episode_id: str | None = None, **options: Any) -> Build:
        return asyncio.run(self.reset_async(seed, episode_id, **options))

    def step(self, action: Attempt, timeout_s: float | None = None, **options: Any) -> Build:
        return asyncio.run(self.step_async(action, timeout_s, **options))

    def list_splits(self) -> list[str]:
        return [SPLIT]

    def num_tasks(self, split: str) -> int:
        return len(self._settings.tasks)

    def get_task(self, split: str, index: int) -> dict[str, Any]:
        """What may be known of a task beforehand. Raises IndexError."""
        task = self._settings.tasks[index]
        return {"id": task.id, "index": index, "project": task.project, "kind": task.kind, "prompt": task.prompt}

    def list_tasks(self, split: str) -> list[dict[str, Any]]:
        return [self.get_task(split, index) for index in range(self.num_tasks(split))]

    def get_task_range(self, split: str, start: int | None = None, stop: int | None = None) -> list[dict[str, Any]]:
        return self.list_tasks(split)[start:stop]

    def _chosen(self, seed: int | None, index: int | None, task_id: str | None) -> Row:
        tasks = self._settings.tasks
        if task_id is not None:
            index = next((number for number, task in enumerate(tasks) if task.id == task_id), None)
            if index is None:
                raise CesError(f"no task has the id {task_id!r}")
        if index is None:
            index = random.Random(seed).randrange(len(tasks))
        if not 0 <= index < len(tasks):
            raise CesError(f"there is no task {index}: there are {len(tasks)}, from 0 on")
        return tasks[index]

    def _ends(self, verdict: Verdict) -> bool:
        if verdict.status == "infra_error":
            return False
        over = self._episode.step_count >= self._settings.attempts
        return over or verdict.status in ("green", "hack", "unchecked")

    def _seen(self, task: Row, verdict: Verdict, *, done: bool) -> Build:
        return Build(
            done=done,
            reward=verdict.reward,
            task_id=task.id,
            prompt=task.prompt,
            files=self._files,
            diagnostics=msgspec.to_builtins(verdict.diagnostics),
            attempts_left=self._settings.attempts - self._episode.step_count,
            status=verdict.status,
            stage=verdict.stage,
            reason=verdict.reason,
            flags=msgspec.to_builtins(verdict.flags),
            components=dict(verdict.components),
            tests_run=verdict.tests_run,
            tests_expected=verdict.tests_expected,
        )


def app(settings: Settings) -> Any:
    """The FastAPI application of OpenEnv's own server, one environment for each session."""
    return create_fastapi_app(
        lambda: CesEnvironment(settings),
        Attempt,
        Build,
        max_concurrent_envs=settings.sessions,
        env_name=NAME,
        state_cls=Episode,
    )


@click.command()
@click.argument("tasks", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--endpoint", required=True, help="Address of the CES service that judges.")
@click.option("--token-env", default=TOKEN_ENV, show_default=True, help="Environment variable with its bearer token.")
@click.option("--to-diff", default=UNIFIED, show_default=True, help="MODULE:FUNCTION from a reply to a diff.")
@click.option("--attempts", default=1, show_default=True, help="Steps of an episode.")
@click.option("--port", default=8000, show_default=True, help="Port on the loopback interface, 0 for any.")
def main(**options: Any) -> None:
    """Serve the tasks of a file as an OpenEnv environment."""
    import uvicorn

    ask = Ask(endpoint=options["endpoint"], token_env=options["token_env"])
    try:
        tasks = tuple(row.read(options["tasks"]))
    except CesError as error:
        raise click.ClickException(str(error)) from error
    if not tasks:
        raise click.ClickException(f"{options['tasks']} has no task")
    judging = Judging(ask=ask, to_diff=options["to_diff"])
    settings = Settings(tasks=tasks, judging=judging, attempts=options["attempts"])
    uvicorn.run(app(settings), host="127.0.0.1", port=options["port"])


if __name__ == "__main__":
    main()
