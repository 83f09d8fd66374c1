"""The wire's structs as records with fields, and their types in the words of any language."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec import inspect as types

from aid.protocol import METHODS, EditorSettings, InitializationOptions, Method

ABSENT = object()


class Field(msgspec.Struct, frozen=True):
    """`default` is `ABSENT` where the field must be given; `doc` is what is said of it alone, often nothing."""

    name: str
    type: types.Type
    default: Any
    doc: str = ""

    @property
    def required(self) -> bool:
        return self.default is ABSENT


class Record(msgspec.Struct, frozen=True):
    """`doc` is the struct's docstring, with its paragraphs."""

    name: str
    doc: str
    fields: tuple[Field, ...]


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """How a language writes types."""

    string: str
    integer: str
    number: str
    boolean: str
    anything: str
    nothing: str
    literal: Callable[[Any], str]
    record: Callable[[str], str]
    many: Callable[[str], str]
    mapping: Callable[[str, str], str]
    either: str = " | "


def requests() -> list[Method]:
    """What an editor may ask, in the protocol's order."""
    return [method for method in METHODS.values() if method.result is not None]


def notifications() -> list[Method]:
    """What the daemon sends unasked."""
    return [method for method in METHODS.values() if method.result is None]


def record(struct: Any) -> Record:
    described = types.type_info(struct)
    assert isinstance(described, types.StructType)
    return _record(described)


def records() -> list[Record]:
    """Every struct of the wire, each after those it is made of."""
    found: dict[str, Record] = {}
    roots = [kind for method in METHODS.values() for kind in (method.params, method.result) if kind is not None]
    for root in (*roots, InitializationOptions, EditorSettings):
        for described in _structs(types.type_info(root)):
            found.setdefault(described.cls.__name__, _record(described))
    return list(found.values())


def told(kind: types.Type, words: Words) -> str:
    """The type in a language's words."""
    match kind:
        case types.Metadata(type=inner):
            return told(inner, words)
        case types.StructType(cls=struct):
            return words.record(struct.__name__)
        case types.LiteralType(values=values):
            return words.either.join(map(words.literal, values))
        case types.UnionType(types=parts):
            return words.either.join(told(part, words) for part in parts)
        case types.VarTupleType(item_type=item) | types.ListType(item_type=item):
            return words.many(told(item, words))
        case types.DictType(key_type=key, value_type=value):
            return words.mapping(told(key, words), told(value, words))
    plain = {
        types.StrType: words.string,
        types.IntType: words.integer,
        types.FloatType: words.number,
        types.BoolType: words.boolean,
        types.AnyType: words.anything,
        types.NoneType: words.nothing,
    }
    return plain[type(kind)]


def is_plural(kind: types.Type) -> bool:
    """Whether a list of it needs brackets around its name."""
    return isinstance(kind, types.UnionType) or (isinstance(kind, types.LiteralType) and len(kind.values) > 1)


def without_nothing(kind: types.Type) -> types.Type:
    """An optional type less its None: an absent field stands for that."""
    if not isinstance(kind, types.UnionType):
        return kind
    parts = tuple(part for part in kind.types if not isinstance(part, types.NoneType))
    return parts[0] if len(parts) == 1 else types.UnionType(parts)


def default_json(field: Field) -> str:
    return msgspec.json.encode(field.default).decode()


def paragraphs(doc: str) -> list[str]:
    """A docstring's paragraphs, each one line."""
    return [" ".join(part.split()) for part in doc.split("\n\n") if part.strip()]


def _structs(kind: types.Type) -> Iterator[types.StructType]:
    match kind:
        case types.StructType(fields=fields):
            for field in fields:
                yield from _structs(field.type)
            yield kind
        case types.UnionType(types=parts):
            for part in parts:
                yield from _structs(part)
        case types.Metadata(type=inner) | types.VarTupleType(item_type=inner) | types.DictType(value_type=inner):
            yield from _structs(inner)


def _record(described: types.StructType) -> Record:
    own = described.cls.__doc__ or ""
    fields = tuple(_field(each) for each in described.fields)
    return Record(described.cls.__name__, inspect.cleandoc(own) if _has_own_doc(described.cls) else "", fields)


def _has_own_doc(struct: type[Any]) -> bool:
    return "__doc__" in vars(struct) and struct.__doc__ != struct.__base__.__doc__


def _field(field: types.Field) -> Field:
    default = field.default
    if field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    schema = field.type.extra_json_schema if isinstance(field.type, types.Metadata) else None
    doc = (schema or {}).get("description", "")
    return Field(field.encode_name, field.type, ABSENT if default is msgspec.NODEFAULT else default, doc)
