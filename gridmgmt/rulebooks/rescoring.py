"""Scoring resampled counts (重抽样得分): what an item or rule would give in many draws at once, in floats.

Official scores never come from here: the kinds' exact results make them, in
fractions. Draws say how far chance alone could have moved them. What does not
depend on resampled inputs is the value of the exact node; what does is computed
again with the same meaning of limits: floats within 1e-9 of a limit are at it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridmgmt.rulebooks.inputs import Rate
from gridmgmt.rulebooks.results import Book, Node

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

NEAR = 1e-9
"""Floats closer than this are equal: to a limit, a whole step, or each other."""

OK, NO_DATA, NOT_APPLICABLE, MISSING = range(4)
_STATUS = {"ok": OK, "no_data": NO_DATA, "not_applicable": NOT_APPLICABLE, "missing": MISSING}

NOWHERE: Mask = np.zeros((1, 1), dtype=np.bool_)
ZERO: Array = np.zeros((1, 1))


@dataclass(frozen=True)
class Batch:
    """Inputs of some subjects (rows) in some draws (columns).

    Attributes
    ----------
    inputs
        Input → array of (n subjects, n draws), or of one column where no draw changes it; NaN where it is missing.
    resampled
        Input → of which subjects it was drawn again, one column.
    """

    book: Book
    inputs: Mapping[str, Array]
    resampled: Mapping[str, Mask]

    def rows(self, held: Sequence[int]) -> "Batch":
        """The same of some of the subjects."""
        parts = ({name: a[held] for name, a in own.items()} for own in (self.inputs, self.resampled))
        return Batch(self.book, *parts)

    def linear(self, terms: Mapping[str, Any]) -> Array:
        """A sum of inputs times coefficients; NaN where one is missing."""
        return sum((float(coefficient) * self.inputs[name] for name, coefficient in terms.items()), ZERO)


@dataclass(frozen=True)
class Drawn:
    """An item's or rule's value in every draw, with its status; ``zeroes``: the whole item scores nothing."""

    value: Array
    status: NDArray[np.int8]
    zeroes: Mask = field(default_factory=lambda: NOWHERE)

    def among(self, held: Sequence[int], others: "Drawn") -> "Drawn":
        """This one in the rows of some subjects, and what all others have."""
        width = max(a.shape[1] for a in (self.value, self.status, self.zeroes))
        out = [np.repeat(a, width, axis=1) for a in (others.value, others.status, others.zeroes)]
        for whole, own in zip(out, (self.value, self.status, self.zeroes), strict=True):
            whole[held] = own
        return Drawn(*out)

    def where(self, mask: Mask, other: "Drawn") -> "Drawn":
        """This one where the mask says so, elsewhere the other."""
        return Drawn(
            np.where(mask, self.value, other.value),
            np.where(mask, self.status, other.status),
            np.where(mask, self.zeroes, other.zeroes),
        )


def as_scored(nodes: Sequence[Node]) -> Drawn:
    """The exact nodes' values: one column, the same in every draw."""
    return Drawn(
        np.array([[float(n.value or 0)] for n in nodes]),
        np.array([[_STATUS[n.status]] for n in nodes], dtype=np.int8),
        np.array([[n.zeroes] for n in nodes]),
    )


def computed(value: Array, zeroes: Mask = NOWHERE) -> Drawn:
    """What was computed; NaN is missing."""
    missing = np.isnan(value)
    return Drawn(np.where(missing, 0.0, value), np.where(missing, MISSING, OK).astype(np.int8), zeroes)


def holds(left: Array, test: str, right: Array | float) -> Mask:
    """Whether a comparison holds in each draw."""
    over = left - right
    return {">": over > NEAR, ">=": over >= -NEAR, "<": over < -NEAR, "<=": over <= NEAR}[test]


def clamp(value: Array, low: Any, high: Any) -> Array:
    """The values, no lower and no higher than the limits that are given."""
    if high is not None:
        value = np.minimum(value, float(high))
    return value if low is None else np.maximum(value, float(low))


def known(value: Array, points: NDArray[Any]) -> Array:
    """Points where the value they stand for is known."""
    return np.where(np.isnan(value), np.nan, points)


# --- rates ------------------------------------------------------------------------------------------------------------


def rate_of(rate: Rate, batch: Batch) -> tuple[Array, Mask]:
    """A rate in every draw, percents as 0–1, and where its denominator is 0; NaN where an input is missing."""
    top, bottom = (batch.linear(terms) for terms in (rate.numerator, rate.denominator))
    empty = np.abs(bottom) <= NEAR
    value = (bottom - top if rate.complement else top) / np.where(empty, 1.0, bottom)
    return value, empty


def percent_of(name: str, batch: Batch) -> tuple[Array, Mask]:
    """A rate as limits are written for it, in percent for rates of 0–1, and where its denominator is 0."""
    rate = batch.book.rates[name]
    value, empty = rate_of(rate, batch)
    return value * 100 if rate.unit == "percent" else value, empty


def limited(part: Any, batch: Batch, points: Callable[[Array], NDArray[Any]]) -> Drawn:
    """Points by the percent of a rate or by an input as it is."""
    if part.rate is None:
        value = batch.inputs[part.input]
        return computed(known(value, points(value)))
    value, empty = percent_of(part.rate, batch)
    return emptied(computed(known(value, points(value))), part.rate, empty, batch, part.maximum)


def emptied(drawn: Drawn, rate: str, empty: Mask, batch: Batch, full: Any) -> Drawn:
    """What an empty denominator means (空分母): ``full`` points, open, or left out."""
    option = batch.book.rates[rate].empty or batch.book.empty.option
    status = NO_DATA if full is None else {"full": OK, "incomplete": MISSING, "leave_out": NO_DATA}[option]
    value = float(full) if full is not None and status == OK else 0.0
    return Drawn(
        np.where(empty, value, drawn.value), np.where(empty, np.int8(status), drawn.status), drawn.zeroes & ~empty
    )


# --- items and rules made of others -----------------------------------------------------------------------------------


def added(parts: Sequence[Drawn]) -> Array:
    """The sum of those that have a value."""
    return sum((np.where(p.status == OK, p.value, 0.0) for p in parts), ZERO)


def any_of(masks: Sequence[Mask]) -> Mask:
    """Where one of them holds."""
    return np.asarray(np.logical_or.reduce(np.broadcast_arrays(*masks)), dtype=np.bool_)


def all_of(masks: Sequence[Mask]) -> Mask:
    """Where all of them hold."""
    return np.asarray(np.logical_and.reduce(np.broadcast_arrays(*masks)), dtype=np.bool_)


def joined(value: Array, *cases: tuple[Mask, int]) -> Drawn:
    """A value with the status of the first case that holds."""
    status = np.select([m for m, _ in cases], [np.int8(s) for _, s in cases], np.int8(OK))
    return Drawn(np.where(status == OK, value, 0.0), status)


def judged(value: Array, rules: Sequence[Drawn]) -> Drawn:
    """What the rules make, where one of them zeroes it or all are known; without data where all are without."""
    alive = ~any_of([r.zeroes for r in rules])
    missing, empty = any_of([r.status == MISSING for r in rules]), all_of([r.status == NO_DATA for r in rules])
    return joined(value, (alive & missing, MISSING), (alive & empty, NO_DATA))
