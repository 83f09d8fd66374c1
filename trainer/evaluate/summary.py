"""Samples to the numbers of a report. Pure: what is in report.json, and what the page draws."""

from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from ces.builds.stages import ORDER
from trainer.evaluate.guards import Finding, findings
from trainer.evaluate.sample import Sample, by_task
from trainer.evaluate.statistics import Counts, Paired, Rate, paired, pass_rate, percentile, share

RULES = "hints"  # nobody promotes rules, and they say nothing where they know nothing
EXAMPLES_EACH = 2
_SHOWN_CHARS = 2000


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The tasks of one kind or project: pass@k of the whole check, {"1": Rate, …}."""

    name: str
    passes: dict[str, Rate]


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A sample that did not pass, and how."""

    failure: str
    task: str
    kind: str
    reply: str
    diff: str
    error: str | None


class ModelReport(msgspec.Struct, frozen=True, kw_only=True):
    """One model. `stages` gives pass@k by stage ("green": all of them, and no trick), {"1": Rate, …}; k up to the
    number of samples a task. Rates of `hacks` and `infra` count samples. Percentiles are None where nobody measured."""

    model: str
    samples: int
    tasks: int
    stages: dict[str, dict[str, Rate]]
    kinds: tuple[Group, ...]
    projects: tuple[Group, ...]
    hacks: Rate
    infra: Rate
    well_formed: Rate
    outcomes: dict[str, int]
    flags: dict[str, int]
    model_ms_p50: float | None
    model_ms_p95: float | None
    completion_tokens_p50: float | None
    examples: tuple[Example, ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A whole evaluation. `models` has the judged one first; `comparison` is that against `compared`."""

    models: tuple[ModelReport, ...]
    compared: str | None
    comparison: Paired | None
    guards: tuple[Finding, ...]


def report(samples: dict[str, Sequence[Sample]], model: str, compared: str | None, extra: Sequence[str] = ()) -> Report:
    """`samples` by model, in any order: the same samples give the same report. `extra` are models shown beside, such as
    the rules."""
    samples = {name: sorted(taken, key=lambda sample: sample.key) for name, taken in samples.items()}
    names = [model, *([compared] if compared else []), *extra]
    comparison = compare(samples[model], samples[compared]) if compared else None
    present = samples[compared] if compared else ()
    return Report(
        models=tuple(_model(name, samples[name]) for name in dict.fromkeys(names)),
        compared=compared,
        comparison=comparison,
        guards=() if model == RULES else tuple(findings(samples[model], present, comparison)),
    )


def compare(first: Sequence[Sample], second: Sequence[Sample]) -> Paired | None:
    """The first model against the second, on the tasks that both have."""
    left, right = by_task(first), by_task(second)
    both = sorted(left.keys() & right.keys())
    return paired([_counts(left[task]) for task in both], [_counts(right[task]) for task in both])


def _model(name: str, samples: Sequence[Sample]) -> ModelReport:
    tasks = by_task(samples)
    scored = [sample for each in tasks.values() for sample in each]
    tokens = [float(sample.completion_tokens) for sample in scored if sample.completion_tokens is not None]
    times = [sample.model_ms for sample in scored]
    return ModelReport(
        model=name,
        samples=len(samples),
        tasks=len(tasks),
        stages=_stages(list(tasks.values())),
        kinds=_groups(tasks, lambda sample: sample.kind),
        projects=_groups(tasks, lambda sample: sample.project),
        hacks=share(sum(sample.status == "hack" for sample in scored), len(scored)),
        infra=share(len(samples) - len(scored), len(samples)),
        well_formed=share(sum(sample.well_formed for sample in scored), len(scored)),
        outcomes=dict(Counter(failure(sample) or "green" for sample in samples).most_common()),
        flags=dict(Counter(flag for sample in scored for flag in set(sample.flags)).most_common()),
        model_ms_p50=percentile(times, 0.5) if times else None,
        model_ms_p95=percentile(times, 0.95) if times else None,
        completion_tokens_p50=percentile(tokens, 0.5) if tokens else None,
        examples=_examples(samples),
    )


def failure(sample: Sample) -> str | None:
    """How a sample failed, in one or two words; None for one that passed."""
    if sample.reward is None:
        return "unscorable"
    if sample.status == "green":
        return None
    if sample.status in ("hack", "timeout"):
        return sample.status
    return sample.outcome if sample.outcome != "placed" else f"red at {sample.stage}"


def _stages(tasks: Sequence[Sequence[Sample]]) -> dict[str, dict[str, Rate]]:
    passes: dict[str, Callable[[Sample], bool]] = {"green": lambda sample: sample.status == "green"}
    for stage in ORDER:
        passes[stage] = lambda sample, stage=stage: sample.components.get(stage) == 1.0  # type: ignore[misc]
    return {name: _passes([_counts(each, passes[name]) for each in tasks]) for name in (*ORDER, "green")}


def _passes(tasks: Sequence[Counts]) -> dict[str, Rate]:
    """pass@k for each k that any task has samples enough for."""
    rates = {str(k): pass_rate(tasks, k) for k in (1, 2, 4, 8, 16, 32, 64)}
    return {k: rate for k, rate in rates.items() if rate is not None}


def _groups(tasks: dict[str, list[Sample]], of: Callable[[Sample], str]) -> tuple[Group, ...]:
    groups: dict[str, list[Counts]] = {}
    for samples in tasks.values():
        groups.setdefault(of(samples[0]), []).append(_counts(samples))
    return tuple(Group(name=name, passes=_passes(groups[name])) for name in sorted(groups))


def _counts(samples: Sequence[Sample], passed: Callable[[Sample], bool] | None = None) -> Counts:
    passed = passed or (lambda sample: sample.status == "green")
    return len(samples), sum(map(passed, samples))


def _examples(samples: Sequence[Sample]) -> tuple[Example, ...]:
    taken: Counter[str] = Counter()
    found = []
    for sample in samples:
        how = failure(sample)
        if how is None or taken[how] >= EXAMPLES_EACH:
            continue
        taken[how] += 1
        found.append(
            Example(
                failure=how,
                task=sample.task,
                kind=sample.kind,
                reply=sample.reply[:_SHOWN_CHARS],
                diff=sample.diff[:_SHOWN_CHARS],
                error=sample.error or sample.first_error,
            )
        )
    return tuple(sorted(found, key=lambda example: example.failure))
