"""A value that people hand in (录入值)."""

from typing import Annotated, Literal

from gridmgmt.documents import Id, Positive
from gridmgmt.files.wording import Words, words
from gridmgmt.numbers import exact
from gridmgmt.rulebooks import rescoring as floats
from gridmgmt.rulebooks.items import Item, Reads
from gridmgmt.rulebooks.results import NOTHING, Book, Context, Node, clamp, numbers
from gridmgmt.rulebooks.values import NOT_APPLICABLE
from gridmgmt.rulebooks.wording import concat


class Entered(Item):
    """An entered value (录入值), clamped to 0 … ``points`` if these are given (超过满分按满分计)."""

    kind: Literal["entered"]
    input: Annotated[Id, Reads(("number", "count", "choice", "flag"))]
    points: Positive | None = None

    def _result(self, context: Context) -> Node:
        """An entered value, clamped to its points."""
        inputs = (self.input,)
        value = context.get(self.input)
        if value is None:
            return self.missing(context, self.input)
        if value == NOT_APPLICABLE:
            return self.node(None, "line_not_applicable", status="not_applicable", inputs=inputs)
        number = context.number(self.input)
        if number is None:  # a choice: recorded, without points
            choice = context.book.inputs[self.input].choices[str(value)]
            return self.node(NOTHING, "line_choice", {"value": choice}, inputs=inputs)
        clamped = clamp(number, NOTHING if self.points is not None else None, self.points)
        if clamped != number:
            facts = numbers(entered=number, limit=clamped)
            return self.node(clamped, "line_entered_clamped", facts, inputs=inputs)
        if self.input in context.told_by:
            n = context.told_by[self.input]
            facts = numbers(entered=number) if n is None else numbers(entered=number, n=n)
            return self.node(clamped, "line_taken" if n is None else "line_sampled", facts, inputs=inputs)
        return self.node(clamped, "line_entered", numbers(entered=number), inputs=inputs)

    def _rescored(self, batch: floats.Batch) -> floats.Drawn:
        low = None if self.points is None else 0
        return floats.computed(floats.clamp(batch.inputs[self.input], low, self.points))

    def _words(self, book: Book) -> Words:
        within = words("show_within", points=exact(self.points)) if self.points is not None else None
        return concat(self.told(book), within)
