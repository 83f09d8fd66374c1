"""What a session writes down of each request: numbers, for `aid stats` and for experiments.

Translates turns into `aid.metrics` records. Make it inside the event loop: it looks after survival in the background.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from aid.config import MetricsSettings
from aid.errors import ModelError
from aid.metrics import Metrics, Outcome, Request, SurvivalWatch
from aid.metrics.watch import Read
from aid.session.acceptance import Acceptance
from aid.session.attempt import Attempt, total
from aid.session.proposals import Stored
from aid.session.sampling import Judged
from aid.session.steps import tally
from aid.session.turn import Ended, Setting


class Recording:
    """`read` gives a workspace's file as the person sees it; `clock` is seconds since the epoch."""

    def __init__(self, settings: MetricsSettings, read: Read, clock: Callable[[], float] = time.time) -> None:
        self._metrics = Metrics(None, settings, clock=clock)
        self._survival = SurvivalWatch(self._metrics, read)
        self._watching = asyncio.create_task(self._survival.run(), name="survival") if settings.enabled else None

    def answered(self, setting: Setting, ended: Ended, root: Path) -> None:
        """A turn that came to an end, with a proposal or without."""
        judged = ended.shown or _telling(ended.judged)
        attempt = judged.attempt if judged else None
        attempts = [each.attempt for each in ended.judged]
        verdict = judged.verdict if judged else None
        proposal = ended.stored.proposal if ended.stored else None
        self._metrics.record(
            Request(
                id=setting.request,
                root=root,
                model=attempt.model if attempt else setting.backend.name,
                backend=str(type(setting.config.models[setting.backend.name]).__struct_config__.tag),
                variant=Path(setting.params.adapter).name if setting.params.adapter else "",
                format=ended.format,
                sources=ended.context.uses,
                timings_ms=ended.timings,
                prompt_tokens=total(each.prompt_tokens for each in attempts),
                cached_tokens=total(each.cached_tokens for each in attempts),
                completion_tokens=total(each.completion_tokens for each in attempts),
                well_formed=_reached(attempt, attempt.well_formed) if attempt else None,
                applied_cleanly=_reached(attempt, attempt.outcome == "placed") if attempt else None,
                verdict=verdict.status if verdict else None,
                stage=verdict.stage if verdict else None,
                candidates=len(ended.judged),
                lines_added=sum(file.added for file in proposal.files) if proposal else None,
                lines_removed=sum(file.removed for file in proposal.files) if proposal else None,
                files=len(proposal.files) if proposal else None,
                error=attempt.error_kind if attempt else None,
                prompt=setting.params.prompt,
                reply=attempt.reply if attempt else "",
                diff=proposal.diff if proposal else "",
            )
        )

    def failed(self, setting: Setting, root: Path, error: BaseException) -> None:
        """A turn that was cancelled or broke."""
        kind = error.kind if isinstance(error, ModelError) else type(error).__name__
        self._metrics.record(
            Request(id=setting.request, root=root, model=setting.backend.name, error=kind, prompt=setting.params.prompt)
        )

    def accepted(self, done: Acceptance, root: Path) -> None:
        """Survival is watched of what was changed on disk and in editors alike."""
        assert done.stored is not None
        proposal, applied = done.stored.proposal, done.result.applied
        assert applied is not None
        state: Outcome = "accepted" if proposal.state == "accepted" else "partly"
        self._metrics.outcome(proposal.request, state, applied=applied)
        self._survival.watch(proposal.request, applied, root, done.changes)
        self.decided(done.stored)

    def rejected(self, stored: Stored, reason: str) -> None:
        """All of it, or a part."""
        if stored.proposal.state == "rejected":
            self._metrics.outcome(stored.proposal.request, "rejected", reason=reason)
        self.decided(stored)

    def decided(self, stored: Stored) -> None:
        """What is decided by now of each hunk."""
        self._metrics.decided(stored.proposal.request, *tally(stored))

    def undone(self, applied: str) -> None:
        self._metrics.undone(applied)

    def redone(self, applied: str) -> None:
        self._metrics.redone(applied)

    def stats(self, workspace: str | None, days: float | None) -> dict[str, Any]:
        """Blocks: call it in a thread."""
        return self._metrics.stats(Path(workspace) if workspace else None, days)

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        await asyncio.to_thread(self._metrics.close)


def _reached(attempt: Attempt, done: bool) -> bool | None:
    """Whether the model did it; None where its server failed before that could be said."""
    return None if attempt.error is not None and not done else done


def _telling(judged: Sequence[Judged]) -> Judged | None:
    """Of attempts without a proposal, the last that says something of the model's replies, else the last."""
    last = judged[-1] if judged else None
    same = [each for each in judged if last and each.attempt.model == last.attempt.model]
    return next((each for each in reversed(same) if each.attempt.error is None), last)
