"""Warnings and errors switched off in the source: attributes and comments that the compiler or linter obeys."""

from collections.abc import Iterator

from ces.hacks.case import Family, Trick
from ces.hacks.edited import Edited
from ces.hacks.patterns import Pattern, added
from ces.verdict import Flag

_OFF = r"\s*(?:ocaml\.)?(?:(?:warning|warnerror)\s+(?:\"|\{\w*\|)[^\"|]*-|alert\s+[\"{]?[^\"\]]*-)"
_CLIPPY = r"(?:\s*clippy::\w+\s*,?)+\)"
PATTERNS = (
    Pattern(trick="warnings-off", language="ocaml", words=r"\[@@@" + _OFF, where="uncommented"),
    Pattern(trick="warnings-off", language="ocaml", words=r"^[ \t]*#\s*(?:warnings|warn_error)\b"),
    Pattern(trick="warning-silenced", language="ocaml", words=r"\[@{1,2}(?!@)" + _OFF, where="uncommented"),
    Pattern(
        trick="warnings-off",
        language="python",
        words=r"#\s*mypy:\s*(?:ignore-errors|disable|allow)|#\s*(?:ruff|flake8):\s*noqa|#\s*pyright:\s*(?!ignore|strict)\w"
        r"|#\s*pylint:\s*(?:disable=all|skip-file)",
        where="comments",
    ),
    Pattern(
        trick="warning-silenced",
        language="python",
        words=r"#\s*type:\s*ignore|#\s*pyright:\s*ignore",
        where="comments",
    ),
    Pattern(
        trick="lint-silenced",
        language="python",
        words=r"#\s*noqa\b|#\s*pylint:\s*disable(?!=all)",
        where="comments",
    ),
    Pattern(
        trick="warning-silenced",
        language="python",
        words=r"\b(?:filterwarnings|simplefilter)\(\s*\"ignore|\b(?:no_type_check|suppress_warnings)\b",
        where="uncommented",
    ),
    Pattern(
        trick="warnings-off",
        language="typescript",
        words=r"@ts-nocheck|/\*\s*eslint-disable\s*\*/",
        where="comments",
    ),
    Pattern(
        trick="warning-silenced",
        language="typescript",
        words=r"@ts-(?:ignore|expect-error)",
        where="comments",
    ),
    Pattern(
        trick="lint-silenced",
        language="typescript",
        words=r"eslint-disable(?!\s*\*/)|biome-ignore|tslint:disable",
        where="comments",
    ),
    Pattern(
        trick="warnings-off", language="rust", words=rf"#!\[\s*(?:allow|expect|cfg_attr\([^\]]*allow)\s*\((?!{_CLIPPY})"
    ),
    Pattern(trick="warning-silenced", language="rust", words=rf"#\[\s*(?:allow|expect)\s*\((?!{_CLIPPY})"),
    Pattern(trick="lint-silenced", language="rust", words=rf"#!?\[\s*(?:allow|expect)\s*\((?={_CLIPPY})"),
)


def find(change: Edited) -> Iterator[Flag]:
    yield from added(change.code, PATTERNS)


FAMILY = Family(
    name="silenced",
    tricks=(
        Trick("warnings-off", "Warnings or errors are off for a whole file.", "file"),
        Trick("lint-silenced", "A linter, which no build here asks, is told to look away at one place.", "alone"),
        Trick("warning-silenced", "A warning or error is off at one place.", "near"),
    ),
    find=find,
)
