"""One workspace that any shell can build, a task on it, and a judge for it in this process."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from ces.adapters import asking
from ces.adapters.asking import Ask
from ces.adapters.judged import Judging
from ces.adapters.row import Row
from ces.builds.adapter import BuildSettings

MakeWorkspace = Callable[[str], Path]

BREAKS = "--- a/value\n+++ b/value\n@@ -1 +1 @@\n-good\n+bad\n"
MENDS = "--- a/value\n+++ b/value\n@@ -1 +1 @@\n-bad\n+good\n"
WORSENS = "--- a/value\n+++ b/value\n@@ -1 +1 @@\n-bad\n+worse\n"

# The form of a toy model's replies: the first word names an edit.
TOY = f"""
EDITS = {{"mend": {MENDS!r}, "worsen": {WORSENS!r}}}

def to_diff(reply, task):
    return EDITS.get(reply.split(" ")[0])
"""


@pytest.fixture
def task(workspace: MakeWorkspace) -> Row:
    root = workspace("-- check.sh --\ngrep -q good value || { echo value is no good; exit 1; }\n-- value --\ngood\n")
    return Row(id="t1", workspace=str(root), onto=BREAKS, gold=MENDS, prompt="fix the build", files=("value",))


@pytest.fixture
def lost(task: Row) -> Row:
    """A task that no machine can judge."""
    return msgspec.structs.replace(task, id="t2", workspace=f"{task.workspace}-that-is-not-there")


@pytest.fixture
def judging(state_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Judging]:
    (tmp_path / "toy_replies.py").write_text(TOY)
    monkeypatch.syspath_prepend(tmp_path)
    ask = Ask(state_dir=str(state_dir), build=BuildSettings(command=("sh", "check.sh")))
    yield Judging(ask=ask, to_diff="toy_replies:to_diff")
    asking.close()
