"""What a build says: diagnostics, the status of a tree, and the verdict on a change to it."""

from typing import Literal

import msgspec

Severity = Literal["error", "warning", "information", "hint"]
Status = Literal["green", "red", "timeout", "infra_error", "hack", "unchecked"]
Stage = Literal["format", "apply", "parse", "typecheck", "build", "test"]


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


class BuildStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the build says of a tree as it stands.

    `reason` says in one line why the status is neither green nor red. `stage` is the last stage reached.
    """

    status: Status
    stage: Stage | None
    diagnostics: tuple[Diagnostic, ...] = ()
    reason: str | None = None
    adapter: str | None = None
    wall_ms: float = 0.0


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the build says of a change.

    Green means the whole build is green after the change. Red carries in `diagnostics` only the errors that
    the tree did not have before; `remaining` counts those it already had and still has, `fixed` those gone.
    `unchecked` (no build, no time) carries `reason` and must never be shown as green.
    """

    status: Status
    stage: Stage | None
    diagnostics: tuple[Diagnostic, ...] = ()
    remaining: int = 0
    fixed: int = 0
    reason: str | None = None
    adapter: str | None = None
    wall_ms: float = 0.0
