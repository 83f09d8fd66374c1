"""OCaml's tokens, for source that doesn't parse. Pure.

Comments nest and count as blanks; a string, comment or bracket left open ends where the text ends (OCaml 4.13
reference manual, chapter 11.1, "Lexical conventions").
"""

import re
from functools import lru_cache

from aid.models.hints import nesting
from aid.models.hints.nesting import Token

_PIECE = re.compile(
    r"""
    (?P<comment>\(\*(?!\)))
  | (?P<quoted>\{(?P<tag>[a-z_]*)\|.*?(?:\|(?P=tag)\}|\Z))
  | (?P<string>"(?:\\.|[^"\\])*(?:"|\Z))
  | (?P<char>'(?:\\[^']+|\\'|[^\\'\n])')
  | (?P<number>\d[\w.]*(?:(?<=[eE])[+-]\d+)?)
  | (?P<name>[~?]?[A-Za-z_][\w']*)
  | (?P<close>[|>]?[\]}])
  | (?P<open>\[[|<>]?|\{<?|\()
  | (?P<symbol>;;|[-+*/=<>@^&|!?~:.$%]+|\#)
  | (?P<other>\S)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_PIECE = re.compile(r'\(\*|\*\)|"(?:\\.|[^"\\])*"', re.DOTALL)

CLOSERS = {"(": ")", "[": "]", "[|": "|]", "{": "}", "begin": "end", "struct": "end", "sig": "end", "do": "done"}
_KEYWORDS = (
    "and as assert begin class constraint do done downto else end exception external for fun function functor if "
    "in include inherit initializer lazy let match method module mutable new nonrec object of open or private rec sig "
    "struct then to try type val virtual when while with"
)
KEYWORDS = frozenset(_KEYWORDS.split())


@lru_cache(maxsize=16)
def tokens(text: str) -> tuple[Token, ...]:
    """The tokens of `text`, in order."""
    found = []
    at = 0
    while piece := _PIECE.search(text, at):
        if piece.lastgroup == "comment":
            at = _comment_end(text, piece.start())
            continue
        found.append(Token(piece.group(), piece.start(), piece.end()))
        at = piece.end()
    return tuple(found)


def unclosed(run: tuple[Token, ...]) -> list[Token]:
    """As `nesting.unclosed`, with `begin`, `struct`, `sig` and `do` among the openers."""
    return nesting.unclosed(run, CLOSERS)


def item(text: str, at: int) -> tuple[Token, ...]:
    """The tokens before offset `at` of the top-level item it ends or stands in (items begin in column 0)."""
    before = [token for token in tokens(text) if token.start < at]
    for i in range(len(before) - 1, -1, -1):
        token = before[i]
        if token.text in ("let", "module", "type") and (token.start == 0 or text[token.start - 1] == "\n"):
            return tuple(before[i:])
    return tuple(before)


def _comment_end(text: str, start: int) -> int:
    depth, at = 0, start
    while piece := _COMMENT_PIECE.search(text, at):
        at = piece.end()
        depth += {"(*": 1, "*)": -1}.get(piece.group(), 0)
        if depth == 0:
            return at
    return len(text)
