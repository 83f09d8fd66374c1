"""The interface of a build system. One file each beside this one; they are listed in `ces.builds`.

An adapter only says which commands to run and how to read what they print. Running them, with limits and
killed as a tree, is `ces.process`'s; where, `ces.workspace`'s. To warm a base is to run its steps there once.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from ces.builds.machine import Machine
from ces.builds.reading import Sources
from ces.verdict import Diagnostic, Ran, Stage


class BuildSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[build]` of aid.toml. `adapter` None: recognised from the files in the workspace.

    `command` is for adapter "command" only, one argument a word, run at the workspace's root without a shell.
    `upto` is the last stage a check runs; a build that has none so early runs its first.
    """

    adapter: str | None = None
    command: tuple[str, ...] = ()
    upto: Stage = "test"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One command of a check, in order; the first that fails ends it and gives the stage.

    `argv` starts at the workspace's root. `passes` are the exit codes that mean success. `title` is what a message
    calls the command (None: argv). `tests`: it runs tests, and `Adapter.ran` says which; `report`: for that it
    leaves a report (`ces.report`). `lacks` is why it can't be run here, where that is so: a build that comes to it is
    unchecked. `again` are words that make it run every test, and not only those that depend on
    what has changed: they are added where a changed file's name ends in none of `sources`, so that it may be what says
    which tests there are.
    """

    stage: Stage
    argv: tuple[str, ...]
    env: dict[str, str] = {}
    passes: tuple[int, ...] = (0,)
    title: str | None = None
    tests: bool = False
    report: bool = False
    lacks: str | None = None
    again: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def all_tests(self) -> "Step":
        return msgspec.structs.replace(self, argv=self.argv + self.again)

    def __str__(self) -> str:
        return self.title or " ".join(self.argv)


class Adapter(Protocol):
    """A build system.

    `outputs` are the directories at the workspace's root that the build writes and a check keeps warm; what it writes
    elsewhere is thrown away after each check. `by_mtime`: a source older than its output counts as built.
    """

    name: str
    outputs: tuple[str, ...]
    by_mtime: bool

    def recognises(self, root: Path) -> bool:
        """Whether the tree at `root` is built by this system. Looks at names only, never runs anything."""
        ...

    def missing_tools(self, root: Path, settings: BuildSettings) -> Sequence[str]:
        """Programs a check needs that are not on PATH, each 'NAME: how to install it'."""
        ...

    def steps(self, root: Path, settings: BuildSettings) -> Sequence[Step]:
        """What to run in `root`, a view of the workspace, cheapest first, up to `settings.upto` (see `stages.upto`)."""
        ...

    def parse_steps(self, root: Path, paths: Sequence[str]) -> Sequence[Step]:
        """What only parses those of the changed files `paths` that the language's own parser can be asked about alone.

        Run in a view whose base is warm. An error of theirs is an error of the build; none of them proves nothing.
        """
        ...

    def whole(self, root: Path, settings: BuildSettings) -> Step | None:
        """One command that succeeds exactly when every one of `steps` does; None where that would save nothing.

        It bears the last step's stage. When it fails, `steps` say at which stage, and what the errors are.
        """
        ...

    def toolchain(self, root: Path, settings: BuildSettings, machine: Machine) -> Iterator[str]:
        """What a build's outcome depends on beside the tree: versions of programs, which libraries are installed.

        Asked through `machine`, which runs nothing of the workspace's.
        """
        ...

    def diagnostics(self, sources: Sources, step: Step, output: str, exit_code: int) -> Sequence[Diagnostic]:
        """What one step printed, as diagnostics with paths relative to the workspace. Pure, save reading sources.

        A failed step always gives at least one error, if need be one without a file that quotes the output's end.
        """
        ...

    def ran(self, step: Step, output: str, report: str) -> Ran:
        """The tests that ended well in a step with `tests`, by what it printed and the report it left, "" for none.

        Only what a runner says itself counts, never that the step succeeded. Pure.
        """
        ...
