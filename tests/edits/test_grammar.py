"""What the grammars let through: every reply they allow finds its place, and nothing else is allowed."""

import math
import random
import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aid.edits import Document, Edit, Format, grammar, parse, plan
from aid.edits.grammar import MAX_LINES, Limits, literal, unique_lengths
from aid.models.backend import SourceText

GRAMMARS: list[Format] = ["search-replace", "line-range", "udiff", "apply-patch"]


class Gbnf:
    """Enough of llama.cpp's grammars to sample from them: rules, strings, classes, groups and `? * {m,n}`."""

    TOKEN = re.compile(
        r'\s*("(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\]|[()|?*+]|\{\d*,?\d*\}|[A-Za-z0-9-]+(?:\s*::=)?)', re.DOTALL
    )

    def __init__(self, text: str) -> None:
        self.rules: dict[str, object] = {}
        self.lengths: dict[str, float] = {}
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
                    free = "abz =<>+-*`é😀|7" if "0-9" not in node else "abz =<>+-*`é😀|"
                    return chance.choice([char for char in free if char not in node])
                return chance.choice(node[1:-1].replace("\\t", "\t").replace("0-9", "0123456789"))
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

    def longest(self, node: object = "root") -> float:
        """The most characters that `node` lets through."""
        if isinstance(node, str):
            if node[0] == '"':
                return len(re.sub(r"\\(x[0-9A-F]{2}|.)", "c", node[1:-1]))
            if node[0] == "[":
                return 1
            if node not in self.lengths:
                self.lengths[node] = self.longest(self.rules[node])
            return self.lengths[node]
        assert isinstance(node, tuple)
        if node[0] == "any":
            return max(self.longest(item) for item in node[1])
        if node[0] == "all":
            return sum(self.longest(item) for item in node[1])
        most = {"?": 1, "*": math.inf, "+": math.inf}.get(node[2]) or float(node[2].strip("{}").split(",")[1])
        return most * self.longest(node[1])

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


@pytest.mark.parametrize("format", GRAMMARS)
@pytest.mark.parametrize("chars", [600, 1536, 3072, 12288])
def test_no_reply_is_longer_than_it_may_be(format: Format, chars: int) -> None:
    wide = "".join(f"let line_{number} = {'x' * (number % 90)}\n" for number in range(200))
    sources = [SourceText(path="lib/some_module/source.ml", text=wide), SourceText(path="a.py", text=SOURCE)]
    assert Gbnf(grammar(format, sources, Limits.within(chars))).longest() <= chars


def test_a_line_too_long_to_be_quoted_begins_nothing() -> None:
    source = SourceText(path="a", text="x" * 500 + "\nshort\n")
    gbnf = grammar("search-replace", [source], Limits.within(1536))
    assert [line for line in gbnf.splitlines() if line.startswith("f0 ::=")] == ["f0 ::= f0-l1"]


def test_the_expected_grammar() -> None:
    assert grammar("udiff", [SourceText(path="a", text="x\ny\n")], Limits(edits=2, new_lines=4, line_chars=50)) == (
        "root ::= edit{1,2}\n"
        "edit ::= f0-edit\n"
        'f0-edit ::= "--- a/a\\n+++ b/a\\n@@ @@\\n" f0\n'
        'f0-l0 ::= [ -] "x\\n"\n'
        'f0-l1 ::= [ -] "y\\n"\n'
        'f0-k0 ::= " x\\n"\n'
        'f0-k1 ::= " y\\n"\n'
        "f0-n0 ::= new (f0-k0 (f0-k1)?)?\n"
        "f0-n1 ::= new (f0-k1)?\n"
        "f0-n2 ::= new\n"
        "f0 ::= f0-l0 (f0-n1 | f0-l1 f0-n2) | new f0-k0 | f0-l1 f0-n2\n"
        "any ::= [^\\x00\\r\\n]\n"
        'new ::= ("+" any{0,48} "\\n"){0,4}\n'
    )


def test_what_a_block_quotes_and_what_is_new() -> None:
    assert grammar("search-replace", [SourceText(path="a", text="x\ny\n")]).startswith(
        'root ::= edit ("\\n" edit){0,7}\n'
        "edit ::= f0-edit\n"
        'f0-edit ::= "\\"a\\"\\n<<<<<<< SEARCH\\n" f0 "=======\\n" line{0,24} ">>>>>>> REPLACE\\n"\n'
        'f0-l0 ::= "x\\n"\n'
        'f0-l1 ::= "y\\n"\n'
        "f0 ::= f0-l0 (f0-l1)? | f0-l1\n"
    )


def test_new_lines_never_look_like_quoted_ones() -> None:
    """A reply that numbers its new lines is refused by the parser, so the grammar doesn't let one begin so."""
    gbnf = grammar("line-range", [SourceText(path="a", text="x\ny\n")])
    line = next(rule for rule in gbnf.splitlines() if rule.startswith("line ::="))
    assert "[0-9]{1,6} ([^0-9|" in line and "[^ \\t<=>0-9" in line
    assert "0-9" not in grammar("search-replace", [SourceText(path="a", text="x\ny\n")])


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
    assert len(grammar("udiff", [SourceText(path="a", text=lines)])) < 300 * MAX_LINES


def test_nothing_to_edit_is_no_grammar() -> None:
    assert grammar("search-replace", []) == ""
    assert grammar("udiff", [SourceText(path="a", text="")]) == ""
