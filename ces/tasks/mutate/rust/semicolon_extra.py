"""A function's answer thrown away by a semicolon."""

from collections.abc import Iterator

from ces.tasks.mutate.source import Edits, Source

_STATEMENTS = ("let_declaration", "expression_statement", "line_comment", "block_comment", "macro_invocation")


def sites(source: Source) -> Iterator[Edits]:
    for function in source.nodes("function_item"):
        body = function.child_by_field_name("body")
        last = body.named_children[-1] if body is not None and body.named_children else None
        if (
            last is not None
            and function.child_by_field_name("return_type") is not None
            and last.type not in _STATEMENTS
        ):
            yield source.insert(last.end_byte, ";")
