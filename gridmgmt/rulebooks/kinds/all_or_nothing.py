"""All the points or none (达标得分)."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal

from gridmgmt.documents import Exact, Id, Positive, Test, holds
from gridmgmt.files.wording import Words
from gridmgmt.rulebooks import rescoring as floats
from gridmgmt.rulebooks.items import Reads
from gridmgmt.rulebooks.rates import Limited
from gridmgmt.rulebooks.results import NOTHING, Book, Node, numbers
from gridmgmt.rulebooks.wording import limit_words, measured_title


class AllOrNothing(Limited):
    """All its points if the value passes the limit, else none (达标得分); the limit of a rate in percent."""

    is_of_inputs = True

    kind: Literal["all_or_nothing"]
    points: Positive
    rate: Id | None = None
    input: Annotated[Id | None, Reads()] = None
    test: Test
    limit: Exact

    def _reached(self, value: Fraction, more: Mapping[str, Any]) -> Node:
        passed = holds(value, self.test, self.limit)
        facts = {**numbers(amount=value, limit=self.limit), "test": self.test}
        return self.node(self.points if passed else NOTHING, "line_all" if passed else "line_nothing", facts, **more)

    def _rescored(self, batch: floats.Batch) -> floats.Drawn:
        points, limit = float(self.points), float(self.limit)
        return floats.limited(self, batch, lambda value: floats.holds(value, self.test, limit) * points)

    def _words(self, book: Book) -> Words:
        return self.told(book, of=measured_title(book, self), limit=limit_words(book, self.rate, self.limit))
