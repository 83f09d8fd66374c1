"""tsc, for TypeScript: the whole project type-checked, nothing emitted; then `npm test` where there is one.

There is one where package.json has a `test` script of its own. What that package needs must be installed for it.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from ces.builds import runners
from ces.builds.adapter import BuildSettings, Step
from ces.builds.machine import Machine
from ces.builds.reading import Sources, failure, on_path, plain, word_at
from ces.builds.stages import upto
from ces.verdict import Diagnostic, Ran, Severity

_LOCAL = "node_modules/.bin/tsc"
# Written into the view only: what makes the next check incremental.
_STATE = ".ces"
_MESSAGE = re.compile(
    r"^(?:(?P<file>\S.*?)\((?P<line>\d+),(?P<column>\d+)\): )?"
    r"(?P<severity>error|warning|message) (?P<code>TS\d+): (?P<text>.*)$"
)
# TypeScript's own parser, by the interface that it has up to version 6 (7 has none that is stable).
_API = "node_modules/typescript/lib/typescript.js"
_PARSE = """
const ts = require("./" + process.argv[1]), fs = require("fs");
let failed = 0;
for (const file of process.argv.slice(2).filter((name) => fs.existsSync(name))) {
  const text = fs.readFileSync(file, "utf8");
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  for (const found of source.parseDiagnostics) {
    const at = ts.getLineAndCharacterOfPosition(source, found.start);
    const said = ts.flattenDiagnosticMessageText(found.messageText, "\\n");
    console.log(`${file}(${at.line + 1},${at.character + 1}): error TS${found.code}: ${said}`);
    failed = 1;
  }
}
process.exit(failed);
"""
_PARSED = (".ts", ".tsx", ".mts", ".cts")
_NO_TEST = "no test specified"  # what `npm init` writes
_NPM_ENV = {"npm_config_update_notifier": "false", "npm_config_logs_max": "0", "npm_config_offline": "true", "CI": "1"}
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
        if not (root / _LOCAL).exists() and not on_path("tsc"):
            return ("tsc: npm install --save-dev typescript",)
        tests = _tests(root) if settings.upto == "test" else None
        if tests is not None and tests.lacks is None and not on_path("npm"):
            return ("npm: apt-get install npm",)
        return ()

    def steps(self, root: Path, settings: BuildSettings) -> Sequence[Step]:
        tsc = _LOCAL if (root / _LOCAL).exists() else "tsc"
        state = ("--incremental", "--tsBuildInfoFile", f"{_STATE}/tsc.tsbuildinfo")
        argv = (tsc, "--noEmit", "-p", ".", "--pretty", "false", *state)
        tests = _tests(root)
        return upto(settings.upto, Step(stage="typecheck", argv=argv), *(() if tests is None else (tests,)))

    def parse_steps(self, root: Path, paths: Sequence[str]) -> Sequence[Step]:
        parsed = [path for path in sorted(paths) if path.endswith(_PARSED) and "node_modules" not in path.split("/")]
        if not parsed or not (root / _API).is_file():
            return ()
        argv = ("node", "-e", _PARSE, "--", _API, *parsed)
        return (Step(stage="parse", argv=argv, title=f"TypeScript parses {', '.join(parsed)}"),)

    def whole(self, root: Path, settings: BuildSettings) -> Step | None:
        return None  # each step is another program

    def toolchain(self, root: Path, settings: BuildSettings, machine: Machine) -> Iterator[str]:
        yield machine.says("node", "--version")
        if (root / _LOCAL).exists():
            yield machine.stat(root / _LOCAL)
            yield machine.text(root / "node_modules/typescript/package.json")
        else:
            yield machine.says("tsc", "--version")
        for installed in (".package-lock.json", ".yarn-integrity", ".modules.yaml"):  # npm's, yarn's, pnpm's
            yield machine.text(root / "node_modules" / installed)
        tests = _tests(root)
        yield (tests and tests.lacks) or ""  # bun and others leave no such list

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

    def ran(self, step: Step, output: str, report: str) -> Ran:
        return Ran(tests={str(step): runners.passed(output)})


def _tests(root: Path) -> Step | None:
    """The package's own tests, None where it has none."""
    try:
        package = msgspec.json.decode((root / "package.json").read_bytes(), type=_Package)
    except (OSError, msgspec.DecodeError):
        return None
    test = package.scripts.get("test")
    if not isinstance(test, str) or _NO_TEST in test:
        return None
    absent = package.absent(root)
    lacks = f"{absent[0]} is not installed in node_modules: run 'npm ci'" if absent else None
    return Step(stage="test", argv=("npm", "test", "--silent"), env=_NPM_ENV, tests=True, lacks=lacks)


class _Package(msgspec.Struct, rename="camel"):
    scripts: dict[str, object] = {}
    dependencies: object = None
    dev_dependencies: object = None

    def absent(self, root: Path) -> list[str]:
        """The declared packages that are not there."""
        declared = [each for each in (self.dependencies, self.dev_dependencies) if isinstance(each, dict)]
        return [name for each in declared for name in each if not (root / "node_modules" / name).is_dir()]


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
