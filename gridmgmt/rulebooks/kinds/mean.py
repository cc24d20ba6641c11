"""The mean of items (平均)."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

import numpy as np

from gridmgmt.rulebooks import rescoring as floats
from gridmgmt.rulebooks.items import Items, Total
from gridmgmt.rulebooks.results import Node, gained, numbers


class Mean(Total):
    """Plain mean of those of its items that apply to the subject (平均)."""

    kind: Literal["mean"]
    items: Items

    def _join(self, children: tuple[Node, ...]) -> Node:
        n, total = sum(c.value is not None for c in children), gained(children)
        if not n:
            status = "not_applicable" if all(c.status == "not_applicable" for c in children) else "no_data"
            return self.node(None, "line_not_applicable", status=status, children=children)
        return self.node(total / n, "line_mean", numbers(n=n, sum=total), children=children)

    def _counts_for(self, _child: Node) -> Fraction:
        return Fraction(1)

    def _rejoined(self, parts: Sequence[floats.Drawn], _nodes: Sequence[Node]) -> floats.Drawn:
        n = sum(((p.status == floats.OK).astype(float) for p in parts), floats.ZERO)
        return floats.joined(
            floats.added(parts) / np.maximum(n, 1.0),
            (floats.any_of([p.status == floats.MISSING for p in parts]), floats.MISSING),
            (floats.all_of([p.status == floats.NOT_APPLICABLE for p in parts]), floats.NOT_APPLICABLE),
            (n == 0, floats.NO_DATA),
        )
