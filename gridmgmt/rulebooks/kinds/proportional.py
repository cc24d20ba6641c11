"""Points in proportion to a rate (按比例得分)."""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from gridmgmt.documents import Id, Positive
from gridmgmt.files.wording import Words
from gridmgmt.invalid import Why, why
from gridmgmt.rulebooks import rescoring as floats
from gridmgmt.rulebooks.items import Item
from gridmgmt.rulebooks.rates import rated
from gridmgmt.rulebooks.results import NOTHING, Book, Context, Node, clamp, numbers


class Proportional(Item):
    """Points × a rate, or points × a score / 100 (按比例得分)."""

    is_of_inputs = True

    kind: Literal["proportional"]
    points: Positive
    rate: Id

    def faults(self, book: Book) -> Iterator[tuple[tuple[str | int, ...], Why]]:
        """Points that would reward the worse: the closing rate scored as 100 − rate, and the like."""
        if self.rate in book.rates and book.rates[self.rate].better == "low":
            yield ("rate",), why("rewards_worse", rate=self.rate)

    def _result(self, context: Context) -> Node:
        """Points × rate, or points × score / 100, never below 0 or above the item's points."""
        found = rated(self, context, self.rate, self.points)
        if isinstance(found, Node):
            return found
        value, more = found
        share = value / 100 if context.book.rates[self.rate].unit == "points" else value
        points = clamp(self.points * share, NOTHING, self.points)
        return self.node(points, "line_proportional", numbers(maximum=self.points, value=value), **more)

    def _rescored(self, batch: floats.Batch) -> floats.Drawn:
        points = float(self.points)
        return floats.limited(self, batch, lambda percent: np.clip(points * percent / 100, 0.0, points))

    def _words(self, book: Book) -> Words:
        return self.told(book, "show_proportional_score" if book.rates[self.rate].unit == "points" else None)
