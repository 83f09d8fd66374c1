"""What the daemon adds to a request: aid/status over its socket, beside a bare asyncio echo of the same bytes.

    python bench/server_overhead.py

Both servers run in processes of their own and are asked in turn by one client; prints medians and their ratio, then
the daemon's resident memory when idle, and what `aid connect` costs beside a bare interpreter.
"""

import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from aid.framing import Decoder, encode

ROUNDS = 2000
WARM_UP = 200
STARTS = 7
REQUEST = encode(b'{"jsonrpc":"2.0","id":1,"method":"aid/models","params":{}}')
ECHO = """
import asyncio, sys
class Echo(asyncio.Protocol):
    def connection_made(self, transport): self.transport = transport
    def data_received(self, data): self.transport.write(data)
async def main():
    server = await asyncio.get_running_loop().create_unix_server(Echo, sys.argv[1])
    print("ready", flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="aid", dir="/tmp") as base:
        environment = dict(os.environ)
        for name in ("CONFIG", "STATE", "CACHE"):
            environment[f"XDG_{name}_HOME"] = base
        environment["XDG_RUNTIME_DIR"] = base
        (Path(base) / "aid").mkdir(mode=0o700)
        (Path(base) / "aid" / "aid.toml").write_text('default_model = "hints"\n[models.smollm2]\nbackend = "hints"\n')
        echo_path = f"{base}/echo.sock"
        echo = started([sys.executable, "-c", ECHO, echo_path], environment)
        daemon = started([sys.executable, "-P", "-m", "aid.daemon"], environment)
        try:
            compare(f"{base}/aid/aid.sock", echo_path)
            print(f"daemon, idle: {rss_bytes(daemon.pid) / 1e6:.0f} MB resident")
            bridge(environment)
        finally:
            for process in (daemon, echo):
                process.terminate()
                process.wait()


def started(argv: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line == b"ready\n", line
    return process


def compare(daemon_path: str, echo_path: str) -> None:
    """One request to each in turn, so that both see the same machine."""
    daemon, echo = connected(daemon_path), connected(echo_path)
    daemon_us, echo_us = [], []
    for number in range(WARM_UP + ROUNDS):
        first, second = round_trip_us(daemon), round_trip_us(echo)
        if number >= WARM_UP:
            daemon_us.append(first)
            echo_us.append(second)
    asked, echoed = statistics.median(daemon_us), statistics.median(echo_us)
    print(f"round trip of aid/models: {asked:.0f} us; bare asyncio echo: {echoed:.0f} us; ratio {asked / echoed:.1f}")
    print(f"the daemon adds {(asked - echoed) / 1000:.3f} ms a request (limit for a first token: 15 ms)")


def connected(path: str) -> socket.socket:
    link = socket.socket(socket.AF_UNIX)
    link.connect(path)
    return link


def round_trip_us(link: socket.socket) -> float:
    decoder = Decoder()
    begun = time.perf_counter()
    link.sendall(REQUEST)
    while not decoder.feed(link.recv(1 << 16)):
        pass
    return (time.perf_counter() - begun) * 1e6


def bridge(environment: dict[str, str]) -> None:
    """`aid connect` from exec to its first answer, beside a Python that does nothing."""
    connect_ms, bare_ms = [], []
    for _ in range(STARTS):
        begun = time.perf_counter()
        aid = str(Path(sys.executable).with_name("aid"))
        process = subprocess.Popen([aid, "connect"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(REQUEST)
        process.stdin.flush()
        process.stdout.readline()
        connect_ms.append((time.perf_counter() - begun) * 1000)
        resident_bytes = rss_bytes(process.pid)
        process.stdin.close()
        process.stdout.close()
        process.wait()
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True, env=environment)
        bare_ms.append((time.perf_counter() - begun) * 1000)
    first, bare = statistics.median(connect_ms), statistics.median(bare_ms)
    print(f"aid connect to its first answer: {first:.0f} ms; a bare python: {bare:.0f} ms; ratio {first / bare:.1f}")
    print(f"aid connect: {resident_bytes / 1e6:.0f} MB resident")


def rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    main()
