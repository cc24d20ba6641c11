"""Points by steps of a rate (每下降/上升 n 个百分点扣分)."""

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Literal

import numpy as np
from pydantic import model_validator

from gridmgmt.documents import Exact, Id, Positive
from gridmgmt.files.wording import Words, words
from gridmgmt.invalid import Invalid, Why, why
from gridmgmt.numbers import exact
from gridmgmt.rulebooks import rescoring as floats
from gridmgmt.rulebooks.items import Rule
from gridmgmt.rulebooks.rates import percent
from gridmgmt.rulebooks.results import NOTHING, Book, Context, Node, numbers
from gridmgmt.rulebooks.wording import concat, limit_words


class Steps(Rule):
    """Points by steps of percentage points beyond a threshold (每下降/上升 n 个百分点扣分).

    ``threshold`` and ``step`` are in percent and percentage points. Strictly
    beyond ``zero_beyond`` the item is 0; exactly at it the steps still count.
    """

    is_of_inputs = True

    kind: Literal["steps"]
    rate: Id
    threshold: Exact
    direction: Literal["above", "below"]
    step: Positive
    points_per_step: Positive
    step_mode: Literal["floor", "ceil", "proportional"] = "floor"
    zero_beyond: Exact | None = None
    zero_inclusive: bool = False
    """Whether exactly at ``zero_beyond`` is beyond it."""

    @model_validator(mode="after")
    def _farther(self) -> "Steps":
        limit = self.zero_beyond
        if limit is not None and ((limit < self.threshold) if self.direction == "above" else (limit > self.threshold)):
            raise Invalid("zero_beyond", threshold=exact(self.threshold))
        return self

    def faults(self, book: Book) -> Iterator[tuple[tuple[str | int, ...], Why]]:
        """Points that would reward the worse."""
        better = book.rates[self.rate].better if self.rate in book.rates else None
        if better == ("high" if self.direction == "above" else "low"):
            yield ("direction",), why("punishes_better", rate=self.rate, better=better, direction=self.direction)

    def _result(self, context: Context) -> Node:
        """Points by steps beyond the threshold; strictly beyond ``zero_beyond`` the item is 0.

        Only completed steps count with ``floor``: 79.9 % under a limit of 80 costs
        nothing at 5 points a step, 75.0 % costs one step. Without a denominator
        nothing was broken, or it stays open.
        """
        found = percent(self, context, NOTHING)
        if isinstance(found, Node):
            return found
        value, more = found
        sign = 1 if self.direction == "above" else -1
        facts = numbers(percent=value, threshold=self.threshold, step=self.step, points_per_step=self.points_per_step)
        if self.zero_beyond is not None:
            over = sign * (value - self.zero_beyond)
            if over > 0 or (over == 0 and self.zero_inclusive):
                facts |= numbers(zero_beyond=self.zero_beyond)
                return self.node(NOTHING, "line_zero_beyond", facts, zeroes=True, **more)
        beyond = sign * (value - self.threshold)
        if beyond <= 0:
            return self.node(NOTHING, "line_within_threshold", facts, **more)
        taken = self._taken(beyond)
        lost = taken * self.points_per_step
        return self.node(lost, "line_steps", facts | numbers(n_steps=taken, lost=lost), **more)

    def _taken(self, beyond: Fraction) -> Fraction:
        """How many steps a distance makes: completed ones, begun ones, or exactly."""
        taken = beyond / self.step
        if self.step_mode == "proportional":
            return taken
        return Fraction(math.floor(taken) if self.step_mode == "floor" else math.ceil(taken))

    def _rescored(self, batch: floats.Batch) -> floats.Drawn:
        """Points by steps; exactly a whole step is that step, whatever the float says."""
        value, empty = floats.percent_of(self.rate, batch)
        sign = 1.0 if self.direction == "above" else -1.0
        taken = sign * (value - float(self.threshold)) / float(self.step)
        if self.step_mode != "proportional":
            taken = np.floor(taken + floats.NEAR) if self.step_mode == "floor" else np.ceil(taken - floats.NEAR)
        lost = np.maximum(0.0, taken) * float(self.points_per_step)
        zeroes = floats.NOWHERE
        if self.zero_beyond is not None:
            over = sign * (value - float(self.zero_beyond))
            zeroes = floats.holds(over, ">=" if self.zero_inclusive else ">", 0.0)
        return floats.emptied(floats.computed(np.where(zeroes, 0.0, lost), zeroes), self.rate, empty, batch, 0)

    def _words(self, book: Book) -> Words:
        is_percent = book.rates[self.rate].unit == "percent"
        head = self.told(
            book,
            f"show_steps_{self.direction}",
            threshold=limit_words(book, self.rate, self.threshold),
            step=words("show_pp" if is_percent else "show_points", n=exact(self.step)),
            mode=words(f"show_mode_{self.step_mode}"),
        )
        return concat(head, self._zero_words(book))

    def _zero_words(self, book: Book) -> Words | None:
        if self.zero_beyond is None:
            return None
        limit = limit_words(book, self.rate, self.zero_beyond)
        if self.direction == "above":
            return words("show_zero_from" if self.zero_inclusive else "show_zero_above", limit=limit)
        return words("show_zero_down_from" if self.zero_inclusive else "show_zero_below", limit=limit)
