"""OCaml: a value that the .mli requires and the .ml has under another name is renamed in the .ml."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.ocaml.tokens import tokens
from aid.models.hints.suggestion import Suggestion, TextEdit
from aid.models.hints.wording import flat, nearly
from ces.verdict import Diagnostic

name = "required value"
suffixes = (".ml",)

_REQUIRED = re.compile(r"The value `([\w']+)' is required but not provided")
_DEFINED = re.compile(r"^(?:let(?:\s+rec)?|and)\s+([a-z_][\w']*)", re.MULTILINE)
_DECLARED = re.compile(r"^(?:val|external)\s+([a-z_][\w']*)", re.MULTILINE)


def propose(diagnostic: Diagnostic, source: SourceText, sources: Sequence[SourceText]) -> Iterable[Suggestion]:
    required = _REQUIRED.findall(flat(diagnostic))
    interface = next((each for each in sources if each.path == f"{source.path}i"), None)
    if len(required) != 1 or interface is None:
        return
    hidden = set(_DEFINED.findall(source.text)) - set(_DECLARED.findall(interface.text)) - {"_"}
    close = nearly(required[0], hidden)
    for other in close or (sorted(hidden) if len(hidden) == 1 else []):
        run = tokens(source.text)
        edits = tuple(
            TextEdit(source.path, token.start, token.end, required[0])
            for i, token in enumerate(run)
            if token.text == other and (i == 0 or run[i - 1].text != ".")
        )
        reason = f"the compiler misses `{required[0]}`, which the interface has; `{other}` is nowhere in it"
        yield Suggestion(edits, reason, 0.6 if close else 0.3)
