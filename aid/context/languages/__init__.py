"""The languages that have outlines. A language is one row here and one query file beside this one.

In a query file @name is the defined name, @body what the signature leaves out (without it the whole definition is the
signature), and the third capture is the definition itself, called by its kind. A @member (constructor, field) stands
for the definition around it.
"""

import re
from functools import cache
from importlib import import_module, resources

import msgspec
from tree_sitter import Language, Query


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """One language. `grammar` is "module:function"; `skip` are the nodes whose words are no references.

    `word` is a name in the language. `capital`: a file is referred to by its name with a capital first letter, as
    OCaml's modules are. `interface`: the suffix of the file that says what this one offers.
    """

    name: str
    suffixes: tuple[str, ...]
    grammar: str
    query: str
    skip: tuple[str, ...]
    word: str = r"[^\W\d]\w+"
    capital: bool = False
    interface: str | None = None


LANGUAGES = (
    Spoken(
        name="ocaml",
        suffixes=(".ml",),
        grammar="tree_sitter_ocaml:language_ocaml",
        query="ocaml.scm",
        interface=".mli",
        skip=("comment", "string", "quoted_string", "character"),
        word=r"[^\W\d][\w']+",
        capital=True,
    ),
    Spoken(
        name="ocaml_interface",
        suffixes=(".mli",),
        grammar="tree_sitter_ocaml:language_ocaml_interface",
        query="ocaml_interface.scm",
        skip=("comment", "string"),
        word=r"[^\W\d][\w']+",
        capital=True,
    ),
    Spoken(
        name="python",
        suffixes=(".py", ".pyi"),
        grammar="tree_sitter_python:language",
        query="python.scm",
        skip=("comment", "string_content"),
    ),
    Spoken(
        name="rust",
        suffixes=(".rs",),
        grammar="tree_sitter_rust:language",
        query="rust.scm",
        skip=("line_comment", "block_comment", "string_content"),
    ),
    Spoken(
        name="typescript",
        suffixes=(".ts", ".mts", ".cts"),
        grammar="tree_sitter_typescript:language_typescript",
        query="typescript.scm",
        skip=("comment", "string_fragment"),
    ),
    Spoken(
        name="tsx",
        suffixes=(".tsx",),
        grammar="tree_sitter_typescript:language_tsx",
        query="typescript.scm",
        skip=("comment", "string_fragment", "jsx_text"),
    ),
    Spoken(
        name="javascript",
        suffixes=(".js", ".mjs", ".cjs", ".jsx"),
        grammar="tree_sitter_javascript:language",
        query="javascript.scm",
        skip=("comment", "string_fragment", "jsx_text"),
    ),
)

_BY_SUFFIX = {suffix: spoken for spoken in LANGUAGES for suffix in spoken.suffixes}


def language_of(path: str) -> Spoken | None:
    """The language of a file by its name's suffix; None: no outline."""
    dot = path.rfind(".")
    return _BY_SUFFIX.get(path[dot:]) if dot >= 0 else None


class Loaded(msgspec.Struct, frozen=True):
    """A grammar with its queries, ready to use, and its keywords."""

    language: Language
    definitions: Query
    skip: Query
    keywords: frozenset[str]


@cache
def load(spoken: Spoken) -> Loaded:
    """The grammar and its compiled queries: some milliseconds, once a process."""
    module, function = spoken.grammar.split(":")
    language = Language(getattr(import_module(module), function)())
    skip = " ".join(f"({node})" for node in spoken.skip)
    return Loaded(
        language=language,
        definitions=Query(language, query_text(spoken)),
        skip=Query(language, f"[{skip}] @skip"),
        keywords=frozenset(_keywords(language)),
    )


@cache
def word(spoken: Spoken) -> re.Pattern[str]:
    """A name in the language; needs no grammar."""
    return re.compile(spoken.word)


def query_text(spoken: Spoken) -> str:
    return resources.files(__name__).joinpath(spoken.query).read_text("utf-8")


def _keywords(language: Language) -> list[str]:
    """A grammar's anonymous nodes that are words."""
    kinds = range(language.node_kind_count)
    words = (language.node_kind_for_id(kind) for kind in kinds if not language.node_kind_is_named(kind))
    return [word for word in words if word and word.isidentifier()]
