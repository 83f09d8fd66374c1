"""The type checker on the compiler's own libraries: where it is, and building it.

`build` makes one executable for each version of OCaml and of these sources, outside the checkout, once:
`python -m ces.builds.ocaml_checker` is what set-up calls. Where OCaml, its compiler-libs or dune is missing it says so,
and whoever wanted a fast answer asks dune instead.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import platformdirs

from ces.process import build_environment
from ces.scratch import Scratch

BUILD_TIMEOUT_S = 300.0
_SOURCES = Path(__file__).parent


def build(ocamlc: str = "ocamlc") -> Path | str:
    """The checker for the compiler `ocamlc`, built when it isn't there yet; or in one line why there is none."""
    compiler = shutil.which(ocamlc)
    if compiler is None:
        return f"{ocamlc} is missing: apt-get install ocaml"
    env = build_environment({"DUNE_CACHE": "disabled"})
    env["PATH"] = f"{Path(compiler).parent}{os.pathsep}{env.get('PATH', os.defpath)}"
    if shutil.which("dune", path=env["PATH"]) is None:
        return "dune is missing: apt-get install ocaml-dune"
    sources = sorted(
        path for path in _SOURCES.iterdir() if path.suffix in (".ml", ".mli") or path.stem.startswith("dune")
    )
    config = _run([compiler, "-config"], _SOURCES, env)
    if config.returncode != 0:
        return f"{compiler} -config failed"
    digest = hashlib.sha256(config.stdout)
    for path in sources:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    checker = platformdirs.user_cache_path("aid") / "ocaml_checker" / digest.hexdigest()[:32] / "checker"
    return checker if checker.exists() else _build(sources, checker, env)


def _build(sources: list[Path], checker: Path, env: dict[str, str]) -> Path | str:
    checker.parent.mkdir(parents=True, exist_ok=True)
    with Scratch("ocaml_checker") as made:
        for path in sources:
            shutil.copy(path, made.path)
        built = _run(["dune", "build", "--root", ".", "--profile", "release", "./checker.exe"], made.path, env)
        if built.returncode != 0:
            said = " ".join(built.stderr.decode("utf-8", "replace").split())[-400:]
            return f"the OCaml checker can't be built with this compiler (are compiler-libs installed?): {said}"
        # Moved in whole: another process may be building the same.
        beside = Path(tempfile.mkdtemp(dir=checker.parent)) / "checker"
        shutil.copy(made.path / "_build/default/checker.exe", beside)
        beside.chmod(0o755)
        beside.rename(checker)
        beside.parent.rmdir()
    return checker


def _run(argv: list[str], cwd: Path, env: dict[str, str]) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(argv, cwd=cwd, env=env, capture_output=True, timeout=BUILD_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(argv, 1, b"", str(error).encode())
