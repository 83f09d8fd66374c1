"""plugins/vscode/src/protocol.ts: an interface a struct, and which params and result belong to which method."""

import textwrap
from typing import Any

from msgspec import inspect as types

from aid.codegen.shape import (
    Field,
    Record,
    Words,
    default_json,
    notifications,
    paragraphs,
    record,
    records,
    requests,
    told,
)
from aid.protocol import VERSION, EditorSettings

PATH = "plugins/vscode/src/protocol.ts"

WORDS = Words(
    string="string",
    integer="number",
    number="number",
    boolean="boolean",
    anything="unknown",
    nothing="null",
    literal=lambda value: f'"{value}"',
    record=str,
    many=lambda item: f"readonly ({item})[]" if " | " in item else f"readonly {item}[]",
    mapping=lambda key, value: f"Readonly<Partial<Record<{key}, {value}>>>",
)


def text() -> str:
    parts = [
        "// Written by `python -m aid.codegen` from aid/protocol.py; changes here are lost.\n"
        "// A field at its default is left out on the wire.\n",
        f"export const VERSION = {VERSION};\n",
        *(_interface(each) for each in records()),
        _map("Requests", "What the daemon answers.", [(each.name, each.params, each.result) for each in requests()]),
        _map("Notifications", "What the daemon sends unasked.", [(each.name, each.params) for each in notifications()]),
        _settings(),
    ]
    return "\n".join(parts)


def _interface(shown: Record) -> str:
    fields = "".join(
        f"  readonly {_name(field)}: {told(field.type, WORDS)};{_default(field)}\n" for field in shown.fields
    )
    return f"{_comment(shown.doc)}export interface {shown.name} {{\n{fields}}}\n"


def _name(field: Field) -> str:
    return field.name if field.required else f"{field.name}?"


def _default(field: Field) -> str:
    return "" if field.required or field.default is None else f" // default: {default_json(field)}"


def _comment(doc: str) -> str:
    if not doc:
        return ""
    lines = [line for part in paragraphs(doc) for line in [*textwrap.wrap(part, 114), ""]][:-1]
    return "\n".join(["/**", *(f" * {line}".rstrip() for line in lines), " */"]) + "\n"


def _map(name: str, doc: str, entries: list[tuple[Any, ...]]) -> str:
    lines = []
    for method, params, *result in entries:
        shown = told(types.type_info(params), WORDS)
        if result:
            shown = f"{{ readonly params: {shown}; readonly result: {told(types.type_info(result[0]), WORDS)} }}"
        lines.append(f'  readonly "{method}": {shown};\n')
    return f"{_comment(doc)}export interface {name} {{\n{''.join(lines)}}}\n"


def _settings() -> str:
    lines = "".join(f"  {field.name}: {default_json(field)},\n" for field in record(EditorSettings).fields)
    return f"export const DEFAULT_SETTINGS: Required<EditorSettings> = {{\n{lines}}};\n"
