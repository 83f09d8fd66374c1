"""dune, for OCaml: one-shot builds (watch mode prints nothing useful without a terminal and can outlive SIGTERM).

`@check` comes first because it is cheap, `@default` after it because `@check` misses link errors and cycles between
implementations; then the tests. What they print is read by `ces.builds.dune_output`.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from ces.builds import dune_output
from ces.builds.adapter import BuildSettings, Step
from ces.builds.reading import Sources, failure, on_path
from ces.builds.stages import upto
from ces.verdict import Diagnostic

# Quiet: only what is wrong. `--root .`: a dune-workspace further up is not this workspace.
# `--no-config`: the person's own dune settings are no part of the workspace.
_FLAGS = ("--root", ".", "--no-config", "--display", "quiet")
# OCAMLPARAM can silence warnings; a backtrace in a program's output is not what its expected output has.
_ENV = {"DUNE_CACHE": "disabled", "OCAMLPARAM": "", "OCAMLRUNPARAM": ""}
_TEST_ENV = {"ALCOTEST_SHOW_ERRORS": "true"}  # else the first failure alone is explained


class Dune:
    name = "dune"
    outputs: tuple[str, ...] = ("_build",)
    by_mtime = False

    def recognises(self, root: Path) -> bool:
        return any((root / name).is_file() for name in ("dune-project", "dune-workspace"))

    def missing_tools(self, root: Path, settings: BuildSettings) -> Sequence[str]:
        switch = root / "_opam" / "bin"
        if (switch / "dune").exists() or on_path("dune", "ocamlc"):
            return ()
        return ("dune: apt-get install ocaml-dune ocaml (or: opam install dune)",)

    def steps(self, root: Path, settings: BuildSettings) -> Sequence[Step]:
        env = dict(_ENV)
        switch = root / "_opam" / "bin"
        if switch.is_dir():
            env["PATH"] = f"{switch}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return upto(
            settings.upto,
            Step(stage="typecheck", argv=("dune", "build", *_FLAGS, "@check"), env=env),
            Step(stage="build", argv=("dune", "build", *_FLAGS, "@default"), env=env),
            Step(stage="test", argv=("dune", "test", *_FLAGS), env=env | _TEST_ENV),
        )

    def diagnostics(self, sources: Sources, step: Step, output: str, exit_code: int) -> Sequence[Diagnostic]:
        found = dune_output.parse(sources, output)
        if exit_code == 0:  # what reads like an error is a passing test's own output
            return [item for item in found if item.severity != "error"]
        if not any(item.severity == "error" for item in found):
            found.append(failure(self.name, str(step), output, exit_code))
        return found
