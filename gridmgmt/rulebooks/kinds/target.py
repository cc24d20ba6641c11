"""A target, without points (目标达成)."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import model_validator

from gridmgmt.documents import Exact, Id
from gridmgmt.files.wording import Words, words
from gridmgmt.invalid import Invalid
from gridmgmt.rulebooks import rescoring as floats
from gridmgmt.rulebooks.items import Reads
from gridmgmt.rulebooks.rates import Limited
from gridmgmt.rulebooks.results import Book, Node, numbers
from gridmgmt.rulebooks.wording import concat, limit_words, measured_title


class Target(Limited):
    """Whether a target is met (目标达成), without points: at least so much, at most so much; of a rate in percent."""

    is_of_inputs = True

    kind: Literal["target"]
    rate: Id | None = None
    input: Annotated[Id | None, Reads()] = None
    at_least: Exact
    at_most: Exact | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.at_most is not None and self.at_most < self.at_least:
            raise Invalid("at_most_below")
        return self

    def _reached(self, value: Fraction, more: Mapping[str, Any]) -> Node:
        """1 if the target is met, else 0."""
        if self.at_most is not None:
            within = self.at_least <= value <= self.at_most
            facts = numbers(amount=value, at_least=self.at_least, at_most=self.at_most)
            return self.node(Fraction(within), "line_target_within" if within else "line_target_outside", facts, **more)
        met = value >= self.at_least
        facts = numbers(amount=value, at_least=self.at_least)
        return self.node(Fraction(met), "line_target_met" if met else "line_target_missed", facts, **more)

    def _rescored(self, batch: floats.Batch) -> floats.Drawn:
        low, high = float(self.at_least), None if self.at_most is None else float(self.at_most)

        def met(value: floats.Array) -> floats.Array:
            reached = floats.holds(value, ">=", low)
            return (reached if high is None else reached & floats.holds(value, "<=", high)).astype(float)

        return floats.limited(self, batch, met)

    def _words(self, book: Book) -> Words:
        told = self.told(book, of=measured_title(book, self), at_least=limit_words(book, self.rate, self.at_least))
        if self.at_most is None:
            return told
        return concat(told, words("show_target_at_most", at_most=limit_words(book, self.rate, self.at_most)))
