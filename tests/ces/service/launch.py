"""A service as a process of its own: launch.py WORKERS DRAIN_S PORT STATE_DIR COMMAND...; prints its address."""

import asyncio
import sys
from pathlib import Path

import msgspec

from ces.bases import BaseSettings
from ces.builds.adapter import BuildSettings
from ces.judge import JudgeSettings
from ces.service.serve import run
from ces.service.settings import ServiceSettings

workers, drain_s, port, state_dir, *command = sys.argv[1:]
build = BuildSettings(command=tuple(command))
bases = BaseSettings(state_dir=Path(state_dir), build=lambda workspace: build)
settings = ServiceSettings(
    judge=JudgeSettings(bases=bases, workers=int(workers)), port=int(port), drain_s=float(drain_s)
)
sys.exit(asyncio.run(run(settings, lambda address: print(msgspec.json.encode(address).decode(), flush=True))))
