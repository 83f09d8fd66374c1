"""The page, in a real browser, over a real service."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from .conftest import MakeCaller, MakeService

DRIVER = Path(__file__).parent / "page.mjs"
CACHE = Path(os.environ.get("AID_DEV_CACHE") or Path.home() / ".cache/aid-dev")
Driver = Callable[..., Coroutine[Any, Any, dict[str, Any]]]


def playwright() -> Path | None:
    found = sorted(CACHE.glob("playwright-core-*/node_modules/playwright-core"))
    return found[-1] if found else None


@pytest.fixture
async def browser() -> AsyncIterator[Callable[[str], Coroutine[Any, Any, Driver]]]:
    """(url) -> a function that sends the page's driver a line and gives what it says then."""
    chromium, node, core = shutil.which("chromium"), shutil.which("node"), playwright()
    if chromium is None or node is None or core is None:
        pytest.skip("needs chromium, node and playwright-core: 'scripts/setup test' installs them")
    made: list[asyncio.subprocess.Process] = []

    async def opened(url: str) -> Driver:
        pipe = asyncio.subprocess.PIPE
        environment = {**os.environ, "PLAYWRIGHT": str(core)}
        driver = await asyncio.create_subprocess_exec(
            node, str(DRIVER), chromium, url, stdin=pipe, stdout=pipe, env=environment, start_new_session=True
        )
        made.append(driver)

        async def step(line: str) -> dict[str, Any]:
            assert driver.stdin is not None and driver.stdout is not None
            driver.stdin.write(f"{line}\n".encode())
            said: dict[str, Any] = json.loads(await driver.stdout.readline())
            return said

        return step

    yield opened
    for driver in made:
        assert driver.stdin is not None
        driver.stdin.close()
        await driver.wait()


async def test_the_page_shows_what_happens_as_it_happens(
    service: MakeService, caller: MakeCaller, browser: Callable[[str], Coroutine[Any, Any, Driver]]
) -> None:
    served = await service()
    ask = caller(served)
    assert ask.address.url is not None and ask.token is not None
    page = await browser(ask.address.url)
    assert await page(ask.token) == {"recent": 0, "workers": 2}
    slow = asyncio.ensure_future(ask.check(ask.request("slow, good")))
    await ask.busy()
    assert (await page("begun"))["busy"].startswith("workspace · value · up to test")
    assert (await slow)[1]["status"] == "green"
    shown = await page("ended")
    assert shown["recent"][1:3] == ["green", "workspace"] and shown["bases"][:2] == ["workspace", "green"]
    assert shown["mix"] == ["green", "1", "red", "0"]
    assert await page("measure") == {"cut": []}
    port = int(ask.address.url.rpartition(":")[2])
    await ask.http.close()
    await served.stop()
    (served.settings.state_dir / "token").unlink()
    await service(port=port)
    ended = await page("restarted")
    assert ended == {"errors": ended["errors"], "wide": False, "stored": 0, "cookies": ""}
    assert all("Failed to load resource" in error for error in ended["errors"])  # while there was no service
