"""Who answers (责任主体): category × grid → unit, by rules that are data.

A rule names a category pattern (``component:01001``, ``component:01*``, ``*``),
optionally a grid of any level, the unit, and the days on which it holds. The
most specific rule decides: first by category, then by depth of the grid, so a
territorial fallback (属地兜底: any category, one street) yields to a
department's own category, and that yields to a category in a certain grid.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmgmt.codes import CategoryKey, CategoryPattern


@dataclass(frozen=True)
class Rule:
    """One row of the responsibility table (责任清单).

    Attributes
    ----------
    level, grid_code
        The grid it is limited to; both None: everywhere.
    valid_from, valid_to
        Days on which it holds, half-open; ``valid_to`` None: no end.
    """

    category: str
    level: int | None
    grid_code: str | None
    unit_code: str
    valid_from: dt.date
    valid_to: dt.date | None = None

    def __post_init__(self) -> None:
        if (self.level is None) != (self.grid_code is None):
            raise ValueError("a rule names a grid by level and code, or none")

    @property
    def precedence(self) -> tuple[int, int, dt.date]:
        """What makes one rule win over another: larger wins.

        First the category's specificity, then the grid's depth, then the later
        first day; equal rules go to the smaller unit code.
        """
        return CategoryPattern.parse(self.category).specificity(), self.level or 0, self.valid_from


def assign_units(
    rules: Sequence[Rule], categories: pd.Series, grids: Sequence[pd.Series], days: pd.Series
) -> NDArray[np.object_]:
    """The answering unit of every row.

    Parameters
    ----------
    rules
        The city's table.
    categories
        ``kind:code`` or None; a row without one falls to the rules for ``*``.
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
    matches = _matches({r.category for r in rules}, categories)
    # few grid codes, many rows: compare integers, not texts
    coded = [pd.Categorical(codes) for codes in grids]
    places = [{code: place for place, code in enumerate(level.categories)} for level in coded]
    day = days.to_numpy(dtype="datetime64[D]")
    weakest_first = sorted(sorted(rules, key=lambda r: r.unit_code, reverse=True), key=lambda r: r.precedence)
    for rule in weakest_first:  # a later one writes over an earlier one
        mask = matches[rule.category] & located & (day >= np.datetime64(rule.valid_from))
        if rule.valid_to is not None:
            mask &= day < np.datetime64(rule.valid_to)
        if rule.level is not None:
            place = places[rule.level - 1].get(rule.grid_code)
            if place is None:  # no row lies in that grid
                continue
            mask &= coded[rule.level - 1].codes == place
        owner[mask] = rule.unit_code
    return owner


def _matches(patterns: Collection[str], categories: pd.Series) -> dict[str, NDArray[np.bool_]]:
    """For each pattern, which rows' categories it means; a row without a category is meant by ``*`` alone."""
    names = categories.astype("object").where(categories.notna(), "")
    distinct, positions = np.unique(names.to_numpy(dtype=str), return_inverse=True)
    keys = [CategoryKey.parse(name) if name else None for name in distinct.tolist()]
    out = {}
    for text in patterns:
        pattern = CategoryPattern.parse(text)
        meant = [pattern.matches(key) if key is not None else pattern.kind is None for key in keys]
        out[text] = np.array(meant, dtype=bool)[positions]
    return out
