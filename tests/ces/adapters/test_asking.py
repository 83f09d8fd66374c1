"""Who is asked, from where: a real service, a judge in this process, other loops, threads and processes."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from ces.adapters import asking
from ces.adapters.asking import Ask
from ces.adapters.judged import Judging
from ces.adapters.row import Row
from ces.bases import BaseSettings
from ces.builds.adapter import BuildSettings
from ces.errors import CesError
from ces.judge import JudgeSettings
from ces.request import CheckRequest
from ces.service.client import CesClient
from ces.service.serve import Address, Service
from ces.service.settings import ServiceSettings

TOKEN = "CES_ADAPTERS_TEST_TOKEN"
FORKS = """
import os, sys
import msgspec
from ces.adapters import asking
from ces.adapters.asking import Ask
from ces.request import CheckRequest

ask = msgspec.json.decode(sys.argv[1], type=Ask)
request = msgspec.json.decode(sys.argv[2], type=CheckRequest)
print(asking.verdicts_now(ask, [request])[0].status, flush=True)
child = os.fork()
status = asking.verdicts_now(ask, [request])[0].status
ended = os.waitpid(child, 0)[1] if child else 0
print("parent" if child else "child", status, flush=True)
sys.exit(ended)
"""

LEAVES = """
import asyncio, contextlib, sys, threading
import msgspec
from ces.adapters import asking
from ces.adapters.asking import Ask
from ces.request import CheckRequest

async def main():
    ask = msgspec.json.decode(sys.argv[1], type=Ask)
    with contextlib.suppress(asyncio.CancelledError):
        await asking.verdicts(ask, [msgspec.json.decode(sys.argv[2], type=CheckRequest)])

threading.Thread(target=asyncio.run, args=[main()], daemon=True).start()
threading.Event().wait(3)
print("leaving")
"""


@pytest.fixture
async def service(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Address]:
    build = BuildSettings(command=("sh", "check.sh"))
    bases = BaseSettings(state_dir=state_dir, build=lambda workspace: build)
    running = Service(ServiceSettings(judge=JudgeSettings(bases=bases), port=0))
    address = await running.start()
    monkeypatch.setenv(TOKEN, Path(address.token_file or "").read_text().strip())
    yield address
    await asyncio.to_thread(asking.close)
    await running.stop()


@pytest.fixture
def ask(service: Address) -> Ask:
    return Ask(endpoint=service.url, token_env=TOKEN, patience_s=60.0)


def request(task: Row, diff: str | None = None) -> CheckRequest:
    return task.request((task.gold or "") if diff is None else diff, "reward", 60.0)


async def test_a_service_is_asked(ask: Ask, task: Row, lost: Row) -> None:
    found = await asking.verdicts(ask, [request(task), request(lost), request(task, "no diff")])
    assert [(verdict.status, verdict.reward) for verdict in found] == [
        ("green", 1.0), ("unchecked", None), ("red", -1.0),
    ]  # fmt: skip


async def test_the_service_over_a_state_directory_is_found(service: Address, state_dir: Path, task: Row) -> None:
    found = await asking.verdicts(Ask(state_dir=str(state_dir)), [request(task)])
    assert found[0].status == "green"
    async with CesClient(service.url or "", os.environ[TOKEN]) as client:
        assert [base["workspace"] for base in await client.bases()] == [task.workspace]


async def test_a_wrong_token_is_an_error(ask: Ask, task: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, "wrong")
    with pytest.raises(CesError, match="token"):
        await asking.verdicts(ask, [request(task)])


async def test_a_forked_process_asks_for_itself(ask: Ask, task: Row) -> None:
    words = [msgspec.json.encode(ask), msgspec.json.encode(request(task))]
    script = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "ignore", "-c", FORKS, *words, stdout=-1, stderr=-1,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    said, complaint = await script.communicate()
    assert (script.returncode, complaint) == (0, b"")
    assert sorted(said.decode().splitlines()) == ["child green", "green", "parent green"]


def test_any_loop_and_any_thread_may_ask(judging: Judging, task: Row) -> None:
    async def one() -> str:
        return (await asking.verdicts(judging.ask, [request(task)]))[0].status

    assert [asyncio.run(one()), asyncio.run(one())] == ["green", "green"]
    with ThreadPoolExecutor(4) as threads:
        found = threads.map(lambda _: asking.verdicts_now(judging.ask, [request(task)])[0].status, range(8))
        assert set(found) == {"green"}


async def test_patience_is_for_the_next_verdict_not_for_all(judging: Judging, task: Row) -> None:
    check = "! grep -q endless value || sleep 600; sleep 1; grep -q good value\n"
    (Path(task.workspace) / "check.sh").write_text(check)
    ask = msgspec.structs.replace(judging.ask, workers=1, patience_s=5.0)
    another = "--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+{}\n"
    several = [request(task, f"{task.gold}{another.format(number)}") for number in range(7)]
    assert [verdict.status for verdict in await asking.verdicts(ask, several)] == ["green"] * 7
    endless = request(task, (task.gold or "").replace("+good", "+endless"))
    found = await asking.verdicts(ask, [several[0], endless])
    assert [(verdict.status, verdict.reason) for verdict in found] == [
        ("green", None), ("infra_error", "no verdict within 5 s"),
    ]  # fmt: skip


async def test_whoever_is_cancelled_frees_the_worker(judging: Judging, task: Row) -> None:
    ask = msgspec.structs.replace(judging.ask, workers=1, patience_s=60.0)
    endless = msgspec.structs.replace(task, hidden={"check.sh": "sleep 600\n"})
    waiting = asyncio.ensure_future(asking.verdicts(ask, [request(endless)]))
    assert not (await asyncio.wait({waiting}, timeout=1.0))[0]
    waiting.cancel()
    assert (await asking.verdicts(ask, [request(task)]))[0].status == "green"
    assert waiting.cancelled()


def test_leaving_ends_what_runs(judging: Judging, task: Row) -> None:
    endless = msgspec.structs.replace(task, hidden={"check.sh": "sleep 600\n"})
    words = [msgspec.json.encode(judging.ask), msgspec.json.encode(request(endless))]
    left = subprocess.run(
        [sys.executable, "-c", LEAVES, *words],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (left.returncode, left.stdout, left.stderr) == (0, b"leaving\n", b"")


def test_nobody_to_ask_is_an_error(task: Row) -> None:
    with pytest.raises(CesError, match="give one of them"):
        asking.verdicts_now(Ask(), [request(task)])
    asking.close()
