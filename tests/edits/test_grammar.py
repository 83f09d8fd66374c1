"""What the grammars let through: every reply they allow finds its place, and nothing else is allowed."""

import random
import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aid.edits import Document, Edit, Format, grammar, parse, plan
from aid.edits.grammar import MAX_LINES, literal, unique_lengths
from aid.models.backend import SourceText

GRAMMARS: list[Format] = ["search-replace", "line-range", "udiff", "apply-patch"]


class Gbnf:
    """Enough of llama.cpp's grammars to sample from them: rules, strings, classes, groups and `? * {m,n}`."""

    TOKEN = re.compile(
        r'\s*("(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\]|[()|?*+]|\{\d*,?\d*\}|[A-Za-z0-9-]+(?:\s*::=)?)', re.DOTALL
    )

    def __init__(self, text: str) -> None:
        self.rules: dict[str, object] = {}
        tokens = self.TOKEN.findall(text)
        assert re.sub(r"\s", "", "".join(tokens)) == re.sub(r"\s", "", text), "not GBNF"
        starts = [at for at, token in enumerate(tokens) if token.endswith("::=")] + [len(tokens)]
        for start, end in pairwise(starts):
            self.rest = tokens[start + 1 : end]
            self.rules[tokens[start].removesuffix("::=").strip()] = self.alternatives()
            assert not self.rest

    def alternatives(self) -> object:
        found = [self.sequence()]
        while self.rest and self.rest[0] == "|":
            self.rest.pop(0)
            found.append(self.sequence())
        return ("any", found)

    def sequence(self) -> object:
        items: list[object] = []
        while self.rest and self.rest[0] not in ("|", ")"):
            token = self.rest.pop(0)
            if token == "(":
                items.append(self.alternatives())
                assert self.rest.pop(0) == ")"
            elif token in "?*+" or token[0] == "{":
                items[-1] = ("repeat", items[-1], token)
            else:
                items.append(token)
        return ("all", items)

    def sample(self, chance: random.Random, node: object = "root") -> str:
        if isinstance(node, str):
            if node[0] == '"':
                return re.sub(r"\\(x[0-9A-F]{2}|.)", self.unescape, node[1:-1])
            if node[0] == "[":
                if node[1] == "^":
                    return chance.choice([char for char in "abz =<>+-*`é😀" if char not in node])
                return chance.choice(re.sub(r"\\t", "\t", node[1:-1]))
            return self.sample(chance, self.rules[node])
        assert isinstance(node, tuple)
        if node[0] == "any":
            return self.sample(chance, chance.choice(node[1]))
        if node[0] == "all":
            return "".join(self.sample(chance, item) for item in node[1])
        low, high = {"?": (0, 1), "*": (0, 3), "+": (1, 3)}.get(node[2]) or (
            int(part or 0) for part in node[2].strip("{}").split(",")
        )
        return "".join(self.sample(chance, node[1]) for _ in range(chance.randint(low, min(high, low + 2))))

    @staticmethod
    def unescape(match: re.Match[str]) -> str:
        code = match[1]
        return (
            chr(int(code[1:], 16))
            if code[0] == "x" and len(code) == 3
            else {"n": "\n", "r": "\r", "t": "\t"}.get(code, code)
        )


SOURCE = (
    "def f(x):\n\n    return x\n\n\ndef g(x):\n\n    return x\n"
    '=======\n*** End Patch\n"q\\uote"\té😀\n>>>>>>> REPLACE\n```\nend\n'
)
ROWS = ["a", "b", "", "  a", "=======", ">>>>>>> END", "@@", "-a", "+a", '"\\', "1| a", "*** End Patch"]


def check_fits(format: Format, sources: list[SourceText], seed: int) -> None:
    """A reply sampled from the grammar names the files, and each of its edits, alone, finds its place."""
    gbnf = grammar(format, sources)
    reply = Gbnf(gbnf).sample(random.Random(seed))
    files = {source.path: Document(path=source.path, content=source.text.encode()) for source in sources}
    edits = parse(reply, format)
    for edit in edits:
        assert isinstance(edit, Edit) and edit.path in files, (edit, reply)
        planned = plan([edit], files.get)
        assert planned.rejected == (), (planned.rejected, edit, reply)


@pytest.mark.parametrize("format", GRAMMARS)
def test_every_reply_it_allows_finds_its_place(format: Format) -> None:
    sources = [SourceText(path="a.py", text=SOURCE), SourceText(path="dir/Make file", text="all:\n\techo\n\techo\nx\n")]
    for seed in range(60):
        check_fits(format, sources, seed)


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(st.sampled_from(ROWS), min_size=1, max_size=15),
    newline=st.sampled_from(["\n", "\r\n"]),
    final=st.booleans(),
    seed=st.integers(0, 9),
    format=st.sampled_from(GRAMMARS),
)  # fmt: skip
def test_whatever_the_file_holds(rows: list[str], newline: str, final: bool, seed: int, format: Format) -> None:
    text = newline.join(rows) + (newline if final else "")
    source = SourceText(path="f.txt", text=text)
    if grammar(format, [source]):
        check_fits(format, [source], seed)


def test_only_shown_lines_can_be_quoted() -> None:
    gbnf = grammar("search-replace", [SourceText(path="a", text="one\ntwo\nthree\nfour\n", shown=((1, 3),))])
    assert "two" in gbnf and "three" in gbnf
    assert "one" not in gbnf and "four" not in gbnf


def test_a_search_begins_with_as_many_lines_as_make_it_unique() -> None:
    assert unique_lengths(["x", "a", "x", "b"], 5) == {0: 2, 1: 1, 2: 2, 3: 1}
    assert unique_lengths(["x"] * 100, 40) == {}


def test_the_expected_grammar() -> None:
    assert grammar("search-replace", [SourceText(path="a", text="x\ny\n")]) == (
        'root ::= edit ("\\n" edit){0,7}\n'
        "edit ::= f0-edit\n"
        'f0-edit ::= "\\"a\\"\\n<<<<<<< SEARCH\\n" f0 "=======\\n" free ">>>>>>> REPLACE\\n"\n'
        'f0-l0 ::= "x\\n"\n'
        "f0-n0 ::= f0-l0 f0-n1?\n"
        'f0-l1 ::= "y\\n"\n'
        "f0-n1 ::= f0-l1\n"
        "f0 ::= (f0-l0 f0-n1? | f0-l1)\n"
        "any ::= [^\\x00\\r\\n]\n"
        'free ::= ([ \\t]* ([^ \\t<=>\\x00\\r\\n] any* | "<" ([^<\\x00\\r\\n] any*)? | "<<" ([^<\\x00\\r\\n] any*)? | '
        '"<<<" ([^<\\x00\\r\\n] any*)? | "<<<<" ([^<\\x00\\r\\n] any*)? | "<<<<<" ([^<\\x00\\r\\n] any*)? | '
        '"<<<<<<" ([^<\\x00\\r\\n] any*)? | "=" ([^=\\x00\\r\\n] any*)? | "==" ([^=\\x00\\r\\n] any*)? | '
        '"===" ([^=\\x00\\r\\n] any*)? | "====" ([^=\\x00\\r\\n] any*)? | "=====" ([^=\\x00\\r\\n] any*)? | '
        '"======" ([^=\\x00\\r\\n] any*)? | ">" ([^>\\x00\\r\\n] any*)? | ">>" ([^>\\x00\\r\\n] any*)? | '
        '">>>" ([^>\\x00\\r\\n] any*)? | ">>>>" ([^>\\x00\\r\\n] any*)? | ">>>>>" ([^>\\x00\\r\\n] any*)? | '
        '">>>>>>" ([^>\\x00\\r\\n] any*)?)? "\\n")*\n'
    )


def test_strings_are_escaped() -> None:
    assert literal('a"b\\c\n\t\x7f\ré') == '"a\\"b\\\\c\\n\\x09\\x7F\\x0Dé"'


def test_whole_files_have_their_names_held() -> None:
    gbnf = grammar("whole", [SourceText(path="a.md", text="```\ncode\n```\n")])
    reply = Gbnf(gbnf).sample(random.Random(1))
    assert reply.startswith("a.md\n````\n")
    edits = parse(reply, "whole")
    assert all(isinstance(edit, Edit) and edit.path == "a.md" for edit in edits)


def test_it_grows_with_the_lines_and_no_faster() -> None:
    def size(count: int) -> int:
        return len(
            grammar("search-replace", [SourceText(path="a", text="".join(f"x\n{number}\n" for number in range(count)))])
        )

    assert size(200) < 2.5 * size(100)
    lines = "".join(f"{number}\n" for number in range(5 * MAX_LINES))
    assert len(grammar("udiff", [SourceText(path="a", text=lines)])) < 200 * MAX_LINES


def test_nothing_to_edit_is_no_grammar() -> None:
    assert grammar("search-replace", []) == ""
    assert grammar("udiff", [SourceText(path="a", text="")]) == ""
