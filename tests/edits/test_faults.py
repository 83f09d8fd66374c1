"""Real changes, written as models write them with their usual faults: right or refused, never wrong.

The whole table is `bench/edits_faults.py`'s; here every eighth change is tried, and all of them without faults.
"""

import gzip
import importlib.util
import json
import os
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from aid.edits import Document, parse, plan, render
from ces.change import FileChange

ROOT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("AID_SHARED_FIXTURES") or ROOT.parent / "shared" / "fixtures" / "edits")
REAL = FOLDER / "real_pull_requests.jsonl.gz"

pytestmark = pytest.mark.skipif(
    not REAL.is_file(), reason=f"the real changes are not at {REAL}: a developer's checkout has them"
)


@pytest.fixture(scope="module")
def changes() -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(REAL.read_bytes()).decode().splitlines()]


@pytest.fixture(scope="module")
def faulty() -> ModuleType:
    spec = importlib.util.spec_from_file_location("_edits_faulty", ROOT / "bench" / "_edits_faulty.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def outcome(reply: str, format: Any, before: dict[str, str], after: dict[str, str]) -> str:
    planned = plan(
        parse(reply, format), {path: Document(path=path, content=text.encode()) for path, text in before.items()}.get
    )
    if planned.rejected:
        return "refused"
    files = before | {change.path: (change.after or b"").decode() for change in planned.changes}
    return "exact" if files == after else "wrong"


def test_true_edits_apply_byte_for_byte(changes: list[dict[str, Any]]) -> None:
    seen: Counter[str] = Counter()
    for change in changes:
        before, after = change["before"], change["after"]
        wanted = [FileChange(path=path, before=before[path].encode(), after=after[path].encode()) for path in before]
        seen[outcome(change["edit"], "auto", before, after)] += 1
        for format in ("search-replace", "udiff", "apply-patch", "whole", "line-range"):
            seen[outcome(render(wanted, format), format, before, after)] += 1
    assert seen == {"exact": 6 * len(changes)}


def test_faults_are_tolerated_or_refused_and_never_applied_wrongly(
    changes: list[dict[str, Any]], faulty: ModuleType
) -> None:
    named: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for change in changes[::8]:
        for case in faulty.cases(change):
            seen = outcome(case.reply, case.format, case.before, case.after)
            (others if case.fault in faulty.HARDER else named)[seen] += 1
    assert named["wrong"] == others["wrong"] == 0
    assert named["exact"] >= 0.97 * named.total(), named
