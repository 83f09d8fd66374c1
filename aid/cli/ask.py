"""`aid ask`: one request from the command line."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from aid.cli.complete import model_names
from aid.cli.say import give, give_diff, need_output, say

if TYPE_CHECKING:
    from aid.protocol import FileRef, PromptResult, UpdateParams

_LINES = re.compile(r"^(?P<path>.+?):L?(?P<first>\d+)(?:-L?(?P<last>\d+))?$")


@click.command()
@click.argument("prompt")
@click.argument("files", nargs=-1, metavar="[FILE[:L1-L2]]...")
@click.option(
    "--apply",
    "apply_it",
    is_flag=True,
    help="Write the proposal if the build says green, or where there is no build to ask.",
)
@click.option("--model", shell_complete=model_names, help="Ask this model; 'aid models' lists them.")
@click.option("--adapter", type=click.Path(exists=True, dir_okay=False), help="A GGUF LoRA for an embedded model.")
@click.option("--hints/--no-hints", default=True, help="Try what the compiler itself suggests before the model.")
@click.option("--all", "show_all", is_flag=True, help="Print each candidate's diff, not only the best one's.")
@click.option(
    "--root", type=click.Path(exists=True, file_okay=False), help="The workspace; found from here when left out."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def ask(
    prompt: str,
    files: tuple[str, ...],
    apply_it: bool,
    model: str | None,
    adapter: str | None,
    hints: bool,
    show_all: bool,
    root: str | None,
    as_json: bool,
) -> None:
    """Ask for a change; print its diff and what the build says of it.

    FILE may carry lines: lib/area.ml:10-20. Exit status 1: nothing was proposed, or --apply could not be done.
    """
    from aid.cli.outcome import workspace as workspace_of
    from aid.client import connect
    from aid.protocol import PromptParams

    need_output()
    workspace = workspace_of(Path(root)) if root else _not_everything(workspace_of(None))
    params = PromptParams(
        workspace=str(workspace),
        prompt=_read_prompt() if prompt == "-" else prompt,
        files=tuple(file_ref(each, workspace) for each in files),
        model=model,
        adapter=str(Path(adapter).resolve()) if adapter else None,
        apply=apply_it,
        hints=hints,
    )
    screen = _screen(as_json=as_json, show_all=show_all)
    with connect() as client, screen:
        result = client.call("aid/prompt", params, on_update=screen.update)
    _print(result, as_json=as_json, with_diff=not show_all)
    sys.exit(exit_status(result, apply_it=apply_it))


def _read_prompt() -> str:
    from aid.errors import UsageError

    try:
        return sys.stdin.read()
    except (AttributeError, OSError, UnicodeDecodeError) as error:  # None where the shell closed it
        raise UsageError("standard input can't be read as text: give the prompt there, or as an argument") from error


def _not_everything(found: Path) -> Path:
    """`found`, unless it is too wide to be a workspace."""
    from aid.errors import UsageError
    from aid.root import is_too_wide

    if is_too_wide(found):
        raise UsageError(f"{found} is no project: stand in one, or name it with --root")
    return found


def file_ref(named: str, workspace: Path) -> FileRef:
    """`named`, with or without lines, as the protocol wants it. Raises UsageError for a file that isn't there."""
    from aid.errors import UsageError
    from aid.protocol import FileRef

    found = None if Path(named).exists() else _LINES.match(named)
    path = Path(found["path"] if found else named)
    if not path.exists():
        raise UsageError(f"{path} is missing: name a file of the workspace, with lines as FILE:L1-L2")
    real = path.resolve()
    if not real.is_relative_to(workspace):
        raise UsageError(f"{path} is outside the workspace {workspace}: name another with --root")
    first = int(found["first"]) if found else None
    last = int(found["last"] or found["first"]) if found else None
    if first is not None and last is not None and not 1 <= first <= last:
        raise UsageError(f"{named}: lines count from 1 and end after they begin")
    return FileRef(path=real.relative_to(workspace).as_posix(), first=first, last=last)


def exit_status(result: PromptResult, *, apply_it: bool) -> int:
    """0: what was asked for is there. A red or unchecked proposal that is only shown is there too."""
    if result.proposal is None:
        return 1
    return 1 if apply_it and result.applied is None else 0


class Screen(Protocol):
    """How progress is drawn: a context manager that is shown each `UpdateParams`."""

    def __enter__(self) -> Screen: ...

    def __exit__(self, *exc: object) -> None: ...

    def update(self, params: UpdateParams) -> None: ...


def _screen(*, as_json: bool, show_all: bool) -> Screen:
    """Live on a terminal, plain lines otherwise, nothing under --json."""
    if as_json:
        return _Silent()
    if sys.stderr is not None and sys.stderr.isatty():
        from aid.cli.live import Live

        return Live(show_all=show_all)
    return _Plain(show_all=show_all)


class _Silent:
    def __enter__(self) -> _Silent:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def update(self, params: UpdateParams) -> None:
        pass


class _Plain(_Silent):
    def __init__(self, *, show_all: bool) -> None:
        self._show_all = show_all

    def update(self, params: UpdateParams) -> None:
        shown = params.proposal if self._show_all else None
        if shown is not None:
            give_diff(shown.diff)
        if params.line:
            say(params.line, err=shown is None)


def _print(result: PromptResult, *, as_json: bool, with_diff: bool) -> None:
    if as_json:
        import msgspec

        from aid.cli.wording import as_json_object

        give(msgspec.json.encode(as_json_object(result)).decode() + "\n")
        return
    from aid.cli.wording import result_lines

    proposal = result.proposal
    if proposal is not None and with_diff:
        give_diff(proposal.diff)
    for line in result_lines(result):
        say(line, err=proposal is None)
