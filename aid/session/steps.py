"""What each acceptance of a proposal did, so that taking it back, and doing it again, shows in the proposal. Pure."""

from collections.abc import Mapping

import msgspec

from aid import edits
from aid.protocol import ProposalState
from aid.session.proposals import Accepted, Stored
from aid.session.summary import proposed_files


def noted(before: Stored, after: Stored, applied: str | None) -> Stored:
    """`after`, which knows what was accepted as `applied`."""
    if applied is None:
        return after
    step = {
        path: tuple(sorted(set(indices) - set(before.accepted.get(path, ()))))
        for path, indices in after.accepted.items()
        if indices != before.accepted.get(path, ())
    }
    return msgspec.structs.replace(after, steps={**after.steps, applied: step})


def undone(stored: Stored, applied: str) -> Stored:
    """After `applied` was taken back."""
    step = stored.steps.get(applied, {})
    left = {path: set(indices) - set(step.get(path, ())) for path, indices in stored.accepted.items()}
    return accepting(stored, {path: tuple(sorted(indices)) for path, indices in left.items() if indices})


def redone(stored: Stored, applied: str) -> Stored:
    step = stored.steps.get(applied, {})
    paths = dict.fromkeys((*stored.accepted, *step))
    both = {path: {*stored.accepted.get(path, ()), *step.get(path, ())} for path in paths}
    return accepting(stored, {path: tuple(sorted(indices)) for path, indices in both.items()})


def accepting(stored: Stored, accepted: Accepted) -> Stored:
    """`stored` with just these hunks of each file accepted."""
    proposal = msgspec.structs.replace(
        stored.proposal, state=_state(stored, accepted), files=proposed_files(stored.changes, accepted)
    )
    return msgspec.structs.replace(stored, proposal=proposal, accepted=accepted)


def _state(stored: Stored, accepted: Mapping[str, tuple[int, ...]]) -> ProposalState:
    if not accepted:
        return "undone"
    whole = all(len(accepted.get(change.path, ())) == max(1, len(edits.hunks(change))) for change in stored.changes)
    return "accepted" if whole else "partly"
