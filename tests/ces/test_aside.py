"""Work on a loop of its own: where it runs, what comes back, what cancelling it waits for."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from ces.aside import Aside, across


@pytest.fixture
async def aside() -> AsyncIterator[Aside]:
    made = Aside("test")
    yield made
    await made.close()
    assert "test" not in [thread.name for thread in threading.enumerate()]


async def test_it_runs_in_its_own_thread_and_its_answer_comes_back(aside: Aside) -> None:
    async def where() -> str:
        return threading.current_thread().name

    assert await across(aside.loop, where()) == "test"


async def test_what_it_raises_is_raised_here(aside: Aside) -> None:
    async def failing() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await across(aside.loop, failing())


async def test_cancelling_waits_for_the_end_of_what_runs_there_and_of_what_that_asked_for_here(aside: Aside) -> None:
    here, ended, begun = asyncio.get_running_loop(), list[str](), asyncio.Event()

    async def clearing_up(name: str) -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            for _ in range(10):
                await asyncio.sleep(0)
            ended.append(name)

    async def there() -> None:
        try:
            await across(here, clearing_up("here"))
        finally:
            ended.append("there")

    running = asyncio.create_task(across(aside.loop, there()))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended == ["here", "there"]


async def test_what_is_cancelled_at_once_is_gone_too(aside: Aside) -> None:
    running = asyncio.create_task(across(aside.loop, asyncio.Event().wait()))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not asyncio.all_tasks(aside.loop)
