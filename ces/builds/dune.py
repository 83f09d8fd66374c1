"""dune, for OCaml: one-shot builds (watch mode prints nothing useful without a terminal and can outlive SIGTERM).

`@check` comes first because it is cheap, `@default` after it because `@check` misses link errors and (before dune 3)
cycles between implementations; then the tests. Where a type check is all that is asked for, such a cycle is looked for
in what dune's ocamldep wrote, of interfaces too, and dune is asked for its word. What they print is read by
`ces.builds.dune_output`.

The three in one command save a fifth to a third of the CPU for a change that recompiles little (in a warm copy of
ocaml-re 0.23 s in place of 0.37, 0.30 in place of 0.40), nothing measurable for one that relinks all (3 to 4 s). A
change that doesn't type costs 0.32 s in place of 0.12, as the steps come after: it pays where some 6 in 10 are green.
"""

import itertools
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from ces.builds import dune_log, dune_output
from ces.builds.adapter import BuildSettings, Step
from ces.builds.machine import Machine
from ces.builds.reading import Sources, failure, on_path
from ces.builds.stages import upto
from ces.verdict import Diagnostic, Ran

# Quiet: only what is wrong. `--root .`: a dune-workspace further up is not this workspace.
# `--no-config`: the person's own dune settings are no part of the workspace.
_FLAGS = ("--root", ".", "--no-config", "--display", "quiet")
# OCAMLPARAM can silence warnings; a backtrace in a program's output is not what its expected output has.
_ENV = {"DUNE_CACHE": "disabled", "OCAMLPARAM": "", "OCAMLRUNPARAM": ""}
# A larger minor heap, a major heap that starts at 128 MB (of which only what is used is taken), and memory in large
# pages: dune, the compilers and linkers then take a third less CPU (0.98 s -> 0.65 for one module of ocaml-re; 0.77
# without the major heap's). Not with tests, which run as the person would run them.
_LESS_CPU = {"OCAMLRUNPARAM": "s=1M,h=16M", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
# Takes a file and where its module's .cmt may be, for each file; prints every error. Only what the base's build has
# compiled is parsed: other files may be anything (data, another dialect, switched off).
_PARSE = """failed=0
IFS='
'
while [ $# -gt 0 ]; do
  file=$1 compiled=$2 used= kind=-impl
  shift 2
  for found in $compiled; do [ -e "$found" ] && used=yes; done
  [ "$used" ] && [ -e "$file" ] || continue
  case $file in *.mli) kind=-intf ;; esac
  ocamlc -stop-after parsing -w -a $kind "$file" || failed=1
done
exit $failed"""
# Before dune 3 what ocamldep says of a module is in <its stanza's objects>/<module>.ml.d and .mli.d: "lib/a.ml: B C".
# A loop is an error where dune links what is in it, which only dune knows: of its whole build it counts what that says
# of cycles, and that it ended before it could say a thing.
_CYCLES = r"""find _build/default \( -path '*objs/*.ml.d' -o -path '*objs/*.mli.d' \) -exec awk '{
  at = FILENAME; sub(/[^\/]*$/, "", at)
  module = substr(FILENAME, length(at) + 1); sub(/\..*/, "", module); gsub(/[ \t]/, "_", at)
  for (i = 2; i <= NF; i++) print at toupper(substr(module, 1, 1)) substr(module, 2), at $i
}' {} + | tsort >/dev/null 2>&1 && exit
said=$("$@" 2>&1)
ended=$?
printf '%s\n' "$said" | awk '/^Error: dependency cycle between modules/ { looking = found = 1; print; next }
looking && /^(   |-> )/ { print; next }
{ looking = 0 }
END { exit found }' || exit
[ "$ended" -gt 1 ] || [ -z "$said" ] || exit 0
printf '%s\n' "$said"
exit $ended"""
_MODULE = re.compile(r"^(?:.*/)?[^\W\d][\w']*\.mli?$")
_WORDS = re.compile(r';[^\n]*|"(?:[^"\\]|\\.)*"|[()]|[^\s()";]+')
_TEST_ENV = {
    "ALCOTEST_SHOW_ERRORS": "true",  # else the first failure alone is explained
    **dict.fromkeys(_LESS_CPU, ""),
}


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
        steps = self._stages(root, settings)
        if len(steps) != 1:
            return steps
        build = ("dune", "build", *_FLAGS, "@default")
        argv = ("sh", "-c", _CYCLES, "sh", *build)
        return (*steps, Step(stage="typecheck", argv=argv, env=steps[0].env, title=" ".join(build)))

    def _stages(self, root: Path, settings: BuildSettings) -> Sequence[Step]:
        env = _environment(root) | _LESS_CPU
        return upto(
            settings.upto,
            Step(stage="typecheck", argv=("dune", "build", *_FLAGS, "@check"), env=env),
            Step(stage="build", argv=("dune", "build", *_FLAGS, "@default"), env=env),
            _testing(("dune", "test", *_FLAGS), env | _TEST_ENV),
        )

    def parse_steps(self, root: Path, paths: Sequence[str]) -> Sequence[Step]:
        parsed = [path for path in sorted(paths) if _MODULE.match(path) and not _is_rewritten(root, path)]
        if not parsed:
            return ()
        argv = ("sh", "-c", _PARSE, "sh", *(word for path in parsed for word in (path, _compiled(path))))
        return (Step(stage="parse", argv=argv, env=_environment(root), title=f"ocamlc parses {', '.join(parsed)}"),)

    def whole(self, root: Path, settings: BuildSettings) -> Step | None:
        steps = self._stages(root, settings)
        if len(steps) < 2:
            return None
        argv = ("dune", "build", *_FLAGS, *("@check", "@default", "@runtest")[: len(steps)])
        if steps[-1].tests:
            return _testing(argv, steps[-1].env)
        return Step(stage=steps[-1].stage, argv=argv, env=steps[-1].env)

    def toolchain(self, root: Path, settings: BuildSettings, machine: Machine) -> Iterator[str]:
        yield machine.says("dune", "--version")
        yield machine.says("ocamlopt", "-version")
        yield machine.says("ocamlc", "-config")
        config = machine.output("ocamlc", "-config")
        compiler = re.search(r"^native_c_compiler: *(\S+)", config, re.MULTILINE)
        if compiler is not None:
            yield machine.says(compiler[1], "-dumpfullversion", "-dumpversion")
        folders = machine.output("ocamlfind", "printconf", "path", after=os.environ.get("OCAMLPATH", "")).split("\n")
        folders += re.findall(r"^standard_library: *(/.*)$", config, re.MULTILINE)
        for folder in dict.fromkeys([str(root / "_opam" / "lib"), *filter(None, folders)]):
            yield machine.lists(Path(folder), "META", "*/META", "META.*", "*/dune-package", "stdlib.cma")

    def diagnostics(self, sources: Sources, step: Step, output: str, exit_code: int) -> Sequence[Diagnostic]:
        found = dune_output.parse(sources, output)
        if exit_code == 0:  # what reads like an error is a passing test's own output
            return [item for item in found if item.severity != "error"]
        if not any(item.severity == "error" for item in found):
            found.append(failure(self.name, str(step), output, exit_code))
        return found

    def ran(self, step: Step, output: str, report: str) -> Ran:
        """By program. dune runs again only those that depend on what has changed."""
        return Ran(tests=dune_log.passed(report), partial=True)


def _testing(argv: tuple[str, ...], env: dict[str, str]) -> Step:
    """A step that leaves dune's own log as its report: a test that prints nothing is seen nowhere else."""
    logged = ("sh", "-c", dune_log.REPORTED, "sh", *argv)
    return Step(
        stage="test",
        argv=logged,
        env=env,
        title=" ".join(argv),
        tests=True,
        report=True,
        again=("--force",),
        sources=(".ml", ".mli", ".mll", ".mly", ".c", ".h", ".md", ".mld"),
    )


def _environment(root: Path) -> dict[str, str]:
    switch = root / "_opam" / "bin"
    if not switch.is_dir():
        return _ENV
    return {**_ENV, "PATH": f"{switch}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def _compiled(path: str) -> str:
    """Patterns, a line each, of what dune compiles a module to: for a stanza of its own directory or one further up."""
    file = PurePosixPath(path)
    name = f"[{file.stem[0].upper()}{file.stem[0].lower()}]{file.stem[1:]}.cmt*"
    places = [f"_build/default/{inside}/.*objs/byte" for inside in file.parents]
    return "\n".join(f"{place}/{start}{name}" for place in places for start in ("", "*__"))


def _is_rewritten(root: Path, path: str) -> bool:
    """Whether a stanza that may own `path` has a program rewrite its text before the compiler's parser sees it."""
    inside = (root / path).parent
    for folder in (inside, *inside.parents):
        for name in ("dune", "dune.inc"):
            text = _text(folder / name)
            if text.startswith("(*") or "-pp" in text or _has_action(text):
                return True
        if folder == root:
            break
    return False


def _has_action(text: str) -> bool:
    """Whether a `preprocess` field in a dune file's text holds an action."""
    fields: list[str] = []  # the heads of the lists that are open
    words = [word for word in _WORDS.findall(text) if not word.startswith(";")]
    for word, following in itertools.zip_longest(words, words[1:], fillvalue=""):
        if word == "(":
            if following == "action" and "preprocess" in fields:
                return True
            fields.append(following)
        elif word == ")" and fields:
            fields.pop()
    return False


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
