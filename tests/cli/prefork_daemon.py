"""Runs daemons in forked processes, imports done: many real daemons, each to be killed, at little cost.

For each empty line on standard input one is forked; its pid is printed when it listens. A line "wait": wait until the
last one has ended, print how, as subprocess.returncode has it.
"""

import importlib
import os
import sys

from aid import daemon

for needed in ("aid.session.host", "aid.models.replay", "aid.metrics.schema"):
    importlib.import_module(needed)


def fork() -> int:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.dup2(os.open(os.devnull, os.O_RDWR), 1)
        os._exit(daemon.main(["--ready-fd", str(writing)]))
    os.close(writing)
    with os.fdopen(reading) as said:
        assert said.readline() == "ready\n"
    return child


def serve() -> None:
    child = 0
    for line in sys.stdin:
        if line.strip():
            _, status = os.waitpid(child, 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
        else:
            child = fork()
            print(child, flush=True)


if __name__ == "__main__":
    serve()
