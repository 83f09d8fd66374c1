"""`aid restart` under editors at work: requests lost, doubled, editors disturbed, and how long it takes.

    python bench/hot_redeploy.py [--restarts 20] [--under-way 1000] [--editors] [--upgraded] [--client COMMAND …]

Claims: 1,000 requests of three editors under way at each of 20 restarts, 0 lost, 0 doubled, 0 editors disturbed; from
the command to the first request that the new daemon serves 1 s at the median; `aid connect` there within 100 ms, below
20 MB with twenty documents open.

With --editors Emacs, Neovim and VS Code are connected beside the clients (tests/e2e/three_editors.py); each asks in its
chat at every restart, and must show the answer once, through the `aid connect` that it began with, and say nothing
else to the person. With --upgraded no
module is known to load at any restart, as when all of AID was just replaced.

A client is a command, and may be a real editor. It finds what to start and where in AID and AID_BENCH_WORKSPACE, keeps
AID_BENCH_UNDER_WAY prompts "say #N" under way, and says on standard output, a line each: "asked N", "answered N TEXT",
"disturbed WHY"; on "stop" it asks nothing more, and ends when all is answered. Without --client there are three of this
file's own.
"""

import argparse
import asyncio
import contextlib
import itertools
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from _scene import AID, daemon, server, workspace

from aid.framing import Decoder, encode

OWN = [sys.executable, __file__, "--as-client"]
CLIENTS = 3
DOCUMENTS, DOCUMENT_BYTES = 20, 20_000  # of an own client; with --editors they have none
STARTS = 15
BEHIND_OTHERS_S = 600  # an editor's answer may have to wait for those to a thousand requests
LINE = {"match": "", "marker": r"say #(\w+)", "reply": "answer to {marker}.", "times": 10**9}


class Editor:
    """`aid connect`, and messages to and from it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None and process.stdout is not None
        self.process = process
        self._in, self._out = process.stdin, process.stdout
        self._decoder = Decoder()
        self._found: list[Any] = []
        self._ids = itertools.count(1)

    @classmethod
    async def start(cls, env: dict[str, str]) -> "Editor":
        pipe = subprocess.PIPE
        return cls(await asyncio.create_subprocess_exec(AID, "connect", env=env, stdin=pipe, stdout=pipe))

    def send(self, method: str, params: Any, *, answered: bool = True) -> int:
        number = next(self._ids) if answered else 0
        message = {"jsonrpc": "2.0", "method": method, "params": params} | ({"id": number} if answered else {})
        self._in.write(encode(msgspec.json.encode(message)))
        return number

    async def next(self) -> dict[str, Any]:
        while not self._found:
            piece = await self._out.read(1 << 16)
            if not piece:
                raise EOFError("aid connect ended")
            self._found = [msgspec.json.decode(body) for body in self._decoder.feed(piece)]
        return dict(self._found.pop(0))

    async def call(self, method: str, params: Any) -> dict[str, Any]:
        number = self.send(method, params)
        while True:
            message = await self.next()
            if message.get("id") == number and "method" not in message:
                return message


async def client() -> None:
    """This file's own client: an editor with documents open, some of them with unsaved text."""
    root, under_way = Path(os.environ["AID_BENCH_WORKSPACE"]), int(os.environ["AID_BENCH_UNDER_WAY"])
    editor = await Editor.start(dict(os.environ))
    options = {"diagnostics": False}
    begun = {"processId": None, "rootUri": root.as_uri(), "capabilities": {}, "initializationOptions": options}
    await editor.call("initialize", begun)
    editor.send("initialized", {}, answered=False)
    for number in range(int(os.environ["AID_BENCH_DOCUMENTS"])):
        text = f"é😋 {number}\r\n" * (DOCUMENT_BYTES // 12)
        item = {"uri": (root / f"unsaved_{number}.py").as_uri(), "languageId": "python", "version": 1, "text": text}
        editor.send("textDocument/didOpen", {"textDocument": item}, answered=False)
    said = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(said), sys.stdin)
    stopping = asyncio.create_task(said.readline())
    waiting: dict[int, str] = {}
    while waiting or not stopping.done():
        while len(waiting) < under_way and not stopping.done():
            words = f"{os.getpid()}x{len(waiting)}x{time.monotonic_ns()}"
            number = editor.send("aid/prompt", {"workspace": str(root), "prompt": f"say #{words}"})
            waiting[number] = words
            print(f"asked {number}", flush=True)
        message = await editor.next()
        if "method" not in message:
            _answered(message, waiting)
        elif message["method"] == "window/showMessage":
            print(f"disturbed {message['params']['message']}", flush=True)
    print(f"bridge {editor.process.pid}", flush=True)
    await said.readline()
    editor.process.terminate()
    await editor.process.wait()


def _answered(message: dict[str, Any], waiting: dict[int, str]) -> None:
    words = waiting.pop(message["id"], None)
    text = message["result"]["text"] if "result" in message else str(message["error"])
    right = words is not None and text == f"answer to {words}."
    print(f"answered {message['id']} {'right' if right else text}", flush=True)


class Watched:
    """A client as this script sees it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.asked: set[str] = set()
        self.answers: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.disturbed: list[str] = []
        self.bridge: int | None = None
        self.answered_at = 0.0

    @property
    def under_way(self) -> int:
        return len(self.asked) - len(self.answers)

    async def read(self, changed: asyncio.Event) -> None:
        """`changed` is set with every line; `answered_at` is when the last answer came."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            word, _, rest = line.decode().strip().partition(" ")
            if word == "asked":
                self.asked.add(rest)
            elif word == "answered":
                number, _, text = rest.partition(" ")
                self.answers[number] += 1
                self.answered_at = time.monotonic()
                self.wrong += [] if text == "right" else [text]
            elif word == "disturbed":
                self.disturbed.append(rest)
            elif word == "bridge":
                self.bridge = int(rest)
            changed.set()
        changed.set()

    def say(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n".encode())


class Prober:
    """Asks `aid/status` again and again, to see which daemon answers, and how long one waits.

    `served_at`: when the daemon of `pid` first answered.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self.pid = 0
        self.served_at = 0.0
        self.longest_s = 0.0
        self.changed = asyncio.Condition()
        self._asking = asyncio.create_task(self.run())

    @classmethod
    async def start(cls, env: dict[str, str], *, initialize: bool) -> "Prober":
        """As a command, or as an editor that says `initialize` first: both by `aid connect`."""
        editor = await Editor.start(env)
        if initialize:
            await editor.call("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        prober = cls(editor)
        await prober.served_by_other_than(0)
        return prober

    async def end(self) -> None:
        self._asking.cancel()
        self._editor.process.terminate()
        await self._editor.process.wait()

    async def run(self) -> None:
        while True:
            begun = time.monotonic()
            pid = (await self._editor.call("aid/status", {}))["result"]["pid"]
            self.longest_s = max(self.longest_s, time.monotonic() - begun)
            async with self.changed:
                if pid != self.pid:
                    self.pid, self.served_at = pid, time.monotonic()
                self.changed.notify_all()

    async def served_by_other_than(self, pid: int) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: self.pid != pid)


class Times:
    """In seconds, one of each kind for each restart."""

    def __init__(self) -> None:
        self.served: list[float] = []
        self.editor: list[float] = []
        self.prompt: list[float] = []
        self.unserved: list[float] = []
        self.whole: list[float] = []

    def report(self) -> None:
        print(f"from the command to the first request that the new daemon serves: {_spread(self.served)} (bar 1 s)")
        print(f"to the first of an editor, which is told to `initialize` before: {_spread(self.editor)}")
        print(f"longest in which one who asks again and again was not served: {_spread(self.unserved)}")
        print(f"to the first prompt that the new daemon answers: {_spread(self.prompt)}")
        print(f"the whole command, to the old daemon's end: {_spread(self.whole)}")


async def restarts(
    clients: list[Watched], changed: asyncio.Event, env: dict[str, str], options: Any, editors: "Editors"
) -> None:
    prober, editor = await Prober.start(env, initialize=False), await Prober.start(env, initialize=True)
    times = Times()
    for _ in range(options.restarts):
        await _until(changed, lambda: sum(each.under_way for each in clients) >= options.under_way)
        asked = editors.ask()
        before, prober.longest_s = prober.pid, 0.0
        if options.upgraded:
            for proof in Path(env["XDG_CACHE_HOME"]).glob("aid/loads-*.json"):
                proof.unlink()
        begun = time.monotonic()
        restarting = await asyncio.create_subprocess_exec(AID, "restart", env=env, stdout=subprocess.DEVNULL)
        await prober.served_by_other_than(before)
        assert await restarting.wait() == 0
        times.whole.append(time.monotonic() - begun)
        await editor.served_by_other_than(before)
        served = min(prober.served_at, editor.served_at)
        times.served.append(served - begun)
        times.editor.append(editor.served_at - begun)
        times.unserved.append(prober.longest_s)
        await _until(changed, lambda since=served: any(each.answered_at > since for each in clients))
        times.prompt.append(max(each.answered_at for each in clients) - begun)
        told = f"new daemon serves after {times.served[-1]:.2f} s, an editor after {times.editor[-1]:.2f} s"
        print(f"  restart: {told}; longest wait {times.unserved[-1]:.2f} s", flush=True)
        await asyncio.to_thread(editors.answered, asked)
    for each in (prober, editor):
        await each.end()
    times.report()


async def _until(changed: asyncio.Event, held: Callable[[], bool]) -> None:
    while not held():
        changed.clear()
        await changed.wait()


class Editors:
    """Real ones, or none."""

    def __init__(self, started: Sequence[Any] = (), bridges: Callable[[], set[int]] = set) -> None:
        self._started = started
        self._bridges = bridges
        self._connected = bridges()
        self._number = 0
        self._told = {each.name: {*each.told()} for each in started}
        self._disturbed: Counter[str] = Counter()

    def ask(self) -> int:
        """Each asks something in its chat; what `answered` is to be given."""
        self._number += 1
        for editor in self._started:
            editor.ask(f"say #{editor.name[0]}{self._number}")
        return self._number

    def answered(self, number: int) -> None:
        """Wait until each shows the answer. Blocks."""
        for editor in self._started:
            editor.shows(f"answer to {editor.name[0]}{number}.")
            told = [each for each in editor.told() if each not in self._told[editor.name]]
            self._disturbed[editor.name] += bool(told)
            self._told[editor.name].update(told)
            for each in told:
                print(f"  {editor.name} told the person: {each}")

    def report(self) -> None:
        if not self._started:
            return
        lost = self._connected - self._bridges()
        print(f"{', '.join(each.name for each in self._started)}: {len(lost)} lost the `aid connect` they began with")
        for editor in self._started:
            told = editor.chat()
            counts = Counter(told.count(f"answer to {editor.name[0]}{each}.") for each in range(1, self._number + 1))
            print(
                f"  {editor.name}: {counts[1]} of {self._number} requests answered once in its chat, "
                f"the person told something beside it at {self._disturbed[editor.name]}"
            )


def _spread(seconds: list[float]) -> str:
    return f"median {statistics.median(seconds):.2f} s, worst {max(seconds):.2f} s"


@contextlib.asynccontextmanager
async def started(
    commands: list[list[str]], env: dict[str, str], changed: asyncio.Event
) -> AsyncIterator[list[Watched]]:
    pipe = subprocess.PIPE
    clients = [
        Watched(await asyncio.create_subprocess_exec(*command, env=env, stdin=pipe, stdout=pipe))
        for command in commands
    ]
    reading = [asyncio.create_task(each.read(changed)) for each in clients]
    try:
        yield clients
    finally:
        for each in clients:
            if each.process.returncode is None:
                each.process.terminate()
            await each.process.wait()
        await asyncio.gather(*reading)


async def redeploy(env: dict[str, str], options: Any, editors: Editors) -> None:
    commands = [shlex.split(each) for each in options.client] or [OWN] * CLIENTS
    changed = asyncio.Event()
    env = env | {"AID": str(AID), "AID_BENCH_UNDER_WAY": str(-(-options.under_way // len(commands)))}
    async with started(commands, env, changed) as clients:
        await restarts(clients, changed, env, options, editors)
        for each in clients:
            each.say("stop")
        await _until(changed, lambda: not any(each.under_way and each.process.returncode is None for each in clients))
        report(clients)
        editors.report()
        await _until(changed, lambda: all(each.bridge or each.process.returncode is not None for each in clients))
        for each in clients:
            if each.bridge is not None:
                print(
                    f"its bridge, with {env['AID_BENCH_DOCUMENTS']} documents open: {_memory(each.bridge)} (bar 20 MB)"
                )
            each.say("end")


def report(clients: list[Watched]) -> None:
    asked = sum(len(each.asked) for each in clients)
    lost = sum(each.under_way for each in clients)
    doubled = sum(count - 1 for each in clients for count in each.answers.values())
    wrong = [text for each in clients for text in each.wrong]
    disturbed = [text for each in clients for text in each.disturbed]
    print(f"{asked} requests of {len(clients)} clients: {lost} lost, {doubled} doubled, {len(wrong)} answered wrongly")
    print(f"editors disturbed: {sum(bool(each.disturbed) for each in clients)} of {len(clients)}")
    for text, count in Counter(wrong + disturbed).most_common(5):
        print(f"  {count} x {text[:200]}")


def _memory(pid: int) -> str:
    lines = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()[1:])
    found = {words[0]: int(words[1]) / 1024 for words in lines}
    return f"{found['Rss:']:.1f} MB resident, {found['Pss:']:.1f} MB of it its own share"


def bridge_start(env: dict[str, str]) -> None:
    """`aid connect` from exec to its first answer, beside a Python that does nothing."""
    request = encode(b'{"jsonrpc":"2.0","id":1,"method":"aid/models","params":{}}')
    connect_ms, bare_ms = [], []
    for _ in range(STARTS):
        begun = time.perf_counter()
        with subprocess.Popen([AID, "connect"], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(request)
            process.stdin.flush()
            process.stdout.readline()
            connect_ms.append((time.perf_counter() - begun) * 1000)
            process.stdin.close()
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True, env=env)
        bare_ms.append((time.perf_counter() - begun) * 1000)
    first, bare = statistics.median(connect_ms), statistics.median(bare_ms)
    print(f"aid connect to its first answer: median {first:.0f} ms (bar 100 ms); a bare Python: {bare:.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--under-way", type=int, default=1000, help="requests, of all clients together")
    parser.add_argument("--client", action="append", default=[], help="a command that is a client; may be repeated")
    parser.add_argument("--as-client", action="store_true", help="be one")
    parser.add_argument("--editors", action="store_true", help="Emacs, Neovim and VS Code beside the clients")
    parser.add_argument("--upgraded", action="store_true", help="as if all of AID had just been replaced")
    options = parser.parse_args()
    if options.as_client:
        asyncio.run(client())
        return
    print(f"others take {_busy():.0%} of the machine's {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
    (with_editors if options.editors else without)(options)
    print(f"others take {_busy():.0%} of the machine now")


def without(options: Any) -> None:
    with tempfile.TemporaryDirectory(prefix="aid", dir="/tmp") as folder:
        base = Path(folder)
        root = workspace(base / "w")
        with server(base, LINE) as url, daemon(base, url) as env:
            bridge_start(env)
            env |= {"AID_BENCH_WORKSPACE": str(root), "AID_BENCH_DOCUMENTS": str(DOCUMENTS)}
            asyncio.run(redeploy(env, options, Editors()))


def with_editors(options: Any) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "e2e"))
    from scene import scene
    from three_editors import bridges, missing, three_editors

    lacking = missing()
    if lacking:
        raise SystemExit(lacking)
    with scene() as shop:
        shop.replies(LINE)
        with three_editors(shop, BEHIND_OTHERS_S) as started:
            env = shop.env | {"AID_BENCH_WORKSPACE": str(shop.root), "AID_BENCH_DOCUMENTS": "0"}
            asyncio.run(redeploy(env, options, Editors(started, lambda: bridges(shop))))


def _busy() -> float:
    """The share of all CPUs in use for a second, when nothing of ours is at work."""

    def counted() -> tuple[int, int]:
        ticks = list(map(int, Path("/proc/stat").read_text("ascii").split("\n")[0].split()[1:9]))
        return sum(ticks), ticks[3] + ticks[4]

    (whole, idle), _ = counted(), time.sleep(1)
    now, now_idle = counted()
    return 1 - (now_idle - idle) / max(1, now - whole)


if __name__ == "__main__":
    main()
