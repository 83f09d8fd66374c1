"""What of AID is installed here, what is missing, and the command that mends it. Changes nothing.

A check that is `needed` decides whether AID's main job works: a prompt becomes a checked, undoable diff. The others
make it work for more languages, or better.
"""

import asyncio
import importlib.metadata
import importlib.util
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from aid import config, lifecycle, models, paths
from aid.client import connect
from aid.errors import AidError
from aid.models import default_model
from aid.protocol import StatusParams, early_words
from ces import builds, isolation
from ces.errors import CesError

PYTHON = (3, 11)
WATCHES = 65_536
FREE_BYTES = 1_000_000_000
VERSION_TIMEOUT_S = 10.0
STATUS_TIMEOUT_S = 10.0


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """`fix`: what to run or change, None when there is nothing to mend."""

    name: str
    status: Literal["ok", "missing", "poor"]
    needed: bool
    found: str
    fix: str | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """`works`: nothing that is needed is missing."""

    works: bool
    root: str
    checks: tuple[Check, ...]


# Programs that some workspaces need: what it is for, and how to get it.
_PROGRAMS = (
    ("git", "Git workspaces", "apt-get install git"),
    ("hg", "Mercurial workspaces", "apt-get install mercurial"),
    ("ocamlc", "OCaml", "apt-get install ocaml"),
    ("dune", "OCaml builds", "apt-get install ocaml-dune"),
    ("cargo", "Rust builds", "apt-get install cargo"),
    ("node", "TypeScript builds", "apt-get install nodejs"),
    ("tsc", "TypeScript builds without their own compiler", "npm install --global typescript"),
    ("bwrap", "builds that can't touch the machine", "apt-get install bubblewrap"),
)
_ENGINES = (("xllamacpp", "xllamacpp", "aid[llama]"), ("llama-cpp-python", "llama_cpp", "aid[llama-cpp]"))


def examine(root: Path) -> Report:
    """Everything, as seen from the workspace at `root`. Takes a second or two: each program is asked its version."""
    checks: list[Check] = []
    for part in (_python, _directories, _disk, _configuration, _model, _engines, _programs, _build, _sandbox):
        checks += part(root)
    checks += [*_watches(), *_daemon()]
    works = all(check.status != "missing" for check in checks if check.needed)
    return Report(works=works, root=str(root), checks=tuple(checks))


def _python(_: Path) -> Iterator[Check]:
    found = ".".join(str(part) for part in sys.version_info[:3])
    new_enough = sys.version_info[:2] >= PYTHON
    yield Check(
        name="python",
        status="ok" if new_enough else "missing",
        needed=True,
        found=f"{found} at {sys.executable}",
        fix=None if new_enough else "apt-get install python3.11",
    )


def _directories(_: Path) -> Iterator[Check]:
    places: tuple[tuple[str, Callable[[], Path]], ...] = (
        ("runtime directory", paths.runtime_dir),
        ("state directory", paths.state_dir),
        ("cache directory", paths.cache_dir),
    )
    for name, place in places:
        try:
            directory = place()
            mode = stat.S_IMODE(directory.stat().st_mode)
        except (AidError, OSError) as error:
            yield Check(name=name, status="missing", needed=True, found="", fix=str(error))
            continue
        private = not mode & 0o077
        yield Check(
            name=name,
            status="ok" if private else "poor",
            needed=True,
            found=f"{directory} (mode {mode:04o})",
            fix=None if private else f"chmod 700 {directory}",
        )
    try:
        yield Check(name="socket", status="ok", needed=True, found=str(paths.socket_path(lifecycle.NAME)))
    except AidError as error:
        yield Check(name="socket", status="missing", needed=True, found="", fix=str(error))


def _disk(_: Path) -> Iterator[Check]:
    for name, place in (("state", paths.state_dir()), ("cache", paths.cache_dir())):
        free_bytes = shutil.disk_usage(place).free
        enough = free_bytes >= FREE_BYTES
        yield Check(
            name=f"disk space for {name}",
            status="ok" if enough else "poor",
            needed=False,
            found=f"{free_bytes / 1e9:.1f} GB free at {place}",
            fix=None if enough else f"free at least {FREE_BYTES / 1e9:.0f} GB there",
        )


def _configuration(root: Path) -> Iterator[Check]:
    try:
        loaded = config.load(root)
    except AidError as error:
        yield Check(name="configuration", status="missing", needed=True, found="", fix=str(error))
        return
    withheld = ", ".join(loaded.withheld)
    yield Check(name="configuration", status="ok", needed=True, found=", ".join(loaded.files) or "defaults, no file")
    if withheld:
        fix = f"read {root / config.FILE_NAME}, then: aid trust {root}"
        yield Check(name="withheld settings", status="poor", needed=False, found=withheld, fix=fix)
    if loaded.ignored:
        fix = f"only your own file may say it: {paths.config_dir() / config.FILE_NAME}"
        yield Check(name="ignored settings", status="poor", needed=False, found=", ".join(loaded.ignored), fix=fix)


def _model(root: Path) -> Iterator[Check]:
    try:
        loaded = config.load(root).config
    except AidError:
        return
    name = loaded.default_model
    settings = loaded.models[name]
    try:
        yield Check(name=f"model {name}", status="ok", needed=True, found=models.detail(settings))
    except AidError as error:
        yield Check(name=f"model {name}", status="missing", needed=True, found="", fix=str(error))
    if isinstance(settings, config.LlamaModel) and settings.path is None:
        yield from _default_model()


def _default_model() -> Iterator[Check]:
    try:
        version = importlib.metadata.version(default_model.PACKAGE)
        yield Check(name=default_model.PACKAGE, status="ok", needed=False, found=version)
    except importlib.metadata.PackageNotFoundError:
        yield Check(name=default_model.PACKAGE, status="missing", needed=False, found="", fix=default_model.INSTALL)
    path = default_model.default_path()
    made = default_model.is_made(path)
    yield Check(
        name="default model file",
        status="ok" if made else "poor",
        needed=False,
        found=str(path) if made else "not made yet: the first request makes it (4 s)",
        fix=None if made else f"{sys.executable} -m aid.models.default_model",
    )


def _engines(_: Path) -> Iterator[Check]:
    there = [name for name, module, _extra in _ENGINES if importlib.util.find_spec(module) is not None]
    for name, _module, extra in _ENGINES:
        if name in there:
            yield Check(name=f"engine {name}", status="ok", needed=False, found=importlib.metadata.version(name))
        else:
            fix = f"pip install '{extra}'"
            status: Literal["missing", "poor"] = "poor" if there else "missing"
            yield Check(name=f"engine {name}", status=status, needed=False, found="", fix=fix)


def _programs(_: Path) -> Iterator[Check]:
    for name, purpose, install in _PROGRAMS:
        program = shutil.which(name)
        if program is None:
            fix = f"{install}   (for {purpose})"
            yield Check(name=name, status="missing", needed=False, found="", fix=fix)
        else:
            told, works = _version(program)
            yield Check(
                name=name,
                status="ok" if works else "poor",
                needed=False,
                found=f"{told} at {program}",
                fix=None if works else f"it can't say its version: mend it, or {install}   (for {purpose})",
            )


def _version(program: str) -> tuple[str, bool]:
    """What the program says of itself in a line, and whether it ended well."""
    flag = "-version" if program.endswith("ocamlc") else "--version"
    try:
        said = subprocess.run(
            [program, flag], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S, check=False, cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired):
        return "(does not say its version)", False
    told = (said.stdout or said.stderr).strip().partition("\n")[0]
    return told or "(does not say its version)", said.returncode == 0


def _build(root: Path) -> Iterator[Check]:
    """The build of this workspace: the one check whose absence leaves every proposal here unchecked."""
    try:
        settings = config.load(root).config.build
        adapter = builds.find(root, settings)
    except (AidError, CesError) as error:
        yield Check(name="build", status="missing", needed=True, found="", fix=str(error))
        return
    if adapter is None:
        fix = f"set [build] in {root / config.FILE_NAME}, or stand in another directory"
        yield Check(name="build", status="poor", needed=False, found=f"none recognised in {root}", fix=fix)
        return
    missing = adapter.missing_tools(root, settings)
    yield Check(
        name="build",
        status="missing" if missing else "ok",
        needed=True,
        found=f"{adapter.name} in {root}",
        fix="; ".join(missing) or None,
    )


def _sandbox(root: Path) -> Iterator[Check]:
    try:
        found = asyncio.run(isolation.probe(root, paths.state_dir()))
    except CesError as error:
        yield Check(name="sandbox", status="poor", needed=False, found="", fix=str(error))
        return
    fix = "; ".join(found.notes) or "apt-get install bubblewrap"
    best = found.kind == "bubblewrap" and found.view == "overlay"
    yield Check(
        name="sandbox", status="ok" if best else "poor", needed=False, found=str(found), fix=None if best else fix
    )


def _watches() -> Iterator[Check]:
    """inotify(7): one watch a directory."""
    setting = Path("/proc/sys/fs/inotify/max_user_watches")
    if not setting.is_file():
        return
    watches = int(setting.read_text("ascii"))
    enough = watches >= WATCHES
    yield Check(
        name="inotify watches",
        status="ok" if enough else "poor",
        needed=False,
        found=f"{watches} directories can be watched",
        fix=None if enough else f"sysctl -w fs.inotify.max_user_watches={WATCHES}",
    )


def _daemon() -> Iterator[Check]:
    owner = lifecycle.holder()
    if owner is None:
        yield Check(name="daemon", status="ok", needed=False, found="not running: any command that needs it starts it")
        return
    try:
        with connect(start=False) as client:
            found = client.call("aid/status", StatusParams(), timeout_s=STATUS_TIMEOUT_S)
    except AidError as error:
        yield Check(name="daemon", status="missing", needed=True, found=f"pid {owner.pid}", fix=str(error))
        return
    told = f"running, pid {found.pid}, AID {found.version}, {found.rss_bytes / 1e6:.0f} MB"
    yield Check(name="daemon", status="ok", needed=False, found=told)
    for workspace in found.workspaces:
        if workspace.early is not None:
            wrong = workspace.early.false_reds + workspace.early.false_greens
            yield Check(
                name="early words",
                status="poor" if wrong else "ok",
                needed=False,
                found=f"{early_words(workspace.early)}, in {workspace.root}",
                fix="the verdicts were the build's all the same: please report what the change was" if wrong else None,
            )
