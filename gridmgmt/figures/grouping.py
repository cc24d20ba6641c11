"""Counts by source, category, unit, person or ending (分组统计): every row in one group, or in none and told so."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd

from gridmgmt.figures import indicators
from gridmgmt.figures.counts import Facts
from gridmgmt.figures.indicators import RATIOS, base_of, plain
from gridmgmt.figures.predicates import Always, Column, Condition, Known, Mask, OneOf, Seen

GROUPINGS: Mapping[str, tuple[str, ...]] = {
    "source": ("cases",),
    "category": ("cases",),
    "ending": ("cases",),
    "unit": ("cases", "samples"),
    "person": ("acts",),
}
"""By what figures may be grouped, beside grids → the kinds of facts that have it."""

_VOID, _HAS_CLOSED, _HAS_REGISTERED = (Known(Seen(name)) for name in ("voided_at", "closed_at", "registered_at"))

ENDINGS: Mapping[str, Condition] = {
    "closed": ~_VOID & _HAS_CLOSED,
    "discarded": _VOID & ~_HAS_REGISTERED,
    "void": _VOID & _HAS_REGISTERED,
    "open": ~_VOID & ~_HAS_CLOSED,
}
"""How a case has ended by the cut-off (办结方式): 结案, 不予立案, 作废, 未结; void goes before closed."""


def groups(facts: Facts, by: str, units: Mapping[int, str]) -> pd.Series:
    """The group of each row; None: it has none.

    Parameters
    ----------
    units
        Id of a unit's row → its code.
    """
    frame = facts.frame
    match by:
        case "source":
            found = frame["source"]
        case "category":
            found = frame["category_kind"] + ":" + frame["category_code"]
        case "unit":
            found = frame["unit_id"].map(units)
        case "person":
            found = frame["person_code"]
        case _:
            return endings(facts)
    found = found.astype("object")
    return found.where(found.notna() & (found != ""), None)


def belongs(by: str, code: str, units: Mapping[int, str]) -> Condition:
    """Whether a case is in a group as :func:`groups` gives it; ``""``: in none."""
    match by:
        case "source":
            return OneOf("source", (code,)) if code else ~Known(Column("source")) | OneOf("source", ("",))
        case "category" if code:
            kind, _, number = code.partition(":")
            return OneOf("category_kind", (kind,)) & OneOf("category_code", (number,))
        case "category":
            return ~(Known(Column("category_kind")) & Known(Column("category_code")))
        case "unit" if code:
            return OneOf("unit_id", tuple(i for i, known in units.items() if known == code))
        case "unit":
            return ~Known(Column("unit_id"))
    return ENDINGS.get(code, ~Always())


def endings(facts: Facts) -> pd.Series:
    """How each case has ended by the cut-off; void goes before closed, and without a registration it is discarded."""
    if "ending" in facts.frame:
        return facts.frame["ending"]
    found = np.select([condition(facts) for condition in ENDINGS.values()], list(ENDINGS), "open")
    return pd.Series(found, index=facts.frame.index, dtype="object")


@dataclass(frozen=True)
class Grouped:
    """Counts of groups.

    Attributes
    ----------
    counts
        Index = group, the rows in no group last under ``""``; one column a base count.
    total
        The same counts of all rows, each counted once: what the groups add up to.
    """

    counts: pd.DataFrame
    total: Mapping[str, int | Fraction]

    def table(self, ratios: Collection[str] = tuple(RATIOS)) -> pd.DataFrame:
        """The counts with those rates that they make, as floats for show (NaN = no data), under a column ``code``."""
        out = self.counts.copy()
        rows = [plain(row) for row in self.counts.to_dict("records")]
        for name in ratios:
            if {RATIOS[name].numerator, RATIOS[name].denominator} <= set(self.counts.columns):
                out[name] = [_shown(name, row) for row in rows]
        exact_ones = self.counts.select_dtypes("object").columns
        out[exact_ones] = out[exact_ones].astype(float)
        return out.rename_axis("code").reset_index()


def _shown(name: str, counts: Mapping[str, int | Fraction]) -> float:
    parts = indicators.ratio(name, counts)
    return float("nan") if parts is None else float(parts[0] / parts[1])


def grouped(parts: Collection[tuple[Facts, Mapping[str, Mask], pd.Series]], codes: Collection[str]) -> Grouped:
    """Count facts by group.

    Parameters
    ----------
    parts
        Facts of a kind, which rows each count takes, and each row's group.
    codes
        Groups that are shown even where nothing counts.
    """
    tables = [indicators.amounts(*part) for part in parts]
    found = sorted({str(code) for table in tables for code in table.index} | {*codes})
    order = [*(code for code in found if code), ""]
    every = indicators.side_by_side(tables, order)
    total: dict[str, int | Fraction] = {}
    for facts, masks, own in parts:
        whole = indicators.amounts(facts, masks, pd.Series("", index=own.index, dtype="object"))
        total |= {str(n): Fraction(0) if base_of(str(n)).amount == "score" else 0 for n in masks}
        total |= plain(dict(whole.loc[""])) if len(whole) else {}
    return Grouped(every, total)
