"""What a project's settings have each checker look at: mypy, pyright, tsc, and where pytest is configured.

Read from the text of a tree's files alone, the way each tool looks for its settings at the root. What can't be read
says nothing, and what can't be told is taken to be left out. Never raises.
"""

import configparser
import json
import posixpath
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

import msgspec

from ces.hacks.case import Read
from ces.hacks.source import Source

Stated = Mapping[str, Any]
_FURTHEST = 5  # tsconfigs that extend one another
_MOST_PARENTS = 3
_LONGEST = 200  # of a path that a pattern is tried on
_REPEATS = re.compile(r"[*+{]|(?<!\()\?")
_GROUP_REPEATS = re.compile(r"\)[*+{]")
_MOST_REPEATS = 3  # more could take for ever
_MOST_GROUPS = 3  # of alternatives


class Settings(msgspec.Struct, frozen=True):
    """Where a tool's settings are, and what they say for the whole project."""

    path: str
    stated: Stated


class Checked(msgspec.Struct, frozen=True):
    """What a checker looks at: nothing where it is `off`. `leaves_out` says so of a file."""

    off: bool
    leaves_out: Callable[[str], bool]


class Checker(msgspec.Struct, frozen=True, kw_only=True):
    """`settings`: the places that state some, the one that holds first. `checked` None: it only runs tests."""

    name: str
    suffixes: tuple[str, ...] = ()
    settings: Callable[[Read], Iterator[Settings]]
    checked: Callable[[Settings, Read], Checked] | None = None


def parsed(read: Read, path: str) -> Stated | None:
    """What a TOML, INI or JSON file says; {} where it can't be read, None where it isn't there."""
    raw = read(path)
    if raw is None:
        return None
    try:
        if path.endswith(".toml"):
            return tomllib.loads(raw.decode("utf-8", "replace"))
        if path.endswith(".json"):
            found = json.loads(re.sub(r",(?=\s*[\]}])", "", Source(path, raw).uncommented))
            return found if isinstance(found, dict) else {}
        sections = configparser.RawConfigParser(strict=False)
        sections.read_string(raw.decode("utf-8", "replace"))
        return {name: dict(sections[name]) for name in sections.sections()}
    except (ValueError, configparser.Error, RecursionError):
        return {}


def table(stated: Stated | None, *keys: str) -> Stated | None:
    """A table within tables; None where there is none."""
    for key in keys:
        stated = stated.get(key) if isinstance(stated, Mapping) else None
    return stated if isinstance(stated, Mapping) else None


def _own_file(read: Read, path: str, *keys: str) -> Iterator[Settings]:
    """A tool's own file holds as soon as it is there, even where it says nothing."""
    stated = parsed(read, path)
    if stated is not None:
        yield Settings(path, table(stated, *keys) or {})


def _section(read: Read, path: str, *keys: str) -> Iterator[Settings]:
    """A file that tools share holds where it has the tool's section."""
    stated = table(parsed(read, path), *keys)
    if stated is not None:
        yield Settings(path, stated)


def _mypy(read: Read) -> Iterator[Settings]:
    for own in ("mypy.ini", ".mypy.ini"):
        yield from _own_file(read, own, "mypy")
    yield from _section(read, "pyproject.toml", "tool", "mypy")
    yield from _section(read, "setup.cfg", "mypy")


def _pyright(read: Read) -> Iterator[Settings]:
    yield from _own_file(read, "pyrightconfig.json")
    yield from _section(read, "pyproject.toml", "tool", "pyright")


def _pytest(read: Read) -> Iterator[Settings]:
    for own in ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini"):
        yield from _own_file(read, own, "pytest")
    yield from _section(read, "pyproject.toml", "tool", "pytest", "ini_options")
    yield from _section(read, "pyproject.toml", "tool", "pytest")
    yield from _section(read, "tox.ini", "pytest")
    yield from _section(read, "setup.cfg", "tool:pytest")


def _tsc(read: Read) -> Iterator[Settings]:
    if read("tsconfig.json") is not None:
        yield Settings("tsconfig.json", _extended(read, "tsconfig.json", _FURTHEST))


def _extended(read: Read, path: str, further: int) -> dict[str, Any]:
    """A tsconfig with what it extends, paths from the root; what is a package's says nothing."""
    own = parsed(read, path) or {}
    stated: dict[str, Any] = {"compilerOptions": {}}
    folder = posixpath.dirname(path)
    for parent in _listed(own.get("extends"))[:_MOST_PARENTS] if further else ():
        if parent.startswith("."):
            named = posixpath.normpath(posixpath.join(folder, parent))
            over = _extended(read, named if named.endswith(".json") else f"{named}.json", further - 1)
            stated |= over | {"compilerOptions": stated["compilerOptions"] | over["compilerOptions"]}
    for key in {"files", "include", "exclude"} & own.keys():
        stated[key] = [posixpath.normpath(posixpath.join(folder, one)) for one in _listed(own[key])]
    stated["compilerOptions"] = stated["compilerOptions"] | (table(own, "compilerOptions") or {})
    return stated


def _checked_by_mypy(settings: Settings, read: Read) -> Checked:
    stated = settings.stated
    excludes = _listed(stated.get("exclude"), apart=r"(?!)")
    wanted = _listed(stated.get("files"))
    modules = [name.replace(".", "/") for key in ("packages", "modules") for name in _listed(stated.get(key))]
    ignored = list(_ignored_modules(settings, read))

    def leaves_out(path: str) -> bool:
        bare = path.removeprefix("src/")
        named = any(_reaches(one, path) for one in wanted) or any(
            _reaches(one, bare) or bare == f"{one}.py" for one in modules
        )
        return (
            (bool(wanted or modules) and not named)
            or any(_may_match(one, path) for one in excludes)
            or any(fnmatchcase(f"{_module(bare)}.", f"{one.removesuffix('.*')}.*") for one in ignored)
        )

    return Checked(_is_true(stated.get("ignore_errors")), leaves_out)


def _ignored_modules(settings: Settings, read: Read) -> Iterator[str]:
    if settings.path == "pyproject.toml":
        overrides = settings.stated.get("overrides")
        for one in overrides if isinstance(overrides, list) else ():
            if isinstance(one, Mapping) and _is_true(one.get("ignore_errors")):
                yield from _listed(one.get("module"))
        return
    for name, section in (parsed(read, settings.path) or {}).items():
        if name.startswith("mypy-") and _is_true(section.get("ignore_errors")):
            yield from _listed(name.removeprefix("mypy-"))


def _checked_by_pyright(settings: Settings, read: Read) -> Checked:
    stated = settings.stated
    includes = _listed(stated.get("include"))
    excludes = [one for key in ("exclude", "ignore") for one in _listed(stated.get(key))]

    def leaves_out(path: str) -> bool:
        named = not includes or any(_reaches(one, path) for one in includes)
        return not named or any(_reaches(one, path) for one in excludes)

    return Checked(stated.get("typeCheckingMode") == "off", leaves_out)


def _checked_by_tsc(settings: Settings, read: Read) -> Checked:
    stated = settings.stated
    files = stated.get("files", [])
    includes = stated.get("include", [] if "files" in stated else ["**/*"])
    excludes = stated.get("exclude", [])

    def leaves_out(path: str) -> bool:
        if path in files:
            return False
        named = any(_reaches(one, path, folders="*" not in posixpath.basename(one)) for one in includes)
        return not named or any(_reaches(one, path) for one in excludes)

    return Checked(
        bool(table(stated, "compilerOptions")) and stated["compilerOptions"].get("noCheck") is True, leaves_out
    )


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _is_true(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() in ("1", "yes", "true", "on"))


def _listed(value: object, apart: str = r"[,\n]") -> list[str]:
    """A list of names however it is written: an INI file's stand in one string."""
    if isinstance(value, str):
        return [one.strip() for one in re.split(apart, value) if one.strip()]
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _may_match(pattern: str, path: str) -> bool:
    """Whether mypy's `exclude` leaves a file or a folder above it out. One that might take for ever is taken to."""
    repeats = max(len(_REPEATS.findall(one)) for one in ([pattern] if "(" in pattern else pattern.split("|")))
    groups = pattern.count("(") if "|" in pattern else 0
    if repeats > _MOST_REPEATS or groups > _MOST_GROUPS or _GROUP_REPEATS.search(pattern) or len(path) > _LONGEST:
        return True
    folders = [f"{folder}/" for folder in PurePosixPath(path).parents if folder.name]
    try:
        return any(re.search(pattern, one) for one in (path, *folders))
    except (re.error, RecursionError, OverflowError):
        return False


def _reaches(glob: str, path: str, *, folders: bool = True) -> bool:
    """Whether a glob names a file or, with `folders`, one above it; `**` stands for any number of folders."""
    wanted, parts = PurePosixPath(glob).parts, PurePosixPath(path).parts
    reached = {0}  # how many of the path's parts the glob may have used up
    for one in wanted:
        if one == "**":
            reached = set(range(min(reached), len(parts) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(parts) and fnmatchcase(parts[at], one)}
        if not reached:
            return False
    return folders or len(parts) in reached


CHECKERS = (
    Checker(name="mypy", suffixes=(".py", ".pyi"), settings=_mypy, checked=_checked_by_mypy),
    Checker(name="pyright", suffixes=(".py", ".pyi"), settings=_pyright, checked=_checked_by_pyright),
    Checker(name="tsc", suffixes=(".ts", ".tsx", ".mts", ".cts"), settings=_tsc, checked=_checked_by_tsc),
    Checker(name="pytest", settings=_pytest),
)
