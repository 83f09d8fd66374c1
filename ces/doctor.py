"""What isolation this machine really gives: each kind is tried with a real command, none is guessed."""

import asyncio
import os
import stat
import sys
from pathlib import Path

import msgspec

from ces import cgroups, isolation, seccomp
from ces.isolation import KINDS, Isolation, Kind
from ces.limits import Limits


class Enforced(msgspec.Struct, frozen=True, kw_only=True):
    """A limit, how much it allows by default (bytes, processes or seconds; None: as much as the wall time gives) and
    what keeps it.
    """

    limit: str
    allows: float | None
    by: str


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of isolation. `why` says what failed where it doesn't work, and what is less than it could be."""

    kind: Kind
    works: bool
    why: tuple[str, ...]
    view: str
    network: bool
    user: str
    seccomp: bool


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """`isolated`: code that nobody has read can be run here. `uses` is what a check of this workspace would get,
    `identity` whose files its user id opens."""

    isolated: bool
    uses: str
    identity: str
    kinds: tuple[Tried, ...]
    limits: tuple[Enforced, ...]
    improve: tuple[str, ...]


async def examine(root: Path, state_dir: Path) -> Report:
    """For a workspace at `root` with its views under `state_dir`, which is made where it is missing."""
    await asyncio.to_thread(state_dir.mkdir, parents=True, exist_ok=True)
    tried, best = [], None
    for kind in KINDS:
        found = await isolation.probe(root, state_dir, (kind,))
        works = found.kind == kind
        best = found if works and best is None else best
        tried.append(_tried(kind, found, works))
    assert best is not None  # session works everywhere
    return Report(
        isolated=best.encloses,
        uses=str(best),
        identity=await asyncio.to_thread(_identity, root),
        kinds=tuple(tried),
        limits=_enforced(Limits()),
        improve=tuple(_improvements(best)),
    )


def _tried(kind: Kind, found: Isolation, works: bool) -> Tried:
    encloses = works and found.encloses
    return Tried(
        kind=kind,
        works=works,
        why=found.notes if kind != "session" else (),
        view=found.view if works else "",
        network=found.network,
        user=_user(found) if works else "",
        seccomp=encloses and seccomp.here(tracing=True) is not None,
    )


def _user(found: Isolation) -> str:
    who = "root" if os.geteuid() == 0 else f"uid {os.geteuid()}"
    if not found.encloses:
        return f"{who}, as outside"
    if found.files_of_others:
        return f"{who}, with power over all files it can see"
    return f"{who} of a user namespace, without capabilities"


def _identity(root: Path) -> str:
    """Whose id builds have outside. A sandbox has no other: views, tools and caches are those of whoever runs it."""
    euid = os.geteuid()
    if euid != 0:
        return f"uid {euid}, as outside: what that user may read and no list of secrets names stays readable"
    shut = _shut(root)
    why = f"; another user could not enter {shut}" if shut else ""
    return f"uid 0, as outside: files that only root may read stay readable, save the secrets{why}"


def _shut(root: Path) -> str | None:
    """The first directory on the way to the workspace or to the tools that lets no other user in."""
    tools = [Path(each) for each in os.environ.get("PATH", "").split(os.pathsep) if each]
    for wanted in (root, Path(sys.executable).resolve().parent, *tools):
        for directory in reversed((wanted, *wanted.parents)):
            if directory.is_dir() and not directory.stat().st_mode & stat.S_IXOTH:
                return f"{directory} on the way to {wanted}"
    return None


def _enforced(limits: Limits) -> tuple[Enforced, ...]:
    groups = cgroups.find()
    controllers = {} if groups is None else groups.parents
    watched = "a look at /proc"

    def by(controller: cgroups.Controller, otherwise: str) -> str:
        return str(groups) if controller in controllers else otherwise

    return (
        Enforced(limit="memory", allows=limits.memory_bytes, by=by("memory", f"{watched}, rlimit")),
        Enforced(limit="processes", allows=limits.processes, by=by("pids", watched)),
        Enforced(limit="cpu", allows=limits.cpu_s, by=f"{by('cpuacct', watched)}, rlimit"),
        Enforced(limit="file", allows=limits.file_bytes, by="rlimit"),
        Enforced(limit="output", allows=limits.output_bytes, by="the output file's size"),
        Enforced(limit="disk", allows=limits.disk_bytes, by="the view's size"),
    )


def _improvements(best: Isolation) -> list[str]:
    found = []
    if best.kind != "bubblewrap":
        found.append("apt-get install bubblewrap")
    if not best.encloses and os.geteuid() != 0:
        found.append("sysctl kernel.unprivileged_userns_clone=1 (or apparmor_restrict_unprivileged_userns=0), as root")
    if cgroups.find() is None:
        user = "--user " if os.geteuid() != 0 else ""
        found.append(f"systemd-run {user}--scope -p Delegate=yes aid ces serve (control groups that it may use)")
    if os.geteuid() == 0:
        found.append("useradd --system --create-home ces && runuser -u ces -- aid ces serve (a user with no files)")
    return found
