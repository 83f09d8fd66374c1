"""Python: "invalid syntax" on a line with a word that is nearly a keyword (`retrun`, `esle`, `whlie`)."""

import keyword
import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.correction import corrections
from aid.models.hints.python.names import said_lines, words
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import flat, nearly
from ces.verdict import Diagnostic

name = "misspelt keyword"
suffixes = (".py", ".pyi")

_WORD = re.compile(r"(?<![\w.\"'])[a-z]{2,}(?!\w)")


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    if "invalid syntax" not in flat(diagnostic):
        return
    for found in _WORD.finditer(source.text, *said_lines(diagnostic, source.text)):
        if keyword.iskeyword(found[0]) or len(words(source.text, found[0])) > 1:
            continue
        keywords = [each for each in keyword.kwlist if each.islower()]
        reason = f"Python stopped on this line, and `{found[0]}` is nearly"
        meant = nearly(found[0], keywords, 2)
        first = 0.8 if meant and meant[0][0] == found[0][0] else 0.4
        yield from corrections(source, [found.span()], meant, reason, first)
