"""Another number type, or a text where a number is."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source

_OTHER = {
    "u32": "i64",
    "i32": "u64",
    "usize": "u32",
    "u64": "usize",
    "i64": "i32",
    "bool": "u8",
    "f64": "f32",
    "u8": "u16",
}


def sites(source: Source) -> Iterator[Edits]:
    for name in source.nodes("primitive_type"):
        if source.text(name) in _OTHER:
            yield source.replace(name, _OTHER[source.text(name)])
