"""A target, without points (目标达成)."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal

from gridmgmt.documents import Exact, Id
from gridmgmt.files.wording import Words
from gridmgmt.rulebooks import rescoring as floats
from gridmgmt.rulebooks.items import Reads
from gridmgmt.rulebooks.rates import Limited
from gridmgmt.rulebooks.results import Book, Node, numbers
from gridmgmt.rulebooks.wording import limit_words, measured_title


class Target(Limited):
    """Whether a target is met (目标达成), without points; the limit of a rate in percent."""

    kind: Literal["target"]
    rate: Id | None = None
    input: Annotated[Id | None, Reads()] = None
    at_least: Exact

    def _reached(self, value: Fraction, more: Mapping[str, Any]) -> Node:
        """1 if the target is met, else 0."""
        met = value >= self.at_least
        facts = numbers(amount=value, at_least=self.at_least)
        return self.node(Fraction(met), "line_target_met" if met else "line_target_missed", facts, **more)

    def _rescored(self, batch: floats.Batch) -> floats.Drawn:
        limit = float(self.at_least)
        return floats.limited(self, batch, lambda value: floats.holds(value, ">=", limit).astype(float))

    def _words(self, book: Book) -> Words:
        return self.told(book, of=measured_title(book, self), at_least=limit_words(book, self.rate, self.at_least))
