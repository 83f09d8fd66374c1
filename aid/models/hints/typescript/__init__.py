"""Rules over what tsc says."""

from aid.models.hints.suggestion import Rule
from aid.models.hints.typescript import (
    declaration,
    did_you_mean,
    expected_token,
    missing_import,
    missing_property,
    unused,
)

RULES: tuple[Rule, ...] = (did_you_mean, missing_import, unused, expected_token, declaration, missing_property)
