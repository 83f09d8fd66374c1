"""CES with this person's directories and build settings, for the command line, the service and the trainer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aid import config, paths

if TYPE_CHECKING:
    from pathlib import Path

    from ces.judge import JudgeSettings


def ces_state() -> Path:
    """Where CES keeps its bases and verdicts."""
    return paths.state_dir() / "ces"


def judge_settings(workers: int = 2) -> JudgeSettings:
    """Bases in the person's state directory, built as each workspace's aid.toml says (as far as it is trusted)."""
    from ces.bases import BaseSettings
    from ces.judge import JudgeSettings

    bases = BaseSettings(state_dir=ces_state(), build=lambda workspace: config.load(workspace).config.build)
    return JudgeSettings(bases=bases, workers=workers)
