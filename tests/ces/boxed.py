"""A workspace whose commands run enclosed, and the proof that they left nothing behind."""

import hashlib
import os
import stat
import uuid
from pathlib import Path

from ces import isolation, process, workspace
from ces.fingerprint import Fingerprint
from ces.isolation import Isolation
from ces.limits import Limits
from ces.process import Finished

MARK = "HOSTILE"


class Boxed:
    """Runs commands in the base view of one kind of isolation. What they start carries a mark in its environment."""

    def __init__(self, root: Path, found: Isolation, views: workspace.Views) -> None:
        self.root = root
        self.found = found
        self.views = views
        self.mark = uuid.uuid4().hex
        self.before = tree_state(root)

    async def sh(self, script: str, timeout_s: float = 30.0, limits: Limits | None = None) -> Finished:
        return await self.run(["sh", "-c", script], timeout_s, limits)

    async def python(self, code: str, timeout_s: float = 30.0, limits: Limits | None = None) -> Finished:
        return await self.run(["python3", "-I", "-W", "ignore", "-c", code], timeout_s, limits)

    async def run(self, argv: list[str], timeout_s: float, limits: Limits | None) -> Finished:
        tree = Fingerprint(self.root, ["_build"])
        tree.look()
        self.views.sync(tree)
        place = self.views.open_base()
        env = process.build_environment({MARK: self.mark})
        try:
            return await isolation.run(self.found, place, argv, env, timeout_s, limits)
        finally:
            self.views.close(place)

    def left_running(self) -> list[str]:
        """The command lines of processes that carry the mark."""
        needle, found = f"{MARK}={self.mark}".encode(), []
        for directory in Path("/proc").iterdir():
            if not directory.name.isdigit():
                continue
            try:
                if needle in (directory / "environ").read_bytes():
                    found.append((directory / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found


def tree_state(root: Path) -> dict[str, tuple[int, int, str]]:
    """path -> mode, mtime and content of everything below `root`."""
    state = {}
    for directory, inside, names in os.walk(root):
        for name in (*inside, *names):
            path = Path(directory, name)
            found = path.lstat()
            content = hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(found.st_mode) else ""
            mtime_ns = found.st_mtime_ns if stat.S_ISREG(found.st_mode) else 0
            state[str(path.relative_to(root))] = (found.st_mode, mtime_ns, content)
    return state
