"""The argv that encloses a command with bubblewrap (`bwrap`), as far as the installed version goes."""

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from ces import hidden
from ces.spawner import FIRST_DESCRIPTOR

FILE_CAPABILITIES = ("DAC_OVERRIDE", "FOWNER", "CHOWN")
_VERSION_TIMEOUT_S = 10
_RUN_BYTES = 16 << 20
# A missing program is then exit 127, as without a sandbox, and not a failed sandbox.
_EXEC = ("/bin/sh", "-c", 'exec "$@"', "sh")


@functools.cache
def version() -> tuple[int, ...]:
    """(0,) when it is not there or doesn't say."""
    program = shutil.which("bwrap")
    if program is None:
        return (0,)
    try:
        ran = subprocess.run([program, "--version"], check=False, capture_output=True, timeout=_VERSION_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return (0,)
    found = re.search(rb"(\d+)\.(\d+)", ran.stdout)
    return (0,) if found is None else tuple(map(int, found.groups()))


class Enclosure(msgspec.Struct, frozen=True, kw_only=True):
    """What a command is to see. `view` is put in `root`'s place, `scratch` becomes /tmp, `hidden` paths are empty save
    for what of `shown` is in them.

    `files_of_others`: root without a user namespace, with the capabilities over files. `filtered`: a seccomp filter is
    passed on.
    """

    root: Path
    view: Path
    scratch: Path
    hidden: tuple[str, ...]
    shown: tuple[str, ...]
    shm_bytes: int
    files_of_others: bool
    filtered: bool


def command(wanted: Enclosure) -> list[str]:
    """The words before the command's own.

    The first descriptor passed on is for the status, which bubblewrap writes as JSON; the second has the filter.
    """
    status, seccomp = FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + 1
    words = ["bwrap", "--die-with-parent", "--json-status-fd", str(status), "--cap-drop", "ALL"]
    words += [f"--unshare-{name}" for name in ("ipc", "pid", "net", "uts", "cgroup-try")]
    if wanted.files_of_others:
        words += [word for name in FILE_CAPABILITIES for word in ("--cap-add", f"CAP_{name}")]
    else:
        words += ["--unshare-user", "--uid", str(os.geteuid()), "--gid", str(os.getegid())]
    if wanted.filtered:
        words += ["--seccomp", str(seccomp)]
    else:  # no first process between us and the command that could be made to report another exit code
        words.append("--as-pid-1")
    words += ["--ro-bind", "/", "/", "--dev", "/dev", *_tmpfs("/dev/shm", wanted.shm_bytes), "--remount-ro", "/dev"]
    # Nothing in /proc is a build's to write: bubblewrap leaves /proc/sys open to a root without capabilities.
    words += ["--proc", "/proc", "--remount-ro", "/proc", *_tmpfs("/run", _RUN_BYTES)]
    for temporary in hidden.TEMPORARY:
        words += ["--bind", str(wanted.scratch), temporary]
    for tools in hidden.kept():
        words += ["--ro-bind-try", tools, tools]
    around = [path for path in wanted.hidden if wanted.root.is_relative_to(path)]
    for path in around:
        words += ["--tmpfs", path]  # the way to the view is made in it
    words += ["--bind", str(wanted.view), str(wanted.root), "--chdir", str(wanted.root)]
    words += _masked([path for path in wanted.hidden if path not in around], wanted.shown)
    for path in around:
        words += ["--remount-ro", path] if path != str(wanted.root) else []
    return [*words, "--", *_EXEC]


def _tmpfs(where: str, size_bytes: int) -> Sequence[str]:
    size = ("--size", str(size_bytes)) if version() >= (0, 7) else ()
    return (*size, "--tmpfs", where)


def _masked(secrets: Sequence[str], shown: Iterable[str]) -> list[str]:
    words: list[str] = []
    folders = [path for path in secrets if Path(path).is_dir()]
    for path in secrets:
        words += ["--tmpfs", path] if path in folders else ["--ro-bind", "/dev/null", path]
    for path in shown:
        words += ["--ro-bind", path, path]
    for path in folders:  # only now: the way to what is shown was made in it
        words += ["--remount-ro", path]
    return words
