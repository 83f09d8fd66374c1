"""What is installed on this machine, for a toolchain's digest: what programs say of themselves, what lies in folders.

Runs programs, but none that lies in the workspace: those are judged by their content. What a program said is kept
as long as the file is the same, so that a digest costs stats, not processes.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from ces import process

_TIMEOUT_S = 20.0
_said: dict[tuple[str, ...], str] = {}


class Machine:
    """The machine as a build of the workspace at `root` sees it; `env` goes on top of a build's environment."""

    def __init__(self, root: Path, env: Mapping[str, str]) -> None:
        self._given = root
        self._root = root.resolve()
        self._env = process.build_environment(env)

    def says(self, *argv: str, after: str = "") -> str:
        """The identity of the program `argv[0]`, "missing" without it, and the `output` of `argv`."""
        found = self._which(argv[0])
        if found is None:
            return f"{self._named(Path(argv[0]))}: missing"
        return f"{self.stat(found)}\n{self.output(*argv, after=after)}"

    def output(self, *argv: str, after: str = "") -> str:
        """What `argv` prints, "" for a program that is missing or the workspace's.

        It is asked again when the program's file, or `after`, differs.
        """
        found = self._which(argv[0])
        if found is None or self._is_the_workspaces(found):
            return ""
        key = (*argv, self.stat(found), after)
        if key not in _said:
            _said[key] = self._run(str(found), *argv[1:])
        return _said[key]

    def _which(self, program: str) -> Path | None:
        found = shutil.which(program, path=self._env.get("PATH"))
        return None if found is None else Path(found)

    def stat(self, path: Path) -> str:
        """A file's identity: where it really is, its size and its mtime; of the workspace's own, its content.

        A revision is written anew each time it is looked at, so that its mtimes say nothing.
        """
        try:
            real = path.resolve(strict=True)
            seen = real.stat()
            if real.is_relative_to(self._root) and real.is_file():
                return f"{self._named(path)} = {self._named(real)} {hashlib.sha256(real.read_bytes()).hexdigest()}"
        except OSError:
            return f"{self._named(path)}: missing"
        return f"{self._named(path)} = {self._named(real)} {seen.st_size} {seen.st_mtime_ns}"

    def text(self, path: Path) -> str:
        """A small file's content."""
        try:
            return path.read_text("utf-8", "replace")
        except OSError:
            return f"{self._named(path)}: missing"

    def lists(self, folder: Path, *patterns: str) -> str:
        """The identities of the files in `folder` that match, in order."""
        found = sorted(path for pattern in patterns for path in folder.glob(pattern))
        return "\n".join([self._named(folder), *(self.stat(path) for path in found)])

    def _named(self, path: Path) -> str:
        """A path as a digest may have it: the workspace's own, wherever the workspace lies, are told from its top."""
        for root in (self._given, self._root):
            if path.is_relative_to(root):
                return f"./{path.relative_to(root)}"
        return str(path)

    def _is_the_workspaces(self, program: Path) -> bool:
        inside = (program.absolute(), program.resolve())
        return any(path.is_relative_to(self._root) for path in inside)

    def _run(self, *argv: str) -> str:
        # At /: a version manager's shim would look for a file of the workspace's and fetch what that names.
        try:
            ended = subprocess.run(
                argv,
                check=False,
                cwd=os.sep,
                env=self._env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT_S,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return type(error).__name__
        return ended.stdout.decode("utf-8", "replace")
