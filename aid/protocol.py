"""The one definition of what goes over the wire between the daemon and its clients.

JSON-RPC 2.0 with LSP 3.17's base protocol (Content-Length framing) on a unix socket. The LSP's own methods keep
their own shapes (lsprotocol) and are spoken by pygls; everything here is `aid/…` and goes past it. A field has one
name, in Python, on the wire and in `--json`. Fields at their default are left out on the wire. Lines in these structs
are one-based and inclusive, as people write them (FILE:L1-L2); ranges inside diagnostics are the LSP's.
"""

from typing import Annotated, Any, Literal

import msgspec

from aid import attach
from ces.change import Status
from ces.verdict import BuildStatus, EarlyCount, Verdict
from ces.verdict import Status as VerdictStatus

VERSION = attach.VERSION

ProposalState = Literal["open", "accepted", "partly", "rejected", "undone"]
FileState = Literal["open", "accepted", "partly", "rejected"]
BuildState = Literal["running"] | VerdictStatus


class Wire(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Unknown fields are ignored, so that an older peer can talk to a newer one."""


class FileRef(Wire, frozen=True):
    """A file the person names, relative to the workspace or absolute; with `first` and `last`, those lines of it."""

    path: str
    first: int | None = None
    last: int | None = None


class ChangedFile(Wire, frozen=True):
    path: str
    status: Status
    old_path: str | None = None
    added: int = 0
    removed: int = 0


class ProposedHunk(Wire, frozen=True):
    """A hunk of a proposal. It is accepted, or rejected, by `index`, from 0 in its file.

    `old_first` and `new_first` are the one-based lines at which it begins in the file before and after, context
    included; `old_lines` and `new_lines` how many it takes there, 0 where it only adds or only takes away. `text` is
    what stands below `header` in the diff: lines that begin with a blank, "+", "-" or (no newline at the end) a
    backslash. `accepted`: it is in the file already. `rejected`: it was turned down; by its index it can be accepted
    all the same.
    """

    index: int
    header: str
    old_first: int
    old_lines: int
    new_first: int
    new_lines: int
    text: str
    accepted: bool = False
    rejected: bool = False


class ProposedFile(ChangedFile, frozen=True):
    """One without hunks (binary, renamed only, a mode) is accepted or rejected as a whole, by its path.

    `state` "open": something of it is left to decide, and nothing was accepted; "partly": something was. "accepted":
    nothing is left to decide, and something was accepted; "rejected": nothing was.
    """

    state: FileState = "open"
    hunks: tuple[ProposedHunk, ...] = ()


class RejectedEdit(Wire, frozen=True):
    """`near`: one-based lines where the edit may have been meant."""

    path: str | None
    reason: str
    near: tuple[int, ...] = ()


class SourceUse(Wire, frozen=True):
    """What one context source gave the prompt, and what of it was cut for want of room."""

    source: str
    tokens: int
    cut_tokens: int = 0
    items: tuple[str, ...] = ()


class Timings(Wire, frozen=True):
    """Milliseconds. `queue`: before the work began. `first_token`, `total`: from the request's arrival.

    `model` and `verify` are sums over candidates, which may run at once: they can exceed `total`.
    """

    queue: float = 0.0
    context: float = 0.0
    first_token: float | None = None
    model: float = 0.0
    verify: float = 0.0
    total: float = 0.0


class Proposal(Wire, frozen=True):
    """A diff someone may accept. `verdict.status` "unchecked" means just that; `badge` is the verdict in words.
    `held`, where it is green: why it isn't to be accepted without the person's word all the same.

    `state` "partly": not all of it was accepted; its files say whether something is left. "undone": all that was
    accepted of it was taken back; it may be accepted again. `at` is when it was made, in seconds since the epoch.
    `markdown`, where it was asked for: the proposal as a chat in Markdown shows it.
    """

    id: str
    request: str
    workspace: str
    model: str
    diff: str
    files: tuple[ProposedFile, ...]
    verdict: Verdict
    badge: str = ""
    held: str = ""
    summary: str = ""
    at: float = 0.0
    state: ProposalState = "open"
    markdown: str = ""


class Attachment(Wire, frozen=True):
    """Text the person adds to a prompt: a region, a diff, an error. `title` says in a few words what it is."""

    title: str
    text: str


class PromptParams(Wire, frozen=True):
    """`chat` names a conversation whose earlier turns are to be remembered. `token` comes back in each update.

    `fix`: mend what the build says is wrong there; the daemon words that from the build's own errors, and `prompt` may
    be empty. `edit`: only these lines may change. `hints` False: the compiler's hints are not tried before the model.
    `apply`: write what comes out green, unless tests are gone that would have told.

    `markdown`: the prompt is as it stands in a chat in Markdown, and what is attached to it is read out of it: a line
    "attached: FILE" (or FILE:FIRST-LAST), or "attached: TITLE" with the text in a fence below.
    """

    workspace: str
    prompt: str = ""
    files: tuple[FileRef, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    fix: FileRef | None = None
    edit: FileRef | None = None
    model: str | None = None
    adapter: str | None = None
    apply: bool = False
    hints: bool = True
    chat: str | None = None
    token: str | None = None
    markdown: bool = False


class Candidate(Wire, frozen=True):
    """One attempt at an answer. `rejected` says what of it could not be placed."""

    model: str
    status: Literal["placed", "duplicate", "rejected", "no-edit", "no-op", "failed"]
    verdict: Verdict | None = None
    rejected: tuple[RejectedEdit, ...] = ()
    attempts: int = 1


class PromptResult(Wire, frozen=True):
    """`proposal` None: nothing could be proposed, `reason` says why. `text` is the whole answer, `prose` what of it is
    for the person to read: all but the edits.

    `prompt` is what was asked, with the daemon's own words where it worded it. `markdown`, where the prompt was: the
    whole answer to be shown in place of what streamed in.
    """

    id: str
    model: str
    prompt: str = ""
    text: str = ""
    prose: str = ""
    proposal: Proposal | None = None
    candidates: tuple[Candidate, ...] = ()
    sources: tuple[SourceUse, ...] = ()
    timings_ms: Timings = Timings()
    applied: str | None = None
    reason: str | None = None
    markdown: str = ""


class UpdateParams(Wire, frozen=True):
    """What happens while a prompt is answered. `kind` says which of the other fields are there.

    "sources": `sources`. "text": `text`, a piece of the answer from `model`. "reasoning": `text`. "candidate":
    `candidate` (and `proposal` when it could be placed). "status": `text`, one line for the person. "restart": a new
    daemon begins the request again, so forget what its updates said so far; nothing else is there.
    `line` is that in words, for a line of progress; "" for what is only drawn as it streams in.
    """

    request: str
    kind: Literal["sources", "text", "reasoning", "candidate", "status", "restart"]
    token: str | None = None
    text: str = ""
    line: str = ""
    model: str = ""
    sources: tuple[SourceUse, ...] = ()
    candidate: Candidate | None = None
    proposal: Proposal | None = None


class ProposalParams(Wire, frozen=True):
    """`id` None: the newest one of `workspace` that may be accepted. `markdown`: as Markdown, too."""

    id: str | None = None
    workspace: str | None = None
    markdown: bool = False


class ProposedParams(Wire, frozen=True):
    """`id` None: the newest one of `workspace`. `path`: only that file, and an error where it can't be said."""

    id: str | None = None
    workspace: str | None = None
    path: str | None = None


class HunkPlace(Wire, frozen=True):
    """`line` is the one-based line of a text at which the hunk's first change stands."""

    index: int
    line: int


class ProposedText(Wire, frozen=True):
    """A file as it would be with all that is left to decide of a proposal, moved onto the editor's own text where it
    has the file open. `places`: where the hunks that are left are in that, in order. `reason`: why that can't be said.
    A file that would be deleted has no text."""

    path: str
    old_path: str | None = None
    text: str = ""
    places: tuple[HunkPlace, ...] = ()
    reason: str | None = None


class ProposedResult(Wire, frozen=True):
    """Files of which nothing is left to decide are left out."""

    files: tuple[ProposedText, ...] = ()


class ProposalsParams(Wire, frozen=True):
    workspace: str


class ProposalsResult(Wire, frozen=True):
    """Those of which something is left to decide, the newest first."""

    proposals: tuple[Proposal, ...] = ()


class Hunk(Wire, frozen=True):
    """A hunk by number, from 0, in its file's diff."""

    path: str
    index: int


class AcceptParams(Wire, frozen=True):
    """Accept all of a proposal, or only whole files or single hunks of it. What was rejected is left out of it, except
    hunks that are named. `id` None: the newest one of `workspace`.

    `through_editor`: open documents are changed by `workspace/applyEdit` (the client must offer it), the rest on disk.
    """

    id: str | None = None
    files: tuple[str, ...] = ()
    hunks: tuple[Hunk, ...] = ()
    through_editor: bool = False
    workspace: str | None = None


class RejectParams(Wire, frozen=True):
    """Turn down all of a proposal that isn't accepted, or only that of whole files or single hunks.

    `id` None: the newest one of `workspace`.
    """

    id: str | None = None
    files: tuple[str, ...] = ()
    hunks: tuple[Hunk, ...] = ()
    reason: str = ""
    workspace: str | None = None


class OutcomeResult(Wire, frozen=True):
    """`applied`: the id to undo by, None when nothing was changed. `refused`: why nothing was, by file.

    `in_editor`: files changed in the editor's own buffers and not on disk; undone there too (`UndoParams`). `line` is
    all that in words, `proposal` the id of the proposal that it is of, where that is still kept.
    """

    applied: str | None
    in_editor: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[ChangedFile, ...] = ()
    refused: tuple[RejectedEdit, ...] = ()
    line: str = ""
    proposal: str | None = None


class UndoParams(Wire, frozen=True):
    """`id` None: the last one applied (undo) or undone (redo) in this workspace; with `proposal`, of what was accepted
    of that proposal.

    `through_editor`: open documents are changed by `workspace/applyEdit`, also where the change was made by it; else
    only what was written to disk can be meant.
    """

    workspace: str
    id: str | None = None
    proposal: str | None = None
    through_editor: bool = False


class LogParams(Wire, frozen=True):
    workspace: str
    limit: int = 20


class LogEntry(Wire, frozen=True):
    """`at` is seconds since the epoch."""

    id: str
    at: float
    state: Literal["applied", "undone"]
    files: tuple[ChangedFile, ...]
    summary: str = ""


class LogResult(Wire, frozen=True):
    entries: tuple[LogEntry, ...] = ()


class ChatsParams(Wire, frozen=True):
    workspace: str


class ChatEntry(Wire, frozen=True):
    """`title` is the first line of its first prompt, `at` the time of its last turn, in seconds since the epoch."""

    chat: str
    title: str
    turns: int
    at: float


class ChatsResult(Wire, frozen=True):
    """The chats of a workspace, the one last spoken in first."""

    chats: tuple[ChatEntry, ...] = ()


class ChatParams(Wire, frozen=True):
    """`markdown`: as Markdown, too."""

    workspace: str
    chat: str
    markdown: bool = False


class ChatTurn(Wire, frozen=True):
    """What was asked and answered. `attached` names the files and texts that came with the prompt, as people write it.

    `proposal` is an id for `aid/proposal`, which may have forgotten it since; None: `reason` says why there was none.
    """

    request: str
    at: float
    prompt: str
    text: str
    prose: str = ""
    model: str = ""
    attached: tuple[str, ...] = ()
    proposal: str | None = None
    reason: str | None = None


class ChatResult(Wire, frozen=True):
    """A chat's turns in order; none where nothing was said yet.

    `markdown`, where it was asked for: the same to be shown, with the proposals that are still kept as they are now.
    """

    turns: tuple[ChatTurn, ...] = ()
    markdown: str = ""


class ModelsParams(Wire, frozen=True):
    workspace: str | None = None


class ModelEntry(Wire, frozen=True):
    """`default`: it answers when none is named; `chosen`: by `aid/setModel`, where aid.toml names another."""

    name: str
    backend: str
    default: bool = False
    chosen: bool = False
    ready: bool = True
    detail: str = ""


class ModelsResult(Wire, frozen=True):
    models: tuple[ModelEntry, ...]


class SetModelParams(Wire, frozen=True):
    """The model that answers when none is named, for a workspace or for all: until another is chosen, or aid.toml names
    another than it does now. Daemons to come know it too."""

    model: str
    workspace: str | None = None


class BuildParams(Wire, frozen=True):
    workspace: str


class BuildChangedParams(Wire, frozen=True):
    """The build of a workspace that an editor has open was started ("running") or has said something.

    `badge` is that in words, for a status bar. It is sent to those that ask for it (`InitializationOptions`).
    """

    workspace: str
    status: BuildState
    errors: int = 0
    warnings: int = 0
    badge: str = ""


class InitializationOptions(Wire, frozen=True):
    """What an editor may say in the `initializationOptions` of LSP's `initialize`.

    `diagnostics` False: the build's errors are not published. `build_changed`: send `aid/buildChanged`.
    """

    diagnostics: bool = True
    build_changed: bool = False


class EditorSettings(Wire, frozen=True):
    """What an editor's plugin lets a person set, under these names; everything else is the daemon's aid.toml."""

    command: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            description="What is run to reach AID's daemon: a program and its arguments. Give its full path if need be."
        ),
    ] = ("aid", "connect")
    enable: Annotated[bool, msgspec.Meta(description="Whether AID is started at all.")] = True
    log_level: Annotated[
        Literal["error", "warning", "info", "debug"],
        msgspec.Meta(
            description="How much is written to the plugin's log. The daemon's own log is read with `aid logs`."
        ),
    ] = "warning"


class StatusParams(Wire, frozen=True):
    pass


class WorkspaceStatus(Wire, frozen=True):
    """`early`: what came of the early words on proposals, before the build's own; None where there were none."""

    root: str
    files: int = 0
    indexed: bool = False
    clients: int = 0
    build: BuildStatus | None = None
    early: EarlyCount | None = None


def early_words(count: EarlyCount) -> str:
    wrong = count.false_reds + count.false_greens
    told = f"{count.red} red, {count.green} green, {count.unsure} left to the build"
    return f"{told}; {count.compared} compared with the build, {wrong} wrong"


class StatusResult(Wire, frozen=True):
    """`rss_bytes`: the daemon's resident memory, without the model worker. `config_error`: why aid.toml is unusable."""

    version: str
    protocol: int
    pid: int
    uptime_s: float
    clients: int
    requests_running: int
    rss_bytes: int
    workspaces: tuple[WorkspaceStatus, ...] = ()
    models: tuple[ModelEntry, ...] = ()
    socket: str = ""
    log: str = ""
    config_error: str | None = None


class StatsParams(Wire, frozen=True):
    """`days` None: all of it."""

    workspace: str | None = None
    days: float | None = None


class ShutdownParams(Wire, frozen=True):
    """`models`: end the model workers too. `restart`: another daemon takes over, so what is not done is left to it."""

    models: bool = False
    restart: bool = False


class Empty(Wire, frozen=True):
    pass


class Method(msgspec.Struct, frozen=True):
    """`result` None: a notification. `from_server`: the daemon sends it."""

    name: str
    params: type[Wire]
    result: Any
    from_server: bool = False


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("aid/prompt", PromptParams, PromptResult),
        Method("aid/update", UpdateParams, None, from_server=True),
        Method("aid/proposal", ProposalParams, Proposal),
        Method("aid/proposed", ProposedParams, ProposedResult),
        Method("aid/proposals", ProposalsParams, ProposalsResult),
        Method("aid/accept", AcceptParams, OutcomeResult),
        Method("aid/reject", RejectParams, OutcomeResult),
        Method("aid/undo", UndoParams, OutcomeResult),
        Method("aid/redo", UndoParams, OutcomeResult),
        Method("aid/log", LogParams, LogResult),
        Method("aid/chats", ChatsParams, ChatsResult),
        Method("aid/chat", ChatParams, ChatResult),
        Method("aid/forgetChat", ChatParams, Empty),
        Method("aid/build", BuildParams, BuildStatus),
        Method("aid/buildChanged", BuildChangedParams, None, from_server=True),
        Method("aid/models", ModelsParams, ModelsResult),
        Method("aid/setModel", SetModelParams, ModelsResult),
        Method("aid/status", StatusParams, StatusResult),
        Method("aid/stats", StatsParams, dict[str, Any]),
        Method("aid/shutdown", ShutdownParams, Empty),
    )
}
