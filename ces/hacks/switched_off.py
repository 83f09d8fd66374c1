"""Checkers and tests switched off outright, by the settings or by a file that no checker reads.

Unlike a weaker setting (`ces.hacks.configs`), which honest changes have too, this counts whatever else a change does.
"""

import re
from collections.abc import Iterator

from ces.hacks.case import Family, Read, Trick
from ces.hacks.checkers import CHECKERS, Checker, Settings, parsed, table
from ces.hacks.edited import Edited
from ces.testfiles import is_test
from ces.verdict import Flag

_SETTINGS = re.compile(
    r"(?:.*/)?(?:pyproject\.toml|setup\.cfg|tox\.ini|\.?mypy\.ini|\.?pytest\.(?:ini|toml)|[^/]*\.json)"
)
_NOTHING = re.compile(
    r"\s*(?:true|:|exit 0|echo\b[^&|;]*)?\s*|.*\bno test specified\b.*|.*(?:\|\||;|&&)\s*(?:true|:|exit 0)\s*"
)
_SCRIPT = re.compile(r"\.([cm]?)tsx?$")


def find(change: Edited) -> Iterator[Flag]:
    before, after = change.case.base, _after(change)
    if any(_SETTINGS.fullmatch(path) for file in change.files for path in (file.path, file.change.old_path or "")):
        for checker in CHECKERS:
            yield from _off(checker, change, before, after)
        yield from _no_tests(before, after)
    yield from _unchecked(change, after)


def _after(change: Edited) -> Read:
    gone = {file.change.old_path or file.path for file in change.files}
    come = {file.path: file.change.after for file in change.files}
    return lambda path: come[path] if path in come else None if path in gone else change.case.base(path)


def _off(checker: Checker, change: Edited, before: Read, after: Read) -> Iterator[Flag]:
    """At most one flag a checker: what it does no more."""
    had, has = list(checker.settings(before)), list(checker.settings(after))
    if not had:
        return
    if not has:
        if not _replaced(checker, before, after):
            yield _flag(had[0].path, f"{checker.name} isn't configured any more")
        return
    if _overridden(had[0], has):
        yield _flag(has[0].path, f"its settings for {checker.name} hold in place of those in {had[0].path}")
    elif checker.checked is not None:
        was, now = checker.checked(had[0], before), checker.checked(has[0], after)
        if now.off and not was.off:
            yield _flag(has[0].path, f"{checker.name} is switched off")
        elif not now.off:
            watched = _watched(checker, change) if had != has else ()
            left_out = next((path for path in watched if now.leaves_out(path) and not was.leaves_out(path)), None)
            if left_out is not None:
                yield _flag(has[0].path, f"{checker.name} doesn't look at {left_out} any more")


def _replaced(checker: Checker, before: Read, after: Read) -> bool:
    """Whether another checker of the same files is configured in its place; pytest runs without settings."""
    others = [one for one in CHECKERS if one is not checker and set(one.suffixes) & set(checker.suffixes)]
    return checker.checked is None or any(
        next(one.settings(after), None) is not None and next(one.settings(before), None) is None for one in others
    )


def _overridden(had: Settings, has: list[Settings]) -> bool:
    """Whether other settings hold than before, say less, and what held still stands there or is lost altogether."""
    if has[0].path == had.path or not had.stated:
        return False
    now = has[0].stated
    if any(one.path == had.path and one.stated for one in has):
        return any(_squeezed(now.get(key)) != _squeezed(value) for key, value in had.stated.items())
    return not had.stated.keys() & now.keys()


def _squeezed(value: object) -> str:
    """A value however it's written."""
    return re.sub(r"[\s\"',\[\]]", "", str(value)).lower()


def _watched(checker: Checker, change: Edited) -> Iterator[str]:
    """The files that a change may want unchecked: what it touches, then the tests."""
    for file in change.files:
        if file.change.after is not None and file.path.endswith(checker.suffixes):
            yield file.path
    for path in sorted(change.left):
        if path.endswith(checker.suffixes) and is_test(path, change.case.base):
            yield path


def _no_tests(before: Read, after: Read) -> Iterator[Flag]:
    if not _NOTHING.fullmatch(_test_script(before)) and _NOTHING.fullmatch(_test_script(after)):
        yield _flag("package.json", "npm test runs nothing any more")


def _test_script(read: Read) -> str:
    script = (table(parsed(read, "package.json"), "scripts") or {}).get("test")
    return " ".join(script.split()) if isinstance(script, str) else ""


def _unchecked(change: Edited, after: Read) -> Iterator[Flag]:
    """TypeScript that is JavaScript now, where nobody checks that."""
    gone = {_SCRIPT.sub(r".\1js", path) for path in _gone(change) if _SCRIPT.search(path)}
    come = [file.path for file in change.files if re.sub("x$", "", file.path) in gone and file.change.after is not None]
    if not come:
        return
    checks_scripts = any(
        (table(one.stated, "compilerOptions") or {}).get("checkJs") is True
        for checker in CHECKERS
        if checker.name == "tsc"
        for one in checker.settings(after)
    )
    if not checks_scripts and change.case.base("tsconfig.json") is not None:
        yield _flag(come[0], "TypeScript is rewritten as JavaScript, which isn't checked")


def _gone(change: Edited) -> Iterator[str]:
    for file in change.files:
        if file.change.after is None or file.change.old_path:
            yield file.change.old_path or file.path


def _flag(path: str, says: str) -> Flag:
    return Flag(name="checks-off", path=path, message=says)


FAMILY = Family(
    name="switched_off",
    tricks=(Trick("checks-off", "A checker or the tests are switched off, for some of the change's files or all."),),
    find=find,
)
