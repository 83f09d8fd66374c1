"""docs/protocol.md: every method with its direction, params, result and an example, then the structs they share."""

from typing import Any

from msgspec import inspect as types

from aid.codegen.examples import EXAMPLES, shown
from aid.codegen.shape import Field, Record, Words, default_json, paragraphs, record, records, told, without_nothing
from aid.protocol import METHODS, VERSION, EditorSettings, InitializationOptions, Method

PATH = "docs/protocol.md"

HEAD = f"""\
# AID's protocol

<!-- Written by `python -m aid.codegen` from aid/protocol.py; changes here are lost. -->

Version {VERSION}. JSON-RPC 2.0 in the LSP's framing (`Content-Length`), over the standard input and output of
`aid connect`. On the same connection an editor may speak LSP 3.17: documents, diagnostics, code actions,
`workspace/executeCommand`, `workspace/applyEdit`, progress and `$/cancelRequest` are the LSP's own. What follows are
the methods beside it. They can be called without `initialize`; then there are no open documents.

- A field at its default is left out, in both directions. Fields that are not known are ignored.
- A `FileRef` and a hunk count lines from 1, as people write them; a `Range` counts from 0, in code points.
- Any request is cancelled by `$/cancelRequest`. What goes wrong is an error whose message says what to do next.

The same in a form for programs: [protocol.schema.json](protocol.schema.json).
"""

WORDS = Words(
    string="string",
    integer="integer",
    number="number",
    boolean="boolean",
    anything="any",
    nothing="null",
    literal=lambda value: f'"{value}"',
    record=lambda name: f"[{name}](#{name.lower()})",
    many=lambda item: f"list of {item}",
    mapping=lambda key, value: f"object of {value}",
    either=" \\| ",
)


def text() -> str:
    of_methods = {each.params.__name__ for each in METHODS.values()} | {"EditorSettings", "InitializationOptions"}
    shared = [each for each in records() if each.name not in of_methods]
    parts = [
        HEAD,
        _contents(),
        "## What an editor asks\n",
        *(_method(each) for each in METHODS.values() if not each.from_server),
        "## What the daemon says unasked\n",
        *(_method(each) for each in METHODS.values() if each.from_server),
        "## What an editor may say at the start\n",
        _described(record(InitializationOptions)),
        "## What a person may set\n",
        _described(record(EditorSettings)),
        "## Structs\n",
        *(f"### {each.name}\n\n{_described(each)}" for each in sorted(shared, key=lambda each: each.name)),
    ]
    return "\n".join(parts)


def _contents() -> str:
    rows = "".join(
        f"| [`{each.name}`](#{each.name.replace('/', '').lower()}) | {_direction(each)} | {_first(each)} |\n"
        for each in METHODS.values()
    )
    return f"| method | | params |\n| --- | --- | --- |\n{rows}"


def _direction(method: Method) -> str:
    way = "daemon → editor" if method.from_server else "editor → daemon"
    return f"{way}, {'notification' if method.result is None else 'request'}"


def _first(method: Method) -> str:
    return ", ".join(f"`{field.name}`" for field in record(method.params).fields) or "none"


def _method(method: Method) -> str:
    params, result = EXAMPLES[method.name]
    parts = [f"### {method.name}\n", f"{_direction(method).capitalize()}.\n", _described(record(method.params))]
    example = f'```json\n{{"method": "{method.name}", "params": {shown(params)}}}\n```\n'
    if method.result is not None:
        parts.append(f"Result: {_result(method.result)}\n")
        example += f'\n```json\n{{"result": {shown(result)}}}\n```\n'
    return "\n".join([*parts, example])


def _result(kind: Any) -> str:
    described = types.type_info(kind)
    return f"{told(described, WORDS)}." if isinstance(described, types.StructType) else "an object."


def _described(of: Record) -> str:
    prose = "\n\n".join(paragraphs(of.doc))
    table = _table(of.fields)
    return "\n".join(part for part in (f"{prose}\n" if prose else "", table) if part)


def _table(fields: tuple[Field, ...]) -> str:
    if not fields:
        return "No fields.\n"
    rows = "".join(f"| `{each.name}` | {_type(each)} | {_default(each)} |\n" for each in fields)
    return f"| field | type | default |\n| --- | --- | --- |\n{rows}"


def _type(field: Field) -> str:
    kind = told(without_nothing(field.type), WORDS)
    return f"{kind}. {field.doc}" if field.doc else kind


def _default(field: Field) -> str:
    if field.required:
        return "required"
    return "none" if field.default is None else f"`{default_json(field)}`"
