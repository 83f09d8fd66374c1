"""Breakages of TypeScript: one file each, listed here. A kind's name is its file's, with dashes."""

from ces.tasks.mutate.mutator import Mutator
from ces.tasks.mutate.typescript import (
    argument_missing,
    await_missing,
    bracket_missing,
    comma_missing,
    import_missing,
    import_misspelt,
    name_misspelt,
    off_by_one,
    operator_wrong,
    optional_chain_missing,
    property_missing,
    property_misspelt,
    return_missing,
    type_wrong,
)

MUTATORS: tuple[Mutator, ...] = (
    argument_missing,
    await_missing,
    bracket_missing,
    comma_missing,
    import_missing,
    import_misspelt,
    name_misspelt,
    off_by_one,
    operator_wrong,
    optional_chain_missing,
    property_missing,
    property_misspelt,
    return_missing,
    type_wrong,
)
