"""A value used without the conversion it needs: `days` for `string_of_int days`."""

import re
from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source

_CONVERSION = re.compile(r"(?:^|[._])(?:of|to)_[a-z]+$|^(?:float|truncate)$|[a-z]_of_[a-z]+$")


def sites(source: Source) -> Iterator[Edits]:
    for call in source.nodes("application_expression"):
        function = call.child_by_field_name("function")
        arguments = call.children_by_field_name("argument")
        if function is not None and len(arguments) == 1 and _CONVERSION.search(source.text(function)):
            yield source.replace(call, source.text(arguments[0]))
