"""Items by weight (加权)."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Literal

from gridmgmt.documents import Positive
from gridmgmt.invalid import Why, why
from gridmgmt.numbers import exact
from gridmgmt.rulebooks import rescoring as floats
from gridmgmt.rulebooks.items import Items, Total
from gridmgmt.rulebooks.results import NOTHING, Book, Node, named_parts


class Weighted(Total):
    """Sum of item × weight (加权): the weights must sum to ``over`` (66/30/4 of 100; 5:3:2 of 10)."""

    kind: Literal["weighted"]
    over: Positive = Fraction(100)
    items: Items

    def faults(self, _book: Book) -> Iterator[tuple[tuple[str | int, ...], Why]]:
        """Items without a weight, and weights that do not make the whole."""
        for place, item in enumerate(self.items):
            if item.weight is None:
                yield ("items", place), why("no_weight")
        total = sum((i.weight or NOTHING for i in self.items), NOTHING)
        if total != self.over:
            yield ("items",), why("weights_sum", sum=exact(total), over=exact(self.over))

    def _join(self, children: tuple[Node, ...]) -> Node:
        """Σ value × weight / over; weights are absolute: a part without data leaves the whole open."""
        without = [c for c in children if c.status != "ok"]
        if without:
            facts = {"parts": named_parts(without)}
            return self.node(None, "line_part_without_data", facts, status="missing", children=children)
        pairs = [(c.value or NOTHING, c.weight or NOTHING) for c in children]
        terms = " + ".join(f"{exact(value)} × {exact(weight)}" for value, weight in pairs)
        total = sum((value * weight for value, weight in pairs), NOTHING)
        return self.node(
            total / self.over, "line_weighted", {"terms": terms, "over": exact(self.over)}, children=children
        )

    def _counts_for(self, child: Node) -> Fraction:
        return child.weight or NOTHING

    def _rejoined(self, parts: Sequence[floats.Drawn], _nodes: Sequence[Node]) -> floats.Drawn:
        weights = [float(i.weight or 0) for i in self.items]
        total = sum((p.value * w for p, w in zip(parts, weights, strict=True)), floats.ZERO)
        missing = floats.any_of([p.status != floats.OK for p in parts])
        return floats.joined(total / float(self.over), (missing, floats.MISSING))
