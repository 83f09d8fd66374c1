"""Changes that change nothing: empty ones, and those of white space, comments or documents alone."""

import ast
from collections.abc import Iterator

from ces.hacks.case import Family, Trick
from ces.hacks.edited import Edited, EditedFile
from ces.hacks.languages import is_document
from ces.hacks.source import Source, marks, squeezed
from ces.verdict import Flag


def find(change: Edited) -> Iterator[Flag]:
    if any(file.change.mode is not None for file in change.files):
        return  # a script that may be run at last is a change
    files = [file for file in change.files if file.change.before != file.change.after or file.change.old_path]
    if not files:
        yield Flag(name="empty-diff", path=None, message="no file changes")
        return
    first = files[0].path
    if all(_blank(file) for file in files):
        yield Flag(name="whitespace-only", path=first, message="only white space changes")
    elif all(is_document(file.path) or _blank(file) or same_code(file) for file in files):
        yield Flag(name="comment-only", path=first, message="no code changes: only comments, documents and white space")


def _blank(file: EditedFile) -> bool:
    if file.change.old_path:
        return False
    before, after = file.change.before, file.change.after
    if before is None or after is None:
        return not (before or b"").strip() and not (after or b"").strip() and not file.path.endswith(".py")
    if _unspaced(file.before, file.removed) != _unspaced(file.after, file.added):  # saves reading most files whole
        return False
    return before.split() == after.split() and (file.language is None or same_code(file))


def _unspaced(source: Source, lines: frozenset[int]) -> str:
    return "".join("".join(source.lines[line] for line in sorted(lines)).split())


def same_code(file: EditedFile) -> bool:
    """Whether a file says the same after as before, comments and layout aside."""
    if file.change.old_path or file.language is None or file.change.before is None or file.change.after is None:
        return False
    if marks(file.before, file.removed) != marks(file.after, file.added):  # saves reading most files whole
        return False
    if file.language == "python":
        return _python(file.before) == _python(file.after)
    return squeezed(file.before) == squeezed(file.after)


def _python(source: Source) -> str:
    """What the interpreter sees, docstrings left out; the tokens where it doesn't parse."""
    try:
        tree = ast.parse(source.raw)
    except (SyntaxError, ValueError):
        return "\n".join(line.rstrip() for line in source.uncommented.split("\n") if line.strip())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            del body[0]
    return ast.dump(tree)


FAMILY = Family(
    name="nothing",
    tricks=(
        Trick("empty-diff", "The change is empty."),
        Trick("whitespace-only", "Only white space changes."),
        Trick("comment-only", "Only comments, documents and white space change."),
    ),
    find=find,
)
