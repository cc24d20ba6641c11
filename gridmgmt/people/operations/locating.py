"""Who is responsible for a place (网格定位): its grids, the unit that answers and why, and what is near the border."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from gridmgmt import geo
from gridmgmt.city import City
from gridmgmt.codes import CategoryKey
from gridmgmt.database import cities, clock
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import CategorySeveral, CategoryUnknown
from gridmgmt.files import data_files
from gridmgmt.people.operations.assigning import AreaMaps
from gridmgmt.people.responsibility import Border, Decision, decide
from gridmgmt.people.store import categories, responsibility
from gridmgmt.people.store import units as store_units
from gridmgmt.places.areas import Area
from gridmgmt.places.locator import Locator
from gridmgmt.places.operations import editions as edition_ops
from gridmgmt.places.store import editions
from gridmgmt.settings import data_path


@cache
def near_m() -> float:
    """Within this distance of another leaf grid a place is told to be near a border: ``responsibility/border.yaml``."""
    return data_files.read(data_path("responsibility", "border.yaml"), Border).near_m


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
        Candidates (边界附近): other leaf grids within :func:`near_m` metres, or as near as was asked, nearest first,
        with ``distance_m`` and the row of the ``unit`` that would answer there;
        outside the city: the nearest one, however far.
    decision
        The rule that decided, and those it beat.
    areas
        Those that hold the point on the day, the smallest first.
    units
        Rows of all units that the decision names, by code.
    is_swapped
        No grid owns the point, and one owns that of latitude and longitude the other way round (经纬度颠倒).
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
    decision: Decision
    areas: tuple[Area, ...]
    units: Mapping[str, Mapping[str, Any]]
    is_swapped: bool = False

    @property
    def is_assigned(self) -> bool:
        """Whether any grid owns the point."""
        return bool(self.grids)


def locate(
    work: Work,
    x: float,
    y: float,
    *,
    crs: str = "epsg:4490",
    day: dt.date | None = None,
    category: str | None = None,
    edition: str | None = None,
    within_m: float = 0.0,
) -> Located:
    """Who owns a point, by the edition of a day (default: today's).

    Parameters
    ----------
    x, y
        Longitude and latitude, or easting and northing, in ``crs``:
        ``epsg:NNNN``, ``gcj02`` or ``bd09``.
    category
        ``kind:code``, or a name or a part of one that only one category has, to find the unit that answers for such
        a matter there.
    day
        Its edition, rules and areas count; default: today's, of an edition that is not today's those of its day
        next to today.
    within_m
        How exactly the place was pointed at: grids so near are told too, where that is more than :func:`near_m`.

    Raises
    ------
    CoordinateOutOfRange, CrsUnknown, CodeInvalid, CategoryUnknown, CategorySeveral, NoEditionOnDate, EditionMissing
    """
    lon, lat = geo.point_to_storage(x, y, crs)
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        key = _category(connection, city, category.strip()) if category else None
        found = edition_ops.choose(connection, edition, day)
        owner = _owner(connection, city, found.id, lon, lat)
        line = editions.line_of(connection, found.id, owner) if owner else []
        rules, units = responsibility.load_rules(connection), store_units.units(connection)
        maps = AreaMaps(connection, city)
        rules_day = day or _day_of(found, clock.now(connection).astimezone(city.zone).date())
        areas = maps.holding(np.array([lon]), np.array([lat]), np.array([rules_day], dtype="datetime64[D]")).of_row(0)

        def answering(grids: Sequence[Mapping[str, Any]]) -> Decision:
            by_level = {g["level"]: g["code"] for g in grids}
            return decide(rules, key, [by_level.get(x.number) for x in city.levels], rules_day, areas)

        decision = answering(line)
        near = [
            {**grid, "unit": units.get(answering(_line(connection, found.id, city, grid)).unit_code or "")}
            for grid in _neighbours(connection, city, found.id, owner, (lon, lat), max(near_m(), within_m))
        ]
        return Located(
            lon, lat, city.datum, found.name, day, tuple(line), units.get(decision.unit_code or ""), key,
            tuple(near), decision, areas, units, not line and _is_swapped(connection, city, found.id, lon, lat),
        )  # fmt: skip


def _category(connection: Connection, city: City, given: str) -> str:
    """The key of a category that was given as a key, a code, a name or a part of a name."""
    if ":" in given:
        key = str(CategoryKey.parse(given))
        known = {f"{kind}:{code}" for _, kind, code in categories.category_keys(connection)}
        if known and key not in known:
            raise CategoryUnknown(value=key)
        return key
    names = categories.category_names(connection, city.scheme)
    found = {key: name for key, name in sorted(names.items()) if _is_meant(given.casefold(), key, name)}
    if not found:
        return str(CategoryKey.parse(given))  # which it is not: says how one is written
    if len(found) > 1:
        raise CategorySeveral(value=given, known=[f"{key} {name['zh'] or name['en']}" for key, name in found.items()])
    return next(iter(found))


def _is_meant(given: str, key: str, name: Mapping[str, str | None]) -> bool:
    return given == key.partition(":")[2].casefold() or any(given in (x or "").casefold() for x in name.values())


def _is_swapped(connection: Connection, city: City, edition_id: int, lon: float, lat: float) -> bool:
    return abs(lon) <= 90 and _owner(connection, city, edition_id, lat, lon) is not None


def _line(connection: Connection, edition_id: int, city: City, leaf: Mapping[str, Any]) -> list[dict[str, Any]]:
    place = {"level": city.leaf.number, "code": leaf["code"], "parent_code": leaf["parent_code"]}
    return editions.line_of(connection, edition_id, place)


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
    connection: Connection,
    city: City,
    edition_id: int,
    owner: Mapping[str, Any] | None,
    point: tuple[float, float],
    within_m: float,
) -> list[dict[str, Any]]:
    leaf = city.leaf.number
    own = owner["code"] if owner and owner["level"] == leaf else ""
    found = editions.neighbours(connection, edition_id, leaf, own, point, city.metric_epsg)
    near = [r for r in found if r["distance_m"] <= within_m] if owner else found[:1]
    return [{**r, "distance_m": round(r["distance_m"], 2)} for r in near]


def _day_of(edition: editions.Edition, today: dt.date) -> dt.date:
    """The day whose rules and areas answer where none was asked for: the edition's day next to today."""
    after_first = max(today, edition.valid_from or today)
    return after_first if edition.valid_to is None else min(after_first, edition.valid_to - dt.timedelta(days=1))
