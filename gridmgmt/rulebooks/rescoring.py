"""The float twin (浮点重算) of the exact engine: what resampled counts would score, many draws at once.

Official scores never come from here: :mod:`gridmgmt.rulebooks.evaluate` makes
them, in fractions. The twin says how far chance alone could have moved them.
What does not depend on resampled inputs is the value of the exact node; what
does is computed again, one short function a kind, with the same meaning of
limits: floats within 1e-9 of a limit are at it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridmgmt.rulebooks.check import used_inputs
from gridmgmt.rulebooks.inputs import Rate
from gridmgmt.rulebooks.items import (
    AllOrNothing,
    Bands,
    Deduct,
    Earn,
    Entered,
    Linear,
    Periods,
    Proportional,
    Shown,
    Sum,
    Target,
    Weighted,
)
from gridmgmt.rulebooks.model import Rulebook, children, maximum
from gridmgmt.rulebooks.nodes import Node, rate_inputs
from gridmgmt.rulebooks.rules import Amount, Beyond, Compare, Each, Once, Steps, Zero

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

NEAR = 1e-9
"""Floats closer than this are equal: to a limit, a whole step, or each other."""

OK, NO_DATA, NOT_APPLICABLE, MISSING = range(4)
_STATUS = {"ok": OK, "no_data": NO_DATA, "not_applicable": NOT_APPLICABLE, "missing": MISSING}


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

    book: Rulebook
    inputs: Mapping[str, Array]
    resampled: Mapping[str, Mask]


@dataclass(frozen=True)
class Drawn:
    """An item's or rule's value in every draw, with its status; ``zeroes``: the whole item scores nothing."""

    value: Array
    status: NDArray[np.int8]
    zeroes: Mask


def redraw(part: Any, nodes: Sequence[Node], batch: Batch) -> Drawn:
    """An item or rule in every draw; ``nodes`` are its exact nodes, one a subject."""
    join = _JOINS.get(part.kind)
    if join is not None:
        below = [redraw(p, [n.children[k] for n in nodes], batch) for k, p in enumerate(below_of(part))]
        return join(part, below, nodes[0].children)
    fixed = _fixed(nodes)
    drawn_again = np.zeros((len(nodes), 1), dtype=bool)
    for name in inputs_of(part, batch.book):
        drawn_again |= batch.resampled.get(name, False)
    if not drawn_again.any():
        return fixed
    made = _LEAVES[part.kind](part, batch)
    if drawn_again.all():
        return made
    return Drawn(
        np.where(drawn_again, made.value, fixed.value),
        np.where(drawn_again, made.status, fixed.status),
        np.where(drawn_again, made.zeroes, fixed.zeroes),
    )


def rate_of(rate: Rate, batch: Batch) -> tuple[Array, Mask]:
    """A rate in every draw, percents as 0–1, and where its denominator is 0; NaN where an input is missing."""
    top, bottom = (_linear(terms, batch) for terms in (rate.numerator, rate.denominator))
    empty = np.abs(bottom) <= NEAR
    value = (bottom - top if rate.complement else top) / np.where(empty, 1.0, bottom)
    return value, empty


def inputs_of(part: Any, book: Rulebook) -> tuple[str, ...]:
    """The inputs that an item or rule reads itself, through a rate or by name."""
    rate = getattr(part, "rate", None)
    return (*(name for _, name in used_inputs(part)), *(rate_inputs(book.rates[rate]) if rate is not None else ()))


def below_of(part: Any) -> tuple[Any, ...]:
    """The items or rules directly below an item or rule."""
    return children(part) or getattr(part, "rules", ())


def parts_of(part: Any) -> Iterator[Any]:
    """An item or rule and all below it."""
    yield part
    for below in below_of(part):
        yield from parts_of(below)


def unsupported(item: Any, book: Rulebook, names: frozenset[str]) -> Any | None:
    """The first item or rule that depends on these inputs and has no twin; None where all have one.

    A sum over periods depends on the facts of its periods, a carry-over on
    other subjects and other periods: neither is drawn again.
    """
    for part in parts_of(item):
        if part.kind not in _JOINS and part.kind not in _LEAVES and _depends(part, book, names):
            return part
    return None


def _depends(part: Any, book: Rulebook, names: frozenset[str]) -> bool:
    for p in parts_of(part):
        if isinstance(p, Periods):
            stage = book.stage(p.stage)
            roots = [stage.score] if p.of is None else [i for _, i in stage.items() if i.id == p.of]
            if any(root is not None and _depends(root, book, names) for root in roots):
                return True
        elif not names.isdisjoint(inputs_of(p, book)):
            return True
    return False


# --- parts of it ------------------------------------------------------------------------------------------------------


def _fixed(nodes: Sequence[Node]) -> Drawn:
    """The exact nodes' values: one column, the same in every draw."""
    return Drawn(
        np.array([[float(n.value or 0)] for n in nodes]),
        np.array([[_STATUS[n.status]] for n in nodes], dtype=np.int8),
        np.array([[n.zeroes] for n in nodes]),
    )


def _made(value: Array, zeroes: Mask | None = None) -> Drawn:
    """What was computed; NaN is missing."""
    missing = np.isnan(value)
    status = np.where(missing, MISSING, OK).astype(np.int8)
    return Drawn(np.where(missing, 0.0, value), status, np.zeros((1, 1), dtype=bool) if zeroes is None else zeroes)


def _linear(terms: Mapping[str, Any], batch: Batch) -> Array:
    total = np.zeros((1, 1))
    for name, coefficient in terms.items():
        total = total + float(coefficient) * batch.inputs[name]
    return total


def _holds(left: Array, test: str, right: Array | float) -> Mask:
    over = left - right
    return {">": over > NEAR, ">=": over >= -NEAR, "<": over < -NEAR, "<=": over <= NEAR}[test]


def _clamp(value: Array, low: Any, high: Any) -> Array:
    if high is not None:
        value = np.minimum(value, float(high))
    return value if low is None else np.maximum(value, float(low))


def _known(value: Array, points: NDArray[Any]) -> Array:
    """Points where the value they stand for is known."""
    return np.where(np.isnan(value), np.nan, points)


# --- items made of items, or of rules ---------------------------------------------------------------------------------


def _added(parts: Sequence[Drawn]) -> Array:
    return sum((np.where(p.status == OK, p.value, 0.0) for p in parts), np.zeros((1, 1)))


def _any(masks: Sequence[Mask]) -> Mask:
    return np.asarray(np.logical_or.reduce(np.broadcast_arrays(*masks)), dtype=np.bool_)


def _all(masks: Sequence[Mask]) -> Mask:
    return np.asarray(np.logical_and.reduce(np.broadcast_arrays(*masks)), dtype=np.bool_)


def _joined(value: Array, *cases: tuple[Mask, int]) -> Drawn:
    """A value with the status of the first case that holds."""
    status = np.select([m for m, _ in cases], [np.int8(s) for _, s in cases], np.int8(OK))
    return Drawn(np.where(status == OK, value, 0.0), status, np.zeros((1, 1), dtype=bool))


def _sum(item: Sum, parts: Sequence[Drawn], nodes: Sequence[Node]) -> Drawn:
    """Sum; what has no data in a draw is left out there and the others scaled up."""
    most = [float(n.maximum or 0) for n in nodes]
    possible = sum(((p.status == OK) * m for p, m in zip(parts, most, strict=True)), np.zeros((1, 1)))
    left_out = sum(((p.status == NO_DATA) * m for p, m in zip(parts, most, strict=True)), np.zeros((1, 1)))
    is_scaled = _any([p.status == NO_DATA for p in parts])
    impossible = is_scaled & (possible == 0)
    factor = np.where(is_scaled & ~impossible, (possible + left_out) / np.where(possible == 0, 1.0, possible), 1.0)
    value = _clamp(_added(parts) * factor, item.floor, item.points)
    missing = _any([p.status == MISSING for p in parts])
    return _joined(value, (missing, MISSING), (_all([p.status != OK for p in parts]), NO_DATA), (impossible, MISSING))


def _weighted(item: Weighted, parts: Sequence[Drawn], _nodes: Sequence[Node]) -> Drawn:
    weights = [float(i.weight or 0) for i in item.items]
    value = sum((p.value * w for p, w in zip(parts, weights, strict=True)), np.zeros((1, 1))) / float(item.over)
    return _joined(value, (_any([p.status != OK for p in parts]), MISSING))


def _mean(_item: Any, parts: Sequence[Drawn], _nodes: Sequence[Node]) -> Drawn:
    n = sum(((p.status == OK).astype(float) for p in parts), np.zeros((1, 1)))
    return _joined(
        _added(parts) / np.maximum(n, 1.0),
        (_any([p.status == MISSING for p in parts]), MISSING),
        (_all([p.status == NOT_APPLICABLE for p in parts]), NOT_APPLICABLE),
        (n == 0, NO_DATA),
    )


def _judged(value: Array, rules: Sequence[Drawn]) -> Drawn:
    """What the rules make, where one of them zeroes it or all are known; without data where all are without."""
    alive = ~_any([r.zeroes for r in rules])
    missing, empty = _any([r.status == MISSING for r in rules]), _all([r.status == NO_DATA for r in rules])
    return _joined(value, (alive & missing, MISSING), (alive & empty, NO_DATA))


def _deduct(item: Deduct, rules: Sequence[Drawn], _nodes: Sequence[Node]) -> Drawn:
    left = np.maximum(float(item.floor), float(item.points) - _added(rules))
    return _judged(np.where(_any([r.zeroes for r in rules]), 0.0, left), rules)


def _earn(item: Earn, rules: Sequence[Drawn], _nodes: Sequence[Node]) -> Drawn:
    return _judged(_clamp(_added(rules), 0, item.points), rules)


def _lose(_item: Any, rules: Sequence[Drawn], _nodes: Sequence[Node]) -> Drawn:
    return _judged(-_added(rules), rules)


def _largest(_rule: Any, rules: Sequence[Drawn], _nodes: Sequence[Node]) -> Drawn:
    value = np.maximum.reduce(np.broadcast_arrays(*(r.value for r in rules)))
    drawn = _joined(value, (_any([r.status == MISSING for r in rules]), MISSING))
    return Drawn(drawn.value, drawn.status, _any([r.zeroes for r in rules]) & (drawn.status == OK))


_JOINS: Mapping[str, Callable[[Any, Sequence[Drawn], Sequence[Node]], Drawn]] = {
    "sum": _sum, "weighted": _weighted, "mean": _mean, "deduct": _deduct, "earn": _earn, "lose": _lose,
    "largest": _largest,
}  # fmt: skip


# --- items and rules made of inputs and rates -------------------------------------------------------------------------


def _entered(item: Entered, batch: Batch) -> Drawn:
    return _made(_clamp(batch.inputs[item.input], None if item.points is None else 0, item.points))


def _terms(item: Linear, batch: Batch) -> Drawn:
    return _made(_linear(item.terms, batch))


def _limited(part: Any, batch: Batch, points: Callable[[Array], NDArray[Any]]) -> Drawn:
    """Points by the percent of a rate or by an input as it is."""
    if part.rate is None:
        value = batch.inputs[part.input]
        return _made(_known(value, points(value)))
    share, empty = rate_of(batch.book.rates[part.rate], batch)
    value = share * 100 if batch.book.rates[part.rate].unit == "percent" else share
    most = maximum(part)
    return _emptied(_made(_known(value, points(value))), part, empty, batch, None if most is None else float(most))


def _emptied(drawn: Drawn, part: Any, empty: Mask, batch: Batch, full: float | None) -> Drawn:
    """What an empty denominator means (空分母): ``full`` points, open, or left out."""
    option = batch.book.rates[part.rate].empty or batch.book.empty.option
    status = NO_DATA if full is None else {"full": OK, "incomplete": MISSING, "leave_out": NO_DATA}[option]
    value = full if full is not None and status == OK else 0.0
    return Drawn(
        np.where(empty, value, drawn.value), np.where(empty, np.int8(status), drawn.status), drawn.zeroes & ~empty
    )


def _proportional(item: Proportional, batch: Batch) -> Drawn:
    points = float(item.points)
    return _limited(item, batch, lambda percent: np.clip(points * percent / 100, 0.0, points))


def _bands(item: Bands, batch: Batch) -> Drawn:
    def points(value: Array) -> Array:
        reached = [_holds(value, ">=", float(b.at_least)) for b in item.bands]
        return np.select(reached, [float(b.points) for b in item.bands], 0.0)

    return _limited(item, batch, points)


def _all_or_nothing(item: AllOrNothing, batch: Batch) -> Drawn:
    return _limited(item, batch, lambda v: _holds(v, item.test, float(item.limit)) * float(item.points))


def _target(item: Target, batch: Batch) -> Drawn:
    return _limited(item, batch, lambda v: _holds(v, ">=", float(item.at_least)).astype(float))


def _shown(item: Shown, batch: Batch) -> Drawn:
    value, empty = rate_of(batch.book.rates[item.rate], batch)
    return _emptied(_made(value), item, empty, batch, None)


def _each(rule: Each, batch: Batch) -> Drawn:
    """A count stands for that many findings, a part of one for none."""
    value = batch.inputs[rule.input]
    n = np.trunc(value + np.copysign(NEAR, value))
    return _made(_clamp(n * float(rule.points), None, rule.cap))


def _once(rule: Once, batch: Batch) -> Drawn:
    value = batch.inputs[rule.input]
    return _made(_known(value, (value > NEAR) * float(rule.points)))


def _zero(rule: Zero, batch: Batch) -> Drawn:
    value = batch.inputs[rule.input]
    return _made(value * 0.0, zeroes=value > NEAR)


def _amount(rule: Amount, batch: Batch) -> Drawn:
    return _made(_clamp(batch.inputs[rule.input], 0, rule.cap))


def _compare(rule: Compare, batch: Batch) -> Drawn:
    left = batch.inputs[rule.left]
    right = _linear(rule.right, batch) if isinstance(rule.right, Mapping) else float(rule.right)
    return _made(_known(left - right, _holds(left, rule.test, right) * float(rule.points)))


def _beyond(rule: Beyond, batch: Batch) -> Drawn:
    allowance = np.floor(float(rule.allowance_share) * batch.inputs[rule.allowance_of] + NEAR)
    n = batch.inputs[rule.input]
    over = np.maximum(0.0, n - allowance)
    return _made((np.where(over > NEAR, n, over) if rule.counts == "all" else over) * float(rule.points))


def _steps(rule: Steps, batch: Batch) -> Drawn:
    """Points by steps; exactly a whole step is that step, whatever the float says."""
    share, empty = rate_of(batch.book.rates[rule.rate], batch)
    percent = share * 100 if batch.book.rates[rule.rate].unit == "percent" else share
    sign = 1.0 if rule.direction == "above" else -1.0
    taken = sign * (percent - float(rule.threshold)) / float(rule.step)
    if rule.step_mode != "proportional":
        taken = np.floor(taken + NEAR) if rule.step_mode == "floor" else np.ceil(taken - NEAR)
    lost = np.maximum(0.0, taken) * float(rule.points_per_step)
    zeroes = np.zeros((1, 1), dtype=bool)
    if rule.zero_beyond is not None:
        zeroes = _holds(sign * (percent - float(rule.zero_beyond)), ">=" if rule.zero_inclusive else ">", 0.0)
    return _emptied(_made(np.where(zeroes, 0.0, lost), zeroes), rule, empty, batch, 0.0)


_LEAVES: Mapping[str, Callable[[Any, Batch], Drawn]] = {
    "entered": _entered, "linear": _terms, "proportional": _proportional, "bands": _bands,
    "all_or_nothing": _all_or_nothing, "target": _target, "rate": _shown, "each": _each, "once": _once, "zero": _zero,
    "amount": _amount, "compare": _compare, "beyond": _beyond, "steps": _steps,
}  # fmt: skip
