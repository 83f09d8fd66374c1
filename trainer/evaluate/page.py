"""A report as one HTML page without scripts or anything from elsewhere. Pure: a `Report` in, text out."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from trainer.evaluate.statistics import Rate
from trainer.evaluate.summary import Example, Group, ModelReport, Report

_LEFT, _WIDTH, _BAR, _GAP = 190, 760, 13, 12


def page(report: Report) -> str:
    """The whole page."""
    first = report.models[0]
    body = [
        f"<h1>Evaluation of {escape(first.model)}</h1>",
        f'<p class="soft">{first.tasks} tasks, {first.samples} samples. Bars are pass@1, whiskers 95 % intervals over '
        "tasks. A sample passes when the whole check is green and no trick was found.</p>",
        _gate(report),
        "<h2>How far proposals get</h2>",
        _key(report.models),
        _bars([(stage, [model.stages[stage].get("1") for model in report.models]) for stage in first.stages]),
        "<h2>pass@k</h2>",
        _pass_table(report.models),
        *_comparison(report),
        "<h2>By kind of error (tasks)</h2>",
        _key(report.models),
        _bars(_grouped(report.models, [model.kinds for model in report.models])),
        "<h2>By project (tasks)</h2>",
        _bars(_grouped(report.models, [model.projects for model in report.models])),
        "<h2>Rates</h2>",
        _rates(report.models),
        *_outcomes(first),
        "<h2>Examples of what failed</h2>",
        *([_example(example) for example in first.examples] or ['<p class="soft">None.</p>']),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Evaluation of {escape(first.model)}</title><style>{_style()}</style></head>"
        f"<body>{''.join(body)}</body></html>\n"
    )


def _style() -> str:
    return Path(__file__).with_name("page.css").read_text("utf-8")


def _gate(report: Report) -> str:
    if not report.guards:
        return (
            '<div class="gate"><strong>No guard fired.</strong> Nothing here speaks against promoting this model.</div>'
        )
    rows = "".join(f"<li>{escape(each.guard)}: {escape(each.message)}</li>" for each in report.guards)
    return f'<div class="gate shut"><strong>Not to be promoted.</strong><ul>{rows}</ul></div>'


def _key(models: Sequence[ModelReport]) -> str:
    marks = (
        f'<span><svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" class="c{number % 3}"/></svg>'
        f"{escape(model.model)}</span>"
        for number, model in enumerate(models)
    )
    return f'<div class="key">{"".join(marks)}</div>'


def _grouped(models: Sequence[ModelReport], groups: Sequence[Sequence[Group]]) -> list[tuple[str, list[Rate | None]]]:
    """A row a group, with how many tasks it has: an interval over one task says nothing."""
    names = sorted({group.name for each in groups for group in each})
    rates = [{group.name: group.passes["1"] for group in each} for each in groups]
    sizes = {group.name: group.passes["1"].tasks for each in groups for group in each}
    return [(f"{_short(name)} ({sizes[name]})", [each.get(name) for each in rates]) for name in names]


def _bars(rows: Sequence[tuple[str, Sequence[Rate | None]]]) -> str:
    """Horizontal bars from 0 to 100 %, one a model in each row."""
    if not rows:
        return '<p class="soft">None.</p>'
    parts: list[str] = []
    at = 18
    span = _WIDTH - _LEFT - 60
    for name, rates in rows:
        height = _BAR * len(rates)
        parts.append(f'<text x="{_LEFT - 10}" y="{at + height / 2 + 4:.0f}" text-anchor="end">{escape(name)}</text>')
        for number, rate in enumerate(rates):
            parts.append(_bar(rate, at + _BAR * number, span, number))
        at += height + _GAP
    grid = "".join(
        f'<line class="grid" x1="{x}" x2="{x}" y1="14" y2="{at}"/><text class="soft" x="{x}" y="10" '
        f'text-anchor="middle">{share} %</text>'
        for share in (0, 25, 50, 75, 100)
        for x in (_LEFT + span * share // 100,)
    )
    label = "; ".join(f"{name}: {', '.join(_percent(rate) for rate in rates)}" for name, rates in rows)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {at + 4}" role="img" aria-label="{escape(label, quote=True)}">{grid}'
        f"{''.join(parts)}</svg>"
    )


def _bar(rate: Rate | None, at: int, span: int, number: int) -> str:
    if rate is None:
        return f'<text class="soft" x="{_LEFT + 6}" y="{at + _BAR - 3}">no samples</text>'
    middle = at + (_BAR - 2) / 2
    low, high = _LEFT + span * rate.low, _LEFT + span * rate.high
    return (
        f'<rect class="c{number % 3}" x="{_LEFT}" y="{at}" width="{span * rate.value:.1f}" height="{_BAR - 2}"/>'
        f'<line class="whisker" x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>'
        f'<text x="{max(high, _LEFT + span * rate.value) + 6:.1f}" y="{at + _BAR - 3}">{_percent(rate)}</text>'
    )


def _pass_table(models: Sequence[ModelReport]) -> str:
    ks = sorted({int(k) for model in models for k in model.stages["green"]})
    head = "".join(f"<th>pass@{k}</th>" for k in ks)
    rows = "".join(
        f"<tr><td>{escape(model.model)}</td>"
        + "".join(f"<td>{_with_interval(model.stages['green'].get(str(k)))}</td>" for k in ks)
        + "</tr>"
        for model in models
    )
    return f'<div class="wide"><table><tr><th>Model</th>{head}</tr>{rows}</table></div>'


def _comparison(report: Report) -> Iterable[str]:
    found = report.comparison
    if found is None:
        return
    yield f"<h2>Against {escape(report.compared or '')}</h2>"
    by = found.difference
    yield (
        f"<p>pass@1 differs by <strong>{by.value:+.1%}</strong> (95 % interval {by.low:+.1%} to {by.high:+.1%}) on "
        f"{by.tasks} tasks that both have: {found.better} better, {found.worse} worse, "
        f"sign test p = {found.p_value:.3f}.</p>"
    )


def _rates(models: Sequence[ModelReport]) -> str:
    rows = "".join(
        f"<tr><td>{escape(model.model)}</td><td>{_with_interval(model.well_formed)}</td>"
        f"<td>{_with_interval(model.hacks)}</td><td>{_with_interval(model.infra)}</td>"
        f"<td>{_whole(model.model_ms_p50)} / {_whole(model.model_ms_p95)}</td>"
        f"<td>{_whole(model.completion_tokens_p50)}</td></tr>"
        for model in models
    )
    head = (
        "<th>Model</th><th>well-formed</th><th>tricks</th><th>unscorable</th><th>ms p50 / p95</th><th>tokens p50</th>"
    )
    return f'<div class="wide"><table><tr>{head}</tr>{rows}</table></div>'


def _outcomes(model: ModelReport) -> Iterable[str]:
    yield f"<h2>What became of {escape(model.model)}&rsquo;s samples</h2>"
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{count}</td></tr>" for name, count in model.outcomes.items())
    flags = "".join(f"<tr><td>flag: {escape(name)}</td><td>{count}</td></tr>" for name, count in model.flags.items())
    yield f'<div class="wide"><table><tr><th>Outcome</th><th>samples</th></tr>{rows}{flags}</table></div>'


def _example(example: Example) -> str:
    error = f'<p class="soft">{escape(example.error)}</p>' if example.error else ""
    text = example.diff or example.reply or "(empty)"
    return (
        f"<details><summary>{escape(example.failure)}: {escape(example.kind)}, task {escape(example.task)}</summary>"
        f"{error}<pre>{escape(text)}</pre></details>"
    )


def _with_interval(rate: Rate | None) -> str:
    if rate is None:
        return "–"
    return f'{_percent(rate)} <span class="soft">{rate.low * 100:.0f}–{rate.high * 100:.0f}</span>'


def _percent(rate: Rate | None) -> str:
    return "–" if rate is None else f"{rate.value * 100:.1f} %"


def _whole(measured: float | None) -> str:
    return "–" if measured is None else f"{measured:.0f}"


def _short(name: str) -> str:
    return name if len(name) <= 28 else f"{name[:27]}…"
