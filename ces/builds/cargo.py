"""cargo, for Rust: `check`, `build` and `test`, offline. Reads libtest's text; the compiler's JSON is `rustc`'s."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from ces import process
from ces.builds import runners, rustc
from ces.builds.adapter import BuildSettings, Step
from ces.builds.machine import Machine
from ces.builds.reading import Sources, failure, on_path, plain, word_at
from ces.builds.stages import upto
from ces.verdict import Diagnostic, Ran, Range, Tests

_FLAGS = ("--offline", "--workspace", "--message-format=json")
# A compiler cache is a daemon outside the sandbox; so may be a target directory the person has configured.
_ENV = {"CARGO_TARGET_DIR": "target", "CARGO_NET_OFFLINE": "true", "RUSTC_WRAPPER": "", "RUST_BACKTRACE": "0"}
_CHOICES = ("rust-toolchain", "rust-toolchain.toml")
_UNCHOSEN = "rustup could not choose a version"
_PANIC = re.compile(
    r"^thread '(?P<name>[^']*)'(?: \(\d+\))? panicked at (?P<file>[^:]+):(?P<line>\d+):(?P<column>\d+):$"
)
_TEST = re.compile(r"^---- (?P<name>.+) stdout ----$")
_NO_PANIC = re.compile(r"^note: test did not panic as expected at (?P<file>[^:]+):(?P<line>\d+):(?P<column>\d+)$")
# Without the hash in the program's name, which is another where the crate or the compiler is.
_PROGRAM = re.compile(
    r"^ *(?:Running (?:unittests )?(?P<source>\S+) \(\S*?(?P<program>[^/\s]+)-[0-9a-f]{16}(?:\.exe)?\)"
    r"|Doc-tests (?P<docs>\S+))$",
    re.MULTILINE,
)
_PLAIN = re.compile(r"^error: (?P<text>.*)\n *--> (?P<file>[^:\n]+):(?P<line>\d+):(?P<column>\d+)$", re.MULTILINE)


class Cargo:
    name = "cargo"
    outputs: tuple[str, ...] = ("target",)
    by_mtime = True

    def recognises(self, root: Path) -> bool:
        return (root / "Cargo.toml").is_file()

    def missing_tools(self, root: Path, settings: BuildSettings) -> Sequence[str]:
        if not on_path("cargo", "rustc"):
            return ("cargo: install Rust by rustup (or: apt-get install cargo)",)
        broken = _no_toolchain(root)
        return () if broken is None else (f"cargo: {broken}",)

    def steps(self, root: Path, settings: BuildSettings) -> Sequence[Step]:
        return upto(
            settings.upto,
            Step(stage="typecheck", argv=("cargo", "check", *_FLAGS, "--all-targets", "--keep-going"), env=_ENV),
            Step(stage="build", argv=("cargo", "build", *_FLAGS), env=_ENV),
            Step(stage="test", argv=("cargo", "test", *_FLAGS, "--no-fail-fast"), env=_ENV, tests=True),
        )

    def parse_steps(self, root: Path, paths: Sequence[str]) -> Sequence[Step]:
        return ()  # rustc has no stable way to parse only, and rustfmt answers for formatting too

    def whole(self, root: Path, settings: BuildSettings) -> Step | None:
        return None  # `check`, `build` and `test` each compile what the others don't

    def toolchain(self, root: Path, settings: BuildSettings, machine: Machine) -> Iterator[str]:
        home = _rustup_home()
        chosen = "\n".join(
            [
                os.environ.get("RUSTUP_TOOLCHAIN", ""),
                machine.text(home / "settings.toml"),
                *(machine.text(root / name) for name in _CHOICES),
            ]
        )
        yield chosen
        yield machine.says("rustc", "-vV", after=chosen)
        yield machine.says("cargo", "-vV", after=chosen)
        yield machine.says("cc", "-dumpfullversion", "-dumpversion")

    def diagnostics(self, sources: Sources, step: Step, output: str, exit_code: int) -> Sequence[Diagnostic]:
        text = plain(output)
        found = rustc.parse(sources, text)
        found += _failed_tests(sources, text.split("\n"))
        if exit_code != 0 and not any(item.severity == "error" for item in found):
            found.append(
                _in_the_manifest(sources, text) or failure(self.name, str(step), _without_json(text), exit_code)
            )
        return list(dict.fromkeys(found))  # a library and its tests report the same twice

    def ran(self, step: Step, output: str, report: str) -> Ran:
        """By test program: cargo names each before it runs it."""
        tests: Tests = {}
        starts = [*_PROGRAM.finditer(text := plain(output))]
        ends = [start.start() for start in starts[1:]]
        for start, end in zip(starts, [*ends, len(text)], strict=True):
            name = f"{start['source']} ({start['program']})" if start["source"] else f"Doc-tests {start['docs']}"
            tests[name] = runners.passed(text[start.end() : end])
        return Ran(tests=tests)


def _no_toolchain(root: Path) -> str | None:
    """What rustup's shim says where no toolchain is chosen, neither by default nor for this folder.

    Asked at /: in the workspace a file of its own would say what is run, or fetched.
    """
    if any((folder / name).exists() for folder in (root, *root.parents) for name in _CHOICES):
        return None
    try:
        chosen = (_rustup_home() / "settings.toml").stat().st_mtime_ns
    except OSError:
        chosen = None
    said = _refusal(shutil.which("cargo"), os.environ.get("RUSTUP_TOOLCHAIN"), chosen)
    return None if said is None or _overridden(root) else said


@lru_cache(maxsize=16)
def _refusal(cargo: str | None, toolchain: str | None, chosen: int | None) -> str | None:
    """What a shim says that has none to run. Asked once for each state of what it goes by: every check needs it."""
    env = process.build_environment(_ENV)
    try:
        said = subprocess.run(
            [cargo or "cargo", "--version"],
            cwd=os.sep,
            env=env,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if said.returncode == 0 or _UNCHOSEN not in said.stderr:
        return None
    return said.stderr.strip().partition("\n")[0].removeprefix("error: ")


def _overridden(root: Path) -> bool:
    """Whether `rustup override` may name a toolchain for the folder or one above it."""
    try:
        told = (_rustup_home() / "settings.toml").read_text("utf-8", "replace")
    except OSError:
        return False
    return any(f'"{folder}"' in told for folder in (root, *root.parents))


def _rustup_home() -> Path:
    return Path(os.environ.get("RUSTUP_HOME") or Path.home() / ".rustup")


def _without_json(output: str) -> str:
    return "\n".join(line for line in output.split("\n") if not line.startswith('{"reason":'))


def _in_the_manifest(sources: Sources, text: str) -> Diagnostic | None:
    """What cargo itself says of a Cargo.toml it can't read."""
    said = _PLAIN.search(text)
    path = sources.relative(said["file"]) if said is not None else None
    if said is None or path is None:
        return None
    place = word_at(sources, path, int(said["line"]) - 1, int(said["column"]) - 1)
    return Diagnostic(file=path, range=place, severity="error", message=said["text"], source="cargo")


def _failed_tests(sources: Sources, lines: list[str]) -> list[Diagnostic]:
    """libtest's report: one section a failed test, each with its panic."""
    found: dict[str, Diagnostic] = {}
    for number, line in enumerate(lines):
        test = _TEST.match(line)
        if test is None:
            continue
        section = []
        for detail in lines[number + 1 :]:
            if _TEST.match(detail) or detail in ("failures:", "successes:"):
                break
            section.append(detail)
        found.setdefault(test["name"], _failed_test(sources, test["name"], section))
    for line in lines:
        named = re.match(r"^test (?P<name>.+?) (?:- should panic )?\.\.\. FAILED$", line)
        if named is not None and named["name"] not in found:
            found[named["name"]] = _failed_test(sources, named["name"], [])
    return list(found.values())


def _failed_test(sources: Sources, name: str, section: list[str]) -> Diagnostic:
    path, place, said = None, None, []
    for line in section:
        panic = _PANIC.match(line) or _NO_PANIC.match(line)
        kept = panic is None or panic.re is _NO_PANIC
        if kept and line.strip() and not line.startswith("note: run with `RUST_BACKTRACE"):
            said.append(line.rstrip())
        if panic is not None and path is None:
            path = sources.relative(panic["file"])
            path = path if path is not None and sources.exists(path) else None
            row, column = int(panic["line"]) - 1, int(panic["column"]) - 1
            place = Range(row, column, row, column + 1) if path else None
    message = "\n".join([f"test failed: {name}", *said])
    return Diagnostic(file=path, range=place, severity="error", message=message, code="panic", source="cargo test")
