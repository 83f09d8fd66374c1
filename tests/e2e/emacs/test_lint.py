"""The Emacs package is clean by the byte compilers of 28 and 30, checkdoc and package-lint, and thin."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PLUGIN = ROOT / "plugins" / "emacs"
FILES = sorted(PLUGIN.glob("*.el"))
WRITTEN = [file for file in FILES if file.name != "aid-protocol.el"]
LINES = 900
# What package-lint says of a package without a home page: that is for who publishes it to name.
HOMEPAGE = "Package should have a Homepage or URL header"


def run(program: str | Path, cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(program), "-Q", "--batch", "-L", str(cwd), *words]
    return subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for file in FILES:
        shutil.copy(file, tmp_path)
    return tmp_path


def test_it_compiles_without_a_warning(emacs: str, package: Path) -> None:
    names = [file.name for file in FILES]
    said = run(emacs, package, "--eval", "(setq byte-compile-error-on-warn t)", "-f", "batch-byte-compile", *names)
    assert said.returncode == 0, said.stdout
    assert "Warning" not in said.stdout
    assert len(list(package.glob("*.elc"))) == len(names)


def test_checkdoc_finds_nothing(emacs: str, package: Path) -> None:
    for file in WRITTEN:
        said = run(emacs, package, "--eval", f'(checkdoc-file "{file.name}")')
        assert "Warning" not in said.stdout, said.stdout


def test_package_lint_finds_nothing(editors: Path, package: Path) -> None:
    lint = editors.parent / "package-lint" / "usr" / "share" / "emacs" / "site-lisp" / "elpa-src"
    if not lint.exists():
        pytest.skip("package-lint is not there: run scripts/editors emacs")
    archive = package / "elpa" / "archives" / "none"
    archive.mkdir(parents=True)
    (archive / "archive-contents").write_text("(1)\n")
    loading = [word for folder in sorted(lint.iterdir()) for word in ("-L", str(folder))]
    told = f'(setq package-user-dir "{package}/elpa" package-archives (quote (("none" . "{archive}/")))'
    told += ' package-lint-main-file "aid.el")'
    names = [file.name for file in WRITTEN]
    words = ["--eval", told, "-l", "package-lint", "-f", "package-lint-batch-and-exit", *names]
    said = run(editors / "emacs-30", package, *loading, *words)
    found = [line for line in said.stdout.splitlines() if ": error:" in line or ": warning:" in line]
    assert [line for line in found if HOMEPAGE not in line] == [], said.stdout
    assert len(found) == 1, said.stdout


def test_it_is_thin() -> None:
    lines = {file.name: len(file.read_text().splitlines()) for file in WRITTEN}
    assert sum(lines.values()) <= LINES, lines
