"""Off the rails: what keeps a model from being promoted whatever its pass rate. Pure: samples in, findings out.

Each guard looks at one way models go wrong after training: silence, loops, refusals and promises ("I'll do it
tomorrow"), leaving the format, growing without bound, and passing less often than the present model. What the machine
failed is no answer of the model's; too much of that leaves nothing to promote it on.
"""

import re
import zlib
from collections.abc import Callable, Sequence

import msgspec

from trainer.evaluate.sample import Sample
from trainer.evaluate.statistics import Paired, percentile, share

_PROMISES = re.compile(
    r"\b(?:I(?:'|’)?(?:ll| will| shall)\b.{0,60}\b(?:tomorrow|later|soon|next|another time|get back)"
    r"|(?:will|would) (?:do|fix|finish|get to) (?:it|this|that) (?:tomorrow|later|soon)"
    r"|I (?:can(?:'|’)?t|cannot|am unable to|am not able to|won(?:'|’)?t|must decline|refuse)"
    r"|as an AI\b|I(?:'|’)?m sorry\b|I apologi[sz]e\b|left as an exercise|in a future (?:change|version))",
    re.I | re.S,
)
SIGNIFICANT = 0.05
FEWEST_TASKS = 6  # 2 / 2**6 is below SIGNIFICANT: with fewer that differ the sign test can't be, however they fell
_LOOPING_LINES = 8
_LONG_CHARS = 400
_LOOP_COMPRESSION = 0.12  # code compresses to a quarter or a third


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of the answers (`unscorable`: of all samples), and how much longer than the present model's they may be.

    `growth` is over those of the present model's that hold an edit: words in place of one are short.
    """

    empty: float = 0.02
    looping: float = 0.02
    promising: float = 0.02
    out_of_format: float = 0.10
    cut: float = 0.05
    growth: float = 2.0
    unscorable: float = 0.10


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A guard that fired. `share` is what was seen, `limit` what is allowed, `example` one reply's beginning."""

    guard: str
    message: str
    share: float
    limit: float
    example: str = ""


def findings(
    samples: Sequence[Sample],
    present: Sequence[Sample] = (),
    comparison: Paired | None = None,
    limits: Limits | None = None,
) -> list[Finding]:
    """What speaks against promoting the model of `samples`. `present` and `comparison` are the model in use now.

    A share fires only where the lower end of its interval is above the limit, and where the present model does better:
    a habit that both have is no reason to keep the old one. A lower pass rate fires beyond noise, and where the tasks
    are too few to tell noise.
    """
    limits = limits or Limits()
    answers = [sample for sample in samples if sample.reward is not None]
    theirs = [sample for sample in present if sample.reward is not None]
    checks: tuple[tuple[str, Callable[[Sample], bool], float, str], ...] = (
        ("empty", is_empty, limits.empty, "answers are empty"),
        ("looping", is_looping, limits.looping, "answers repeat themselves"),
        ("promising", is_promising, limits.promising, "answers refuse or promise in place of an edit"),
        ("format", lambda sample: not sample.well_formed, limits.out_of_format, "answers leave the edit format"),
        ("cut", lambda sample: sample.cut, limits.cut, "answers go on until they are cut off"),
    )
    found = []
    for guard, is_bad, limit, told in checks:
        bad = [sample for sample in answers if is_bad(sample)]
        seen = share(len(bad), len(answers))
        before = share(sum(map(is_bad, theirs)), len(theirs))
        if answers and seen.low > limit and (not theirs or seen.value > before.value):
            message = f"{seen.value:.0%} of {told} (allowed: {limit:.0%})"
            found.append(Finding(guard=guard, message=message, share=seen.value, limit=limit, example=_example(bad)))
    fallen = _incomparable() if present and comparison is None else _fallen(comparison)
    return [*found, *_grown(answers, theirs, limits), *_unjudged(samples, limits), *fallen]


def is_empty(sample: Sample) -> bool:
    return not sample.reply.strip()


def is_looping(sample: Sample) -> bool:
    """A line again and again, or text that says very little for its length."""
    lines = [line.strip() for line in sample.reply.splitlines() if line.strip()]
    run = longest = 0
    for before, line in zip(["", *lines], lines, strict=False):
        run = run + 1 if line == before else 1
        longest = max(longest, run)
    if longest >= _LOOPING_LINES:
        return True
    text = sample.reply.encode()
    return len(text) >= _LONG_CHARS and len(zlib.compress(text)) / len(text) < _LOOP_COMPRESSION


def is_promising(sample: Sample) -> bool:
    """Words in place of work: only an answer without an edit counts, for an edit may well say "I'm sorry"."""
    return not sample.diff and _PROMISES.search(sample.reply) is not None


def _grown(samples: Sequence[Sample], present: Sequence[Sample], limits: Limits) -> list[Finding]:
    before = percentile([float(len(sample.reply)) for sample in present if sample.diff], 0.95)
    now = percentile([float(len(sample.reply)) for sample in samples], 0.95)
    if not before or now <= limits.growth * before:
        return []
    message = f"long answers have {now:.0f} characters (95th percentile), {now / before:.1f} times the present model's"
    longest = max(samples, key=lambda sample: len(sample.reply))
    return [
        Finding(guard="growth", message=message, share=now / before, limit=limits.growth, example=_example([longest]))
    ]


def _unjudged(samples: Sequence[Sample], limits: Limits) -> list[Finding]:
    lost = [sample for sample in samples if sample.reward is None]
    seen = share(len(lost), len(samples))
    if samples and len(lost) < len(samples) and seen.low <= limits.unscorable:
        return []
    why = next((told for sample in lost if (told := sample.error or sample.first_error)), "the machine failed")
    message = (
        f"{len(lost)} of {len(samples)} samples could not be judged (allowed: {limits.unscorable:.0%}), as: {why}; "
        "the same command asks for them again"
    )
    return [Finding(guard="unscorable", message=message, share=seen.value, limit=limits.unscorable)]


def _incomparable() -> list[Finding]:
    message = "there is no task on which both models were judged; the same command asks for what is missing"
    return [Finding(guard="pass rate", message=message, share=0.0, limit=0.0)]


def _fallen(comparison: Paired | None) -> list[Finding]:
    if comparison is None or comparison.difference.value >= 0:
        return []
    fallen = comparison.difference
    blind = comparison.better + comparison.worse < FEWEST_TASKS
    if blind:
        fires = fallen.tasks < FEWEST_TASKS or fallen.high < 0
    else:  # no task better: the sign test is enough, for the interval of falls all alike is a wide one
        fires = comparison.p_value < SIGNIFICANT and (fallen.high < 0 or not comparison.better)
    if not fires:
        return []
    interval = f"95 % interval {-fallen.high:.1%} to {-fallen.low:.1%}"
    tasks = f"{comparison.worse} tasks worse, {comparison.better} better"
    message = f"it passes {-fallen.value:.1%} less often than the present model ({interval}, {tasks})"
    if blind:
        message += (
            f"; too few tasks differ to tell it from chance (at least {FEWEST_TASKS} would have to): give it more tasks"
        )
    return [Finding(guard="pass rate", message=message, share=fallen.value, limit=0.0)]


def _example(samples: Sequence[Sample]) -> str:
    return samples[0].reply[:400] if samples else ""
