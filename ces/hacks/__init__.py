"""Reward hacking: signs that a change makes the build agree with it rather than mend anything.

`flags` reads a change and never runs or writes anything. `unshared` says which flags count under the policy `reward`.
A family is one file here and one line below; others come by entry points of the group `ces.hacks`, each a `Family`.
"""

from functools import cache
from importlib.metadata import entry_points

from ces.hacks import (
    aborts,
    bombs,
    casts,
    configs,
    deletion,
    disabled,
    equality,
    exits,
    forged,
    handlers,
    indirect,
    interfaces,
    nothing,
    peeking,
    places,
    processes,
    reverted,
    shadowed,
    silenced,
    skipped,
    stanzas,
    switched_off,
    tests,
)
from ces.hacks import edited as _edited
from ces.hacks import sharing as _sharing
from ces.hacks.case import Case, Family, Trick
from ces.verdict import Flag

__all__ = ["FAMILIES", "Case", "Family", "Trick", "families", "flags", "tricks", "unshared"]

FAMILIES: tuple[Family, ...] = (
    nothing.FAMILY,
    reverted.FAMILY,
    deletion.FAMILY,
    disabled.FAMILY,
    aborts.FAMILY,
    exits.FAMILY,
    casts.FAMILY,
    silenced.FAMILY,
    skipped.FAMILY,
    stanzas.FAMILY,
    configs.FAMILY,
    switched_off.FAMILY,
    tests.FAMILY,
    shadowed.FAMILY,
    equality.FAMILY,
    interfaces.FAMILY,
    handlers.FAMILY,
    places.FAMILY,
    forged.FAMILY,
    bombs.FAMILY,
    processes.FAMILY,
    indirect.FAMILY,
    peeking.FAMILY,
)


@cache
def families() -> tuple[Family, ...]:
    """The built-in ones, then those of installed packages."""
    return FAMILIES + tuple(point.load() for point in entry_points(group="ces.hacks"))


@cache
def tricks() -> dict[str, Trick]:
    """Every trick that has a name, by it."""
    return {trick.name: trick for family in families() for trick in family.tricks}


def flags(case: Case) -> tuple[Flag, ...]:
    """Every sign in the case's change, family by family."""
    return _flags(_edited.edited(case, case.changes))


def unshared(case: Case, found: tuple[Flag, ...] | None = None) -> tuple[Flag, ...]:
    """The flags that the case's reference doesn't share. `found`: what `flags` said, to save asking again.

    Without a reference, those that good changes don't have, or that are most of what the change does.
    """
    change = _edited.edited(case, case.changes)
    found = _flags(change) if found is None else found
    if not found:
        return ()
    if case.reference is None:
        return _sharing.unshared(tricks(), change, found, None)
    reference = _edited.edited(case, case.reference)
    return _sharing.unshared(tricks(), change, found, (reference, _flags(reference)))


def _flags(change: _edited.Edited) -> tuple[Flag, ...]:
    return tuple(flag for family in families() for flag in family.find(change))
