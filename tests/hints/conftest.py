"""One check for every rule: what the compiler said and a source in, the suggestions and their lines out."""

import difflib
import re
import textwrap
from collections.abc import Callable, Mapping

import pytest

from aid.models.backend import SourceText
from aid.models.hints import RULES, Suggestion
from ces.verdict import Diagnostic, Fix, Range

collect_ignore = ["breakages"]  # workspaces with tests of their own

Check = Callable[..., None]


def shown(suggestion: Suggestion, rule: str, sources: Mapping[str, str]) -> str:
    lines = [f"{rule} {suggestion.confidence:.2f}: {suggestion.reason}"]
    for path in sorted({edit.path for edit in suggestion.edits}):
        after = sources[path]
        for edit in sorted(suggestion.edits, key=lambda each: -each.start):
            if edit.path == path:
                after = after[: edit.start] + edit.text + after[edit.end :]
        diff = difflib.unified_diff(sources[path].splitlines(), after.splitlines(), n=0, lineterm="")
        lines += [each for line in list(diff)[2:] for each in placed(line, sources[path].splitlines())]
    return "\n".join(lines)


def placed(line: str, before: list[str]) -> list[str]:
    """A line of a diff; of a hunk's header only the line that something new stands below."""
    if not line.startswith("@@"):
        return [line]
    added = re.match(r"@@ -(\d+),0 ", line)
    return [f" {before[int(added[1]) - 1]}"] if added and int(added[1]) else []


def suggestions(diagnostic: Diagnostic, texts: Mapping[str, str]) -> str:
    """What every rule makes of `diagnostic`, likeliest first; the first of `texts` is the file it is about."""
    sources = tuple(SourceText(path=each, text=content) for each, content in texts.items())
    rows = [
        (-suggestion.confidence, shown(suggestion, rule.name, texts))
        for rule in RULES
        if sources[0].path.endswith(rule.suffixes)
        for suggestion in rule.propose(diagnostic, sources[0], sources)
    ]
    return "\n".join(row for _, row in sorted(rows, key=lambda pair: pair[0]))


def place(said: str) -> tuple[Range, str]:
    """The place and the message of "LINE:COLUMN-LINE:COLUMN MESSAGE", one-based lines and zero-based columns."""
    found = re.match(r"(\d+):(\d+)-(\d+):(\d+) (.*)\Z", said, re.DOTALL)
    assert found is not None, said
    first, start, last, end = (int(found[n]) for n in range(1, 5))
    return Range(first - 1, start, last - 1, end), found[5]


@pytest.fixture
def check() -> Check:
    """Called with a source, what the compiler said of it, and every suggestion expected, as `shown` prints it."""

    def checking(
        path: str,
        text: str,
        said: str,
        expected: str,
        others: Mapping[str, str] | None = None,
        *,
        code: str | None = None,
        fixes: tuple[Fix, ...] = (),
    ) -> None:
        texts = {name: textwrap.dedent(content) for name, content in {path: text, **(others or {})}.items()}
        where, message = place(textwrap.dedent(said))
        diagnostic = Diagnostic(file=path, range=where, severity="error", message=message, code=code, fixes=fixes)
        assert suggestions(diagnostic, texts) == textwrap.dedent(expected).strip("\n")

    return checking
