"""A workspace opened for one operation: locked, what a crash left mended, its files reachable."""

import contextlib
import itertools
import secrets
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from aid import paths
from aid.apply.journal import Journal, Name
from aid.apply.record import Record, State, is_id
from aid.apply.settle import Settled, Wanted, settle
from aid.apply.transaction import Recovered, carry_out, recover
from aid.edits.edit import Rejected
from aid.errors import ApplyError, Refusal, StaleError, UsageError
from ces.errors import BadChange
from ces.tree import Tree, ancestors, components

_TOLD = 5
_VERB: dict[State, str] = {"applied": "undo", "undone": "redo"}


class Opened:
    """Made by `opened`. `recovered` is what had to be mended first."""

    def __init__(self, root: Path, tree: Tree, journal: Journal, recovered: Recovered | None) -> None:
        self.tree = tree
        self.journal = journal
        self.recovered = recovered
        self._own = _own_directories(root)

    def settle(self, wanted: Sequence[Wanted]) -> list[Settled]:
        """The moves to make. Raises ApplyError or StaleError that names every file that stands in the way."""
        refused = _clashes(wanted)
        stale = False
        settled: list[Settled] = []
        for each in wanted:
            try:
                for path in _paths(each):
                    self._check_not_own(path)
                found = settle(self.tree, each)
            except BadChange as error:
                refused.append(Refusal(each.change.path, str(error)))
            except OSError as error:
                refused.append(Refusal(each.change.path, f"can't be read: {error.strerror}"))
            else:
                if isinstance(found, Rejected):
                    stale = True
                    refused.append(Refusal(found.path, found.reason, found.near))
                else:
                    settled.append(found)
        if refused:
            raise (StaleError if stale else ApplyError)(_told(refused), refused=tuple(refused))
        return settled

    def carry_out(self, settled: Sequence[Settled], wanted: Record) -> Record:
        """Do what was settled, all or nothing; `wanted` says what to write down of it. What was written down."""
        made: dict[str, None] = {}
        for each in settled:
            if not each.move.skipped and each.move.after is not None:
                made |= dict.fromkeys(self.tree.missing_parents(each.move.path))
        record = msgspec.structs.replace(
            wanted, turn=self.journal.next_turn(), at=time.time(), token=secrets.token_hex(4), made=tuple(made)
        )
        stamps = {each.source: each.stamp for each in settled if each.stamp is not None}
        carry_out(self.tree, self.journal, record, stamps)
        with contextlib.suppress(OSError):
            self.journal.prune()
        return record

    def new_id(self, wanted: str | None) -> str:
        """`wanted`, with a number after it when it is taken; without a wish, a random one."""
        if wanted is not None and not is_id(wanted):
            raise ApplyError(f"{wanted[:80]!r} can't be an id: use letters, digits, - and _")
        taken = {name.id for name in self.journal.names()}
        base = wanted or secrets.token_hex(4)
        numbered = (f"{base}-{number}" for number in itertools.count(2))
        return base if base not in taken else next(id_ for id_ in numbered if id_ not in taken)

    def load(self, name: Name) -> Record:
        try:
            return self.journal.load(name)
        except OSError as error:
            raise ApplyError(f"change set {name.id} can't be read: {error.strerror}") from error

    def find(self, id_: str | None, state: State) -> Name:
        """The change set called `id_`, or else the latest one in `state`: ApplyError when there is none.

        UsageError when `id_` is no change set's or one in the other state.
        """
        names = self.journal.names()
        if id_ is None:
            latest = next((name for name in names if name.state == state), None)
            if latest is None:
                raise ApplyError(f"nothing to {_VERB[state]}: 'aid log' lists what was applied in this workspace")
            return latest
        found = next((name for name in names if name.id == id_), None)
        if found is None:
            raise UsageError(f"no change set {id_[:80]!r} in this workspace: 'aid log' lists them")
        if found.state != state:
            raise UsageError(f"{id_} is {found.state} already: 'aid {_VERB[found.state]} {id_}' changes that")
        return found

    def _check_not_own(self, path: str) -> None:
        names = components(path)
        if any(names[: len(own)] == own for own in self._own):
            raise BadChange(f"{path} is AID's own: it is never changed by an edit")


@contextlib.contextmanager
def opened(root: Path) -> Iterator[Opened]:
    """Open `root` when it is this call's turn. ApplyError when the workspace or the journal can't be opened."""
    with contextlib.ExitStack() as stack:
        try:
            tree = stack.enter_context(Tree(root, pinned=True))
        except OSError as error:
            raise ApplyError(f"can't open the workspace {root}: {error.strerror}") from error
        journal = open_journal(root)
        try:
            stack.enter_context(journal.locked())
            recovered = recover(tree, journal)
        except OSError as error:
            raise ApplyError(f"can't use the journal {journal.directory}: {error.strerror}") from error
        yield Opened(root, tree, journal, recovered)


def open_journal(root: Path) -> Journal:
    try:
        return Journal(paths.workspace_state(root) / "journal")
    except OSError as error:
        raise ApplyError(f"can't make the journal of {root}: {error.strerror}; see XDG_STATE_HOME") from error


def _own_directories(root: Path) -> list[tuple[str, ...]]:
    """Where the workspace holds AID's own state and configuration: an edit there could grant itself trust."""
    real = root.resolve()
    own = (paths.state_dir().resolve(), paths.config_dir().resolve())
    return [each.relative_to(real).parts for each in own if each.is_relative_to(real)]


def _paths(wanted: Wanted) -> list[str]:
    change = wanted.change
    return [change.path] if change.old_path is None else [change.path, change.old_path]


def _clashes(wanted: Sequence[Wanted]) -> list[Refusal]:
    """Paths that more than one change names, or that would have to be file and directory at once."""
    seen: set[str] = set()
    refused: list[Refusal] = []
    for each in wanted:
        for path in _paths(each):
            if path in seen:
                refused.append(Refusal(path, "is changed twice: merge the changes into one"))
            seen.add(path)
    for path in sorted(seen):
        above = next((each for each in ancestors(path) if each in seen), None)
        if above is not None:
            refused.append(Refusal(path, f"{above} can't be a file and its directory at once"))
    return refused


def _told(refused: Sequence[Refusal]) -> str:
    more = f"; and {len(refused) - _TOLD} more" if len(refused) > _TOLD else ""
    return "; ".join(map(str, refused[:_TOLD])) + more + "; nothing was changed"
