"""TypeScript import statements, for sources that needn't parse: what each binds, where a further one goes. Pure."""

import re
from itertools import pairwise

import msgspec

from aid.models.hints.name_list import added, by_letter
from aid.models.hints.nesting import Token

_IMPORT = re.compile(
    r"""^import\b[ \t]*
    (?:
        (?P<type>type\s+(?!from\b|,))?
        (?:(?P<default>[\w$]+)\s*,?\s*)?
        (?P<rest>\{(?P<names>[^}]*)\}|\*\s*as\s+(?P<all>[\w$]+))?\s*
        from\s*
    )?
    (?P<quote>['"])(?P<module>[^'"\n]+)(?P=quote);?[^\n]*$""",
    re.VERBOSE | re.MULTILINE,
)
_NAME = re.compile(r"(?:type\s+)?(?P<name>[\w$]+)(?:\s+as\s+[\w$]+)?")
_HEAD = re.compile(
    r"""\A(?:\#![^\n]*\n)?(?:
        //(?:/|\s*@ts-)[^\n]*\n
      | (?P<q>['"])use\ \w+(?P=q);?[ \t]*\n
      | (?://[^\n]*\n)+(?=[ \t]*\n)
      | /\*(?:(?!\*/).)*\*/[ \t]*\n(?=[ \t]*\n)
      | [ \t]*\n
    )*""",
    re.VERBOSE | re.DOTALL,
)
"""What stays above the first import: `#!`, directives, a comment with a blank line below."""


class Import(msgspec.Struct, frozen=True):
    """One statement, `text[start:end]`. `names` are those in braces, each as long as it is written (`a as b`).

    `rest`: the braces or `* as x`. `whole` is x's place in `* as x`.
    """

    start: int
    end: int
    module: str
    quote: str
    type_only: bool
    default: Token | None
    names: tuple[Token, ...]
    whole: Token | None
    rest: tuple[int, int]

    @property
    def bound(self) -> tuple[Token, ...]:
        return tuple(each for each in (self.default, self.whole, *self.names) if each)


def imports(text: str) -> list[Import]:
    return [_import(text, found) for found in _IMPORT.finditer(text)]


def local(token: Token) -> str:
    """The name that `a`, `type a` or `b as a` binds here."""
    return token.text.split()[-1]


def imported(token: Token) -> str:
    """The name of it in the module it comes from."""
    found = _NAME.fullmatch(token.text)
    return found["name"] if found else token.text


def joined(text: str, statement: Import, name: str) -> tuple[int, str]:
    """Where `name` goes in the braces of `statement`, which hold at least one, and the text to write there."""
    names = [Token(imported(each), each.start, each.end) for each in statement.names]
    return added(text, names, name, (by_letter,))


def insertion(text: str, module: str, clause: str) -> tuple[int, str]:
    """Where `import CLAUSE from "MODULE"` goes, and its line: among the relative imports, in order where they are."""
    there = imports(text)
    quote = there[0].quote if there else '"'
    line = f"import {clause} from {quote}{module}{quote};\n"
    if not there:
        head = _HEAD.match(text)
        at = head.end() if head else 0
        return at, line + ("" if not text[at:].strip() else "\n")
    near = [each for each in there if each.module.startswith(".")] or there
    if near is not there and all(a.module.casefold() <= b.module.casefold() for a, b in pairwise(near)):
        behind = next((each for each in near if each.module.casefold() > module.casefold()), None)
        if behind is not None:
            return behind.start, line
    return (near[-1].end + 1, line) if text[near[-1].end :] else (near[-1].end, f"\n{line}")


def _import(text: str, found: "re.Match[str]") -> Import:
    names = _NAME.finditer(text, *found.span("names")) if found["names"] else ()
    return Import(
        start=found.start(),
        end=found.end(),
        module=found["module"],
        quote=found["quote"],
        type_only=found["type"] is not None,
        default=Token(found["default"], *found.span("default")) if found["default"] else None,
        names=tuple(Token(each[0], *each.span()) for each in names),
        whole=Token(found["all"], *found.span("all")) if found["all"] else None,
        rest=found.span("rest"),
    )
