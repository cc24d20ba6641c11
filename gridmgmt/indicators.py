"""Indicators (考核指标): the base counts, each a predicate and a clock, and the rates made from them.

A count says which cases it takes (predicate) and which of their times puts
them into the period (clock). Nothing later than the data cut-off is seen: a
case closed after it is still open. Rates are exact fractions of counts; a
denominator of zero gives no value, never 0 or 100 %. Where an export cannot tell
whether a case was reworked or is a repeat, the case stays out of that rate's
denominator: unknown is not "no".

Definitions: project conventions that follow the field's usual ones; timeliness
is judged by the deadline's period, filing and repeats by the filing time.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmgmt.codes import CategoryPattern
from gridmgmt.errors import IndicatorMissing

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Facts:
    """Fact rows as they were known and had happened at the cut-off.

    Attributes
    ----------
    frame
        Case columns (``reported_at`` … as ``datetime64[us, UTC]``, ``n_rework``,
        ``is_repeat``) or sample columns (``sampled_at``, ``score``).
    start, end
        The period's bounds in UTC, half-open.
    as_of
        The data cut-off (数据截止时点); an event at that very instant has happened.
    """

    frame: pd.DataFrame
    start: dt.datetime
    end: dt.datetime
    as_of: dt.datetime

    def time(self, name: str) -> pd.Series:
        """A time column; what happens after the cut-off has not happened."""
        values = self.frame[name]
        return values.where(values <= self.as_of)

    def within(self, values: pd.Series) -> Mask:
        """Whether an instant lies in the period and not after the cut-off."""
        return _true((values >= self.start) & (values < self.end) & (values <= self.as_of))

    @property
    def due(self) -> pd.Series:
        """The effective deadline (应结案时限): after an approved extension."""
        return self.frame["due_extended_at"].where(self.frame["due_extended_at"].notna(), self.frame["due_at"])

    @property
    def done(self) -> pd.Series:
        """When the unit had finished: handling, else (derived) closing."""
        handled = self.time("handled_at")
        return handled.where(handled.notna(), self.time("closed_at"))

    @property
    def is_due(self) -> Mask:
        """Deadline in the period, and the case not void."""
        return self.within(self.due) & self.time("voided_at").isna().to_numpy()

    @property
    def is_closed(self) -> Mask:
        """Due and closed by the cut-off."""
        return self.is_due & self.time("closed_at").notna().to_numpy()

    @property
    def is_on_time(self) -> Mask:
        """Closed, and finished by the original deadline; exactly at it is on time (按期)."""
        return self.is_closed & _true(self.done <= self.frame["due_at"])

    @property
    def is_extended(self) -> Mask:
        """Closed, and finished after the original deadline but by the extended one (延期)."""
        return self.is_closed & ~self.is_on_time & _true(self.done <= self.due)

    @property
    def is_late(self) -> Mask:
        """Closed, and finished after every deadline (超期): the rest of the closed."""
        return self.is_closed & ~self.is_on_time & ~self.is_extended

    @property
    def is_derived(self) -> Mask:
        """Closed, and judged by the closing time because the export tells no handling time (推定)."""
        return self.is_closed & self.time("handled_at").isna().to_numpy()

    @property
    def is_overdue_open(self) -> Mask:
        """Due, the deadline past at the cut-off, and not closed."""
        return self.is_due & ~self.is_closed & _true(self.due < self.as_of)

    @property
    def is_untimely(self) -> Mask:
        """Due, and not finished by the effective deadline (不及时): still open, or too late even for an extension."""
        return self.is_due & ~_true(self.done <= self.due) & _true(self.due < self.as_of)

    @property
    def is_reworked(self) -> Mask:
        """Due and sent back at least once by the cut-off (a rework without its time counts)."""
        later = _true(self.frame["reworked_at"] > self.as_of)
        return self.is_due & _true(self.frame["n_rework"] > 0) & ~later


def _true(answers: pd.Series) -> Mask:
    """Where a comparison holds; with an unknown value (NA) it does not."""
    return answers.fillna(False).to_numpy(dtype=bool)


@dataclass(frozen=True)
class Count:
    """One base count: what it counts, in both languages, from which facts, by which clock."""

    name: str
    zh: str
    en: str
    of: str
    clock: str
    mask: Callable[[Facts], Mask]
    amount: str | None = None
    """Column that is summed; None counts rows."""


def _registered(f: Facts) -> Mask:
    return f.within(f.frame["registered_at"])


def _scored(f: Facts) -> Mask:
    return f.within(f.frame["sampled_at"]) & f.frame["score"].notna().to_numpy()


def _dispatched(f: Facts) -> Mask:
    return f.within(f.frame["dispatched_at"]) & f.time("voided_at").isna().to_numpy()


def _repeat_known(f: Facts) -> Mask:
    return _registered(f) & f.frame["is_repeat"].notna().to_numpy()


def _repeat(f: Facts) -> Mask:
    return _registered(f) & _true(f.frame["is_repeat"].astype("boolean"))


COUNTS: Mapping[str, Count] = {
    c.name: c
    for c in (
        Count("n_reported", "上报数", "Reported", "cases", "reported_at", lambda f: f.within(f.frame["reported_at"])),
        Count("n_registered", "立案数", "Registered", "cases", "registered_at", _registered),
        Count("n_dispatched", "应处置数", "To be handled", "cases", "dispatched_at", _dispatched),
        Count("n_due", "应结案数", "Due", "cases", "due", lambda f: f.is_due),
        Count("n_closed", "结案数", "Closed", "cases", "due", lambda f: f.is_closed),
        Count("n_closed_on_time", "按期结案数", "Closed on time", "cases", "due", lambda f: f.is_on_time),
        Count("n_closed_extended", "延期结案数", "Closed within an extension", "cases", "due", lambda f: f.is_extended),
        Count("n_closed_late", "超期结案数", "Closed late", "cases", "due", lambda f: f.is_late),
        Count(
            "n_closed_derived", "按结案时间判定的结案数", "Closed, judged by the closing time", "cases", "due",
            lambda f: f.is_derived,
        ),
        Count("n_overdue_open", "超期未结案数", "Overdue and open", "cases", "due", lambda f: f.is_overdue_open),
        Count("n_untimely", "不及时处置数", "Not handled in time", "cases", "due", lambda f: f.is_untimely),
        Count(
            "n_due_rework_known", "返工情况已知的应结案数", "Due, rework known", "cases", "due",
            lambda f: f.is_due & f.frame["n_rework"].notna().to_numpy(),
        ),
        Count("n_rework_cases", "返工案件数", "Reworked cases", "cases", "due", lambda f: f.is_reworked),
        Count(
            "n_rework_closed", "返工过的结案数", "Closed, reworked", "cases", "due",
            lambda f: f.is_reworked & f.is_closed,
        ),
        Count("n_rework_events", "返工次数", "Rework events", "cases", "due", lambda f: f.is_reworked, "n_rework"),
        Count(
            "n_registered_repeat_known", "是否重复已知的立案数", "Registered, repeat known", "cases", "registered_at",
            _repeat_known,
        ),
        Count("n_repeats", "重复案件数", "Repeat cases", "cases", "registered_at", _repeat),
        Count("n_samples", "抽查样本数", "Samples", "samples", "sampled_at", lambda f: f.within(f.frame["sampled_at"])),
        Count("n_scored_samples", "有得分样本数", "Scored samples", "samples", "sampled_at", _scored),
        Count("sum_sample_score", "样本得分合计", "Sum of sample scores", "samples", "sampled_at", _scored, "score"),
    )
}  # fmt: skip


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


KNOWN_BY = {
    "n_rework_cases": ("n_due_rework_known", "n_due"),
    "n_rework_closed": ("n_due_rework_known", "n_due"),
    "n_rework_events": ("n_due_rework_known", "n_due"),
    "n_repeats": ("n_registered_repeat_known", "n_registered"),
    "sum_sample_score": ("n_scored_samples", "n_samples"),
}
"""A count → how many rows could have told it, of how many: 0 of some is "no data", not 0."""


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
    facts: Facts, kind: str | None, categories: Sequence[str], excepted: Sequence[str], sources: Sequence[str]
) -> Mask:
    """Which cases a filter keeps: of a kind, of some categories, not of others, from some sources; empty: no limit."""
    frame = facts.frame
    keep = np.ones(len(frame), dtype=bool)
    if kind is not None:
        keep &= _true(frame["category_kind"] == kind)
    if categories:
        keep &= _in_categories(frame, categories)
    if excepted:
        keep &= ~_in_categories(frame, excepted)
    if sources:
        keep &= _true(frame["source"].isin(sources))
    return keep


def _in_categories(frame: pd.DataFrame, patterns: Sequence[str]) -> Mask:
    out = np.zeros(len(frame), dtype=bool)
    for text in patterns:
        pattern = CategoryPattern.parse(text)
        code = frame["category_code"].astype("object").fillna("")
        same = code.str.startswith(pattern.stem) if pattern.open_ended else code == pattern.stem
        if pattern.kind is not None:
            same = same & (frame["category_kind"] == pattern.kind)
        out |= _true(same.astype("boolean"))
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
