"""A line's length by grid (道路分段长度): the leaf decides, as for a point; whole millimetres, of which none is lost.

Lines are cut in stored degrees, where grids are exact; lengths are measured in
the city's metric CRS. A stretch along a shared edge belongs to the smallest
code alone. A stretch in no leaf goes to the deepest grid that covers it; what
lies in no grid at all is kept under :data:`OUTSIDE`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmgmt.city import STORAGE_EPSG
from gridmgmt.geo import to_metric

OUTSIDE = None
"""Stands for "in no grid" where a code would stand."""


@dataclass(frozen=True)
class Stretch:
    """The part of a line in one grid: its position in the edition's frame (-1 = in none), its shape, its length."""

    position: int
    shape: shapely.Geometry
    length_mm: int


class Cutter:
    """Cuts lines along the grids of an edition.

    Parameters
    ----------
    grids
        Columns level (1 = the city), code and geometry, EPSG:4490; any index.
    epsg
        The city's metric CRS.
    """

    def __init__(self, grids: gpd.GeoDataFrame, epsg: int) -> None:
        self._epsg = epsg
        self._shapes = grids.geometry.to_numpy()
        self._codes = grids["code"].tolist()
        levels = grids["level"].to_numpy()
        self._rows = [np.flatnonzero(levels == n) for n in sorted(set(levels.tolist()), reverse=True)]
        self._trees = [shapely.STRtree(self._shapes[rows]) for rows in self._rows]

    def cut(self, lines: Iterable[shapely.Geometry]) -> list[list[Stretch]]:
        """The stretches of each line or multi-line: those in grids from the leaves up, what is in none at the end.

        Their lengths add up to the line's, in whole millimetres; a stretch below half of one may be left out.
        """
        found = [self._pieces(line) for line in lines]
        shapes = [shape for pieces in found for _, shape in pieces]
        lengths_m = iter(to_metric(gpd.GeoDataFrame(geometry=shapes, crs=STORAGE_EPSG), self._epsg).length.tolist())
        out = []
        for pieces in found:
            lengths = whole_mm([next(lengths_m) for _ in pieces])
            out.append([Stretch(p, shape, mm) for (p, shape), mm in zip(pieces, lengths, strict=True) if mm])
        return out

    def _pieces(self, line: shapely.Geometry) -> list[tuple[int, shapely.Geometry]]:
        found = []
        rest = _lines(shapely.node(line))  # what a line runs over twice has one length
        for rows, tree in zip(self._rows, self._trees, strict=True):
            touched = rows[tree.query(rest, predicate="intersects")]
            for position in sorted(touched.tolist(), key=lambda p: self._codes[p]):
                found.append((position, _lines(shapely.intersection(rest, self._shapes[position]))))
                rest = _lines(shapely.difference(rest, self._shapes[position]))
        return [*found, (-1, rest)]


def _lines(shape: shapely.Geometry) -> shapely.Geometry:
    """What of a shape has a length: touching in a point is none."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    return shapely.multilinestrings(parts[shapely.length(parts) > 0])


def whole_mm(lengths_m: Sequence[float]) -> list[int]:
    """Lengths in whole millimetres that add up to their sum, rounded: the largest remainders are rounded up."""
    exact = [Fraction(x) * 1000 for x in lengths_m]
    out = [int(x) for x in exact]
    missing = round(sum(exact, Fraction(0))) - sum(out)
    by_remainder = sorted(range(len(out)), key=lambda i: (out[i] - exact[i], i))
    for i in by_remainder[:missing]:
        out[i] += 1
    return out


def shares(line: shapely.Geometry, grids: gpd.GeoDataFrame, epsg: int) -> Mapping[str | None, Fraction]:
    """A line's share in each grid of one level by its length (按长度分摊), exactly 1 in all.

    Parameters
    ----------
    line
        A line or multi-line in EPSG:4490.
    grids
        Grids of one level: columns code and geometry, EPSG:4490.
    epsg
        The city's metric CRS.

    Returns
    -------
    Mapping
        Code → share, :data:`OUTSIDE` for what lies in no grid; empty for a line without length.
    """
    codes = grids["code"].tolist()
    (cut,) = Cutter(gpd.GeoDataFrame(pd.DataFrame(grids).assign(level=1), crs=STORAGE_EPSG), epsg).cut([line])
    total = sum(s.length_mm for s in cut)
    return {codes[s.position] if s.position >= 0 else OUTSIDE: Fraction(s.length_mm, total) for s in cut}


def middle(shape: shapely.Geometry, share: float) -> shapely.Point:
    """The point after a share of the longest part of a stretch."""
    parts = shapely.get_parts(shape)
    longest = parts[int(np.argmax(shapely.length(parts)))]
    return shapely.line_interpolate_point(longest, share, normalized=True)
