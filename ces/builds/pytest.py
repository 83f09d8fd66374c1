"""Python: every file compiled, mypy or pyright where the project configures one, then pytest.

The interpreter is the workspace's own virtual environment, else a python3 on PATH that has pytest, else the one that
runs us. A workspace's own interpreter is never run outside the sandbox: what it has is read from its folders.
"""

import functools
import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from ces.builds import lines, pytest_output, python_syntax
from ces.builds.adapter import BuildSettings, Step
from ces.builds.machine import Machine
from ces.builds.reading import Sources, failure
from ces.builds.stages import upto
from ces.verdict import Diagnostic, Ran, Tests

_MARKS = ("pyproject.toml", "setup.py", "setup.cfg", "pytest.ini", "tox.ini", "conftest.py", "requirements.txt")
_ENVIRONMENTS = (".venv", "venv")
_ABOUT = "import sys; print(sys.version, sys.prefix)"
_FOLDERS = "import sys; print(*sys.path, sep='\\n')"
_NO_TESTS = 5  # pytest's exit code when it collects none
_REPORTING = Path(__file__).with_name("pytest_report.py")
_TEST_FLAGS = ("-q", "--color=no", "--tb=short", "--no-header", "-rN", "-p", "no:cacheprovider")
_MYPY_FLAGS = ("--show-column-numbers", "--no-pretty", "--no-error-summary", "--hide-error-context")


class Pytest:
    name = "pytest"
    outputs: tuple[str, ...] = (".mypy_cache",)
    by_mtime = False

    def recognises(self, root: Path) -> bool:
        return any((root / mark).is_file() for mark in _MARKS)

    def missing_tools(self, root: Path, settings: BuildSettings) -> Sequence[str]:
        python = _interpreter(root)
        if settings.upto == "test" and not _has(root, python, "pytest"):
            return (f"pytest: {python} -m pip install pytest",)
        return ()

    def steps(self, root: Path, settings: BuildSettings) -> Sequence[Step]:
        python = _interpreter(root)
        steps = [Step(stage="parse", argv=(python, "-I", "-c", _syntax_check()), title="compile every file")]
        if _configures(root, "mypy", ("mypy.ini", ".mypy.ini")) and _has(root, python, "mypy"):
            target = () if _names_its_files(root) else (".",)
            steps.append(Step(stage="typecheck", argv=(python, "-m", "mypy", *_MYPY_FLAGS, *target)))
        pyright = _pyright(root)
        if pyright is not None and _configures(root, "pyright", ("pyrightconfig.json",)):
            steps.append(Step(stage="typecheck", argv=(pyright,)))
        tests = (python, "-c", _text(_REPORTING), *_TEST_FLAGS)
        title = " ".join((python, "-m", "pytest", *_TEST_FLAGS))
        steps.append(Step(stage="test", argv=tests, passes=(0, _NO_TESTS), title=title, tests=True, report=True))
        return upto(settings.upto, *steps)

    def parse_steps(self, root: Path, paths: Sequence[str]) -> Sequence[Step]:
        parsed = tuple(
            path
            for path in sorted(paths)
            if path.endswith(".py") and all(map(python_syntax.is_walked, path.split("/")[:-1]))
        )
        if not parsed:
            return ()
        argv = (_interpreter(root), "-I", "-c", _syntax_check(), *parsed)
        return (Step(stage="parse", argv=argv, title=f"compile {', '.join(parsed)}"),)

    def whole(self, root: Path, settings: BuildSettings) -> Step | None:
        return None  # each step is another program

    def toolchain(self, root: Path, settings: BuildSettings, machine: Machine) -> Iterator[str]:
        python = _interpreter(root)
        yield machine.says(str(root / python), "-I", "-c", _ABOUT)
        folders = [root / name / "lib" for name in _ENVIRONMENTS]
        if Path(python).is_absolute():
            folders += [Path(line) for line in machine.output(python, "-I", "-c", _FOLDERS).split("\n") if line]
        for folder in folders:
            yield machine.lists(folder, "*.dist-info/METADATA", "python3*/site-packages/*.dist-info/METADATA", "*.pth")
        pyright = _pyright(root)
        if pyright is not None:
            yield machine.says(str(root / pyright), "--version")

    def diagnostics(self, sources: Sources, step: Step, output: str, exit_code: int) -> Sequence[Diagnostic]:
        if step.stage == "test":
            found = pytest_output.parse(sources, output)
        else:
            source = {"parse": "python"}.get(step.stage, "pyright" if "pyright" in step.argv[0] else "mypy")
            found = lines.parse(sources, output, source)
        if exit_code not in step.passes and not any(item.severity == "error" for item in found):
            found.append(failure(self.name, str(step), output, exit_code))
        return found

    def ran(self, step: Step, output: str, report: str) -> Ran:
        """By file. Not by the text: that of a run with `-q` has a number only."""
        try:
            return Ran(tests=msgspec.json.decode(report, type=Tests))
        except msgspec.DecodeError:
            return Ran()


def _interpreter(root: Path) -> str:
    for name in _ENVIRONMENTS:
        if (root / name / "bin" / "python").exists():
            return f"{name}/bin/python"
    found = shutil.which("python3")
    return found if found is not None and _imports(found, "pytest") else sys.executable


def _has(root: Path, python: str, module: str) -> bool:
    if python == sys.executable:
        return importlib.util.find_spec(module) is not None
    if Path(python).is_absolute():
        return _imports(python, module)
    environment = root / Path(python).parent.parent
    return any(environment.glob(f"lib/python3*/site-packages/{module}/__init__.py"))


@functools.cache
def _imports(python: str, module: str) -> bool:
    probe = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    try:
        ended = subprocess.run([python, "-I", "-c", probe], check=False, capture_output=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0


@functools.cache
def _syntax_check() -> str:
    return Path(__file__).with_name("python_syntax.py").read_text("utf-8")


def _configures(root: Path, tool: str, files: Sequence[str]) -> bool:
    if any((root / name).is_file() for name in files):
        return True
    if tool in _pyproject(root).get("tool", {}):
        return True
    return tool == "mypy" and re.search(r"^\[mypy\]", _text(root / "setup.cfg"), re.MULTILINE) is not None


def _names_its_files(root: Path) -> bool:
    """Whether mypy's own configuration says what to check."""
    own = _pyproject(root).get("tool", {}).get("mypy", {})
    if isinstance(own, dict) and {"files", "packages", "modules"} & own.keys():
        return True
    texts = (_text(root / name) for name in ("mypy.ini", ".mypy.ini", "setup.cfg"))
    return any(re.search(r"^(?:files|packages|modules)\s*=", text, re.MULTILINE) for text in texts)


def _pyproject(root: Path) -> dict[str, dict[str, dict[str, object]]]:
    try:
        return tomllib.loads(_text(root / "pyproject.toml"))
    except tomllib.TOMLDecodeError:
        return {}


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _pyright(root: Path) -> str | None:
    for name in _ENVIRONMENTS:
        if (root / name / "bin" / "pyright").exists():
            return f"{name}/bin/pyright"
    return shutil.which("pyright")
