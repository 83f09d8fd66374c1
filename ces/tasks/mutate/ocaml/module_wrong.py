"""The same function, of another module."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source

# Modules that have functions of the same names.
_ALIKE = (
    {"List", "Array", "Seq", "Hashtbl"},
    {"String", "Bytes", "Buffer"},
    {"Option", "Result"},
    {"Int", "Float", "Char"},
    {"Queue", "Stack"},
    {"Printf", "Format"},
)


def sites(source: Source) -> Iterator[Edits]:
    for path in source.nodes("module_path", "extended_module_path"):
        others = next((group - {source.text(path)} for group in _ALIKE if source.text(path) in group), None)
        if others and path.parent is not None and path.parent.type == "value_path":
            yield source.replace(path, source.random(path).choice(sorted(others)))
