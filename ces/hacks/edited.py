"""A change as the detectors read it: each file before and after, and which lines are new or gone."""

import difflib
import re
from collections.abc import Sequence
from functools import cached_property, lru_cache

import msgspec

from ces.change import FileChange
from ces.hacks.case import Case, Read
from ces.hacks.definitions import Definition, definitions, known_definitions
from ces.hacks.inline_tests import test_lines
from ces.hacks.languages import is_document
from ces.hacks.source import Source, common, known
from ces.testfiles import is_test

_MOST_COMPARED = 4_000_000


class EditedFile(msgspec.Struct, frozen=True, dict=True):
    """One file. A side where it isn't there is empty. `test`: it is part of the tests."""

    change: FileChange
    test: bool

    @property
    def path(self) -> str:
        return self.change.path

    @cached_property
    def before(self) -> Source:
        return known(self.change.old_path or self.change.path, self.change.before or b"")

    @cached_property
    def after(self) -> Source:
        return Source(self.change.path, self.change.after or b"", self.before if self.change.before else None)

    @cached_property
    def language(self) -> str | None:
        return self.after.language

    @cached_property
    def _changed(self) -> tuple[frozenset[int], frozenset[int]]:
        return changed_lines(self.before.lines, self.after.lines)

    @property
    def removed(self) -> frozenset[int]:
        """Lines of the text before that are gone or changed."""
        return self._changed[0]

    @property
    def added(self) -> frozenset[int]:
        """Lines of the text after that are new or changed."""
        return self._changed[1]

    @cached_property
    def added_code(self) -> frozenset[int]:
        """Added lines that are more than blanks and comments, and no tests where the file is none."""
        tests = frozenset[int]() if self.test or not self.added else test_lines(self.after)
        return frozenset(line for line in self.added - tests if self.after.code_lines[line].strip())

    @cached_property
    def removed_code(self) -> frozenset[int]:
        tests = frozenset[int]() if self.test or not self.removed else test_lines(self.before)
        return frozenset(line for line in self.removed - tests if self.before.code_lines[line].strip())

    @cached_property
    def defined_before(self) -> dict[str, Definition]:
        return known_definitions(self.before)

    @cached_property
    def defined(self) -> dict[str, Definition]:
        return definitions(self.after)

    @cached_property
    def both(self) -> tuple[tuple[Definition, Definition], ...]:
        """Definitions that are there before and after and differ; what only holds others isn't among them."""
        pairs = ((one, self.defined.get(name)) for name, one in self.defined_before.items())
        return tuple((old, new) for old, new in pairs if new is not None and not new.holds and old.differs(new))

    @property
    def place(self) -> str:
        """Its path before the change; an interface and what it is of are one place."""
        return (self.change.old_path or self.path).removesuffix("i")

    @cached_property
    def touched(self) -> frozenset[str]:
        """The definitions, before or after, that a changed line of code is in."""
        sides = ((self.defined_before, self.removed_code), (self.defined, self.added_code))
        return frozenset(
            name
            for defined, lines in sides
            for name, one in defined.items()
            if not one.holds and any(one.first <= line <= one.last for line in lines)
        )

    def still_named(self, name: str) -> bool:
        """Whether the text after doesn't quite parse but has the name: it may be defined where nothing was read."""
        root = self.after.root
        return root is not None and root.has_error and re.search(rf"\b{re.escape(name)}\b", self.after.code) is not None

    @cached_property
    def added_text(self) -> str:
        return "\n".join(self.after.lines[line] for line in sorted(self.added))


class Edited(msgspec.Struct, frozen=True, dict=True):
    """A change set, over the case's base."""

    files: tuple[EditedFile, ...]
    case: Case

    @cached_property
    def code(self) -> tuple[EditedFile, ...]:
        """Files that are neither tests nor documents."""
        return tuple(file for file in self.files if not file.test and not is_document(file.path))

    @cached_property
    def running(self) -> tuple[EditedFile, ...]:
        """Those that do something when they run; an interface only names types."""
        return tuple(file for file in self.code if not file.path.endswith((".mli", ".pyi", ".d.ts")))

    @cached_property
    def tests(self) -> tuple[EditedFile, ...]:
        return tuple(file for file in self.files if file.test)

    @cached_property
    def places(self) -> frozenset[tuple[str, str]]:
        """Definitions that the change touches, as (path, name); where it touches none, the files it touches."""
        found = frozenset((file.place, name) for file in self.code for name in file.touched)
        return found or frozenset(
            (file.change.old_path or file.path, "") for file in self.code if file.language != "config"
        )

    @cached_property
    def left(self) -> frozenset[str]:
        """The files of the base that stay where they are."""
        moved = {file.change.old_path for file in self.files}
        return frozenset(self.case.paths - moved - {file.path for file in self.files if file.change.after is None})

    @cached_property
    def added_lines(self) -> int:
        """Code lines added outside tests."""
        return sum(len(file.added_code) for file in self.code)

    @cached_property
    def removed_lines(self) -> int:
        return sum(len(file.removed_code) for file in self.code)


def edited(case: Case, changes: Sequence[FileChange]) -> Edited:
    """`changes`, the case's own or its reference, ready for the detectors."""
    return Edited(tuple(known_edit(change, _test(change, case.base)) for change in changes), case)


@lru_cache(maxsize=64)
def known_edit(change: FileChange, test: bool) -> EditedFile:
    """A change is read to say which flags it has, and again to say which count; a reference, for each candidate."""
    return EditedFile(change, test)


def _test(change: FileChange, base: Read) -> bool:
    return is_test(change.old_path or change.path, base) or is_test(change.path, base)


def changed_lines(before: Sequence[str], after: Sequence[str]) -> tuple[frozenset[int], frozenset[int]]:
    """The lines of `before` that are gone or changed, and those of `after` that are new or changed."""
    head, foot = _kept(before, after)
    cut, kept = before[head : len(before) - foot], after[head : len(after) - foot]
    if len(cut) * len(kept) > _MOST_COMPARED:  # rewritten: a line that stood there before counts as kept
        old, new = set(cut), set(kept)
        return (
            frozenset(head + at for at, line in enumerate(cut) if line not in new),
            frozenset(head + at for at, line in enumerate(kept) if line not in old),
        )
    removed: set[int] = set()
    added: set[int] = set()
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, cut, kept, autojunk=False).get_opcodes():
        if tag != "equal":
            removed.update(range(head + i1, head + i2))
            added.update(range(head + j1, head + j2))
    return frozenset(removed), frozenset(added)


def _kept(before: Sequence[str], after: Sequence[str]) -> tuple[int, int]:
    """How many lines both begin with, and how many of the others both end with."""
    most = min(len(before), len(after))
    head = common(before, after, most)
    return head, common(before[::-1], after[::-1], most - head)
