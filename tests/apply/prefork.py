"""Runs `aid` commands in forked processes, imports done: many real processes, each to be killed, at little cost.

For each line of JSON on standard input ({"argv", "stdin", "cwd", "gate"}) one child is forked; its pid is printed. The
child waits until someone opens the FIFO `gate` for writing, then becomes `aid ARGV` with the file `stdin` as its
standard input. An empty line: wait for the child, print how it ended, as subprocess.returncode has it.
"""

import json
import os
import sys

import aid.apply
import aid.cli.apply
import aid.cli.undo
import aid.edits  # noqa: F401  (imported by the commands, and to be there before the fork)
from aid.cli.main import main


def become(argv: list[str], stdin: str, cwd: str, gate: str) -> None:
    os.close(os.open(gate, os.O_RDONLY))
    os.dup2(os.open(stdin, os.O_RDONLY), 0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.stdin = os.fdopen(0, "r", closefd=False)
    os.chdir(cwd)
    sys.argv = ["aid", *argv]
    main()


def serve() -> None:
    child = 0
    for line in sys.stdin:
        if line.strip():
            child = os.fork()
            if child == 0:
                code = 0
                try:
                    become(**json.loads(line))
                except SystemExit as ended:
                    code = ended.code if isinstance(ended.code, int) else 1
                finally:
                    os._exit(code)
            print(child, flush=True)
        else:
            _, status = os.waitpid(child, 0)
            print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
