"""Something in the place of what judges: the standard library, the test runner, equality itself."""

import re
import sys
from collections.abc import Iterator
from pathlib import PurePosixPath

from tree_sitter import Node

from ces.hacks.case import Family, Trick
from ces.hacks.edited import Edited, EditedFile
from ces.hacks.nothing import same_code
from ces.hacks.patterns import Pattern, Shape, added, shown
from ces.hacks.programs import in_a_wrapped_library, is_main
from ces.hacks.sexp import Sexp, parse
from ces.hacks.source import Source
from ces.hacks.stanzas import MANY_DUNE
from ces.verdict import Flag

_OCAML_STDLIB = frozenset({"stdlib", "pervasives", "camlinternalformat", "std_exit", "caml", "base", "core"})
_FIRST = frozenset({"stdlib", "pervasives", "camlinternalformat", "std_exit"})  # what the compiler itself names
_OCAML_RUNNERS = frozenset({"alcotest", "ounit", "ounit2", "ppx_expect", "ppx_inline_test", "qcheck", "crowbar"}) | {
    "alcotest_lwt", "expect_test_common", "inline_test_runner", "qcheck_alcotest",
}  # fmt: skip
_PYTHON_ANYWHERE = frozenset({"sitecustomize", "usercustomize"})
_PYTHON_STDLIB = frozenset(sys.stdlib_module_names) - {"test", "this", "antigravity"} | {"typing_extensions"}
_PYTHON_RUNNERS = frozenset({"pytest", "_pytest", "unittest", "nose", "hypothesis", "doctest", "pluggy", "mock"}) | {
    "mypy",
}
_RUN_TESTS = ("pytest", "_pytest", "unittest")
_NAMED = (_PYTHON_STDLIB | _PYTHON_RUNNERS) - {"__main__"}
_PROGRAMS = frozenset({"dune", "ocamlc", "ocamlopt", "ocaml", "ocamlfind", "cargo", "rustc", "tsc", "node", "npm"}) | {
    "npx", "python", "python3", "pytest", "mypy", "jest", "vitest", "make", "diff", "sh", "bash",
}  # fmt: skip
_OCAML_NAMES = "Stdlib|Caml|Alcotest|OUnit2?|QCheck|Expect_test\\w*|Ppx_inline_test\\w*"
_STDLIB_MODULES = (
    "arg array arraylabels bool buffer bytes char digest ephemeron filename float format fun gc hashtbl in_channel int"
    " lazy lexing list map marshal nativeint obj option out_channel printexc printf queue random result scanf seq set"
    " stack str string sys uchar unit unix weak"
)
_OCAML_MODULES = frozenset(_STDLIB_MODULES.split())
_ROOTS = re.compile(r"(?:(?:src|lib|python)/)?")
_ELSEWHERE = {"copy_files": "modules-rewired", "copy_files#": "modules-rewired"} | {
    "implements": "library-swapped", "default_implementation": "library-swapped",
}  # fmt: skip
_FOLDERS = ("", "src/", "lib/", "python/")
_TAKEN = re.compile(r"\bsys\.modules\[\s*[\"']([\w.]+)[\"']\s*\]\s*=(?!=)")
_KNOWN = re.compile(r"\bsys\.modules\[[^\]]*\]\s*=\s*(\w+)\s*$")


def find(change: Edited) -> Iterator[Flag]:
    for file in change.files:
        if file.change.after is not None and (file.change.before is None or file.change.old_path is not None):
            yield from _file(file, change)
        set_up = PurePosixPath(file.path).name == "conftest.py" and file.change.after is not None
        if set_up and file.added_code and not same_code(file):
            yield Flag(name="test-setup-edited", path=file.path, line=min(file.added_code), message="what tests run in")
        if file.language == "dune":
            yield from _made(file)
            yield from _rewired(file)
            yield from _stood_in(file, change)
    read = {file.path: file for file in change.files if not file.test or "conftest" in file.path}
    for flag in added(list(read.values()), PATTERNS):
        file, line = read[flag.path or ""], flag.line or 0
        if flag.name == "modules-rewired" and _own(file, line) & change.left:
            yield Flag(name="module-shadowed", path=flag.path, line=line, message=flag.message)
        elif flag.name != "modules-rewired" or not _loaded_before(file, line):
            yield flag


def _own(file: EditedFile, line: int) -> set[str]:
    """The files where a Python module may be that a line makes known as another."""
    named = _TAKEN.search(file.after.code_lines[line]) if file.language == "python" else None
    stem = named[1].replace(".", "/") if named is not None else ""
    return {f"{root}{stem}{end}" for root in _FOLDERS for end in (".py", "/__init__.py")} if stem else set()


def _loaded_before(file: EditedFile, line: int) -> bool:
    """Whether a line only makes known what the file loaded from a file of its own choosing before the change, too."""
    known = _KNOWN.search(file.after.code_lines[line]) if file.language == "python" else None
    return known is not None and re.search(rf"\b{known[1]}\s*=[^\n]*\bmodule_from_spec\(", file.before.code) is not None


def _file(file: EditedFile, change: Edited) -> Iterator[Flag]:
    path = PurePosixPath(file.path)
    if path.suffix in (".ml", ".mli"):
        yield from _ocaml_file(file, change)
    elif path.suffix in (".py", ".pth"):
        yield from _python_file(file, change)
    elif path.name in _PROGRAMS and b"#!" in (file.change.after or b"")[:2]:
        yield Flag(name="runner-shadowed", path=file.path, message="a program of the build's name")
    elif path.suffix in (".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".json"):
        stem = str(path.parent / path.stem) if path.stem != "index" else str(path.parent)
        others = {f"{stem}{suffix}" for suffix in (".ts", ".tsx", ".js", ".jsx", ".mts")} - {file.path}
        if others & change.left and not file.test:
            yield Flag(name="module-shadowed", path=file.path, message="found before the module of the same name")


def _ocaml_file(file: EditedFile, change: Edited) -> Iterator[Flag]:
    path = PurePosixPath(file.path)
    stem = path.stem.lower()
    if stem in _OCAML_STDLIB or (stem in _OCAML_MODULES and path.suffix == ".ml" and not _has_own(path, change)):
        apart = stem not in _FIRST and (in_a_wrapped_library(file.path, change) or is_main(file.path, change))
        name = "name-reused" if apart else "library-shadowed"
        yield Flag(name=name, path=file.path, message="takes the place of the standard library")
    elif stem in _OCAML_RUNNERS:
        yield Flag(name="runner-shadowed", path=file.path, message="takes the place of the test library")
    elif path.suffix == ".ml" and ".t/" not in file.path and stem in _libraries(path, change):
        name = "name-reused" if is_main(file.path, change) else "module-shadowed"
        yield Flag(name=name, path=file.path, message="takes the place of the library of that name here")


def _has_own(path: PurePosixPath, change: Edited) -> bool:
    """Whether the folder has modules named as the standard library's already: some projects have their own."""
    beside = (PurePosixPath(one) for one in change.case.paths if one.endswith(".ml"))
    return any(one.parent == path.parent and one.stem in _OCAML_MODULES for one in beside)


def _libraries(path: PurePosixPath, change: Edited) -> set[str]:
    """The libraries of other folders that are there before and after, by their modules' names."""
    dunes = sorted(
        one for one in change.left if one.endswith("/dune") and ".t/" not in one and str(path.parent / "dune") != one
    )
    names = (re.findall(rb"\(library\s*\(name\s+(\w+)", change.case.base(one) or b"") for one in dunes[:MANY_DUNE])
    return {name.decode().lower() for found in names for name in found}


def _python_file(file: EditedFile, change: Edited) -> Iterator[Flag]:
    path = PurePosixPath(file.path)
    package = path.name == "__init__.py"
    whole = path.parent if package else path
    name = whole.name.removesuffix(".py").lower()
    where = "" if str(whole.parent) == "." else f"{whole.parent}/"
    root = _ROOTS.fullmatch(where) is not None
    if path.suffix == ".pth" or (name in _PYTHON_ANYWHERE and not package):
        found = root or file.test or "site-packages" in path.parts
        yield Flag(
            name="library-shadowed" if found else "name-reused",
            path=file.path,
            message="Python loads it before anything else",
        )
    elif name in _PYTHON_STDLIB and (root or (file.test and not package)):
        yield Flag(name="library-shadowed", path=file.path, message="takes the place of a module of Python's own")
    elif name in _PYTHON_RUNNERS and (root or (file.test and name in _RUN_TESTS)):
        yield Flag(name="runner-shadowed", path=file.path, message="takes the place of the test runner")
    elif not file.test and _hidden(file.path, package=package) & change.left:
        yield Flag(name="module-shadowed", path=file.path, message="found before the module of the same name")


def _hidden(path: str, *, package: bool) -> set[str]:
    """Where a module may be that Python would pass by for this one: beside it, or in another of the roots."""
    beside = {f"{PurePosixPath(path).parent}.py"} if package else set[str]()
    inner = _ROOTS.sub("", path, count=1)
    return beside | ({f"{root}{inner}" for root in _FOLDERS} - {path})


def _made(file: EditedFile) -> Iterator[Flag]:
    """Modules that a dune rule writes."""
    for line in sorted(file.added_code):
        for name in re.findall(r"\b(\w+)\.mli?\b", file.after.code_lines[line]):
            if name.lower() in _OCAML_STDLIB | _OCAML_RUNNERS and f"{name}.ml" not in file.before.text:
                yield Flag(name="runner-shadowed", path=file.path, line=line, message=shown(file.after, line))


def _rewired(file: EditedFile) -> Iterator[Flag]:
    """Libraries that are called as the standard one or a test library; sources and modules taken from elsewhere."""
    had = {str(one) for stanza in parse(file.before.text) for one in stanza.lists()}
    for stanza in parse(file.after.text):
        for one in (one for one in stanza.lists() if str(one) not in had and one.items):
            named = {atom.atom.lower().partition(".")[0].replace("-", "_") for atom in one.atoms()[1:]}
            if stanza.head == "library" and one.head in ("name", "public_name") and named & (_FIRST | _OCAML_RUNNERS):
                yield Flag(name="runner-shadowed", path=file.path, line=one.line, message=str(one))
            elif one.head in _ELSEWHERE:
                name = "test-stanza-edited" if file.test and file.change.before is not None else _ELSEWHERE[one.head]
                yield Flag(name=name, path=file.path, line=one.line, message=str(one)[:120])


def _stood_in(file: EditedFile, change: Edited) -> Iterator[Flag]:
    """Libraries of new folders called as one that the project uses and that comes from outside."""
    folder = PurePosixPath(file.path).parent
    fresh = [one for one in parse(file.after.text) if one.head == "library"]
    if not fresh or any(PurePosixPath(path).parent == folder for path in change.case.paths):
        return
    dunes = sorted(one for one in change.case.paths if one.rpartition("/")[2] == "dune")[:MANY_DUNE]
    known = [one for path in dunes for one in parse((change.case.base(path) or b"").decode("latin-1"))]
    own = {name for one in known if one.head == "library" for name in _names(one)}
    used = {atom.atom for one in known for field in one.fields("libraries") for atom in field.atoms()[1:]}
    for one in fresh:
        if _names(one) & used - own:
            yield Flag(name="library-swapped", path=file.path, line=one.line, message=str(one)[:120])


def _names(library: Sexp) -> set[str]:
    return {atom.atom for field in library.fields("name", "public_name") for atom in field.atoms()[1:]}


def _globals(source: Source) -> list[Node]:
    """Names of the runner's that a script makes for all: what a module declares stays in it."""
    if source.nodes("import_statement", "export_statement"):
        return []
    names = (b"expect", b"assert", b"it", b"test", b"describe")
    nodes = source.nodes("variable_declarator", "function_declaration")
    named = ((node, node.child_by_field_name("name")) for node in nodes)
    return [node for node, name in named if name is not None and name.text in names]


PATTERNS = (
    Pattern(
        trick="library-shadowed",
        language="ocaml",
        words=rf"\bmodule\s+(?:rec\s+)?(?:{_OCAML_NAMES})\s*(?::[^=]*)?=\s*struct\b",
    ),
    Pattern(
        trick="library-shadowed",
        language="python",
        words=r"\bbuiltins\.\w+\s*=(?!=)|\b__builtins__\b|\bbuiltins\.__dict__|\bsetattr\(\s*builtins\b"
        r"|\bsys\.(?:excepthook|unraisablehook|meta_path|addaudithook)\b|\bsys\.set(?:trace|profile)\("
        r"|\.__code__\s*=(?!=)",
    ),
    Pattern(
        trick="modules-rewired",
        language="python",
        words=r"\bsys\.modules\[[^\]\n]*\]\s*=(?!=)|\bsys\.modules\.(?:update|setdefault|pop|clear)\("
        r"|^def __getattr__\(|^__getattr__\s*[:=]|^class\s+\w+\([^)]*\bModuleType\)"
        r"|\bsys\.modules\[[^\]\n]*\]\.__class__\s*=(?!=)"
        r"|\bsys\.path_hooks\b|\bdel sys\.modules\b|\bsys\.path\.(?:insert|append|extend)\("
        r"|\bsys\.path\s*\+?=(?!=)|\bsys\.path\[",
    ),
    Pattern(trick="modules-rewired", language="rust", words=r"#\[\s*path\s*=|\binclude!\s*[(\[{]"),
    Pattern(
        trick="library-shadowed",
        language="python",
        words=rf"\bsys\.modules(?:\[|\.(?:get|pop|setdefault)\()\s*[\"'](?:{'|'.join(sorted(_NAMED))})[\"'.]",
        where="uncommented",
    ),
    Pattern(
        trick="runner-shadowed",
        language="python",
        words=r"\bdef\s+pytest_\w+\(|\bTestCase\.\w+\s*=(?!=)|\.assert\w*\s*=(?!=)"
        r"|\b_?pytest\.\w+(?:\.\w+)*\s*=(?!=)|\.outcome\s*=(?!=)|\bwasxfail\b",
    ),
    Pattern(
        trick="runner-shadowed",
        language="typescript",
        words=r"\b(?:globalThis|global|window)\.(?:expect|it|test|describe|process|console)\s*=(?!=)|\bexpect\.extend\("
        r"|\b(?:assert|expect)\.\w+\s*=(?!=)|\b(?:jest|vi)\.(?:mock|doMock|spyOn|setMock)\(|\brequire\.cache\b"
        r"|\bModule\._\w+\s*=(?!=)"
        r"|\bObject\.assign\(\s*(?:globalThis|global|window|process)\b",
    ),
    Shape(
        trick="runner-shadowed",
        language="typescript",
        words=r"\b(?:const|let|var|function)\s+(?:expect|assert|it|test|describe)\b\s*[=(]",
        find=_globals,
    ),
    Pattern(trick="runner-shadowed", language="python", words=r"[\"']pytest11[\"']", where="uncommented"),
    Pattern(trick="runner-shadowed", language="config", words=r"\bpytest11\b", where="uncommented"),
)

FAMILY = Family(
    name="shadowed",
    tricks=(
        Trick("library-shadowed", "A module takes the standard library's place, or changes it.", "custom"),
        Trick(
            "name-reused",
            "A module in a namespace or program of its own is called as a library.",
            "told",
        ),
        Trick("runner-shadowed", "A module, hook or program takes the test runner's place.", "custom"),
        Trick("module-shadowed", "A new module is found in the place of one of the project's own."),
        Trick("modules-rewired", "Modules are found elsewhere, or are others than their files.", "added"),
        Trick("library-swapped", "dune builds a library in the place of another.", "custom"),
        Trick("test-setup-edited", "What all tests run in (conftest.py) is changed.", "tests"),
    ),
    find=find,
)
