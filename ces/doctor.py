"""What isolation this machine really gives: each kind is tried with a real command, none is guessed."""

import asyncio
import os
from pathlib import Path

import msgspec

from ces import cgroups, isolation, others, seccomp
from ces.isolation import KINDS, Isolation, Kind
from ces.limits import Limits
from ces.process import build_environment


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
    tried, working = [], []
    for kind in KINDS:
        found = await isolation.probe(root, state_dir, (kind,))
        works = found.kind == kind
        working += [found] if works else []
        tried.append(_tried(kind, found, works))
    best = next((each for each in working if each.user), working[0])  # session works everywhere
    return Report(
        isolated=best.encloses,
        uses=str(best),
        identity=await asyncio.to_thread(_identity, root, best),
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
    if found.user:
        return f"uid {found.user} outside, root of a user namespace without capabilities inside"
    return f"{who} of a user namespace, without capabilities"


def _identity(root: Path, best: Isolation) -> str:
    """Whose id builds have outside."""
    euid = os.geteuid()
    if best.user:
        return f"uid {best.user}: files that only root may read are shut to it, save the view's own"
    if euid != 0:
        return f"uid {euid}, as outside: what that user may read and no list of secrets names stays readable"
    shut = others.shut(root, build_environment())
    why = f"; another user could not read {shut}" if shut else ""
    return f"uid 0, as outside: files that only root may read stay readable, save the secrets{why}"


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
    if os.geteuid() == 0 and not best.user:
        found.append("useradd --system --create-home ces && runuser -u ces -- aid ces serve (a user with no files)")
    return found
