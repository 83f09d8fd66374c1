"""The OCaml modules of a dune workspace, how each is compiled, and what else reads its files: from dune's own rules.

Pure. `learn` takes the rules behind `@check`; `Modules` answers which compilations a source file goes into, or that it
goes somewhere a type checker alone can't follow (a generator's input, an executable that a rule runs).
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import msgspec

from ces.builds.dune_rules import Rule, Sexp

Kind = Literal["impl", "intf"]

# Known to read no more than their input, and to fail where that asks for more: what they print depends on nothing else.
_PRINTING = frozenset({"cppo"})


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One compilation by ocamlc. Paths are relative to the build context.

    `key` is the object it is known by, the .cmo of an implementation and the .cmi of an interface. `options` are
    ocamlc's, without what names this module. `makes_cmi`: an interface, or an implementation without one. `needs` are
    the .cmi files of its own stanza that dune builds before it.
    """

    key: str
    kind: Kind
    unit: str
    source: str
    prefix: str
    options: tuple[str, ...]
    makes_cmi: bool
    needs: frozenset[str]

    @property
    def cmi(self) -> str:
        return f"{self.prefix}.cmi"

    @property
    def objects(self) -> str:
        """The directory of its stanza's .cmi files."""
        return posixpath.dirname(self.prefix)

    @property
    def module(self) -> str:
        """What the sources of its stanza call it."""
        return module_name(self.source)

    @property
    def opened(self) -> str | None:
        """The module that it is compiled with open, the last one: in a wrapped stanza, that of dune's aliases."""
        opens = [value for option, value in zip(self.options, self.options[1:], strict=False) if option == "-open"]
        return opens[-1] if opens else None

    @property
    def generated(self) -> bool:
        """Made by dune: the module of aliases that a stanza's modules are opened with."""
        return self.source.endswith(".ml-gen")


class Preprocessor(msgspec.Struct, frozen=True, kw_only=True):
    """A run on one source, at the context's directory. `output` is what a ppx driver writes, a dumped syntax tree, or
    with `prints` the text that another program prints. `others` are the other files it may read, `reads_more`: those,
    or any of some directory."""

    source: str
    output: str
    argv: tuple[str, ...]
    others: frozenset[str]
    reads_more: bool
    prints: bool = False


class Modules(msgspec.Struct, frozen=True, kw_only=True):
    """`sources`: files that are read as the source tree has them. `copies`: source -> the files that are the same text.
    `read_elsewhere`: files that a rule of another kind reads,
    and `looked_through` directories that one looks through; their changes can have any effect. `copied_from`: the
    directories whose new files may be copied elsewhere (None: any), which no rule tells (`ces.builds.dune_copies`)."""

    nodes: Mapping[str, Node]
    preprocessors: Mapping[str, Preprocessor]
    sources: frozenset[str]
    copies: Mapping[str, tuple[str, ...]]
    read_elsewhere: frozenset[str]
    looked_through: frozenset[str]
    compilers: frozenset[str]
    copied_from: frozenset[str] | None = frozenset()

    def of_source(self, path: str) -> list[Node]:
        return [node for node in self.nodes.values() if node.source == path]


def module_name(source: str) -> str:
    name = posixpath.basename(source).split(".")[0]
    return name[:1].upper() + name[1:]


def learn(rules: Iterable[Rule]) -> Modules | str:
    """The modules, or why they can't be known."""
    nodes: dict[str, Node] = {}
    preprocessors: dict[str, Preprocessor] = {}
    sources: set[str] = set()
    copies: dict[str, tuple[str, ...]] = {}
    read_elsewhere: set[str] = set()
    looked_through: set[str] = set()
    compilers: set[str] = set()
    for rule in rules:
        source = _source(rule)
        if source is not None:
            sources.add(source)
        if source is not None or _harmless(rule):
            continue
        command = _command(rule)
        node = _compilation(rule, command)
        preprocessor = None if node else _preprocessing(rule, command) or _printing(rule)
        copied = _copy(rule)
        if node is not None:
            nodes[node.key] = node
            compilers.add(command[0])
        elif rule.universe:
            return f"a rule depends on everything: {' '.join(rule.targets)}"
        elif preprocessor is not None:
            preprocessors[preprocessor.source] = preprocessor
            read_elsewhere |= preprocessor.others
            looked_through |= rule.globs
        elif copied is not None:
            copies[copied[0]] = (*copies.get(copied[0], ()), copied[1])
        else:
            read_elsewhere |= rule.deps
            looked_through |= rule.globs
    return Modules(
        nodes=nodes,
        preprocessors=preprocessors,
        sources=frozenset(sources),
        copies=copies,
        read_elsewhere=frozenset(read_elsewhere),
        looked_through=frozenset(looked_through),
        compilers=frozenset(compilers),
    )


def include_dirs(options: Iterable[str]) -> Iterator[str]:
    words = iter(options)
    for word in words:
        if word in ("-I", "-H"):
            yield next(words, "")


def _source(rule: Rule) -> str | None:
    """What is copied from the source tree into the build directory as it is."""
    match rule.action:
        case ["copy", str(source), str(target)] if target == f"_build/default/{source}":
            return source
    return None


def _harmless(rule: Rule) -> bool:
    """Merlin's settings, a text that dune makes, an alias's stamp."""
    if any("/.merlin-" in f"/{target}" for target in rule.targets):
        return True
    match rule.action:
        case ["with-stdout-to", str(target), ["digest-files", *_]]:
            return target.startswith("_build/.aliases/")
        case ["write-file", *_]:
            return not rule.universe
    return False


def _command(rule: Rule) -> tuple[str, ...]:
    match rule.action:
        case ["run", *words] if all(isinstance(word, str) for word in words):
            return tuple(str(word) for word in words)
    return ("",)


def _compilation(rule: Rule, command: tuple[str, ...]) -> Node | None:
    if not posixpath.basename(command[0]).startswith("ocamlc") or rule.directory or "-c" not in command:
        return None
    kind: Kind | None = "impl" if "-impl" in command else "intf" if "-intf" in command else None
    output = _after(command, "-o")
    if kind is None or not output.endswith((".cmo", ".cmi")) or {"-pp", "-ppx"} & set(command):
        return None
    prefix = output.rpartition(".")[0]
    name = posixpath.basename(prefix)
    objects = posixpath.dirname(prefix)
    return Node(
        key=output,
        kind=kind,
        unit=name[:1].upper() + name[1:],
        source=_after(command, f"-{kind}"),
        prefix=prefix,
        options=_shared(command),
        makes_cmi=f"{prefix}.cmi" in rule.targets,
        needs=frozenset(dep for dep in rule.deps if dep.endswith(".cmi") and posixpath.dirname(dep) == objects),
    )


def _after(command: tuple[str, ...], option: str) -> str:
    at = command.index(option) if option in command else len(command)
    return command[at + 1] if at + 1 < len(command) else ""


def _shared(command: tuple[str, ...]) -> tuple[str, ...]:
    kept: list[str] = []
    words = iter(command[1:])
    for word in words:
        if word in ("-o", "-impl", "-intf", "-intf-suffix"):
            next(words, None)
        elif word not in ("-c", "-bin-annot", "-bin-annot-occurrences"):
            kept.append(word)
    return tuple(kept)


def _preprocessing(rule: Rule, command: tuple[str, ...]) -> Preprocessor | None:
    """A driver as dune runs it: `(progn (chdir . (run ppx.exe … -o OUTPUT --impl SOURCE …)) (diff? …))`."""
    match rule.action:
        case ["progn", ["chdir", ".", ["run", *words]], _] if not rule.directory:
            command = tuple(str(word) for word in words)
    if not command[0].startswith(".ppx/"):
        return None
    source = _after(command, "--impl") or _after(command, "--intf")
    output = _after(command, "-o")
    if rule.targets != (output,) or source not in rule.deps:
        return None
    return _preprocessor(rule, source, output, command, prints=False)


def _printing(rule: Rule) -> Preprocessor | None:
    """`(preprocess (action (run cppo …)))`: `(with-stdout-to OUTPUT (chdir lib (chdir .. (run …))))`."""
    match rule.action:
        case ["with-stdout-to", str(output), inner] if rule.targets == (output,):
            directory = rule.directory
            while True:
                match inner:
                    case ["chdir", str(path), deeper]:
                        directory, inner = posixpath.join(directory, path), deeper
                    case ["run", str(program), *words] if posixpath.basename(program) in _PRINTING:
                        command = (program, *map(str, words))
                        break
                    case _:
                        return None
            source = re.sub(r"\.pp\.(mli?)$", r".\1", output)
            if posixpath.normpath(directory) == "." and source != output and source in rule.deps and source in command:
                return _preprocessor(rule, source, output, command, prints=True)
    return None


def _preprocessor(rule: Rule, source: str, output: str, command: tuple[str, ...], *, prints: bool) -> Preprocessor:
    others = frozenset(dep for dep in rule.deps if "/.merlin-" not in f"/{dep}") - {command[0], source}
    reads_more = bool(others or rule.globs)
    return Preprocessor(source=source, output=output, argv=command, others=others, reads_more=reads_more, prints=prints)


def _copy(rule: Rule) -> tuple[str, str] | None:
    action: Sexp = rule.action
    match action:
        case ["copy", str(source), str(target)]:
            paths = [posixpath.normpath(posixpath.join(rule.directory, path)) for path in (source, target)]
            return (paths[0], paths[1]) if rule.deps == {paths[0]} and rule.targets == (paths[1],) else None
    return None
