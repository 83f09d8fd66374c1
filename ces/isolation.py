"""What stands between a build and the machine: probed once per workspace, said plainly, and wrapped around an argv.

A build is untrusted code: ppx, dune rules, build.rs and conftest.py run whatever a proposal says. The best that
works here is used:

    bubblewrap   own process, network and IPC namespaces; the system read-only; the person's keys and sockets out of
                 sight; only the view and a private /tmp can be written
    unshare      own process namespace and the view mounted in place; the rest of the system is as open as to the person
    session      own session, killed by process group; nothing is hidden

`session` runs in a plain copy; the other two see the view at the workspace's own path, so that absolute paths in
build directories, virtual environments and editable installs mean the view, not the person's tree.
"""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from ces import process
from ces.errors import InfraError

Kind = Literal["bubblewrap", "unshare", "session"]
KINDS: tuple[Kind, ...] = ("bubblewrap", "unshare", "session")
PROBE_TIMEOUT_S = 10.0

# Names relative to the home directory that hold credentials; empty inside.
_SECRETS = (
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".kube",
    ".docker",
    ".password-store",
    ".config/gh",
    ".config/gcloud",
    ".config/aid",
    ".local/share/keyrings",
    ".netrc",
    ".git-credentials",
    ".pypirc",
    ".npmrc",
    ".cargo/credentials.toml",
)
# Kept from /run, which is otherwise emptied: sockets in it reach daemons outside. NixOS finds its tools there.
_TEMPORARY = ("/tmp", "/var/tmp")
_RUN_KEPT = ("/run/current-system", "/run/opengl-driver")

# Runs in the view's directory with names relative to it: paths with commas or colons need no escaping, and the mounts
# vanish with their namespace however it ends. index, xino and metacopy stay off, which is what makes it sound to mount
# anew over a lower tree that has changed meanwhile (Linux, Documentation/filesystems/overlayfs.rst).
_MOUNT = (
    'cd "$1" && mount --bind "$2" lower && mount -t overlay overlay -o "lowerdir=$3,upperdir=upper,workdir=work,'
    'userxattr,volatile,index=off,xino=off" merged && shift 3 && '
)
_THEN_EXEC = 'exec "$@"'
# A missing program is then exit 127, as without a sandbox, and not a failed sandbox.
_EXEC = ("/bin/sh", "-c", 'exec "$@"', "sh")
# The shell stays as the namespace's first process: a build tool there would inherit other programs' orphans.
_THEN_IN_PLACE = (
    'mount --bind merged "$1" && cd "$1" && shift && echo started >/proc/self/fd/{status_fd} && { "$@"; exit $?; }'
)


class Isolation(msgspec.Struct, frozen=True, kw_only=True):
    """What a check gets on this machine. `network`: whether a build could reach it. `notes`: why not more."""

    kind: Kind
    view: Literal["overlay", "copy"]
    network: bool
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        network = "network open" if self.network else "no network"
        return f"{self.kind}, {self.view} view, {network}"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where one command runs.

    `root` is the workspace's real path. `tree` is the directory that stands for it: for an overlay view the one that
    holds `lower`, `upper`, `work` and `merged` (`layers` names its lower layers, uppermost first), else a copy.
    `scratch` becomes /tmp.
    """

    root: Path
    tree: Path
    scratch: Path
    layers: tuple[str, ...] = ()


async def run(
    isolation: Isolation, place: Place, argv: Sequence[str], env: dict[str, str], timeout_s: float
) -> process.Finished:
    """`argv` at the workspace's root, as `isolation` allows. InfraError when it could not be started there."""
    if isolation.kind == "session":
        env = {**env, "TMPDIR": str(place.scratch), "XDG_CACHE_HOME": str(place.scratch / "cache")}
        return await process.run(argv, place.tree, env, timeout_s)
    env = {**env, "TMPDIR": "/tmp", "XDG_CACHE_HOME": "/tmp/cache"}
    status = place.tree / "started" if isolation.view == "overlay" else place.scratch.with_suffix(".started")
    if isolation.view == "overlay":  # a volatile overlay is not mounted on the same work directory twice
        await asyncio.to_thread(_clean_work, place.tree)
    status.write_bytes(b"")
    finished = await process.run(_wrapped(isolation, place, argv), place.scratch, env, timeout_s, status_file=status)
    if not finished.timed_out and not finished.truncated and not _was_run(isolation, status):
        said = " ".join(finished.output.split())[-300:] or f"exit {finished.exit_code}"
        raise InfraError(f"the build's sandbox ({isolation.kind}) failed: {said}")
    return finished


async def probe(root: Path, state_dir: Path, kinds: Sequence[Kind] = KINDS) -> Isolation:
    """The best isolation of `kinds` that works for a workspace at `root` with its views under `state_dir`.

    `session` works everywhere and is what is left when nothing else does.
    """
    notes: list[str] = []
    for isolation in _candidates(notes):
        if isolation.kind not in kinds:
            continue
        with tempfile.TemporaryDirectory(prefix="probe", dir=state_dir) as made:
            place = _probe_place(root, Path(made), isolation)
            try:
                finished = await run(
                    isolation, place, ("test", "-d", "."), process.build_environment(), PROBE_TIMEOUT_S
                )
            except InfraError as error:
                notes.append(str(error))
                continue
            finally:
                await asyncio.to_thread(remove_tree, Path(made) / "work")
        if finished.exit_code == 0:
            return msgspec.structs.replace(isolation, notes=tuple(notes))
        notes.append(f"{isolation.kind} with {isolation.view}: exit {finished.exit_code}")
    return Isolation(kind="session", view="copy", network=True, notes=tuple(notes))


def remove_tree(path: Path) -> None:
    """Delete a file or a tree that a build left: also directories nobody may enter, as overlayfs' work directory is."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    try:
        shutil.rmtree(path)
    except OSError:
        path.chmod(0o700)
        for directory, inside, _ in os.walk(path):  # from the top, so that each opens before it is listed
            for name in inside:
                if not Path(directory, name).is_symlink():
                    Path(directory, name).chmod(0o700)
        shutil.rmtree(path, ignore_errors=True)


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


def _candidates(notes: list[str]) -> list[Isolation]:
    if shutil.which("unshare") is None or shutil.which("mount") is None:
        notes.append("unshare or mount is missing: apt-get install util-linux mount")
        return []
    found = []
    if shutil.which("bwrap") is None:
        notes.append("bubblewrap is missing: apt-get install bubblewrap")
    else:
        found.append(Isolation(kind="bubblewrap", view="overlay", network=False))
        found.append(Isolation(kind="bubblewrap", view="copy", network=False))
    found.append(Isolation(kind="unshare", view="overlay", network=True))
    return found


def _wrapped(isolation: Isolation, place: Place, argv: Sequence[str]) -> list[str]:
    if isolation.view == "copy":
        return [*_bubblewrap(place, place.tree), *argv]
    own_namespaces = ["unshare", "--mount", "--propagation", "private"]
    if os.geteuid() != 0:
        own_namespaces += ["--user", "--map-root-user"]
    if isolation.kind == "unshare":
        own_namespaces += ["--pid", "--fork", "--mount-proc", "--kill-child=KILL"]
        if shutil.which("setpriv") is not None:  # as bubblewrap's --die-with-parent
            own_namespaces = ["setpriv", "--pdeathsig", "KILL", *own_namespaces]
    mounted = [str(place.tree), str(place.root), ":".join(place.layers)]
    if isolation.kind == "bubblewrap":
        inner = _bubblewrap(place, place.tree / "merged")
        return [*own_namespaces, "sh", "-ec", _MOUNT + _THEN_EXEC, "sh", *mounted, *inner, *argv]
    return [*own_namespaces, "sh", "-c", _MOUNT + _THEN_IN_PLACE, "sh", *mounted, str(place.root), *argv]


def _bubblewrap(place: Place, view: Path) -> list[str]:
    words = ["bwrap", "--die-with-parent", "--json-status-fd", "{status_fd}", "--cap-drop", "ALL"]
    words += [f"--unshare-{name}" for name in ("ipc", "pid", "net", "uts", "cgroup-try")]
    if os.geteuid() == 0:  # a container's root may work in a tree that is another user's
        words += [word for name in ("DAC_OVERRIDE", "FOWNER", "CHOWN") for word in ("--cap-add", f"CAP_{name}")]
    else:
        words += ["--unshare-user", "--uid", str(os.geteuid()), "--gid", str(os.getegid())]
    words += ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/run"]
    for kept in _RUN_KEPT:
        words += ["--ro-bind-try", kept, kept]
    for temporary in _TEMPORARY:
        words += ["--bind", str(place.scratch), temporary]
    for tools in _tools_in_temporary():
        words += ["--ro-bind-try", tools, tools]
    secrets = [Path.home() / name for name in _SECRETS]
    words += [word for secret in secrets if place.root.is_relative_to(secret) for word in _masked(secret)]
    words += ["--bind", str(view), str(place.root), "--chdir", str(place.root)]
    words += [word for secret in secrets if not place.root.is_relative_to(secret) for word in _masked(secret)]
    return [*words, "--", *_EXEC]


def _tools_in_temporary() -> list[str]:
    """Directories of tools, our own interpreter's among them, that a private /tmp would hide."""
    wanted = (sys.prefix, *os.environ.get("PATH", "").split(os.pathsep))
    return [path for path in dict.fromkeys(wanted) if path.startswith(tuple(f"{each}/" for each in _TEMPORARY))]


def _masked(secret: Path) -> list[str]:
    if secret.is_dir():
        return ["--tmpfs", str(secret)]
    return ["--ro-bind", "/dev/null", str(secret)] if secret.exists() else []


def _was_run(isolation: Isolation, status: Path) -> bool:
    """Whether the command itself was started: the exit code is its own, not the sandbox's."""
    lines = status.read_text("utf-8", "replace").splitlines()
    if isolation.kind == "unshare":
        return lines == ["started"]
    for line in lines:
        try:
            if "exit-code" in json.loads(line):
                return True
        except ValueError:
            continue
    return False
