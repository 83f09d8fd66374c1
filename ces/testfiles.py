"""Which files are tests, and a change without what it does to them.

A build is told right from wrong by its tests, so a change under judgement doesn't get to choose them: `restore_tests`
puts them back. Pure. Tests inside source files (Rust's `#[cfg(test)]`, OCaml's `let%test`) can't be restored without
undoing the file: `ces.hacks` looks at those.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from ces.change import FileChange, merge

Read = Callable[[str], bytes | None]
_FOLDER = re.compile(
    r"^(?:(?:.*[_-])?tests?|tests?[_-].*|testing|testsuite|testdata|__tests__|__snapshots__|snapshots|specs?|fixtures"
    r"|__mocks__|.*\.t)$"  # a cram test may be a folder
)
_PACKAGES = frozenset({"lib", "src"})  # lib/testing is somebody's library
_NAMES = re.compile(
    r"^(?:test_.*|.*_test|conftest|tests)\.py$|^tests?\.(?:py|mli?|t|rs)$|^.*\.syrupy$|^.*\.ambr$"
    r"|^.*\.(?:test|spec)\.[cm]?[jt]sx?$|^.*\.snap(?:\.new)?$"
    r"|^.*\.expected(?:\..*)?$|^.*\.(?:corrected|reference|golden)$|^.*\.t$|^run\.t$"
    r"|^(?:test_.*|.*_test|.*_tests)\.(?:mli?|rs)$"
    r"|^(?:\.?pytest\.(?:ini|toml)|tox\.ini|jest\.config\..*|vitest\.config\..*|\.mocharc\..*|nextest\.toml)$"
)
_STANZA = re.compile(rb"\(\s*(?:tests?|cram)\b")
_LISTED = re.compile(rb"\(\s*(?:names?|modules)\s+([^()]*)\)")


def is_test(path: str, base: Read) -> bool:
    """Whether a file of the tree that `base` reads is a test, an expected output, or set-up of the test runner.

    An OCaml file is one too where the dune file beside it makes it, or everything there, a `test`; so is that dune file
    where it makes nothing else.
    """
    file = PurePosixPath(path)
    folders = file.parts[:-1]
    for depth, folder in enumerate(folders):
        if _FOLDER.match(folder.lower()) and not (depth and folders[depth - 1] in _PACKAGES and folder == "testing"):
            return True
    if file.suffix in (".ml", ".mli") or file.name == "dune":
        return _ocaml_test(file, base)
    return _NAMES.match(file.name) is not None


def _ocaml_test(file: PurePosixPath, base: Read) -> bool:
    """By what dune makes of it; by its name where dune builds no library there that it may be a part of."""
    dune = base(str(file.parent / "dune")) or b""
    library = re.search(rb"\(\s*library\b", dune) is not None and b"inline_tests" not in dune
    if _NAMES.match(file.name) and not library:
        return True
    if not _STANZA.search(dune):
        return False
    if not re.search(rb"\(\s*(?:library|executables?)\b", dune):
        return True
    stem = file.stem.encode()
    for stanza in _STANZA.finditer(dune):
        if any(stem in names.split() for names in _LISTED.findall(_balanced(dune, stanza.start()))):
            return True
    return False


def _balanced(text: bytes, start: int) -> bytes:
    """The parenthesised text from `start`."""
    depth = 0
    for at in range(start, len(text)):
        depth += {40: 1, 41: -1}.get(text[at], 0)
        if depth == 0:
            return text[start : at + 1]
    return text[start:]


def restore_tests(
    changes: Sequence[FileChange], base: Read, reference: Sequence[FileChange] | None = None
) -> tuple[tuple[FileChange, ...], tuple[str, ...]]:
    """`changes` with tests as the reference leaves them, else as they are in `base`; and the paths put back.

    A test that the candidate moved away or deleted is there again. Where the reference changes or adds a test, its
    version is taken whether or not the candidate touched it.
    """
    wanted = [one for one in reference or () if is_test(one.path, base) or is_test(one.old_path or one.path, base)]
    kept: list[FileChange] = []
    restored: list[str] = []
    for change in changes:
        old, new = change.old_path or change.path, change.path
        if not is_test(old, base) and not is_test(new, base):
            kept.append(change)
            continue
        if change not in wanted:
            restored += [path for path in dict.fromkeys((old, new)) if is_test(path, base)]
        kept += _without_the_test(change, old, new, base)
    restored += [one.path for one in wanted if one.path not in restored and one not in changes]
    return merge(kept, [one for one in wanted if not _gone_already(one, kept)]), tuple(restored)


def _without_the_test(change: FileChange, old: str, new: str, base: Read) -> list[FileChange]:
    """What is left of a change that touches a test: the half of a rename that is none."""
    if old == new:
        return []
    if is_test(old, base):
        return [] if is_test(new, base) else [FileChange(path=new, before=None, after=change.after, mode=change.mode)]
    return [FileChange(path=old, before=change.before, after=None)]


def _gone_already(wanted: FileChange, kept: Sequence[FileChange]) -> bool:
    """A deletion or move, by the reference, of a file that the candidate has moved or deleted: nothing to merge."""
    origin = wanted.old_path or wanted.path
    return any(one.after is None and one.path == origin for one in kept) and wanted.after is None
