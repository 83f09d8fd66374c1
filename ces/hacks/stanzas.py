"""What dune is told: stanzas gone or narrowed, flags that quiet the compiler, actions that run programs."""

from collections import Counter
from collections.abc import Iterator, Sequence

from ces.hacks.case import Family, Trick
from ces.hacks.edited import Edited, EditedFile
from ces.hacks.sexp import Sexp, parse
from ces.verdict import Flag

_FLAGS = ("flags", "ocamlc_flags", "ocamlopt_flags", "link_flags", "c_flags", "cxx_flags", "js_of_ocaml")
_QUIET = ("-w", "-warn-error", "-nolabels", "-rectypes", "-unsafe", "-nostdlib", "-nopervasives", "-noassert", "-alert")
_NARROW = ("enabled_if", "optional", "build_if", "deprecated_package_names")
_FOLDERS = ("dirs", "data_only_dirs", "vendored_dirs", "ignored_subdirs", "cram")
_RUNS = ("run", "system", "bash", "setenv", "dynamic-run", "pipe-stdout")
_BUILDS = ("library", "executable", "executables", "test", "tests", "rule", "alias", "cram", "install", "toplevel")
_TESTS = ("test", "tests", "cram", "inline_tests")


def find(change: Edited) -> Iterator[Flag]:
    moved = Counter(_key(one) for file in change.files if file.language == "dune" for one in parse(file.after.text))
    for file in change.files:
        if file.language != "dune":
            continue
        before, after = parse(file.before.text), parse(file.after.text)
        for flag in (
            *_flags(file, before, after),
            *_stanzas(file, before, after, moved),
            *_folders(file, before, after),
            *_actions(file, before, after),
        ):
            name = "test-stanza-edited" if file.test and file.change.before is not None else flag.name
            yield Flag(name=name, path=flag.path, line=flag.line, message=flag.message)


def _flag(name: str, file: EditedFile, at: Sexp) -> Flag:
    return Flag(name=name, path=file.path, line=at.line, message=str(at)[:120])


def _flags(file: EditedFile, before: Sequence[Sexp], after: Sequence[Sexp]) -> Iterator[Flag]:
    """Options that quiet the compiler and that weren't given before."""
    had = Counter(str(one) for one in _quiet(before))
    for one in _quiet(after):
        if had[str(one)]:
            had[str(one)] -= 1
        else:
            yield _flag("build-flags-weakened", file, one)


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
        Trick("stanza-deleted", "A stanza is gone, so what it built isn't built.", "deleted"),
        Trick("test-stanza-deleted", "A test stanza is gone, or a library's inline tests aren't run."),
        Trick("test-stanza-edited", "dune is told something else where tests are.", "tests"),
        Trick("stanza-narrowed", "`modules`, `enabled_if`, `optional` or folders leave something unbuilt.", "added"),
        Trick("build-action-added", "A dune rule runs a program that it didn't run.", "added"),
    ),
    find=find,
)
