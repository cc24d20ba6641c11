"""Geometry of a map page that no edition has (图层): pieces of land, and bins of equal size.

Shapes travel as text: points as integers of 10⁻ᵈ degree, each the step from the point before. How the grids are drawn
is stored with their edition: :mod:`gridmgmt.places.linework`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from geopandas import GeoDataFrame
from pyproj import Transformer

from gridmgmt.city import STORAGE_EPSG, Level
from gridmgmt.errors import CrsMissing
from gridmgmt.places.grids import multipolygons
from gridmgmt.places.linework import Plane, digits
from maps.style import Floats, Ints

Polygons = npt.NDArray[Any]
"""Array of shapely polygons or multipolygons."""

_PIECE_PARTS, _PIECE_DECIMALS = 5000, 7
"""Pieces of land are simplified to a 5000th of their extent, and drawn to a centimetre (project convention)."""
_BIN_SIZES_M = tuple(m * 10**k for k in range(1, 6) for m in (1, 2, 5))


@dataclass(frozen=True)
class LevelFrame:
    """One level of a choropleth (一级网格).

    Attributes
    ----------
    frame
        One row a grid: ``code``, ``name``, ``value`` (NaN = no data), optionally ``rank`` (NaN = not ranked),
        ``name_en``, ``numerator`` and ``denominator``, and columns of counts.
    n_ranked
        Among how many its ranks are; None: those of the frame.
    """

    level: Level
    frame: pd.DataFrame
    n_ranked: int | None = None


@dataclass(frozen=True)
class Shapes:
    """Polygons of one level in integers of ``10 ** -decimals`` degree (x = longitude, y = latitude)."""

    polygons: Polygons
    decimals: int

    def encode(self) -> list[str]:
        """Each polygon as text; ``shapes.js`` reads it back."""
        return [encode(polygon) for polygon in self.polygons]


@dataclass(frozen=True)
class Bins:
    """Cells of one size (蜂窝格) that hold at least one point; ``size_m`` is the distance of opposite sides."""

    size_m: int
    shapes: Shapes
    counts: Ints


def stored(frame: GeoDataFrame, name: str) -> GeoDataFrame:
    """The frame in EPSG:4490.

    Raises
    ------
    CrsMissing
        It carries no coordinate system.
    """
    if frame.crs is None:
        raise CrsMissing(file=name)
    return frame.to_crs(STORAGE_EPSG)


def pieces(frame: GeoDataFrame) -> Shapes:
    """Polygons that need not fit each other, each simplified by itself; a narrow one is drawn as it is."""
    plane = Plane.around(frame.total_bounds[None])
    whole = plane.project(frame.geometry.to_numpy())
    plain = shapely.simplify(whole, plane.extent_m / _PIECE_PARTS)
    drawn = _quanta(np.where(shapely.area(plain) > 0, plain, whole), plane, _PIECE_DECIMALS)
    return Shapes(np.where(shapely.is_valid(drawn), drawn, multipolygons(drawn)), _PIECE_DECIMALS)


def _quanta(metres: Polygons, plane: Plane, decimals: int) -> Polygons:
    """Metres to whole ``10 ** -decimals`` degrees; points that fall together become one."""
    whole = shapely.transform(metres, lambda xy: np.round(xy / plane.scale * 10**decimals))
    return np.asarray(shapely.remove_repeated_points(whole))


def encode(polygon: shapely.Geometry) -> str:
    """A polygon of whole coordinates as text: label point, number of parts, of rings, of points, and the points."""
    circle = shapely.maximum_inscribed_circle(polygon, tolerance=max(1.0, polygon.length / 200))
    at = np.round(shapely.get_coordinates(circle)[0]).astype(np.int64)
    parts = shapely.get_parts(polygon)
    numbers = [*at.tolist(), len(parts)]
    for part in parts:
        numbers.append(1 + len(part.interiors))
        for ring in (part.exterior, *part.interiors):
            points = shapely.get_coordinates(ring)[:-1].astype(np.int64)
            numbers += [len(points), *np.diff(points, axis=0, prepend=at[None]).ravel().tolist()]
            at = points[-1]
    return digits(numbers)


def bin_points(lon: Floats, lat: Floats, metric_epsg: int, max_bins: int, min_size_m: float = 0) -> list[Bins]:
    """Count points in hexagons of equal metric size (分箱): the finest size within ``max_bins``, and the next two.

    A point belongs to the nearest centre (of two at the same distance, the one
    of the even row), so each is counted once. Cells hang on the origin of the
    metric CRS: two months give the same cells.

    Parameters
    ----------
    lon, lat
        Degrees, EPSG:4490, finite.
    metric_epsg
        The city's projected CRS in metres.
    min_size_m
        No smaller cells, however few the points: they could not be seen.
    """
    x, y = Transformer.from_crs(STORAGE_EPSG, metric_epsg, always_xy=True).transform(lon, lat)
    sizes = [size for size in _BIN_SIZES_M if size >= min_size_m]
    while len(sizes) > 1 and len(_hexagons(x, y, sizes[0])[1]) > max_bins:
        del sizes[0]
    return [_bins(size, *_hexagons(x, y, size), metric_epsg) for size in sizes[:3]]


def _hexagons(x: Floats, y: Floats, size: int) -> tuple[Ints, Ints]:
    """Centres of the occupied hexagons, in half widths and half sides, and the points in each."""
    high = size * np.sqrt(3)
    even = np.stack([np.round(x / size), np.round(y / high)])
    odd = np.stack([np.floor(x / size), np.floor(y / high)]) + 0.5
    gap = [(x - i * size) ** 2 + (y - j * high) ** 2 for i, j in (even, odd)]
    column, row = (np.where(gap[1] < gap[0], odd, even) * ((2,), (6,))).astype(np.int64)
    key, counts = np.unique(column << 32 | row & 0xFFFFFFFF, return_counts=True)
    return np.stack([key >> 32, (key & 0xFFFFFFFF).astype(np.uint32).astype(np.int32)], axis=1), counts


def _bins(size: int, centres: Ints, counts: Ints, metric_epsg: int) -> Bins:
    """Hexagons, busiest first; corners are computed once per place, so that neighbours share them."""
    order = np.lexsort((centres[:, 1], centres[:, 0], -counts))
    corners = centres[order, None] + np.array([(0, 2), (1, 1), (1, -1), (0, -2), (-1, -1), (-1, 1)])
    metres = corners * (size / 2, size / np.sqrt(12))
    back = Transformer.from_crs(metric_epsg, STORAGE_EPSG, always_xy=True)
    lon, lat = back.transform(metres[..., 0].ravel(), metres[..., 1].ravel())
    whole = np.round(np.stack([lon, lat], axis=-1) * 1e5).reshape(-1, 6, 2)
    return Bins(size, Shapes(shapely.polygons(whole), 5), counts[order])
