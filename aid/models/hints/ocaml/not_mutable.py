"""OCaml: "The record field x is not mutable": its declaration says `mutable`."""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from aid.models.backend import SourceText
from aid.models.hints.suggestion import Suggestion, TextEdit
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "mutable field"
suffixes = (".ml",)

_SAID = re.compile(r"The (?:record )?field (\w+) is not mutable")


def propose(diagnostic: Diagnostic, source: SourceText, sources: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = _SAID.search(flat(diagnostic))
    if said is None:
        return
    declared = re.compile(rf"(?<=[{{;])(\s*){re.escape(said[1])}\s*:(?!=)")
    own = PurePosixPath(source.path).with_suffix("")
    edits = []
    for each in sources:
        if PurePosixPath(each.path).with_suffix("") != own:
            continue
        found = list(declared.finditer(each.text))
        if len(found) > 1:
            return
        edits += [TextEdit(each.path, place.end(1), place.end(1), "mutable ") for place in found]
    if edits:
        yield Suggestion(tuple(edits), f"the compiler says that field `{said[1]}` is not mutable", 0.6)
