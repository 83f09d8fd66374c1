"""What stands between a build and the machine: probed once per workspace, said plainly, and wrapped around an argv.

A build is untrusted code: ppx, dune rules, build.rs and conftest.py run whatever a proposal says. The best that
works here is used:

    bubblewrap   own process, network and IPC namespaces; the system read-only; the person's keys and sockets out of
                 sight; only the view and a private /tmp can be written; no capabilities
    unshare      the same from plain namespaces (`ces.namespaces`), where bubblewrap is not installed; and before it
                 for root, whose builds can then run as another user where that one reaches all they need (`ces.others`)
    session      own session, killed by process group; nothing is hidden: not an isolation, see `require`

`session` runs in a plain copy; the other two see the view at the workspace's own path, so that absolute paths in
build directories, virtual environments and editable installs mean the view, not the person's tree. Limits
(`ces.limits`) hold in all three.
"""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Literal

import msgspec

from ces import bubblewrap, hidden, others, process, seccomp
from ces.errors import InfraError, NoIsolation
from ces.limits import Limits

Kind = Literal["bubblewrap", "unshare", "session"]
KINDS: tuple[Kind, ...] = ("bubblewrap", "unshare", "session")
PROBE_TIMEOUT_S = 10.0
OWNERS_LOOKED_AT = 200_000
ALLOW_FLAG = "--run-untrusted-code-without-sandbox"
ALLOW_VARIABLE = "CES_ALLOW_UNSANDBOXED"

_PROBE = ("/bin/sh", "-c", "echo x >.ces-probe && echo x >/tmp/ces-probe")


class Isolation(msgspec.Struct, frozen=True, kw_only=True):
    """What a check gets on this machine. `network`: whether a build could reach it. `notes`: why not more.

    `files_of_others`: the build runs as root over trees of several owners, and keeps the capabilities for that.
    `user`: the id outside that root's builds run under, 0 for their own; what only root may read they can't.
    `hidden` are paths that a build must not see, beside those that none may.
    """

    kind: Kind
    view: Literal["overlay", "copy"]
    network: bool
    files_of_others: bool = False
    user: int = 0
    hidden: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        network = "network open" if self.network else "no network"
        user = ", another user" if self.user else ""
        return f"{self.kind}, {self.view} view, {network}{user}"

    @property
    def encloses(self) -> bool:
        """Whether it keeps code that nobody has read from the rest of the machine."""
        return self.kind != "session"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where one command runs.

    `root` is the workspace's real path. `tree` is the directory that stands for it: for an overlay view the one that
    holds `lower`, `upper`, `work` and `merged` (`layers` names its lower layers, uppermost first), else a copy.
    `scratch` becomes /tmp. `shown` are directories that can be read where they are, whatever around them is hidden.
    """

    root: Path
    tree: Path
    scratch: Path
    layers: tuple[str, ...] = ()
    shown: tuple[Path, ...] = ()


async def run(
    isolation: Isolation,
    place: Place,
    argv: Sequence[str],
    env: dict[str, str],
    timeout_s: float,
    limits: Limits | None = None,
) -> process.Finished:
    """`argv` at the workspace's root, as `isolation` allows. InfraError when it could not be started there."""
    limits = Limits() if limits is None else limits
    if not isolation.encloses:
        env = {**env, "TMPDIR": str(place.scratch), "XDG_CACHE_HOME": str(place.scratch / "cache")}
        bounds = process.Bounds(limits=limits, writes_to=(place.tree, place.scratch))
        return await process.run(argv, place.tree, env, timeout_s, bounds)
    env = {**env, "TMPDIR": "/tmp", "XDG_CACHE_HOME": "/tmp/cache"}
    if isolation.user:
        env["HOME"] = "/tmp"  # root's own is shut
    if isolation.view == "overlay":  # a volatile overlay is not mounted on the same work directory twice
        await asyncio.to_thread(_clean_work, place.tree)
    if isolation.kind == "unshare":
        bounds = _bounds(isolation, place, limits, enclosed=_options(isolation, place, limits))
        return await process.run(argv, place.scratch, env, timeout_s, bounds)
    overlay = _overlay(place) if isolation.view == "overlay" else None
    with tempfile.TemporaryFile() as status, seccomp.opened(seccomp.here(tracing=False)) as code:
        descriptors = (status.fileno(),) if code is None else (status.fileno(), code)
        bounds = _bounds(isolation, place, limits, descriptors=descriptors, overlay=overlay)
        words = [*_bubblewrapped(isolation, place, limits), *argv]
        finished = await process.run(words, place.scratch, env, timeout_s, bounds)
        if finished.limit is None and not _was_run(status):
            said = " ".join(finished.output.split())[-300:] or f"exit {finished.exit_code}"
            raise InfraError(f"the build's sandbox ({isolation.kind}) failed: {said}")
    return finished


async def probe(root: Path, state_dir: Path, kinds: Sequence[Kind] = KINDS) -> Isolation:
    """The best isolation of `kinds` that works for a workspace at `root` with its views under `state_dir`.

    `session` works everywhere and is what is left when nothing else does.
    """
    notes: list[str] = []
    for isolation in await asyncio.to_thread(lambda: list(_candidates(root, notes))):
        if isolation.kind in kinds:
            failed = await try_out(isolation, root, state_dir)
            if failed is None:
                return msgspec.structs.replace(isolation, notes=tuple(notes))
            notes.append(failed)
    return Isolation(kind="session", view="copy", network=True, notes=tuple(notes))


async def try_out(isolation: Isolation, root: Path, state_dir: Path) -> str | None:
    """Why `isolation` doesn't work for a workspace at `root`, or None when it does."""
    with tempfile.TemporaryDirectory(prefix="probe", dir=state_dir) as made:
        place = _probe_place(root, Path(made), isolation)
        try:
            finished = await run(isolation, place, _PROBE, process.build_environment(), PROBE_TIMEOUT_S)
        except InfraError as error:
            return str(error)
        finally:
            await asyncio.to_thread(remove_tree, Path(made) / "work")
    if finished.exit_code == 0:
        return None
    return f"{isolation.kind} with {isolation.view}: {' '.join(finished.output.split()) or finished.exit_code}"


def require(isolation: Isolation, *, allow_unsafe: bool = False) -> None:
    """Raise NoIsolation for code that nobody has read, unless it is enclosed or the person has said yes to that.

    `session` counts as none: it keeps order, it keeps nothing out.
    """
    if isolation.encloses or allow_unsafe or os.environ.get(ALLOW_VARIABLE) == "1":
        return
    reasons = "; ".join(isolation.notes) or "no kind of sandbox was allowed"
    raise NoIsolation(
        f"this machine gives no isolation to run code that nobody has read ({reasons}): mend that "
        f"('aid ces doctor' says how), or say yes with {ALLOW_FLAG} or {ALLOW_VARIABLE}=1"
    )


def remove_tree(path: Path) -> None:
    """Delete a file or a tree that a build left.

    Also directories nobody may enter, as overlayfs' work directory is, and ones nested deeper than a path is long.
    """
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    try:
        shutil.rmtree(path)
    except (OSError, RecursionError):
        _open_up(path)
        subprocess.run(["rm", "-rf", "--", str(path)], check=False, capture_output=True)


def _open_up(path: Path) -> None:
    """Let the owner enter every directory. Without recursion: they can be nested deeper than Python's stack is."""
    directories = [path]
    while directories:
        with contextlib.suppress(OSError):  # another process was at it too, or it is deeper than a path is long
            directory = directories.pop()
            directory.chmod(0o700)  # before it is listed
            with os.scandir(directory) as found:
                directories += [Path(item) for item in found if item.is_dir(follow_symlinks=False)]


def _clean_work(tree: Path) -> None:
    remove_tree(tree / "work")
    (tree / "work").mkdir()


def layout(directory: Path) -> None:
    """Make the directories an overlay is mounted with."""
    for name in ("lower", "upper", "work", "merged"):
        (directory / name).mkdir(parents=True, exist_ok=True)


def _probe_place(root: Path, made: Path, isolation: Isolation) -> Place:
    scratch = made / "tmp"
    scratch.mkdir()
    if isolation.view == "copy":
        copy = made / "copy"
        copy.mkdir()
        return Place(root=root, tree=copy, scratch=scratch)
    layout(made)
    white_out(made / "upper" / ".git")
    return Place(root=root, tree=made, scratch=scratch, layers=("lower",))


def white_out(path: Path) -> None:
    """Make `path` in an upper layer hide what the lower ones have there (overlayfs' whiteout: a 0/0 device)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(path):
        remove_tree(path)
    os.mknod(path, 0o20000 | 0o600, os.makedev(0, 0))


def _candidates(root: Path, notes: list[str]) -> Iterator[Isolation]:
    """From the best to the least. What rules one out from the start goes into `notes`."""
    kinds: list[Kind] = ["unshare"]
    if shutil.which("bwrap") is None:
        notes.append("bubblewrap is missing: apt-get install bubblewrap")
    else:
        kinds.insert(0, "bubblewrap")
    mixed = os.geteuid() == 0 and not _all_roots(root)
    if mixed:
        notes.append(
            f"{root} is not root's alone: builds keep root's power over files; run as the tree's owner instead"
        )
    if os.geteuid() == 0 and not mixed:
        shut = others.shut(root, process.build_environment())
        if shut is None:
            yield Isolation(kind="unshare", view="overlay", network=False, user=others.USER)
        else:
            notes.append(f"builds run under root's own id: another user could not read {shut}")
    privileges = (False, True) if os.geteuid() == 0 and not mixed else (mixed,)
    for kind in kinds:
        for view in ("overlay", "copy"):
            for files_of_others in privileges:
                yield Isolation(kind=kind, view=view, network=False, files_of_others=files_of_others)


def _all_roots(root: Path) -> bool:
    """Whether all files are root's: so that a root without capabilities can build there as one with them can."""
    left, directories = OWNERS_LOOKED_AT, [str(root)]
    try:
        if root.stat().st_uid != 0:
            return False
        while directories:
            with os.scandir(directories.pop()) as entries:
                for entry in entries:
                    left -= 1
                    if left < 0 or entry.stat(follow_symlinks=False).st_uid != 0:
                        return False
                    if entry.is_dir(follow_symlinks=False):
                        directories.append(entry.path)
    except OSError:
        return False
    return True


def _bounds(isolation: Isolation, place: Place, limits: Limits, **held: Any) -> process.Bounds:
    tree = place.tree / "upper" if isolation.view == "overlay" else place.tree
    return process.Bounds(limits=limits, writes_to=(tree, place.scratch), contained=True, **held)


def _hidden(isolation: Isolation, place: Place) -> tuple[str, ...]:
    """Beside the person's secrets: views and their layers, other proposals' and the tree with its version control.

    What is hidden with another is left out, and so is what stood where the command has a directory of its own.
    """
    views = place.tree.parent
    shut = others.shut_above(place.root) if isolation.user else None
    own = [os.path.realpath(path) for path in (*isolation.hidden, shut) if path is not None and Path(path).exists()]
    wanted = (*hidden.secrets(), *own, str(place.tree if place.root.is_relative_to(views) else views))
    kept = hidden.kept()
    seen = [path for path in dict.fromkeys(wanted) if not _replaced(path, place.root, kept)]
    return tuple(path for path in seen if not any(_covers(above, path, place.root) for above in seen))


def _replaced(path: str, root: Path, kept: Sequence[str]) -> bool:
    """Whether a private /tmp has taken it away, and neither the view nor our tools have brought it back."""
    if not _is_below(path, hidden.TEMPORARY) or _is_below(path, kept):
        return False
    return not (root.is_relative_to(path) or Path(path).is_relative_to(root))


def _covers(above: str, path: str, root: Path) -> bool:
    """Whether hiding `above` hides `path`: not where that is in the view, which is put into `above`."""
    return path.startswith(f"{above}/") and not (root.is_relative_to(above) and Path(path).is_relative_to(root))


def _is_below(path: str, directories: Sequence[str]) -> bool:
    return path.startswith(tuple(f"{each}/" for each in directories))


def _bubblewrapped(isolation: Isolation, place: Place, limits: Limits) -> list[str]:
    enclosure = bubblewrap.Enclosure(
        root=place.root,
        view=place.tree if isolation.view == "copy" else place.tree / "merged",
        scratch=place.scratch,
        hidden=_hidden(isolation, place),
        shown=tuple(map(str, place.shown)),
        shm_bytes=limits.memory_bytes // 2,
        files_of_others=isolation.files_of_others,
        filtered=seccomp.here(tracing=False) is not None,
    )
    return bubblewrap.command(enclosure)


def _overlay(place: Place) -> dict[str, Any]:
    return {"root": str(place.root), "overlay": str(place.tree), "layers": ":".join(place.layers)}


def _options(isolation: Isolation, place: Place, limits: Limits) -> dict[str, Any]:
    return {
        **(_overlay(place) if isolation.view == "overlay" else {"root": str(place.root), "view": str(place.tree)}),
        "scratch": str(place.scratch),
        "shm": limits.memory_bytes // 2,
        "caps": "files" if isolation.files_of_others else "none",
        "user": isolation.user,
        "filter": (seccomp.here(tracing=True) or b"").hex(),
        "tools": hidden.kept(),
        "hidden": _hidden(isolation, place),
        "shown": list(map(str, place.shown)),
    }


def _was_run(status: IO[bytes]) -> bool:
    """Whether bubblewrap started the command itself: the exit code is its own, not the sandbox's."""
    status.seek(0)
    for line in status.read().decode("utf-8", "replace").splitlines():
        try:
            if "exit-code" in json.loads(line):
                return True
        except ValueError:
            continue
    return False
