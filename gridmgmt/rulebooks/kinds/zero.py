"""The whole item scores nothing (本项不得分)."""

from typing import Annotated, Literal

from gridmgmt.documents import Id
from gridmgmt.rulebooks import rescoring as floats
from gridmgmt.rulebooks.items import Reads, Rule
from gridmgmt.rulebooks.results import NOTHING, Context, Node


class Zero(Rule):
    """The whole item scores nothing (本项不得分) if it was found even once."""

    kind: Literal["zero"]
    input: Annotated[Id, Reads(("findings", "count", "flag"))]

    def _result(self, context: Context) -> Node:
        n = context.number(self.input)
        if n is None:
            return self.missing(context, self.input)
        return self.node(NOTHING, "rule_zero" if n > 0 else "rule_none", inputs=(self.input,), zeroes=n > 0)

    def _rescored(self, batch: floats.Batch) -> floats.Drawn:
        value = batch.inputs[self.input]
        return floats.computed(value * 0.0, value > floats.NEAR)
