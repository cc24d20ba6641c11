"""Indicators (考核指标): rates made from the base counts, filters, and counts of groups.

Rates are exact fractions of counts; a denominator of zero gives no value, never
0 or 100 %.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmgmt.codes import CategoryPattern
from gridmgmt.errors import IndicatorMissing
from gridmgmt.figures.counts import COUNTS, Count, Facts
from gridmgmt.figures.predicates import Begins, Condition, Mask, OneOf, every, some
from gridmgmt.figures.sharing import Shares


@dataclass(frozen=True)
class Ratio:
    """One rate or mean: numerator and denominator are base counts, or the area in km² (``area_km2``).

    ``better`` says which direction is good; ``unit`` how it is shown
    (``percent`` of 0–1, ``points`` 0–100, ``per_km2``).
    """

    name: str
    zh: str
    en: str
    numerator: str
    denominator: str
    unit: str
    better: str | None


RATIOS: Mapping[str, Ratio] = {
    r.name: r
    for r in (
        Ratio("closing_rate", "结案率", "Closing rate", "n_closed", "n_due", "percent", "high"),
        Ratio(
            "on_time_closing_rate", "按期结案率", "On-time closing rate", "n_closed_on_time", "n_due", "percent", "high"
        ),
        Ratio("rework_rate", "返工率", "Rework rate", "n_rework_cases", "n_due_rework_known", "percent", "low"),
        Ratio(
            "repeat_rate", "重复案件率", "Repeat case rate", "n_repeats", "n_registered_repeat_known", "percent", "low"
        ),
        Ratio("sample_score", "抽查得分", "Inspection score", "sum_sample_score", "n_scored_samples", "points", "high"),
        Ratio("density", "案件密度", "Reported per km²", "n_reported", "area_km2", "per_km2", None),
    )
}


def describe(name: str) -> Count | Ratio:
    """The definition of a count or rate.

    Raises
    ------
    IndicatorMissing
        No such name; lists those there are.
    """
    found = COUNTS.get(name) or RATIOS.get(name)
    if found is None:
        raise IndicatorMissing(name=name, known=[*COUNTS, *RATIOS])
    return found


def masks(facts: Facts, of: str, asked: Collection[str] = ()) -> dict[str, Mask]:
    """For every base count of a kind of facts, which rows it takes; some are counted only where they are asked for."""
    return {c.name: c.mask(facts) for c in COUNTS.values() if c.of == of and (not c.is_asked or c.name in asked)}


def bits(numbers: NDArray[np.int64], names: Sequence[str]) -> dict[str, Mask]:
    """The same from rows that tell it as a number: one bit a count, the first one's the lowest."""
    return {name: (numbers >> bit & 1).astype(bool) for bit, name in enumerate(names)}


def filtered(name: str, key: str) -> str:
    """The name of a rulebook's own count: a base count with a filter, as ``n_reported@collector_reports``."""
    return f"{name}@{key}"


def base_of(name: str) -> Count:
    """The base count that a name stands for, filtered or not."""
    return COUNTS[name.partition("@")[0]]


def keeps(
    kind: str | None = None,
    categories: Sequence[str] = (),
    excepted: Sequence[str] = (),
    sources: Sequence[str] = (),
    numbers: Collection[str] | None = None,
    orders: Sequence[str] = (),
) -> Condition:
    """Which cases a filter keeps: of a kind, of some categories, not of others, from some sources; empty: no limit.

    ``numbers``: only cases of these numbers; ``orders``: only supervision orders of these kinds.
    """
    asked: list[Condition] = []
    if kind is not None:
        asked.append(OneOf("category_kind", (kind,)))
    if categories:
        asked.append(_in_categories(categories))
    if excepted:
        asked.append(~_in_categories(excepted))
    if sources:
        asked.append(OneOf("source", tuple(sources)))
    if orders:
        asked.append(OneOf("order_kind", tuple(orders)))
    if numbers is not None:
        asked.append(OneOf("case_no", tuple(sorted(numbers))))
    return every(asked)


def _in_categories(patterns: Sequence[str]) -> Condition:
    out = []
    for pattern in map(CategoryPattern.parse, patterns):
        stem = pattern.stem
        same = Begins("category_code", stem) if pattern.open_ended else OneOf("category_code", (stem,))
        out.append(same if pattern.kind is None else same & OneOf("category_kind", (pattern.kind,)))
    return some(out)


def amounts(facts: Facts, taken: Mapping[str, Mask], groups: pd.Series, shared: Shares | None = None) -> pd.DataFrame:
    """Base counts of each group (a grid's code, a unit's code).

    Parameters
    ----------
    taken
        What :func:`masks` gave, or :func:`bits`.
    groups
        The group of each row of ``facts.frame``; None for rows in no group,
        which are counted under ``""``.
    shared
        Rows that count in several groups by shares (分摊), whatever their own group is.

    Returns
    -------
    DataFrame
        Index = group, one column a count: ``int``, or exact ``Fraction`` for
        sums of scores and where shares do not add up to a whole.
    """
    shared = shared or {}
    keys = groups.astype("object").where(groups.notna(), "").tolist()
    parts = [(row, code, share) for row, own in shared.items() for code, share in own.items()]
    places, codes = pd.factorize(np.array([*keys, *(code for _, code, _ in parts)], dtype=object), sort=True)
    whole = np.ones(len(keys), dtype=bool)
    whole[list(shared)] = False
    out: dict[str, object] = {}
    for name, mask in taken.items():
        column = base_of(name).amount
        values = facts.frame[column].to_numpy() if column else None
        sums = _sums(places[: len(keys)], mask & whole, values, facts.n, len(codes), is_exact=column == "score")
        own = [
            (place, share * (1 if values is None else Fraction(str(values[row]))))
            for (row, _, share), place in zip(parts, places[len(keys) :], strict=True)
            if mask[row]
        ]
        out[name] = _with_parts(sums, own) if own else sums
    return pd.DataFrame(out, index=pd.Index(list(codes), name="code"))


def side_by_side(tables: Collection[pd.DataFrame], codes: Sequence[str]) -> pd.DataFrame:
    """What :func:`amounts` gave for several kinds of facts, of these groups in order; zero where nothing counts."""
    out: dict[str, NDArray[Any]] = {}
    for table in tables:
        places = table.index.get_indexer(pd.Index(list(codes), dtype="object"))
        here = places >= 0
        for name in map(str, table.columns):
            values = table[name].to_numpy()
            is_sum = base_of(name).amount == "score"
            kind = object if is_sum or values.dtype == object else np.int64
            out[name] = np.full(len(codes), Fraction(0) if is_sum else 0, dtype=kind)
            out[name][here] = values[places[here]]
    return pd.DataFrame(out, index=pd.Index(list(codes), name="code"))


Sums = NDArray[np.int64] | list[Fraction]


def _sums(
    places: NDArray[np.intp],
    taken: Mask,
    values: NDArray[Any] | None,
    standing_for: NDArray[np.int64] | None,
    n: int,
    *,
    is_exact: bool,
) -> Sums:
    """What whole rows add up to in each of n groups: their number, or the sum of a column's values."""
    if values is None or not is_exact:
        weights = values[taken].astype("float64") if values is not None else None
        if standing_for is not None:
            weights = standing_for[taken] * (1.0 if weights is None else weights)
        return np.bincount(places[taken], weights=weights, minlength=n).astype("int64")
    sums = [Fraction(0)] * n
    for place, value in zip(places[taken], values[taken], strict=True):
        sums[place] += Fraction(str(value))
    return sums


def _with_parts(sums: Sums, parts: Sequence[tuple[int, Fraction]]) -> list[int | Fraction]:
    """Sums with the parts of shared rows; counts that are whole again are ``int``."""
    is_count = not isinstance(sums, list)
    out = [Fraction(int(x)) if is_count else x for x in sums]
    for place, part in parts:
        out[place] += part
    return [int(x) if is_count and x.denominator == 1 else x for x in out]


def ratio(
    name: str, counts: Mapping[str, int | Fraction], area_m2: float | None = None
) -> tuple[Fraction, Fraction] | None:
    """Numerator and denominator of a rate, exact; None where the denominator is zero or unknown."""
    rule = RATIOS[name]
    top = Fraction(counts.get(rule.numerator, 0))
    if rule.denominator == "area_km2":
        bottom = Fraction(area_m2) / 1_000_000 if area_m2 else Fraction(0)
    else:
        bottom = Fraction(counts.get(rule.denominator, 0))
    return (top, bottom) if bottom else None


@dataclass(frozen=True)
class LevelCounts:
    """One level's figures of a period.

    Attributes
    ----------
    counts
        Index = grid code (every grid of the level, zero-case ones included);
        one column a base count, ``int`` or ``Fraction``.
    unassigned
        The same counts of the rows in no grid of this level.
    """

    counts: pd.DataFrame
    unassigned: Mapping[str, int | Fraction]

    @cached_property
    def by_code(self) -> Mapping[str, Mapping[str, int | Fraction]]:
        """The counts of each grid as plain numbers."""
        return {str(code): plain(row) for code, row in self.counts.to_dict("index").items()}


def plain(counts: Mapping[Any, Any]) -> dict[str, int | Fraction]:
    """Counts as Python's own exact numbers."""
    return {str(k): v if isinstance(v, Fraction) else int(v) for k, v in counts.items()}
