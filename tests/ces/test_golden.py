"""What each adapter reads in outputs recorded from real runs, and that real runs here still read the same.

A case is a file of tests/ces/golden/ADAPTER: the workspace's files, `== recorded …`, the output of the step that
ended the check, `== diagnostics`, what is read in it. `CES_RECORD=1 pytest tests/ces/test_golden.py` records anew.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from ces import builds, process
from ces.builds.adapter import Adapter, BuildSettings, Step
from ces.builds.reading import Sources
from ces.verdict import Diagnostic

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(GOLDEN.glob("*/*.txt"))
RECORD = os.environ.get("CES_RECORD") == "1"
_RECORDED = re.compile(r"^== recorded (?P<step>\w+), exit (?P<exit>-?\d+), by (?P<tools>.*) ==\n", re.MULTILINE)
_READ = "== diagnostics ==\n"
_FILE = re.compile(r"^-- (\S+) --\n", re.MULTILINE)
VERSIONS = {
    "dune": (("dune", "--version"), ("ocamlc", "-version")),
    "cargo": (("cargo", "--version"),),
    "tsc": (("tsc", "--version"),),
    "pytest": (("python3", "--version"), ("pytest", "--version")),
    "command": (("gcc", "-dumpversion"),),
}


def unpack(text: str, into: Path) -> None:
    parts = _FILE.split(text)[1:]
    for name, content in zip(parts[::2], parts[1::2], strict=True):
        path = into / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")


def settings_of(case: Path) -> BuildSettings:
    command = re.search(r"^# command: (.*)$", case.read_text("utf-8"), re.MULTILINE)
    return BuildSettings(command=tuple(command[1].split())) if command else BuildSettings()


def adapter_of(case: Path) -> Adapter:
    return next(adapter for adapter in builds.ADAPTERS if adapter.name == case.parent.name)


def printed(diagnostics: Sequence[Diagnostic]) -> str:
    lines = []
    for item in diagnostics:
        place = "-"
        if item.range is not None:
            a, b, c, d = (getattr(item.range, name) for name in item.range.__struct_fields__)
            place = f"{a}:{b}-{c}:{d}"
        lines.append(f"{item.severity} {item.file or '-'} {place} [{item.code or ''}] {item.source}")
        lines += [f"    {line}".rstrip() for line in item.message.split("\n")]
    return "\n".join(lines) + "\n"


def build(root: Path, adapter: Adapter, settings: BuildSettings) -> tuple[Step, int, str]:
    """The step that fails, or else the last that prints something; its exit code and its output."""
    best: tuple[Step, int, str] | None = None
    for step in adapter.steps(root, settings):
        ended = subprocess.run(
            step.argv,
            check=False,
            cwd=root,
            env=process.build_environment(step.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
        )
        text = ended.stdout.decode("utf-8", "replace")
        if best is None or text.strip() or ended.returncode:
            best = (step, ended.returncode, text)
        if ended.returncode:
            break
    assert best is not None
    return best


def ready(case: Path, root: Path) -> bool:
    adapter = adapter_of(case)
    if adapter.name == "tsc":
        return shutil.which("tsc") is not None
    if adapter.name == "command" and not shutil.which("gcc"):
        return False
    return not adapter.missing_tools(root, settings_of(case))


def record(case: Path, root: Path) -> None:
    adapter = adapter_of(case)
    text = case.read_text("utf-8")
    text = text[: recorded.start()] if (recorded := _RECORDED.search(text)) else text
    step, exit_code, output = build(root, adapter, settings_of(case))
    read = adapter.diagnostics(Sources(root), step, output, exit_code)
    versions = [
        subprocess.run(argv, check=False, capture_output=True, text=True).stdout.strip()
        for argv in VERSIONS[adapter.name]
    ]
    tools = ", ".join(f"{argv[0]} {said}" for argv, said in zip(VERSIONS[adapter.name], versions, strict=True))
    output = output.replace(str(root), "/workspace").replace(sys.prefix, "/usr").replace(sys.base_prefix, "/usr")
    case.write_text(
        f"{text}== recorded {step.stage}, exit {exit_code}, by {tools} ==\n{output}{_READ}"
        + printed(read).replace(str(root), "/workspace"),
        "utf-8",
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.stem}")
def test_reads_what_was_recorded(case: Path, tmp_path: Path) -> None:
    if RECORD:
        unpack(_RECORDED.split(case.read_text("utf-8"))[0], tmp_path)
        assert ready(case, tmp_path), "its tools are not installed"
        record(case, tmp_path)
    text = case.read_text("utf-8")
    recorded = _RECORDED.search(text)
    assert recorded is not None, f"{case.name} has no recording: CES_RECORD=1"
    unpack(text[: recorded.start()], tmp_path)
    output, _, expected = text[recorded.end() :].partition(_READ)
    adapter = adapter_of(case)
    stages = {step.stage: step for step in adapter.steps(tmp_path, settings_of(case))}
    sources = Sources(tmp_path, seen_root=Path("/workspace"))
    read = adapter.diagnostics(sources, stages[recorded["step"]], output, int(recorded["exit"]))
    assert printed(read) == expected


# Enough to notice that a tool has changed its ways; running every case again takes a minute.
LIVE = {"partial_match", "interface_mismatch", "implementation_cycle", "expected_output_differs", "alcotest", "mypy"}


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.stem in LIVE],
    ids=lambda case: f"{case.parent.name}-{case.stem}",
)
def test_a_real_run_reads_as_recorded(case: Path, tmp_path: Path) -> None:
    text = case.read_text("utf-8")
    recorded = _RECORDED.search(text)
    assert recorded is not None
    files = text[: recorded.start()]
    unpack(files, tmp_path)
    if not ready(case, tmp_path):
        pytest.skip("its tools are not installed")
    adapter = adapter_of(case)
    step, exit_code, output = build(tmp_path, adapter, settings_of(case))
    read = adapter.diagnostics(Sources(tmp_path), step, output, exit_code)
    assert sorted(heads(printed(read))) == sorted(heads(text.partition(_READ)[2]))


def heads(text: str) -> list[str]:
    """The diagnostics' first lines: place, code, source; messages may differ between versions."""
    return [line for line in text.split("\n") if line and not line.startswith(" ")]
