"""Who answers (责任主体): category × grid → unit, by rules that are data.

A rule names a category pattern (``component:01001``, ``component:01*``, ``*``),
optionally a grid of any level, the unit, and the days on which it holds. The
most specific rule decides: first by category, then by depth of the grid, so a
territorial fallback (属地兜底: any category, one street) yields to a
department's own category, and that yields to a category in a certain grid.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmgmt.codes import CategoryKey, CategoryPattern


@dataclass(frozen=True)
class Rule:
    """One row of the responsibility table; ``valid_to`` is the first day on which it no longer holds."""

    category: str
    level: int | None
    grid_code: str | None
    unit_code: str
    valid_from: dt.date
    valid_to: dt.date | None = None

    @property
    def precedence(self) -> tuple[int, int, dt.date, str]:
        """What makes one rule win over another: larger wins; equal ones go to the smaller unit code."""
        inverse = "".join(chr(0x10FFFF - ord(c)) for c in self.unit_code)
        return (CategoryPattern.parse(self.category).specificity(), self.level or 0, self.valid_from, inverse)


def assign_units(
    rules: Sequence[Rule], categories: pd.Series, grids: Sequence[pd.Series], days: pd.Series
) -> NDArray[np.object_]:
    """The answering unit of every row.

    Parameters
    ----------
    rules
        The city's table.
    categories
        ``kind:code`` or None.
    grids
        For level 1, 2, …: the row's grid code or None.
    days
        The city day on which the matter arose (``datetime64``).

    Returns
    -------
    array of str or None
        The code of the unit, None where no rule applies or the row has no grid at all.
    """
    owner = np.full(len(categories), None, dtype=object)
    located = np.zeros(len(categories), dtype=bool)
    for codes in grids:
        located |= codes.notna().to_numpy()
    distinct = {c: CategoryPattern.parse(c) for c in {r.category for r in rules}}
    names = categories.astype("object").where(categories.notna(), None)
    kinds, positions = np.unique(names.map(lambda c: c or "").to_numpy(dtype=str), return_inverse=True)
    keys = [CategoryKey.parse(k) if k else None for k in kinds.tolist()]
    matches = {
        text: np.array([p.matches(k) if k else p.kind is None for k in keys], dtype=bool)[positions]
        for text, p in distinct.items()
    }
    # few grid codes, many rows: compare integers, not texts
    coded = [pd.Categorical(codes) for codes in grids]
    day = days.to_numpy(dtype="datetime64[D]")
    for rule in sorted(rules, key=lambda r: r.precedence):
        mask = matches[rule.category] & located & (day >= np.datetime64(rule.valid_from))
        if rule.valid_to is not None:
            mask &= day < np.datetime64(rule.valid_to)
        if rule.level is not None and rule.grid_code is not None:
            level = coded[rule.level - 1]
            place = level.categories.get_indexer([rule.grid_code])[0]
            if place < 0:
                continue
            mask &= level.codes == place
        owner[mask] = rule.unit_code
    return owner
