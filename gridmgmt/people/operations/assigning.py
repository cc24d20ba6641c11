"""Assignment (归属): each point to its grids of all levels and to the unit that answers, by the edition of its day."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmgmt.city import City
from gridmgmt.database import batches, cities, facts
from gridmgmt.database.doors import needs
from gridmgmt.database.tables import GRID_COLUMNS
from gridmgmt.database.work import Connection, Work
from gridmgmt.people.responsibility import Rule, assign_units
from gridmgmt.people.store import responsibility, units
from gridmgmt.places.areas import NOWHERE, AreaMap, Hits, joined
from gridmgmt.places.editions import differing, lines
from gridmgmt.places.store import editions as store
from gridmgmt.places.store import indexes, layers

LEAF, UPPER, OUTSIDE, NO_LOCATION, NO_EDITION = "leaf", "upper", "outside", "no_location", "no_edition"
"""How a row was located: in a leaf grid; only in a grid above; in none; without a point; on a day without edition."""

_NO_GRID = -1
"""Stands for an absent id while ids are computed."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Objects = NDArray[np.object_]


class _Place:
    """One edition's grids, ready to locate points."""

    def __init__(self, connection: Connection, edition_id: int, n_levels: int) -> None:
        grids, self._locator = indexes.ground(connection, edition_id, n_levels)
        # position -1 means no grid: it picks the last entry
        self._ids = np.append(grids["id"].to_numpy(dtype=np.int64), _NO_GRID)
        self._codes = np.append(grids["code"].to_numpy(dtype=object), [None])

    def locate(self, lon: Floats, lat: Floats) -> tuple[Ints, Objects, Objects]:
        """Grid ids and codes by point and level, and how each point was located."""
        found = self._locator.locate(lon, lat)
        manner = np.where(found[:, -1] >= 0, LEAF, np.where((found >= 0).any(axis=1), UPPER, OUTSIDE))
        return self._ids[found], self._codes[found], manner.astype(object)


class AreaMaps:
    """The areas responsible beyond the grids (责任区域), for each span of days between changes of their layers."""

    def __init__(self, connection: Connection, city: City) -> None:
        self._connection, self._city = connection, city
        found = layers.all_layers(connection, "areas")
        ends = {d for y in found for d in (y.valid_from, y.valid_to) if d is not None}
        self._starts = np.array(sorted(ends), dtype="datetime64[D]")
        self._maps: dict[int, AreaMap] = {}

    def draw(self) -> int:
        """Read the areas of all days, so that the database is asked no more; gives how many there are."""
        return sum(len(self._map(span).areas) for span in range(len(self._starts)))

    def __getstate__(self) -> dict[str, Any]:
        """Travels with the areas of all spans, and without the database."""
        for span in range(len(self._starts)):
            self._map(span)
        return {name: value for name, value in vars(self).items() if name != "_connection"}

    def _map(self, span: int) -> AreaMap:
        if span not in self._maps:
            day = self._starts[span].astype(dt.date)
            self._maps[span] = AreaMap(layers.features(self._connection, "areas", day), self._city.metric_epsg)
        return self._maps[span]

    def holding(self, lon: Floats, lat: Floats, days: NDArray[np.datetime64]) -> Hits:
        """Which areas of its day hold which point."""
        if not self._starts.size:
            return NOWHERE
        spans = np.searchsorted(self._starts, days.astype("datetime64[D]"), side="right") - 1
        parts = []
        for span in np.unique(spans[spans >= 0]).tolist():
            here = np.flatnonzero(spans == span)
            parts.append((self._map(span).holding(lon[here], lat[here]), here))
        return joined(parts)


@dataclass(frozen=True)
class _Found:
    """What was found of rows: by row the edition's id, by level the grid's id and code, the unit's code, the manner."""

    edition_ids: Ints
    ids: Ints
    codes: Objects
    units: pd.Series
    manner: Objects


class Assigner:
    """Locates rows by the editions and rules of one city; each edition's index is built when first needed."""

    def __init__(self, connection: Connection, city: City) -> None:
        self._connection = connection
        self._city = city
        self._editions = [e for e in store.all_editions(connection) if e.is_active]
        self._places: dict[int, _Place] = {}
        self._rules: list[Rule] = responsibility.load_rules(connection)
        self._units = units.unit_ids(connection)
        self._areas = AreaMaps(connection, city)

    def __getstate__(self) -> dict[str, Any]:
        """Travels with the grids of all editions, and without the database: elsewhere it locates as it does here."""
        for edition in self._editions:
            self._place(edition)
        return {name: value for name, value in vars(self).items() if name != "_connection"}

    def _place(self, edition: store.Edition) -> _Place:
        if edition.id not in self._places:
            self._places[edition.id] = _Place(self._connection, edition.id, len(self._city.levels))
        return self._places[edition.id]

    def unit_code(self, unit_id: int) -> str:
        """The code of a unit that :meth:`locate` named."""
        return next(code for code, number in self._units.items() if number == unit_id)

    def locate(self, points: pd.DataFrame) -> pd.DataFrame:
        """Edition, grid ids of all levels, unit and manner for each row.

        Parameters
        ----------
        points
            lon, lat (EPSG:4490, NaN = none), at (UTC instant), category
            (``kind:code`` or None), unit_code (the unit the file names, which
            wins over the rules, or None).

        Returns
        -------
        DataFrame
            The columns of :data:`gridmgmt.database.facts.LOCATED`, index as ``points``.
        """
        found = self._found(points)
        columns = {"edition_id": found.edition_ids, **dict(zip(GRID_COLUMNS, found.ids.T, strict=True))}
        out = pd.DataFrame(columns, index=points.index).astype("Int64")
        units = found.units.map(self._units).astype("Int64")
        return out.mask(out == _NO_GRID).assign(unit_id=units, located=found.manner)

    def named(self, points: pd.DataFrame) -> pd.DataFrame:
        """The same by names, for rows that go into no database: edition, grid codes, unit_code and manner.

        Columns: edition, one a level (its key in the city), unit_code, located; None where there is none.
        """
        found = self._found(points)
        editions = pd.Series(found.edition_ids, index=points.index).map({e.id: e.name for e in self._editions})
        columns = {level.key: codes for level, codes in zip(self._city.levels, found.codes.T, strict=True)}
        out = pd.DataFrame({"edition": editions, **columns}, index=points.index, dtype="object")
        return out.assign(unit_code=found.units.astype("object"), located=found.manner)

    def _found(self, points: pd.DataFrame) -> _Found:
        n, n_levels = len(points), len(self._city.levels)
        days = points["at"].dt.tz_convert(self._city.zone).dt.tz_localize(None).dt.floor("D")
        lon, lat = points["lon"].to_numpy(dtype=np.float64), points["lat"].to_numpy(dtype=np.float64)
        has_point = ~(np.isnan(lon) | np.isnan(lat))
        edition_ids = np.full(n, _NO_GRID, dtype=np.int64)
        ids = np.full((n, len(GRID_COLUMNS)), _NO_GRID, dtype=np.int64)
        codes = np.full((n, n_levels), None, dtype=object)
        manner = np.full(n, NO_EDITION, dtype=object)
        for edition in self._editions:
            on_its_days = edition.covers(days.to_numpy())
            edition_ids[on_its_days], manner[on_its_days] = edition.id, NO_LOCATION
            here = np.flatnonzero(on_its_days & has_point)
            if here.size:
                ids[here, :n_levels], codes[here], manner[here] = self._place(edition).locate(lon[here], lat[here])
        return _Found(edition_ids, ids, codes, self._answering(points, codes, days), manner)

    def _answering(self, points: pd.DataFrame, codes: Objects, days: pd.Series) -> pd.Series:
        place = points["lon"].to_numpy(dtype=np.float64), points["lat"].to_numpy(dtype=np.float64)
        by_rule = assign_units(
            self._rules,
            points["category"].astype("object"),
            [pd.Series(column, index=points.index, dtype="object") for column in codes.T],
            days,
            self._areas.holding(*place, days.to_numpy(dtype="datetime64[D]")),
        )
        named = points["unit_code"].astype("object")
        unit = named.where(named.notna(), pd.Series(by_rule, index=points.index, dtype="object"))
        return unit


@needs("reference.write", whole=True, by_worker=True)
def reassign(work: Work, edition: str | None = None) -> dict[str, int]:
    """Assign again the rows that another edition of their day may put elsewhere, or that came before the newest rule.

    Where the edition of a row's day has the very grids that it was located in, nothing is looked at; written is only
    what differs: a grid or a unit.

    Parameters
    ----------
    edition
        Only rows that go to the edition of this name.

    Returns
    -------
    dict
        Rows looked at, rows changed, and how many of these lie in another edition now, for cases and samples;
        the others were changed by a rule or an area. The batch keeps it, with the moment from which the rules
        and areas are that no reassignment had applied.

    Raises
    ------
    EditionMissing
    """
    out: dict[str, int] = {}
    with work.locked() as connection:
        city = cities.load_city(connection)
        if edition is not None:
            store.by_name(connection, edition)
        assigner = Assigner(connection, city)
        rules_at = responsibility.rules_not_applied_since(connection)
        batch_id = batches.new_batch(connection, "reassign")
        known_at = batches.stamp_batch(connection, batch_id)
        changes = _changes(connection, city, edition)
        for kind in facts.KINDS.values():
            rows = _to_look_at(connection, city, kind, changes, edition, rules_at)
            work.progress(f"locate_{kind.name}", len(rows))
            before = {"id": rows["id"], "located_by": rows["edition_id"].astype("Int64")}
            found = facts.relocate(connection, kind, assigner.locate(rows).assign(**before), batch_id, known_at)
            out[f"n_{kind.name}"] = len(rows)
            out |= {f"n_{kind.name}_{name}": n for name, n in found.items()}
        since = rules_at and rules_at.isoformat()
        batches.close_batch(connection, batch_id, {**out, "edition": edition, "rules_since": since})
        work.done(connection, out)
    return out


def _to_look_at(
    connection: Connection,
    city: City,
    kind: facts.Kind,
    changes: Sequence[facts.Change],
    edition: str | None,
    rules_at: dt.datetime | None,
) -> pd.DataFrame:
    """The rows that may have to move, each once, by id."""
    found = [facts.to_relocate(connection, kind, changes)]
    if rules_at is not None:
        found.append(facts.to_answer(connection, kind, city.time_zone, edition, rules_at))
    return pd.concat(found).drop_duplicates("id").sort_values("id", ignore_index=True)


def _changes(connection: Connection, city: City, edition: str | None) -> list[facts.Change]:
    """What each edition (or that of a name) has otherwise than each other by which rows may have been located."""
    active = [e for e in store.all_editions(connection) if e.is_active]
    grids = {e.id: lines(store.grid_contents(connection, e.id), len(city.levels)) for e in active}
    out = []
    for e in active:
        if edition in (None, e.name) and e.valid_from is not None:
            start = _midnight(e.valid_from, city)
            end = None if e.valid_to is None else _midnight(e.valid_to, city)
            out.append(facts.Change(None, start, end, []))  # what no edition had a grid for is in none
            others = [x.id for x in active if x != e]
            out += [facts.Change(by, start, end, differing(grids[by], grids[e.id])) for by in others]
    return out


def _midnight(day: dt.date, city: City) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), city.zone)
