"""A rate, for show (只列示不计分)."""

from typing import Literal

from gridmgmt.documents import Id
from gridmgmt.rulebooks import rescoring as floats
from gridmgmt.rulebooks.items import Item
from gridmgmt.rulebooks.rates import rated
from gridmgmt.rulebooks.results import Context, Node


class Shown(Item):
    """A rate for show, without points (只列示不计分)."""

    kind: Literal["rate"]
    rate: Id

    def _result(self, context: Context) -> Node:
        found = rated(self, context, self.rate, None)
        return found if isinstance(found, Node) else self.node(found[0], "line_rate", **found[1])

    def _rescored(self, batch: floats.Batch) -> floats.Drawn:
        value, empty = floats.rate_of(batch.book.rates[self.rate], batch)
        return floats.emptied(floats.computed(value), self.rate, empty, batch, None)
