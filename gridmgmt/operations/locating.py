"""Who is responsible for a place (网格定位): its grids, the unit that answers, and what is near the border."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlalchemy import Engine

from gridmgmt import geo
from gridmgmt.city import City
from gridmgmt.codes import CategoryKey
from gridmgmt.operations import editions as edition_ops
from gridmgmt.operations.database import snapshot
from gridmgmt.responsibility import assign_units
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
        ``distance_m``; outside the city: the nearest one however far within reach.
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
    """Who owns a point, by the edition of a day (default: the newest active one).

    Parameters
    ----------
    x, y
        Longitude and latitude, or easting and northing, in ``crs``:
        ``epsg:NNNN``, ``gcj02`` or ``bd09``.
    category
        ``kind:code``, to find the unit that answers for such a matter there.

    Raises
    ------
    CoordinateOutOfRange, CrsUnknown, CodeInvalid, NoEditionOnDate
    """
    lon, lat = geo.point_to_storage(x, y, crs)
    key = str(CategoryKey.parse(category)) if category else None
    with snapshot(engine) as connection:
        city = cities.load_city(connection)
        found = edition_ops.choose(connection, edition, day)
        covering = {
            r["level"]: dict(r) for r in rows(connection, "locate_point", edition_id=found.id, lon=lon, lat=lat)
        }
        grids = editions.line_of(connection, found.id, covering[max(covering)]) if covering else []
        near = _neighbours(connection, city, found.id, grids, lon, lat)
        unit = None
        code = _answering(cities.load_rules(connection), city, grids, key, day or found.valid_from)
        if code is not None:
            unit = cities.units(connection)[code]
        return Located(lon, lat, city.datum, found.name, day, tuple(grids), unit, key, tuple(near))


def _neighbours(
    connection: Any, city: City, edition_id: int, grids: list[dict[str, Any]], lon: float, lat: float
) -> list[dict[str, Any]]:
    own = grids[-1]["code"] if grids and grids[-1]["level"] == city.leaf.number else ""
    reach_deg = 0.002 if grids else 0.1  # a box that surely holds NEAR_M, and about 10 km around a point outside
    found = rows(
        connection,
        "neighbours_of_point",
        edition_id=edition_id,
        level=city.leaf.number,
        own=own,
        lon=lon,
        lat=lat,
        epsg=city.metric_epsg,
        reach_deg=reach_deg,
    )
    near = [{**r, "distance_m": round(float(r["distance_m"]), 2)} for r in found]
    return [n for n in near if n["distance_m"] <= NEAR_M] if grids else near[:1]


def _answering(
    rules: Any, city: City, grids: list[dict[str, Any]], category: str | None, day: dt.date | None
) -> str | None:
    if not grids or not rules:
        return None
    by_level = {g["level"]: g["code"] for g in grids}
    codes = [pd.Series([by_level.get(x.number)], dtype="object") for x in city.levels]
    days = pd.Series([pd.Timestamp(day or dt.date(2000, 1, 1))])
    found = assign_units(rules, pd.Series([category], dtype="object"), codes, days)[0]
    return None if found is None else str(found)
