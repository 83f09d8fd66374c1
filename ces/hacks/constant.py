"""Bodies that come to the same whatever they are given: a literal, at most after throwing their parameters away.

`is_constant` is for a body that computes nothing; `is_table` for one that only lists answers for inputs it names. Both
read a syntax tree and never run anything.
"""

import re

from tree_sitter import Node


def _kinds(names: str) -> frozenset[str]:
    return frozenset(names.split())


_LITERALS = _kinds(
    "number boolean character unit integer float true false none null undefined ellipsis integer_literal float_literal"
    " string_literal raw_string_literal boolean_literal char_literal unit_expression constructor_path tag"
    " pass_statement empty_statement empty_list empty_array"
)
_STRINGS = ("string", "concatenated_string", "template_string", "quoted_string")
_WRAPS = _kinds(
    "parenthesized_expression tuple_expression tuple list list_expression array_expression array dictionary set pair"
    " object sign_expression unary_operator unary_expression infix_expression binary_operator binary_expression"
    " typed_expression as_expression satisfies_expression return_statement return_expression expression_statement"
    " else_clause then_clause else_clause reference_expression local_open_expression not_operator"
)
_BLOCKS = _kinds("block statement_block sequence_expression expression_list")
_FUNCTIONS = _kinds("fun_expression function_expression arrow_function lambda closure_expression")
_BRANCHES = _kinds(
    "if_expression if_statement match_expression conditional_expression ternary_expression elif_clause switch_statement"
    " switch_body switch_case switch_default match_statement case_clause match_block match_arm match_case"
)
_CASES = _kinds("match_arm match_case case_clause switch_case switch_default")
_CALLS = _kinds("application_expression call call_expression macro_invocation new_expression method_call")
_ASIDE = _kinds(
    "sign_operator type_constructor_path predefined_type type_identifier add_operator mult_operator rel_operator"
    " generic_type literal_type concat_operator and_operator or_operator module_path property_identifier"
)
_LISTS = ("dictionary", "object", "list_expression", "array_expression")
_MEASURES = re.compile(rb"(?:ignore|drop|len|(?:List|String|Array)\.length)\b")
_CONDITIONS = ("condition", "pattern", "guard", "subject", "alternative_pattern")
_MAKES_NOTHING = re.compile(
    rb"(?:dict|list|int|str|set|tuple|float|bool|frozenset|object|bytes)\(\s*\)|(?:\w+::)*(?:default|new)\(\s*\)"
    rb"|vec!\[\s*\]|String::from\(\"[^\"]*\"\)|\"[^\"]*\"\.(?:to_string|to_owned|into)\(\s*\)|(?:Ok|Some|Err)\(.*\)"
    rb"|new (?:Map|Set|Array|Object)\(\s*\)|Promise\.resolve\([^()]*\)"
)
_THROWN_AWAY = re.compile(rb"^(?:ignore\b|del\b|\(?void\b|_\w*\s*=[^=]|let\s+_\w*\s*(?::[^=]*)?=|drop\s*\(|\.\.\.$)")
Needed = list[tuple[Node, bool]] | None  # each with whether it may branch


def is_constant(body: Node) -> bool:
    """Whether a body works out nothing."""
    return _constant(body, branches=False)


def is_table(body: Node, tables: frozenset[str] = frozenset()) -> bool:
    """Whether a body only tells inputs apart and gives each an answer that stands there. `tables`: names of lists."""
    return not is_constant(body) and (_constant(body, branches=True) or _looked_up(body, tables))


def tells_apart(body: Node) -> bool:
    """Whether a body is cases of which half or more are answers that stand there: most of a table already."""
    node = body
    while node.type in (*_BLOCKS, *_FUNCTIONS, "return_statement", "expression_statement") and node.named_children:
        if node.named_children[0].type in _CASES:
            break
        node = node.named_children[-1]
    inner = next((one for one in node.named_children if one.type in ("match_block", "switch_body", "block")), node)
    bodies = [one.named_children[-1] for one in inner.named_children if one.type in _CASES and one.named_children]
    return bool(bodies) and 2 * sum(_constant(one, branches=False) for one in bodies) >= len(bodies)


def _constant(node: Node, *, branches: bool) -> bool:
    """Without recursion: a candidate may nest what it likes."""
    waiting = [(node, branches)]
    while waiting:
        needed = _needed(*waiting.pop())
        if needed is None:
            return False
        waiting += reversed(needed)
    return True


def _needed(node: Node, branches: bool) -> Needed:
    """What must be constant for a node to be; None: it isn't, whatever they are."""
    kind = node.type
    if kind in _LITERALS:
        return []
    if kind in _STRINGS:
        strings = [one for one in node.named_children if one.type in _STRINGS]
        worked_out = any(one.type in ("interpolation", "template_substitution") for one in node.named_children)
        return None if worked_out else _each(strings, branches)
    if kind == "value_path":
        return [] if re.fullmatch(rb"Lwt\.return_\w+", node.text or b"") else None
    parts = [one for one in node.named_children if "comment" not in one.type]
    if kind in _BLOCKS or kind == "let_expression":
        return _steps(parts, branches)
    if parts and parts[0].type == "match_case":  # OCaml's `function`
        return _each(parts, True) if branches or len(parts) == 1 else None
    if kind in _FUNCTIONS:
        body = node.child_by_field_name("body") or (parts[-1] if parts else None)
        return None if body is None else [(body, branches)]
    if kind in _CALLS:
        return _made(node, parts, branches)
    if kind in _WRAPS:
        return _each([one for one in parts if one.type not in _ASIDE], branches)
    if branches and kind in _BRANCHES:
        return _branch(node, parts)
    return None


def _each(nodes: list[Node], branches: bool) -> Needed:
    return [(one, branches) for one in nodes]


def _steps(parts: list[Node], branches: bool) -> Needed:
    """All but the last are thrown away. Where nothing comes out, what is called on the way may be the work."""
    if not parts:
        return []
    *steps, last = parts
    if branches and steps and all(one.type in ("if_statement", "expression_statement") for one in steps):
        return _each(parts, True)
    if not all(_thrown_away(one) for one in steps):
        return None
    if last.type != "let_expression" and _thrown_away(last):
        return None if _calls(last) or any(map(_calls, steps)) else []
    nothing = (last.text or b"").strip(b" ;()") in (b"", b"return", b"None", b"return None", b"pass", b"undefined")
    return None if nothing and any(map(_calls, steps)) else [(last, branches)]


def _thrown_away(node: Node) -> bool:
    inner = node.named_children if node.type == "expression_statement" else []
    doc = len(inner) == 1 and inner[0].type in _STRINGS
    return doc or _THROWN_AWAY.match(node.text or b"") is not None or node.type in ("pass_statement", "empty_statement")


def _calls(node: Node) -> bool:
    """Whether anything is called but what throws away."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if one.type in _CALLS and not _MEASURES.match(one.text or b""):
            return True
        waiting.extend(one.named_children)
    return False


def _made(node: Node, parts: list[Node], branches: bool) -> Needed:
    """A constructor of constants, or an empty container."""
    if parts and parts[0].type in ("constructor_path", "tag"):
        return _each(parts[1:], branches)
    text = node.text or b""
    if parts and parts[0].text in (b"Lwt.return", b"Deferred.return", b"return"):
        return _each(parts[1:], branches)
    if re.match(rb"(?:Ok|Some|Err)\(", text):
        arguments = node.child_by_field_name("arguments")
        return None if arguments is None else _each(arguments.named_children, branches)
    return [] if _MAKES_NOTHING.fullmatch(text) else None


def _branch(node: Node, parts: list[Node]) -> Needed:
    """Conditions may name anything but call nothing."""
    conditions = {one.id for name in _CONDITIONS for one in node.children_by_field_name(name)}
    if node.type in ("match_expression", "switch_statement", "match_statement") and parts:
        conditions.add(parts[0].id)
    if node.type in ("match_case", "match_arm", "case_clause", "switch_case", "elif_clause") and parts:
        conditions.add(parts[0].id)
    if node.type == "conditional_expression" and len(parts) == 3:
        conditions.add(parts[1].id)
    named = [one for one in parts if one.id in conditions or "pattern" in one.type or one.type == "guard"]
    rest = [one for one in parts if one not in named]
    return _each(rest, True) if rest and not any(map(_calls, named)) else None


def _looked_up(body: Node, tables: frozenset[str]) -> bool:
    """`{1: 2}[n]`, `{1: 2}.get(n)`, `List.assoc n [1, 2]`: an answer looked up among those that stand there."""
    node = body
    while node.type in (*_BLOCKS, "return_statement", "expression_statement") and node.named_children:
        if not all(map(_thrown_away, node.named_children[:-1])):
            return False
        node = node.named_children[-1]
    if node.type == "application_expression" and re.match(rb"(?:List\.assq?(?:oc)?|Hashtbl\.find)", node.text or b""):
        return any(_held(one, tables) for one in node.named_children[1:])
    if node.type in ("call", "call_expression"):
        node = node.child_by_field_name("function") or node
    if node.type in ("subscript", "attribute", "subscript_expression", "member_expression") and node.named_children:
        return _held(node.named_children[0], tables)
    return False


def _held(node: Node, tables: frozenset[str]) -> bool:
    while node.type == "parenthesized_expression" and node.named_children:
        node = node.named_children[0]
    if (node.text or b"").decode("utf-8", "replace") in tables:
        return True
    return node.type in _LISTS and node.named_child_count > 0 and _constant(node, branches=False)


def is_list(body: Node) -> bool:
    """Whether a value is a list of answers."""
    return body.type in _LISTS and is_constant(body)
