"""The languages that detectors read, by their files' names, and which files are for people alone."""

import re
from functools import cache, lru_cache
from importlib import import_module

import msgspec
from tree_sitter import Language, Query


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """A language. `grammar` is "module:function", None: read by `comment` and `string` alone, which are patterns.

    `comments` and `strings` name the grammar's nodes; `docs` is a query for strings that are no more than comments;
    `name` is what detectors ask for.
    """

    name: str
    suffixes: tuple[str, ...]
    grammar: str | None = None
    comments: tuple[str, ...] = ()
    strings: tuple[str, ...] = ()
    docs: str = ""
    comment: str = r"(?!)"
    string: str = r'"(?:[^"\\]|\\.)*"'


_OCAML = ("string_content", "quoted_string_content", "character")
_SCRIPT = ("string_fragment", "regex_pattern")
LANGUAGES = (
    Spoken(
        name="ocaml",
        suffixes=(".ml", ".mlt", ".eliom"),
        grammar="tree_sitter_ocaml:language_ocaml",
        comments=("comment",),
        strings=_OCAML,
    ),
    Spoken(
        name="ocaml",
        suffixes=(".mli",),
        grammar="tree_sitter_ocaml:language_ocaml_interface",
        comments=("comment",),
        strings=_OCAML,
    ),
    Spoken(name="ocaml", suffixes=(".mll", ".mly", ".mlp", ".mlg"), comment=r"\(\*(?!\)).*?\*\)"),
    Spoken(
        name="python",
        suffixes=(".py", ".pyi"),
        grammar="tree_sitter_python:language",
        comments=("comment",),
        strings=("string_content",),
        docs="(expression_statement . (string) @doc .)",
    ),
    Spoken(
        name="rust",
        suffixes=(".rs",),
        grammar="tree_sitter_rust:language",
        comments=("line_comment", "block_comment"),
        strings=("string_content", "char_literal"),
    ),
    Spoken(
        name="typescript",
        suffixes=(".ts", ".mts", ".cts"),
        grammar="tree_sitter_typescript:language_typescript",
        comments=("comment",),
        strings=_SCRIPT,
    ),
    Spoken(
        name="typescript",
        suffixes=(".tsx",),
        grammar="tree_sitter_typescript:language_tsx",
        comments=("comment",),
        strings=(*_SCRIPT, "jsx_text"),
    ),
    Spoken(
        name="typescript",
        suffixes=(".js", ".mjs", ".cjs", ".jsx"),
        grammar="tree_sitter_javascript:language",
        comments=("comment",),
        strings=(*_SCRIPT, "jsx_text"),
    ),
    Spoken(name="dune", suffixes=("dune", "dune-project", "dune-workspace", "dune.inc", "jbuild"), comment=r";[^\n]*"),
    Spoken(
        name="config",
        suffixes=(".toml",),
        comment=r"#[^\n]*",
        string=r'"""(?:[^\\]|\\.)*?"{3,5}|\'{3}.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'',
    ),
    Spoken(
        name="config",
        suffixes=(".ini", ".cfg", ".yaml", ".yml", ".opam", "Makefile", "makefile", ".mk", ".sh"),
        comment=r"#[^\n]*",
    ),
    Spoken(name="config", suffixes=(".json", ".jsonc", ".json5"), comment=r"//[^\n]*|/\*.*?\*/"),
)
DOCUMENTS = (".md", ".rst", ".adoc", ".tex", ".org", ".mld", "LICENSE", "CHANGES", "AUTHORS", "README", "NEWS")
BUILD_SCRIPTS = ("build.rs", "setup.py", "configure", "binding.gyp")
_ELSEWHERE = (
    ".github/",
    ".circleci/",
    ".gitlab-ci",
    ".travis",
    ".readthedocs",
    ".pre-commit-config",
    "renovate.json",
    "noxfile.py",
)
# A text is read by people where it has one of these names or lies among documents; another may be what a build reads.
_READ_BY_PEOPLE = re.compile(
    r"(?:^|/)(?:docs?|documentation|licenses?)/|(?:^|/)(?:LICEN[CS]E|COPYING|CHANGE|AUTHORS|README|NEWS|HISTORY|TODO"
    r"|NOTICE|INSTALL|CONTRIBUT|MAINTAINERS|RELEASE|THANKS|CREDITS|VERSIONING|SECURITY)[^/]*$",
    re.IGNORECASE,
)
_MANUAL = re.compile(r"\.[1-8]$")  # a page of it


class Loaded(msgspec.Struct, frozen=True):
    language: Language
    hidden: Query


@lru_cache(maxsize=1024)
def spoken(path: str) -> Spoken | None:
    """A file's language by its name."""
    name = path.rpartition("/")[2]
    return next((one for one in LANGUAGES if any(_ends(name, suffix) for suffix in one.suffixes)), None)


@lru_cache(maxsize=1024)
def is_document(path: str) -> bool:
    """Whether a file is for people, or for services that no build here asks."""
    if path.startswith(_ELSEWHERE):
        return True
    if path.endswith(".txt"):
        return _READ_BY_PEOPLE.search(path) is not None
    return path.rpartition("/")[2].endswith(DOCUMENTS) or _MANUAL.search(path) is not None


@cache
def load(one: Spoken) -> Loaded:
    """The grammar: some milliseconds, once a process."""
    assert one.grammar is not None
    module, function = one.grammar.split(":")
    language = Language(getattr(import_module(module), function)())
    comments = " ".join(f"({node})" for node in one.comments)
    strings = " ".join(f"({node})" for node in one.strings)
    return Loaded(language, Query(language, f"[{comments}] @comment [{strings}] @string {one.docs}"))


@cache
def kinds_query(one: Spoken, kinds: tuple[str, ...]) -> Query:
    """What finds the nodes of some kinds: the grammar's own search is far faster than a walk."""
    return Query(load(one).language, f"[{' '.join(f'({kind})' for kind in kinds)}] @node")


def _ends(name: str, suffix: str) -> bool:
    return name.endswith(suffix) if suffix.startswith(".") else name == suffix
