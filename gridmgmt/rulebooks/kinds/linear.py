"""A sum of inputs, for show (如应配人数)."""

from typing import Annotated, Literal

from pydantic import Field

from gridmgmt.documents import Exact, Id
from gridmgmt.rulebooks import rescoring as floats
from gridmgmt.rulebooks.items import Item, Reads
from gridmgmt.rulebooks.results import Context, Node, numbers


class Linear(Item):
    """A sum of inputs times fixed coefficients, for show (如应配人数)."""

    is_of_inputs = True

    kind: Literal["linear"]
    terms: Annotated[dict[Id, Exact], Field(min_length=1), Reads()]

    def _result(self, context: Context) -> Node:
        value = context.linear(self.terms)
        if value is None:
            return self.missing(context, *self.terms)
        return self.node(value, "line_linear", numbers(value=value), inputs=tuple(self.terms))

    def _rescored(self, batch: floats.Batch) -> floats.Drawn:
        return floats.computed(batch.linear(self.terms))
