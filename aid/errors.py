"""What AID raises. Expected outcomes (a refused edit, a red build) are values, not these.

AidError                 one line for the person: the thing, what was found, what to do next
├── UsageError           wrong arguments or set-up; the CLI exits with 2
│   └── ConfigError      aid.toml can't be read or means nothing
├── ModelError           a model back end failed; `retryable` says whether another try may help
│   └── ModelMissing     nothing is there to load
├── DaemonError          the daemon can't be reached or started
├── ApplyError           a change set can't be written; nothing was changed
│   └── StaleError       a file is no longer what the proposal was made from
├── OutputError          standard output takes no more of what was to be said
└── Cancelled            the person cancelled
"""

from typing import NamedTuple


class AidError(Exception):
    """Message first, code for JSON-RPC second (the LSP's range for server errors: -32899 to -32800 is reserved)."""

    exit_code = 1
    rpc_code = -32000


class UsageError(AidError):
    exit_code = 2
    rpc_code = -32001


class ConfigError(UsageError):
    pass


class ModelError(AidError):
    rpc_code = -32010

    def __init__(self, message: str, *, retryable: bool = False, timed_out: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.timed_out = timed_out
        self.gave_up = False

    @property
    def hopeless(self) -> bool:
        """Whether to ask again at once is of no use: a refusal, time that ran out, retries that were used up."""
        return not self.retryable or self.timed_out or self.gave_up

    @property
    def kind(self) -> str:
        """What failed, for counting: never a word of the message."""
        return f"{type(self).__name__} timeout" if self.timed_out else type(self).__name__


class ModelMissing(ModelError):
    exit_code = 2


class DaemonError(AidError):
    exit_code = 2
    rpc_code = -32020


class Refusal(NamedTuple):
    """Why one file can't be changed. `near`: one-based lines of it as it is now."""

    path: str | None
    reason: str
    near: tuple[int, ...] = ()

    def __str__(self) -> str:
        """ "f.py: edited since (lines 3-5, 9)"."""
        named = self.path is None or self.reason.startswith((self.path, repr(self.path)))
        told = self.reason if named else f"{self.path}: {self.reason}"
        plural = "s" if len(self.near) > 1 else ""
        return f"{told} (line{plural} {_spans(self.near)})" if self.near else told


def _spans(numbers: tuple[int, ...]) -> str:
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(f"{first}-{last}" if last > first else str(first) for first, last in spans)


class ApplyError(AidError):
    """`refused` names the files it was for, where it was for files."""

    rpc_code = -32030

    def __init__(self, message: str, *, refused: tuple[Refusal, ...] = ()) -> None:
        super().__init__(message)
        self.refused = refused


class StaleError(ApplyError):
    pass


class OutputError(AidError):
    pass


class Cancelled(AidError):
    exit_code = 130  # what shells say of a command ended by Ctrl-C
    rpc_code = -32800
