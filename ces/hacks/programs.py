"""What a file is built into, as far as that says whom a trick in it can reach: a program ends only itself."""

import re
from pathlib import PurePosixPath

from tree_sitter import Node

from ces.hacks.edited import Edited, EditedFile
from ces.hacks.sexp import Sexp, parse
from ces.hacks.source import Source

_PROGRAMS = ("executable", "executables")
_RUN_WITH_TESTS = ("library", "test", "tests", "toplevel")
_ASKS = re.compile(r"\b(?:argparse|sys\.argv|click|typer|optparse|docopt|OptionParser)\b|\b__main__\b")
_PLAIN = re.compile(r"\b(?:sys\.exit\(|SystemExit\b|(?<![\w.])(?:exit|quit)\()")
_HARD = re.compile(r"_exit\b|\bkill|\babort\b|\bpytest\b|\braise_signal\b|\binterrupt_main\b|\bimport\b|\bclass\b")
_FUNCTIONS = ("function_definition", "lambda")


def ends_itself(file: EditedFile, line: int, change: Edited) -> bool:
    """Whether an exit on a line ends nothing but a program of its own, which tests can only run as another process."""
    if file.language == "ocaml":
        return is_program(file.path, change)
    if file.language == "python":
        return _python(file, line)
    path = PurePosixPath(file.path)
    if file.language == "rust":
        return path.name == "main.rs" or {"bin", "examples"} & set(path.parts[:-1]) != set()
    return file.before.text.startswith("#!") or (file.change.before is None and file.after.text.startswith("#!"))


def is_program(path: str, change: Edited) -> bool:
    """Whether dune builds an OCaml module into programs alone, none of which a rule runs as a test."""
    stanzas = _stanzas(path, change)
    heads = {one.head for one in stanzas}
    tested = any(one.head in ("rule", "alias") and "runtest" in str(one) for one in stanzas)
    return not tested and not heads.isdisjoint(_PROGRAMS) and heads.isdisjoint(_RUN_WITH_TESTS)


def is_main(path: str, change: Edited) -> bool:
    """Whether a module is a program's own, which no other module uses."""
    programs = (one for one in _stanzas(path, change) if one.head in _PROGRAMS)
    named = {atom.atom for one in programs for field in one.fields("name", "names") for atom in field.atoms()[1:]}
    return PurePosixPath(path).stem in named


def in_a_wrapped_library(path: str, change: Edited) -> bool:
    """Whether only the library that a module is in sees it under its own name."""
    stanzas = _stanzas(path, change)
    libraries = [one for one in stanzas if one.head == "library"]
    alone = {one.head for one in stanzas}.isdisjoint((*_PROGRAMS, "test", "tests"))
    return bool(libraries) and alone and not any(one.fields("wrapped") for one in libraries)


def runs_when_loaded(source: Source, line: int) -> bool:
    """Whether what stands on a line of OCaml or Python is in no function's body, so that it is run with its module."""
    if source.language == "python":
        bodies = (one.child_by_field_name("body") for one in source.nodes("function_definition"))
        return not any(body is not None and _covers(body, line) for body in bodies)
    if source.language != "ocaml":
        return False
    bindings = [one for one in source.nodes("let_binding") if _covers(one, line) and _at_the_top(one)]
    alone = [one for one in source.nodes("expression_item") if _covers(one, line)]
    return bool(alone) or any(not _takes(one) for one in bindings)


def _covers(node: Node, line: int) -> bool:
    return node.start_point.row <= line <= node.end_point.row


def _at_the_top(binding: Node) -> bool:
    """Whether a value is a module's own, not one within an expression."""
    holder = binding.parent.parent if binding.parent is not None else None
    return holder is not None and holder.type in ("compilation_unit", "structure", "ERROR")


def _takes(binding: Node) -> bool:
    body = binding.child_by_field_name("body")
    return any(one.type == "parameter" for one in binding.named_children) or (
        body is not None and body.type in ("fun_expression", "function_expression")
    )


def _stanzas(path: str, change: Edited) -> list[Sexp]:
    """What the dune file of a module's folder says, before and after.

    Nothing where the change brings that file to what was there without.
    """
    folder = f"{PurePosixPath(path).parent}/"
    dune = f"{folder}dune".removeprefix("./")
    raw = change.case.base(dune)
    if raw is None and any(one.startswith(folder) for one in change.case.paths):
        return []
    after = next((file.after.text for file in change.files if file.path == dune), "")
    said = (*parse((raw or b"").decode("latin-1")), *parse(after))
    rules = [one for one in said if one.head in ("rule", "alias")]
    mine = [one for one in said if _names(one, PurePosixPath(path).stem)]
    return [*mine, *rules] if mine else [one for one in said if not one.fields("modules")]


def _names(stanza: Sexp, module: str) -> bool:
    """Whether a stanza lists a module among its own."""
    listed = {atom.atom.lower() for one in stanza.fields("modules") for atom in one.atoms()}
    return "\\" not in listed and module.lower() in listed


def _python(file: EditedFile, line: int) -> bool:
    """Whether it is a plain exit in a function, or the main part, of what takes a command line already.

    A test that calls it sees an exception; only where a module is brought in would it end the runner.
    """
    text = file.after.code_lines[line]
    if not _PLAIN.search(text) or _HARD.search(text):
        return False
    said = file.after.text if file.change.before is None else file.before.text
    if not _ASKS.search(said) and PurePosixPath(file.path).name != "__main__.py":
        return False
    return any(_holds(node, line) for node in file.after.nodes(*_FUNCTIONS, "if_statement"))


def _holds(node: Node, line: int) -> bool:
    if not node.start_point.row <= line <= node.end_point.row:
        return False
    return node.type in _FUNCTIONS or b"__name__" in (node.text or b"").partition(b":")[0]
