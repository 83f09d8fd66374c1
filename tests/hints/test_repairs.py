"""Real workspaces, really broken, really built: the hints mend what the table says, and nothing is said to be green
that isn't. The whole table is bench/hints_repairs.py's; here its quick cases run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("language", [pytest.param("ocaml", marks=pytest.mark.ocaml), "python", "rust", "typescript"])
def test_real_breakages_go_green_at_the_candidate_expected(language: str) -> None:
    bench = REPOSITORY / "bench" / "hints_repairs.py"
    done = subprocess.run(
        [sys.executable, bench, "--only", language, "--quick", "--json"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if "not run" in done.stderr:
        pytest.skip(done.stderr.strip())
    found = json.loads(done.stdout)[language]
    assert len(found) >= 5
    assert {each["case"]["kind"]: each["green_at"] for each in found} == {
        each["case"]["kind"]: each["case"]["green_at"] for each in found
    }
