"""Point → grid, the spatial join (空间归属): exact and vectorised, for one level or a whole edition.

A raster lies over the coverage. A cell that no edge touches has one owner, so
its points cost one look-up. A cell with edges keeps them, and for each of its
polygons whether the cell's *reference point* is inside: a point walks from
there to its place, first north or south, then east or west, and each edge it
crosses takes it in or out.

What makes it exact, on the stored float64 coordinates and straight segments:

- A point's cell and an edge's cells come from the same monotone function of a
  coordinate, so no edge on a point's way is missing from its cell.
- Whether a walk crosses an edge is asked of :func:`side` only, which falls
  back to integers where float64 cannot decide.
- A walk through a vertex or along an edge is settled by shifting every point
  by (ε, ε²), infinitely little, so that it never happens (simulation of
  simplicity, Edelsbrunner and Mücke 1990). A point on an edge is seen before
  the shift, and covered.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

POINTS, PAIRS = 250_000, 2_000_000
"""Handled at once: points, and pairs of a point and an edge (a single point may have more)."""

MIN_CELLS, MAX_CELLS, BUCKETS = 16, 2048, 1 << 16
"""Cells of an axis, between them 3 √edges; equal steps that the cells are put together from."""

SURE, TINY = (3 + 16 * 2**-53) * 2**-53, float(np.finfo(np.float64).tiny)
"""Error bounds of the orientation determinant: relative (Shewchuk 1997, ccwerrboundA), and for underflow."""


@dataclass(frozen=True, slots=True)
class Locator:
    """Who owns a point among the polygons of one level (归属网格): who covers it, on ties the smallest code.

    Made by :meth:`build`. A *candidate* is a polygon that may own points of an edge
    cell; the candidates of a cell stand in code order, their edges in theirs.

    Attributes
    ----------
    owner
        By cell, row by row: ≥ 0 the position of the only owner, -1 none, -2 - i the edge cell i.
    start
        By edge cell, shape (2, n): lon and lat of the reference point.
    first_candidate, first_edge
        Where the candidates of an edge cell, the edges of a candidate begin; one more than there are.
    candidate, starts_inside
        By candidate: its position; whether it contains the reference point, shifted.
    segments, start_side
        By edge: (x1, y1, x2, y2), shape (4, n); the reference point's side if the
        edge passes north or south of it, else 0.
    """

    columns: "Axis"
    rows: "Axis"
    owner: NDArray[np.int32]
    start: Floats
    first_candidate: Ints
    first_edge: Ints
    candidate: NDArray[np.int32]
    starts_inside: Bools
    segments: Floats
    start_side: NDArray[np.int8]

    @classmethod
    def build(cls, codes: Sequence[str], geometries: NDArray[np.object_]) -> "Locator":
        """Lay the raster over a level's polygons.

        Parameters
        ----------
        codes
            One per polygon, compared by code point (COLLATE "C" in SQL); of equal codes the earlier wins.
        geometries
            Polygons or MultiPolygons, lon and lat in degrees. They need not be valid: inside is
            what an odd number of edges parts from outside. Anything else, None too, owns nothing.

        Raises
        ------
        ValueError
            Not one code per geometry, or a coordinate is NaN or infinite.
        """
        if len(codes) != len(geometries):
            raise ValueError(f"{len(codes)} codes for {len(geometries)} geometries: give one code per geometry")
        by_code = np.array(sorted(range(len(codes)), key=codes.__getitem__), dtype=np.int32)
        segments, rank = edges(np.asarray(geometries, dtype=object)[by_code])
        n_ranks, n_cells = len(codes) + 1, min(max(int(3 * math.sqrt(rank.size)), MIN_CELLS), MAX_CELLS)
        columns, rows = Axis.over(segments[[0, 2]], n_cells), Axis.over(segments[[1, 3]], n_cells)

        cell, edge = _touched_cells(segments, columns, rows)
        edge_cells, edge_cell = np.unique(cell, return_inverse=True)
        edge_key = edge_cell * n_ranks + rank[edge]
        order = np.argsort(edge_key, kind="stable")
        edge_key, edge, edge_cell = edge_key[order], edge[order], edge_cell[order]

        run_rank, first, stop = _inside_runs(segments, rank, columns, rows)
        run, inside_cell = spread(np.searchsorted(edge_cells, first), np.searchsorted(edge_cells, stop))
        inside_key = inside_cell * n_ranks + run_rank[run]

        key = np.union1d(edge_key, inside_key)  # one per candidate, cell by cell in code order
        start = np.stack([columns.reference[edge_cells % columns.size], rows.reference[edge_cells // columns.size]])
        segments, (x, y) = segments.take(edge, axis=1), start[:, edge_cell]
        passes = (segments[0] <= x) != (segments[2] <= x)
        owner = _cell_owners(columns.size * rows.size, by_code[run_rank], run_rank, first, stop)
        owner[edge_cells] = -2 - np.arange(edge_cells.size)
        return cls(
            columns=columns,
            rows=rows,
            owner=owner,
            start=start,
            first_candidate=np.searchsorted(key, np.arange(edge_cells.size + 1) * n_ranks),
            first_edge=np.append(np.searchsorted(edge_key, key), edge_key.size),
            candidate=by_code[key % n_ranks],
            starts_inside=np.isin(key, inside_key),
            segments=segments,
            start_side=_shifted_side(segments, x, y, passes),
        )

    def owners(self, lon: Floats, lat: Floats) -> NDArray[np.int32]:
        """The polygon that owns each point: its position in the codes of :meth:`build`, -1 = none.

        ``lon`` and ``lat`` in degrees, of equal length; NaN and infinite ones lie in no polygon.
        """
        lon, lat = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
        if lon.ndim != 1 or lon.shape != lat.shape:
            raise ValueError(f"lon {lon.shape} and lat {lat.shape}: give two vectors of one length")
        owner = np.full(lon.size, -1, np.int32)
        for first in range(0, lon.size, POINTS):
            part = slice(first, first + POINTS)
            owner[part] = self._look_up(lon[part], lat[part])
        return owner

    def _look_up(self, x: Floats, y: Floats) -> NDArray[np.int32]:
        """Owners by cell; points in edge cells walk, in batches of bounded size."""
        owner = np.full(x.size, -1, np.int32)
        within = np.flatnonzero(self.columns.spans(x) & self.rows.spans(y))
        x, y = x[within], y[within]
        found = self.owner.take(self.rows.cells(y) * self.columns.size + self.columns.cells(x))
        walking = np.flatnonzero(found < -1)
        cell = -2 - found[walking].astype(np.int64)
        n_edges = self.first_edge[self.first_candidate[cell + 1]] - self.first_edge[self.first_candidate[cell]]
        batch = np.cumsum(n_edges) // PAIRS
        for part in np.split(np.arange(cell.size), np.flatnonzero(np.diff(batch)) + 1):
            found[walking[part]] = self._walk(x[walking[part]], y[walking[part]], cell[part])
        owner[within] = found
        return owner

    def _walk(self, x: Floats, y: Floats, cell: Ints) -> NDArray[np.int32]:
        """Owners of points in edge cells: the first candidate that the walk ends in, or on the edge of."""
        point, candidate = spread(self.first_candidate[cell], self.first_candidate[cell + 1])
        pair, edge = spread(self.first_edge[candidate], self.first_edge[candidate + 1])
        which = point[pair]
        crosses, ends_on = self._meet(edge, self.start.take(cell[which], axis=1), x.take(which), y.take(which))
        n_crossed = np.bincount(pair[crosses], minlength=point.size)
        covers = self.starts_inside[candidate] ^ (n_crossed % 2 == 1)
        covers[pair[ends_on]] = True
        owner = np.full(x.size, -1, np.int32)
        hits = np.flatnonzero(covers)[::-1]  # backwards: the last write, of the smallest code, stays
        owner[point[hits]] = self.candidate[candidate[hits]]
        return owner

    def _meet(self, edge: Ints, start: Floats, x: Floats, y: Floats) -> tuple[Bools, Bools]:
        """Whether the walk start → (start x, y) → (x, y) crosses the edge, and whether it ends on it."""
        segments, began = self.segments.take(edge, axis=1), self.start_side.take(edge)
        x1, y1, x2, y2 = segments
        abreast = (y1 <= y) & (y < y2)
        corner = _shifted_side(segments, start[0], y, abreast | (began != 0))
        near = abreast | ((y == y2) & (np.minimum(x1, x2) <= x) & (x <= np.maximum(x1, x2)))
        some = np.flatnonzero(near)
        end = np.zeros(edge.size, np.int8)
        end[some] = side(segments.take(some, axis=1), x.take(some), y.take(some))
        crosses = ((began != 0) & (corner != began)) ^ (abreast & ((corner > 0) != (end > 0)))
        return crosses, near & (end == 0)


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of the raster: narrow cells where many edges end, wide ones elsewhere.

    ``low`` and ``high`` are the coverage's ends; ``borders`` (size + 1) says to within ``pad``
    where :meth:`cells` changes; ``reference`` is a coordinate inside each cell, off its
    middle, where regular grids have edges.
    """

    low: float
    high: float
    origin: float
    scale: float
    cell_of_bucket: Ints
    borders: Floats
    reference: Floats
    pad: float

    @classmethod
    def over(cls, ends: Floats, n_cells: int) -> "Axis":
        """An axis of at most ``n_cells`` cells over the coordinates of edge ends."""
        low, high = (float(ends.min()), float(ends.max())) if ends.size else (math.inf, -math.inf)
        pad = 16 * math.ulp(max(abs(low), abs(high)))
        size = int(min(BUCKETS, (high - low) / (4 * pad))) if 0 < high - low < math.inf else 0
        scale = size / (high - low) if size else 0.0
        if not 0 < scale < math.inf:  # too narrow or too wide to divide in float64: one cell
            borders, middle = np.array([low, high]), np.array([low / 2 + high / 2])
            return cls(low, high, 0.0, 0.0, np.zeros(1, np.int64), borders, middle, pad)
        bucket = np.minimum(((ends.ravel() - low) * scale).astype(np.int64), size - 1)
        weight = np.cumsum(np.bincount(bucket, minlength=size) / bucket.size + 1 / size)
        first = np.unique(np.searchsorted(weight, weight[-1] * np.arange(n_cells) / n_cells))
        cell_of_bucket = np.searchsorted(first, np.arange(size), side="right") - 1
        borders = np.append(low + first / scale, high)
        reference = 0.5129 * borders[:-1] + 0.4871 * borders[1:]
        return cls(low, high, low, scale, cell_of_bucket, borders, reference, pad)

    @property
    def size(self) -> int:
        """Number of cells."""
        return self.reference.size

    def spans(self, values: Floats) -> Bools:
        """Whether values lie on the axis."""
        return (values >= self.low) & (values <= self.high)

    def cells(self, values: Floats) -> Ints:
        """The cell of each value on the axis: a larger value is never in a lower cell."""
        bucket = ((values - self.origin) * self.scale).astype(np.int64)
        return self.cell_of_bucket.take(bucket, mode="clip")


def edges(polygons: NDArray[np.object_]) -> tuple[Floats, Ints]:
    """All ring edges (x1, y1, x2, y2), shape (4, n), lower end first (else the western); position of the polygon."""
    parts, polygon = shapely.get_parts(polygons, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    ends, ring = shapely.get_coordinates(rings, return_index=True)
    if not np.isfinite(ends).all():
        raise ValueError("a polygon has a NaN or infinite coordinate: mend the layer")
    joined = np.flatnonzero(ring[1:] == ring[:-1])
    x1, y1, x2, y2 = ends[joined, 0], ends[joined, 1], ends[joined + 1, 0], ends[joined + 1, 1]
    turn = (y1 > y2) | ((y1 == y2) & (x1 > x2))
    return np.where(turn, [x2, y2, x1, y1], [x1, y1, x2, y2]), polygon[part[ring[joined]]]


def spread(first: Ints, stop: Ints) -> tuple[Ints, Ints]:
    """Ranges ``first <= number < stop`` written out: for every number its range, and the number."""
    count = np.maximum(stop - first, 0)
    which = np.repeat(np.arange(count.size), count)
    return which, np.arange(which.size) + np.repeat(first - np.cumsum(count) + count, count)


def side(segments: Floats, x: Floats, y: Floats) -> NDArray[np.int8]:
    """Exact side of points about the lines of segments (4, n): 1 left, -1 right, 0 on the line."""
    x1, y1, x2, y2 = segments
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        one, other = (x2 - x1) * (y - y1), (y2 - y1) * (x - x1)
        turn = one - other
        unsure = np.flatnonzero(~(np.abs(turn) > SURE * (np.abs(one) + np.abs(other)) + TINY))
    result: NDArray[np.int8] = (turn > 0).astype(np.int8) - (turn < 0)
    for i, *numbers in zip(unsure, *segments[:, unsure].tolist(), x[unsure].tolist(), y[unsure].tolist(), strict=True):
        result[i] = _side_in_integers(*numbers)
    return result


def _side_in_integers(*numbers: float) -> int:
    """:func:`side` of one point: x1, y1, x2, y2, x, y, counted in the smallest power of two among them."""
    ratios = [number.as_integer_ratio() for number in numbers]
    unit = max(denominator for _, denominator in ratios)
    x1, y1, x2, y2, x, y = (numerator * (unit // denominator) for numerator, denominator in ratios)
    turn = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
    return (turn > 0) - (turn < 0)


def _shifted_side(segments: Floats, x: Floats, y: Floats, wanted: Bools) -> NDArray[np.int8]:
    """Side of points shifted by (ε, ε²) where wanted, else 0: what is on a line goes right, on a level one up."""
    result = np.zeros(x.size, np.int8)
    some = np.flatnonzero(wanted)
    segments = segments.take(some, axis=1)
    exact = side(segments, x.take(some), y.take(some))
    result[some] = np.where(exact == 0, np.where(segments[1] == segments[3], 1, -1), exact)
    return result


def _touched_cells(segments: Floats, columns: Axis, rows: Axis) -> tuple[Ints, Ints]:
    """Cells that the closed segments touch, at most a few more: (cell, edge) pairs."""
    edge, row = spread(rows.cells(segments[1]), rows.cells(segments[3]) + 1)
    x1, y1, x2, y2 = segments[:, edge]
    west, east = np.minimum(x1, x2), np.maximum(x1, x2)
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        # Shares of the edge below the row and up to its end; by halves, as a difference might overflow.
        below = np.clip(((rows.borders[row] - rows.pad) / 2 - y1 / 2) / (y2 / 2 - y1 / 2), 0, 1)
        up_to = np.clip(((rows.borders[row + 1] + rows.pad) / 2 - y1 / 2) / (y2 / 2 - y1 / 2), 0, 1)
        enter, leave = x1 * (1 - below) + x2 * below, x1 * (1 - up_to) + x2 * up_to
        first = columns.cells(np.clip(np.minimum(enter, leave) - columns.pad, west, east))
        last = columns.cells(np.clip(np.maximum(enter, leave) + columns.pad, west, east))
    pair, column = spread(first, last + 1)
    return row[pair] * columns.size + column, edge[pair]


def _inside_runs(segments: Floats, polygon: Ints, columns: Axis, rows: Axis) -> tuple[Ints, Ints, Ints]:
    """Cells whose shifted reference point a polygon contains, as runs in a row: polygon, first cell, stop cell."""
    first_row, stop_row = np.searchsorted(rows.reference, segments[1]), np.searchsorted(rows.reference, segments[3])
    edge, row = spread(first_row, stop_row)  # y1 <= reference < y2
    column = _first_right(segments[:, edge], rows.reference[row], columns.reference)
    # In the order of polygon, row and column each edge opens a run and the next one closes it.
    line, column = np.divmod(np.sort((polygon[edge] * rows.size + row) * (columns.size + 1) + column), columns.size + 1)
    owner, row = np.divmod(line[::2], rows.size)
    first, stop = row * columns.size + column[::2], row * columns.size + column[1::2]
    filled = np.flatnonzero(first < stop)
    return owner[filled], first[filled], stop[filled]


def _first_right(segments: Floats, y: Floats, reference: Floats) -> Ints:
    """The first column whose reference point, shifted, at height y lies right of the edge: guessed, then proven."""
    x1, y1, x2, y2 = segments
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        column: Ints = np.searchsorted(reference, x1 + (y - y1) / (y2 - y1) * (x2 - x1))
    moving = np.arange(column.size)
    while (moving := moving[column[moving] < reference.size]).size:  # east, while the column is left of the edge
        left = side(segments[:, moving], reference[column[moving]], y[moving]) > 0
        moving = moving[left]
        column[moving] += 1
    moving = np.arange(column.size)
    while (moving := moving[column[moving] > 0]).size:  # west, while the column before is not
        left = side(segments[:, moving], reference[column[moving] - 1], y[moving]) > 0
        moving = moving[~left]
        column[moving] -= 1
    return column


def _cell_owners(n_cells: int, position: NDArray[np.int32], rank: Ints, first: Ints, stop: Ints) -> NDArray[np.int32]:
    """By cell, the position of the smallest code whose run covers it, else -1."""
    owner = np.full(n_cells, -1, np.int32)
    descending = np.argsort(-rank, kind="stable")  # the last write, of the smallest code, stays
    for part in np.array_split(descending, 1 + int((stop - first).sum()) // PAIRS):
        run, cell = spread(first[part], stop[part])
        owner[cell] = position[part][run]
    return owner


class EditionLocator:
    """All levels of an edition (网格版本) from one join: the leaf decides, the others follow by parent_code.

    A point in no leaf takes the deepest grid that covers it and has none below.

    Parameters
    ----------
    frame
        One row per grid: level (1 = the city), code, parent_code, geometry as in :meth:`Locator.build`.
        The parent is the grid of that code one level up; where it is missing, so are all above.
    n_levels
        Number of the leaf level; deeper rows are left out.
    """

    def __init__(self, frame: pd.DataFrame, n_levels: int) -> None:
        self._codes: list[str] = frame["code"].tolist()
        self._geometries = np.asarray(frame["geometry"], dtype=object)
        level = frame["level"].to_numpy()
        self._rows = [np.flatnonzero(level == number) for number in range(1, n_levels + 1)]
        self._lineage = lineage(self._rows, self._codes, frame["parent_code"].tolist())
        self._locators: dict[int, Locator] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Travels with every level's locator, and without the shapes that these were built of."""
        for index in range(len(self._rows)):
            self._locator(index)
        return vars(self) | {"_geometries": None}

    def locate(self, lon: Floats, lat: Floats) -> Ints:
        """Each point's grids as positions of rows of the frame, shape (n, n_levels), level 1 first, -1 = none.

        ``lon`` and ``lat`` in degrees, of equal length; NaN and infinite ones have no grid.
        """
        lon, lat = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
        deepest = np.full(lon.size, -1)
        for index in reversed(range(len(self._rows))):
            if (left := np.flatnonzero(deepest < 0)).size:
                owner = self._locator(index).owners(lon[left], lat[left])
                deepest[left] = np.append(self._rows[index], -1)[owner]
        grids: Ints = self._lineage[deepest]
        return grids

    def _locator(self, index: int) -> Locator:
        """A level's locator, built when a point first needs it."""
        if index not in self._locators:
            rows = self._rows[index]
            self._locators[index] = Locator.build([self._codes[row] for row in rows], self._geometries[rows])
        return self._locators[index]


def lineage(rows: Sequence[Ints], codes: Sequence[str], parents: Sequence[object]) -> Ints:
    """Each grid's ancestors and itself by level, -1 = none; at the end one line of -1, for "no grid"."""
    lines = np.full((len(codes) + 1, len(rows)), -1)
    above: dict[object, int] = {}
    for index, members in enumerate(rows):
        lines[members] = lines[[above.get(parents[row], -1) for row in members]]
        lines[members, index] = members
        above = {codes[row]: row for row in reversed(members)}
    return lines
