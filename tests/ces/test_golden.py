"""What each adapter reads in outputs recorded from real runs, and that real runs here still read the same.

A case is a file of tests/ces/golden/ADAPTER: the workspace's files, `== recorded …`, the output of the step that
ended the check, `== diagnostics`, what is read in it. Comments among the files say how it is run: `# command: …` is
`[build] command`, `# env: NAME=VALUE …` what the build's environment has on top. Those of `dune3` are run in the tree
that scripts/trixie makes, the others with this machine's tools.

`scripts/record_goldens` records all anew (`-k dune3-cram` only that one), `CES_RECORD=new` those
that have no recording yet, and fails where what is read now differs from what was: look at the diff, then commit it.
"""

import functools
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
RECORD = os.environ.get("CES_RECORD", "")
_RECORDED = re.compile(r"^== recorded (?P<step>\w+), exit (?P<exit>-?\d+), by (?P<tools>.*) ==\n", re.MULTILINE)
_READ = "== diagnostics ==\n"
_FILE = re.compile(r"^-- (\S+) --\n", re.MULTILINE)
TRIXIE = "dune3"
_FIND_TRIXIE = Path(__file__).parents[2] / "scripts" / "trixie"
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


def header(case: Path, name: str) -> list[str]:
    """The words of `# name: …` among the files."""
    said = re.search(rf"^# {name}: (.*)$", _RECORDED.split(case.read_text("utf-8"))[0], re.MULTILINE)
    return said[1].split() if said else []


def settings_of(case: Path) -> BuildSettings:
    return BuildSettings(command=tuple(header(case, "command")))


def adapter_of(case: Path) -> Adapter:
    name = "dune" if case.parent.name == TRIXIE else case.parent.name
    return next(adapter for adapter in builds.ADAPTERS if adapter.name == name)


@functools.cache
def trixie() -> str | None:
    found = subprocess.run([_FIND_TRIXIE, "--find"], check=False, capture_output=True, text=True).stdout.strip()
    return found if found and shutil.which("bwrap") else None


def run(case: Path, root: Path, argv: Sequence[str], env: dict[str, str]) -> tuple[int, str]:
    """(exit code, output) of a command of the case's own world at `root`."""
    env = process.build_environment({**env, **dict(item.split("=", 1) for item in header(case, "env"))})
    if case.parent.name == TRIXIE:
        tree = trixie()
        assert tree is not None
        env |= {"PATH": "/usr/bin:/bin", "HOME": "/tmp"}
        places = ("--ro-bind", tree, "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp")
        argv = ("bwrap", "--unshare-all", *places, "--bind", str(root), "/workspace", "--chdir", "/workspace", *argv)
    ended = subprocess.run(
        argv,
        check=False,
        cwd=root,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
    )
    return ended.returncode, ended.stdout.decode("utf-8", "replace")


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


def build(case: Path, root: Path) -> tuple[Step, int, str]:
    """The step that fails, or else the last that prints something; its exit code and its output."""
    best: tuple[Step, int, str] | None = None
    for step in adapter_of(case).steps(root, settings_of(case)):
        exit_code, text = run(case, root, step.argv, step.env)
        if best is None or text.strip() or exit_code:
            best = (step, exit_code, text)
        if exit_code:
            break
    assert best is not None
    return best


def ready(case: Path, root: Path) -> bool:
    adapter = adapter_of(case)
    if case.parent.name == TRIXIE:
        return trixie() is not None
    if adapter.name == "tsc":
        return shutil.which("tsc") is not None
    if adapter.name == "command" and not shutil.which("gcc"):
        return False
    return not adapter.missing_tools(root, settings_of(case))


def sources_of(case: Path, root: Path) -> Sources:
    return Sources(root, seen_root=Path("/workspace") if case.parent.name == TRIXIE else root)


def record(case: Path, root: Path) -> None:
    adapter = adapter_of(case)
    text = case.read_text("utf-8")
    text = text[: recorded.start()] if (recorded := _RECORDED.search(text)) else text
    step, exit_code, output = build(case, root)
    read = adapter.diagnostics(sources_of(case, root), step, output, exit_code)
    versions = [run(case, root, argv, {})[1].strip() for argv in VERSIONS[adapter.name]]
    tools = ", ".join(f"{argv[0]} {said}" for argv, said in zip(VERSIONS[adapter.name], versions, strict=True))
    output = output.replace(str(root), "/workspace").replace(sys.prefix, "/usr").replace(sys.base_prefix, "/usr")
    case.write_text(
        f"{text}== recorded {step.stage}, exit {exit_code}, by {tools} ==\n{output}{_READ}"
        + printed(read).replace(str(root), "/workspace"),
        "utf-8",
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.stem}")
def test_reads_what_was_recorded(case: Path, tmp_path: Path) -> None:
    if RECORD == "1" or (RECORD == "new" and not _RECORDED.search(case.read_text("utf-8"))):
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
LIVE = {
    "partial_match", "interface_mismatch", "implementation_cycle", "expected_output_differs", "alcotest", "cram",
    "c_stubs", "expect_test", "hidden_include", "mypy",
}  # fmt: skip


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
    step, exit_code, output = build(case, tmp_path)
    read = adapter_of(case).diagnostics(sources_of(case, tmp_path), step, output, exit_code)
    assert sorted(heads(printed(read))) == sorted(heads(text.partition(_READ)[2]))


def heads(text: str) -> list[str]:
    """The diagnostics' first lines: place, code, source; messages may differ between versions."""
    return [line for line in text.split("\n") if line and not line.startswith(" ")]
