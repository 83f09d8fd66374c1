"""What was decided of a proposal, hunk by hunk. Pure.

Also which acceptance brought what, so that taking it back, and doing it again, shows in the proposal.
"""

from collections.abc import Mapping, Sequence

import msgspec

from aid import edits
from aid.errors import UsageError
from aid.protocol import Hunk, ProposalState
from aid.session.in_editor import State
from aid.session.proposals import Hunks, Stored
from aid.session.summary import proposed_files


def named(stored: Stored, files: Sequence[str], hunks: Sequence[Hunk]) -> dict[str, set[int]]:
    """The hunks that are meant, by file; all where none is named. Raises UsageError for one that isn't there."""
    counts, proposal = _counts(stored), stored.proposal.id
    for path in (*files, *(hunk.path for hunk in hunks)):
        if path not in counts:
            raise UsageError(f"proposal {proposal} does not change {path}: it changes {', '.join(counts)}")
    for hunk in hunks:
        if not 0 <= hunk.index < counts[hunk.path]:
            raise UsageError(f"{hunk.path} has {counts[hunk.path]} hunks, counted from 0: there is no {hunk.index}")
    found = {path: set(range(counts[path])) for path in (files if files or hunks else counts)}
    for hunk in hunks:
        found.setdefault(hunk.path, set()).add(hunk.index)
    return found


def left(stored: Stored) -> Hunks:
    """The hunks that are neither accepted nor rejected."""
    return _less(_less(named(stored, (), ()), stored.accepted), stored.rejected)


def noted(before: Stored, after: Stored, applied: str | None) -> Stored:
    """`after`, which knows what was accepted as `applied`."""
    if applied is None:
        return after
    step = _less(after.accepted, before.accepted)
    return msgspec.structs.replace(after, steps={**after.steps, applied: step})


def next_to(stored: Stored, to: State) -> str:
    """The id of what was accepted last and is there still (`to` "undone"), or of the first of what was taken back.

    Raises UsageError where there is none.
    """
    there = [id_ for id_, step in stored.steps.items() if not _less(step, stored.accepted)]
    found = there[-1:] if to == "undone" else [id_ for id_ in stored.steps if id_ not in there][:1]
    if not found:
        raise UsageError(f"nothing of proposal {stored.proposal.id} is there to be {to}")
    return found[0]


def undone(stored: Stored, applied: str) -> Stored:
    """After `applied` was taken back."""
    return deciding(stored, accepted=_less(stored.accepted, stored.steps.get(applied, {})))


def redone(stored: Stored, applied: str) -> Stored:
    return deciding(stored, accepted=both(stored.accepted, stored.steps.get(applied, {})))


def rejecting(stored: Stored, files: Sequence[str], hunks: Sequence[Hunk]) -> Stored:
    """With what is named turned down, of what isn't accepted. Raises UsageError where that is none."""
    fresh = _less(_less(named(stored, files, hunks), stored.accepted), stored.rejected)
    state = stored.proposal.state
    if not fresh and state in ("accepted", "rejected"):
        advice = ": 'aid undo' takes back what it did" if state == "accepted" else ""
        raise UsageError(f"proposal {stored.proposal.id} is {state} already{advice}")
    if not fresh:
        raise UsageError(f"proposal {stored.proposal.id}: nothing is left to reject of that")
    return deciding(stored, rejected=both(stored.rejected, fresh))


def deciding(stored: Stored, *, accepted: Hunks | None = None, rejected: Hunks | None = None) -> Stored:
    """`stored` with just these hunks of each file accepted, or rejected; what is accepted isn't rejected any more."""
    accepted = stored.accepted if accepted is None else accepted
    rejected = _less(stored.rejected if rejected is None else rejected, accepted)
    decided = msgspec.structs.replace(stored, accepted=accepted, rejected=rejected)
    files = proposed_files(stored.changes, accepted, rejected)
    proposal = msgspec.structs.replace(stored.proposal, state=_state(decided), files=files)
    return msgspec.structs.replace(decided, proposal=proposal)


def tally(stored: Stored) -> tuple[int, int, int]:
    """How many hunks it has, how many of them are accepted by now, and how many rejected."""
    accepted, rejected = (sum(map(len, each.values())) for each in (stored.accepted, stored.rejected))
    return sum(max(1, len(file.hunks)) for file in stored.proposal.files), accepted, rejected


def both(some: Mapping[str, Sequence[int]], others: Mapping[str, Sequence[int]]) -> Hunks:
    paths = dict.fromkeys((*some, *others))
    return {path: tuple(sorted({*some.get(path, ()), *others.get(path, ())})) for path in paths}


def _less(some: Mapping[str, Sequence[int] | set[int]], others: Mapping[str, Sequence[int]]) -> Hunks:
    rest = {path: tuple(sorted({*indices}.difference(others.get(path, ())))) for path, indices in some.items()}
    return {path: indices for path, indices in rest.items() if indices}


def _counts(stored: Stored) -> dict[str, int]:
    return {change.path: max(1, len(edits.hunks(change))) for change in stored.changes}


def _state(stored: Stored) -> ProposalState:
    every = sum(_counts(stored).values())
    accepted, rejected = (sum(map(len, each.values())) for each in (stored.accepted, stored.rejected))
    if accepted:
        return "accepted" if accepted == every else "partly"
    if rejected == every:
        return "rejected"
    return "undone" if stored.steps else "open"
