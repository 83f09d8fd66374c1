"""A host that answers by the prompt's first word, so that the server can be tested without a model or a build.

echo …       at once, with the words as the answer's text
wait NAME    after `release`d, or never: a request that runs until it is cancelled
update N     after N updates
big N        with N bytes of text
crash        by an exception nobody expects
refuse       by an AidError
edit         with a green proposal that turns "bad" into "good" in the first file; "red edit" with a red one
"""

import asyncio
from pathlib import Path
from typing import Any

from aid.errors import ModelError
from aid.protocol import (
    AcceptParams,
    BuildParams,
    ChangedFile,
    ChatParams,
    ChatResult,
    ChatsParams,
    ChatsResult,
    Empty,
    FileRef,
    LogParams,
    LogResult,
    ModelEntry,
    ModelsParams,
    ModelsResult,
    OutcomeResult,
    PromptParams,
    PromptResult,
    Proposal,
    ProposalParams,
    ProposalsParams,
    ProposalsResult,
    ProposedFile,
    ProposedParams,
    ProposedResult,
    RejectedEdit,
    RejectParams,
    SetModelParams,
    StatsParams,
    UndoParams,
    UpdateParams,
)
from aid.session.client import Client
from aid.session.status import HostStatus
from ces.change import FileChange
from ces.verdict import BuildStatus, Diagnostic, Range, Verdict


class FakeHost:
    def __init__(self) -> None:
        self.running: set[str] = set()
        self.cancelled: set[str] = set()
        self.started = asyncio.Condition()
        self.released = asyncio.Event()
        self.stopped = asyncio.Condition()
        self.closed_with_models: bool | None = None
        self.warmed = False
        self.builds = 0
        self.asked: list[PromptParams] = []
        self._prompts: dict[str, PromptParams] = {}

    def joined(self, client: Client) -> None:
        pass

    def left(self, client: Client) -> None:
        pass

    async def prompt(self, params: PromptParams, client: Client) -> PromptResult:
        self.asked.append(params)
        word, _, rest = params.prompt.partition(" ")
        if word == "wait":
            client.update(UpdateParams(request="r", kind="status", text="waiting"))
            await self._wait(rest)
        if word == "crash":
            raise ZeroDivisionError(params.prompt)
        if word == "refuse":
            raise ModelError("model tiny can't answer: it is out")
        if word == "update":
            for number in range(int(rest)):
                client.update(UpdateParams(request="r", kind="text", token=params.token, text=f"{number} " * 100))
        if word == "big":
            return PromptResult(id="r", model="fake", text="x" * int(rest))
        if "edit" in params.prompt or params.fix is not None:
            return self._proposed(params, client)
        return PromptResult(id="r", model="fake", text=rest)

    async def _wait(self, name: str) -> None:
        self.running.add(name)
        async with self.started:
            self.started.notify_all()
        try:
            await self.released.wait()
        except asyncio.CancelledError:
            self.cancelled.add(name)
            raise
        finally:
            self.running.discard(name)
            async with self.stopped:
                self.stopped.notify_all()

    async def until_running(self, count: int) -> None:
        async with self.started:
            await self.started.wait_for(lambda: len(self.running) >= count)

    async def until_cancelled(self, count: int) -> None:
        async with self.stopped:
            await self.stopped.wait_for(lambda: len(self.cancelled) >= count)

    def _proposed(self, params: PromptParams, client: Client) -> PromptResult:
        client.update(UpdateParams(request="r", kind="status", text="asking the fake model"))
        identity = f"p{len(self._prompts)}"
        self._prompts[identity] = params
        red = params.prompt.startswith("red")
        status = "red" if red else "green"
        proposal = Proposal(
            id=identity,
            request="r",
            workspace=params.workspace,
            model="fake",
            diff="",
            files=(ProposedFile(path=_place(params).path, status="modified"),),
            verdict=Verdict(status=status, stage="build"),
            badge=f"{status} (build)",
        )
        return PromptResult(id="r", model="fake", proposal=proposal)

    async def proposal(self, params: ProposalParams, client: Client) -> Proposal:
        result = self._proposed(self._prompts[params.id], client).proposal
        assert result is not None
        return result

    async def proposed(self, params: ProposedParams, client: Client) -> ProposedResult:
        return ProposedResult()

    async def proposals(self, params: ProposalsParams, client: Client) -> ProposalsResult:
        return ProposalsResult()

    async def chats(self, params: ChatsParams, client: Client) -> ChatsResult:
        return ChatsResult()

    async def chat(self, params: ChatParams, client: Client) -> ChatResult:
        return ChatResult()

    async def forget_chat(self, params: ChatParams, client: Client) -> Empty:
        return Empty()

    async def accept(self, params: AcceptParams, client: Client) -> OutcomeResult:
        asked = self._prompts[params.id]
        root = Path(asked.workspace)
        path = Path(_place(asked).path)
        document = client.documents().get(path)
        before = document.text if document is not None else path.read_text("utf-8")
        name = path.relative_to(root).as_posix()
        change = FileChange(path=name, before=before.encode(), after=before.replace("bad", "good").encode())
        if params.through_editor:
            refused = await client.apply_edit(root, [change], "AID")
            if refused is not None:
                return OutcomeResult(applied=None, refused=(RejectedEdit(path=name, reason=refused),))
        else:
            path.write_bytes(change.after or b"")
        client.changed(root)
        return OutcomeResult(applied="a1", files=(ChangedFile(path=name, status="modified"),))

    async def reject(self, params: RejectParams, client: Client) -> OutcomeResult:
        return OutcomeResult(applied=None)

    async def undo(self, params: UndoParams, client: Client) -> OutcomeResult:
        return OutcomeResult(applied="u1")

    async def redo(self, params: UndoParams, client: Client) -> OutcomeResult:
        return OutcomeResult(applied="a1")

    async def log(self, params: LogParams, client: Client) -> LogResult:
        return LogResult()

    async def build(self, params: BuildParams, client: Client) -> BuildStatus:
        """Red where a document or a file says "bad": one error on the word, in code points."""
        self.builds += 1
        root = Path(params.workspace)
        found = []
        for path in sorted(root.glob("*.ml")):
            document = client.documents().get(path)
            text = document.text if document is not None else path.read_text("utf-8")
            for number, line in enumerate(text.split("\n")):
                at = line.find("bad")
                if at >= 0:
                    where = Range(number, at, number, at + 3)
                    found.append(Diagnostic(file=path.name, range=where, severity="error", message="it is bad"))
        return BuildStatus(status="red" if found else "green", stage="build", diagnostics=tuple(found))

    async def models(self, params: ModelsParams, client: Client) -> ModelsResult:
        return ModelsResult(models=(ModelEntry(name="fake", backend="replay", default=True),))

    async def set_model(self, params: SetModelParams, client: Client) -> ModelsResult:
        return await self.models(ModelsParams(), client)

    async def status(self) -> HostStatus:
        return HostStatus(models=(ModelEntry(name="fake", backend="replay", default=True),), running=len(self.running))

    async def stats(self, params: StatsParams, client: Client) -> dict[str, Any]:
        return {"requests": len(self.asked), "warmed": self.warmed}

    async def warm(self) -> None:
        self.warmed = True

    async def close(self, *, models: bool = False) -> None:
        self.closed_with_models = models


def _place(params: PromptParams) -> FileRef:
    place = params.fix or params.files[0]
    assert place is not None
    return place
