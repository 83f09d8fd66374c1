"""Rules over what rustc says through cargo."""

from aid.models.hints.rust import compiler_fix, expected_token
from aid.models.hints.suggestion import Rule

RULES: tuple[Rule, ...] = (compiler_fix, expected_token)
