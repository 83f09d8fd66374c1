"""One digest for the tools and libraries that a workspace is built with: part of every verdict's key.

In: an adapter, a workspace, the environment its builds get. Out: a hex digest, the same until something is installed,
upgraded or removed that the adapter's builds may use, or a variable is set otherwise that may change what they do. Runs
the machine's own programs, never the workspace's.
"""

import hashlib
import platform
from collections.abc import Mapping
from pathlib import Path

from ces import process
from ces.builds.adapter import Adapter, BuildSettings
from ces.builds.machine import Machine

# Who asks and from where; what PATH leads to counts by the programs found.
_UNCOUNTED = frozenset({"PATH", "HOME", "TMPDIR", "NIX_BUILD_TOP", "USER", "LOGNAME", "SHELL", "TERM"})


def digest(adapter: Adapter, root: Path, env: Mapping[str, str], settings: BuildSettings | None = None) -> str:
    """The toolchain of the build at `root`; `env` goes on top of what its steps ask for.

    Blocking: the first time some 100 ms for the programs asked, then the stats of what is installed (some ms).
    """
    settings = settings or BuildSettings()
    own = {name: value for step in adapter.steps(root, settings) for name, value in step.env.items()}
    asked = {**own, **env}
    whole = hashlib.sha256(f"{adapter.name}\0{platform.machine()}\0".encode())
    seen = process.build_environment(asked)
    variables = (f"{name}={value}" for name, value in sorted(seen.items()) if name not in _UNCOUNTED)
    for fact in (*variables, *adapter.toolchain(root, settings, Machine(root, asked))):
        whole.update(fact.encode("utf-8", "replace") + b"\0")
    return whole.hexdigest()
