"""Prompts: how AID asks. Pure: from values to messages."""

from aid.prompts.compose import Section, ask_again, compose, overhead_text

__all__ = ["Section", "ask_again", "compose", "overhead_text"]
