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
        lines += [line for line in list(diff)[2:] if not line.startswith("@@")]
    return "\n".join(lines)


def suggestions(
    path: str, text: str, said: str, others: Mapping[str, str], code: str | None, fixes: tuple[Fix, ...]
) -> str:
    """`said` is "LINE:COLUMN-LINE:COLUMN MESSAGE" with one-based lines and zero-based columns."""
    found = re.match(r"(\d+):(\d+)-(\d+):(\d+) (.*)\Z", said, re.DOTALL)
    assert found is not None, said
    first, start, last, end = (int(found[n]) for n in range(1, 5))
    place = Range(first - 1, start, last - 1, end)
    diagnostic = Diagnostic(file=path, range=place, severity="error", message=found[5], code=code, fixes=fixes)
    texts = {path: text, **others}
    sources = tuple(SourceText(path=each, text=content) for each, content in texts.items())
    rows = [
        (-suggestion.confidence, shown(suggestion, rule.name, texts))
        for rule in RULES
        if path.endswith(rule.suffixes)
        for suggestion in rule.propose(diagnostic, sources[0], sources)
    ]
    return "\n".join(row for _, row in sorted(rows, key=lambda pair: pair[0]))


@pytest.fixture
def check() -> Check:
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
        dedented = {name: textwrap.dedent(content) for name, content in (others or {}).items()}
        found = suggestions(path, textwrap.dedent(text), textwrap.dedent(said), dedented, code, fixes)
        assert found == textwrap.dedent(expected).strip("\n")

    return checking
