"""Who is responsible for a place (网格定位): its grids, the unit that answers and why, and what is near the border."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np

from gridmgmt import geo
from gridmgmt.city import City
from gridmgmt.codes import CategoryKey
from gridmgmt.database import cities
from gridmgmt.database.doors import needs
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

Line = Sequence[Mapping[str, Any]]
"""Rows of grids."""


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


@needs("grids.read")
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
    place = geo.point_to_storage(x, y, crs)
    with work.snapshot() as connection:
        source = _Asked(connection)
        return answer(source, *place, day=day, category=category, edition=edition, within_m=within_m)


@dataclass(frozen=True)
class Categories:
    """Categories as they may be named: all that are known as ``kind:code``, and the names of the city's scheme."""

    known: frozenset[str]
    names: Mapping[str, Mapping[str, str | None]]


class Source(Protocol):
    """What an answer is looked up in: the database, or what was read from it (:mod:`.directory`)."""

    @property
    def city(self) -> City:
        """The city."""

    @property
    def units(self) -> Mapping[str, Mapping[str, Any]]:
        """Rows of units by code."""

    def today(self) -> dt.date:
        """The city's day."""

    def edition(self, name: str | None, day: dt.date | None) -> editions.Edition:
        """The edition of that name, else of that day, else today's."""

    def categories(self) -> Categories:
        """The categories that may be named."""

    def line(self, edition: editions.Edition, lon: float, lat: float) -> Line:
        """The grids that own a point, the city first; none outside."""

    def line_of(self, edition: editions.Edition, leaf: Mapping[str, Any]) -> Line:
        """A leaf grid and those above it, the city first."""

    def neighbours(self, edition: editions.Edition, own: str, lon: float, lat: float, within_m: float | None) -> Line:
        """Leaf grids but the own with ``distance_m``, nearest first: all within, or (None) the nearest."""

    def areas(self, lon: float, lat: float, day: dt.date) -> tuple[Area, ...]:
        """The areas that hold a point on a day, the smallest first."""

    def decide(self, key: str | None, grids: Sequence[str | None], day: dt.date, areas: Sequence[Area]) -> Decision:
        """Who answers for one matter (:func:`gridmgmt.people.responsibility.decide`)."""


def answer(
    source: Source,
    lon: float,
    lat: float,
    *,
    day: dt.date | None,
    category: str | None,
    edition: str | None,
    within_m: float,
) -> Located:
    """Who owns a point in stored degrees, and who answers there: see :func:`locate`."""
    city = source.city
    key = category_key(source.categories(), category) if category else None
    found = source.edition(edition, day)
    line = source.line(found, lon, lat)
    rules_day = day or day_of(found, source.today())
    areas = source.areas(lon, lat, rules_day)

    def answering(grids: Sequence[Mapping[str, Any]]) -> Decision:
        by_level = {g["level"]: g["code"] for g in grids}
        return source.decide(key, [by_level.get(x.number) for x in city.levels], rules_day, areas)

    decision = answering(line)
    own = line[-1]["code"] if line and line[-1]["level"] == city.leaf.number else ""
    near = [
        {**grid, "unit": source.units.get(answering(source.line_of(found, grid)).unit_code or "")}
        for grid in source.neighbours(found, own, lon, lat, max(near_m(), within_m) if line else None)
    ]
    is_swapped = not line and abs(lon) <= 90 and bool(source.line(found, lat, lon))
    return Located(
        lon, lat, city.datum, found.name, day, tuple(line), source.units.get(decision.unit_code or ""), key,
        tuple(near), decision, areas, source.units, is_swapped,
    )  # fmt: skip


class _Asked:
    """The database, asked for one place."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.city = cities.load_city(connection)
        self.units = store_units.units(connection)
        self._rules = responsibility.load_rules(connection)

    def today(self) -> dt.date:
        return cities.today(self._connection)

    def edition(self, name: str | None, day: dt.date | None) -> editions.Edition:
        return edition_ops.choose(self._connection, name, day)

    def categories(self) -> Categories:
        return categories_of(self._connection, self.city)

    def line(self, edition: editions.Edition, lon: float, lat: float) -> Line:
        """By the very rule that assigns cases, from the grids whose box holds the point, the deepest level first."""
        for level in reversed(self.city.levels):
            grids = editions.grids_at(self._connection, edition.id, level.number, lon, lat)
            locator = Locator.build(grids["code"].tolist(), grids.geometry.to_numpy())
            position = int(locator.owners(np.array([lon]), np.array([lat]))[0])
            if position >= 0:
                owner = {str(k): v for k, v in grids.drop(columns="geometry").iloc[position].to_dict().items()}
                return editions.line_of(self._connection, edition.id, owner)
        return []

    def line_of(self, edition: editions.Edition, leaf: Mapping[str, Any]) -> Line:
        return editions.line_of(self._connection, edition.id, {**leaf, "level": self.city.leaf.number})

    def neighbours(self, edition: editions.Edition, own: str, lon: float, lat: float, within_m: float | None) -> Line:
        leaf, epsg = self.city.leaf.number, self.city.metric_epsg
        found = editions.neighbours(self._connection, edition.id, leaf, own, (lon, lat), epsg)
        near = found[:1] if within_m is None else [r for r in found if r["distance_m"] <= within_m]
        return [{**r, "distance_m": round(r["distance_m"], 2)} for r in near]

    def areas(self, lon: float, lat: float, day: dt.date) -> tuple[Area, ...]:
        days = np.array([day], dtype="datetime64[D]")
        return AreaMaps(self._connection, self.city).holding(np.array([lon]), np.array([lat]), days).of_row(0)

    def decide(self, key: str | None, grids: Sequence[str | None], day: dt.date, areas: Sequence[Area]) -> Decision:
        return decide(self._rules, key, grids, day, areas)


def categories_of(connection: Connection, city: City) -> Categories:
    """The categories of a database."""
    known = frozenset(f"{kind}:{code}" for _, kind, code in categories.category_keys(connection))
    return Categories(known, categories.category_names(connection, city.scheme))


def category_key(categories: Categories, named: str) -> str:
    """The key of a category that was given as a key, a code, a name or a part of a name.

    Raises
    ------
    CategoryUnknown, CategorySeveral, CodeInvalid
    """
    given = named.strip()
    if ":" in given:
        key = str(CategoryKey.parse(given))
        if categories.known and key not in categories.known:
            raise CategoryUnknown(value=key)
        return key
    found = {key: name for key, name in sorted(categories.names.items()) if _is_meant(given.casefold(), key, name)}
    if not found:
        return str(CategoryKey.parse(given))  # which it is not: says how one is written
    if len(found) > 1:
        raise CategorySeveral(value=given, known=[f"{key} {name['zh'] or name['en']}" for key, name in found.items()])
    return next(iter(found))


def _is_meant(given: str, key: str, name: Mapping[str, str | None]) -> bool:
    return given == key.partition(":")[2].casefold() or any(given in (x or "").casefold() for x in name.values())


def day_of(edition: editions.Edition, today: dt.date) -> dt.date:
    """The day whose rules and areas answer where none was asked for: the edition's day next to today."""
    after_first = max(today, edition.valid_from or today)
    return after_first if edition.valid_to is None else min(after_first, edition.valid_to - dt.timedelta(days=1))
