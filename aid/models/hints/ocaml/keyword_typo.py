"""OCaml: a bare "Syntax error" beside a word that is nearly a keyword (`wiht`, `the`, `funtion`)."""

from collections import Counter
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.correction import corrections
from aid.models.hints.ocaml.syntax import stop
from aid.models.hints.ocaml.tokens import KEYWORDS, tokens
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import nearly
from ces.verdict import Diagnostic

name = "misspelt keyword"
suffixes = (".ml", ".mli")

LOOK_BACK = 12
"""How many tokens before the error may hold the word: the parser often takes it for one more argument."""


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    where = stop(diagnostic, source)
    if where is None:
        return
    counted = Counter(token.text for token in tokens(source.text))
    near = (*where.before[-LOOK_BACK:], *((where.token,) if where.token else ()))
    for n, token in enumerate(reversed(near)):
        written = token.text
        if (
            len(written) < 3
            or not (written.isalpha() and written.islower())
            or written in KEYWORDS
            or counted[written] > 1
        ):
            continue
        meant = nearly(written, [each for each in KEYWORDS if len(each) > 2], 2)
        first = 0.8 if n < 4 and meant and meant[0][0] == written[0] else 0.35
        reason = f"the parser stopped near `{written}`, which is nearly"
        yield from corrections(source, [(token.start, token.end)], meant, reason, first)
