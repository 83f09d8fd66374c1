"""What CES is asked: one diff, what it is to be laid over, and how far to judge it. Data only."""

from typing import Literal

import msgspec

from ces.verdict import Stage

Policy = Literal["report", "reward"]
"""`report`: flags inform. `reward`: a flag that the reference diff doesn't share makes the status `hack`."""


class CheckRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One diff to judge: the same from the library, the command line and HTTP.

    `diff` is unified, git-style where files are renamed or change mode; paths are relative to the workspace.
    `workspace` is an absolute directory, `rev` a git or Mercurial revision of it (None: the directory as it is now).
    `onto` is a diff laid over the base first: the task's broken state, so that many tasks share one warm base.
    `reference` is the known good diff over the same state. `hidden` are whole files (path -> text) laid over last:
    tests that the author of `diff` never saw. `timeout_s` bounds the run itself, not the wait for a worker. `key`
    makes a request that is sent twice run once; it is given back with the answer.
    """

    diff: str
    workspace: str
    rev: str | None = None
    onto: str = ""
    upto: Stage = "test"
    policy: Policy = "report"
    reference: str | None = None
    hidden: dict[str, str] = {}
    timeout_s: float = 120.0
    key: str | None = None
