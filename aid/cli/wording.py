"""What a person reads of a request on a terminal, and what a script reads. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from aid.protocol import Candidate, PromptResult, ProposedFile
from aid.wording import diagnostic_line, flag_line, verdict_words
from ces.verdict import Verdict

SHOWN_ERRORS = 5


def result_lines(result: PromptResult) -> list[str]:
    """What follows the diff: the verdict, its new errors, what smells of tricks, and what to do next."""
    proposal = result.proposal
    if proposal is None:
        return [f"nothing proposed: {result.reason or 'no answer'}"]
    lines = []
    judged = sum(each.verdict is not None for each in result.candidates)
    if proposal.verdict.status != "green" and judged > 1:
        lines.append(f"none of the {judged} candidates is green; the best of them is {proposal.id}")
    lines.append(f"verdict: {verdict_words(proposal.verdict)}")
    errors = [each for each in proposal.verdict.diagnostics if each.severity == "error"]
    lines += [f"  {diagnostic_line(each)}" for each in errors[:SHOWN_ERRORS]]
    if len(errors) > SHOWN_ERRORS:
        lines.append(f"  … {len(errors) - SHOWN_ERRORS} more")
    lines += [flag_line(flag) for flag in proposal.verdict.flags]
    seconds = result.timings_ms.total / 1000
    lines.append(f"proposal {proposal.id} by {proposal.model}, {seconds:.1f} s")
    if result.applied is not None:
        lines.append(f"applied as {result.applied}: 'aid undo {result.applied}' takes it back")
    else:
        lines.append(result.reason or f"'aid accept {proposal.id}' applies it")
    return lines


def as_json_object(result: PromptResult) -> dict[str, Any]:
    """The object `aid ask --json` prints; scripts read it, so its keys are all always there."""
    proposal = result.proposal
    verdict = proposal.verdict if proposal else Verdict(status="unchecked", stage=None, reason=result.reason)
    return {
        "id": proposal.id if proposal else None,
        "request": result.id,
        "model": result.model,
        "diff": proposal.diff if proposal else "",
        "files": [_file(file) for file in proposal.files] if proposal else [],
        "verdict": as_plain(verdict),
        "candidates": [_candidate(each) for each in result.candidates],
        "text": result.text,
        "sources": [as_plain(use) for use in result.sources],
        "timings_ms": as_plain(result.timings_ms),
        "applied": result.applied is not None,
        "undo": result.applied,
        "reason": result.reason,
    }


def _file(file: ProposedFile) -> dict[str, Any]:
    """Without its hunks, which are in the diff, and what was decided of them."""
    return {name: value for name, value in as_plain(file).items() if name not in ("hunks", "state")}


def _candidate(candidate: Candidate) -> dict[str, Any]:
    plain = as_plain(candidate)
    plain["verdict"] = as_plain(candidate.verdict) if candidate.verdict else None
    return plain


def as_plain(struct: msgspec.Struct) -> dict[str, Any]:
    """A struct with all its fields, also those at their default (which the wire leaves out)."""
    return {name: _builtin(getattr(struct, name)) for name in struct.__struct_fields__}


def _builtin(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return as_plain(value)
    if isinstance(value, tuple | list):
        return [_builtin(each) for each in value]
    return msgspec.to_builtins(value)
