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
_FLAGS = ("--root", ".", "--display", "quiet")


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
        env = {"DUNE_CACHE": "disabled"}
        switch = root / "_opam" / "bin"
        if switch.is_dir():
            env["PATH"] = f"{switch}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return upto(
            settings.upto,
            Step(stage="typecheck", argv=("dune", "build", *_FLAGS, "@check"), env=env),
            Step(stage="build", argv=("dune", "build", *_FLAGS, "@default"), env=env),
            Step(stage="test", argv=("dune", "test", *_FLAGS), env=env),
        )

    def diagnostics(self, sources: Sources, step: Step, output: str, exit_code: int) -> Sequence[Diagnostic]:
        found = dune_output.parse(sources, output)
        if exit_code != 0 and not any(item.severity == "error" for item in found):
            found.append(failure(self.name, str(step), output, exit_code))
        return found
