"""Proposals that were shown and may still be accepted, kept for the person and for the next daemon.

Each is one file in the workspace's state directory, the oldest dropped past `KEEP`. A proposal's contents are the
person's own code, so the files are private to the user like all state.
"""

import contextlib
import os
import re
from collections.abc import Callable
from pathlib import Path

import msgspec

from aid import paths
from aid.errors import AidError, UsageError
from aid.protocol import OutcomeResult, Proposal
from ces.change import FileChange

KEEP = 100
_ID = re.compile(r"[0-9a-z]{6,32}")


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal with what it does. `accepted`: the hunks of each file (by its path) that were accepted already.

    `by` names the request that changed its state last, where that may be asked again, and `outcome` is its answer.
    """

    proposal: Proposal
    changes: tuple[FileChange, ...]
    accepted: dict[str, tuple[int, ...]] = {}
    by: str = ""
    outcome: OutcomeResult | None = None


class _Shown(msgspec.Struct, frozen=True):
    """The part of a `Stored` that people see: what it does is not decoded."""

    proposal: Proposal


class Proposals:
    """The store. A proposal's id names its workspace too, so a client need not."""

    def __init__(self, directory: Callable[[], Path] | None = None) -> None:
        self._directory = directory or (lambda: paths.state_dir() / "proposals")

    def put(self, stored: Stored) -> None:
        """Write or replace. A full disk is the person's business only when they accept, so it is not raised here."""
        with contextlib.suppress(OSError):
            folder = self._folder()
            target = folder / f"{stored.proposal.id}.msgpack"
            fresh = not target.exists()
            draft = folder / f".{stored.proposal.id}.{os.getpid()}"
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                out.write(msgspec.msgpack.encode(stored))
            draft.replace(target)
            if fresh:
                self._drop_oldest(folder)

    def get(self, proposal_id: str) -> Stored:
        """Raises UsageError for an id that is none or is no longer kept."""
        if not _ID.fullmatch(proposal_id):
            raise UsageError(f"{proposal_id!r} is no proposal's id: ids are printed with each proposal")
        path = self._folder() / f"{proposal_id}.msgpack"
        try:
            return msgspec.msgpack.decode(path.read_bytes(), type=Stored)
        except FileNotFoundError:
            raise UsageError(f"proposal {proposal_id} is not kept (any more): ask again") from None
        except (OSError, msgspec.MsgspecError) as error:
            raise AidError(f"proposal {proposal_id} can't be read from {path}: {error}") from error

    def waiting(self, workspace: Path) -> list[Proposal]:
        """Those of `workspace` that may still be accepted, the newest first. One that can't be read is passed over."""
        found = []
        for path in self._newest_first(self._folder()):
            with contextlib.suppress(OSError, msgspec.MsgspecError):
                found.append(msgspec.msgpack.decode(path.read_bytes(), type=_Shown).proposal)
        return [each for each in found if each.workspace == str(workspace) and each.state in ("open", "partly")]

    def _folder(self) -> Path:
        folder = self._directory()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    @classmethod
    def _drop_oldest(cls, folder: Path) -> None:
        for path in cls._newest_first(folder)[KEEP:]:
            path.unlink(missing_ok=True)

    @staticmethod
    def _newest_first(folder: Path) -> list[Path]:
        return sorted(folder.glob("*.msgpack"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
