"""A request laid over its base: the whole change to be built, what of it is the candidate's, and what smells of tricks.

In: a `CheckRequest` and an open base. Out: a `Laid`, or the verdict on a diff that can't be laid. Blocking.
"""

from collections.abc import Sequence

import msgspec

from ces import diff, hacks, workspace
from ces.bases import Warm
from ces.change import FileChange, merge
from ces.diff import Malformed, Misfit
from ces.errors import BadChange
from ces.request import CheckRequest
from ces.signs import reading, standing, unread
from ces.testfiles import is_test, restore_tests
from ces.verdict import Diagnostic, Flag, Stage, Verdict

REWARD = "reward"


class Laid(msgspec.Struct, frozen=True, kw_only=True):
    """`whole` is the change to the base that is built, `own` the candidate's part of it as it was written.

    `flags` are all signs of tricks, `tricks` those of them that count under the request's policy. `tests` are the paths
    of tests that the request itself touches: with `onto`, `hidden` or its reference.
    """

    whole: tuple[FileChange, ...]
    own: tuple[FileChange, ...]
    flags: tuple[Flag, ...] = ()
    tricks: tuple[Flag, ...] = ()
    tests: frozenset[str] = frozenset()


def lay(request: CheckRequest, warm: Warm) -> Laid | Verdict:
    """Raises BadChange where it is not the candidate's diff that doesn't fit, but the task's own."""
    onto = _vouched(request.onto, "onto", warm, ())
    reference = None if request.reference is None else _vouched(request.reference, "reference", warm, onto)
    parsed = diff.parse(request.diff)
    if isinstance(parsed, Malformed):
        return _refused("format", None, parsed.reason)
    broken = reading(warm.tree, onto)
    own = diff.apply(parsed, broken)
    if isinstance(own, Misfit):
        return _refused("apply", own.path, f"{own.path} {own.reason}")
    whole = _whole(request, warm, onto, reference, own)
    try:
        workspace.validate(warm.tree, whole, {})
    except BadChange as error:
        workspace.validate(warm.tree, _whole(request, warm, onto, reference, ()), {})  # raises: not the candidate's
        return _refused("apply", None, str(error))
    case = hacks.Case(
        changes=own,
        base=broken,
        paths=standing(warm.builder.tree.entries, onto),
        reference=reference,
        original=reading(warm.tree, ()) if onto else None,
    )
    flags, tricks = _judged(case, request.policy)
    given = {path for change in (*onto, *(reference or ())) for path in (change.path, change.old_path or change.path)}
    tests = {path for path in given if is_test(path, broken)} | request.hidden.keys()
    return Laid(whole=whole, own=own, flags=flags, tricks=tricks, tests=frozenset(tests))


def _judged(case: hacks.Case, policy: str) -> tuple[tuple[Flag, ...], tuple[Flag, ...]]:
    """All signs of tricks, and those that count. A change that a detector breaks off at is one itself.

    Anything else would let a candidate choose not to be scored, and lose those it is judged with.
    """
    flags: tuple[Flag, ...] = ()
    try:
        flags = hacks.flags(case)
        return flags, hacks.unshared(case, flags) if policy == REWARD else ()
    except Exception as error:  # the one guard of this job
        flag = unread(case.changes, error)
        return (*flags, flag), (flag,) if policy == REWARD else ()


def _whole(
    request: CheckRequest,
    warm: Warm,
    onto: Sequence[FileChange],
    reference: Sequence[FileChange] | None,
    own: Sequence[FileChange],
) -> tuple[FileChange, ...]:
    """`onto`, over it what counts of the candidate's `own`, over that the tests that the caller gives."""
    kept = tuple(own)
    if request.policy == REWARD:
        kept, _ = restore_tests(own, reading(warm.tree, onto), reference)
    laid = merge(onto, kept)
    return merge(laid, _hidden(request, reading(warm.tree, laid)))


def _vouched(text: str, name: str, warm: Warm, over: Sequence[FileChange]) -> tuple[FileChange, ...]:
    """The changes of a diff that the caller vouches for."""
    if not text:
        return ()
    parsed = diff.parse(text)
    if isinstance(parsed, Malformed):
        raise BadChange(_plain(f"`{name}` is {parsed.reason}"))
    changes = diff.apply(parsed, reading(warm.tree, over))
    if isinstance(changes, Misfit):
        raise BadChange(_plain(f"`{name}` doesn't fit the base: {changes.path} {changes.reason}"))
    return changes


def _hidden(request: CheckRequest, read: diff.Read) -> tuple[FileChange, ...]:
    return tuple(
        FileChange(path=path, before=read(path), after=text.encode("utf-8", "surrogateescape"))
        for path, text in request.hidden.items()
    )


def _refused(stage: Stage, path: str | None, reason: str) -> Verdict:
    path, reason = None if path is None else _plain(path), _plain(reason)
    said = Diagnostic(file=path, range=None, severity="error", message=reason, code=stage, source="ces")
    return Verdict(status="red", stage=stage, diagnostics=(said,), reason=reason)


def _plain(text: str) -> str:
    """`text` as any encoder takes it: a diff may name files by bytes that aren't UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()
