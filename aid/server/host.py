"""What the server asks of the session layer: `aid.session.host.Host`, as the server sees it."""

from typing import Any, Protocol

from aid.protocol import (
    AcceptParams,
    BuildParams,
    LogParams,
    LogResult,
    ModelsParams,
    ModelsResult,
    OutcomeResult,
    PromptParams,
    PromptResult,
    Proposal,
    ProposalParams,
    RejectParams,
    SetModelParams,
    StatsParams,
    UndoParams,
)
from aid.session.client import Client
from aid.session.status import HostStatus
from ces.verdict import BuildStatus


class Host(Protocol):
    """Everything the daemon does, without a wire. Methods raise `AidError`s and stop when their task is cancelled."""

    def joined(self, client: Client) -> None:
        """Someone connected: their open documents are to be reckoned with, until `left`."""
        ...

    def left(self, client: Client) -> None: ...
    async def prompt(self, params: PromptParams, client: Client) -> PromptResult: ...
    async def proposal(self, params: ProposalParams, client: Client) -> Proposal: ...
    async def accept(self, params: AcceptParams, client: Client) -> OutcomeResult: ...
    async def reject(self, params: RejectParams, client: Client) -> OutcomeResult: ...
    async def undo(self, params: UndoParams, client: Client) -> OutcomeResult: ...
    async def redo(self, params: UndoParams, client: Client) -> OutcomeResult: ...
    async def log(self, params: LogParams, client: Client) -> LogResult: ...
    async def build(self, params: BuildParams, client: Client) -> BuildStatus: ...
    async def models(self, params: ModelsParams, client: Client) -> ModelsResult: ...
    async def set_model(self, params: SetModelParams, client: Client) -> ModelsResult: ...
    async def stats(self, params: StatsParams, client: Client) -> dict[str, Any]: ...

    async def status(self) -> HostStatus: ...
    async def warm(self) -> None:
        """Import and open what the first request would otherwise wait for. Called once, when the daemon listens."""
        ...

    async def close(self, *, models: bool = False) -> None:
        """Let go of everything; `models`: end the model workers too."""
        ...
