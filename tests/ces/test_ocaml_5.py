"""The fast path for OCaml with OCaml 5.3 and dune 3.17: its own tests, inside the system that scripts/trixie makes."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ces.test_golden import trixie

REPOSITORY = Path(__file__).parents[2]
TESTS = tuple(f"tests/ces/test_{name}.py" for name in ("ocaml_fast", "ocaml_rules", "ocaml_circles", "dune_links"))

pytestmark = [
    pytest.mark.ocaml,
    pytest.mark.skipif(shutil.which("bwrap") is None or trixie() is None, reason="needs bwrap and scripts/trixie"),
    pytest.mark.skipif(sys.base_prefix.startswith("/usr"), reason="this Python's libraries are in the other's way"),
]


def test_its_tests_pass_with_the_newer_compiler_too(tmp_path: Path) -> None:
    tree = trixie()
    assert tree is not None
    seen = {sys.base_prefix, sys.prefix, str(REPOSITORY)}
    places = ["--tmpfs", "/"]  # the tree's top level, entry by entry: this checkout may be at a place it doesn't have
    for entry in sorted(Path(tree).iterdir()):
        if entry.is_symlink():
            places += ["--symlink", str(entry.readlink()), f"/{entry.name}"]
        else:
            places += ["--ro-bind", str(entry), f"/{entry.name}"]
    places += ["--dev", "/dev", "--proc", "/proc", "--bind", str(tmp_path), "/tmp"]
    for top in sorted({Path("/", *Path(path).parts[1:2]) for path in seen} - {Path("/tmp")}):
        places += ["--tmpfs", str(top)]
    for path in sorted(seen):
        places += ["--ro-bind", path, path]
    places += ["--chdir", str(REPOSITORY), "--clearenv"]
    env = ["--setenv", "HOME", "/tmp", "--setenv", "PATH", "/usr/bin:/bin"]
    asked = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS]
    ended = subprocess.run(
        ["bwrap", "--unshare-all", *places, *env, *asked], check=False, capture_output=True, text=True, timeout=900
    )
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr
    assert " passed" in ended.stdout
