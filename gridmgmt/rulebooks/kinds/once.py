"""Points once (只扣一次)."""

from typing import Annotated, Literal

from gridmgmt.documents import Id, Positive
from gridmgmt.rulebooks import rescoring as floats
from gridmgmt.rulebooks.items import Reads, Rule
from gridmgmt.rulebooks.results import NOTHING, Context, Node, numbers


class Once(Rule):
    """Points once, however often it was found (只扣一次)."""

    kind: Literal["once"]
    input: Annotated[Id, Reads(("findings", "count", "flag"))]
    points: Positive

    def _result(self, context: Context) -> Node:
        n = context.number(self.input)
        if n is None:
            return self.missing(context, self.input)
        value, code = (self.points, "rule_once") if n > 0 else (NOTHING, "rule_none")
        return self.node(value, code, numbers(points=self.points), inputs=(self.input,))

    def _rescored(self, batch: floats.Batch) -> floats.Drawn:
        value = batch.inputs[self.input]
        return floats.computed(floats.known(value, (value > floats.NEAR) * float(self.points)))
