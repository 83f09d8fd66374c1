"""Rules over what Python, pytest and mypy say."""

from aid.models.hints.python import (
    brackets,
    indentation,
    keyword_argument,
    keyword_typo,
    missing_import,
    missing_self,
    misspelt_attribute,
    misspelt_import,
    misspelt_name,
    syntax,
)
from aid.models.hints.suggestion import Rule

RULES: tuple[Rule, ...] = (
    misspelt_name,
    missing_import,
    misspelt_attribute,
    misspelt_import,
    keyword_argument,
    missing_self,
    syntax,
    brackets,
    indentation,
    keyword_typo,
)
