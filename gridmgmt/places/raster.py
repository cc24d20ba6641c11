"""The raster that the locator lays over a coverage, its edges in it, and the exact side of a point about an edge."""

import math
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Positions = NDArray[np.int32]

PAIRS, BUCKETS = 2_000_000, 1 << 16
"""Cells of polygons handled at once; equal steps that the cells of an axis are put together from."""

EDGE_PARTS = 8
"""A cell has so many parts along each axis, told apart where an edge comes near."""

SURE, TINY = (3 + 16 * 2**-53) * 2**-53, float(np.finfo(np.float64).tiny)
"""Error bounds of the orientation determinant: relative (Shewchuk 1997, ccwerrboundA), and for underflow."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of the raster: narrow cells where many edges end, wide ones elsewhere.

    ``low`` and ``high`` are the coverage's ends; ``borders`` (size + 1) says to within ``pad``
    where :meth:`cells` changes; ``reference`` is a coordinate inside each cell, off its
    middle, where regular grids have edges. ``part_of_bucket`` tells the parts of a cell apart.
    """

    low: float
    high: float
    origin: float
    scale: float
    cell_of_bucket: NDArray[np.int32]
    part_of_bucket: Bytes
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
            return cls(low, high, 0.0, 0.0, np.zeros(1, np.int32), np.zeros(1, np.uint8), borders, middle, pad)
        bucket = np.minimum(((ends.ravel() - low) * scale).astype(np.int64), size - 1)
        weight = np.cumsum(np.bincount(bucket, minlength=size) / bucket.size + 1 / size)
        first = np.unique(np.searchsorted(weight, weight[-1] * np.arange(n_cells) / n_cells))
        cell = np.repeat(np.arange(first.size), np.diff(first, append=size))
        part = EDGE_PARTS * (np.arange(size) - first[cell]) // np.diff(first, append=size)[cell]
        borders, reference = _laid(low, high, first, scale)
        return cls(low, high, low, scale, cell.astype(np.int32), part.astype(np.uint8), borders, reference, pad)

    def in_parts(self) -> "Axis":
        """The same with the parts of its cells as cells; those of less than a step are empty."""
        cell = self.cell_of_bucket * np.int32(EDGE_PARTS) + self.part_of_bucket
        if not self.scale:
            return self
        first = np.searchsorted(cell, np.arange(EDGE_PARTS * self.size))
        borders, reference = _laid(self.low, self.high, first, self.scale)
        return replace(self, cell_of_bucket=cell, borders=borders, reference=reference)

    def stripe(self, first: int, stop: int) -> "Axis":
        """Some of its cells, counted from the first; what lies before and after is taken for the nearest one's."""
        cell = np.clip(self.cell_of_bucket - np.int32(first), 0, stop - first - 1)
        borders, reference = self.borders[first : stop + 1], self.reference[first:stop]
        return replace(self, cell_of_bucket=cell, borders=borders, reference=reference)

    @property
    def size(self) -> int:
        """Number of cells."""
        return self.reference.size

    def spans(self, values: Floats) -> Bools:
        """Whether values lie on the axis."""
        return (values >= self.low) & (values <= self.high)

    def cell(self, value: float) -> int:
        """The cell of one value on the axis, as :meth:`cells` has it."""
        return int(self.cell_of_bucket[self._bucket(value)])

    def part(self, value: float) -> int:
        """The part of its cell in which one value on the axis lies."""
        return int(self.part_of_bucket[self._bucket(value)])

    def _bucket(self, value: float) -> int:
        return min(max(int((value - self.origin) * self.scale), 0), self.cell_of_bucket.size - 1)

    def buckets(self, values: Floats) -> NDArray[np.int32]:
        """The step of each value on the axis, not yet held between the first and the last."""
        scaled = values - self.origin
        scaled *= self.scale
        return scaled.astype(np.int32)

    def cells(self, values: Floats) -> Ints:
        """The cell of each value on the axis: a larger value is never in a lower cell."""
        return self.cell_of_bucket.take(self.buckets(values), mode="clip").astype(np.int64)

    def references_below(self, values: Floats) -> Ints:
        """How many reference points are smaller than each value on the axis: of lower cells, and its own or not."""
        cell = self.cells(values)
        below: Ints = cell + (self.reference.take(cell) < values)
        return below


def _laid(low: float, high: float, first: Ints, scale: float) -> tuple[Floats, Floats]:
    """The borders of an axis by the first step of each cell, and the reference points."""
    borders = np.append(low + first / scale, high)
    return borders, 0.5129 * borders[:-1] + 0.4871 * borders[1:]


def edges(polygons: NDArray[np.object_]) -> tuple[Floats, Ints]:
    """All ring edges (x1, y1, x2, y2), shape (4, n), lower end first (else the western); position of the polygon."""
    parts, polygon = shapely.get_parts(polygons, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    ends = np.ascontiguousarray(shapely.get_coordinates(rings).T)
    if not np.isfinite(ends).all():
        raise ValueError("a polygon has a NaN or infinite coordinate: mend the layer")
    corners = shapely.get_num_coordinates(rings)
    polygon, corners = polygon[part[corners > 0]], corners[corners > 0]
    joins = np.ones(max(ends.shape[1] - 1, 0), np.bool_)
    joins[(np.cumsum(corners) - 1)[:-1]] = False  # a ring's last corner is not joined to the next one's first
    (x1, y1), (x2, y2) = ends[:, :-1], ends[:, 1:]
    turn = (y1 > y2) | ((y1 == y2) & (x1 > x2))
    segments = [np.where(turn, a, b).compress(joins) for a, b in ((x2, x1), (y2, y1), (x1, x2), (y1, y2))]
    return np.stack(segments), np.repeat(polygon, corners - 1)


def spread(first: Ints, stop: Ints) -> tuple[Ints, Ints]:
    """Ranges ``first <= number < stop`` written out: for every number its range, and the number."""
    count = np.maximum(stop - first, 0)
    which = np.repeat(np.arange(count.size), count)
    return which, np.arange(which.size) + np.repeat(first - np.cumsum(count) + count, count)


def changes(values: NDArray[np.integer]) -> Bools:
    """Where a value differs from the one before; the first does."""
    out = np.ones(values.size, np.bool_)
    np.not_equal(values[1:], values[:-1], out=out[1:])
    return out


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


def shifted_side(segments: Floats, x: Floats, y: Floats, wanted: Bools) -> NDArray[np.int8]:
    """Side of points shifted by (ε, ε²) where wanted, else 0: what is on a line goes right, on a level one up."""
    result = np.zeros(x.size, np.int8)
    some = np.flatnonzero(wanted)
    segments = segments.take(some, axis=1)
    exact = side(segments, x.take(some), y.take(some))
    result[some] = np.where(exact == 0, np.where(segments[1] == segments[3], 1, -1), exact)
    return result


def shared(segments: Floats, polygon: Ints) -> tuple[Floats, Ints, Ints]:
    """Each edge once that neighbours share: segments (4, n); polygons, those of an edge together; where they begin.

    An edge that a polygon has twice is two, so that both count. Equal edges that are
    taken for different ones cost time, no more. Edges stay in the order in which they are
    met first, so that what lies side by side on the ground does so in memory.
    """
    mixed = np.zeros(polygon.size, np.uint64)
    for row in segments + 0.0:  # -0.0 is 0.0
        mixed = (mixed ^ row.view(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    low = np.uint64((1 << polygon.size.bit_length()) - 1)
    order = (np.sort(mixed & ~low | np.arange(polygon.size, dtype=np.uint64)) & low).astype(np.int64)
    one, other = order[:-1], order[1:]
    is_same = polygon.take(one) != polygon.take(other)
    for row in segments:
        is_same &= row.take(one) == row.take(other)
    first = np.flatnonzero(np.append(True, ~is_same)[: polygon.size])
    met = np.sort(order[first] << 32 | np.arange(first.size)) & ((1 << 32) - 1)
    first, stop = first[met], np.append(first, polygon.size)[met + 1]
    _, place = spread(first, stop)
    return segments.take(order[first], axis=1), polygon[order[place]], np.append(0, np.cumsum(stop - first))


def touched_cells(segments: Floats, columns: Axis, rows: Axis) -> tuple[Ints, Ints]:
    """Cells that the closed segments touch, at most a few more: (cell, edge) pairs in their order."""
    edge, row = spread(rows.cells(segments[1]), rows.cells(segments[3]) + 1)
    first, last = reached(segments.take(edge, axis=1), row, columns, rows)
    pair, column = spread(first, last + 1)
    cell, edge = np.divmod(np.sort((row[pair] * columns.size + column) << 32 | edge[pair]), 1 << 32)
    return cell, edge


def reached(segments: Floats, row: Ints, columns: Axis, rows: Axis) -> tuple[Ints, Ints]:
    """The first and the last column that segments touch in a row each, at most a few more."""
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        enter = crossing(segments, rows.borders.take(row) - rows.pad)
        leave = crossing(segments, rows.borders.take(row + 1) + rows.pad)
        west, east = np.minimum(segments[0], segments[2]), np.maximum(segments[0], segments[2])
        first = columns.cells(np.clip(np.minimum(enter, leave) - columns.pad, west, east))
        last = columns.cells(np.clip(np.maximum(enter, leave) + columns.pad, west, east))
    return first, last


def crossing(segments: Floats, y: Floats) -> Floats:
    """Where segments are at a height each, of their ends where they do not reach it; by halves, lest it overflow."""
    x1, y1, x2, y2 = segments
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        share = np.clip((y / 2 - y1 / 2) / (y2 / 2 - y1 / 2), 0, 1)
        at: Floats = x1 * (1 - share) + x2 * share
    return at


def inside_runs(
    segments: Floats, polygon: Ints, first_polygon: Ints, columns: Axis, rows: Axis
) -> tuple[Ints, Ints, Ints]:
    """Cells whose shifted reference point a polygon contains, as runs in a row: polygon, first cell, stop cell."""
    first_row, stop_row = rows.references_below(segments[1]), rows.references_below(segments[3])
    edge, row = spread(first_row, stop_row)  # y1 <= reference < y2
    column = _first_right(segments.take(edge, axis=1), rows.reference[row], columns)
    pair, which = spread(first_polygon[edge], first_polygon[edge + 1])
    # In the order of polygon, row and column each edge opens a run and the next one closes it.
    ends = np.sort((polygon[which] * rows.size + row[pair]) * (columns.size + 1) + column[pair])
    line, column = np.divmod(ends, columns.size + 1)
    owner, row = np.divmod(line[::2], rows.size)
    first, stop = row * columns.size + column[::2], row * columns.size + column[1::2]
    filled = np.flatnonzero(first < stop)
    return owner[filled], first[filled], stop[filled]


def _first_right(segments: Floats, y: Floats, columns: Axis) -> Ints:
    """The first column whose reference point, shifted, at height y lies right of the edge: guessed, then proven."""
    (x1, y1, x2, y2), reference = segments, columns.reference
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        column = columns.references_below(x1 + (y - y1) / (y2 - y1) * (x2 - x1))
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


def cell_owners(n_cells: int, position: NDArray[np.int32], rank: Ints, first: Ints, stop: Ints) -> NDArray[np.int32]:
    """By cell, the position of the smallest code whose run covers it, else -1."""
    owner = np.full(n_cells, -1, np.int32)
    descending = np.argsort(-rank, kind="stable")  # the last write, of the smallest code, stays
    for part in np.array_split(descending, 1 + int((stop - first).sum()) // PAIRS):
        run, cell = spread(first[part], stop[part])
        owner[cell] = position[part][run]
    return owner
