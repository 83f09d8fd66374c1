"""Shapes of Python's syntax tree that several breakages look for (tree-sitter-python's node types). Pure."""

from tree_sitter import Node

_NO_ARGUMENTS = frozenset({"keyword_argument", "list_splat", "dictionary_splat", "comment"})
# Where an identifier names what it defines, or an attribute, and isn't a use of a variable.
_DEFINING = frozenset(
    {
        ("function_definition", "name"),
        ("class_definition", "name"),
        ("attribute", "attribute"),
        ("keyword_argument", "name"),
        ("default_parameter", "name"),
        ("typed_default_parameter", "name"),
        ("assignment", "left"),
        ("for_statement", "left"),
        ("for_in_clause", "left"),
    }
)
_NAMING = frozenset(
    {"parameters", "lambda_parameters", "dotted_name", "aliased_import", "as_pattern_target", "pattern_list",
     "tuple_pattern", "typed_parameter", "list_splat_pattern", "dictionary_splat_pattern", "global_statement",
     "nonlocal_statement"}
)  # fmt: skip


def plain_arguments(call: Node) -> list[Node]:
    """A call's arguments that are passed by place; none for a generator passed without brackets."""
    arguments = call.child_by_field_name("arguments")
    if arguments is None or arguments.type != "argument_list":
        return []
    return [each for each in arguments.named_children if each.type not in _NO_ARGUMENTS]


def is_used(name: Node) -> bool:
    """Whether an identifier is the use of a variable."""
    around = name.parent
    if around is None or around.type in _NAMING:
        return False
    at = next(at for at, child in enumerate(around.children) if child == name)
    return (around.type, around.field_name_for_child(at) or "") not in _DEFINING


def is_assigned(expression: Node) -> bool:
    around = expression.parent
    return around is not None and around.type == "assignment" and around.child_by_field_name("left") == expression
