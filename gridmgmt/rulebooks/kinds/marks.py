"""Marks, one a round (各次平均)."""

from fractions import Fraction
from typing import Annotated, Literal

from gridmgmt.documents import Id
from gridmgmt.rulebooks.items import Item, Reads
from gridmgmt.rulebooks.results import NOTHING, Context, Node, numbers


class Marks(Item):
    """Plain mean of the marks entered, one a round held (各次平均)."""

    kind: Literal["marks"]
    input: Annotated[Id, Reads(("marks",))]

    def _result(self, context: Context) -> Node:
        """Plain mean of the rounds held; none held leaves it open."""
        found = context.listed(self.input, Fraction)
        if not found:
            return self.missing(context, self.input, lacking=(self.input,))
        total = sum(found, NOTHING)
        return self.node(total / len(found), "line_mean", numbers(n=len(found), sum=total), inputs=(self.input,))
