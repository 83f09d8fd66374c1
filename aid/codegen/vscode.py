"""The settings in plugins/vscode/package.json: its `contributes.configuration`, and nothing else of it."""

import json
from pathlib import Path
from typing import Any

from msgspec import inspect as types

from aid.codegen.shape import Field, record
from aid.protocol import EditorSettings

PATH = "plugins/vscode/package.json"


def text(root: Path) -> str | None:
    """The package's file with the settings as they are to be; None where there is no such package."""
    path = root / PATH
    if not path.exists():
        return None
    package = json.loads(path.read_text("utf-8"))
    package.setdefault("contributes", {})["configuration"] = configuration()
    return json.dumps(package, indent=2, ensure_ascii=False) + "\n"


def configuration() -> dict[str, Any]:
    fields = record(EditorSettings).fields
    return {"title": "AID", "properties": {f"aid.{_camel(field.name)}": _property(field) for field in fields}}


def _property(field: Field) -> dict[str, Any]:
    """`machine-overridable`: a repository's settings may not say what is run until the person trusts it."""
    kind = field.type.type if isinstance(field.type, types.Metadata) else field.type
    match kind:
        case types.BoolType():
            described: dict[str, Any] = {"type": "boolean"}
        case types.LiteralType():
            described = {"type": "string", "enum": _in_order(field)}
        case types.VarTupleType():
            described = {"type": "array", "items": {"type": "string"}, "scope": "machine-overridable"}
        case _:
            raise TypeError(f"VS Code can't be told of {field.name}, a {kind}")
    return described | {
        "default": list(field.default) if isinstance(field.default, tuple) else field.default,
        "markdownDescription": field.doc,
    }


def _in_order(field: Field) -> list[str]:
    """msgspec sorts a Literal's values; people want them as they are written."""
    annotation = EditorSettings.__annotations__[field.name]
    return list(annotation.__origin__.__args__)


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
