"""Where AID keeps things on this machine: the XDG directories, each private to the user.

    config   $XDG_CONFIG_HOME/aid        aid.toml, what the person trusts
    state    $XDG_STATE_HOME/aid         metrics, journals, logs: never inside the user's repository
    cache    $XDG_CACHE_HOME/aid         model files, indexes: may be deleted at any time
    runtime  $XDG_RUNTIME_DIR/aid        sockets, locks, pid files

Read anew at every call, so that a test (or a wrapper) can redirect them by the environment.
"""

import os
import stat
from pathlib import Path

from aid.errors import UsageError

SOCKET_PATH_LIMIT = 107  # sun_path, unix(7), less its final NUL


def config_dir() -> Path:
    return _private("XDG_CONFIG_HOME", Path.home() / ".config")


def state_dir() -> Path:
    return _private("XDG_STATE_HOME", Path.home() / ".local" / "state")


def cache_dir() -> Path:
    return _private("XDG_CACHE_HOME", Path.home() / ".cache")


def runtime_dir() -> Path:
    """The sockets' directory; without XDG_RUNTIME_DIR one in the temporary directory named by the user's id.

    Raises UsageError when someone else owns it: a socket there could be theirs.
    """
    chosen, system = os.environ.get("XDG_RUNTIME_DIR", ""), Path(f"/run/user/{os.getuid()}")
    if Path(chosen).is_absolute():
        return _made(Path(chosen) / "aid")
    if system.is_dir():
        return _made(system / "aid")
    import tempfile  # here: every `aid` command and every editor's bridge imports this module

    return _made(_made(Path(tempfile.gettempdir()) / f"aid-runtime-{os.getuid()}") / "aid")


def socket_path(name: str) -> Path:
    """The unix socket called `name`; UsageError when the kernel can't bind so long a path."""
    path = runtime_dir() / f"{name}.sock"
    if len(os.fsencode(path)) > SOCKET_PATH_LIMIT:
        raise UsageError(
            f"socket path {path} is longer than {SOCKET_PATH_LIMIT} bytes: set XDG_RUNTIME_DIR to a shorter one"
        )
    return path


def workspace_key(root: Path) -> str:
    """A short, stable, readable name for a workspace's state: its folder's name and a hash of its real path."""
    import hashlib  # here, for the same reason as `tempfile`

    real = root.resolve()
    digest = hashlib.sha256(os.fsencode(real)).hexdigest()[:12]
    return f"{real.name or 'root'}-{digest}"


def workspace_state(root: Path) -> Path:
    return _made(state_dir() / "workspaces" / workspace_key(root))


def _private(variable: str, default: Path) -> Path:
    value = os.environ.get(variable)
    base = Path(value) if value and Path(value).is_absolute() else default
    return _made(base / "aid")


def _made(path: Path) -> Path:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"can't make {path}: {error.strerror}; make it or point its XDG variable elsewhere") from error
    _check_owned(path)
    return path


def _check_owned(path: Path) -> None:
    seen = path.lstat()
    if not stat.S_ISDIR(seen.st_mode) and not path.is_dir():
        raise UsageError(f"{path} is not a directory: move it away")
    if path.stat().st_uid != os.getuid():
        raise UsageError(f"{path} belongs to another user: remove it or set its XDG variable")
