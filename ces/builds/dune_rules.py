"""What `dune rules` prints, as data: each rule's dependencies, targets and action.

In: the output of `dune rules -r @check` (ARGV), of dune 2.9 to 3.x, for the default context. Out: `Rule`s, with paths
relative to that context's directory. Runs nothing.
"""

import re
from collections.abc import Iterator
from typing import TypeAlias

import msgspec

ARGV = ("dune", "rules", "--root", ".", "-r", "@check")
"""Prints everything a type check of the workspace depends on. It may run what generates dune files and modules."""

CONTEXT = "_build/default/"

Sexp: TypeAlias = "str | list[Sexp]"

_TOKEN = re.compile(r'[()]|"(?:[^"\\]|\\.)*"|[^\s()"]+', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:\n[ \t]*|(\d{3})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_NAMED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b"}


class Rule(msgspec.Struct, frozen=True):
    """One rule. `deps` are files, `globs` directories of which any file may be read; both relative to the context.

    `action` is what runs, without the `chdir` around it; `directory` is the directory that names, "" for the context's
    own. `universe`: the rule depends on everything.
    """

    deps: frozenset[str]
    globs: frozenset[str]
    targets: tuple[str, ...]
    directory: str
    action: Sexp
    universe: bool


def parse(text: str) -> list[Rule]:
    """Raises ValueError for what isn't such output, or is of another context than the default one."""
    return [_rule(each) for each in read(text) if isinstance(each, list)]


def read(text: str) -> list[Sexp]:
    """Every s-expression of `text`. ValueError when parentheses don't match."""
    stack: list[list[Sexp]] = [[]]
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token == "(":
            stack.append([])
        elif token == ")":
            if len(stack) == 1:
                raise ValueError("an unexpected closing parenthesis")
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(_ESCAPE.sub(_unescaped, token[1:-1]) if token[0] == '"' else token)
    if len(stack) != 1:
        raise ValueError("a closing parenthesis is missing")
    return stack[0]


def _unescaped(match: "re.Match[str]") -> str:
    if match[1]:
        return chr(int(match[1]))
    if match[2]:
        return chr(int(match[2], 16))
    return _NAMED.get(match[3], match[3]) if match[3] else ""


def _rule(fields: list[Sexp]) -> Rule:
    found: dict[str, Sexp] = {
        str(field[0]): field[1] for field in fields if isinstance(field, list) and len(field) == 2
    }
    if found.get("context", "default") != "default":
        raise ValueError(f"the workspace has a build context of its own: {found['context']}")
    if not {"deps", "targets", "action"} <= set(found):
        raise ValueError("not a rule as dune prints it")
    deps = list(_dependencies(found["deps"]))
    directory, action = _inside(found["action"])
    return Rule(
        deps=frozenset(path for kind, path in deps if kind == "file"),
        globs=frozenset(path for kind, path in deps if kind == "glob"),
        targets=tuple(_in_context(word) for word in _words(found["targets"]) if word.startswith(CONTEXT)),
        directory=directory,
        action=action,
        universe=any(kind == "universe" for kind, _ in deps),
    )


def _dependencies(deps: Sexp) -> Iterator[tuple[str, str]]:
    for dep in deps if isinstance(deps, list) else ():
        if isinstance(dep, str):
            yield dep.lower(), ""
            continue
        match dep:
            case ["File", [str(where), str(path)]]:
                yield ("file", _in_context(path)) if where != "External" else ("external", path)
            case ["glob", *inside]:
                words = list(_words(inside))
                yield from (("glob", _in_context(word)) for word in words if word.startswith(CONTEXT))
            case [str(kind), *_]:
                yield kind.lower(), ""


def _inside(action: Sexp) -> tuple[str, Sexp]:
    match action:
        case ["chdir", str(path), inner]:
            return _in_context(path + "/").rstrip("/"), inner
    return "", action


def _in_context(path: str) -> str:
    return path.removeprefix(CONTEXT)


def _words(tree: Sexp) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    else:
        for each in tree:
            yield from _words(each)
