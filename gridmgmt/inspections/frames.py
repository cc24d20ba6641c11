"""Sampling frames (抽样框): which unit holds which object of a layer, where it is visited, how long a road is where.

Points, and areas by a point inside them, belong to the grids that own the
point. A line belongs to every unit that holds a stated share of its length.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import geopandas as gpd
import numpy as np
import shapely

from gridmgmt.places.edition_locator import EditionLocator
from gridmgmt.places.grids import Geometries
from gridmgmt.places.lengths import Cutter, Stretch, middle

Line = tuple[str | None, ...]
"""Grid codes from the city down to the leaf; None where there is none."""

_TRIED = (0.5, 0.25, 0.75, 0.125, 0.375, 0.625, 0.875)
"""Where along a stretch its place is looked for: rounding may move one across the border that the road follows."""


@dataclass(frozen=True)
class Spot:
    """One object in one unit.

    Attributes
    ----------
    grid
        The grid by which draws are spread, else the deepest one above it.
    line
        Its grids from the city down, of the place that is visited.
    lengths_mm
        A road's length in each grid of the unit by (level, code), levels of the
        unit and above with all of it; empty for what is no line.
    """

    feature: str
    unit: str
    grid: str
    line: Line
    lon: float
    lat: float
    lengths_mm: Mapping[tuple[int, str], int]
    total_mm: int


class Frames:
    """Places features of layers in the grids of one edition.

    Parameters
    ----------
    grids
        The edition frame (:mod:`gridmgmt.places.grids`): level, code, parent_code, geometry.
    epsg
        The city's metric CRS.
    unit_level, spread_level
        Numbers of the levels whose grids are the units, and over which draws are spread.
    least_share
        A line belongs to a unit that holds at least this share of its length.
    """

    def __init__(
        self, grids: gpd.GeoDataFrame, epsg: int, unit_level: int, spread_level: int, least_share: Fraction
    ) -> None:
        self._grids = grids.reset_index(drop=True)
        self._levels = self._grids["level"].tolist()
        self._codes = self._grids["code"].tolist()
        self._parents = self._grids["parent_code"].tolist()
        self._position = {key: i for i, key in enumerate(zip(self._levels, self._codes, strict=True))}
        self._n_levels = max(self._levels)
        self._locator = EditionLocator(self._grids, self._n_levels)
        self._epsg = epsg
        self._unit, self._spread, self._least = unit_level, spread_level, least_share
        self._cutter: Cutter | None = None

    def spots(self, features: gpd.GeoDataFrame, kind: str) -> list[Spot]:
        """Every feature of a layer in every unit it belongs to; what lies in no unit is in none.

        Parameters
        ----------
        features
            Columns code and geometry (EPSG:4490); a feature is called ``kind/code``.
        """
        names = [f"{kind}/{code}" for code in features["code"]]
        shapes = features.geometry.to_numpy()
        is_line = shapely.get_dimensions(shapes) == 1
        points = shapely.point_on_surface(shapes)
        lines = self._lines(points)
        out = []
        for name, line, point, long in zip(names, lines, points, is_line.tolist(), strict=True):
            if not long and (unit := line[self._unit - 1]) is not None:
                out.append(Spot(name, unit, self._spreading(line), line, point.x, point.y, {}, 0))
        if is_line.any():
            self._cutter = self._cutter or Cutter(self._grids, self._epsg)
            cut = self._cutter.cut(shapes[is_line])
            roads = [name for name, long in zip(names, is_line.tolist(), strict=True) if long]
            out += [spot for name, own in zip(roads, cut, strict=True) for spot in self._of_line(name, own)]
        return out

    def _lines(self, points: Geometries) -> list[Line]:
        found = self._locator.locate(shapely.get_x(points), shapely.get_y(points))
        return [tuple(self._codes[p] if p >= 0 else None for p in row) for row in found.tolist()]

    def _spreading(self, line: Line) -> str:
        return next(code for code in reversed(line[: self._spread]) if code is not None)

    def _ancestors(self, position: int) -> Line:
        """A grid's own line of codes."""
        out: list[str | None] = [None] * self._n_levels
        level, code = self._levels[position], self._codes[position]
        while code is not None and level >= 1:
            out[level - 1] = code
            here = self._position.get((level, code))
            level, code = level - 1, (self._parents[here] if here is not None else None)
        return tuple(out)

    def _of_line(self, name: str, cut: Sequence[Stretch]) -> list[Spot]:
        total = sum(s.length_mm for s in cut)
        by_unit: dict[str, list[tuple[Stretch, Line]]] = {}
        for stretch in cut:
            line = self._ancestors(stretch.position) if stretch.position >= 0 else (None,) * self._n_levels
            if (unit := line[self._unit - 1]) is not None:
                by_unit.setdefault(unit, []).append((stretch, line))
        spots = []
        for unit, own in sorted(by_unit.items()):
            if sum(s.length_mm for s, _ in own) >= self._least * total:
                spots.append(self._stretch_spot(name, unit, own))
        return spots

    def _stretch_spot(self, name: str, unit: str, own: Sequence[tuple[Stretch, Line]]) -> Spot:
        """Where a road is visited in a unit: in the grid that holds most of it, halfway along its longest part."""
        lengths: dict[tuple[int, str], int] = {}
        for stretch, line in own:
            for level, code in enumerate(line, 1):
                if code is not None:
                    lengths[level, code] = lengths.get((level, code), 0) + stretch.length_mm
        by_grid: dict[str, int] = {}
        for stretch, line in own:
            by_grid[self._spreading(line)] = by_grid.get(self._spreading(line), 0) + stretch.length_mm
        grid = min(by_grid, key=lambda code: (-by_grid[code], code))
        inside = [(s, line) for s, line in own if self._spreading(line) == grid]
        stretch, line = min(inside, key=lambda x: (-x[0].length_mm, str(x[1][-1] or "")))
        point = self._inside(stretch, line)
        total = sum(s.length_mm for s, _ in own)
        return Spot(name, unit, grid, line, point.x, point.y, lengths, total)

    def _inside(self, stretch: Stretch, line: Line) -> shapely.Point:
        points: Geometries = np.array([middle(stretch.shape, share) for share in _TRIED], dtype=object)
        owned = [point for point, found in zip(points, self._lines(points), strict=True) if found == line]
        return owned[0] if owned else points[0]
