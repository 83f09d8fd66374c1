"""Verdicts, builds and progress in words: one wording for a terminal, a script and every editor. Pure."""

from __future__ import annotations

from aid.errors import Refusal
from aid.protocol import Candidate, OutcomeResult, UpdateParams
from ces.verdict import BuildStatus, Diagnostic, Flag, Severity, Verdict

# What a flag says became of tests: a green without them proves nothing.
_TESTS = {
    "test-deleted": "deleted",
    "test-stanza-deleted": "deleted",
    "test-emptied": "emptied",
    "test-skipped": "skipped",
    "suite-skipped": "skipped",
    "tests-missing": "missing",
}


def verdict_words(verdict: Verdict) -> str:
    """A verdict in a few words: what was asked of which build, and what it said."""
    asked = " ".join(part for part in (verdict.adapter, verdict.stage) if part)
    by = f" ({asked})" if asked else ""
    if verdict.status == "green":
        fixed = f", {_errors(verdict.fixed)} fixed" if verdict.fixed else ""
        gone = gone_tests(verdict)
        return f"green{by}{fixed}" + (f", tests {gone}" if gone else "")
    if verdict.status == "red":
        told = [f"{_errors(len(verdict.diagnostics), 'new ')}"] if verdict.diagnostics else ["no new errors seen"]
        told += [f"{verdict.fixed} gone"] if verdict.fixed else []  # mended, or hidden behind the new ones
        told += [f"{verdict.remaining} remaining"] if verdict.remaining else []
        return f"red{by}: {', '.join(told)}"
    return f"{verdict.status}{by}" + (f": {verdict.reason}" if verdict.reason else "")


def gone_tests(verdict: Verdict) -> str:
    """What a change did to tests so that they don't tell any more ("deleted, skipped"); empty for nothing."""
    return ", ".join(dict.fromkeys(_TESTS[flag.name] for flag in verdict.flags if flag.name in _TESTS))


def flag_line(flag: Flag) -> str:
    where = "" if flag.path is None else flag.path + ("" if flag.line is None else f":{flag.line + 1}")
    return " ".join(filter(None, ("flag:", flag.name, where, flag.message)))


def build_words(status: BuildStatus) -> str:
    """A tree's build status in a few words, for a status bar."""
    asked = " ".join(part for part in (status.adapter, status.stage) if part)
    by = f" ({asked})" if asked else ""
    if status.status == "red":
        return f"red{by}: {_errors(count(status, 'error'))}"
    return f"{status.status}{by}" + (f": {status.reason}" if status.reason else "")


def count(status: BuildStatus, severity: Severity) -> int:
    return sum(each.severity == severity for each in status.diagnostics)


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


def outcome_line(outcome: OutcomeResult, done: str) -> str:
    """What became of a proposal or of what was applied; `done` says what was wanted ("accepted")."""
    if outcome.refused:
        return f"not {done}: {'; '.join(str(Refusal(each.path, each.reason, each.near)) for each in outcome.refused)}"
    paths = ", ".join(each.path for each in outcome.files)
    return "; ".join((f"{done} {paths}".rstrip(), *outcome.notes))


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


def _errors(count: int, what: str = "") -> str:
    return f"{count} {what}error{'' if count == 1 else 's'}"
