"""CES with this person's directories and build settings, for the command line, the service and the trainer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aid import config, paths
from aid.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from ces.builds.adapter import BuildSettings
    from ces.judge import JudgeSettings


def ces_state() -> Path:
    """Where CES keeps its bases and verdicts."""
    return paths.state_dir() / "ces"


def judge_settings(
    workers: int = 2,
    *,
    state: Path | None = None,
    quota_bytes: int | None = None,
    concealed: tuple[Path, ...] = (),
    allow_unsandboxed: bool = False,
) -> JudgeSettings:
    """Bases in `state` (None: the person's state directory), built as each workspace's aid.toml says.

    `quota_bytes` None: as the person's own aid.toml says. No build sees `concealed`. `allow_unsandboxed`: the person
    said in so many words that model-written code may run where nothing encloses it.
    """
    from ces.bases import BaseSettings
    from ces.judge import JudgeSettings

    if quota_bytes is None:
        quota_bytes = int(config.load(None).config.ces.quota_gb * 1e9)
    bases = BaseSettings(state_dir=state or ces_state(), build=_build, quota_bytes=quota_bytes, concealed=concealed)
    return JudgeSettings(bases=bases, workers=workers, allow_unsandboxed=allow_unsandboxed)


def _build(workspace: Path) -> BuildSettings:
    """What a workspace's aid.toml says; one that can't be read is the request's fault, not the machine's."""
    from ces.errors import BadChange

    try:
        return config.load(workspace).config.build
    except ConfigError as error:
        raise BadChange(str(error)) from error
