"""Points beyond an allowance (超出部分)."""

import math
from typing import Annotated, Literal

import numpy as np

from gridmgmt.documents import Id, Positive
from gridmgmt.files.wording import Words
from gridmgmt.rulebooks import rescoring as floats
from gridmgmt.rulebooks.items import Reads, Rule
from gridmgmt.rulebooks.results import NOTHING, Book, Context, Node, numbers


class Beyond(Rule):
    """Points for each one above an allowance, which is a share of another input, rounded down (超出部分).

    ``counts``: ``surplus``, only those above it; ``all``: each one, once there are more than allowed.
    """

    is_of_inputs = True

    kind: Literal["beyond"]
    input: Annotated[Id, Reads(("number", "count", "findings"))]
    allowance_of: Annotated[Id, Reads()]
    allowance_share: Positive
    points: Positive
    counts: Literal["surplus", "all"] = "surplus"

    def _result(self, context: Context) -> Node:
        """The points for each one above ``floor(share × of)`` (超出允许数的部分)."""
        inputs = (self.input, self.allowance_of)
        n, of = (context.number(name) for name in inputs)
        if n is None or of is None:
            return self.missing(context, *inputs)
        allowance = math.floor(self.allowance_share * of)
        over = max(NOTHING, n - allowance)
        lost = (n if over and self.counts == "all" else over) * self.points
        facts = numbers(n=n, each=self.points, points=lost)
        if over and self.counts == "all":
            return self.node(lost, "rule_each", facts, inputs=inputs)
        return self.node(lost, "rule_beyond", facts | numbers(allowance=allowance, over=over), inputs=inputs)

    def _rescored(self, batch: floats.Batch) -> floats.Drawn:
        allowance = np.floor(float(self.allowance_share) * batch.inputs[self.allowance_of] + floats.NEAR)
        n = batch.inputs[self.input]
        over = np.maximum(0.0, n - allowance)
        counted = np.where(over > floats.NEAR, n, over) if self.counts == "all" else over
        return floats.computed(counted * float(self.points))

    def _words(self, book: Book) -> Words:
        return self.told(book, f"show_beyond_{self.counts}")
