"""Areas responsible beyond the grids (责任区域): parks, river belts, both sides of a road; whose land a place is.

An area holds a point that its polygon covers, borders included, on the stored
coordinates; one with ``buffer_m`` also what lies within so many metres of it,
the last one included, measured in the city's metric CRS. A line without
``buffer_m`` holds nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmgmt import geo
from gridmgmt.city import STORAGE_EPSG

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Objects = NDArray[np.object_]
NONE: Ints = np.empty(0, np.int64)

_SHORTEST_DEGREE_M = 110_000.0
"""No degree of latitude is shorter: a box around an area is widened by this, the distance itself is measured."""

_ROOMY = 1.05
"""A drawn buffer has its corners on the circle: drawn so much wider it holds all of it; the distance is measured."""


@dataclass(frozen=True)
class Area:
    """One area (责任区域).

    Attributes
    ----------
    category
        Pattern of the categories for which it counts; ``*``: all.
    unit_code
        The unit that answers there itself, or None.
    land_owner
        Whose land or facility it is (土地、设施权属), or None.
    area_m2
        Size, the buffer included; among areas the smaller one is nearer to the matter.
    """

    code: str
    category: str
    unit_code: str | None
    land_owner: str | None
    area_m2: float
    name_zh: str | None = None
    name_en: str | None = None


@dataclass(frozen=True)
class Hits:
    """Which areas hold which rows: pairs of a row's position and an area's."""

    areas: tuple[Area, ...]
    rows: Ints
    positions: Ints

    def by_area(self) -> dict[Area, Ints]:
        """Area → the rows it holds."""
        out: dict[Area, Ints] = {}
        for position, area in enumerate(self.areas):
            rows = self.rows[self.positions == position]
            out[area] = np.concatenate([out[area], rows]) if area in out else rows
        return out

    def of_row(self, row: int) -> tuple[Area, ...]:
        """The areas that hold a row, the smallest first, then by code."""
        found = [self.areas[i] for i in self.positions[self.rows == row].tolist()]
        return tuple(sorted(found, key=lambda a: (a.area_m2, a.code)))


NOWHERE = Hits((), NONE, NONE)
"""No area holds anything."""


def joined(parts: Sequence[tuple[Hits, Ints]]) -> Hits:
    """Hits of several sets of areas, each with the positions that its rows have in the whole."""
    if not parts:
        return NOWHERE
    areas: tuple[Area, ...] = ()
    rows, positions = [], []
    for hits, places in parts:
        rows.append(places[hits.rows])
        positions.append(hits.positions + len(areas))
        areas += hits.areas
    return Hits(areas, np.concatenate(rows), np.concatenate(positions))


class AreaMap:
    """The areas of one day, ready to be asked which of them hold a point.

    Parameters
    ----------
    frame
        Features of a layer, EPSG:4490: code, category, unit_code, land_owner, name_zh, name_en, buffer_m, geometry.
    metric_epsg
        The city's projected CRS in metres.
    """

    def __init__(self, frame: gpd.GeoDataFrame, metric_epsg: int) -> None:
        self._epsg = metric_epsg
        self._shapes = frame.geometry.to_numpy()
        self._metric = geo.to_metric(frame, metric_epsg).geometry.to_numpy() if len(frame) else self._shapes
        buffers = frame["buffer_m"].to_numpy(dtype=np.float64)
        self._buffers = np.where(buffers > 0, buffers, 0.0)
        sizes = [float(g.buffer(b).area if b else g.area) for g, b in zip(self._metric, self._buffers, strict=True)]
        self.areas = tuple(_areas(frame, sizes))

    def holding(self, lon: Floats, lat: Floats) -> Hits:
        """Which areas hold which points; a point without coordinates (NaN) is in none."""
        given = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat))
        if not given.size or not self.areas:
            return NOWHERE
        points = shapely.points(lon[given], lat[given])
        found = [self._covered(points), self._near(points)]
        rows, positions = (np.concatenate([pair[i] for pair in found]) for i in (1, 0))
        return Hits(self.areas, given[rows], positions)

    @cached_property
    def _around(self) -> Objects:
        """What is drawn around each area with a buffer: a little wider than that."""
        wide = self._buffers > 0
        drawn: Objects = shapely.buffer(self._metric[wide], self._buffers[wide] * _ROOMY)
        return drawn

    def _covered(self, points: Objects) -> tuple[Ints, Ints]:
        """Positions of areas without a buffer, and of the points they cover."""
        plain = np.flatnonzero((self._buffers == 0) & (shapely.area(self._shapes) > 0))
        if not plain.size:
            return NONE, NONE
        area, point = shapely.STRtree(points).query(self._shapes[plain], predicate="intersects")
        return plain[area], point

    def _near(self, points: Objects) -> tuple[Ints, Ints]:
        """Positions of areas with a buffer, and of the points within it."""
        wide = np.flatnonzero(self._buffers > 0)
        if not wide.size:
            return NONE, NONE
        bounds = [widened(self._shapes[i].bounds, self._buffers[i]) for i in wide]
        some = np.unique(shapely.STRtree(points).query(shapely.box(*np.array(bounds).reshape(-1, 4).T))[1])
        if not some.size:
            return NONE, NONE
        frame = gpd.GeoDataFrame(geometry=points[some], crs=STORAGE_EPSG)
        metric = geo.to_metric(frame, self._epsg).geometry.to_numpy()
        reach = self._buffers[wide]
        area, point = shapely.STRtree(metric).query(self._around, predicate="intersects")
        held = shapely.distance(self._metric[wide[area]], metric[point]) <= reach[area]
        return wide[area[held]], some[point[held]]


def _areas(frame: gpd.GeoDataFrame, sizes: Sequence[float]) -> list[Area]:
    def text(value: object) -> str | None:
        return None if pd.isna(value) else str(value).strip() or None  # type: ignore[call-overload]

    names = ("code", "category", "unit_code", "land_owner", "name_zh", "name_en")
    plain = [[text(x) for x in frame[name]] for name in names]
    return [
        Area(str(code), category or "*", unit, owner, size, zh, en)
        for code, category, unit, owner, zh, en, size in zip(*plain, sizes, strict=True)
    ]


def widened(bounds: tuple[float, float, float, float], metres: float) -> tuple[float, float, float, float]:
    """Bounds in degrees with at least so many metres around them."""
    west, south, east, north = bounds
    up = metres / _SHORTEST_DEGREE_M
    across = up / max(math.cos(math.radians(min(max(abs(south), abs(north)) + up, 89.0))), 0.01)
    return west - across, south - up, east + across, north + up
