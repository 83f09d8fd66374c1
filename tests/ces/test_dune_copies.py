"""Directories that dune files copy sources from, matched or not. `test_ocaml_rules` asks dune what becomes of them."""

from pathlib import Path

import pytest

from ces.builds import dune_copies
from tests.ces.conftest import unpack


@pytest.mark.parametrize(
    ("dune", "found"),
    [
        ("(copy_files ../a/*.ml)", {"in/a"}),
        ("(copy_files# ../a/{x,y}*.ml) (copy_files# ../../*.mli)", {"in/a", ""}),
        ("(copy_files (alias x) (files ../a/*.ml))", {"in/a"}),
        ('(copy_files "../a b/*.ml")', {"in/a b"}),
        ("(subdir deep (copy_files ../../a/*.ml))", {"in/a"}),
        ("(include more)", {"in/b"}),
        ("; (copy_files ../a/*.ml)\n(library (name x)) #| (copy_files ../b/*.ml) |#", set()),
        ("(copy_files %{project_root}/a/*.ml)", None),
        ("(include made)", None),
        ("(include dune)", None),
        ("(dynamic_include ../x/dune.inc)", None),
        ("(* -*- tuareg -*- *)\nlet () = Jbuild_plugin.V1.send (read_directory \".\")", None),
        ("(copy_files ../a/*.ml", None),
    ],
)  # fmt: skip
def test_where_files_are_copied_from(dune: str, found: set[str] | None, tmp_path: Path) -> None:
    unpack(f"-- in/side/dune --\n{dune}\n-- in/side/more --\n(copy_files ../b/*.ml)\n", tmp_path)
    unpack("-- _build/dune --\n(copy_files built/*.ml)\n-- dune --\n(library (name top))\n", tmp_path)
    assert dune_copies.directories(tmp_path, "_build") == found
