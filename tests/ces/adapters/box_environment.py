"""The box as an environment of Harbor's: Harbor loads it by the path 'box_environment:BoxEnvironment'."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

from box import Box
from harbor.environments.base import BaseEnvironment, ExecResult


class BoxEnvironment(BaseEnvironment):
    @staticmethod
    def type() -> str:
        return "box"

    def _validate_definition(self) -> None:
        assert (self.environment_dir / "Dockerfile").is_file()

    async def start(self, force_build: bool) -> None:
        self.box = Box(self.trial_paths.trial_dir / "box", self.environment_dir / "workspace")
        await self.exec("mkdir -p /logs/agent /logs/verifier /logs/artifacts")

    async def stop(self, delete: bool) -> None:
        shutil.rmtree(self.box.root)

    async def upload_file(self, source_path: Path | str, target_path: str) -> None:
        shutil.copy(source_path, self.box.path(target_path))

    async def upload_dir(self, source_dir: Path | str, target_dir: str) -> None:
        shutil.copytree(source_dir, self.box.path(target_dir), dirs_exist_ok=True)

    async def download_file(self, source_path: str, target_path: Path | str) -> None:
        shutil.copy(self.box.path(source_path), target_path)

    async def download_dir(self, source_dir: str, target_dir: Path | str) -> None:
        shutil.copytree(self.box.path(source_dir), target_dir, dirs_exist_ok=True)

    async def exec(
        self, command: str, cwd: str | None = None, env: dict[str, str] | None = None, **_: Any
    ) -> ExecResult:
        ran = await asyncio.to_thread(self.box.run, command, self._merge_env(env))
        return ExecResult(stdout=ran.stdout, stderr=ran.stderr, return_code=ran.returncode)
