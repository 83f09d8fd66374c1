"""Python: a name that isn't defined and is nearly one that is, or is an attribute of `self`.

From 3.12 the interpreter makes the first suggestion itself; earlier it only does in a traceback printed by itself.
"""

import ast
import re
from collections.abc import Iterable, Sequence

from aid.models.backend import SourceText
from aid.models.hints.correction import corrections
from aid.models.hints.python.names import BUILTINS, Function, bound, parsed, said_lines, uses
from aid.models.hints.suggestion import Suggestion, TextEdit
from aid.models.hints.wording import flat, nearly
from ces.verdict import Diagnostic

name = "misspelt name"
suffixes = (".py", ".pyi")

_UNDEFINED = re.compile(r"""[Nn]ame ['"](\w+)['"] is not defined""")
_MEANT = re.compile(r"Did you mean:? ['\"](\w+)['\"]")


def propose(diagnostic: Diagnostic, source: SourceText, _: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = flat(diagnostic)
    undefined = _UNDEFINED.search(said)
    if undefined is None:
        return
    places = uses(source.text, undefined[1], *said_lines(diagnostic, source.text)) or uses(source.text, undefined[1])
    meant = _MEANT.findall(said)
    known = (bound(source.text) - {undefined[1]}) | BUILTINS
    reason = f"Python doesn't know `{undefined[1]}`; nearly the same is"
    yield from corrections(source, places, [*meant, *nearly(undefined[1], known)], reason, 0.85)
    methods = [place for place in places if _in_method(source.text, place[0])]
    if methods and re.search(rf"\bself\.{undefined[1]}\b", source.text):
        edits = tuple(TextEdit(source.path, place[0], place[0], "self.") for place in methods)
        yield Suggestion(edits, f"Python doesn't know `{undefined[1]}`; `self.{undefined[1]}` is set here", 0.87)


def _in_method(text: str, at: int) -> bool:
    """Whether a function that takes `self` stands around offset `at`."""
    line = text.count("\n", 0, at) + 1
    tree = parsed(text)
    return any(
        isinstance(node, Function)
        and node.lineno <= line <= (node.end_lineno or node.lineno)
        and any(each.arg == "self" for each in node.args.args)
        for node in (ast.walk(tree) if tree else ())
    )
