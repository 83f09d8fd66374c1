"""Any command that exits with 0 when all is well: `[build] command` of aid.toml."""

import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from ces.builds import lines, runners
from ces.builds.adapter import BuildSettings, Step
from ces.builds.machine import Machine
from ces.builds.reading import Sources, failure, on_path
from ces.builds.stages import upto
from ces.verdict import Diagnostic, Ran

_SHELL = re.compile(r"[\s;&|()'\"`$]+")


class Command:
    name = "command"
    outputs: tuple[str, ...] = ()
    by_mtime = True

    def recognises(self, root: Path) -> bool:
        return False  # a command is configured, never guessed: a stranger's Makefile may do anything

    def missing_tools(self, root: Path, settings: BuildSettings) -> Sequence[str]:
        if not settings.command:
            return ('a command: set [build] command = ["…"] in aid.toml, and trust it with `aid trust`',)
        program = settings.command[0]
        found = (root / program).exists() if "/" in program else on_path(program)
        return () if found else (f"{program}: it is the first word of [build] command in aid.toml",)

    def steps(self, root: Path, settings: BuildSettings) -> Sequence[Step]:
        return upto(settings.upto, Step(stage="build", argv=settings.command, tests=True))

    def parse_steps(self, root: Path, paths: Sequence[str]) -> Sequence[Step]:
        return ()

    def whole(self, root: Path, settings: BuildSettings) -> Step | None:
        return None  # it is one command

    def toolchain(self, root: Path, settings: BuildSettings, machine: Machine) -> Iterator[str]:
        """Only which programs it names; what those run isn't known here."""
        for number, word in enumerate(_words(settings.command)):
            found = shutil.which(str(root / word) if "/" in word else word)
            if found is not None or not number:
                yield machine.stat(Path(found or word))

    def diagnostics(self, sources: Sources, step: Step, output: str, exit_code: int) -> Sequence[Diagnostic]:
        found = lines.parse(sources, output, self.name, "error" if exit_code else "warning")
        if exit_code != 0 and not any(item.severity == "error" for item in found):
            found.append(failure(self.name, str(step), output, exit_code))
        return found

    def ran(self, step: Step, output: str, report: str) -> Ran:
        """Where a runner that is known here prints among the rest."""
        return Ran(tests={str(step): runners.passed(output)})


def _words(command: Sequence[str]) -> Iterator[str]:
    """The command's words, the first as it is, and after it those within each: what a shell is given to run."""
    yield from command[:1]
    for word in command[1:]:
        yield from (each for each in _SHELL.split(word) if each)
