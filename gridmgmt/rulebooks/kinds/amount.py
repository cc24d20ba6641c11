"""Points at discretion (酌情)."""

from typing import Annotated, Literal

from gridmgmt.documents import Id, Positive
from gridmgmt.files.wording import Words
from gridmgmt.rulebooks import rescoring as floats
from gridmgmt.rulebooks.items import Reads, Rule
from gridmgmt.rulebooks.results import NOTHING, Book, Context, Node, clamp, numbers
from gridmgmt.rulebooks.wording import cap_words, concat


class Amount(Rule):
    """Points entered by hand (酌情), from 0 to the cap."""

    kind: Literal["amount"]
    input: Annotated[Id, Reads(("number", "count"))]
    cap: Positive | None = None

    def _result(self, context: Context) -> Node:
        """Points at discretion (酌情), as entered, never above the cap."""
        value = context.number(self.input)
        if value is None:
            return self.missing(context, self.input)
        points = clamp(value, NOTHING, self.cap)
        return self.node(points, "rule_amount", numbers(points=points), inputs=(self.input,))

    def _rescored(self, batch: floats.Batch) -> floats.Drawn:
        return floats.computed(floats.clamp(batch.inputs[self.input], 0, self.cap))

    def _words(self, book: Book) -> Words:
        return concat(self.told(book), cap_words(self.cap))
