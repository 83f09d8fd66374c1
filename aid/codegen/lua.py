"""plugins/nvim/lua/aid/protocol.lua: LuaCATS classes, the methods' names, settings, and what a project is known by.

A field called `end` is quoted.
"""

from collections.abc import Iterable

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
    without_nothing,
)
from aid.protocol import VERSION, EditorSettings, Method
from aid.root import OWNED, PROJECT

PATH = "plugins/nvim/lua/aid/protocol.lua"
# fmt: off
KEYWORDS = frozenset((
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil",
    "not", "or", "repeat", "return", "then", "true", "until", "while",
))
# fmt: on

WORDS = Words(
    string="string",
    integer="integer",
    number="number",
    boolean="boolean",
    anything="any",
    nothing="nil",
    literal=lambda value: f'"{value}"',
    record=lambda name: f"aid.{name}",
    many=lambda item: f"({item})[]" if "|" in item else f"{item}[]",
    mapping=lambda key, value: f"table<{key}, {value}>",
    either="|",
)


def text() -> str:
    head = "-- Written by `python -m aid.codegen` from aid/protocol.py; changes here are lost.\n"
    head += "-- A field at its default is left out on the wire.\n"
    body = [_class(each) for each in records()]
    settings = "".join(f"  {field.name} = {_value(field)},\n" for field in record(EditorSettings).fields)
    tail = [
        "local M = {}\n",
        f"M.VERSION = {VERSION}\n",
        _names("requests", requests()),
        _names("notifications", notifications()),
        f"---@type aid.EditorSettings\nM.settings = {{\n{settings}}}\n",
        f"-- What a project is known by (aid/root.py).\nM.owned = {_list(OWNED)}\nM.project = {_list(PROJECT)}\n",
        "return M\n",
    ]
    return "\n".join([head, *body, *tail])


def _class(shown: Record) -> str:
    doc = "".join(f"--- {part}\n" for part in paragraphs(shown.doc))
    fields = "".join(
        f"---@field {_name(field)} {told(without_nothing(field.type), WORDS)}{_default(field)}\n"
        for field in shown.fields
    )
    return f"{doc}---@class (exact) aid.{shown.name}\n{fields}"


def _name(field: Field) -> str:
    name = f'["{field.name}"]' if field.name in KEYWORDS else field.name
    return name if field.required else f"{name}?"


def _default(field: Field) -> str:
    return "" if field.required or field.default is None else f" default: {default_json(field)}"


def _names(table: str, methods: list[Method]) -> str:
    """By what follows the slash, for it is a name in Lua too."""
    lines = "".join(f'  {each.name.partition("/")[2]} = "{each.name}",\n' for each in methods)
    return f"M.{table} = {{\n{lines}}}\n"


def _value(field: Field) -> str:
    return _list(field.default) if isinstance(field.default, tuple) else default_json(field)


def _list(values: Iterable[str]) -> str:
    return "{ " + ", ".join(f'"{each}"' for each in values) + " }"
