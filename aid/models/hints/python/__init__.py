"""Rules."""

from aid.models.hints.suggestion import Rule

RULES: tuple[Rule, ...] = ()
