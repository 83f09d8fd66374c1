"""The quick answer: what a type check would say of a change to a warm base, without the build system.

One implementation a build system, listed here; `start` gives the base's, or None where there is none. An answer of None
means that the build has to be asked. Green is no more than "it type-checks".
"""

import asyncio
import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from ces import isolation, process
from ces.builds import dune_output, dune_rules
from ces.builds.adapter import Step
from ces.builds.ocaml_cascade import RunPpx
from ces.builds.ocaml_fast import OcamlFast, Unsure
from ces.builds.reading import Sources
from ces.change import FileChange
from ces.errors import InfraError
from ces.isolation import Isolation, Place
from ces.verdict import BuildStatus

RunStep = Callable[[Step], Coroutine[Any, Any, process.Finished]]


class Quick(Protocol):
    """Ready for one base."""

    async def check(self, changes: Sequence[FileChange], timeout_s: float) -> BuildStatus | None: ...

    async def close(self) -> None:
        """End its processes and clear its files away; a later check starts them anew."""
        ...


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """A built base: its sources, where its build directories are, how to run a command of the build in it."""

    tree: Path
    outputs: Path
    isolation: Isolation
    run: RunStep


class OcamlQuick:
    """dune's `@check`, by a type checker of our own. See `ces.builds.ocaml_fast`."""

    def __init__(self, fast: OcamlFast, tree: Path) -> None:
        self._fast = fast
        self._tree = tree

    @classmethod
    async def start(cls, ready: Ready) -> "OcamlQuick | None":
        asked = await ready.run(Step(stage="typecheck", argv=dune_rules.ARGV, env={"DUNE_CACHE": "disabled"}))
        if asked.exit_code != 0:
            return None
        boxed = _boxed(ready) if ready.isolation.encloses else None
        fast = await OcamlFast.start(ready.tree, ready.outputs / "_build", asked.output, boxed)
        return None if isinstance(fast, Unsure) else cls(fast, ready.tree)

    async def check(self, changes: Sequence[FileChange], timeout_s: float) -> BuildStatus | None:
        said = await self._fast.check(changes, timeout_s)
        if said.status == "unsure":
            return None
        changed: dict[str, bytes | None] = {}
        for change in changes:
            if change.old_path is not None:
                changed[change.old_path] = None
            changed[change.path] = change.after
        found = dune_output.parse(Sources(self._tree, changed, self._tree), said.output)
        if said.status == "red" and not any(item.severity == "error" for item in found):
            return None  # it can't say why: dune can
        return BuildStatus(
            status=said.status, stage=said.stage, diagnostics=tuple(found), adapter="dune", cpu_ms=said.cpu_ms
        )

    async def close(self) -> None:
        await self._fast.close()


def _boxed(ready: Ready) -> RunPpx:
    """Runs a preprocessor, which is the project's own code, where it can read the system and write one directory.

    The base's own driver lies among the views, other proposals' too, which no build sees: its folder there is shown.
    """
    views = str(ready.outputs.parents[1])
    box = msgspec.structs.replace(ready.isolation, view="copy", hidden=(*ready.isolation.hidden, views))

    async def run(driver: Path, argv: Sequence[str], directory: Path, timeout_s: float) -> process.Finished:
        scratch = directory.with_name(f"{directory.name}-tmp-{uuid.uuid4().hex[:8]}")
        await asyncio.to_thread(scratch.mkdir)
        try:
            shown = (driver.parent,) if driver.is_relative_to(ready.outputs) else ()
            place = Place(root=directory, tree=directory, scratch=scratch, shown=shown)
            return await isolation.run(box, place, argv, process.build_environment(), timeout_s)
        except InfraError as error:
            return process.Finished(exit_code=126, output=str(error), limit="wall", wall_ms=0.0, cpu_ms=0.0)
        finally:
            await asyncio.to_thread(shutil.rmtree, scratch, True)

    return run


# Of dune's build directory, what a type check reads: the least of it. Preprocessors may have to run.
_READ = re.compile(r"_build/default/(.*\.(cmi|cmo|mli?|ml-gen)$|(.*/)?\.ppx/)")

STARTERS: dict[str, Callable[[Ready], Awaitable[Quick | None]]] = {"dune": OcamlQuick.start}


async def start(adapter: str, ready: Ready) -> Quick | None:
    """The quick way for a base that was built by `adapter`; None where there is none."""
    starter = STARTERS.get(adapter)
    return None if starter is None else await starter(ready)


def copy(adapter: str, outputs: Path, into: Path) -> bool:
    """Copy to the directory `into` what a Quick reads of a build by `adapter` with its build directories in `outputs`.

    By reflink where the file system can, never by hard link: a build may write in place. False when there is no quick
    way, or no room for it. Blocking.
    """
    if adapter not in STARTERS:
        return False
    wanted: list[str] = []
    for inside, _, names in os.walk(outputs):
        paths = (Path(inside, name).relative_to(outputs).as_posix() for name in names)
        wanted += [path for path in paths if _READ.match(path)]
    into.mkdir(parents=True)
    command = ["xargs", "-0", "cp", "--reflink=auto", "-d", "--preserve=mode,timestamps", "--parents", "-t", str(into)]
    names_read = b"".join(os.fsencode(path) + b"\0" for path in wanted)
    copied = subprocess.run([*command, "--"], cwd=outputs, input=names_read, check=False, capture_output=True)
    return bool(wanted) and copied.returncode == 0
