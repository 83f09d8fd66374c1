"""OCaml: "The constructor A expects n argument(s), but is applied here to m", in a pattern: wildcards are added."""

import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.span import replaced, said_span
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "constructor's arguments"
suffixes = (".ml",)

_ARITY = re.compile(r"The constructor (\S+) expects (\d+) argument\(s\), but is applied here to (\d+)")
_PATTERN_ENDS = re.compile(r"\s*\)*\s*(?:->|\||when\b|as\b|,)")


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = _ARITY.search(flat(diagnostic))
    start, end = said_span(diagnostic, source.text)
    if said is None or not _PATTERN_ENDS.match(source.text, end):
        return
    expected, given = int(said[2]), int(said[3])
    arguments = source.text[start:end].removeprefix(said[1]).strip()
    if given == 0:
        text = f"{said[1]} _"
    elif given < expected:
        inner = arguments[1:-1] if arguments.startswith("(") else arguments
        text = f"{said[1]} ({', '.join([inner] + ['_'] * (expected - given))})"
    else:
        return
    reason = f"the compiler says that `{said[1]}` takes {said[2]} argument{'s' * (expected > 1)}, not {given}"
    yield Suggestion(replaced(source, start, end, text), reason, 0.7)
