"""Who answers (责任主体): category × grid × land owner → unit, by rules that are data.

A rule names a category pattern (``component:01001``, ``component:01*``, ``*``),
optionally a grid of any level and a land owner, the unit, and the days on which
it holds. What it is follows from what it names:

1. a named owner (权属单位): it names a land owner, or is an area's own unit;
2. a category rule (职责分工): a pattern other than ``*``;
3. a grid override (网格专属): ``*`` in one grid, marked as override;
4. a territorial fallback (属地兜底): ``*``, everywhere or in one grid.

The first of these decides; within one, the more specific category, then the
deeper grid (an area lies deeper than any grid, a smaller area deeper than a
larger one), then the later first day, then the smaller code.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from gridmgmt.codes import CategoryKey, CategoryPattern
from gridmgmt.places.areas import NOWHERE, Area, Hits

Kind = Literal["fallback", "grid_override", "category", "named_owner"]
KINDS: tuple[Kind, ...] = ("fallback", "grid_override", "category", "named_owner")
"""Kinds of rules, each beaten by those behind it."""

_BEYOND_GRIDS = 99
"""Depth of an area: deeper than any grid level."""

Why = Literal["kind", "category", "place", "size", "date", "code"]
WHYS: tuple[Why, ...] = ("kind", "category", "place", "size", "date", "code")
"""In which of these, compared in this order, the deciding rule is ahead of a beaten one."""


class Border(BaseModel):
    """How near a border is near (边界附近); ``data/responsibility/border.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    near_m: float = Field(gt=0, le=1000)
    source: str


@dataclass(frozen=True)
class Rule:
    """One row of the responsibility table (责任清单), or what an area says of itself.

    Attributes
    ----------
    level, grid_code
        The grid it is limited to; both None: everywhere.
    valid_from, valid_to
        Days on which it holds, half-open; ``valid_to`` None: no end.
    land_owner
        Whose land or facility it is about; None: anybody's.
    override
        Whether it goes before every territorial fallback; only with ``*`` and a grid.
    area
        The area whose own unit this is; such a rule stands in no table.
    """

    category: str
    level: int | None
    grid_code: str | None
    unit_code: str
    valid_from: dt.date
    valid_to: dt.date | None = None
    land_owner: str | None = None
    override: bool = False
    area: Area | None = None

    def __post_init__(self) -> None:
        if (self.level is None) != (self.grid_code is None):
            raise ValueError("a rule names a grid by level and code, or none")
        if self.override and (self._has_category or self.level is None or self.land_owner is not None):
            raise ValueError("an override is about all categories in one grid, whoever owns the land")

    @property
    def _has_category(self) -> bool:
        return CategoryPattern.parse(self.category).kind is not None

    @property
    def kind(self) -> Kind:
        """What the rule is, by what it names."""
        if self.land_owner is not None or self.area is not None:
            return "named_owner"
        if self._has_category:
            return "category"
        return "grid_override" if self.override else "fallback"

    @property
    def precedence(self) -> tuple[int, int, int, float, dt.date]:
        """What makes one rule win over another, in the order of :data:`WHYS`: larger wins, then the smaller code."""
        depth = _BEYOND_GRIDS if self.area else self.level or 0
        size = -self.area.area_m2 if self.area else 0.0
        return KINDS.index(self.kind), CategoryPattern.parse(self.category).specificity(), depth, size, self.valid_from

    @property
    def code(self) -> str:
        """The area's code, else the unit's: the smaller one wins where nothing else does."""
        return self.area.code if self.area else self.unit_code

    @property
    def endless(self) -> "Rule":
        """The rule without its last day: by this a table that is handed in again names it."""
        return replace(self, valid_to=None)

    def holds_on(self, day: dt.date) -> bool:
        """Whether the day is one of its days."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


def strongest_first(rules: Sequence[Rule]) -> list[Rule]:
    """Rules in the order in which they decide."""
    return sorted(sorted(rules, key=lambda r: (r.code, r.unit_code)), key=lambda r: r.precedence, reverse=True)


@dataclass(frozen=True)
class Beaten:
    """A rule that would answer as well, and in what the deciding one is ahead of it."""

    rule: Rule
    why: Why


@dataclass(frozen=True)
class Decision:
    """Who answers for one matter, by which rule, and which rules that one beat (责任判定), the strongest first.

    ``rule`` is None where none applies; ``land_owner`` is the owner of the land as far as an area names one.
    """

    rule: Rule | None
    land_owner: str | None
    beaten: tuple[Beaten, ...]

    @property
    def unit_code(self) -> str | None:
        """The unit that answers."""
        return self.rule.unit_code if self.rule else None

    @property
    def kind(self) -> Kind | None:
        """What the deciding rule is."""
        return self.rule.kind if self.rule else None


def decide(
    rules: Sequence[Rule],
    category: str | None,
    grids: Sequence[str | None],
    day: dt.date,
    areas: Sequence[Area] = (),
) -> Decision:
    """Who answers for one matter: the strongest rule that means it (责任判定).

    Parameters
    ----------
    category
        ``kind:code``, or None: only rules for ``*`` mean it.
    grids
        Its grid's code by level, the city first; all None: nobody answers outside the city.
    areas
        Those that hold its place.
    """
    key, line = CategoryKey.parse(category) if category else None, list(grids)
    meant = [a for a in areas if _means(CategoryPattern.parse(a.category), key)]
    owner = next((a.land_owner for a in sorted(meant, key=_nearest_first) if a.land_owner), None)
    if not any(line):
        return Decision(None, owner, ())

    def applies(rule: Rule) -> bool:
        here = rule.level is None or line[rule.level - 1 : rule.level] == [rule.grid_code]
        owned = rule.land_owner is None or rule.land_owner == owner
        return here and owned and rule.holds_on(day) and _means(CategoryPattern.parse(rule.category), key)

    found = strongest_first([*filter(applies, rules), *_own_rules(meant)])
    if not found:
        return Decision(None, owner, ())
    return Decision(found[0], owner, tuple(Beaten(r, _ahead(found[0], r)) for r in found[1:]))


def _own_rules(areas: Sequence[Area]) -> list[Rule]:
    """What areas with a unit of their own say of themselves."""
    return [Rule(a.category, None, None, a.unit_code, dt.date.min, area=a) for a in areas if a.unit_code is not None]


def _ahead(winner: Rule, loser: Rule) -> Why:
    pairs = zip(WHYS, winner.precedence, loser.precedence, strict=False)
    return next((why for why, ours, theirs in pairs if ours != theirs), "code")


def _means(pattern: CategoryPattern, key: CategoryKey | None) -> bool:
    return pattern.matches(key) if key is not None else pattern.kind is None


def _nearest_first(area: Area) -> tuple[float, str]:
    return area.area_m2, area.code


def assign_units(
    rules: Sequence[Rule],
    categories: pd.Series,
    grids: Sequence[pd.Series],
    days: pd.Series,
    areas: Hits = NOWHERE,
) -> NDArray[np.object_]:
    """The answering unit of every row, as :func:`decide` finds it for one.

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
    areas
        Which areas hold which rows.

    Returns
    -------
    array of str or None
        The code of the unit, None where no rule applies or the row has no grid at all.
    """
    owner = np.full(len(categories), None, dtype=object)
    located = np.zeros(len(categories), dtype=bool)
    for codes in grids:
        located |= codes.notna().to_numpy()
    matches = _matches({r.category for r in rules} | {a.category for a in areas.areas}, categories)
    held = areas.by_area()
    landed = _land_owners(held, matches, len(categories))
    # few grid codes, many rows: compare integers, not texts
    coded = [pd.Categorical(codes) for codes in grids]
    places = [{code: place for place, code in enumerate(level.categories)} for level in coded]
    day = days.to_numpy(dtype="datetime64[D]")
    for rule in reversed(strongest_first([*rules, *_own_rules(list(held))])):  # a later one writes over an earlier one
        if rule.area is not None:
            rows = held[rule.area]
            owner[rows[(matches[rule.category] & located)[rows]]] = rule.unit_code
            continue
        mask = matches[rule.category] & located & (day >= np.datetime64(rule.valid_from))
        if rule.valid_to is not None:
            mask &= day < np.datetime64(rule.valid_to)
        if rule.land_owner is not None:
            mask &= landed == rule.land_owner
        if rule.level is not None:
            place = places[rule.level - 1].get(rule.grid_code) if rule.level <= len(places) else None
            if place is None:  # no row lies in that grid
                continue
            mask &= coded[rule.level - 1].codes == place
        owner[mask] = rule.unit_code
    return owner


def _land_owners(
    held: Mapping[Area, NDArray[np.int64]], matches: Mapping[str, NDArray[np.bool_]], n: int
) -> NDArray[np.object_]:
    """Whose land each row lies on: what the smallest area that holds it, counts for its category and names one says."""
    out = np.full(n, None, dtype=object)
    for area in sorted(held, key=_nearest_first, reverse=True):
        if area.land_owner is not None:
            rows = held[area]
            out[rows[matches[area.category][rows]]] = area.land_owner
    return out


def _matches(patterns: Collection[str], categories: pd.Series) -> dict[str, NDArray[np.bool_]]:
    """For each pattern, which rows' categories it means; a row without a category is meant by ``*`` alone."""
    names = categories.astype("object").where(categories.notna(), "")
    distinct, positions = np.unique(names.to_numpy(dtype=str), return_inverse=True)
    keys = [CategoryKey.parse(name) if name else None for name in distinct.tolist()]
    out = {}
    for text in patterns:
        pattern = CategoryPattern.parse(text)
        out[text] = np.array([_means(pattern, key) for key in keys], dtype=bool)[positions]
    return out
