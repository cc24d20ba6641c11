"""Vector tiles (矢量瓦片): the grids of a level as they stand in one square of the web Mercator pyramid.

Seen from afar they are drawn by the arcs of the edition's linework, near by as they are stored: a vertex that two grids
share is one vertex, and is rounded to the same whole unit in every tile that holds it. So neighbours part nowhere,
neither in a tile nor between tiles.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gridmgmt.places.grids import Geometries
from gridmgmt.places.linework import Arcs, Floats, Ints, Linework, fitted, whole

AREAS, LABELS = "grids", "labels"
"""The layers of a tile: grids, and the points where their names stand, each in one tile only."""
LABEL_FACTS = ("code", "name", "name_en")
"""What a point tells; an area tells everything."""
EXTENT = 4096
"""Units along a tile's side."""
_BUFFER = 64
"""Units beyond its sides to which a tile draws on, so that outlines do not show where tiles meet."""
DEEPEST = 22
"""No tiles are cut beyond this zoom."""
ENLARGED = 16
"""Beyond this zoom clients may draw the tiles of this one larger: a unit is 15 cm."""

Bools = npt.NDArray[np.bool_]

_STEP = 2
"""Linework is drawn where one of its steps is at most so many units, a quarter of a pixel of 512 to a tile."""
_TIE = 2.0**-20
"""What lies this near to the middle between two units goes up: the two who share an edge cut it from either end."""


def world(degrees: Floats) -> Floats:
    """Longitude and latitude → the unit square of web Mercator, x to the east, y to the south."""
    x = degrees[:, 0] / 360 + 0.5
    y = 0.5 - np.arctanh(np.sin(np.radians(degrees[:, 1]))) / (2 * np.pi)
    return np.stack([x, y], axis=1)


@dataclass(frozen=True)
class Tile:
    """One square (瓦片): zoom, column from the west, row from the north."""

    z: int
    x: int
    y: int

    @property
    def exists(self) -> bool:
        """Whether there is such a square."""
        return 0 <= self.z <= DEEPEST and 0 <= self.x < 2**self.z and 0 <= self.y < 2**self.z

    @property
    def scale(self) -> int:
        """Units along the side of the world."""
        return EXTENT << self.z

    @property
    def corner(self) -> Ints:
        """Its north-western corner in units of the world."""
        return np.array([self.x, self.y], dtype=np.int64) * EXTENT

    @property
    def box(self) -> shapely.Geometry:
        """As far as it draws, in the unit square."""
        west, north = (self.corner - _BUFFER - 1) / self.scale
        east, south = (self.corner + EXTENT + _BUFFER + 1) / self.scale
        return shapely.box(west, north, east, south)


@dataclass(frozen=True)
class Ground:
    """A level's grids in order of code, in the unit square of web Mercator: areas, and where their names stand.

    Attributes
    ----------
    off_m
        How far a drawn border is off the stored one at most, in metres on the ground.
    deepest
        The zoom beyond which the stored shapes are to be drawn.
    z
        The zoom that areas are in whole units of; None: of none.
    """

    codes: tuple[str, ...]
    areas: Geometries
    labels: Floats
    off_m: float
    deepest: int
    z: int | None = None

    @cached_property
    def tree(self) -> shapely.STRtree:
        """Finds areas by place."""
        return shapely.STRtree(self.areas)

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        west, north, east, south = shapely.total_bounds(self.areas)
        lat = [float(np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * y))))) for y in (south, north)]
        return (west - 0.5) * 360, lat[0], (east - 0.5) * 360, lat[1]

    @property
    def n_bytes(self) -> int:
        """What it weighs, the tree included."""
        return int(shapely.get_num_coordinates(self.areas).sum()) * 16 + len(self.codes) * 600


@dataclass(frozen=True)
class Facts:
    """What grids carry in a tile (属性): column → its type; code → its values as a JSON object."""

    columns: Mapping[str, type[str] | type[int] | type[float]]
    rows: Mapping[str, str]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> "Facts":
        """The columns of a frame, ``code`` among them; whole numbers may be missing (``Int64``)."""
        kinds = {str(c): _kind(frame[c]) for c in frame}
        objects = frame.astype(object)
        told = map(json.dumps, objects.where(objects.notna(), None).to_dict("records"))
        return cls(kinds, dict(zip(frame["code"], told, strict=True)))

    @property
    def n_bytes(self) -> int:
        """About what it weighs."""
        return sum(map(len, self.rows.values())) + 100 * len(self.rows)


def _kind(column: "pd.Series[Any]") -> type[str] | type[int] | type[float]:
    if pd.api.types.is_integer_dtype(column):
        return int
    return float if pd.api.types.is_float_dtype(column) else str


@dataclass(frozen=True)
class Cut:
    """What stands in a tile, in its whole units: rows of grids with their areas, and rows whose names stand in it."""

    rows: Ints
    areas: Geometries
    named: Ints
    labels: Geometries

    def of(self, told: Bools) -> "Cut":
        """What stands there of some grids, told by row."""
        areas, points = told[self.rows], told[self.named]
        return Cut(self.rows[areas], self.areas[areas], self.named[points], self.labels[points])

    @property
    def is_empty(self) -> bool:
        """Whether nothing stands in the tile."""
        return not len(self.rows) and not len(self.named)


def ground(lines: Linework, number: int) -> Ground:
    """A level of an edition's linework."""
    level = lines.levels[number]
    marks = whole(level.marks).reshape(-1, 3)
    labels = world(marks[:, :2] * np.array(lines.step))
    areas = _areas(lines.arcs(number), lines.step, len(level.codes))
    deepest = int(np.log2(_STEP * 360 / (lines.step[0] * EXTENT)))
    return Ground(level.codes, areas, labels, lines.off_m, min(max(deepest, 0), DEEPEST))


def near(found: Ground, stored: Geometries) -> Ground:
    """The same level as it is stored, its polygons in degrees, in order of code."""
    return replace(found, areas=np.asarray(shapely.transform(fitted(stored), world)), off_m=0.0)


def _areas(arcs: Arcs, step: tuple[float, float], n: int) -> Geometries:
    """Each grid's area between its arcs."""
    points = world(arcs.points * np.array(step))
    sizes = np.diff(arcs.begins, append=len(points))
    lines = shapely.linestrings(points, indices=np.repeat(np.arange(len(sizes)), sizes))
    sides = [(rows, np.flatnonzero(rows >= 0)) for rows in (arcs.left, arcs.right)]
    row, arc = (np.concatenate(x) for x in zip(*((rows[own], own) for rows, own in sides), strict=True))
    order = np.argsort(row, kind="stable")
    borders = np.full(n, None, dtype=object)
    borders[np.unique(row)] = shapely.multilinestrings(lines[arc[order]], indices=_dense(row[order]))
    return np.asarray(shapely.build_area(borders))


def _dense(rows: Ints) -> Ints:
    """Rows in order, numbered without gaps."""
    return np.unique(rows, return_inverse=True)[1]


def rounded(found: Ground, z: int) -> Ground:
    """A ground made ready for the tiles of one zoom: rounded once for all of them."""
    scale = Tile(z, 0, 0).scale
    areas = _rounded(shapely.transform(found.areas, lambda xy: xy * scale))
    return replace(found, areas=np.asarray(shapely.transform(areas, lambda xy: xy / scale)), z=z)


def cut(found: Ground, tile: Tile) -> Cut:
    """What stands in a tile: vertices are rounded first, for all alike, then areas are cut at the tile's buffer."""
    rows = np.sort(found.tree.query(tile.box))
    scaled = shapely.transform(found.areas[rows], lambda xy: xy * tile.scale - tile.corner)
    areas = _clipped(scaled if found.z == tile.z else _rounded(scaled))
    kept = ~shapely.is_empty(areas)
    at = np.floor(found.labels * tile.scale).astype(np.int64) - tile.corner
    named = np.flatnonzero(((at >= 0) & (at < EXTENT)).all(axis=1))
    return Cut(rows[kept], areas[kept], named, shapely.points(at[named].astype(float)))


def _clipped(areas: Geometries) -> Geometries:
    """The parts of areas within the buffer."""
    low, high = -_BUFFER, EXTENT + _BUFFER
    bounds = shapely.bounds(areas)
    over = np.flatnonzero(((bounds[:, :2] < low) | (bounds[:, 2:] > high)).any(axis=1))
    inside = shapely.clip_by_rect(areas[over], low, low, high, high)  # quick, and not always an area
    torn = np.flatnonzero(~shapely.is_valid(inside))
    inside[torn] = shapely.intersection(areas[over[torn]], shapely.box(low, low, high, high))
    made = areas.copy()
    made[over] = _rounded(inside)
    return made


def _rounded(scaled: Geometries) -> Geometries:
    """Areas in whole units; what is no area then is rounded as a whole, and its edges move by less than a unit.

    Outer rings turn as the format has them, clockwise where y goes to the south; what has no area left is empty.
    """
    made = shapely.transform(scaled, lambda xy: np.floor(xy + (0.5 + _TIE)))
    fits = shapely.is_valid(made)
    made[fits] = shapely.remove_repeated_points(made[fits])
    made[~fits] = shapely.set_precision(scaled[~fits], 1.0)
    parts, row = shapely.get_parts(made, return_index=True)
    is_area = shapely.area(parts) > 0
    parts, row = shapely.orient_polygons(parts[is_area]), row[is_area]
    made = np.full(len(scaled), shapely.MultiPolygon(), dtype=object)
    made[np.unique(row)] = shapely.multipolygons(parts, indices=_dense(row))
    return made
