"""Points if a comparison holds (如 网格数 > 15 × 采集员数)."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Literal

from gridmgmt.documents import Exact, Id, Positive, Test, holds
from gridmgmt.numbers import exact
from gridmgmt.rulebooks import rescoring as floats
from gridmgmt.rulebooks.items import Reads, Rule
from gridmgmt.rulebooks.results import NOTHING, Context, Node, numbers


class Compare(Rule):
    """Points if ``left`` ``test`` ``right`` holds; right is a number or a sum of inputs, as ``{collectors: 15}``."""

    is_of_inputs = True

    kind: Literal["compare"]
    left: Annotated[Id, Reads()]
    test: Test
    right: Annotated[Exact | dict[Id, Exact], Reads()]
    points: Positive

    def _result(self, context: Context) -> Node:
        """The points if the comparison holds (如 网格数 > 15 × 采集员数)."""
        terms = self.right if isinstance(self.right, Mapping) else {}
        names = (self.left, *terms)
        left = context.number(self.left)
        right = context.linear(terms) if terms else self.right
        if left is None or not isinstance(right, Fraction):
            return self.missing(context, *names)
        is_so = holds(left, self.test, right)
        facts = {"left": exact(left), "test": self.test, "right": exact(right), **numbers(points=self.points)}
        value, code = (self.points, "rule_compare") if is_so else (NOTHING, "rule_compare_not")
        return self.node(value, code, facts, inputs=names)

    def _rescored(self, batch: floats.Batch) -> floats.Drawn:
        left = batch.inputs[self.left]
        right = batch.linear(self.right) if isinstance(self.right, Mapping) else float(self.right)
        points = floats.holds(left, self.test, right) * float(self.points)
        return floats.computed(floats.known(left - right, points))
