"""A container without Docker: bubblewrap with four folders of a directory where Harbor's scripts expect them."""

import shutil
import subprocess
from pathlib import Path

FOLDERS = ("workspace", "tests", "solution", "logs")
_SYSTEM = (
    "--unshare-all", "--die-with-parent", "--new-session", "--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc",
    "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
    "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
)  # fmt: skip


class Box:
    def __init__(self, root: Path, workspace: Path) -> None:
        self.root = root
        for name in FOLDERS:
            (root / name).mkdir(parents=True)
        shutil.copytree(workspace, root / "workspace", dirs_exist_ok=True)

    def path(self, inside: str) -> Path:
        """Where a path of the box is outside."""
        return self.root / inside.lstrip("/")

    def run(self, command: str, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        binds = [word for name in FOLDERS for word in ("--bind", str(self.root / name), f"/{name}")]
        variables = [word for name, value in (env or {}).items() for word in ("--setenv", name, value)]
        argv = ["bwrap", *_SYSTEM, *binds, *variables, "--chdir", "/workspace", "sh", "-c", command]
        return subprocess.run(argv, capture_output=True, text=True, check=False)
