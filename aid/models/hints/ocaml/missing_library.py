"""OCaml: an unbound module that a library provides: the library goes into the dune file beside the source.

Only sources at hand are read: a library that another dune file names or defines, else one that is widely known.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from aid.models.backend import SourceText
from aid.models.hints.span import replaced
from aid.models.hints.suggestion import Suggestion
from aid.models.hints.wording import flat
from ces.verdict import Diagnostic

name = "missing library"
suffixes = (".ml", ".mli", "dune")

_UNBOUND = re.compile(r"Unbound module ([A-Z]\w*)$")
_UNLINKED = re.compile(r"No implementations? provided for the following modules: ([A-Z]\w*) referenced from (\S+)/")
_STANZA = re.compile(r"\((?:library|libraries|executables?|tests?)(?=[\s)])")
_LIBRARIES = re.compile(r"\(libraries\s+([^()]*)\)")
_NAMES = re.compile(r"\((?:public_name|name)\s+([\w.-]+)\s*\)")
_NAMED_LIKE_THEIR_MODULE = (
    "alcotest angstrom astring base bigarray bos cmdliner core csexp digestif domainslib eio fmt fpath logs lwt "
    "menhirLib mtime num ocamlgraph ounit2 ppxlib ptime qcheck re sexplib stdio str unix uri uutf yojson zarith"
)
_PROVIDERS = {each.lower(): each for each in _NAMED_LIKE_THEIR_MODULE.split()} | {
    "thread": "threads.posix",
    "mutex": "threads.posix",
    "lwt_unix": "lwt.unix",
    "lwt_main": "lwt.unix",
    "lwt_io": "lwt.unix",
    "ounit": "ounit2",
    "z": "zarith",
    "q": "zarith",
}


def propose(diagnostic: Diagnostic, source: SourceText, sources: Sequence[SourceText]) -> Iterable[Suggestion]:
    said = _UNBOUND.search(flat(diagnostic)) or _UNLINKED.search(flat(diagnostic))
    dune = _dune_of(source, sources)
    if said and said.re is _UNLINKED and PurePosixPath(source.path).parent != PurePosixPath(said[2]):
        return
    if said is None or dune is None:
        return
    known = _known(sources)
    own = next((each for each in sorted(known) if each.replace("-", "_").lower() == said[1].lower()), None)
    library = own or _PROVIDERS.get(said[1].lower())
    edit = _added(dune.text, library) if library else None
    if edit is None:
        return
    reason = f"the compiler doesn't know module `{said[1]}`; library `{library}` may provide it"
    yield Suggestion(replaced(dune, edit[0], edit[0], edit[1]), reason, 0.85 if own else 0.7)


def _dune_of(source: SourceText, sources: Sequence[SourceText]) -> SourceText | None:
    folder = PurePosixPath(source.path).parent
    return next((each for each in sources if PurePosixPath(each.path) == folder / "dune"), None)


def _known(sources: Sequence[SourceText]) -> set[str]:
    texts = [each.text for each in sources if PurePosixPath(each.path).name == "dune"]
    named = {library for text in texts for listed in _LIBRARIES.findall(text) for library in listed.split()}
    return named | {library for text in texts for library in _NAMES.findall(text)}


def _added(dune: str, library: str) -> tuple[int, str] | None:
    """Where in a dune file of one stanza the library goes, and the text; None when it is there or can't be told."""
    if len(_STANZA.findall(dune.replace("(libraries", ""))) != 1:
        return None
    listed = _LIBRARIES.search(dune)
    if listed is not None:
        return None if library in listed[1].split() else (listed.end(1), f" {library}")
    close = dune.rstrip()
    return (len(close) - 1, f"\n (libraries {library})") if close.endswith(")") else None
