"""Proposals without a model: small rules over what the compiler itself says.

A rule is one file in the folder of its language and one line in that folder's RULES.
"""

from aid.models.hints.backend import RULES, HintsBackend, answer, propose
from aid.models.hints.suggestion import Rule, Suggestion, TextEdit

__all__ = ["RULES", "HintsBackend", "Rule", "Suggestion", "TextEdit", "answer", "propose"]
