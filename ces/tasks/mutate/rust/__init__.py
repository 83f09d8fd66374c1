"""Breakages of Rust: one file each, listed here. A kind's name is its file's, with dashes."""

from ces.tasks.mutate.mutator import Mutator
from ces.tasks.mutate.rust import (
    argument_missing,
    borrow_missing,
    bracket_missing,
    case_missing,
    clone_missing,
    constructor_missing,
    field_missing,
    field_misspelt,
    mut_missing,
    name_misspelt,
    off_by_one,
    operator_wrong,
    question_missing,
    semicolon_extra,
    semicolon_missing,
    type_wrong,
    use_missing,
)

MUTATORS: tuple[Mutator, ...] = (
    argument_missing,
    borrow_missing,
    bracket_missing,
    case_missing,
    clone_missing,
    constructor_missing,
    field_missing,
    field_misspelt,
    mut_missing,
    name_misspelt,
    off_by_one,
    operator_wrong,
    question_missing,
    semicolon_extra,
    semicolon_missing,
    type_wrong,
    use_missing,
)
