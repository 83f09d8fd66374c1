"""docs/protocol.schema.json: JSON Schema 2020-12, by msgspec; `x-methods` says what belongs to which method."""

import json
from typing import Any

import msgspec

from aid.protocol import METHODS, VERSION, EditorSettings, InitializationOptions

PATH = "docs/protocol.schema.json"


def text() -> str:
    kinds = {
        method.name: [each for each in (method.params, method.result) if each is not None]
        for method in METHODS.values()
    }
    extra = [InitializationOptions, EditorSettings]
    shapes, components = msgspec.json.schema_components(
        [*(kind for pair in kinds.values() for kind in pair), *extra], ref_template="#/$defs/{name}"
    )
    given = iter(shapes)
    methods: dict[str, Any] = {}
    for name, pair in kinds.items():
        shown = dict(zip(("params", "result"), [next(given) for _ in pair], strict=False))
        methods[name] = {"from": "daemon" if METHODS[name].from_server else "editor"} | shown
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "AID's protocol: the aid/* methods beside the LSP's",
        "description": "Written by `python -m aid.codegen` from aid/protocol.py; changes here are lost.",
        "x-version": VERSION,
        "x-methods": methods,
        "$defs": dict(sorted(components.items())),
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
