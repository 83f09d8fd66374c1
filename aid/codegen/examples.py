"""One exchange for each method, as it goes over the wire: made of the structs, so none can be out of date."""

from typing import Any

import msgspec

from aid import protocol as p
from ces.verdict import BuildStatus, Diagnostic, Range, Verdict

WORKSPACE = "/home/me/shop"
ERROR = Diagnostic(
    file="lib/item.ml",
    range=Range(6, 46, 6, 56),
    severity="error",
    message="Unbound value value_cent\nHint: Did you mean value_cents?",
    source="ocaml",
)
GREEN = Verdict(status="green", stage="test", fixed=1, adapter="dune", wall_ms=412.5)
FILE = p.ChangedFile(path="lib/item.ml", status="modified", added=1, removed=1)
HUNK = p.ProposedHunk(
    index=0,
    header="@@ -7 +7 @@",
    old_first=7,
    old_lines=1,
    new_first=7,
    new_lines=1,
    text="-let total = value_cent item\n+let total = value_cents item\n",
)
PROPOSAL = p.Proposal(
    id="p9c65d631c2e4",
    request="r52a91f0b77d3",
    workspace=WORKSPACE,
    model="hints",
    diff="diff --git a/lib/item.ml b/lib/item.ml\n--- a/lib/item.ml\n+++ b/lib/item.ml\n@@ -7 +7 @@\n"
    "-let total = value_cent item\n+let total = value_cents item\n",
    files=(p.ProposedFile(path="lib/item.ml", status="modified", added=1, removed=1, hunks=(HUNK,)),),
    verdict=GREEN,
    badge="green (dune test), 1 error fixed",
    at=1795786021.4,
)
MODELS = p.ModelsResult(models=(p.ModelEntry(name="smollm2", backend="llama", default=True),))
APPLIED = p.OutcomeResult(applied=PROPOSAL.id, files=(FILE,))
STATUS = p.StatusResult(
    version="0.1.0", protocol=p.VERSION, pid=4711, uptime_s=86.4, clients=2, requests_running=0, rss_bytes=61_000_000
)
TURN = p.ChatTurn(
    request=PROPOSAL.request,
    at=PROPOSAL.at,
    prompt="Fix the build error at lib/item.ml:7: Unbound value value_cent",
    text="lib/item.ml\n<<<<<<< SEARCH\n…",
    model="hints",
    attached=("lib/item.ml:7",),
    proposal=PROPOSAL.id,
)
CHAT = p.ChatParams(workspace=WORKSPACE, chat="shop-1")

# method → (params, result); a notification has no result
EXAMPLES: dict[str, tuple[Any, Any]] = {
    "aid/prompt": (
        p.PromptParams(workspace=WORKSPACE, fix=p.FileRef(path="lib/item.ml", first=7), chat="shop-1", token="7"),
        p.PromptResult(
            id=PROPOSAL.request,
            model="hints",
            prompt=TURN.prompt,
            text=TURN.text,
            proposal=PROPOSAL,
            candidates=(p.Candidate(model="hints", status="placed", verdict=GREEN),),
            sources=(p.SourceUse(source="errors", tokens=154, items=("build errors", "lib/item.ml")),),
            timings_ms=p.Timings(context=6.1, verify=412.5, total=430.2),
        ),
    ),
    "aid/update": (
        p.UpdateParams(request=PROPOSAL.request, kind="text", token="7", text="lib/item", model="hints"),
        None,
    ),
    "aid/proposal": (p.ProposalParams(id=PROPOSAL.id), PROPOSAL),
    "aid/proposed": (
        p.ProposedParams(id=PROPOSAL.id, path="lib/item.ml"),
        p.ProposedResult(files=(p.ProposedText(path="lib/item.ml", text="…", places=(p.HunkPlace(index=0, line=7),)),)),
    ),
    "aid/proposals": (p.ProposalsParams(workspace=WORKSPACE), p.ProposalsResult(proposals=(PROPOSAL,))),
    "aid/accept": (
        p.AcceptParams(id=PROPOSAL.id, hunks=(p.Hunk(path="lib/item.ml", index=0),), through_editor=True),
        p.OutcomeResult(applied=None, in_editor=("lib/item.ml",), files=(FILE,)),
    ),
    "aid/reject": (
        p.RejectParams(id=PROPOSAL.id, files=("lib/item.ml",), reason="wrong file"),
        p.OutcomeResult(applied=None),
    ),
    "aid/undo": (p.UndoParams(workspace=WORKSPACE), APPLIED),
    "aid/redo": (p.UndoParams(workspace=WORKSPACE, id=PROPOSAL.id), APPLIED),
    "aid/log": (
        p.LogParams(workspace=WORKSPACE, limit=1),
        p.LogResult(entries=(p.LogEntry(id=PROPOSAL.id, at=PROPOSAL.at, state="applied", files=(FILE,)),)),
    ),
    "aid/chats": (
        p.ChatsParams(workspace=WORKSPACE),
        p.ChatsResult(chats=(p.ChatEntry(chat="shop-1", title=TURN.prompt, turns=1, at=TURN.at),)),
    ),
    "aid/chat": (CHAT, p.ChatResult(turns=(TURN,))),
    "aid/forgetChat": (CHAT, p.Empty()),
    "aid/build": (
        p.BuildParams(workspace=WORKSPACE),
        BuildStatus(status="red", stage="typecheck", diagnostics=(ERROR,), adapter="dune"),
    ),
    "aid/buildChanged": (
        p.BuildChangedParams(workspace=WORKSPACE, status="red", errors=1, badge="red (dune typecheck): 1 error"),
        None,
    ),
    "aid/models": (p.ModelsParams(), MODELS),
    "aid/setModel": (p.SetModelParams(model="smollm2"), MODELS),
    "aid/status": (p.StatusParams(), STATUS),
    "aid/stats": (p.StatsParams(workspace=WORKSPACE, days=7), {"requests": 12}),
    "aid/shutdown": (p.ShutdownParams(), p.Empty()),
}


def shown(value: Any) -> str:
    """As JSON to read; what is None is left out, as a reader of the wire may take it to be."""
    return msgspec.json.format(msgspec.json.encode(_plain(msgspec.to_builtins(value))), indent=2).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items() if each is not None}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
