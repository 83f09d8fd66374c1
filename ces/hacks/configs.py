"""Checkers and test runners told to look away, in the files that configure them."""

import re
from collections import Counter
from collections.abc import Iterator

import msgspec

from ces.hacks.case import Family, Trick
from ces.hacks.edited import Edited, EditedFile
from ces.hacks.patterns import shown
from ces.hacks.source import Source
from ces.verdict import Flag


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of the files that `name` matches which weaken a check when they come, and which did when they go."""

    name: str
    come: str = r"(?!)"
    go: str = r"(?!)"


_LINTER = (
    r"(?:ruff|flake8|black|isort|pylint|pycodestyle|pydocstyle|codespell|bandit|markdownlint\S*|yamllint|eslint)\b"
)
_LINTERS = re.compile(rf"\b{_LINTER}")
_CALLS = re.compile(rf"\s*(?:[\w-]+\s*=\s*)?[\[\s\"'-]*(?:python3?\s+-m\s+)?{_LINTER}\s+[\w./-]")
_CHECKERS = re.compile(r"\b(?:mypy|pytest|pyright|coverage)\b")
_PACKAGED = re.compile(
    r"\[+(?:tool\.(?:hatch\.build|setuptools|poetry|flit|pdm\.build|scikit-build)|options|metadata)\b"
)
_LEFT_OUT = re.compile(r"\s*\"?(?:exclude|ignore)\b")
_NARROW = re.compile(r"\[+(?:tool\.mypy\.overrides|mypy-)")
_INI = re.compile(r"\[")
_TOML = re.compile(r"\s*\[\[?[\w\s.\"'-]+\]\]?\s*$")
Placed = tuple[str, bool]
SETTINGS = (
    Setting(
        name=r"(?:pyproject\.toml|setup\.cfg|mypy\.ini|\.mypy\.ini|tox\.ini|\.?pytest\.(?:ini|toml)|ruff\.toml|\.flake8|\.pylintrc"
        r"|pyrightconfig\.json|\.coveragerc)",
        come=r"^\s*\"?(?:ignore_errors|ignore_missing_imports|allow_untyped_\w+|allow_redefinition)\"?\s*=\s*[Tt]rue"
        r"|^\s*(?:disable_error_code|extend-ignore|extend-exclude|per-file-ignores|follow_imports)\s*="
        r"|^\s*(?:strict\w*|xfail_strict|check_untyped_defs|disallow_\w+|warn_\w+|no_implicit_\w+)\s*=\s*[Ff]alse"
        r"|^\s*(?:ignore|exclude|disable|norecursedirs|collect_ignore)\s*="
        r"|--(?:ignore|deselect|exitfirst|collect-only|co\b|no-summary)|(?:-p\s*no:|-k\s*[\"']?not\b)"
        r"|^\s*\"?(?:addopts|python_files|python_functions|python_classes|testpaths)\"?\s*="
        r"|\"typeCheckingMode\"\s*:\s*\"(?:off|basic)\"|\"report\w+\"\s*:\s*(?:false|\"none\")",
        go=r"^\s*(?:strict\w*|check_untyped_defs|disallow_\w+|warn_\w+)\s*=\s*[Tt]rue|\berror\b",
    ),
    Setting(
        name=r"(?:tsconfig.*\.json|jsconfig\.json)",
        come=r"\"(?:strict\w*|noImplicit\w+|noUnused\w+|noUnchecked\w+|alwaysStrict|exactOptional\w+)\"\s*:\s*false"
        r"|\"(?:skipLibCheck|noCheck|suppress\w+|allowJs|allowUnreachableCode)\"\s*:\s*true|\"(?:exclude|paths|typeRoots)\"|\"noEmit\"\s*:\s*false",
        go=r"\"(?:strict\w*|noImplicit\w+|noUnused\w+|noUnchecked\w+|alwaysStrict|checkJs|exactOptional\w+)\"\s*:\s*true"
        r"|\"include\"|\"files\"",
    ),
    Setting(
        name=r"package\.json",
        come=r"\"(?:test|lint|typecheck|build|check)\"\s*:\s*\"[^\"]*(?:exit 0|\|\||passWithNoTests|^true|\"true|echo)"
        r"|\"(?:pre|post)(?:install|test|build)\"\s*:|\"(?:test|lint|typecheck|build|check)\"\s*:\s*\"(?:true|:)?\"",
        go=r"\"(?:test|typecheck|check)\"\s*:",
    ),
    Setting(
        name=r"(?:jest|vitest)\.config\.[cm]?[jt]s",
        come=r"\b(?:testPathIgnorePatterns|passWithNoTests|exclude|bail|modulePathIgnorePatterns|moduleNameMapper)\b",
    ),
    Setting(
        name=r"(?:Cargo\.toml|config\.toml|clippy\.toml)",
        come=r"^\s*(?:test|doctest|harness|autotests|autobins|autoexamples)\s*=\s*false|=\s*\"allow\""
        r"|^\s*(?:rustflags|runner|rustc-wrapper|rustc|build|exclude|overflow-checks|debug-assertions)\s*=|--cap-lints"
        r"|^\s*\[(?:patch|replace)\b",
        go=r"=\s*\"(?:deny|forbid)\"",
    ),
    Setting(
        name=r"(?:GNU|BSD)?[Mm]akefile",
        come=r"^\s*-\s*\w|\|\|\s*(?:true|:)|\bexit 0\b|^\s+@?(?:true|:)\s*$",
        go=r"^\s+.*\b(?:\w*tests?|dune|cargo|jest|vitest)\b",
    ),
)


def find(change: Edited) -> Iterator[Flag]:
    """A setting that only moves, from one file or section to another that is as wide, weakens nothing."""
    read = [file for file in change.files if _is_read(file)]
    came = Counter(_placed(file.after, line) for file in read for line in file.added_code)
    left = Counter(_placed(file.before, line) for file in read for line in file.removed_code)
    for file in change.files:
        name = file.path.rpartition("/")[2]
        for setting in SETTINGS:
            if re.fullmatch(setting.name, name):
                yield from _weakened(file, setting, came, left)


def _weakened(file: EditedFile, setting: Setting, came: Counter[Placed], left: Counter[Placed]) -> Iterator[Flag]:
    """`came` and `left` are what the whole change adds and takes away; what has moved is struck off them."""
    come, go = re.compile(setting.come, re.MULTILINE), re.compile(setting.go)
    for line in sorted(file.added_code):
        text = file.after.code_lines[line]
        if come.search(text) and not _moved(_placed(file.after, line), left) and not _said_more(file, text):
            section = _section(file.after, line)
            if _PACKAGED.match(section) and _LEFT_OUT.match(text):  # of a package: it is tested all the same
                continue
            name = "lint-silenced" if _asks_linter(section, text) else "config-weakened"
            yield Flag(name=name, path=file.path, line=line, message=shown(file.after, line))
    for line in sorted(file.removed_code):
        text = file.before.lines[line]
        if go.search(text) and not _moved(_placed(file.before, line), came):
            yield Flag(name="config-weakened", path=file.path, line=line, message=f"gone: {shown(file.before, line)}")


def _moved(setting: Placed, others: Counter[Placed]) -> bool:
    if not others[setting]:
        return False
    others[setting] -= 1
    return True


def _placed(source: Source, line: int) -> Placed:
    """A setting however it's written, and whether it holds for some modules alone."""
    return _setting(source.lines[line]), _NARROW.match(_section(source, line)) is not None


def _section(source: Source, line: int) -> str:
    """The heading that a line of a TOML or INI file is under; one within a string of TOML is none."""
    lines, heading = source.code_lines, _INI
    if source.path.endswith(".toml"):
        lines, heading = source.bare_lines, _TOML
    return next((lines[at].strip() for at in range(line, -1, -1) if heading.match(lines[at])), "")


def _asks_linter(section: str, text: str) -> bool:
    """Whether a line is a linter's own, or calls one; its name among another checker's values says nothing."""
    return bool(_LINTERS.search(section) or (not _CHECKERS.search(section) and _CALLS.match(text)))


def _said_more(file: EditedFile, line: str) -> bool:
    """Whether a list that is shorter now stood there: less is ignored than was."""
    key, _, values = line.partition("=")
    had = (file.before.lines[at].partition("=") for at in file.removed)
    names = set(re.findall(r"[\w./*-]+", values))
    return any(key == old and names < set(re.findall(r"[\w./*-]+", said)) for old, _, said in had)


def _is_read(file: EditedFile) -> bool:
    """Whether it is a configuration: a setting may move from one to another."""
    name = file.path.rpartition("/")[2]
    return any(re.fullmatch(setting.name, name) for setting in SETTINGS)


def _setting(line: str) -> str:
    """A setting however it's written: `strict = True` in one file is `strict = true` in another."""
    return re.sub(r"[\s\"',\[\]]", "", line).lower()


FAMILY = Family(
    name="configs",
    tricks=(Trick("config-weakened", "A checker's or test runner's configuration asks for less.", "file"),),
    find=find,
)
