"""The public interface before and after: what is gone, what has another type, what promises less."""

import re
from collections.abc import Callable, Iterator

import msgspec
from tree_sitter import Node

from ces.hacks.case import Family, Trick
from ces.hacks.definitions import Definition, definitions
from ces.hacks.edited import Edited, EditedFile
from ces.hacks.source import Source, squeezed
from ces.verdict import Flag

_VARIABLE = re.compile(r"(?<![\w'])'[a-z_]\w*(?!')")
_USED = re.compile(r"(?<![\w.])([A-Za-z_]\w*)(?!\w| ?[:=](?!=))")  # not a field, key or keyword
_GIVES = " gives "
_CHECKED = ("ocaml", "rust")
_LOOSE = re.compile(r"\bany\b|\bAny\b|\bobject\b|\bunknown\b|\bObj\.t\b|\bBox<dyn Any>")


class Offer(msgspec.Struct, frozen=True):
    """One thing a file offers: what it promises (a type, parameters) and where."""

    promise: str
    line: int


def offers(source: Source, defined: dict[str, Definition]) -> dict[str, Offer]:
    """What other files can use, by name."""
    return {name: Offer(_promise(one), one.first) for name, one in defined.items() if _is_offered(name, one)}


def _is_offered(name: str, one: Definition) -> bool:
    public = _PUBLIC.get(one.source.language or "")
    return public is not None and "#" not in name and all(map(public, name.split("."))) and _visible(one)


def find(change: Edited) -> Iterator[Flag]:
    for file in change.code:
        if file.change.before is None or file.change.after is None or file.language is None:
            continue
        if file.path.endswith(".ml") and _has_interface(file, change):
            continue
        yield from _compared(file)
    yield from _narrowing_files(change)


def _compared(file: EditedFile) -> Iterator[Flag]:
    interface = file.path.endswith(".mli")
    for name, old in file.defined_before.items():
        new = file.defined.get(name)
        if new is not None and (new.node.text == old.node.text or not _is_offered(name, old)):
            continue
        if new is not None and _is_offered(name, new):
            yield from _promises_other(file, old, Offer(_promise(new), new.first))
        elif _is_offered(name, old) and not file.still_named(name.rpartition(".")[2]):
            trick = "interface-narrowed" if interface else "public-removed"
            yield Flag(name=trick, path=file.path, line=old.first, message=f"{name} isn't offered any more")


def _promises_other(file: EditedFile, was: Definition, new: Offer) -> Iterator[Flag]:
    name, old = was.name, _promise(was)
    if new.promise != old and not _only_grows(old, new.promise):
        weaker = _weaker(old, new.promise)
        if not weaker and file.language in ("python", "rust", "typescript") and _taken(old) == _taken(new.promise):
            return  # types told otherwise are the checker's business
        trick = "interface-weakened" if weaker else "signature-changed"
        if not weaker and (file.language in _CHECKED or _optional(was, new.promise)):
            trick = "signature-grown" if file.language not in _CHECKED else "type-changed"
        yield Flag(name=trick, path=file.path, line=new.line, message=f"{name}: {old[:60]} becomes {new.promise[:60]}")


def _only_grows(old: str, new: str) -> bool:
    """Whether a type has all it had, in order: more fields, more cases."""
    words = iter(re.findall(r"\w+|[^\w\s]", new))
    return old.startswith("type ") and "=" in old and all(word in words for word in re.findall(r"\w+|[^\w\s]", old))


def _optional(was: Definition, new: str) -> bool:
    """Whether all that was taken is, in order, and what is more has a default and isn't a name that the body lacked."""
    had, parts = _taken(_promise(was)), _parts(new)
    words = iter(_taken(new))
    grown = [one for one in parts if _name(one) not in had]
    lacked = set(_USED.findall(was.body_text)) & set(map(_name, grown))
    given = all("=" in one or "?" in one or "*" in one for one in grown)
    return given and not lacked and all(name in words for name in had)


def _taken(promise: str) -> list[str]:
    """The names of parameters, without their types and defaults."""
    return [name for name in map(_name, _parts(promise)) if name not in ("", "/", "*")]


def _name(parameter: str) -> str:
    return re.split(r"[:=?]| (?=[^ ]+$)", parameter)[0].strip()


def _parts(promise: str) -> list[str]:
    """The parameters, each as it is written."""
    promise = promise.partition(_GIVES)[0].removeprefix("async ")
    inside = promise.partition("(")[2] if promise.startswith(("pub", "fn", "unsafe", "async fn", "const")) else promise
    names, depth = [""], 0
    for mark in inside:
        depth += (mark in "([{<") - (mark in ")]}>")
        if depth < 0:
            break
        if mark == "," and depth == 0:
            names.append("")
        else:
            names[-1] += mark
    return names


def _weaker(old: str, new: str) -> bool:
    """Whether a promise has become vaguer: an abstract type, more type variables, `any`."""
    if old.startswith("type ") and "=" in old and "=" not in new:
        return True
    return any(len(vague.findall(new)) > len(vague.findall(old)) for vague in (_VARIABLE, _LOOSE))


def _has_interface(file: EditedFile, change: Edited) -> bool:
    mli = (file.change.old_path or file.path) + "i"
    return mli in change.case.paths or any(other.path == file.path + "i" for other in change.files)


def _narrowing_files(change: Edited) -> Iterator[Flag]:
    """Interfaces that come for a module that had none and hide what it offered; interfaces that go."""
    modules = {file.path: file for file in change.files}
    for file in change.code:
        if file.path.endswith(".pyi") and file.change.before is None and file.path[:-1] in change.case.paths:
            yield Flag(name="stub-planted", path=file.path, message="a stub takes the place of the module's own types")
        if not file.path.endswith(".mli"):
            continue
        if file.change.after is None and file.path[:-1] in change.case.paths and file.path[:-1] not in _gone(change):
            yield Flag(name="interface-narrowed", path=file.path, message="the module's interface is gone")
        if file.change.before is None and file.change.old_path is None and file.path[:-1] in change.case.paths:
            changed = modules.get(file.path[:-1])
            raw = change.case.base(file.path[:-1]) if changed is None else changed.change.before
            hidden = set(_offered(file.path[:-1], raw or b"")) - set(offers(file.after, file.defined))
            for name in sorted(hidden):
                yield Flag(name="interface-narrowed", path=file.path, message=f"{name} is hidden by a new interface")


def _gone(change: Edited) -> set[str]:
    return {file.change.old_path or file.path for file in change.files if file.change.after is None}


def _offered(path: str, raw: bytes) -> dict[str, Offer]:
    source = Source(path, raw)
    return offers(source, definitions(source))


def _promise(one: Definition) -> str:
    """A definition without its body; the whole of a type's or an interface's."""
    source = one.source
    last = one.name.rpartition(".")[2]
    if source.path.endswith(".mli") or last.startswith(("type ", "exception ")):
        kind = "type " if last.startswith("type ") else ""
        return kind + squeezed(source, one.node.start_byte, one.node.end_byte)
    if one.holds or one.body == one.node:
        return ""
    if source.language == "ocaml":
        return _ocaml(one)
    if source.language == "rust":
        return squeezed(source, one.node.start_byte, one.body.start_byte)
    return _takes_and_gives(one)


def _takes_and_gives(one: Definition) -> str:
    """Parameters and result, the same for a `def` and a name that a lambda is given."""
    inner = one.node.child_by_field_name("definition") or one.node
    value = inner.child_by_field_name("value") or one.body
    if inner.child_by_field_name("parameters") is None and value.type in ("lambda", "arrow_function"):
        inner = value
    parts = [inner.child_by_field_name(name) for name in ("type_parameters", "parameters", "parameter", "return_type")]
    said = [squeezed(one.source, part.start_byte, part.end_byte) for part in parts if part is not None]
    result = f"{_GIVES}{said.pop()}" if parts[-1] is not None else ""
    kept = " ".join(text.removeprefix("(").removesuffix(")") for text in said) + result
    if not said and not result and one.source.language == "typescript":
        return squeezed(one.source, inner.start_byte, one.body.start_byte)
    return f"{'async ' if inner.children and inner.children[0].type == 'async' else ''}{kept}"


def _ocaml(one: Definition) -> str:
    """Which parameters a function has, by their labels, and its type where it says one."""
    node: Node = one.node
    parts = []
    taken = list(node.named_children)
    while (body := taken[-1] if taken else None) is not None and body.type == "fun_expression":  # let f = fun x -> ...
        taken += body.named_children
    for child in taken:
        text = squeezed(one.source, child.start_byte, child.end_byte)
        if child.type == "parameter":
            parts.append(text if text[:1] in "~?" or ":" in text else "_")
    annotated = node.child_by_field_name("type")
    if annotated is not None:
        parts.append(":" + squeezed(one.source, annotated.start_byte, annotated.end_byte))
    return " ".join(parts)


def _visible(one: Definition) -> bool:
    if one.source.language == "rust":
        held = one.name.startswith("impl ") and ("." not in one.name or " for " in one.name)
        return held or any(child.type == "visibility_modifier" for child in one.node.children)
    if one.source.language == "typescript" and "." not in one.name:
        node: Node | None = one.node
        while node is not None and node.type in ("variable_declarator", "lexical_declaration", one.node.type):
            node = node.parent
        return node is not None and node.type == "export_statement"
    if one.source.language == "typescript":
        return not any(
            child.type == "accessibility_modifier" and child.text != b"public" for child in one.node.children
        )
    return True


_PUBLIC: dict[str, Callable[[str], bool]] = {
    "ocaml": lambda part: part not in ("()", "_") and not part.startswith(("_", '"')),
    "python": lambda part: not part.startswith("_") or part in ("__init__", "__call__"),
    "rust": lambda part: True,
    "typescript": lambda part: not part.startswith(("_", "#")),
}

FAMILY = Family(
    name="interfaces",
    tricks=(
        Trick("interface-narrowed", "An interface offers less.", "deleted"),
        Trick("interface-weakened", "An interface promises a vaguer type.", "context"),
        Trick("stub-planted", "A new Python stub takes the place of a module's own types."),
        Trick("public-removed", "Something public is gone.", "deleted"),
        Trick("signature-changed", "Something public takes or gives something else.", "context"),
        Trick("signature-grown", "Something public takes more, which may be left out.", "told"),
        Trick("type-changed", "Something public has another type, in a language that checks every use.", "told"),
    ),
    find=find,
)
