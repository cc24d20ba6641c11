"""Scoring: counts + rulebook → lines, total, grade, rank, all in exact fractions, each with its reason."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeVar

from gridmgmt.indicators import RATIOS, ratio
from gridmgmt.rulebooks.model import Grade, Proportional, Rulebook, Steps

Counts = Mapping[str, int | Fraction]


@dataclass(frozen=True)
class Reason:
    """Why a line has its points: a code of the catalogue and its facts (exact numbers as text)."""

    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """One item's result. ``points`` None: there was no data and the item is left out or open."""

    item: str
    maximum: Fraction
    points: Fraction | None
    indicator: str
    numerator: Fraction | None
    denominator: Fraction | None
    reason: Reason


@dataclass(frozen=True)
class Score:
    """One subject's result. ``total`` None: nothing to score, or not finished; ``reason`` says which."""

    lines: tuple[Line, ...]
    total: Fraction | None
    grade: str | None
    reason: Reason


def exact(value: Fraction) -> str:
    """An exact number as text: ``5``, ``2.5`` where it is a short decimal, else ``1580/17``."""
    if value.denominator == 1:
        return str(value.numerator)
    d = value.denominator
    while d % 2 == 0:
        d //= 2
    while d % 5 == 0:
        d //= 5
    places = max(_twos(value.denominator), _fives(value.denominator))
    if d != 1 or places > 12:
        return f"{value.numerator}/{value.denominator}"
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    return ("-" if value < 0 else "") + digits[:-places] + "." + digits[-places:]


def _twos(n: int) -> int:
    return (n & -n).bit_length() - 1


def _fives(n: int) -> int:
    count = 0
    while n % 5 == 0:
        n, count = n // 5, count + 1
    return count


def shown(value: Fraction, places: int = 2) -> str:
    """Rounded half up for display only; no decision is ever taken on it."""
    scaled = value * 10**places
    rounded = math.floor(scaled + Fraction(1, 2)) if scaled >= 0 else -math.floor(-scaled + Fraction(1, 2))
    sign, digits = "-" if rounded < 0 else "", str(abs(rounded)).rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


def shown_near(value: Fraction, limits: Sequence[Fraction], places: int = 2) -> str:
    """Like :func:`shown`, with more digits where rounding would seem to cross a limit (89.996 beside 90).

    What ten digits cannot tell from a limit above it is cut off, not rounded.
    """
    for digits in range(places, 11):
        text = shown(value, digits)
        if all((Fraction(text) >= limit) == (value >= limit) for limit in limits):
            return text
    return shown(Fraction(math.floor(value * 10**10), 10**10), 10)


def proportional(item: Proportional, value: Fraction) -> tuple[Fraction, Reason]:
    """Points × rate, or points × score / 100, never below 0 or above the item's points."""
    share = value / 100 if RATIOS[item.indicator].unit == "points" else value
    points = min(item.points, max(Fraction(0), item.points * share))
    return points, Reason("line_proportional", {"maximum": exact(item.points), "value": exact(value)})


def steps(item: Steps, value: Fraction) -> tuple[Fraction, Reason]:
    """Points lost by percentage points beyond the threshold; the item never falls below 0 (扣完为止).

    Only completed steps count with ``floor``: 79.9 % under a limit of 80 costs
    nothing at 5 points a step, 75.0 % costs one step.
    """
    percent = value if RATIOS[item.indicator].unit == "points" else value * 100
    beyond = percent - item.threshold if item.direction == "above" else item.threshold - percent
    facts = {
        "percent": exact(percent),
        "threshold": exact(item.threshold),
        "step": exact(item.step),
        "points_per_step": exact(item.points_per_step),
    }
    if item.zero_beyond is not None and (
        percent > item.zero_beyond if item.direction == "above" else percent < item.zero_beyond
    ):
        return Fraction(0), Reason("line_zero_beyond", {**facts, "zero_beyond": exact(item.zero_beyond)})
    if beyond <= 0:
        return item.points, Reason("line_within_threshold", facts)
    taken = beyond / item.step
    if item.step_mode != "proportional":
        taken = Fraction(math.floor(taken) if item.step_mode == "floor" else math.ceil(taken))
    lost = taken * item.points_per_step
    facts |= {"n_steps": exact(taken), "lost": exact(lost)}
    return max(Fraction(0), item.points - lost), Reason("line_steps", facts)


def score_line(item: Proportional | Steps, counts: Counts, empty: str) -> Line:
    """One item's line from a subject's counts."""
    parts = ratio(item.indicator, counts)
    if parts is None:
        points = item.points if empty == "full" else None
        rule = RATIOS[item.indicator]
        reason = Reason(f"line_no_data_{empty}", {"denominator": rule.denominator})
        return Line(item.id, item.points, points, item.indicator, None, None, reason)
    value = parts[0] / parts[1]
    points, reason = proportional(item, value) if isinstance(item, Proportional) else steps(item, value)
    return Line(item.id, item.points, points, item.indicator, *parts, reason)


def score(book: Rulebook, counts: Counts) -> Score:
    """One subject's lines, total and grade from its base counts."""
    lines = tuple(score_line(item, counts, book.empty.option) for item in book.items)
    held = [x for x in lines if x.points is not None]
    if not held or not any(x.denominator is not None for x in lines):
        return Score(lines, None, None, Reason("total_no_data"))
    if book.empty.option == "incomplete" and len(held) < len(lines):
        return Score(lines, None, None, Reason("total_incomplete", {"items": [x.item for x in lines if x not in held]}))
    gained = sum((x.points for x in held if x.points is not None), Fraction(0))
    possible = sum((x.maximum for x in held), Fraction(0))
    total = gained * book.scale / possible
    facts = {"gained": exact(gained), "possible": exact(possible), "scale": exact(book.scale)}
    reason = Reason("total_sum" if possible == book.scale else "total_scaled", facts)
    grade = grade_of(book, total)
    return Score(lines, total, grade.id if grade else None, reason)


def grade_of(book: Rulebook, total: Fraction) -> Grade | None:
    """The first grade whose bound the unrounded total reaches (以上 is inclusive)."""
    return next((g for g in book.grades if total >= g.at_least), None)


K = TypeVar("K", bound=Hashable)


def rank(totals: Mapping[K, Fraction | None]) -> dict[K, tuple[int, int]]:
    """Competition ranks (1, 1, 3), best first: key → (rank, how many share it); none for those without a total."""
    values = sorted((v for v in totals.values() if v is not None), reverse=True)
    first: dict[Fraction, int] = {}
    tied: dict[Fraction, int] = {}
    for place, value in enumerate(values, 1):
        first.setdefault(value, place)
        tied[value] = tied.get(value, 0) + 1
    return {key: (first[v], tied[v]) for key, v in totals.items() if v is not None}
