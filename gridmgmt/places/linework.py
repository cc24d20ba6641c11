"""Linework (线划): an edition's grids as they are drawn, made once, when the edition begins.

Every border is there once, as an arc: points in whole steps, with the row of the grid on its left and of the one
on its right. Both are drawn from the same arc, so neighbours never part; and a level that the one below fills is
drawn from that level's arcs. For looking, not for measuring: the leaf decides by the stored coordinates.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from geopandas import GeoDataFrame

from gridmgmt.places.grids import Geometries

FORM = 1
"""How linework is written; what was stored in another form is drawn anew."""
_ZOOMS = (5000,)
"""What is drawn of an edition: zoom 0 for the whole city on a screen, simplified to this part of its diagonal."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_LETTERS = np.frombuffer(_ALPHABET.encode(), np.uint8)
_VALUES = np.zeros(128, np.int64)
_VALUES[_LETTERS] = np.arange(64)
_MEND_M = 1.0
"""Gaps between neighbours up to this width are drawn closed (project convention)."""
_TILING = 0.001
"""Children draw their parents' edges if their areas differ by less than this share (project convention)."""
_FINEST_M = 0.001
"""Steps are not halved beyond this."""
_METRES_PER_DEGREE = 111_320.0


@dataclass(frozen=True)
class DrawnLevel:
    """One level's grids in order of code.

    Attributes
    ----------
    parents
        Row of each grid's parent in the level above, -1 where there is none.
    marks
        Three numbers a grid: where its name stands, and how many steps its drawn border is off the stored one at most.
    arcs
        Three numbers an arc – its left row as a step from the one before, its right row as a step from the left one
        (0: nothing is there), how many points – and the points, each as a step from the one before. None: the level
        is drawn from the arcs of the next level that has some.
    """

    codes: tuple[str, ...]
    parents: tuple[int, ...]
    marks: str
    arcs: str | None


@dataclass(frozen=True)
class Linework:
    """Levels by their number; ``step``: degrees of longitude and latitude of one whole step."""

    step: tuple[float, float]
    levels: Mapping[int, DrawnLevel]

    def only(self, numbers: Collection[int]) -> "Linework":
        """Some levels, each below the one before; a level has arcs of its own where none below has its lines."""
        kept: dict[int, DrawnLevel] = {}
        for n in sorted(numbers):
            level, parents = self.levels[n], self._ancestors(n, max(kept, default=None))
            drawn_below = any(n < k <= self._source(n) for k in numbers)
            arcs = level.arcs if level.arcs is not None or drawn_below else self.arcs(n).text
            kept[n] = replace(level, parents=parents, arcs=arcs)
        return replace(self, levels=kept)

    def _ancestors(self, number: int, above: int | None) -> tuple[int, ...]:
        """Row of each grid's ancestor at a level above, -1 where there is none."""
        rows = range(len(self.levels[number].codes))
        if above is None:
            return (-1,) * len(rows)
        found = list(rows)
        for n in self._between(above, number):
            found = [-1 if i < 0 else self.levels[n].parents[i] for i in found]
        return tuple(found)

    def _source(self, number: int) -> int:
        """The level whose arcs draw a level."""
        return min(n for n, level in self.levels.items() if n >= number and level.arcs is not None)

    def _between(self, above: int, number: int) -> list[int]:
        """The levels from one up to below another."""
        return sorted((n for n in self.levels if above < n <= number), reverse=True)

    @property
    def off_m(self) -> float:
        """Metres that any drawn border is off the stored one at most."""
        off = max(int(whole(level.marks)[2::3].max()) for level in self.levels.values())
        return off * self.step[1] * _METRES_PER_DEGREE

    def arcs(self, number: int) -> "Arcs":
        """The borders between the grids of a level."""
        source = self._source(number)
        arcs = Arcs.read(self.levels[source].arcs or "")
        for n in self._between(number, source):
            arcs = arcs.between(np.array(self.levels[n].parents))
        return arcs


@dataclass(frozen=True)
class Arcs:
    """Borders: rows on the left and on the right (-1: nothing), where each begins among the points, and the points."""

    left: Ints
    right: Ints
    begins: Ints
    points: Ints

    @cached_property
    def text(self) -> str:
        """As :class:`DrawnLevel` says."""
        right = np.where(self.right < 0, 0, self.right - self.left)
        sizes = np.diff(self.begins, append=len(self.points))
        heads = np.stack([np.diff(self.left, prepend=0), right, sizes], axis=1)
        steps = np.diff(self.points, axis=0, prepend=[[0, 0]])
        return digits(np.insert(steps.ravel(), np.repeat(2 * self.begins, 3), heads.ravel()))

    @classmethod
    def read(cls, text: str) -> "Arcs":
        """The arcs of a text."""
        numbers = whole(text)
        at, heads = 0, []
        while at < len(numbers):
            heads.append(at)
            at += 3 + 2 * int(numbers[at + 2])
        first = np.array(heads, dtype=np.int64)
        left, right = np.cumsum(numbers[first]), numbers[first + 1]
        is_point = np.ones(len(numbers), bool)
        is_point[(first[:, None] + [0, 1, 2]).ravel()] = False
        begins = np.cumsum(numbers[first + 2]) - numbers[first + 2]
        points = np.cumsum(numbers[is_point].reshape(-1, 2), axis=0)
        return cls(left, np.where(right == 0, -1, left + right), begins, points)

    def __iter__(self) -> Iterator[Ints]:
        return iter(np.split(self.points, self.begins[1:]))

    def between(self, parents: Ints) -> "Arcs":
        """The arcs that part grids of the level above, with its rows; nothing (-1) is never on the left alone."""
        left, right = (np.where(rows < 0, -1, parents[rows]) for rows in (self.left, self.right))
        kept = [(a, b, xy) for a, b, xy in zip(left, right, self, strict=True) if a != b]
        turned = [(b, a, xy[::-1]) if a < 0 else (a, b, xy) for a, b, xy in kept]
        turned.sort(key=lambda arc: arc[0])
        sizes = np.array([len(xy) for _, _, xy in turned], dtype=np.int64)
        rows = np.array([(a, b) for a, b, _ in turned], dtype=np.int64).reshape(-1, 2)
        return Arcs(rows[:, 0], rows[:, 1], np.cumsum(sizes) - sizes, np.concatenate([xy for _, _, xy in turned]))


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

    def project(self, degrees: Geometries) -> Geometries:
        """Degrees to metres."""
        return np.asarray(shapely.transform(degrees, lambda xy: xy * self.scale))


def draw(frame: GeoDataFrame, parts: Sequence[int] = _ZOOMS) -> list[Linework]:
    """Draw an edition's grids, at each zoom to so small a part of their diagonal.

    The last level is simplified as a coverage. A level above that its children fill is drawn from their arcs; one
    that they do not is simplified by itself. Steps are half the tolerance, or less where a coverage, a narrow
    place or a small island would be lost.

    Parameters
    ----------
    frame
        EPSG:4490, with level, code, parent_code and polygons.
    """
    rows = {int(n): own.sort_values("code", ignore_index=True) for n, own in frame.groupby("level")}
    plane = Plane.around(np.array([frame.total_bounds]))
    metres = {n: plane.project(own.geometry.to_numpy()) for n, own in rows.items()}
    filled = [n for n in rows if n + 1 in rows and _tiles(rows[n], rows[n + 1], metres[n], metres[n + 1])]
    own = {n: _mended(polygons) for n, polygons in metres.items() if n not in filled}
    return [_drawn(rows, own, plane, plane.extent_m / part) for part in parts]


def fitted(degrees: Geometries) -> Geometries:
    """A level's stored polygons, their shared edges made identical where they are not."""
    plane = Plane.around(shapely.bounds(degrees))
    metres = plane.project(degrees)
    mended = _mended(metres)
    return degrees if mended is metres else np.asarray(shapely.transform(mended, lambda xy: xy / plane.scale))


def _mended(polygons: Geometries) -> Geometries:
    """Make shared edges identical where rounding or a gap of less than _MEND_M parted them (for drawing only)."""
    if shapely.coverage_is_valid(polygons, gap_width=_MEND_M):
        return polygons
    clean = shapely.coverage_clean(polygons, gap_width=_MEND_M, snapping_distance=_MEND_M / 10)
    return np.where(shapely.is_empty(clean), polygons, clean)  # a grid that lies in another whole is drawn all the same


def _tiles(parents: GeoDataFrame, children: GeoDataFrame, outer: Geometries, inner: Geometries) -> bool:
    """Whether each parent's area is the sum of its children's."""
    sums = pd.Series(shapely.area(inner)).groupby(children["parent_code"].to_numpy()).sum()
    own = pd.Series(shapely.area(outer), index=parents["code"].to_numpy())
    return bool(((sums.reindex(own.index).fillna(0) - own).abs() <= _TILING * own).all())


def _drawn(
    rows: Mapping[int, GeoDataFrame], metres: Mapping[int, Geometries], plane: Plane, tolerance: float
) -> Linework:
    """All levels at one tolerance; ``metres`` are those of the levels with lines of their own."""
    step, made = _rounded({n: shapely.coverage_simplify(own, tolerance) for n, own in metres.items()}, tolerance / 2)
    levels: dict[int, DrawnLevel] = {}
    off = np.array([], dtype=np.int64)
    for n in sorted(rows, reverse=True):
        if n in metres:
            off, arcs = _off(metres[n], made[n], step), _arcs(made[n]).text
        else:
            members = _members(levels[n + 1].parents, len(rows[n]))
            made[n] = np.array([shapely.coverage_union_all(made[n + 1][own]) for own in members], dtype=object)
            off, arcs = np.array([off[own].max() for own in members]), None
        marks = digits(np.column_stack([_labels(made[n]), off]).ravel())
        levels[n] = DrawnLevel(tuple(rows[n]["code"]), _parents(rows[n], rows.get(n - 1)), marks, arcs)
    lon, lat = step / plane.scale
    return Linework((float(lon), float(lat)), dict(sorted(levels.items())))


def _parents(frame: GeoDataFrame, above: GeoDataFrame | None) -> tuple[int, ...]:
    if above is None:
        return (-1,) * len(frame)
    return tuple(pd.Index(above["code"]).get_indexer(frame["parent_code"]).tolist())


def _rounded(metres: Mapping[int, Geometries], step: float) -> tuple[float, dict[int, Geometries]]:
    """Polygons in whole steps, as long as halving it takes until each level is a coverage still."""
    while True:
        whole_steps = {n: _quanta(polygons, step) for n, polygons in metres.items()}
        if step < _FINEST_M or all(_is_coverage(polygons) for polygons in whole_steps.values()):
            return step, whole_steps
        step /= 2


def _quanta(metres: Geometries, step: float) -> Geometries:
    """In whole steps; points that fall together become one, unless a ring is gone by it."""
    steps = shapely.transform(metres, lambda xy: np.round(xy / step))
    is_valid = shapely.is_valid(steps)
    return np.asarray(np.where(is_valid, shapely.remove_repeated_points(np.where(is_valid, steps, None)), steps))


def _is_coverage(polygons: Geometries) -> bool:
    return bool(shapely.is_valid(polygons).all() and shapely.coverage_is_valid(polygons))


def _members(parents: Sequence[int], n: int) -> list[Ints]:
    """The rows of each parent's children."""
    above = np.array(parents)
    return [np.flatnonzero(above == i) for i in range(n)]


def _labels(polygons: Geometries) -> Ints:
    """The middle of the largest circle that fits into each, about a 200th of its border exact."""
    circles = shapely.maximum_inscribed_circle(polygons, tolerance=np.maximum(1.0, shapely.length(polygons) / 200))
    middles: Floats = np.round(shapely.get_coordinates(circles)[::2])
    return middles.astype(np.int64)


def _off(metres: Geometries, drawn: Geometries, step: float) -> Ints:
    """How far a corner is from its grid's other border at most, stored or drawn, in steps."""
    borders = shapely.boundary(shapely.transform(drawn, lambda xy: xy * step))
    found: Floats = np.ceil(shapely.hausdorff_distance(shapely.boundary(metres), borders) / step)
    return found.astype(np.int64)


def _arcs(polygons: Geometries) -> Arcs:
    """The borders of a coverage, each once: runs of a ring's edges that part the same two grids.

    Where the polygons are no coverage no border is shared, and each grid has its own.
    """
    is_coverage = _is_coverage(polygons)
    parts, row = shapely.get_parts(shapely.orient_polygons(polygons), return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    points = points.astype(np.int64)
    corner = np.unique(points[:, 0] << 32 | points[:, 1] & 0xFFFFFFFF, return_inverse=True)[1]
    edge = np.flatnonzero(ring[1:] == ring[:-1])
    ring, left = ring[edge], row[part][ring[edge]]
    right = _beyond(corner[edge], corner[edge + 1], left) if is_coverage else np.full(len(edge), -1)
    starts = np.append(True, (ring[1:] != ring[:-1]) | (right[1:] != right[:-1]))
    run = np.cumsum(starts) - 1
    sizes = np.bincount(run) + 1
    mine = ((right < 0) | (left < right))[starts]
    first = edge[starts]
    taken = np.concatenate([np.arange(first[i], first[i] + sizes[i]) for i in np.flatnonzero(mine)])
    return Arcs(left[starts][mine], right[starts][mine], np.cumsum(sizes[mine]) - sizes[mine], points[taken])


def _beyond(a: Ints, b: Ints, row: Ints) -> Ints:
    """The row on the other side of each edge from corner a to corner b: that of the edge from b to a, else -1."""
    n = int(max(a.max(), b.max())) + 1
    there, back = a * n + b, b * n + a
    order = np.argsort(there)
    at = np.minimum(np.searchsorted(there, back, sorter=order), len(order) - 1)
    return np.where(there[order[at]] == back, row[order[at]], -1)


def digits(numbers: Ints | Sequence[int]) -> str:
    """Whole numbers as text, sign in the lowest bit: five bits a letter, lowest first; a sixth says that more come."""
    given = np.asarray(numbers, dtype=np.int64)
    plain = np.where(given < 0, -2 * given - 1, 2 * given)
    most = max(1, -(-int(plain.max(initial=0)).bit_length() // 5))
    rest = plain[:, None] >> 5 * np.arange(most + 1)
    groups = rest[:, :-1] & 31 | np.where(rest[:, 1:] > 0, 32, 0)
    is_there = rest[:, :-1] > 0
    is_there[:, 0] = True
    return str(_LETTERS[groups[is_there]].tobytes(), "ascii")


def whole(text: str) -> Ints:
    """The numbers of a text that :func:`digits` wrote."""
    found = _VALUES[np.frombuffer(text.encode(), np.uint8)]
    first = np.flatnonzero(np.append(True, found[:-1] < 32)) if len(found) else np.array([], dtype=np.int64)
    place = np.arange(len(found)) - np.repeat(first, np.diff(first, append=len(found)))
    numbers = np.add.reduceat((found & 31) << 5 * place, first) if len(first) else first
    return np.where(numbers & 1, -(numbers + 1 >> 1), numbers >> 1)
