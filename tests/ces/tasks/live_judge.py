"""A judge for tests: `ces.check.Checker` on the directory itself, with diffs laid by the real `git apply`."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from ces.change import FileChange
from ces.check import Checker
from ces.request import CheckRequest
from ces.verdict import Diagnostic, Verdict

BUDGET_S = 300.0


class LiveJudge:
    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self.asked: list[CheckRequest] = []

    async def check(self, request: CheckRequest) -> Verdict:
        self.asked.append(request)
        with tempfile.TemporaryDirectory(prefix="judge") as directory:
            copy = Path(directory) / "copy"
            shutil.copytree(self._checker.root, copy, ignore=shutil.ignore_patterns("_build", ".git"), symlinks=True)
            touched: set[str] = set(request.hidden)
            for diff in (request.onto, request.diff):
                refused = _apply(diff, copy, touched)
                if refused is not None:
                    said = Diagnostic(file=None, range=None, severity="error", message=refused, code="apply")
                    return Verdict(status="red", stage="apply", diagnostics=(said,))
            for path, text in request.hidden.items():
                (copy / path).write_text(text, "utf-8")
            changes = [_change(path, self._checker.root, copy) for path in sorted(touched)]
        changes = [change for change in changes if change.before != change.after]
        return await self._checker.check(changes, budget_s=BUDGET_S)


def _apply(diff: str, root: Path, touched: set[str]) -> str | None:
    """Lay the diff over `root` and note the paths it touches; what git says against it."""
    if not diff:
        return None
    for flags in (["--numstat", "-z"], []):
        argv = ["git", "apply", "--whitespace=nowarn", *flags]
        done = subprocess.run(argv, cwd=root, input=diff.encode(), capture_output=True, check=False)
        if done.returncode != 0:
            return done.stderr.decode()
        touched |= {line.split("\t")[2] for line in done.stdout.decode().split("\0") if line}
    return None


def _change(path: str, before: Path, after: Path) -> FileChange:
    contents = [(root / path).read_bytes() if (root / path).exists() else None for root in (before, after)]
    return FileChange(path=path, before=contents[0], after=contents[1])
