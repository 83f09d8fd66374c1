"""A project's text as mutators see it: files parsed by tree-sitter, and edits on their bytes. Pure."""

import random
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import PurePosixPath

import msgspec
from tree_sitter import Node, Parser

from ces.change import FileChange
from ces.tasks.mutate.grammars import language_of

_WORD = re.compile(rb"[A-Za-z_][A-Za-z0-9_']*")


class Edit(msgspec.Struct, frozen=True):
    """Bytes `start` up to `end` of the file at `path` become `text`."""

    path: str
    start: int
    end: int
    text: bytes


Edits = tuple[Edit, ...]


class Source:
    """One file. Mutators read it and make edits of it; it never changes."""

    def __init__(self, project: "Project", path: str, content: bytes) -> None:
        self.project = project
        self.path = path
        self.content = content

    @cached_property
    def _by_type(self) -> dict[str, list[Node]]:
        """Every node, named or token, by its type, in the file's order."""
        grammar = language_of(self.path)
        found: dict[str, list[Node]] = {}
        if grammar is None:
            return found
        left = [Parser(grammar.language).parse(self.content).root_node]
        while left:
            node = left.pop()
            found.setdefault(node.type, []).append(node)
            left.extend(reversed(node.children))
        return found

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(word.decode("ascii") for word in _WORD.findall(self.content))

    def nodes(self, *types: str) -> list[Node]:
        found = [node for kind in types for node in self._by_type.get(kind, ())]
        return found if len(types) == 1 else sorted(found, key=lambda node: (node.start_byte, -node.end_byte))

    def text(self, node: Node) -> str:
        return self.content[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def random(self, node: Node) -> random.Random:
        """The same for the same place and seed, whatever else is mutated."""
        return random.Random(f"{self.project.seed}:{self.path}:{node.start_byte}:{node.type}")

    def edit(self, start: int, end: int, text: str) -> Edits:
        return (Edit(self.path, start, end, text.encode()),)

    def replace(self, node: Node, text: str) -> Edits:
        return self.edit(node.start_byte, node.end_byte, text)

    def insert(self, at: int, text: str) -> Edits:
        return self.edit(at, at, text)

    def drop(self, node: Node) -> Edits:
        """Without the node, and without the blanks before it on its line."""
        return self.edit(self.before(node), node.end_byte, "")

    def drop_item(self, item: Node) -> Edits:
        """A list of things with commas without one of them and one comma."""
        after, before = item.next_sibling, item.prev_sibling
        if after is not None and after.type == ",":
            following = after.next_named_sibling
            same_line = following is not None and following.start_point.row == item.start_point.row
            end = following.start_byte if following is not None and same_line else after.end_byte
            return self.edit(item.start_byte, end, "")
        start = before.start_byte if before is not None and before.type == "," else item.start_byte
        return self.edit(start, item.end_byte, "")

    def swap(self, one: Node, other: Node) -> Edits:
        return self.replace(one, self.text(other)) + self.replace(other, self.text(one))

    def before(self, node: Node) -> int:
        """Where the blanks before `node` on its line begin; for one that begins its line, its own start."""
        at = len(self.content[: node.start_byte].rstrip(b" \t"))
        return node.start_byte if at == 0 or self.content[at - 1] == 10 else at

    def whole_lines(self, node: Node) -> Edits:
        """Without the lines of a node that has them to itself, else as `drop`."""
        start = self.content.rfind(b"\n", 0, node.start_byte) + 1
        end = self.content.find(b"\n", node.end_byte) + 1 or len(self.content)
        alone = self.content[start : node.start_byte].isspace() or start == node.start_byte
        if alone and not self.content[node.end_byte : end].strip():
            return self.edit(start, end, "")
        return self.drop(node)


class Project:
    """The files mutators may look at, by path; `seed` chooses where one of several breakages of a place is taken."""

    def __init__(self, files: Mapping[str, bytes], seed: int = 0) -> None:
        self.seed = seed
        self.sources = {path: Source(self, path, content) for path, content in sorted(files.items())}

    def beside(self, source: Source, suffix: str) -> Source | None:
        """The file of the same name with another suffix."""
        return self.sources.get(str(PurePosixPath(source.path).with_suffix(suffix)))

    def of_language(self, name: str) -> Iterator[Source]:
        for source in self.sources.values():
            grammar = language_of(source.path)
            if grammar is not None and grammar.name == name:
                yield source


def changes(project: Project, edits: Edits) -> tuple[FileChange, ...]:
    """What the edits make of the project, file by file. Edits of a file must not overlap."""
    made = []
    for path in sorted({edit.path for edit in edits}):
        content = project.sources[path].content
        after, at = b"", 0
        for edit in sorted((edit for edit in edits if edit.path == path), key=lambda edit: edit.start):
            after += content[at : edit.start] + edit.text
            at = edit.end
        made.append(FileChange(path=path, before=content, after=after + content[at:]))
    return tuple(made)
