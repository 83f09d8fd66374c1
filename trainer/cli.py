"""The trainer's commands, found by `aid` through the entry-point group `aid.commands`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from aid.config import Config
    from ces.tasks.task import Task
    from trainer.errors import TrainerError
    from trainer.evaluate.run import Run
    from trainer.evaluate.sample import Sample
    from trainer.evaluate.summary import Report


@click.command()
@click.option(
    "--tasks", "tasks_file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Tasks, as `aid ces tasks` makes them.",
)  # fmt: skip
@click.option("--model", help="The model to judge; else the default one.")
@click.option("--compare", help="The model in use now: the judged one must not do worse.")
@click.option("-n", "--n", "count", type=click.IntRange(1, 64), default=4, show_default=True, help="Samples a task.")
@click.option(
    "--report", "folder", type=click.Path(file_okay=False, path_type=Path), default=Path("aid-evaluation"),
    show_default=True, help="Where samples, report.json and index.html go; a run there is gone on with.",
)  # fmt: skip
@click.option(
    "--workspace", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Where the project is."
)
@click.option("--rules/--no-rules", default=True, show_default=True, help="Show the hints beside the models.")
@click.option("--gate", is_flag=True, help="Exit with 1 when something speaks against promoting the model.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object and nothing else.")
def evaluate(
    tasks_file: Path,
    model: str | None,
    compare: str | None,
    count: int,
    folder: Path,
    workspace: Path | None,
    rules: bool,
    gate: bool,
    as_json: bool,
) -> None:
    """Judge a model on held-out tasks: sampled by AID's own prompt and edit code, judged by real builds.

    Exit status 1 with --gate: the model is not to be promoted, and why.
    """
    from aid import config as configuration
    from trainer.evaluate.run import Run
    from trainer.evaluate.summary import RULES

    config = configuration.load(None).config
    judged = model or config.default_model
    names = list(dict.fromkeys([judged, *([compare] if compare else []), *([RULES] if rules else [])]))
    _known(names, config)
    _sensible(judged, compare, gate=gate)
    run = Run(tasks=_tasks(tasks_file, workspace), models=tuple(names), samples=count, folder=folder.resolve())
    kept = ("samples.jsonl", "report.json", "index.html")
    hidden = (tasks_file.resolve(), *(run.folder / name for name in kept))  # they have the answers
    report = _evaluated(run, config, compare, hidden, quiet=as_json)
    _written(report, run.folder)
    _print(report, run.folder, as_json=as_json)
    if gate and report.guards:
        click.echo(
            f"aid: {judged} is not to be promoted: {'; '.join(each.message for each in report.guards)}", err=True
        )
        sys.exit(1)


def _known(names: list[str], config: Config) -> None:
    from aid.errors import UsageError

    for name in names:
        if name not in config.models:
            raise UsageError(f"model {name!r} is none of {', '.join(sorted(config.models))}: see 'aid models'")


def _sensible(judged: str, compare: str | None, *, gate: bool) -> None:
    from aid.errors import UsageError
    from trainer.evaluate.summary import RULES

    if compare == judged:
        raise UsageError(f"--compare {compare} is the judged model itself: name the one in use now")
    if gate and judged == RULES:
        raise UsageError(f"--gate has no word on {RULES}: rules are no model to promote")


def _tasks(file: Path, workspace: Path | None) -> tuple[Task, ...]:
    import msgspec

    from ces.errors import CesError
    from ces.tasks.task import read
    from trainer.errors import TrainerError

    try:
        tasks, bad = read(file)
    except CesError as error:
        raise TrainerError(str(error)) from error
    for line in bad:
        click.echo(f"aid: {file}:{line.number}: left out, {line.reason}", err=True)
    if not tasks:
        raise TrainerError(f"{file} has no tasks: make some by 'aid ces tasks mutate'")
    if workspace is not None:
        tasks = [msgspec.structs.replace(task, workspace=str(workspace.resolve())) for task in tasks]
    return tuple(tasks)


def _evaluated(run: Run, config: Config, compared: str | None, hidden: tuple[Path, ...], *, quiet: bool) -> Report:
    import asyncio

    from aid.judging import judge_settings
    from ces.errors import CesError
    from ces.judge import Judge
    from trainer.errors import TrainerError
    from trainer.evaluate.run import evaluate
    from trainer.evaluate.summary import RULES, report

    async def whole() -> Report:
        judge = Judge(judge_settings(concealed=hidden))
        try:
            with _Progress(run.wanted, quiet=quiet) as progress:
                samples = await evaluate(run, config, judge, progress.on_sample)
        finally:
            await judge.close()
        samples.close()
        extra = [RULES] if RULES in run.models else []
        return report({name: samples.of(name) for name in run.models}, run.models[0], compared, extra)

    try:
        return asyncio.run(whole())
    except CesError as error:
        raise TrainerError(str(error)) from error
    except OSError as error:
        raise _unwritable(run.folder, error) from error
    except KeyboardInterrupt:
        click.echo(f"aid: interrupted; the same command goes on where it was ({run.folder})", err=True)
        raise click.Abort from None


class _Progress:
    """A bar on a terminal, a line now and then elsewhere."""

    def __init__(self, wanted: int, *, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._wanted = wanted
        self._done = self._green = 0
        self._said = 0
        console = Console(stderr=True, quiet=quiet)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("samples", total=wanted)
        self._lines = not quiet and not console.is_terminal

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *ended: object) -> None:
        self._bar.stop()

    def on_sample(self, sample: Sample) -> None:
        self._done += 1
        self._green += sample.status == "green"
        self._bar.update(self._task, advance=1, description=f"samples ({self._green} green)")
        tenth = self._done * 10 // max(self._wanted, 1)
        if self._lines and tenth > self._said:
            self._said = tenth
            click.echo(f"{self._done} of {self._wanted} samples, {self._green} green", err=True)


def _unwritable(folder: Path, error: OSError) -> TrainerError:
    from trainer.errors import TrainerError

    where = error.filename or folder
    return TrainerError(
        f"{where} can't be used: {error.strerror or error}; mended, the same command goes on from there"
    )


def _written(report: Report, folder: Path) -> None:
    import msgspec

    from trainer.evaluate.page import page

    try:
        (folder / "report.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))
        (folder / "index.html").write_text(page(report), "utf-8")
    except OSError as error:
        raise _unwritable(folder, error) from error


def _print(report: Report, folder: Path, *, as_json: bool) -> None:
    import msgspec

    if as_json:
        click.echo(msgspec.json.encode(report).decode())
        return
    for model in report.models:
        green = model.stages["green"]
        told = ", ".join(f"pass@{k} {rate.value:.1%} [{rate.low:.1%}, {rate.high:.1%}]" for k, rate in green.items())
        click.echo(f"{model.model}: {told or 'no scorable sample'}, {model.tasks} tasks")
    if report.comparison is not None:
        found = report.comparison
        interval = f"[{found.difference.low:+.1%}, {found.difference.high:+.1%}]"
        click.echo(f"against {report.compared}: {found.difference.value:+.1%} {interval}, p = {found.p_value:.3f}")
    for each in report.guards:
        click.echo(f"guard: {each.guard}: {each.message}")
    click.echo(f"report: {folder / 'index.html'}")
