"""The two branches of a conditional the wrong way round."""

from collections.abc import Iterator

from ces.tasks.mutate.ocaml import shapes
from ces.tasks.mutate.source import Edits, Source


def sites(source: Source) -> Iterator[Edits]:
    for conditional in source.nodes("if_expression"):
        clauses = [*shapes.children(conditional, "then_clause"), *shapes.children(conditional, "else_clause")]
        bodies = [clause.named_children[-1] for clause in clauses if clause.named_children]
        if len(bodies) == 2 and source.text(bodies[0]) != source.text(bodies[1]):
            yield source.swap(bodies[0], bodies[1])
