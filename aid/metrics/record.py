"""What is kept of a request: numbers and names; code, prompts and paths only where the person asked for it."""

import hashlib
import os
from pathlib import Path
from typing import Any, Literal

import msgspec

from aid.config import EditFormat
from aid.protocol import SourceUse, Timings
from ces.verdict import Stage, Status

Outcome = Literal["accepted", "partly", "rejected", "undone"]
OUTCOMES: tuple[Outcome, ...] = ("accepted", "partly", "rejected", "undone")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One prompt and what came of it. None: not known, or it did not come to that.

    `variant` says which adapter or prompt wording answered; `experiment` and `arm` which trial it was part of.
    `well_formed`: the reply's edits could be read; `applied_cleanly`: all could be placed; of a server's failure both
    are None. Tokens are those of all candidates. `lines_*` and `files` count the proposal's. `error` is a kind
    ("ServerError 500"), never a message. `prompt`, `reply` and `diff` are dropped unless
    `store_text`. `at` is seconds since the epoch (None: now).
    """

    id: str
    root: Path
    model: str
    backend: str = ""
    variant: str = ""
    experiment: str = ""
    arm: str = ""
    at: float | None = None
    format: EditFormat | None = None
    sources: tuple[SourceUse, ...] = ()
    timings_ms: Timings = Timings()
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    well_formed: bool | None = None
    applied_cleanly: bool | None = None
    verdict: Status | None = None
    stage: Stage | None = None
    candidates: int = 0
    lines_added: int | None = None
    lines_removed: int | None = None
    files: int | None = None
    error: str | None = None
    prompt: str = ""
    reply: str = ""
    diff: str = ""


def workspace_hash(root: Path) -> str:
    """What stands for a workspace: it can be compared, not read."""
    return hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]


def row(request: Request, now: float, *, store_text: bool) -> dict[str, Any]:
    """The request as a row of the table `requests`."""
    kept = msgspec.structs.asdict(request)
    root, sources, spent = kept.pop("root"), kept.pop("sources"), kept.pop("timings_ms")
    texts = {name: kept.pop(name) or None for name in ("prompt", "reply", "diff")}
    return {
        **kept,
        "at": now if request.at is None else request.at,
        "workspace": workspace_hash(root),
        "sources": msgspec.json.encode([_source(use, store_text=store_text) for use in sources]).decode(),
        "context_tokens": sum(use.tokens for use in sources),
        **{
            f"{name}_ms": getattr(spent, name) or None  # what was never begun says 0.0 there
            for name in ("queue", "context", "first_token", "model", "verify", "total")
        },
        **({**texts, "root": str(root)} if store_text else {}),
    }


def _source(use: SourceUse, *, store_text: bool) -> dict[str, Any]:
    """Items are names of files."""
    counts = {"source": use.source, "tokens": use.tokens, "cut_tokens": use.cut_tokens, "items": len(use.items)}
    return counts | {"items": list(use.items)} if store_text else counts
