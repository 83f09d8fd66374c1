"""The `hints` back end: no model, only rules over what the compiler says.

It reads `Prompt.diagnostics` and `Prompt.sources`, never the messages, and answers with one line for each suggestion
("Hint (did you mean): …") and SEARCH/REPLACE blocks. `Prompt.seed` chooses the candidate: seed i (None: 0) gives the
i-th best combination of suggestions, and 0 mends as many errors at once as it can. When there is no i-th combination
the answer is one empty chunk with `finish` "stop", and so is every later one. Nothing here raises or waits.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from importlib.metadata import entry_points
from itertools import islice
from pathlib import PurePosixPath
from typing import cast

import msgspec

from aid import edits
from aid.config import HintsModel
from aid.models.backend import Capabilities, Chunk, Prompt, SourceText
from aid.models.hints import ocaml, python, rust, typescript
from aid.models.hints.combine import Combination, combinations
from aid.models.hints.suggestion import Rule, Suggestion
from ces.change import FileChange
from ces.verdict import Diagnostic

ENTRY_POINTS = "aid.hints"
UNUSED_CODES = ("TS6133", "TS6192", "TS6196")
BUILD_FILES = ("dune",)
"""What a diagnostic that names no file (a linker's) is tried on."""

RULES: tuple[Rule, ...] = (*ocaml.RULES, *python.RULES, *rust.RULES, *typescript.RULES)


class HintsBackend:
    """Rules as a `Backend`. Other packages add rules as entry points of group "aid.hints"."""

    def __init__(self, name: str, settings: HintsModel) -> None:
        self.name = name
        self.settings = settings
        self.capabilities = Capabilities(
            local=True, deterministic=True, format="search-replace", context_tokens=1_000_000_000
        )
        self.rules = (*RULES, *(cast(Rule, point.load()) for point in entry_points(group=ENTRY_POINTS)))

    async def stream(self, prompt: Prompt) -> AsyncIterator[Chunk]:
        text = answer(prompt, self.rules)
        if text:
            yield Chunk(text=text)
        yield Chunk(finish="stop")

    async def count_tokens(self, text: str) -> int:
        """Bytes: no tokenizer makes more of them."""
        return len(text.encode())

    async def close(self) -> None:
        pass


class _Attributed(msgspec.Struct, frozen=True):
    rule: str
    suggestion: Suggestion


def answer(prompt: Prompt, rules: Sequence[Rule] = RULES) -> str:
    """The reply for `prompt`; empty when its seed is past the last combination."""
    found = [_suggestions(diagnostic, prompt.sources, rules) for diagnostic in _worst(prompt.diagnostics)]
    choices = [[each.suggestion for each in group] for group in found]
    names = {each.suggestion: each.rule for group in found for each in group}
    chosen = next(islice(_effective(choices, prompt.sources), prompt.seed or 0, None), None)
    if chosen is None:
        return ""
    taken, changes = chosen
    prose = "\n".join(f"Hint ({names[each]}): {each.reason}" for each in taken)
    return f"{prose}\n\n{edits.render(changes, 'search-replace')}"


def propose(diagnostic: Diagnostic, sources: Sequence[SourceText], rules: Sequence[Rule] = RULES) -> list[Suggestion]:
    """What every rule suggests for one diagnostic, most confident first."""
    found = [each.suggestion for each in _suggestions(diagnostic, sources, rules)]
    return sorted(found, key=lambda suggestion: -suggestion.confidence)


def _suggestions(diagnostic: Diagnostic, sources: Sequence[SourceText], rules: Sequence[Rule]) -> list[_Attributed]:
    named = [each for each in sources if each.path == diagnostic.file]
    if diagnostic.file is None:
        named = [each for each in sources if PurePosixPath(each.path).name in BUILD_FILES]
    return [
        _Attributed(rule.name, suggestion)
        for source in named
        for rule in rules
        if source.path.endswith(rule.suffixes)
        for suggestion in rule.propose(diagnostic, source, sources)
    ]


def _worst(diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    """The errors; where there is none, everything.

    A name that tsc finds unused beside other errors is most often used where another error stands.
    """
    errors = [each for each in diagnostics if each.severity == "error"] or list(diagnostics)
    return [each for each in errors if each.code not in UNUSED_CODES] or errors


def _effective(
    choices: Sequence[Sequence[Suggestion]], sources: Sequence[SourceText]
) -> Iterator[tuple[Combination, list[FileChange]]]:
    """The combinations that change something, with what they change."""
    for taken in combinations(choices):
        changes = _changes(taken, sources)
        if changes:
            yield taken, changes


def _changes(taken: Combination, sources: Sequence[SourceText]) -> list[FileChange]:
    after: dict[str, str] = {source.path: source.text for source in sources}
    written = {edit for suggestion in taken for edit in suggestion.edits}
    for edit in sorted(written, key=lambda each: (each.path, each.start, each.end), reverse=True):
        text = after[edit.path]
        after[edit.path] = text[: edit.start] + edit.text + text[edit.end :]
    return [
        FileChange(path=source.path, before=source.text.encode(), after=after[source.path].encode())
        for source in sources
        if after[source.path] != source.text
    ]
