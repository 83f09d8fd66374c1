"""What the service costs over the judge itself, and how it bears a long queue.

    .venv/bin/python bench/ces_service.py [cached] [queue]        (all when none is named)

cached   verdicts that are known already: HTTP, in one stream and one by one on kept-alive connections, against
         `Judge.check` in this process. Prints verdicts/s, the service's CPU time a verdict, and the ratios.
queue    16,000 requests with a text each in one body: all answered, each once; the service's peak resident size.

The service is a process of its own. Prints the load average beside every figure: the machine should be idle.
"""

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import psutil

from ces.bases import BaseSettings
from ces.builds.adapter import BuildSettings
from ces.judge import Judge, JudgeSettings
from ces.request import CheckRequest
from ces.service.client import CesClient
from ces.service.serve import Address, run
from ces.service.settings import ServiceSettings

KNOWN = 16
CACHED = 500
ROUNDS = 3
AT_ONCE = 8
QUEUED = 16_000
TEXT_BYTES = 1000
VALUE = "{}--- a/value\n+++ b/value\n@@ -1 +1 @@\n-good\n+{}\n"


def settings(state_dir: Path, workers: int, command: Sequence[str]) -> JudgeSettings:
    build = BuildSettings(command=tuple(command))
    return JudgeSettings(bases=BaseSettings(state_dir=state_dir, build=lambda workspace: build), workers=workers)


async def serving(state_dir: Path, workers: int, command: Sequence[str]) -> int:
    chosen = ServiceSettings(judge=settings(state_dir, workers, command), port=0, open_to_all=True)
    return await run(chosen, lambda address: print(msgspec.json.encode(address).decode(), flush=True))


@contextlib.asynccontextmanager
async def service(state_dir: Path, workers: int, *command: str) -> AsyncIterator[Address]:
    words = [sys.executable, __file__, "serve", str(state_dir), str(workers), *command]
    served = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    assert served.stdout is not None
    try:
        yield msgspec.json.decode(await served.stdout.readline(), type=Address)
    finally:
        served.terminate()
        await served.wait()


def tiny(folder: Path) -> Path:
    root = folder / "tiny"
    root.mkdir()
    (root / "check.sh").write_text("grep -q good value\n")
    (root / "value").write_text("good\n")
    return root


def request(root: Path, number: int) -> CheckRequest:
    """One of `KNOWN` changes, in a text of its own: what a diff says before its first file changes nothing."""
    told = f"request {number} ".ljust(TEXT_BYTES, ".") + "\n"
    value = f"{'good' if number % 2 else 'bad'} {number % KNOWN}"
    return CheckRequest(diff=VALUE.format(told, value), workspace=str(root))


def load() -> str:
    return f"load {os.getloadavg()[0]:.1f}"


async def at_once(work: Sequence[CheckRequest], judge: Judge | CesClient) -> None:
    left = iter(work)

    async def one_by_one() -> None:
        for each in left:
            await judge.check(each)

    await asyncio.gather(*(one_by_one() for _ in range(AT_ONCE)))


async def cached(folder: Path) -> None:
    root = tiny(folder)
    work = [request(root, number) for number in range(CACHED)]
    judge = Judge(settings(folder / "library", 2, ("sh", "check.sh")))
    await judge.evaluate(work[:KNOWN])
    wall = dict.fromkeys(("library", "stream", "single"), 0.0)
    cpu = dict(wall)
    async with service(folder / "service", 2, "sh", "check.sh") as address, CesClient(str(address.url)) as client:
        await client.evaluate(work[:KNOWN])
        served = psutil.Process(address.pid)
        for _ in range(ROUNDS):  # in turn: what else the machine does falls on all alike
            for name, process, ask in (
                ("library", psutil.Process(), lambda: at_once(work, judge)),
                ("stream", served, lambda: client.evaluate(work)),
                ("single", served, lambda: at_once(work, client)),
            ):
                before, started = sum(process.cpu_times()[:2]), time.monotonic()
                await ask()
                wall[name] += time.monotonic() - started
                cpu[name] += sum(process.cpu_times()[:2]) - before
    await judge.close()
    count = ROUNDS * CACHED
    print(
        f"cached, library: {count / wall['library']:.0f}/s, {cpu['library'] / count * 1e3:.1f} ms CPU each ({load()})"
    )
    for name in ("stream", "single"):
        print(
            f"cached, {name}: {count / wall[name]:.0f}/s, {wall['library'] / wall[name]:.2f}x the library's rate; "
            f"{cpu[name] / count * 1e3:.1f} ms CPU each, {cpu[name] / cpu['library']:.2f}x ({load()})"
        )


async def queue(folder: Path) -> None:
    root = tiny(folder / "q")
    async with service(folder / "queue", 2, "sh", "check.sh") as address, CesClient(str(address.url)) as client:
        await client.evaluate([request(root, number) for number in range(KNOWN)])
        process = psutil.Process(address.pid)
        before = process.memory_info().rss
        body = msgspec.json.encode([request(root, number) for number in range(QUEUED)])
        started = time.monotonic()
        seen: Counter[int] = Counter()
        async with client._open().post("/v1/check", data=body) as response:
            rest = b""
            async for piece in response.content.iter_any():
                *whole, rest = (rest + piece).split(b"\n")
                for line in whole:
                    found = msgspec.json.decode(line)
                    assert found["verdict"]["status"] == ("green" if found["index"] % 2 else "red")
                    seen[found["index"]] += 1
        spent = time.monotonic() - started
        assert len(seen) == QUEUED and set(seen.values()) == {1}
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{address.pid}/status").read_text().splitlines())
        peak = int(status["VmHWM"].split()[0]) * 1024
    print(
        f"queue: {QUEUED} in one body of {len(body) / 1e6:.0f} MB, each answered once in {spent:.0f} s; the service "
        f"{before / 1e6:.0f} MB before, at most {peak / 1e6:.0f} MB, {(peak - before) / len(body):.1f}x the body more "
        f"({load()})"
    )


async def main(parts: Sequence[str]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="ces-service-bench"))
    (folder / "q").mkdir()
    try:
        for part in (cached, queue):
            if not parts or part.__name__ in parts:
                await part(folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        sys.exit(asyncio.run(serving(Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])))
    asyncio.run(main(sys.argv[1:]))
