"""tsc, for TypeScript: the whole project type-checked, nothing emitted."""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ces.builds.adapter import BuildSettings, Step
from ces.builds.reading import Sources, failure, on_path, plain, word_at
from ces.builds.stages import upto
from ces.verdict import Diagnostic, Severity

_LOCAL = "node_modules/.bin/tsc"
# Written into the view only: what makes the next check incremental.
_STATE = ".ces"
_MESSAGE = re.compile(
    r"^(?:(?P<file>\S.*?)\((?P<line>\d+),(?P<column>\d+)\): )?"
    r"(?P<severity>error|warning|message) (?P<code>TS\d+): (?P<text>.*)$"
)
_SEVERITIES: dict[str, Severity] = {"error": "error", "warning": "warning", "message": "information"}


class Tsc:
    name = "tsc"
    outputs: tuple[str, ...] = (_STATE,)
    by_mtime = False

    def recognises(self, root: Path) -> bool:
        return (root / "tsconfig.json").is_file()

    def missing_tools(self, root: Path, settings: BuildSettings) -> Sequence[str]:
        if not on_path("node"):
            return ("node: apt-get install nodejs",)
        if (root / _LOCAL).exists() or on_path("tsc"):
            return ()
        return ("tsc: npm install --save-dev typescript",)

    def steps(self, root: Path, settings: BuildSettings) -> Sequence[Step]:
        tsc = _LOCAL if (root / _LOCAL).exists() else "tsc"
        state = ("--incremental", "--tsBuildInfoFile", f"{_STATE}/tsc.tsbuildinfo")
        argv = (tsc, "--noEmit", "-p", ".", "--pretty", "false", *state)
        return upto(settings.upto, Step(stage="typecheck", argv=argv))

    def diagnostics(self, sources: Sources, step: Step, output: str, exit_code: int) -> Sequence[Diagnostic]:
        found: list[Diagnostic] = []
        for line in plain(output).split("\n"):
            message = _MESSAGE.match(line)
            if message is not None:
                found.append(_diagnostic(sources, message))
            elif line.startswith("  ") and found:
                found[-1] = msgspec.structs.replace(found[-1], message=f"{found[-1].message}\n{line.rstrip()}")
        if exit_code != 0 and not any(item.severity == "error" for item in found):
            found.append(failure(self.name, str(step), output, exit_code))
        return found


def _diagnostic(sources: Sources, message: "re.Match[str]") -> Diagnostic:
    path = sources.relative(message["file"]) if message["file"] else None
    place = None
    if path is not None:
        line = int(message["line"]) - 1
        place = word_at(sources, path, line, sources.from_utf16(path, line, int(message["column"]) - 1))
    return Diagnostic(
        file=path,
        range=place,
        severity=_SEVERITIES[message["severity"]],
        message=message["text"],
        code=message["code"],
        source="tsc",
    )
