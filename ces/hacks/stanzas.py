"""What dune is told: stanzas gone or narrowed, flags that quiet the compiler, actions that run programs."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from itertools import pairwise
from pathlib import PurePosixPath

from ces.hacks.case import Family, Trick
from ces.hacks.edited import Edited, EditedFile
from ces.hacks.sexp import Sexp, parse
from ces.hacks.warning_specs import ALL, DUNE_LEAVES_OFF, switched_off
from ces.verdict import Flag

_FLAGS = ("flags", "ocamlc_flags", "ocamlopt_flags", "link_flags", "c_flags", "cxx_flags", "js_of_ocaml")
_QUIET = ("-w", "-warn-error", "-nolabels", "-rectypes", "-unsafe", "-nostdlib", "-nopervasives", "-noassert", "-alert")
_NARROW = ("enabled_if", "optional", "build_if", "deprecated_package_names")
_FOLDERS = ("dirs", "data_only_dirs", "vendored_dirs", "ignored_subdirs", "cram")
_RUNS = ("run", "system", "bash", "setenv", "dynamic-run", "pipe-stdout")
_BUILDS = ("library", "executable", "executables", "test", "tests", "rule", "alias", "cram", "install", "toplevel")
_COMPILED = ("library", "executable", "executables", "test", "tests")
MANY_DUNE = 200  # files, beyond which the rest isn't read
_TESTS = ("test", "tests", "cram", "inline_tests")


def find(change: Edited) -> Iterator[Flag]:
    moved = Counter(_key(one) for file in change.files if file.language == "dune" for one in parse(file.after.text))
    for file in change.files:
        if file.language != "dune":
            continue
        before, after = parse(file.before.text), parse(file.after.text)
        for flag in (
            *_flags(file, before, after, change),
            *_stanzas(file, before, after, moved),
            *_replaced(file, before, after, change),
            *_folders(file, before, after),
            *_actions(file, before, after),
        ):
            name = "test-stanza-edited" if file.test and file.change.before is not None else flag.name
            yield Flag(name=name, path=flag.path, line=flag.line, message=flag.message)


def _flag(name: str, file: EditedFile, at: Sexp) -> Flag:
    return Flag(name=name, path=file.path, line=at.line, message=str(at)[:120])


def _flags(file: EditedFile, before: Sequence[Sexp], after: Sequence[Sexp], change: Edited) -> Iterator[Flag]:
    """Options that quiet the compiler and that weren't given before, and fields that don't ask what dune asks."""
    old, new = _quiet(before), _quiet(after)
    lacking, bare = _bare(before), _bare(after)
    had, has = (Counter(map(str, options)) for options in (old, new))
    gone = [one for one in old if not has[str(one)]]
    elsewhere = _elsewhere(file, change) if (new or bare) and file.change.before is None else frozenset[str]()
    for one in new:
        if had[str(one)]:
            had[str(one)] -= 1
        else:
            alone = any(at is atom for field in bare for at in field.atoms() for atom in one.items or ())
            usual = str(one) in elsewhere or _manners(one, gone, alone=alone)
            yield _flag("flags-as-usual" if usual else "build-flags-weakened", file, one)
    kept = Counter(map(str, bare)) & Counter(map(str, lacking))
    left = [one for one in lacking if str(one) not in kept]
    for one in bare:
        if kept[str(one)]:
            kept[str(one)] -= 1
        elif str(one) in elsewhere:
            yield _flag("flags-as-usual", file, one)
        elif not any(_asks(was) <= _asks(one) for was in left):
            yield _flag("build-flags-weakened", file, one)


def _elsewhere(file: EditedFile, change: Edited) -> frozenset[str]:
    """For a folder that is new: what the base's other folders quiet the compiler with.

    Neither what switches off most of it, nor what is done with code that others wrote.
    """
    folder = f"{PurePosixPath(file.path).parent}/"
    if folder == "./" or any(path.startswith(folder) for path in change.case.paths):
        return frozenset()
    dunes = sorted(path for path in change.case.paths if PurePosixPath(path).name == "dune")[:MANY_DUNE]
    read = {PurePosixPath(path): parse((change.case.base(path) or b"").decode("latin-1")) for path in dunes}
    theirs = [
        f"{path.parent / atom.atom}"
        for path, stanzas in read.items()
        for stanza in stanzas
        for one in stanza.lists()
        if one.head == "vendored_dirs"
        for atom in one.atoms()[1:]
    ]
    ours = [
        stanzas
        for path, stanzas in read.items()
        if not any(fnmatch(str(above), each) for above in path.parents for each in theirs)
    ]
    options = [one for stanzas in ours for one in _quiet(stanzas) if len(_off(one)) <= len(ALL) / 2]
    return frozenset(str(one) for one in (*options, *(field for stanzas in ours for field in _bare(stanzas))))


def _off(option: Sexp) -> frozenset[int]:
    return switched_off(option.atoms()[1].atom) if option.head in ("-w", "-warn-error") else frozenset()


def _manners(option: Sexp, gone: Sequence[Sexp], *, alone: bool) -> bool:
    """Whether it only switches off what dune itself leaves off, or what one in whose place it comes did already.

    `alone`: nothing but it says what is on, so that it must ask for all as did the one before.
    """
    if option.head not in ("-w", "-warn-error") or (alone and not _asks_all(option.atoms()[1].atom)):
        return False
    before = [_off(one) for one in gone if one.head == option.head]
    return any(_off(option) - was <= DUNE_LEAVES_OFF for was in before or [frozenset[int]()])


def _bare(stanzas: Sequence[Sexp]) -> list[Sexp]:
    """The `flags` of OCaml's compilers that don't keep all that dune gives them: its warnings, which are errors."""
    lists = [one for stanza in stanzas for one in stanza.lists()]
    holders = [one for one in lists if one.head in _COMPILED]
    holders += [profile for one in lists if one.head == "env" for profile in one.items or ()]
    fields = [field for one in holders for field in one.fields("flags")]
    said = [(one, {atom.atom for atom in one.atoms()}) for one in fields]
    return [one for one, atoms in said if ":standard" not in atoms or "\\" in atoms]


def _asks(field: Sexp) -> frozenset[str]:
    """Which warnings a field asks for, as far as to say of which option, and whether of all."""
    atoms = [one.atom for one in field.atoms()]
    asked = set()
    for name, value in pairwise(atoms):
        if name in ("-w", "-warn-error") and re.search(r"[+@]|(?<!-)\b[A-Z]", value):
            asked |= {name, f"{name} A"} if _asks_all(value) else {name}
    return frozenset(asked | ({"-strict-sequence"} & set(atoms)))


def _asks_all(value: str) -> bool:
    return re.match(r"[+@][aA]|A", value) is not None


def _quiet(stanzas: Sequence[Sexp]) -> list[Sexp]:
    """Quieting options, each with its value, and the release profile."""
    found = []
    for each in (one for stanza in stanzas for one in stanza.lists()):
        if each.head in _FLAGS:
            atoms = each.atoms()
            for at, atom in enumerate(atoms):
                value = atoms[at + 1].atom if at + 1 < len(atoms) else ""
                if atom.atom in _QUIET and (atom.atom not in ("-w", "-warn-error", "-alert") or _less(value)):
                    found.append(Sexp(atom.line, items=(atom, Sexp(atom.line, atom=value))))
        elif each.head == "OCAMLPARAM" or (each.head == "profile" and "release" in str(each)):
            found.append(each)
    return found


def _less(value: str) -> bool:
    """Whether a warning specification switches anything off."""
    return "-" in value or ("@" not in value and value[:1].islower())


def _key(stanza: Sexp) -> str:
    names = stanza.fields("name", "names", "public_name", "targets", "target", "alias", "applies_to")
    return f"{stanza.head} {' '.join(str(name) for name in names[:1])}"


def _stanzas(file: EditedFile, before: Sequence[Sexp], after: Sequence[Sexp], moved: Counter[str]) -> Iterator[Flag]:
    old = {_key(one): one for one in before if one.head in _BUILDS}
    new = {_key(one): one for one in after if one.head in _BUILDS}
    fresh = Counter(one.head for key, one in new.items() if key not in old)
    for key, stanza in old.items():
        if key in new:
            yield from _narrowed(file, stanza, new[key])
        elif moved[key]:
            continue
        elif file.change.after is None or not fresh[stanza.head]:
            yield _flag("test-stanza-deleted" if stanza.head in _TESTS else "stanza-deleted", file, stanza)
        else:
            fresh[stanza.head] -= 1


def _replaced(file: EditedFile, before: Sequence[Sexp], after: Sequence[Sexp], change: Edited) -> Iterator[Flag]:
    """Libraries that another folder is now, to which none of their modules goes."""
    kept = {_key(one) for one in after}
    gone = {_key(one): one for one in before if one.head == "library" and _key(one) not in kept}
    folder = PurePosixPath(file.place).parent
    modules = {path for path in change.case.paths if path.endswith(".ml") and PurePosixPath(path).parent == folder}
    if not gone or not modules & change.left:
        return
    moved = {PurePosixPath(path).name for path in modules - change.left}
    came = {(PurePosixPath(one.path).parent, PurePosixPath(one.path).name) for one in change.files}
    for other in change.files:
        there = PurePosixPath(other.path).parent
        if other.language == "dune" and there != folder and not any((there, name) in came for name in moved):
            had = set(map(_key, parse(other.before.text)))
            for one in parse(other.after.text):
                if _key(one) in gone and _key(one) not in had:
                    yield _flag("library-replaced", other, one)


def _narrowed(file: EditedFile, old: Sexp, new: Sexp) -> Iterator[Flag]:
    had = {str(one) for one in old.fields(*_NARROW, "modules")}
    for one in new.fields(*_NARROW, "modules"):
        if str(one) not in had and not _widened(old.fields("modules"), one):
            yield _flag("stanza-narrowed", file, one)
    if old.fields("inline_tests") and not new.fields("inline_tests"):
        yield _flag("test-stanza-deleted", file, new)


def _widened(old: Sequence[Sexp], new: Sexp) -> bool:
    """Whether a `modules` field only names more than before."""
    if new.head != "modules" or not old:
        return False
    names = [{atom.atom for atom in one.atoms()} for one in (old[0], new)]
    return names[0] <= names[1] and "\\" not in names[1]


def _folders(file: EditedFile, before: Sequence[Sexp], after: Sequence[Sexp]) -> Iterator[Flag]:
    had = {str(one) for stanza in before for one in stanza.lists()}
    for one in (one for stanza in after for one in stanza.lists() if one.head in _FOLDERS):
        if str(one) not in had and (one.head != "cram" or "disable" in str(one)):
            yield _flag("stanza-narrowed", file, one)


def _actions(file: EditedFile, before: Sequence[Sexp], after: Sequence[Sexp]) -> Iterator[Flag]:
    had = Counter(one.head for one in _runs(before))
    for one in _runs(after):
        if had[one.head]:
            had[one.head] -= 1
        elif one.line in file.added:
            yield _flag("build-action-added", file, one)
    if "-*- tuareg -*-" in file.after.text.lower() and "-*- tuareg -*-" not in file.before.text.lower():
        yield Flag(name="build-action-added", path=file.path, line=0, message="the dune file is an OCaml program")


def _runs(stanzas: Sequence[Sexp]) -> list[Sexp]:
    return [one for stanza in stanzas for one in stanza.lists() if one.head in _RUNS]


FAMILY = Family(
    name="stanzas",
    tricks=(
        Trick("build-flags-weakened", "dune gives the compiler flags that quiet it, or a release profile."),
        Trick("flags-as-usual", "dune leaves off what its own profile does, or a new folder what others do.", "weak"),
        Trick("stanza-deleted", "A stanza is gone, so what it built isn't built.", "deleted"),
        Trick("library-replaced", "A library's name is another folder's, its own modules stay.", "custom"),
        Trick("test-stanza-deleted", "A test stanza is gone, or a library's inline tests aren't run."),
        Trick("test-stanza-edited", "dune is told something else where tests are.", "tests"),
        Trick("stanza-narrowed", "`modules`, `enabled_if`, `optional` or folders leave something unbuilt.", "added"),
        Trick("build-action-added", "A dune rule runs a program that it didn't run.", "added"),
    ),
    find=find,
)
