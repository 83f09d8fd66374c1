"""What a build says: diagnostics, the status of a tree, and the verdict on a change to it."""

from typing import Literal

import msgspec

Severity = Literal["error", "warning", "information", "hint"]
Status = Literal["green", "red", "timeout", "infra_error", "hack", "unchecked"]
Stage = Literal["format", "apply", "parse", "typecheck", "build", "test"]
Tests = dict[str, dict[str, int]]
"""Tests that ended well: program (or file of tests) -> name -> how many of that name. A program that told nothing of
its tests has none."""


class Range(msgspec.Struct, frozen=True):
    """Zero-based lines and characters, end exclusive, as in LSP 3.17; characters count code points.

    A build that names only lines gives character 0 to the start of the line after the last one.
    """

    start_line: int
    start_character: int
    end_line: int
    end_character: int


class FixEdit(msgspec.Struct, frozen=True):
    """The text in `range` of `file` (relative to the workspace) becomes `text`."""

    file: str
    range: Range
    text: str


class Fix(msgspec.Struct, frozen=True, kw_only=True):
    """What the compiler itself would write, in its own words. `sure`: it says the fix keeps the code's meaning."""

    message: str
    edits: tuple[FixEdit, ...]
    sure: bool = False


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a build. `file` is relative to the workspace, or None when the build names none.

    `fixes` are the compiler's own, each an alternative; only some compilers print them so that they can be read.
    """

    file: str | None
    range: Range | None
    severity: Severity
    message: str
    code: str | None = None
    source: str = ""
    fixes: tuple[Fix, ...] = ()


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """Which tests a build ran to their end, as far as their runners tell. A skipped test didn't run.

    `partial`: programs that are not in it had no reason to run again, so what they did before stands.
    """

    tests: Tests = {}
    partial: bool = False


class BuildStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the build says of a tree as it stands.

    `reason` says in one line why the status is neither green nor red. `stage` is the last stage reached. `cpu_ms` is
    what the build's commands took. `ran` is None where no tests were come to. `short_of`: this stage can't be run here
    (None: every stage can), and all before it is well.
    """

    status: Status
    stage: Stage | None
    diagnostics: tuple[Diagnostic, ...] = ()
    reason: str | None = None
    adapter: str | None = None
    wall_ms: float = 0.0
    cpu_ms: float = 0.0
    ran: Ran | None = None
    short_of: Stage | None = None

    @property
    def bears(self) -> bool:
        """Whether a change to the tree can be held against this."""
        return self.status in ("green", "red") or self.short_of is not None


class EarlyCount(msgspec.Struct, frozen=True, kw_only=True):
    """How often an early word was red, green or none, and how often the build's own did not bear it out.

    `false_reds`: red, where the build type-checked; `false_greens` the reverse.
    """

    red: int = 0
    green: int = 0
    unsure: int = 0
    compared: int = 0
    false_reds: int = 0
    false_greens: int = 0


class Flag(msgspec.Struct, frozen=True, kw_only=True):
    """A sign that a change games the check. `name` is the trick's ("warning-silenced"), as `ces.hacks` lists them.

    `line` is zero-based in the file after the change, or before it where the line is gone.
    """

    name: str
    path: str | None
    line: int | None = None
    message: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the build says of a change.

    Green means the whole build is green after the change. Red carries in `diagnostics` only the errors that
    the tree did not have before; `remaining` counts those it already had and still has, `fixed` those gone.
    `unchecked` (no build, no time) carries `reason` and must never be shown as green.

    `components` has 1.0 or 0.0 for each stage that was reached, and only for those. `reward` is None where the change
    could not be scored (the machine failed, time ran out elsewhere): never 0 for that. `base` and `toolchain` are
    digests of what it was judged against, None where that was the live tree. `cached`: an earlier run's answer.
    `tests_run` counts the tests that ended well, as their runners told, and `tests_expected` those that should have:
    those that passed in the base, or with the reference (None: no tests were come to, or nobody counted them; see
    `ces.evidence`). More may run, where the base is red. `queue_ms` and `wall_ms` are this request's; `cpu_ms` is that
    of the run that found the answer.
    """

    status: Status
    stage: Stage | None
    diagnostics: tuple[Diagnostic, ...] = ()
    remaining: int = 0
    fixed: int = 0
    reason: str | None = None
    adapter: str | None = None
    wall_ms: float = 0.0
    components: dict[Stage, float] = {}
    reward: float | None = None
    flags: tuple[Flag, ...] = ()
    base: str | None = None
    toolchain: str | None = None
    tests_run: int | None = None
    tests_expected: int | None = None
    cached: bool = False
    queue_ms: float = 0.0
    cpu_ms: float = 0.0
