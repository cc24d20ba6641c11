"""Assignment (归属): each point to its grids of all levels and to the unit that answers, by the edition of its day."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine

from gridmgmt.city import City
from gridmgmt.locator import EditionLocator
from gridmgmt.operations.database import Progress, silent, transaction
from gridmgmt.responsibility import Rule, assign_units
from gridmgmt.store import cities, facts
from gridmgmt.store import editions as store
from gridmgmt.store.tables import GRID_COLUMNS

LEAF, UPPER, OUTSIDE, NO_LOCATION, NO_EDITION = "leaf", "upper", "outside", "no_location", "no_edition"
"""How a row was located: in a leaf grid; only in a grid above; in none; without a point; on a day without edition."""


@dataclass(frozen=True)
class _Place:
    edition: store.Edition
    ids: np.ndarray
    codes: np.ndarray
    locator: EditionLocator


class Assigner:
    """Locates rows by the editions and rules of one city; each edition's index is built when first needed."""

    def __init__(self, connection: Connection, city: City) -> None:
        self._connection = connection
        self._city = city
        self._editions = [e for e in store.all_editions(connection) if e.is_active]
        self._places: dict[int, _Place] = {}
        self._rules: list[Rule] = cities.load_rules(connection)
        self._units = cities.unit_ids(connection)

    def _place(self, edition: store.Edition) -> _Place:
        if edition.id not in self._places:
            frame = store.grids(self._connection, edition.id)
            locator = EditionLocator(frame, len(self._city.levels))
            ids, codes = frame["id"].to_numpy(), frame["code"].to_numpy(dtype=object)
            self._places[edition.id] = _Place(edition, ids, codes, locator)
        return self._places[edition.id]

    def locate(self, points: pd.DataFrame) -> pd.DataFrame:
        """Edition, grid ids of all levels, unit and manner for each row.

        Parameters
        ----------
        points
            lon, lat (EPSG:4490, NaN = none), at (UTC instant), category
            (``kind:code`` or None), unit_code (the unit the file names, which
            wins over the rules, or None).
        """
        n = len(points)
        days = points["at"].dt.tz_convert(self._city.zone).dt.tz_localize(None).dt.floor("D")
        edition_ids = pd.array([pd.NA] * n, dtype="Int64")
        ids = np.full((n, len(GRID_COLUMNS)), -1, dtype=np.int64)
        codes = np.full((n, len(self._city.levels)), None, dtype=object)
        located = np.full(n, NO_EDITION, dtype=object)
        lon, lat = points["lon"].to_numpy(dtype=float), points["lat"].to_numpy(dtype=float)
        for edition in self._editions:
            chosen = (days >= pd.Timestamp(edition.valid_from)).to_numpy()
            if edition.valid_to is not None:
                chosen = chosen & (days < pd.Timestamp(edition.valid_to)).to_numpy()
            rows = np.flatnonzero(chosen)
            if not len(rows):
                continue
            place = self._place(edition)
            found = place.locator.locate(lon[rows], lat[rows])
            edition_ids[rows] = edition.id
            ids[rows, : found.shape[1]] = np.where(found >= 0, place.ids[found], -1)
            codes[rows] = np.where(found >= 0, place.codes[found], None)
            manner = np.where(found[:, -1] >= 0, LEAF, np.where((found >= 0).any(axis=1), UPPER, OUTSIDE))
            located[rows] = np.where(np.isnan(lon[rows]) | np.isnan(lat[rows]), NO_LOCATION, manner)
        out = pd.DataFrame({"edition_id": edition_ids}, index=points.index)
        for column, values in zip(GRID_COLUMNS, ids.T, strict=True):
            out[column] = pd.Series(values, index=points.index).astype("Int64").mask(values < 0)
        out["unit_id"] = self._answering(points, codes, days)
        out["located"] = located
        return out

    def _answering(self, points: pd.DataFrame, codes: np.ndarray, days: pd.Series) -> pd.Series:
        by_rule = assign_units(
            self._rules,
            points["category"].astype("object"),
            [pd.Series(column, index=points.index, dtype="object") for column in codes.T],
            days,
        )
        named = points["unit_code"].astype("object")
        unit = named.where(named.notna(), pd.Series(by_rule, index=points.index, dtype="object"))
        return unit.map(self._units).astype("Int64")


def reassign(engine: Engine, edition: str | None = None, progress: Progress = silent) -> dict[str, int]:
    """Assign again the rows whose day now belongs to another edition; nothing else is touched.

    Parameters
    ----------
    edition
        Only rows that go to the edition of this name.

    Returns
    -------
    dict
        Rows looked at and rows changed, for cases and samples.
    """
    out: dict[str, int] = {}
    with transaction(engine) as connection:
        facts.lock(connection)
        city = cities.load_city(connection)
        if edition is not None:
            store.by_name(connection, edition)
        assigner = Assigner(connection, city)
        batch_id = cities.new_batch(connection, "reassign")
        for kind in facts.KINDS.values():
            rows = facts.to_relocate(connection, kind, city.time_zone, edition)
            progress(f"locate {kind.name}", len(rows))
            located = assigner.locate(rows)
            located.insert(0, "id", rows["id"])
            out[f"n_{kind.name}"] = len(rows)
            out[f"n_{kind.name}_changed"] = facts.relocate(connection, kind, located, batch_id)
    return out
