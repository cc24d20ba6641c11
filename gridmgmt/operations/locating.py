"""Who is responsible for a place (网格定位): its grids, the unit that answers, and what is near the border."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine

from gridmgmt import geo
from gridmgmt.city import City
from gridmgmt.codes import CategoryKey
from gridmgmt.errors import CategoryUnknown
from gridmgmt.locator import Locator
from gridmgmt.operations import editions as edition_ops
from gridmgmt.operations.database import snapshot
from gridmgmt.responsibility import Rule, assign_units
from gridmgmt.store import cities, editions
from gridmgmt.store.bulk import rows

NEAR_M = 30.0
"""Within this distance of another leaf grid a place is told to be near a border (project convention)."""


@dataclass(frozen=True)
class Located:
    """The answer for one point.

    Attributes
    ----------
    grids
        From the city down to the deepest grid that owns the point; empty outside.
    unit
        The answering unit's row, or None.
    neighbours
        Other leaf grids within :data:`NEAR_M` metres, nearest first, with
        ``distance_m``; outside the city: the nearest one, however far.
    """

    lon: float
    lat: float
    datum: str
    edition: str
    day: dt.date | None
    grids: tuple[Mapping[str, Any], ...]
    unit: Mapping[str, Any] | None
    category: str | None
    neighbours: tuple[Mapping[str, Any], ...]

    @property
    def is_assigned(self) -> bool:
        """Whether any grid owns the point."""
        return bool(self.grids)


def locate(
    engine: Engine,
    x: float,
    y: float,
    *,
    crs: str = "epsg:4490",
    day: dt.date | None = None,
    category: str | None = None,
    edition: str | None = None,
) -> Located:
    """Who owns a point, by the edition of a day (default: today's).

    Parameters
    ----------
    x, y
        Longitude and latitude, or easting and northing, in ``crs``:
        ``epsg:NNNN``, ``gcj02`` or ``bd09``.
    category
        ``kind:code``, to find the unit that answers for such a matter there.

    day
        Its edition and its rules count; default: today's edition, the newest rules.

    Raises
    ------
    CoordinateOutOfRange, CrsUnknown, CodeInvalid, NoEditionOnDate, EditionMissing
    """
    lon, lat = geo.point_to_storage(x, y, crs)
    key = str(CategoryKey.parse(category)) if category else None
    with snapshot(engine) as connection:
        city = cities.load_city(connection)
        known = {f"{kind}:{code}" for _, kind, code in cities.category_keys(connection)} if key else set()
        if known and key not in known:
            raise CategoryUnknown(value=key)
        found = edition_ops.choose(connection, edition, day)
        owner = _owner(connection, city, found.id, lon, lat)
        grids = editions.line_of(connection, found.id, owner) if owner else []
        near = _neighbours(connection, city, found.id, owner, lon, lat)
        rules = cities.load_rules(connection)
        code = _answering(rules, city, grids, key, day or _last_day(found, rules))
        unit = None if code is None else cities.units(connection)[code]
        return Located(lon, lat, city.datum, found.name, day, tuple(grids), unit, key, tuple(near))


def _owner(connection: Connection, city: City, edition_id: int, lon: float, lat: float) -> dict[str, Any] | None:
    """The deepest grid that owns a point, by the very rule that assigns cases; None outside everything."""
    for level in reversed(city.levels):
        grids = editions.grids_at(connection, edition_id, level.number, lon, lat)
        locator = Locator.build(grids["code"].tolist(), grids.geometry.to_numpy())
        position = int(locator.owners(np.array([lon]), np.array([lat]))[0])
        if position >= 0:
            return {str(k): v for k, v in grids.drop(columns="geometry").iloc[position].to_dict().items()}
    return None


def _neighbours(
    connection: Connection, city: City, edition_id: int, owner: Mapping[str, Any] | None, lon: float, lat: float
) -> list[dict[str, Any]]:
    leaf = city.leaf.number
    own = owner["code"] if owner and owner["level"] == leaf else ""
    place = {"edition_id": edition_id, "level": leaf, "own": own, "lon": lon, "lat": lat}
    found = rows(connection, "neighbours_of_point", epsg=city.metric_epsg, **place)
    near = [{**r, "distance_m": round(float(r["distance_m"]), 2)} for r in found]
    return [n for n in near if n["distance_m"] <= NEAR_M] if owner else near[:1]


def _last_day(edition: editions.Edition, rules: Sequence[Rule]) -> dt.date:
    """The day whose rules answer where none was asked for: the edition's last one, else that of the newest rule."""
    if edition.valid_to is not None:
        return edition.valid_to - dt.timedelta(days=1)
    return max([edition.valid_from or dt.date.min, *(r.valid_from for r in rules)])


def _answering(
    rules: Sequence[Rule], city: City, grids: Sequence[Mapping[str, Any]], category: str | None, day: dt.date
) -> str | None:
    by_level = {g["level"]: g["code"] for g in grids}
    codes = [pd.Series([by_level.get(x.number)], dtype="object") for x in city.levels]
    days = pd.Series(np.array([day], dtype="datetime64[s]"))
    found = assign_units(rules, pd.Series([category], dtype="object"), codes, days)[0]
    return None if found is None else str(found)
