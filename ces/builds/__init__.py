"""The build systems: one file each, one line here. Others come by entry points of the group `ces.builds`."""

from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from ces.builds.adapter import Adapter, BuildSettings
from ces.builds.cargo import Cargo
from ces.builds.command import Command
from ces.builds.dune import Dune
from ces.builds.pytest import Pytest
from ces.builds.tsc import Tsc
from ces.errors import CesError

# The first that recognises a workspace is taken.
ADAPTERS: tuple[Adapter, ...] = (Dune(), Cargo(), Tsc(), Pytest(), Command())


@cache  # reading every installed package's entry points takes longer than a cached verdict
def adapters() -> tuple[Adapter, ...]:
    """The built-in ones, then those of installed packages: an entry point loads a class with no arguments."""
    return ADAPTERS + tuple(point.load()() for point in entry_points(group="ces.builds"))


def find(root: Path, settings: BuildSettings) -> Adapter | None:
    """The adapter that `settings` names, else the first that recognises the tree, else None.

    Raises CesError when the named one does not exist.
    """
    known = adapters()
    named = settings.adapter or ("command" if settings.command else None)
    if named is None:
        return next((adapter for adapter in known if adapter.recognises(root)), None)
    for adapter in known:
        if adapter.name == named:
            return adapter
    names = ", ".join(adapter.name for adapter in known)
    raise CesError(f"[build] adapter {named!r} is none of {names}: correct it in aid.toml")
