"""An attribute used without `self.`."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for attribute in source.nodes("attribute"):
        of, name = attribute.child_by_field_name("object"), attribute.child_by_field_name("attribute")
        if of is not None and name is not None and source.text(of) == "self":
            yield source.edit(of.start_byte, name.start_byte, "")
