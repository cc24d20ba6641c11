"""Who answers where, kept in memory (责任名录): what :mod:`.locating` asks the database for, read once.

A directory holds until the city, its editions, units, categories, rules or areas change; a :class:`Ground` (the grids
of one edition, ready to locate points) until its edition does. Their answers are those of the database.
"""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from gridmgmt import geo
from gridmgmt.city import City
from gridmgmt.codes import CategoryKey, CategoryPattern
from gridmgmt.database import cities
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Work
from gridmgmt.people.operations.assigning import AreaMaps
from gridmgmt.people.operations.locating import Categories, Line, categories_of
from gridmgmt.people.responsibility import Decision, Rule, decide
from gridmgmt.people.store import responsibility, units
from gridmgmt.places.areas import Area, widened
from gridmgmt.places.edition_locator import EditionLocator
from gridmgmt.places.operations import editions as edition_ops
from gridmgmt.places.raster import Floats, Ints, Positions
from gridmgmt.places.store import editions, indexes

_MOST_NEIGHBOURS = 32
"""As many of the grids nearest in degrees are measured in metres, as the database does it."""


_NONE = np.empty(0, np.int64)


class Ground:
    """The grids of one edition, ready to locate points."""

    def __init__(self, frame: gpd.GeoDataFrame, locator: EditionLocator, city: City) -> None:
        self._epsg = city.metric_epsg
        self._rows = frame.drop(columns="geometry").to_dict("records")
        self._locator = locator
        self._locator.line_at(np.nan, np.nan)  # builds the indexes of all levels
        leaves = frame[frame["level"] == city.leaf.number]
        self._leaf_rows = np.flatnonzero(frame["level"] == city.leaf.number)
        self._by_code = {code: row for row, code in zip(self._leaf_rows.tolist(), leaves["code"], strict=True)}
        self._shapes = leaves.geometry.to_numpy()
        self._metric = geo.to_metric(leaves, city.metric_epsg).geometry.to_numpy()
        self._tree = shapely.STRtree(self._shapes)
        coordinates = shapely.get_num_coordinates(frame.geometry.to_numpy()).sum()
        self.n_bytes = int(coordinates) * 16 * 6 + len(frame) * 2_000
        """About what it weighs: shapes in degrees and metres, and the edges of the index beside them."""

    @cached_property
    def codes(self) -> NDArray[np.object_]:
        """Codes of the grids by row; at the end that of no grid."""
        return np.array([*(row["code"] for row in self._rows), None], dtype=object)

    def lines(self, lon: Floats, lat: Floats) -> Positions:
        """The grids of many points as rows, shape (n, levels), the city first; -1: none."""
        return self._locator.locate(lon, lat)

    def line(self, lon: float, lat: float) -> Line:
        """The grids that own a point, the city first."""
        return self._line(self._locator.line_at(lon, lat))

    def line_of(self, code: str) -> Line:
        """A leaf grid and those above it, the city first."""
        return self._line(self._locator.line_of(self._by_code[code]))

    def _line(self, positions: Positions) -> Line:
        return [self._rows[k] for k in positions.tolist() if k >= 0]

    def neighbours(self, own: str, lon: float, lat: float, within_m: float | None) -> Line:
        """Leaf grids but the own, with their distance, nearest first: all within so many metres, or the nearest."""
        found = self._around(own, lon, lat, within_m)
        if not found.size:
            return []
        x, y = geo.to_metric_xy(lon, lat, self._epsg)
        distances = shapely.distance(self._metric[found], shapely.points(x, y))
        rows = [self._rows[row] for row in self._leaf_rows[found].tolist()]
        near = sorted(zip(distances.tolist(), (r["code"] for r in rows), rows, strict=True), key=lambda n: n[:2])
        chosen = near[:1] if within_m is None else [n for n in near if n[0] <= within_m]
        return [{**row, "distance_m": round(distance, 2)} for distance, _, row in chosen]

    def _around(self, own: str, lon: float, lat: float, within_m: float | None) -> Ints:
        """Positions of leaves that may be near enough."""
        if within_m is None:
            nearest = float(self._tree.query_nearest(shapely.Point(lon, lat), return_distance=True)[1][0])
            reach = 1.05 * nearest / max(math.cos(math.radians(min(abs(lat), 89.0))), 0.01)  # a degree's two lengths
        else:
            box = widened((lon, lat, lon, lat), within_m)
            if self._locator.is_of_one_leaf(box):
                return _NONE
            reach = max(box[2] - box[0], box[3] - box[1]) / 2
        point = shapely.points(np.array([lon, lat]))
        found = self._tree.query(point, predicate="dwithin", distance=reach)
        others = found[self._leaf_rows[found] != self._by_code.get(own, -1)]
        if len(others) > _MOST_NEIGHBOURS:
            degrees = shapely.distance(self._shapes[others], point)
            others = others[np.argsort(degrees, kind="stable")[:_MOST_NEIGHBOURS]]
        positions: Ints = others
        return positions


class _Rules:
    """The responsibility table, by category and grid: of thousands of rules few mean one matter."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = [(CategoryPattern.parse(rule.category), rule) for rule in rules]
        self._of = lru_cache(maxsize=1000)(self._meant)
        self._without_areas = lru_cache(maxsize=20_000)(self._decide)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._rules)

    def all(self) -> list[Rule]:
        """Each of them."""
        return [rule for _, rule in self._rules]

    def _meant(self, key: str | None) -> Mapping[tuple[int | None, str | None], list[Rule]]:
        category = CategoryKey.parse(key) if key else None
        out: dict[tuple[int | None, str | None], list[Rule]] = {}
        for pattern, rule in self._rules:
            if pattern.kind is None if category is None else pattern.matches(category):
                out.setdefault((rule.level, rule.grid_code), []).append(rule)
        return out

    def decide(self, key: str | None, grids: Sequence[str | None], day: dt.date, areas: Sequence[Area]) -> Decision:
        """As :func:`gridmgmt.people.responsibility.decide`; where no area is, a grid's answer is remembered."""
        return self._decide(key, grids, day, areas) if areas else self._without_areas(key, tuple(grids), day)

    def _decide(
        self, key: str | None, grids: Sequence[str | None], day: dt.date, areas: Sequence[Area] = ()
    ) -> Decision:
        meant = self._of(key)
        places: list[tuple[int | None, str | None]] = [(None, None), *enumerate(grids, 1)]
        return decide([rule for place in places for rule in meant.get(place, ())], key, grids, day, areas)


@dataclass(frozen=True)
class Directory:
    """The city, its editions, categories, units, rules and areas."""

    city: City
    all_editions: Sequence[editions.Edition]
    known: Categories
    units: Mapping[str, Mapping[str, Any]]
    rules: _Rules
    area_maps: AreaMaps
    n_areas: int

    @property
    def n_bytes(self) -> int:
        """About what it weighs."""
        return 1_000 * (len(self.rules) + len(self.known.known) + len(self.units)) + 20_000 * self.n_areas

    def edition(self, name: str | None, day: dt.date | None, today: dt.date) -> editions.Edition:
        """As :func:`gridmgmt.places.operations.editions.choose`."""
        return edition_ops.chosen(self.all_editions, name, day, today)


class Place:
    """What :func:`gridmgmt.people.operations.locating.answer` looks up: a directory, with the ground of one edition."""

    def __init__(self, directory: Directory, chosen: editions.Edition, ground: Ground, today: dt.date) -> None:
        self.city, self.units, self.directory, self.ground = directory.city, directory.units, directory, ground
        self.chosen, self._today = chosen, today

    def today(self) -> dt.date:
        """The day that it is."""
        return self._today

    def edition(self, name: str | None, day: dt.date | None) -> editions.Edition:
        """The one edition whose ground this is: it was chosen by that name and day."""
        return self.chosen

    def categories(self) -> Categories:
        """Those of the directory."""
        return self.directory.known

    def line(self, edition: editions.Edition, lon: float, lat: float) -> Line:
        """See :meth:`Ground.line`."""
        return self.ground.line(lon, lat)

    def line_of(self, edition: editions.Edition, leaf: Mapping[str, Any]) -> Line:
        """See :meth:`Ground.line_of`."""
        return self.ground.line_of(leaf["code"])

    def neighbours(self, edition: editions.Edition, own: str, lon: float, lat: float, within_m: float | None) -> Line:
        """See :meth:`Ground.neighbours`."""
        return self.ground.neighbours(own, lon, lat, within_m)

    def areas(self, lon: float, lat: float, day: dt.date) -> tuple[Area, ...]:
        """The areas that hold the point on the day, the smallest first."""
        if not self.directory.n_areas:
            return ()
        days = np.array([day], dtype="datetime64[D]")
        return self.directory.area_maps.holding(np.array([lon]), np.array([lat]), days).of_row(0)

    def decide(self, key: str | None, grids: Sequence[str | None], day: dt.date, areas: Sequence[Area]) -> Decision:
        """By the rules of the directory."""
        return self.directory.rules.decide(key, grids, day, areas)


@needs("grids.read")
def read(work: Work) -> Directory:
    """Read the directory as it is now."""
    with work.snapshot() as connection:
        city = cities.load_city(connection)
        rules = responsibility.load_rules(connection)
        known, answering = categories_of(connection, city), units.units(connection)
        maps = AreaMaps(connection, city)
        listed = editions.all_editions(connection)
        return Directory(city, listed, known, answering, _Rules(rules), maps, maps.draw())


@needs("grids.read")
def ground(work: Work, edition: editions.Edition) -> Ground:
    """Read the grids of an edition."""
    with work.snapshot() as connection:
        city, frame = cities.load_city(connection), editions.grids(connection, edition.id)
        _, locator = indexes.ground(connection, edition.id, len(city.levels), frame)
        return Ground(frame, locator, city)


@needs("grids.read")
def place(work: Work, edition: str | None, day: dt.date | None) -> Place:
    """What answers by an edition's name or a day, read for this once.

    Raises
    ------
    EditionMissing, NoEditionOnDate
    """
    listed = read(work)
    with work.snapshot() as connection:
        today = cities.today(connection)
    chosen = listed.edition(edition, day, today)
    return Place(listed, chosen, ground(work, chosen), today)
