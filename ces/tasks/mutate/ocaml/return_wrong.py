"""A branch that returns another type than the rest."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source

_OTHER = {
    "number": '"0"',
    "string": "0",
    "boolean": "()",
    "empty_list": "None",
    "unit": "0",
    "list_expression": "()",
    "tuple_expression": "()",
    "infix_expression": "()",
}


def sites(source: Source) -> Iterator[Edits]:
    for clause in source.nodes("then_clause", "else_clause", "match_case"):
        body = clause.named_children[-1] if clause.named_children else None
        if body is not None and body.type in _OTHER:
            yield source.replace(body, _OTHER[body.type])
