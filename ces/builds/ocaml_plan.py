"""What a change means for the modules of a dune workspace: which compilations get which text, which come and go.

Pure, save that it reads the base's dune files when modules are added or removed. Whatever a type checker alone can't
follow (dune files, generators' inputs, stanzas that choose their modules) comes back as the reason why not.
"""

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence

import msgspec

from ces.builds.dune_modules import Modules, Node, Preprocessor, module_name
from ces.change import FileChange

# Files that no build reads unless a rule says so.
_INERT = re.compile(
    r"(^|/)(LICENSE|CHANGES|CHANGELOG|README|AUTHORS)(\.(txt|org|rst|adoc))?$"
    r"|(^|/)\.(gitignore|hgignore|ocamlformat)$|\.md$"
)
# What makes a stanza's modules depend on more than the names of files.
_CHOOSY = re.compile(
    r"\b(modules|include_subdirs|copy_files|ocamllex|ocamlyacc|menhir|select|rule|generate|virtual_modules|implements"
    r"|private_modules|root_module|include|per_module|tuareg|subdir|dynamic_include|cinaps|mdx)\b"
)
DUMPED = b"Caml1999"
_OBJECTS = (".cmo", ".cmi", ".cmt", ".cmti")

ReadDune = Callable[[str], str | None]
"""A directory of the base -> the text of its dune file, None when it has none."""


class Text(msgspec.Struct, frozen=True):
    """What a module is to be compiled from. `preprocess`: what turns it into a syntax tree first."""

    text: bytes
    preprocess: Preprocessor | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`nodes` are those after the change, by key; `texts` those that are compiled from other text than the base's.

    `again` are compiled from their old text, with or without an interface of their own where that was not so before.
    `gone` are the .cmi files that are no longer there. `renamed` says, for a directory of objects, which module names
    came or went there: what names them is to be checked again.
    """

    nodes: Mapping[str, Node]
    texts: Mapping[str, Text]
    again: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    renamed: Mapping[str, frozenset[str]] = {}


class _Draft:
    """A plan being made: a copy of the base's modules that files are added to and taken from."""

    def __init__(self, modules: Modules, by_source: Mapping[str, Sequence[Node]], read_dune: ReadDune) -> None:
        self.modules = modules
        self.by_source = by_source
        self.read_dune = read_dune
        self.nodes: dict[str, Node] = {}
        self.changed_nodes = False
        self.texts: dict[str, Text] = {}
        self.again: set[str] = set()
        self.gone: set[str] = set()
        self.renamed: dict[str, set[str]] = {}

    def own_nodes(self) -> dict[str, Node]:
        if not self.changed_nodes:
            self.nodes = dict(self.modules.nodes)
            self.changed_nodes = True
        return self.nodes


def plan(
    modules: Modules, by_source: Mapping[str, Sequence[Node]], changes: Sequence[FileChange], read_dune: ReadDune
) -> Plan | str:
    """The plan, or why there is none. `by_source`: source or dumped syntax tree -> what is compiled from it."""
    draft = _Draft(modules, by_source, read_dune)
    structural: list[tuple[str, bytes | None]] = []
    existing = {change.path for change in changes if change.before is not None and change.old_path is None}
    for path in {path for change in changes for path in (change.path, change.old_path) if path is not None}:
        if _compiled(draft, path) and path not in modules.sources:
            return f"{path} is made by a rule"
    for path, content in _edits(modules, changes).items():
        reason = _unfollowed(modules, path, content)
        if reason is not None:
            return reason
        if _INERT.search(path) or (content is not None and path in existing and _in_no_stanza(draft, path)):
            continue
        if content is not None and _compiled(draft, path):
            reason = _edit(draft, path, content)
        else:
            structural.append((path, content))
        if reason is not None:
            return reason
    # What goes first makes room for what comes under the same name.
    for path, content in sorted(structural, key=lambda item: (item[1] is not None, not item[0].endswith(".ml"))):
        reason = _remove(draft, path) if content is None else _add(draft, path, content)
        if reason is not None:
            return reason
    reason = _new_aliases(draft) or _without_implementation(draft)
    if reason is not None:
        return reason
    return Plan(
        nodes=draft.nodes if draft.changed_nodes else modules.nodes,
        texts=draft.texts,
        again=frozenset(draft.again - draft.texts.keys()),
        gone=frozenset(draft.gone),
        renamed={objects: frozenset(names) for objects, names in draft.renamed.items()},
    )


def read_elsewhere(modules: Modules, node: Node) -> bool:
    """Whether more than type checking depends on what this compiles to: an executable that a rule runs, say."""
    objects = (f"{node.prefix}{suffix}" for suffix in _OBJECTS)
    return node.objects in modules.looked_through or not modules.read_elsewhere.isdisjoint(objects)


def _edits(modules: Modules, changes: Sequence[FileChange]) -> dict[str, bytes | None]:
    """path -> new content (None: gone), of the sources and of what dune copies them to."""
    edits: dict[str, bytes | None] = {}
    for change in changes:
        if change.old_path is not None:
            edits.setdefault(change.old_path, None)
        if change.old_path is not None or change.before != change.after:
            edits[change.path] = change.after
    left = list(edits)
    while left:
        path = left.pop()
        for copy in modules.copies.get(path, ()):
            if copy not in edits:
                left.append(copy)
            edits[copy] = edits[path]
    return edits


def _unfollowed(modules: Modules, path: str, content: bytes | None) -> str | None:
    if path in modules.read_elsewhere or posixpath.dirname(path) in modules.looked_through:
        return f"{path} is read by more than the compiler"
    if not path.endswith((".ml", ".mli")) and not _INERT.search(path):
        return f"{path} is not an OCaml source"
    if content is not None and content.startswith(DUMPED):  # reading one back is not safe, and nobody writes them
        return f"{path} is not text"
    return None


def _compiled(draft: _Draft, path: str) -> bool:
    return path in draft.by_source or path in draft.modules.preprocessors


def _edit(draft: _Draft, path: str, content: bytes) -> str | None:
    preprocessor = draft.modules.preprocessors.get(path)
    if preprocessor is not None and preprocessor.reads_more:
        return f"the preprocessor of {path} reads other files too"
    for node in draft.by_source.get(preprocessor.output if preprocessor else path, ()):
        if read_elsewhere(draft.modules, node):
            return f"{path} is part of a program that the build runs"
        draft.texts[node.key] = Text(content, preprocessor)
    return None


def _in_no_stanza(draft: _Draft, path: str) -> bool:
    """Whether this source is in a directory without a dune file, which no other takes modules from."""
    directory = posixpath.dirname(path)
    if (
        _compiled(draft, path)
        or draft.read_dune(directory) is not None
        or _of_directory(draft.modules.nodes, directory)
    ):
        return False
    above = directory
    while above:
        above = posixpath.dirname(above)
        if re.search(r"\b(include_subdirs|subdir|copy_files)\b", draft.read_dune(above) or ""):
            return False
    return True


def _of_directory(nodes: Mapping[str, Node], directory: str) -> list[Node]:
    return [node for node in nodes.values() if posixpath.dirname(node.source) == directory and not node.generated]


def _stanza(draft: _Draft, path: str) -> list[Node] | str:
    """The compilations of the one stanza that takes every module of this file's directory, or why that isn't known."""
    directory = posixpath.dirname(path)
    siblings = _of_directory(draft.modules.nodes, directory)
    if len({node.objects for node in siblings}) != 1:
        return f"{path} may belong to several stanzas, or to none"
    if any(node.source.split(".")[-2:-1] == ["pp"] for node in siblings):
        return f"modules beside {path} are preprocessed"
    up = directory
    while True:
        text = draft.read_dune(up)
        choosy = (
            _CHOOSY.search(text or "") if up == directory else re.search(r"\b(include_subdirs|subdir)\b", text or "")
        )
        if choosy:
            return f"the dune file of {up or 'the workspace'} has '{choosy[0]}'"
        if not up:
            break
        up = posixpath.dirname(up)
    name = module_name(path)
    if re.search(rf"\b{re.escape(name)}\b", draft.read_dune(directory) or "", re.IGNORECASE):
        return f"the dune file of {directory or 'the workspace'} names {name}"
    return siblings


def _remove(draft: _Draft, path: str) -> str | None:
    if not _compiled(draft, path):
        return f"{path} is in no stanza"
    siblings = _stanza(draft, path)
    if isinstance(siblings, str):
        return siblings
    nodes = draft.own_nodes()
    node = next((each for each in siblings if each.source == path), None)
    if node is None or read_elsewhere(draft.modules, node):
        return f"{path} is part of a program that the build runs"
    del nodes[node.key]
    other = next((each for each in nodes.values() if each.prefix == node.prefix and each.kind != node.kind), None)
    if node.kind == "intf" and other is not None:  # the implementation says now what the interface is
        nodes[other.key] = msgspec.structs.replace(other, makes_cmi=True)
        draft.again.add(other.key)
    elif node.kind == "intf" or node.makes_cmi:
        draft.gone.add(node.cmi)
        draft.renamed.setdefault(node.objects, set()).add(node.module)
    return None


def _add(draft: _Draft, path: str, content: bytes) -> str | None:
    siblings = _stanza(draft, path)
    if isinstance(siblings, str):
        return siblings
    nodes = draft.own_nodes()
    name = module_name(path)
    directory = posixpath.dirname(path)
    if any(posixpath.dirname(each) == directory for each in (*draft.modules.copies, *draft.modules.read_elsewhere)):
        return f"files beside {path} are read by more than the compiler"
    if draft.modules.copied_from is None or directory in draft.modules.copied_from:
        return f"{path} may be copied elsewhere"
    if not re.fullmatch(r"[A-Z][A-Za-z0-9_']*", name) or posixpath.basename(path).count(".") != 1:
        return f"{path} can't be a module's name"
    kind = "intf" if path.endswith(".mli") else "impl"
    pattern = siblings[0]
    prefix = _prefix(nodes, siblings, name)
    if prefix is None:
        return f"{path} may change how its stanza's modules are wrapped"
    same = [each for each in nodes.values() if each.prefix == prefix]
    if any(each.kind == kind for each in same):  # perhaps in another spelling: m.ml beside M.ml
        return f"{path} is a module that is there already"
    other = same[0] if same else None
    has_interface = kind == "impl" and other is not None
    node = msgspec.structs.replace(
        pattern,
        key=prefix + (".cmi" if kind == "intf" else ".cmo"),
        kind=kind,
        unit=posixpath.basename(prefix)[:1].upper() + posixpath.basename(prefix)[1:],
        source=path,
        prefix=prefix,
        makes_cmi=not has_interface,
        needs=frozenset(),
    )
    nodes[node.key] = node
    draft.texts[node.key] = Text(content)
    draft.gone.discard(node.cmi)
    if kind == "intf" and other is not None:
        nodes[other.key] = msgspec.structs.replace(other, makes_cmi=False)
        draft.again.add(other.key)
    if other is None:
        draft.renamed.setdefault(node.objects, set()).symmetric_difference_update({name})
    return None


def _prefix(nodes: Mapping[str, Node], siblings: Sequence[Node], name: str) -> str | None:
    """Where dune puts a new module's objects: as its siblings', wrapped by a module of aliases or not."""
    objects = siblings[0].objects
    opened = {node.opened for node in siblings}
    if len(opened) != 1:
        return None
    alias = opened.pop()
    generated = {node.unit for node in nodes.values() if node.objects == objects and node.generated}
    if alias not in generated:  # opened by the stanza's flags, when there is one
        alone = len({node.prefix for node in siblings}) == 1
        return None if alone or generated else f"{objects}/{name[:1].lower()}{name[1:]}"
    library = alias.rstrip("_")
    if name == library:
        return None
    return f"{objects}/{library[:1].lower()}{library[1:]}__{name}"


def _new_aliases(draft: _Draft) -> str | None:
    """The texts of the modules of aliases whose stanzas' modules came or went."""
    for objects, names in draft.renamed.items():
        aliases = [node for node in draft.nodes.values() if node.objects == objects and node.generated]
        members = {node.prefix: node for node in draft.nodes.values() if node.objects == objects and not node.generated}
        if not names or not aliases:
            continue
        if len(aliases) != 1 or len(members) < 2:
            return "modules may be wrapped another way"
        lines = [f"module {node.module} = {node.unit}\n" for node in members.values() if node.module != aliases[0].unit]
        library = aliases[0].unit.rstrip("_")
        draft.texts[aliases[0].key] = Text("".join(line for line in lines if f" {library} =" not in line).encode())
    return None


def _without_implementation(draft: _Draft) -> str | None:
    if not draft.changed_nodes:
        return None
    before = {node.prefix for node in draft.modules.nodes.values() if node.kind == "impl"}
    implemented = {node.prefix for node in draft.nodes.values() if node.kind == "impl"}
    for node in draft.nodes.values():
        if node.prefix not in implemented and (node.prefix in before or node.key not in draft.modules.nodes):
            return f"{node.source} has no implementation"
    return None
