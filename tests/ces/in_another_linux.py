"""The first program of `test_cgroups_2`'s other machine: prints what is found there, as one line of JSON at the end."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ces import cgroups, isolation, process
from ces.isolation import Place
from ces.limits import Limits

ROOT = Path("/sys/fs/cgroup")
SLICE = ROOT / "slice"
PROCESSES = 24
HOG = "kept = []\nwhile True: kept.append(b'x' * (8 << 20))"
FORKS = """\
import os, time
for _ in range(100):
    if not os.fork():
        time.sleep(100)
    print("one more", flush=True)
"""
ENDLESS = "while True: pass"
DAEMON = """\
import os
if os.fork():
    os._exit(3)
os.setsid()
if not os.fork():
    os.execve("/bin/sleep", ["sleep", "7331"], {})
"""
CASES = {
    "memory": (HOG, Limits(memory_bytes=128 << 20)),
    "processes": (FORKS, Limits(processes=PROCESSES)),
    "cpu": (ENDLESS, Limits(cpu_s=1.0)),
    "a daemon": (DAEMON, Limits()),
}


def doctor() -> dict[str, Any]:
    argv = [
        sys.executable,
        "-c",
        "from aid.cli.main import main; main()",
        "ces",
        "doctor",
        "--workspace",
        ".",
        "--json",
    ]
    found: dict[str, Any] = json.loads(subprocess.run(argv, check=True, stdout=subprocess.PIPE).stdout)
    return found


def kept_by(report: dict[str, Any]) -> dict[str, str]:
    return {each["limit"]: each["by"] for each in report["limits"] if each["limit"] in ("memory", "processes")}


async def ran(workspace: Path, state: Path) -> dict[str, Any]:
    found = await isolation.probe(workspace, state)
    told = {}
    for number, (name, (code, limits)) in enumerate(CASES.items()):
        tree, scratch = state / f"tree{number}", state / f"tmp{number}"
        tree.mkdir()
        scratch.mkdir()
        argv = ("python3", "-I", "-c", code)
        place = Place(root=workspace, tree=tree, scratch=scratch)
        ended = await isolation.run(found, place, argv, process.build_environment(), 60.0, limits)
        told[name] = {"limit": ended.limit, "exit": ended.exit_code, "forks": ended.output.count("one more")}
    return told


def running(words: bytes) -> list[str]:
    commands = ((path.name, (path / "cmdline").read_bytes()) for path in Path("/proc").glob("[0-9]*"))
    return [pid for pid, command in commands if words in command.replace(b"\0", b" ")]


def main() -> None:
    workspace, state = Path("/tmp/workspace"), Path("/tmp/state")
    workspace.mkdir()
    state.mkdir()
    os.chdir(workspace)
    told: dict[str, Any] = {"root": kept_by(doctor())}
    # As a service manager does for who asks it to: a group of one's own below one that hands its controllers on.
    (ROOT / "cgroup.subtree_control").write_text("+memory +pids")
    (SLICE / "scope").mkdir(parents=True)
    (SLICE / "cgroup.subtree_control").write_text("+memory +pids")
    (SLICE / "scope" / "cgroup.procs").write_text("0")
    report = doctor()
    told |= {"given": kept_by(report), "isolated": report["isolated"], "ran": asyncio.run(ran(workspace, state))}
    hierarchy = cgroups.find()
    assert hierarchy is not None
    hierarchy.open(Limits()).close()  # removes what could not be at once
    left = [path.name for path in SLICE.glob("ces-*")]
    print(json.dumps({**told, "running": running(b"sleep 7331"), "groups": left}))


if __name__ == "__main__":
    main()
