"""Geometry of a map page (图层): coverages simplified so that neighbours never part, and bins of equal size.

Shapes travel as text: a grid's points as integers of 10⁻ᵈ degree, each the
step from the point before, written in base 64 with five bits a character.
"""

from collections.abc import Sequence
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
from maps.style import Floats, Ints

Polygons = npt.NDArray[Any]
"""Array of shapely polygons or multipolygons."""

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_SHAPE_BUDGET = 700_000
"""Characters that all shapes of a page may take; beyond it the tolerance grows (project convention)."""
_TILING = 0.001
"""Children draw their parents' edges if their areas differ by less than this share (project convention)."""
_PIECE_PARTS, _PIECE_DECIMALS = 5000, 7
"""Pieces of land are simplified to a 5000th of their extent, and drawn to a centimetre (project convention)."""
_MEND_M = 1.0
"""Gaps between neighbours up to this width are drawn closed (project convention)."""
_BIN_SIZES_M = tuple(m * 10**k for k in range(1, 6) for m in (1, 2, 5))
_METRES_PER_DEGREE = 111_320.0


@dataclass(frozen=True)
class LevelFrame:
    """One level of a choropleth (一级网格).

    Attributes
    ----------
    frame
        EPSG:4490, one row a grid: ``code``, ``name``, ``parent_code`` (None at the
        top), ``value`` (NaN = no data), optionally ``rank`` (NaN = not ranked),
        ``name_en``, ``numerator`` and ``denominator``, and columns of counts.
    """

    level: Level
    frame: GeoDataFrame


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


def simplify_levels(frames: Sequence[GeoDataFrame], budget: int = _SHAPE_BUDGET) -> list[Shapes]:
    """Simplify all levels together: valid coverages that agree with each other, within a page's budget.

    The last level is simplified as a coverage. A level above whose grids are
    tiled by their children is put together from them, so that both draw the
    same lines; else it is simplified by itself. The tolerance starts at a
    5000th of the extent and grows until the shapes fit, or to a 20th: more
    grids than a page can hold are drawn coarsely, not refused.

    Parameters
    ----------
    frames
        Levels from the top down, EPSG:4490, with ``code``, ``parent_code`` and polygons.
    budget
        Characters that all shapes together may take.
    """
    bounds = np.array([frame.total_bounds for frame in frames])
    plane = Plane.around(bounds)
    planar = [_mended(plane.project(frame.geometry.to_numpy())) for frame in frames]
    tolerance = plane.extent_m / 5000
    while True:
        shapes = _simplify_all(frames, planar, plane, tolerance)
        size = sum(len(text) for level in shapes for text in level.encode())
        if size <= budget or tolerance > plane.extent_m / 20:
            return shapes
        tolerance *= max(1.2, size / budget)


def pieces(frame: GeoDataFrame) -> Shapes:
    """Polygons that need not fit each other, each simplified by itself; a narrow one is drawn as it is."""
    plane = Plane.around(frame.total_bounds[None])
    whole = plane.project(frame.geometry.to_numpy())
    plain = shapely.simplify(whole, plane.extent_m / _PIECE_PARTS)
    drawn = plane.quanta(np.where(shapely.area(plain) > 0, plain, whole), _PIECE_DECIMALS)
    return Shapes(np.where(shapely.is_valid(drawn), drawn, multipolygons(drawn)), _PIECE_DECIMALS)


@dataclass(frozen=True)
class Plane:
    """Degrees as metres about one latitude: true enough to simplify in; the same point always comes back the same."""

    scale: Floats
    extent_m: float

    @classmethod
    def around(cls, bounds: Floats) -> "Plane":
        """Plane for rows of west, south, east, north."""
        low, high = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
        scale = _METRES_PER_DEGREE * np.array([np.cos(np.radians((low[1] + high[1]) / 2)), 1.0])
        return cls(scale, float(np.hypot(*(scale * (high - low)))))

    def project(self, degrees: Polygons) -> Polygons:
        """Degrees to metres."""
        return np.asarray(shapely.transform(degrees, lambda xy: xy * self.scale))

    def quanta(self, metres: Polygons, decimals: int) -> Polygons:
        """Metres to whole ``10 ** -decimals`` degrees; points that fall together become one."""
        whole = shapely.transform(metres, lambda xy: np.round(xy / self.scale * 10**decimals))
        return np.asarray(shapely.remove_repeated_points(whole))


def _mended(polygons: Polygons) -> Polygons:
    """Make shared edges identical where rounding or a gap of less than _MEND_M parted them (for drawing only)."""
    if shapely.coverage_is_valid(polygons, gap_width=_MEND_M):
        return polygons
    return np.asarray(shapely.coverage_clean(polygons, gap_width=_MEND_M, snapping_distance=_MEND_M / 10))


def _simplify_all(
    frames: Sequence[GeoDataFrame], planar: Sequence[Polygons], plane: Plane, tolerance: float
) -> list[Shapes]:
    """All levels at one tolerance, from the last one up."""
    shapes = [_quantise(shapely.coverage_simplify(planar[-1], tolerance), plane)]
    for i in range(len(frames) - 2, -1, -1):
        if _tiles(frames[i], frames[i + 1], planar[i], planar[i + 1]):
            shapes.insert(0, _merge(frames[i], frames[i + 1], shapes[0]))
        else:
            shapes.insert(0, _quantise(shapely.coverage_simplify(planar[i], tolerance), plane))
    return shapes


def _quantise(metres: Polygons, plane: Plane) -> Shapes:
    """Round to the fewest decimals, from 5 (about a metre) on, that keep the coverage valid."""
    for decimals in (5, 6, 7, 8):
        whole = plane.quanta(metres, decimals)
        if shapely.is_valid(whole).all() and shapely.coverage_is_valid(whole):
            break
    return Shapes(whole, decimals)


def _tiles(parents: GeoDataFrame, children: GeoDataFrame, outer: Polygons, inner: Polygons) -> bool:
    """Whether each parent's area is the sum of its children's."""
    sums = pd.Series(shapely.area(inner)).groupby(children["parent_code"].to_numpy()).sum()
    own = pd.Series(shapely.area(outer), index=parents["code"].to_numpy())
    return bool(((sums.reindex(own.index).fillna(0) - own).abs() <= _TILING * own).all())


def _merge(parents: GeoDataFrame, children: GeoDataFrame, shapes: Shapes) -> Shapes:
    """Each parent as the union of its children."""
    members = children.groupby("parent_code").indices
    merged = [shapely.coverage_union_all(shapes.polygons[members[code]]) for code in parents["code"]]
    return Shapes(np.array(merged, dtype=object), shapes.decimals)


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
    return "".join(map(_digits, numbers))


def _digits(number: int) -> str:
    """A whole number, sign in the lowest bit, as groups of five bits; the sixth says that more follow."""
    rest = number * 2 if number >= 0 else -number * 2 - 1
    text = ""
    while rest > 31:
        text += ALPHABET[rest & 31 | 32]
        rest >>= 5
    return text + ALPHABET[rest]


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
