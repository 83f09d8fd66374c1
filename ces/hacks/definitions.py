"""What a file defines, by tree-sitter: functions, values, methods and what holds them, each with its body."""

from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache

import msgspec
from tree_sitter import Node

from ces.hacks.source import Source, squeezed

FUNCTIONS = ("fun_expression", "function_expression", "arrow_function", "lambda", "block", "statement_block")


class Definition(msgspec.Struct, frozen=True, dict=True):
    """One definition. `name` carries what it stands in ("Outer.inner"); one that hides an earlier one gets "#2".

    `holds`: its body is definitions (a module, a class, an impl), not an expression.
    """

    name: str
    node: Node
    body: Node
    holds: bool
    source: Source

    @property
    def first(self) -> int:
        return self.node.start_point.row

    @property
    def last(self) -> int:
        """Inclusive."""
        return self.node.end_point.row

    @property
    def is_function(self) -> bool:
        inner = self.node.child_by_field_name("definition") or self.node
        takes = inner.child_by_field_name("parameters") or self.body.type in FUNCTIONS
        return bool(takes) or any(one.type == "parameter" for one in inner.named_children)

    def differs(self, other: "Definition") -> bool:
        """Whether the code is another, comments and layout aside."""
        return self.node.text != other.node.text and self.text != other.text

    @cached_property
    def text(self) -> str:
        return squeezed(self.source, self.node.start_byte, self.node.end_byte)

    @cached_property
    def body_text(self) -> str:
        return squeezed(self.source, self.body.start_byte, self.body.end_byte)

    @cached_property
    def size(self) -> int:
        """How much code the body is: its words and marks."""
        return size(self.body)


Found = tuple[str, Node, Node, bool]
Finder = Callable[[Node], Iterator[Found]]


def definitions(source: Source) -> dict[str, Definition]:
    """By name, in the file's order; empty without a grammar."""
    if source.root is None or source.language not in _FINDERS:
        return {}
    return dict(_below(source.root, _FINDERS[source.language], source))


@lru_cache(maxsize=128)
def known_definitions(source: Source) -> dict[str, Definition]:
    """Those of a file as it was before a change; nobody may change them."""
    return definitions(source)


def size(node: Node) -> int:
    """The number of leaves that aren't comments; a string is one."""
    count = 0
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if "comment" in one.type:
            continue
        if one.child_count == 0 or "string" in one.type:
            count += 1
        else:
            waiting.extend(one.children)
    return count


def _below(root: Node, finder: Finder, source: Source) -> Iterator[tuple[str, Definition]]:
    """Without recursion, as all here: a candidate may nest what it likes."""
    levels: list[tuple[Iterator[Found], str, dict[str, int]]] = [(finder(root), "", {})]
    while levels:
        found, prefix, seen = levels[-1]
        one = next(found, None)
        if one is None:
            levels.pop()
            continue
        name, whole, body, holds = one
        full = f"{prefix}{name}"
        seen[full] = seen.get(full, 0) + 1
        if seen[full] > 1:
            full = f"{full}#{seen[full]}"
        yield full, Definition(full, whole, body, holds, source)
        if holds:
            levels.append((finder(body), f"{full}.", {}))


def _items(node: Node, *through: str) -> Iterator[Node]:
    """The nodes right below, in order; in place of one of the kinds `through`, those right below it."""
    waiting = node.named_children[::-1]
    while waiting:
        one = waiting.pop()
        if one.type in through:
            waiting += reversed(one.named_children)
        else:
            yield one


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _ocaml(node: Node) -> Iterator[Found]:
    for child in _items(node, "ERROR", "include_module"):
        if child.type == "value_definition":
            if any(one.type == "attribute_id" for one in child.named_children):  # let%test
                continue
            for binding in child.named_children:
                pattern = binding.child_by_field_name("pattern") if binding.type == "let_binding" else None
                body = binding.child_by_field_name("body") if pattern is not None else None
                if pattern is not None and body is not None:
                    yield _text(pattern), binding, body, False
        elif child.type in ("type_definition", "module_definition", "class_definition"):
            for binding in child.named_children:
                name = binding.child_by_field_name("name") or next(iter(binding.named_children), None)
                if binding.type in ("type_binding", "module_binding", "class_binding") and name is not None:
                    body = _structure(binding)
                    prefix = {"type_binding": "type ", "class_binding": "class "}.get(binding.type, "")
                    yield prefix + _text(name), binding, body or binding, body is not None
        elif child.type in ("external", "value_specification", "exception_definition", "module_type_definition"):
            name = next((one for one in child.named_children if one.type.endswith("_name")), None)
            if child.type == "exception_definition":
                name = next((one for one in child.named_children if one.named_children), child)
                name = name.named_children[0] if name.named_children else name
            if name is not None:
                kinds = {"exception_definition": "exception ", "module_type_definition": "module type "}
                yield kinds.get(child.type, "") + _text(name), child, child, False


def _structure(binding: Node) -> Node | None:
    """The structure or signature of a module, past functor parameters and constraints."""
    waiting = [binding.child_by_field_name("body") or binding.child_by_field_name("module_type")]
    while waiting:
        one = waiting.pop()
        if one is None:
            continue
        if one.type in ("structure", "signature"):
            return one
        if one.type in (
            "functor",
            "typed_module_expression",
            "parenthesized_module_expression",
            "module_type_constraint",
        ):
            waiting.extend(one.named_children)
    return None


def _python(node: Node) -> Iterator[Found]:
    for child in _items(node, "if_statement", "try_statement", "block", "else_clause", "except_clause", "ERROR"):
        inner = child.child_by_field_name("definition") if child.type == "decorated_definition" else child
        if inner is None or (inner is not child and b"overload" in (child.named_children[0].text or b"")):
            continue
        name, body = inner.child_by_field_name("name"), inner.child_by_field_name("body")
        if inner.type in ("function_definition", "class_definition") and name is not None and body is not None:
            yield _text(name), child, body, inner.type == "class_definition"
        elif child.type == "expression_statement" and child.named_children:
            first = child.named_children[0]
            left, right = first.child_by_field_name("left"), first.child_by_field_name("right")
            if first.type == "assignment" and left is not None and left.type == "identifier" and right is not None:
                yield _text(left), child, right, False


def _rust(node: Node) -> Iterator[Found]:
    named = ("function_item", "struct_item", "enum_item", "trait_item", "mod_item", "const_item", "static_item")
    for child in node.named_children:
        body = child.child_by_field_name("body") or child.child_by_field_name("value")
        if child.type in (*named, "type_item", "macro_definition", "function_signature_item", "union_item"):
            name = child.child_by_field_name("name")
            if name is not None:
                yield _text(name), child, body or child, child.type in ("trait_item", "mod_item") and body is not None
        elif child.type == "impl_item" and body is not None:
            of, trait = child.child_by_field_name("type"), child.child_by_field_name("trait")
            name_text = "impl " + (f"{_text(trait)} for " if trait is not None else "") + (_text(of) if of else "")
            yield name_text, child, body, True


_CLASSES = ("class_declaration", "abstract_class_declaration", "internal_module", "class")
_ITEMS = ("function_declaration", "generator_function_declaration", "method_definition", "function_signature")
_TYPES = ("interface_declaration", "type_alias_declaration", "enum_declaration", "public_field_definition")


def _typescript(node: Node) -> Iterator[Found]:
    for child in _items(node, "export_statement", "expression_statement", "ambient_declaration", "ERROR"):
        if child.type in ("lexical_declaration", "variable_declaration"):
            for one in child.named_children:
                name, value = one.child_by_field_name("name"), one.child_by_field_name("value")
                if one.type == "variable_declarator" and name is not None:
                    inner = value.child_by_field_name("body") if value is not None else None
                    yield _text(name), one, inner or value or one, False
            continue
        name = child.child_by_field_name("name")
        if name is not None and child.type in (*_CLASSES, *_ITEMS, *_TYPES):
            body = child.child_by_field_name("body") or child.child_by_field_name("value")
            yield _text(name), child, body or child, child.type in _CLASSES and body is not None


_FINDERS: dict[str, Finder] = {"ocaml": _ocaml, "python": _python, "rust": _rust, "typescript": _typescript}
