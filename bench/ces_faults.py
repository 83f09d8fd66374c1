"""What faults do to verdicts: each is really injected into a real service, and every verdict asked for is counted.

    .venv/bin/python bench/ces_faults.py [PART ...] [--queued N]        (all parts, 16,000)

build     kill -9 of builds that run, one after every few verdicts
service   kill -9 of the service, twice; it is started again, and all is asked again by its idempotency key
raylet    kill -9 of a raylet of two, in a real Ray cluster; left out where scripts/cluster_venv was never run
disk      the disk of the state directory (a small tmpfs of its own; needs root) full in the middle, and free again
hang      builds that never end, among others
memory    builds that take all memory they can get, among others
queue     16,000 requests with a text each, in 16 bodies at once

    asked, answered    requests, and those of them that have a verdict in the end
    lost               that have none
    doubled            that were answered twice, or otherwise when asked again by the same key
    zeroed             good code with a reward of 0 or less
    wrong              any other verdict than the right one, save `infra_error`
    unscored           `infra_error` with no reward: only where nothing else could be said while the fault lasted

Exit status 1: something was lost, doubled, zeroed or wrong.
"""

import argparse
import asyncio
import contextlib
import importlib.util
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import aiohttp
import msgspec
import psutil

from ces import limits
from ces.bases import BaseSettings
from ces.builds.adapter import BuildSettings
from ces.judge import JudgeSettings
from ces.service.serve import Address, run
from ces.service.settings import ServiceSettings
from ces.verdict import Verdict

CACHE = Path(os.environ.get("AID_DEV_CACHE") or Path.home() / ".cache/aid-dev")
AT_ONCE = 8
BODIES = 16
MARK = "0.4711"  # how long a build sleeps: by that its process is found
TEXT_BYTES = 1000
KNOWN = 16
MEMORY_BYTES = 2 << 30
DISK = "64m"
SCRIPT = f"""if grep -q hang value; then sleep 900; fi
if grep -q hog value; then python3 -c 'x = [bytearray(1 << 24) for _ in range(1 << 20)]'; exit 1; fi
if grep -q slow value; then sleep {MARK}; fi
head -c 300000 /dev/zero >out || exit 1
grep -q good value
"""
DIFF = "{}--- a/value\n+++ b/value\n@@ -1 +1 @@\n-good\n+{}\n"
RIGHT = {"good": "green", "bad": "red", "hang": "timeout", "hog": "red"}


Work = Sequence[dict[str, object]]
After = Callable[[int], Awaitable[None]]
NUMBERS = (("asked", 7), ("answered", 9), ("lost", 6), ("doubled", 8), ("zeroed", 7), ("wrong", 6), ("unscored", 9))


class Row(msgspec.Struct):
    fault: str
    injected: str = ""
    asked: int = 0
    found: dict[str, list[Verdict]] = msgspec.field(default_factory=dict)
    right: dict[str, str] = msgspec.field(default_factory=dict)
    other: int = 0  # keys whose second answer was another
    peak_mb: float = 0.0
    spent_s: float = 0.0

    def add(self, key: str, verdict: Verdict) -> None:
        self.found.setdefault(key, []).append(verdict)

    def counts(self) -> dict[str, int]:
        last = {key: verdicts[-1] for key, verdicts in self.found.items()}
        unscored = {key for key, verdict in last.items() if verdict.status == "infra_error" and verdict.reward is None}
        judged = {key: verdict for key, verdict in last.items() if key not in unscored}
        return {
            "asked": self.asked,
            "answered": len(last),
            "lost": self.asked - len(last),
            "doubled": sum(len(verdicts) > 1 for verdicts in self.found.values()) + self.other,
            "zeroed": sum(
                self.right[key] == "green" and (v.reward is None or v.reward <= 0) for key, v in judged.items()
            ),
            "wrong": sum(verdict.status != self.right[key] for key, verdict in judged.items()),
            "unscored": len(unscored),
        }


class Scene:
    """A service in a process of its own over one tiny workspace, which can be killed and started again."""

    def __init__(self, folder: Path, state: Path | None = None) -> None:
        self.root = folder / "work"
        self.root.mkdir()
        (self.root / "check.sh").write_text(SCRIPT)
        (self.root / "value").write_text("good\n")
        self.state = state or folder / "state"
        self.port = 0
        self.process: asyncio.subprocess.Process | None = None
        self.peak_bytes = 0

    async def start(self) -> None:
        words = [sys.executable, __file__, "serve", str(self.state), str(self.port)]
        self.process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
        assert self.process.stdout is not None
        address = msgspec.json.decode(await self.process.stdout.readline(), type=Address)
        assert address.url is not None
        self.port = int(address.url.rpartition(":")[2])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/check"

    def look(self) -> None:
        """Remember the peak of the service's resident memory so far."""
        assert self.process is not None
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        peak = next(line for line in lines if line.startswith("VmHWM"))
        self.peak_bytes = max(self.peak_bytes, int(peak.split()[1]) * 1024)

    async def kill(self) -> None:
        assert self.process is not None
        self.look()
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> None:
        assert self.process is not None
        self.look()
        self.process.terminate()
        await self.process.wait()

    def request(self, value: str, key: str, text: str = "", timeout_s: float = 60.0) -> dict[str, object]:
        diff = DIFF.format(text, value)
        return {"diff": diff, "workspace": str(self.root), "key": key, "timeout_s": timeout_s}


async def serving(state_dir: Path, port: int) -> int:
    """The machine is said to have 2 GB: memory bombs then stop at 768 MB, whatever this one has."""
    limits.machine_memory_bytes = lambda: MEMORY_BYTES
    build = BuildSettings(command=("sh", "check.sh"))
    bases = BaseSettings(state_dir=state_dir, build=lambda workspace: build)
    chosen = ServiceSettings(judge=JudgeSettings(bases=bases, workers=2), port=port, open_to_all=True)
    return await run(chosen, lambda address: print(msgspec.json.encode(address).decode(), flush=True))


@contextlib.asynccontextmanager
async def scene(row: Row, folder: Path, state: Path | None = None) -> AsyncIterator[Scene]:
    made = Scene(folder, state)
    await made.start()
    try:
        async with aiohttp.ClientSession() as http:  # the base is warm before anything goes wrong
            await one(http, made, made.request("warm good", "warm"))
        started = time.monotonic()
        yield made
        row.spent_s = time.monotonic() - started
    finally:
        await made.stop()
        row.peak_mb = made.peak_bytes / 1e6


async def one(http: aiohttp.ClientSession, made: Scene, asked: dict[str, object]) -> Verdict:
    """Its verdict, asked for until the service has one, under the same key."""
    while True:
        try:
            async with http.post(made.url, json=asked) as response:
                if response.status == 200:
                    return msgspec.json.decode(await response.read(), type=Verdict)
        except (aiohttp.ClientError, ConnectionError):
            pass
        await asyncio.sleep(0.1)  # it is being started again


async def ask(row: Row, made: Scene, work: Work, after: After | None = None) -> None:
    """Each once, `AT_ONCE` at a time; `after` is told how many are answered. Then each again: the same must be said."""
    row.asked += len(work)
    row.right |= {str(each["key"]): RIGHT[kind(str(each["diff"]))] for each in work}
    left, done = iter(work), itertools.count(1)
    async with aiohttp.ClientSession() as http:

        async def asker() -> None:
            for each in left:
                row.add(str(each["key"]), await one(http, made, each))
                if after is not None:
                    await after(next(done))

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(asker())
        for each in work:
            first = row.found[str(each["key"])][-1]
            if first.status != "infra_error":
                row.other += (await one(http, made, each)).status != first.status


def kind(diff: str) -> str:
    return next(name for name in RIGHT if name in diff.rpartition("+")[2])


def values(count: int, *more: str) -> list[str]:
    return [f"{more[number % len(more)]} {number}" for number in range(count)]


async def build(row: Row, folder: Path) -> None:
    killed: set[int] = set()

    async def after(answered: int) -> None:
        if answered % 3:
            return
        for each in psutil.process_iter(["cmdline"]):
            if each.info["cmdline"] == ["sleep", MARK] and each.pid not in killed:
                with contextlib.suppress(psutil.NoSuchProcess):
                    shell = each.parent()
                    if shell is not None and "check.sh" in " ".join(shell.cmdline()):
                        shell.kill()
                        killed.add(each.pid)
                        return

    async with scene(row, folder) as made:
        work = [made.request(value, value) for value in values(60, "slow good", "slow bad")]
        await ask(row, made, work, after)
    row.injected = f"{len(killed)} builds killed"


async def service(row: Row, folder: Path) -> None:
    kills = 0

    async with scene(row, folder) as made:

        async def after(answered: int) -> None:
            nonlocal kills
            if answered in (12, 30):
                kills += 1
                await made.kill()
                await made.start()

        work = [made.request(value, value) for value in values(60, "slow good", "slow bad")]
        await ask(row, made, work, after)
    row.injected = f"service killed {kills} times"


async def disk(row: Row, folder: Path) -> None:
    state = folder / "state"
    state.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(state)]
    if os.geteuid() or subprocess.run(mounted, capture_output=True, check=False).returncode:
        row.injected = "left out: needs root, to mount a small disk"
        return
    try:
        async with scene(row, folder, state) as made:
            filler = state / "filler"

            async def after(answered: int) -> None:
                if answered == 10:
                    fill(filler)
                elif answered == 30:
                    filler.unlink()

            work = [made.request(value, value) for value in values(50, "slow good", "slow bad")]
            await ask(row, made, work, after)
            whole = [each for each in work if row.found[str(each["key"])][-1].status == "infra_error"]
            row.injected = f"disk full for 20; {len(whole)} unscored then, all asked again"
            for each in whole:
                del row.found[str(each["key"])]
            row.asked -= len(whole)
            await ask(row, made, whole)
    finally:
        subprocess.run(["umount", "-l", str(state)], check=True)


def fill(file: Path) -> None:
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as out:
        while True:
            out.write(bytes(4096))


async def hang(row: Row, folder: Path) -> None:
    async with scene(row, folder) as made:
        work = [made.request(value, value, timeout_s=2.0) for value in values(40, "good", "bad", "good", "hang")]
        await ask(row, made, work)
    row.injected = "10 builds never end (2 s each)"


async def memory(row: Row, folder: Path) -> None:
    async with scene(row, folder) as made:
        work = [made.request(value, value) for value in values(30, "good", "bad", "good", "bad", "hog")]
        await ask(row, made, work)
    bombs = [verdicts[-1] for key, verdicts in row.found.items() if "hog" in key]
    stopped = sum("memory" in "".join(each.message for each in verdict.diagnostics) for verdict in bombs)
    row.injected = f"{len(bombs)} memory bombs, {stopped} stopped as such"


async def queue(row: Row, folder: Path, queued: int) -> None:
    async with scene(row, folder) as made:
        known = values(KNOWN, "good", "bad")
        texts = [f"request {number} ".ljust(TEXT_BYTES, ".") + "\n" for number in range(queued)]
        work = [made.request(known[n % KNOWN], f"{known[n % KNOWN]} #{n}", texts[n]) for n in range(queued)]
        row.asked = len(work)
        row.right = {str(each["key"]): RIGHT[kind(str(each["diff"]))] for each in work}
        most = 0
        async with aiohttp.ClientSession(read_bufsize=1 << 20) as http:

            async def stream(part: Work) -> None:
                async with http.post(made.url, data=msgspec.json.encode(part)) as response:
                    rest = b""
                    async for piece in response.content.iter_any():
                        *whole, rest = (rest + piece).split(b"\n")
                        for line in whole:
                            told = msgspec.json.decode(line)
                            row.add(told["key"], msgspec.convert(told["verdict"], Verdict))

            async def watch() -> None:
                nonlocal most
                while True:
                    async with http.get(made.url.replace("check", "health")) as response:
                        most = max(most, (await response.json())["queue"]["waiting"])
                    await asyncio.sleep(0.5)

            watching = asyncio.ensure_future(watch())
            await asyncio.gather(*(stream(work[number::BODIES]) for number in range(BODIES)))
            watching.cancel()
    row.injected = f"{queued} at once, up to {most} waiting"


async def raylet(row: Row, folder: Path) -> None:
    made = sorted(CACHE.glob("cluster-*/done"))  # by scripts/cluster_venv
    if importlib.util.find_spec("ray") is None and not made:
        row.injected = "left out: needs Ray, as scripts/cluster_venv installs it"
        return
    python = str(made[-1].parent / "bin/python") if made else sys.executable
    words = [python, __file__, "cluster", str(folder)]
    ours = os.pathsep.join((str(Path(__file__).parents[1]), str(Path(__file__).parent)))
    env = {**os.environ, "PYTHONPATH": ours}
    ended = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.DEVNULL, env=env)
    await ended.wait()
    found = msgspec.json.decode((folder / "row.json").read_bytes(), type=Row)
    for name in row.__struct_fields__:
        if name != "fault":
            setattr(row, name, getattr(found, name))


def table(rows: Sequence[Row]) -> bool:
    """Print it; whether nothing was lost, doubled, zeroed or wrong."""
    good = True
    print("fault    " + "".join(f"{name:>{width}}" for name, width in NUMBERS) + "  peak MB")
    for row in rows:
        counts = row.counts()
        shown = "".join(f"{counts[name]:>{width}}" for name, width in NUMBERS)
        print(f"{row.fault:9}{shown}{row.peak_mb:>9.0f}  {row.injected} ({row.spent_s:.0f} s)")
        good = good and not any(counts[name] for name in ("lost", "doubled", "zeroed", "wrong"))
    return good


PARTS = (build, service, raylet, disk, hang, memory)


async def main(parts: Sequence[str], queued: int) -> bool:
    rows = []
    for part in (*PARTS, queue):
        if parts and part.__name__ not in parts:
            continue
        folder = Path(tempfile.mkdtemp(prefix="ces-faults-"))
        rows.append(Row(part.__name__))
        try:
            await (queue(rows[-1], folder, queued) if part is queue else part(rows[-1], folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return table(rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        sys.exit(asyncio.run(serving(Path(sys.argv[2]), int(sys.argv[3]))))
    if sys.argv[1:2] == ["cluster"]:
        from _ces_faults_cluster import killed_raylet

        killed_raylet(Path(sys.argv[2]))
        sys.exit(0)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", choices=[*(each.__name__ for each in PARTS), "queue", []])
    parser.add_argument("--queued", type=int, default=16_000)
    asked = parser.parse_args()
    sys.exit(0 if asyncio.run(main(asked.parts, asked.queued)) else 1)
