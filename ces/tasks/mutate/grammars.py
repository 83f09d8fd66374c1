"""Which grammar a file is parsed with. Nothing is loaded before it is needed."""

import importlib
from functools import cache
from pathlib import PurePosixPath

import msgspec
from tree_sitter import Language

# suffix -> (language, module:function)
_GRAMMARS = {
    ".ml": ("ocaml", "tree_sitter_ocaml:language_ocaml"),
    ".mli": ("ocaml-interface", "tree_sitter_ocaml:language_ocaml_interface"),
    ".py": ("python", "tree_sitter_python:language"),
    ".rs": ("rust", "tree_sitter_rust:language"),
    ".ts": ("typescript", "tree_sitter_typescript:language_typescript"),
    ".tsx": ("typescript", "tree_sitter_typescript:language_tsx"),
}


class Grammar(msgspec.Struct, frozen=True):
    name: str
    language: Language


def language_of(path: str) -> Grammar | None:
    """The grammar of a file by its name; None where it has none (a dune file, say)."""
    found = _GRAMMARS.get(PurePosixPath(path).suffix)
    return None if found is None else _loaded(*found)


@cache
def _loaded(name: str, where: str) -> Grammar:
    module, _, function = where.partition(":")
    return Grammar(name, Language(getattr(importlib.import_module(module), function)()))
