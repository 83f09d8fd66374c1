"""What a person reads of a request: one wording for a terminal, a pipe and a script. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from aid.errors import Refusal
from aid.protocol import Candidate, PromptResult, UpdateParams
from ces.verdict import Diagnostic, Verdict

SHOWN_ERRORS = 5


def verdict_words(verdict: Verdict) -> str:
    """A verdict in a few words: what was asked of which build, and what it said."""
    asked = " ".join(part for part in (verdict.adapter, verdict.stage) if part)
    by = f" ({asked})" if asked else ""
    if verdict.status == "green":
        return f"green{by}" + (f", {_errors(verdict.fixed)} fixed" if verdict.fixed else "")
    if verdict.status == "red":
        told = [f"{_errors(len(verdict.diagnostics), 'new ')}"] if verdict.diagnostics else ["no new errors seen"]
        told += [f"{verdict.fixed} gone"] if verdict.fixed else []  # mended, or hidden behind the new ones
        told += [f"{verdict.remaining} remaining"] if verdict.remaining else []
        return f"red{by}: {', '.join(told)}"
    return f"{verdict.status}{by}" + (f": {verdict.reason}" if verdict.reason else "")


def candidate_words(candidate: Candidate) -> str:
    if candidate.verdict is not None:
        return verdict_words(candidate.verdict)
    told = {
        "rejected": "edits that fit nowhere",
        "no-edit": "an answer without edits",
        "no-op": "edits that change nothing",
        "failed": "failed",
        "placed": "not checked",
        "duplicate": "the same as an earlier candidate",
    }[candidate.status]
    why = "; ".join(dict.fromkeys(str(Refusal(each.path, each.reason, each.near)) for each in candidate.rejected))
    return f"{told}: {why}" if why else told


def diagnostic_line(diagnostic: Diagnostic) -> str:
    where = diagnostic.file or "(build)"
    if diagnostic.range is not None:
        where += f":{diagnostic.range.start_line + 1}:{diagnostic.range.start_character + 1}"
    return f"{where}: {diagnostic.severity}: {diagnostic.message.strip().splitlines()[0]}"


def update_line(params: UpdateParams) -> str | None:
    """An update as a line of progress; None for what is only drawn on a terminal."""
    if params.kind == "status":
        return params.text
    if params.kind == "candidate" and params.candidate is not None:
        return f"{params.model}: {candidate_words(params.candidate)}"
    if params.kind == "sources":
        used = ", ".join(f"{use.source} {use.tokens}" for use in params.sources if use.tokens)
        cut = sum(use.cut_tokens for use in params.sources)
        total = sum(use.tokens for use in params.sources)
        if not total:
            return f"{params.model}: no context: name the files it is about"
        return f"{params.model}: {total} tokens of context ({used})" + (f", {cut} cut" if cut else "")
    return None


def result_lines(result: PromptResult) -> list[str]:
    """What follows the diff: the verdict, its new errors, and what to do next."""
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
        "files": [as_plain(file) for file in proposal.files] if proposal else [],
        "verdict": as_plain(verdict),
        "candidates": [_candidate(each) for each in result.candidates],
        "text": result.text,
        "sources": [as_plain(use) for use in result.sources],
        "timings_ms": as_plain(result.timings_ms),
        "applied": result.applied is not None,
        "undo": result.applied,
        "reason": result.reason,
    }


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


def _errors(count: int, what: str = "") -> str:
    return f"{count} {what}error{'' if count == 1 else 's'}"
