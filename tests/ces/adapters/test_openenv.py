"""The OpenEnv environment behind OpenEnv's own server, asked by OpenEnv's own clients; real builds."""

import json
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ces.adapters.judged import Judging
from ces.adapters.row import Row
from ces.verdict import Diagnostic

pytest.importorskip("openenv", reason="needs OpenEnv: pip install 'aid[openenv]' (make test-trainers)")

from openenv.core import GenericEnvClient

from ces.adapters.openenv import Attempt, CesEnvironment, Settings, app

# What other people's servers and clients warn of is not ours to fail on.
pytestmark = pytest.mark.filterwarnings("default")
RED = Diagnostic(file=None, range=None, severity="error", message="value is no good")


@pytest.fixture
def serve(judging: Judging, task: Row, lost: Row) -> Iterator[Callable[[int], str]]:
    """(attempts) -> the address of a server of two tasks, the second of which can't be judged."""
    import uvicorn

    running: list[tuple[Any, threading.Thread]] = []

    def start(attempts: int) -> str:
        here = msgspec.structs.replace(task, diagnostics=(RED,), hidden={"hidden.txt": "secret\n"})
        settings = Settings(tasks=(here, lost), judging=judging, attempts=attempts)
        listening = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app(settings), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join()


async def test_an_episode_ends_with_a_green_build(serve: Callable[[int], str], task: Row) -> None:
    async with GenericEnvClient(base_url=serve(3)) as env:
        start = await env.reset(index=0)
        assert (start.done, start.reward) == (False, None)
        seen = start.observation
        assert (seen["task_id"], seen["prompt"], seen["files"]) == ("t1", "fix the build", {"value": "bad\n"})
        assert [item["message"] for item in seen["diagnostics"]] == ["value is no good"]
        assert "secret" not in json.dumps(seen) and str(task.gold) not in json.dumps(seen)

        worse = await env.step({"reply": "worsen it"})
        assert (worse.done, worse.reward, worse.observation["attempts_left"]) == (False, 0.0, 2)
        assert worse.observation["components"]["build"] == 0.0
        talk = await env.step({"reply": "talk about it"})
        assert (talk.done, talk.reward, talk.observation["stage"]) == (False, -1.0, "format")
        green = await env.step({"reply": "mend it"})
        assert (green.done, green.reward, green.observation["status"]) == (True, 1.0, "green")
        state = await env.state()
        assert (state["step_count"], state["task_id"], state["done"]) == (3, "t1", True)


async def test_the_last_attempt_ends_an_episode(serve: Callable[[int], str]) -> None:
    async with GenericEnvClient(base_url=serve(1)) as env:
        await env.reset(task_id="t1")
        red = await env.step({"reply": "worsen it"})
        assert (red.done, red.reward) == (True, 0.0)
        with pytest.raises(RuntimeError, match="reset the environment first"):
            await env.step({"reply": "mend it"})
        again = await env.reset(task_id="t1")
        assert again.observation["attempts_left"] == 1


async def test_sessions_do_not_share_an_episode(serve: Callable[[int], str]) -> None:
    url = serve(1)
    async with GenericEnvClient(base_url=url) as one, GenericEnvClient(base_url=url) as other:
        await one.reset(index=0)
        await other.reset(index=0)
        assert (await one.step({"reply": "worsen it"})).reward == 0.0
        assert (await other.step({"reply": "mend it"})).reward == 1.0


def test_tasks_are_listed_without_their_solutions(serve: Callable[[int], str]) -> None:
    def ask(path: str, body: dict[str, Any]) -> Any:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{url}/ces/{path}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read())

    url = serve(1)
    assert ask("num_tasks", {"split": "tasks"}) == {"num_tasks": 2}
    told = ask("task", {"split": "tasks", "index": 0})["task"]
    assert told == {"id": "t1", "index": 0, "project": "", "kind": "", "prompt": "fix the build"}


def test_an_attempt_that_the_machine_failed_does_not_count(judging: Judging, task: Row) -> None:
    env = CesEnvironment(Settings(tasks=(task,), judging=judging, attempts=2))
    env.reset()
    in_the_way = Path(judging.ask.state_dir or "", "bases")
    in_the_way.write_text("a file where the bases should be")
    failed = env.step(Attempt(reply="mend it"))
    assert (failed.done, failed.reward, failed.status, failed.attempts_left) == (False, None, "infra_error", 2)
    in_the_way.unlink()
    mended = env.step(Attempt(reply="mend it"))
    assert (mended.done, mended.reward, mended.attempts_left) == (True, 1.0, 1)


def test_a_task_that_cannot_be_judged_ends_without_reward(judging: Judging, lost: Row) -> None:
    env = CesEnvironment(Settings(tasks=(msgspec.structs.replace(lost, onto="", files=()),), judging=judging))
    env.reset()
    seen = env.step(Attempt(reply="mend it"))
    assert (seen.done, seen.reward, seen.status) == (True, None, "unchecked")
