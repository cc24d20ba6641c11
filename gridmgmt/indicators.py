"""Indicators (考核指标): rates made from the base counts of :mod:`gridmgmt.counts`, filters, and counts of groups.

Rates are exact fractions of counts; a denominator of zero gives no value, never
0 or 100 %.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd

from gridmgmt.codes import CategoryPattern
from gridmgmt.counts import COUNTS, Count, Facts, Mask, true
from gridmgmt.errors import IndicatorMissing


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
        Ratio("repeat_rate", "重复率", "Repeat rate", "n_repeats", "n_registered_repeat_known", "percent", "low"),
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


def masks(facts: Facts, of: str) -> dict[str, Mask]:
    """For every base count of cases or samples, which rows it takes."""
    return {c.name: c.mask(facts) for c in COUNTS.values() if c.of == of}


def filtered(name: str, key: str) -> str:
    """The name of a rulebook's own count: a base count with a filter, as ``n_reported@collector_reports``."""
    return f"{name}@{key}"


def base_of(name: str) -> Count:
    """The base count that a name stands for, filtered or not."""
    return COUNTS[name.partition("@")[0]]


def kept(
    facts: Facts,
    kind: str | None,
    categories: Sequence[str],
    excepted: Sequence[str],
    sources: Sequence[str],
    numbers: Collection[str] | None = None,
) -> Mask:
    """Which cases a filter keeps: of a kind, of some categories, not of others, from some sources; empty: no limit.

    ``numbers``: only cases of these numbers.
    """
    frame = facts.frame
    keep = np.ones(len(frame), dtype=bool)
    if kind is not None:
        keep &= true(frame["category_kind"] == kind)
    if categories:
        keep &= _in_categories(frame, categories)
    if excepted:
        keep &= ~_in_categories(frame, excepted)
    if sources:
        keep &= true(frame["source"].isin(sources))
    if numbers is not None:
        keep &= frame["case_no"].isin(numbers).to_numpy()
    return keep


def _in_categories(frame: pd.DataFrame, patterns: Sequence[str]) -> Mask:
    out = np.zeros(len(frame), dtype=bool)
    for text in patterns:
        pattern = CategoryPattern.parse(text)
        code = frame["category_code"].astype("object").fillna("")
        same = code.str.startswith(pattern.stem) if pattern.open_ended else code == pattern.stem
        if pattern.kind is not None:
            same = same & (frame["category_kind"] == pattern.kind)
        out |= true(same.astype("boolean"))
    return out


def amounts(facts: Facts, taken: Mapping[str, Mask], groups: pd.Series) -> pd.DataFrame:
    """Base counts of each group (a grid's code, a unit's code).

    Parameters
    ----------
    taken
        What :func:`masks` gave.
    groups
        The group of each row of ``facts.frame``; None for rows in no group,
        which are counted under ``""``.

    Returns
    -------
    DataFrame
        Index = group, one column a count: ``int``, or exact ``Fraction`` for
        sums of scores.
    """
    keys = groups.astype("object").where(groups.notna(), "")
    codes, positions = np.unique(keys.to_numpy(dtype=str), return_inverse=True)
    out: dict[str, object] = {}
    for name, mask in taken.items():
        column = base_of(name).amount
        if column == "score":
            sums = [Fraction(0)] * len(codes)
            for place, score in zip(positions[mask], facts.frame["score"].to_numpy()[mask], strict=True):
                sums[place] += Fraction(str(score))
            out[name] = sums
        else:
            weights = facts.frame[column].to_numpy()[mask].astype("float64") if column else None
            out[name] = np.bincount(positions[mask], weights=weights, minlength=len(codes)).astype("int64")
    return pd.DataFrame(out, index=pd.Index(codes, name="code"))


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
