"""CES tasks as Harbor tasks (Harbor's task format 1.4): a directory each, for agents that work in a container.

    python -m ces.adapters.harbor TASKS.jsonl TARGET --image ocaml/opam:debian-12 --prepare "opam install --deps-only ."

    <id>/task.toml               names, limits, where it came from
         instruction.md          what a person would say
         environment/            a Dockerfile, and the broken tree that it copies to /workspace
         tests/test.sh           puts the tests back, runs the build, writes /logs/verifier/reward.json
         tests/files/            the tests as they were, and hidden ones: Harbor brings them after the agent is done
         solution/               solve.sh and the files as the reference solution leaves them

The build's steps are those of CES's build systems, from clean. `reward` is 1 when all pass, else 0, and each stage has
a value of its own. What the machine failed to run leaves no reward file, which Harbor counts as an error, not as a 0.

What CES itself would still see, this doesn't: Harbor gives no diff, so no flag for a trick other than edited tests is
looked for, and an agent is root in its container. To train on, use the service.

Exercised with the real library (harbor 0.26.0): its task model, and its trial runner with its own agents on an
environment without containers. Not run: the Dockerfile, since that needs Docker.
"""

import asyncio
import json
import re
import shlex
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click
import msgspec

from ces import builds, diff
from ces.adapters import broken
from ces.adapters.harbor_script import solve_script, test_script
from ces.adapters.row import Row, read
from ces.builds.adapter import Adapter, BuildSettings, Step
from ces.change import FileChange
from ces.diff import Malformed, Misfit, Read
from ces.errors import CesError
from ces.fingerprint import Fingerprint
from ces.frozen import freeze_directory, freeze_revision, resolve_revision
from ces.isolation import remove_tree
from ces.testfiles import is_test
from ces.waiting import in_thread

SCHEMA_VERSION = "1.4"
_PYTHON = re.compile(r"^python[0-9.]*$")


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """How tasks are exported. `image` is the container's; `setup` are shell lines run in it before the tree is copied
    (`apt-get install` …), `prepare` after (`npm ci` …). The image needs a POSIX shell, coreutils and the build's tools.

    `is_test` says which of the tree's files are put back before judging. `step_timeout_s` bounds each step of the
    build; one that takes longer is red.
    """

    image: str
    setup: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()
    build: BuildSettings = BuildSettings()
    is_test: Callable[[str, Read], bool] = is_test
    organisation: str = "ces"
    agent_timeout_s: float = 1800.0
    step_timeout_s: int = 600
    image_timeout_s: float = 1800.0


class _Laid(msgspec.Struct, frozen=True, kw_only=True):
    """A task's trees as data: what the tests are put back to, and what the solution does."""

    kept: Mapping[str, bytes]
    gold: tuple[FileChange, ...]


async def export(task: Row, target: Path, settings: Export) -> Path:
    """Write the task to `target`/<id>, in place of what is there. Raises CesError for a task that can't be exported.

    It must have an id and a reference solution, and its workspace a build.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", task.id) or task.gold is None:
        raise CesError(f"task {task.id!r} can't be exported: it needs an id and a reference solution")
    draft = target / f".{task.id}-{uuid.uuid4().hex}"
    tree = draft / "environment" / "workspace"
    try:
        adapter = await _freeze(task, tree, settings.build)
        laid = await in_thread(lambda: _laid(task, tree, settings))
        upto = msgspec.structs.replace(settings.build, upto=task.upto)
        steps = await in_thread(lambda: [_portable(step) for step in adapter.steps(tree, upto)])
        await in_thread(lambda: _write(task, draft, laid, steps, adapter.outputs, settings))
        await in_thread(lambda: _put_in_place(draft, target / task.id))
    finally:
        await in_thread(lambda: remove_tree(draft))
    return target / task.id


async def _freeze(task: Row, tree: Path, build: BuildSettings) -> Adapter:
    """Write the task's sources to `tree`; what builds them, which at a revision is not what builds the workspace."""
    workspace = Path(task.workspace)
    if task.rev is None:
        adapter = await in_thread(lambda: _adapter(task, workspace, build))
        await in_thread(lambda: freeze_directory(workspace, tree, Fingerprint(workspace, adapter.outputs)))
    else:
        await in_thread(lambda: tree.mkdir(parents=True))
        await freeze_revision(workspace, await resolve_revision(workspace, task.rev), tree)
        adapter = await in_thread(lambda: _adapter(task, tree, build))
    await in_thread(lambda: _drop_links_out(tree))
    return adapter


def _adapter(task: Row, tree: Path, build: BuildSettings) -> Adapter:
    found = builds.find(tree, build)
    if found is None:
        at = "" if task.rev is None else f" at {task.rev}"
        raise CesError(f"task {task.id}: no build was recognised in {task.workspace}{at}")
    return found


def _drop_links_out(tree: Path) -> None:
    """Installed packages are linked to; in a container they are `prepare`'s to bring."""
    for path in tree.rglob("*"):
        if path.is_symlink() and not path.resolve().is_relative_to(tree.resolve()):
            path.unlink()


def _laid(task: Row, tree: Path, settings: Export) -> _Laid:
    """Break the tree; what its tests are, and what the solution changes."""

    def read(path: str) -> bytes | None:
        file = tree / path
        return file.read_bytes() if file.is_file() else None

    for change in _applied(task, "onto", diff.apply(broken.parsed(task), read)):
        _lay(tree, change)
    gold = diff.parse(task.gold or "")
    if isinstance(gold, Malformed):
        raise CesError(f"task {task.id}: `gold` is {gold.reason}")
    solution = _applied(task, "gold", diff.apply(gold, read))
    solved = {path for change in solution for path in (change.path, change.old_path)}
    paths = [
        str(path.relative_to(tree)) for path in sorted(tree.rglob("*")) if path.is_file() and not path.is_symlink()
    ]
    tests = (path for path in paths if path not in solved and settings.is_test(path, read))
    kept = {path: (tree / path).read_bytes() for path in tests}
    kept.update((path, text.encode()) for path, text in task.hidden.items())
    return _Laid(kept=kept, gold=solution)


def _applied(task: Row, name: str, changes: tuple[FileChange, ...] | Misfit) -> tuple[FileChange, ...]:
    if isinstance(changes, Misfit):
        raise CesError(f"task {task.id}: `{name}` doesn't fit: {changes.path} {changes.reason}")
    return changes


def _lay(tree: Path, change: FileChange) -> None:
    if change.old_path is not None:
        (tree / change.old_path).unlink()
    if change.after is None:
        (tree / change.path).unlink()
        return
    _write_file(tree / change.path, change.after, change.mode)


def _write_file(file: Path, content: bytes, mode: int | None = None) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    if mode is not None:
        file.chmod(mode)


def _portable(step: Step) -> Step:
    """The step without this machine's paths: programs are found on the image's PATH, packages are `prepare`'s."""
    program = Path(step.argv[0])
    name = program.name if program.is_absolute() else step.argv[0]
    name = "python3" if _PYTHON.match(program.name) else name
    env = {name: value for name, value in step.env.items() if name != "PATH"}
    title = step.title and step.title.replace(step.argv[0], name)
    return msgspec.structs.replace(step, argv=(name, *step.argv[1:]), env=env, title=title, lacks=None)


def _write(
    task: Row, folder: Path, laid: _Laid, steps: Sequence[Step], outputs: Sequence[str], settings: Export
) -> None:
    for path, content in laid.kept.items():
        _write_file(folder / "tests" / "files" / path, content)
    for change in laid.gold:
        if change.after is not None:
            _write_file(folder / "solution" / "files" / change.path, change.after, change.mode)
    limit = settings.step_timeout_s
    scripts = {
        "tests/test.sh": test_script(steps, sorted(laid.kept), outputs, limit),
        "solution/solve.sh": solve_script(laid.gold),
    }
    for name, text in scripts.items():
        _write_file(folder / name, text.encode(), 0o755)
    _write_file(folder / "environment" / "Dockerfile", _dockerfile(settings).encode())
    _write_file(folder / "instruction.md", _instruction(task, steps).encode())
    _write_file(folder / "task.toml", _toml(_config(task, steps, settings)).encode())


def _dockerfile(settings: Export) -> str:
    lines = [f"FROM {settings.image}", *(f"RUN {line}" for line in settings.setup)]
    lines += ["WORKDIR /workspace", "COPY workspace/ /workspace/", *(f"RUN {line}" for line in settings.prepare)]
    return "\n".join(lines) + "\n"


def _instruction(task: Row, steps: Sequence[Step]) -> str:
    commands = "\n".join(f"    {step.title or shlex.join(step.argv)}" for step in steps)
    asked = task.prompt or "The build is broken. Mend it."
    return f"{asked}\n\nThe project is in `/workspace`. It is right when these pass:\n\n{commands}\n"


def _config(task: Row, steps: Sequence[Step], settings: Export) -> dict[str, dict[str, object]]:
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{task.project or 'task'}-{task.id}").strip("-")
    return {
        "": {"schema_version": SCHEMA_VERSION},
        "task": {"name": f"{settings.organisation}/{name}", "description": task.prompt, "keywords": ["code-repair"]},
        "metadata": {"ces_task": task.id, "project": task.project, "kind": task.kind, "upto": task.upto},
        "agent": {"timeout_sec": settings.agent_timeout_s},
        "verifier": {"timeout_sec": float(settings.step_timeout_s * len(steps) + 60)},
        "environment": {"build_timeout_sec": settings.image_timeout_s, "workdir": "/workspace"},
    }


def _toml(sections: Mapping[str, Mapping[str, object]]) -> str:
    """TOML's strings, numbers and arrays of these are written as JSON's are (TOML 1.0, "Basic strings")."""
    parts = []
    for name, values in sections.items():
        lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
        parts.append("\n".join([f"[{name}]", *lines] if name else lines))
    return "\n\n".join(parts).replace("\x7f", "\\u007f") + "\n"


def _put_in_place(draft: Path, final: Path) -> None:
    if final.exists():
        shutil.rmtree(final)
    draft.rename(final)


@click.command()
@click.argument("tasks", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.argument("target", type=click.Path(path_type=Path, file_okay=False))
@click.option("--image", required=True, help="Container image with a shell and the build's tools.")
@click.option("--setup", multiple=True, help="Shell line run in the image before the tree is copied; repeatable.")
@click.option("--prepare", multiple=True, help="Shell line run after it; repeatable.")
def main(tasks: Path, target: Path, image: str, setup: tuple[str, ...], prepare: tuple[str, ...]) -> None:
    """Write the tasks of a file as Harbor tasks, a directory of TARGET each."""
    settings = Export(image=image, setup=setup, prepare=prepare)

    async def write() -> None:
        for task in read(tasks):
            click.echo(await export(task, target, settings))

    try:
        asyncio.run(write())
    except CesError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
