"""Figures by source, category, unit, person or ending (分组统计), each explained down to the numbers behind it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd

from gridmgmt.database import cities
from gridmgmt.database.doors import needs
from gridmgmt.database.tables import GRID_COLUMNS
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import GroupMissing, IndicatorMissing, OptionInvalid, OutsideScope
from gridmgmt.figures.counts import COUNTS
from gridmgmt.figures.grouping import ENDINGS, GROUPINGS, belongs, grouped, groups
from gridmgmt.figures.indicators import bits
from gridmgmt.figures.operations.period_counts import Counted, Figures, figures
from gridmgmt.figures.predicates import Column, Condition, Known, OneOf
from gridmgmt.people.store import categories as category_store
from gridmgmt.people.store import people as person_store
from gridmgmt.people.store import units as unit_store
from gridmgmt.periods import Period
from gridmgmt.viewer import Scope

_ACTS = tuple(name for name, count in COUNTS.items() if count.of == "acts")


@dataclass(frozen=True)
class Groups:
    """A period's figures by group.

    Attributes
    ----------
    table
        code, name_zh, name_en, the base counts, the rates (NaN = no data); the rows in no group last under ``""``.
    total
        The counts of all rows, which the groups add up to; None: its viewer may not see all of them.
    """

    by: str
    table: pd.DataFrame
    total: Mapping[str, int | Fraction] | None
    found: Figures


@needs("figures.read", by_worker=True)
def by_group(work: Work, period: Period, by: str, as_of: dt.datetime | None = None, *, names: bool = False) -> Groups:
    """Counts and rates of a period by ``by``, one of :data:`GROUPINGS` (unit and person: those without a case too).

    Parameters
    ----------
    names
        Also the names of persons, which are personal data: for who may read people.

    Raises
    ------
    OptionInvalid, NoEditionOnDate, PeriodAhead, CutOffAhead
    OutsideScope
        Of who may not see the whole city: by anything but unit, where he is told his own.
    """
    scope = work.allowed("figures.read")
    if not scope.everywhere and (by != "unit" or not scope.unit_codes):
        raise OutsideScope(verb="figures.read", about=by)
    if names:
        work.allowed("people.read")
    with work.snapshot() as connection:
        found, parts, units = _read(connection, period, by, as_of)
        called = _names(connection, found, by, units, names=names)
        shown = {"unit": called, "person": called, "ending": ENDINGS}.get(by, ())
        counts = grouped([(p.facts, p.masks, groups(p.facts, by, units)) for p in parts], shown)
    table = counts.table()
    for place, lang in enumerate(("zh", "en"), 1):
        table.insert(place, f"name_{lang}", [called.get(code, {}).get(lang) for code in table["code"]])
    if scope.everywhere:
        return Groups(by, table, counts.total, found)
    return Groups(by, table[table["code"].isin(scope.unit_codes)].reset_index(drop=True), None, found)


@needs("figures.read", by_worker=True)
def numbers_behind(
    work: Work,
    period: Period,
    by: str,
    code: str,
    count: str | None = None,
    *,
    level: str | None = None,
    as_of: dt.datetime | None = None,
) -> dict[str, list[str]]:
    """Count → the numbers of the cases, samples or steps behind it in one group (追溯); ``""``: those in none.

    Parameters
    ----------
    by
        ``grid`` (of a level) or one of :data:`GROUPINGS`.
    count
        Only this one, which may also be a count of steps; None: every count of cases and samples that has any.

    Numbers of cases and samples are told to whoever may see these there.

    Raises
    ------
    IndicatorMissing, GroupMissing, OptionInvalid, LevelUnknown, NoEditionOnDate, PeriodAhead, CutOffAhead, OutsideScope
    """
    scope = work.allowed("figures.read")
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        number = city.level(level or "").number if by == "grid" else 0
        if not _is_own(scope, by, number, code):
            raise OutsideScope(verb="figures.read", about=code or by)
        told = _told(work, by, number, code, count)
        if by == "grid":
            found = figures(connection, city, period, as_of, [number], step_counts=_of_steps(count))
            parts = [*found.parts.values()]
            known = {*found.grids.loc[found.grids["level"] == number, "code"], ""}
            rows = [_of_grid(p, number, code) for p in parts if p.key is not None]
            chosen = _in_grid(found.held, number, code)
        else:
            found, parts, units = _read(connection, period, by, as_of, _of_steps(count))
            own = [groups(p.facts, by, units).fillna("") for p in parts]
            known = {"", *ENDINGS, *units.values(), *(c for series in own for c in series)}
            known |= {*_names(connection, found, by, units, names=False)}
            rows = [np.asarray(x == code, dtype=bool) for p, x in zip(parts, own, strict=True) if p.key is not None]
            chosen = belongs(by, code, units)
        if code not in known:
            raise GroupMissing(by=by, code=code, known=sorted(c for c in known if c)[:20])
        counts = {name for p in parts for name in p.masks}
        if count is not None and count not in counts:
            raise IndicatorMissing(name=count, known=sorted(counts))
        conditions = {n: c for n, c in found.conditions.items() if n in counts and count in (n, None)}
        cases = found.stored.numbers(chosen, [*conditions.values()]) if conditions else None
    out = {}
    if cases is not None:
        masks = bits(cases["mask"].to_numpy(dtype=np.int64), [*conditions])
        out = {n: cases.loc[mask, "case_no"].tolist() for n, mask in masks.items() if n == count or mask.any()}
    others = [p for p in parts if p.key is not None]
    found_numbers = out | {
        name: p.facts.frame.loc[mask & row, p.key].tolist()
        for p, row in zip(others, rows, strict=True)
        for name, mask in p.masks.items()
        if name == count or (count is None and bool((mask & row).any()))
    }
    return {name: numbers for name, numbers in found_numbers.items() if _verb_of(name) in told}


def _verb_of(count: str) -> str:
    """By which verb the numbers behind a count are seen."""
    return "samples.read" if count in COUNTS and COUNTS[count].of == "samples" else "cases.read"


def _told(work: Work, by: str, level: int, code: str, count: str | None) -> set[str]:
    """The verbs by which numbers of a group are told to its viewer.

    Raises
    ------
    AccessDenied, OutsideScope
        Those of the one count that he asks for are not.
    """
    if work.viewer is None:
        return {"cases.read", "samples.read"}
    told = {v for v in ("cases.read", "samples.read") if _is_own(work.viewer.scope(v), by, level, code)}
    if count is not None and (verb := _verb_of(count)) not in told:
        work.allowed(verb)
        raise OutsideScope(verb=verb, about=code or by)
    return told


def _is_own(scope: Scope, by: str, level: int, code: str) -> bool:
    """Whether a group is all within a scope."""
    if by == "grid":
        return scope.holds_grid(level, code)
    return scope.everywhere or (by == "unit" and scope.holds_unit(code))


def _in_grid(grids: pd.DataFrame, level: int, code: str) -> Condition:
    """Whether a case lies in a grid of a level, of whatever edition; ``""``: in none."""
    column = GRID_COLUMNS[level - 1]
    ids = grids.loc[(grids["level"] == level) & (grids["code"] == code), "id"]
    return OneOf(column, tuple(ids.tolist())) if code else ~Known(Column(column))


def _of_grid(part: Counted, level: int, code: str) -> np.ndarray:
    """Which rows count in a grid, roads that lie there in part included; ``""``: in none of the level."""
    inside = np.zeros(len(part.facts.frame), dtype=bool)
    if code:
        inside[[*part.of_grid(level, code)]] = True
        return inside
    whole = part.codes[level].isna().to_numpy()
    whole[[*part.shared[level]]] = False
    whole[[row for row, own in part.shared[level].items() if "" in own]] = True
    return np.asarray(whole, dtype=bool)


def _of_steps(count: str | None) -> tuple[str, ...]:
    return (count,) if count is not None and count in COUNTS and COUNTS[count].of == "steps" else ()


def _read(
    connection: Connection, period: Period, by: str, as_of: dt.datetime | None, steps: tuple[str, ...] = ()
) -> tuple[Figures, list[Counted], dict[int, str]]:
    if by not in GROUPINGS:
        raise OptionInvalid(name="--by", value=by, expected=" / ".join(("grid", *GROUPINGS)))
    city = cities.load_city(connection)
    kinds = GROUPINGS[by] if not steps or by in ("person", "ending") else (*GROUPINGS[by], "steps")
    wanted = _ACTS if by == "person" else steps if "steps" in kinds else ()
    parted = {"unit": ["unit_id"], "category": ["category_kind", "category_code"], "person": []}.get(by, [by])
    found = figures(connection, city, period, as_of, [city.levels[0].number], step_counts=wanted, by=parted)
    units = {v: k for k, v in unit_store.unit_ids(connection).items()}
    return found, [found.parts[of] for of in kinds], units


def _names(
    connection: Connection, found: Figures, by: str, units: Mapping[int, str], *, names: bool
) -> dict[str, dict[str, str | None]]:
    """Group → its name by language."""
    if by == "category":
        return category_store.category_names(connection, found.city.scheme)
    if by == "unit":
        told = unit_store.units(connection)
        return {code: {"zh": told[code]["name_zh"], "en": told[code]["name_en"]} for code in units.values()}
    if by == "person":
        there = person_store.people_between(connection, found.period.start, found.period.last)
        return {p.code: {"zh": p.name if names else None} for p in there}
    return {}
