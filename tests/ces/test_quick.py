"""The quick answer for preprocessed OCaml modules, through the Judge: the base's own ppx driver, in its sandbox.

Every answer is audited, so that it shows who gave it: what dune is asked for is no quick answer.
"""

import asyncio
import os
import shutil
import subprocess
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ces.bases import BaseSettings
from ces.isolation import KINDS, Kind
from ces.judge import Judge, JudgeSettings
from ces.request import CheckRequest
from ces.verdict import Range, Verdict
from tests.ces.conftest import MakeWorkspace

pytestmark = [
    pytest.mark.ocaml,
    pytest.mark.skipif(shutil.which("dune") is None, reason="needs dune: apt-get install ocaml-dune ocaml"),
]

SEXP = """\
-- dune-project --
(lang dune 2.9)
-- lib/dune --
(library (name lib) (preprocess (pps ppx_sexp_conv)))
-- lib/shape.ml --
open Sexplib0.Sexp_conv
type t = Dot | Box of int [@@deriving sexp_of]
let area = function Dot -> 0 | Box side -> side * side
"""
AREA = """\
--- a/lib/shape.ml
+++ b/lib/shape.ml
@@ -3 +3 @@
-let area = function Dot -> 0 | Box side -> side * side
+let area = function Dot -> {} | Box side -> side * side
"""


def needs(library: str, package: str) -> pytest.MarkDecorator:
    found = (
        shutil.which("ocamlfind")
        and not subprocess.run(["ocamlfind", "query", library], capture_output=True, check=False).returncode
    )
    return pytest.mark.skipif(not found, reason=f"needs {library}: apt-get install {package}")


@pytest.fixture(params=["bubblewrap", "unshare", "another user"])
def kind(request: pytest.FixtureRequest) -> Kind:
    if request.param == "another user":
        if os.geteuid() != 0:
            pytest.skip("only root can run a build as another user")
        request.getfixturevalue("only_the_systems")
        return "unshare"
    found: Kind = request.param
    return found


@pytest.fixture
async def judge(state_dir: Path, kind: Kind) -> AsyncIterator[Judge]:
    made = Judge(JudgeSettings(bases=BaseSettings(state_dir=state_dir, kinds=(kind, *KINDS[2:])), audit_share=1.0))
    yield made
    await made.close()


async def quick(judge: Judge, root: Path, diff: str) -> Verdict:
    """The verdict, which must be a quick one that a cold build bears out."""
    before = judge.audits
    verdict = await judge.check(CheckRequest(diff=diff, workspace=str(root), upto="typecheck"))
    await judge.audited()
    assert (judge.audits.audited, judge.audits.disagreements) == (before.audited + 1, 0), verdict
    return verdict


@needs("ppx_sexp_conv", "libppx-sexp-conv-ocaml-dev")
async def test_preprocessed_modules_are_answered_without_dune(workspace: MakeWorkspace, judge: Judge) -> None:
    root = workspace(SEXP)
    assert (await quick(judge, root, AREA.format("1"))).status == "green"
    red = await quick(judge, root, AREA.format("1.5"))
    (error,) = red.diagnostics
    assert (red.status, red.stage, error.file) == ("red", "typecheck", "lib/shape.ml")
    assert error.range == Range(2, 45, 2, 56) and "int" in error.message
    broken = await quick(judge, root, AREA.format("let"))
    assert (broken.status, broken.stage, broken.diagnostics[0].file) == ("red", "parse", "lib/shape.ml")


CPPO = """\
-- dune-project --
(lang dune 2.9)
-- lib/dune --
(library (name lib) (preprocess (action (run cppo -V OCAML:%{ocaml_version} %{input-file}))))
-- lib/a.mli --
val one : int
-- lib/a.ml --
#if OCAML_VERSION < (4, 8, 0)
let one = "1"
#else
let one = 1
#endif
"""
ONE = "--- a/lib/a.ml\n+++ b/lib/a.ml\n@@ -1,5 +1,5 @@\n #if OCAML_VERSION < (4, 8, 0)\n{}\n #endif\n"


@pytest.mark.skipif(shutil.which("cppo") is None, reason="needs cppo: apt-get install cppo")
async def test_modules_with_cppo_are_answered_without_dune(workspace: MakeWorkspace, judge: Judge) -> None:
    root = workspace(CPPO)
    assert (await quick(judge, root, ONE.format('-let one = "1"\n+let one =\n #else\n let one = 1'))).status == "green"
    red = await quick(judge, root, ONE.format(' let one = "1"\n #else\n-let one = 1\n+let one = 1 ^ "1"'))
    (error,) = red.diagnostics
    assert (red.stage, error.file, error.range) == ("typecheck", "lib/a.ml", Range(3, 10, 3, 11))


SPY = """\
-- dune-project --
(lang dune 2.9)
-- spy/dune --
(library (name spy) (kind ppx_rewriter) (libraries ppxlib unix))
-- spy/spy.ml --
let fails work = match work () with _ -> false | exception (Unix.Unix_error _ | Sys_error _) -> true

let write path = fails (fun () -> close_out (open_out path))
let call port = fails (fun () ->
  Unix.(connect (socket PF_INET SOCK_STREAM 0) (ADDR_INET (inet_addr_loopback, port))))

let held ~ctxt =
  let loc = Ppxlib.Expansion_context.Extension.extension_point_loc ctxt in
  let own = Sys.argv.(0) in
  let beside = Filename.is_relative own (* dune's own run, in a view to be thrown away *) || write (own ^ ".@NAME@") in
  let tries = [ write "@HOME@/@NAME@"; write "/etc/@NAME@"; beside; call @PORT@ ] in
  let _maybe_into_a_private_tmp = write "@STATE@/@NAME@" in
  if List.for_all Fun.id tries then Ppxlib.Ast_builder.Default.ebool ~loc true
  else Ppxlib.Ast_builder.Default.estring ~loc (String.concat " " (List.map string_of_bool tries))

let () =
  let pattern = Ppxlib.Ast_pattern.(pstr nil) in
  let extension = Ppxlib.Extension.V3.declare "held" Expression pattern held in
  Ppxlib.Driver.register_transformation "spy" ~rules:[ Ppxlib.Context_free.Rule.extension extension ]
-- lib/dune --
(library (name lib) (preprocess (pps spy)))
-- lib/a.ml --
let held : bool = [%held]
let one = 1
"""


@needs("ppxlib", "libppxlib-ocaml-dev")
async def test_a_hostile_preprocessor_writes_nowhere_and_calls_no_one(
    workspace: MakeWorkspace, judge: Judge, state_dir: Path
) -> None:
    """The module only type-checks where each of the preprocessor's attempts has failed."""
    name, calls = f".ces-test-{uuid.uuid4().hex}", asyncio.Event()
    server = await asyncio.start_server(lambda reader, writer: calls.set(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    text = SPY
    for sign, value in {"HOME": Path.home(), "NAME": name, "PORT": port, "STATE": state_dir}.items():
        text = text.replace(f"@{sign}@", str(value))
    root = workspace(text)
    change = "--- a/lib/a.ml\n+++ b/lib/a.ml\n@@ -2 +2 @@\n-let one = 1\n+let one = 2\n"
    async with server:
        verdict = await quick(judge, root, change)
    assert (verdict.status, calls.is_set()) == ("green", False), verdict
    assert not [path for place in (Path.home(), Path("/etc"), state_dir) for path in place.glob(f"*{name}*")]
    assert not list(state_dir.rglob(f"*{name}*"))
