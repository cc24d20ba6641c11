"""Point → grid, the spatial join (空间归属): exact and vectorised, among the polygons of one level.

A raster lies over the coverage. A cell that no edge touches has one owner, so
its points cost one look-up. A cell with edges keeps them, and for each of its
polygons whether the cell's *reference point* is inside: a point walks from
there to its place, first north or south, then east or west, and each edge it
crosses takes it in or out. What an edge does to a point that is below or above
both its ends is known when the raster is laid; only an edge beside the point
is asked on which side of it the point is.

What makes it exact, on the stored float64 coordinates and straight segments:

- A point's cell and an edge's cells come from the same monotone function of a
  coordinate, so no edge on a point's way is missing from its cell.
- Whether a walk crosses an edge is asked of :func:`gridmgmt.places.raster.side` only, which falls
  back to integers where float64 cannot decide.
- A walk through a vertex or along an edge is settled by shifting every point
  by (ε, ε²), infinitely little, so that it never happens (simulation of
  simplicity, Edelsbrunner and Mücke 1990). A point on an edge is seen before
  the shift, and covered.
"""

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridmgmt.places import cell_parts
from gridmgmt.places.raster import (
    EDGE_PARTS,
    PAIRS,
    Axis,
    Bools,
    Bytes,
    Floats,
    Ints,
    cell_owners,
    changes,
    edges,
    inside_runs,
    shared,
    shifted_side,
    side,
    spread,
    touched_cells,
)

Positions = NDArray[np.int32]

POINTS = 50_000
"""Points handled at once, so few that what is computed of them stays in a core's cache."""

MIN_CELLS, MAX_CELLS = 16, 2048
"""Cells of an axis, between them 3 √edges."""

_LOWEST = np.array([(i & -i).bit_length() - 1 for i in range(256)], dtype=np.int8)
"""The lowest bit of a byte that is set, by byte; -1 of 0."""


@dataclass(frozen=True, slots=True)
class Locator:
    """Who owns a point among the polygons of one level (归属网格): who covers it, on ties the smallest code.

    Made by :meth:`build`. A *candidate* is a polygon that may own points of an edge
    cell. Eight candidates at most, in code order, are a *block*, each a bit of a byte;
    where a cell has more, its next block follows. An edge stands once in a block,
    however many of the block's candidates have it.

    Attributes
    ----------
    owner
        By cell, row by row: ≥ 0 the position of the only owner, -1 none, -2 - i an edge cell whose first block is i.
    sure
        By block, the parts of the cell that its first or second candidate is sure to own, and those of the second
        (:func:`gridmgmt.places.cell_parts.sure`).
    first_edge, first_candidate
        Where the edges and the candidates of a block begin; one more than there are blocks.
    goes_on
        By block: whether the next one is of the same cell.
    start
        By block: candidates that contain the reference point, each turned by all its edges that have the point on
        their left.
    candidate
        By candidate: its position.
    segments
        By edge: x1, y1, x2, y2, shape (n, 4).
    turns
        By edge, shape (n, 4): the candidates that it turns where a point is below it, above it, on its left (all that
        have the edge), on its right (none).
    """

    columns: Axis
    rows: Axis
    owner: Positions
    sure: NDArray[np.uint64]
    first_edge: Ints
    first_candidate: Ints
    goes_on: Bools
    start: Bytes
    candidate: Positions
    segments: Floats
    turns: Bytes

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
        n_cells = min(max(int(3 * math.sqrt(rank.size)), MIN_CELLS), MAX_CELLS)
        columns, rows = Axis.over(segments[[0, 2]], n_cells), Axis.over(segments[[1, 3]], n_cells)
        segments, rank, first_rank = shared(segments, rank)
        run_rank, first, stop = inside_runs(segments, rank, first_rank, columns, rows)
        owner = cell_owners(columns.size * rows.size, by_code[run_rank], run_rank, first, stop)

        cell, edge = touched_cells(segments, columns, rows)
        is_first = changes(cell)
        edge_cells, edge_cell = cell[is_first], np.cumsum(is_first) - 1
        n_ranks = len(codes) + 1
        run, inside_cell = spread(np.searchsorted(edge_cells, first), np.searchsorted(edge_cells, stop))
        inside_key = inside_cell * n_ranks + run_rank[run]
        pair, which = spread(first_rank[edge], first_rank[edge + 1])
        edge_key = edge_cell[pair] * n_ranks + rank[which]
        key = _distinct(np.concatenate([_fewer(edge_key), inside_key]))  # one per candidate, cell by cell in code order

        of_cell = np.searchsorted(key, np.arange(edge_cells.size + 1) * n_ranks)
        place = np.arange(key.size) - np.repeat(of_cell[:-1], np.diff(of_cell))
        first_candidate = np.flatnonzero(place % 8 == 0)
        block_of, bit = np.cumsum(place % 8 == 0) - 1, np.left_shift(1, place % 8).astype(np.uint8)
        first_block = block_of[of_cell[:-1]]
        cell_of_block = np.repeat(np.arange(edge_cells.size), np.diff(first_block, append=first_candidate.size))
        owner[edge_cells] = -2 - first_block

        block, edge, mask = _edges_of_blocks(block_of, bit, np.searchsorted(key, edge_key), edge[pair])
        cell = edge_cells[cell_of_block]
        row, column = np.divmod(cell[block], columns.size)
        segments = segments.take(edge, axis=1)
        turns, starts_left = _turns(segments, columns.reference[column], rows.reference[row], mask)
        inside = np.searchsorted(key, inside_key)
        start = np.zeros(first_candidate.size, np.uint8)
        np.bitwise_or.at(start, block_of[inside], bit[inside])
        np.bitwise_xor.at(start, block[starts_left], mask[starts_left])
        first_edge = np.searchsorted(block, np.arange(first_candidate.size + 1))
        segments = np.ascontiguousarray(segments.T)
        return cls(
            columns=columns,
            rows=rows,
            owner=owner,
            sure=_sure(columns, rows, cell, first_edge, segments, turns, start),
            first_edge=first_edge,
            first_candidate=np.append(first_candidate, key.size),
            goes_on=np.append(cell_of_block[1:] == cell_of_block[:-1], False),
            start=start,
            candidate=by_code[key % n_ranks],
            segments=segments,
            turns=turns,
        )

    def owners(self, lon: Floats, lat: Floats) -> Positions:
        """The polygon that owns each point: its position in the codes of :meth:`build`, -1 = none.

        ``lon`` and ``lat`` in degrees, of equal length; NaN and infinite ones lie in no polygon.
        """
        lon, lat = vectors(lon, lat)
        owner, near = np.empty(lon.size, np.int32), list[tuple[Ints, Positions]]()

        def look_up(part: slice) -> None:
            owner[part], points, blocks = self._by_cell(lon[part], lat[part])
            near.append((points + part.start, blocks))

        in_parts(lon.size, look_up)
        if not near:
            return owner
        points, blocks = (np.concatenate(column) for column in zip(*near, strict=True))

        def walk(part: slice) -> None:
            some = points[part]
            owner[some] = self._by_walking(lon.take(some), lat.take(some), blocks[part])

        in_parts(points.size, walk)
        return owner

    def owner_at(self, x: float, y: float) -> int:
        """:meth:`owners` of one point, without a vector where it needs no walk."""
        if not (self.columns.low <= x <= self.columns.high and self.rows.low <= y <= self.rows.high):
            return -1
        found = int(self.owner[self.rows.cell(y) * self.columns.size + self.columns.cell(x)])
        return found if found >= -1 else int(self._walk(np.array([x]), np.array([y]), np.array([-2 - found]))[0])

    def owner_of_box(self, west: float, south: float, east: float, north: float) -> int:
        """The polygon that owns a whole box, if no edge comes near it; else -1: it may have several owners."""
        x, y = self.columns, self.rows
        if not (x.low <= west <= east <= x.high and y.low <= south <= north <= y.high):
            return -1
        cells = self.owner.reshape(y.size, x.size)[y.cell(south) : y.cell(north) + 1, x.cell(west) : x.cell(east) + 1]
        owner = int(cells[0, 0])
        return owner if owner >= 0 and bool((cells == owner).all()) else -1

    def _by_cell(self, x: Floats, y: Floats) -> tuple[Positions, Ints, Positions]:
        """Owners of points by their cell and in edge cells by their part; those near edges, and their block."""
        with np.errstate(invalid="ignore", over="ignore"):
            column, row = self.columns.buckets(x), self.rows.buckets(y)
        cell = self.rows.cell_of_bucket.take(row, mode="clip")
        cell *= np.int32(self.columns.size)
        cell += self.columns.cell_of_bucket.take(column, mode="clip")
        found = self.owner.take(cell, mode="clip")
        some = np.flatnonzero(found < -1)
        block = -2 - found.take(some)
        part = self.rows.part_of_bucket.take(row.take(some), mode="clip") * np.uint8(EDGE_PARTS)
        part += self.columns.part_of_bucket.take(column.take(some), mode="clip")
        told = self.sure.take(block, axis=0)
        told >>= part[:, np.newaxis]
        told &= np.uint64(1)
        candidate = self.first_candidate.take(block)
        candidate += told[:, 1].view(np.int64)
        found[some] = self.candidate.take(candidate)
        near = np.flatnonzero(told[:, 0] == 0)
        return found, some.take(near), block.take(near)

    def _by_walking(self, x: Floats, y: Floats, block: Positions) -> Positions:
        """Owners of points near edges, or taken for such as they lie beyond the coverage's ends; in bounded batches."""
        owner = np.full(x.size, -1, np.int32)
        inside = np.flatnonzero(self.columns.spans(x) & self.rows.spans(y))
        n_edges = self.first_edge.take(block.take(inside) + 1) - self.first_edge.take(block.take(inside))
        batch = np.cumsum(n_edges) // PAIRS
        for some in np.split(inside, np.flatnonzero(np.diff(batch)) + 1):
            owner[some] = self._walk(x.take(some), y.take(some), block.take(some))
        return owner

    def _walk(self, x: Floats, y: Floats, block: NDArray[np.integer]) -> Positions:
        """Owners of points in edge cells: the first candidate that the walk ends in, or on the edge of."""
        owner, walking = np.full(x.size, -1, np.int32), np.arange(x.size)
        while walking.size:  # once, but for cells of more than eight candidates
            covers = self._covers(x[walking], y[walking], block)
            found = np.flatnonzero(covers)
            candidate = self.first_candidate.take(block[found]) + _LOWEST.take(covers[found])
            owner[walking[found]] = self.candidate.take(candidate)
            on = np.flatnonzero((covers == 0) & self.goes_on.take(block))
            walking, block = walking[on], block[on] + 1
        return owner

    def _covers(self, x: Floats, y: Floats, block: NDArray[np.integer]) -> Bytes:
        """Which candidates of each point's block cover it."""
        first = self.first_edge.take(block)
        point, edge = spread(first, self.first_edge.take(block + 1))
        segments, px, py = self.segments.take(edge, axis=0), x.take(point), y.take(point)
        y1, y2 = segments[:, 1], segments[:, 3]
        case = (py >= y2).astype(np.int64)  # below, above
        beside = np.flatnonzero((py >= y1) & (py <= y2))
        x1, _, x2, top = near = segments.take(beside, axis=0).T
        bx, by = px.take(beside), py.take(beside)
        turn = side(near, bx, by)
        abreast = by < top
        case[beside[abreast]] = 3 - (turn[abreast] > 0)  # on its left, on its right
        covers = self.start.take(block)
        n_edges = self.first_edge.take(block + 1) - first
        some = np.flatnonzero(n_edges)
        turned = self.turns.reshape(-1).take(4 * edge + case)
        covers[some] ^= np.bitwise_xor.reduceat(turned, (np.cumsum(n_edges) - n_edges)[some])
        on = (turn == 0) & (abreast | ((np.minimum(x1, x2) <= bx) & (bx <= np.maximum(x1, x2))))
        ends_on = beside[on]
        np.bitwise_or.at(covers, point[ends_on], self.turns[edge[ends_on], 2])
        return covers


def vectors(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Two vectors of float64, refused unless they are of one length."""
    lon, lat = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
    if lon.ndim != 1 or lon.shape != lat.shape:
        raise ValueError(f"lon {lon.shape} and lat {lat.shape}: give two vectors of one length")
    return lon, lat


def in_parts(n: int, work: Callable[[slice], None]) -> None:
    """Do a work for parts of so many points, by as many threads as the process has cores (numpy lets others run)."""
    parts = [slice(first, first + POINTS) for first in range(0, n, POINTS)]
    threads = min(len(os.sched_getaffinity(0)), len(parts))
    if threads < 2:
        for part in parts:
            work(part)
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work, part) for part in parts]:
            done.result()


def _sure(
    columns: Axis, rows: Axis, cell: Ints, first_edge: Ints, segments: Floats, turns: Bytes, start: Bytes
) -> NDArray[np.uint64]:
    """:attr:`Locator.sure`; nothing of a coverage too narrow or too wide for cells."""
    known = np.zeros((cell.size, 2), np.uint64)
    columns, rows, n_columns = columns.in_parts(), rows.in_parts(), columns.size
    first_part = EDGE_PARTS * (cell // n_columns * columns.size + cell % n_columns)

    def tell(part: slice) -> None:
        edge = slice(first_edge[part.start], first_edge[min(part.stop, cell.size)])
        n_edges = np.diff(first_edge[part.start : part.stop + 1])
        known[part] = cell_parts.sure(
            columns, rows, first_part[part], n_edges, segments[edge], turns[edge], start[part]
        )

    if columns.scale and rows.scale:
        in_parts(cell.size, tell)
    return known


def _fewer(numbers: Ints) -> Ints:
    """The same without most that stand twice, as two polygons take turns where their border runs through a cell."""
    new = changes(numbers)
    new[2:] &= numbers[2:] != numbers[:-2]
    return numbers[new]


def _distinct(numbers: Ints) -> Ints:
    """Sorted, each once; by sorting, which is faster than :func:`numpy.unique`."""
    numbers.sort()
    distinct: Ints = numbers[changes(numbers)]
    return distinct


def _edges_of_blocks(block_of: Ints, bit: Bytes, candidate: Ints, edge: Ints) -> tuple[Ints, Ints, Bytes]:
    """Edges and candidates that have them, a pair each and in order of cells: by block each edge once, and whose."""
    block, bit = block_of[candidate], bit[candidate]
    if (np.diff(block) < 0).any():  # a cell of several blocks
        order = np.argsort(block, kind="stable")
        block, edge, bit = block[order], edge[order], bit[order]
    first = np.flatnonzero(changes(block) | changes(edge))
    return block[first], edge[first], np.bitwise_or.reduceat(bit, first) if first.size else bit


def _turns(segments: Floats, x: Floats, y: Floats, mask: Bytes) -> tuple[Bytes, Bools]:
    """:attr:`Locator.turns`, and whether an edge has its cell's reference point on its left.

    An edge east or west of the reference point has all its points on the same side as that.
    """
    x1, _, x2, _ = segments
    left = (x < x1) & (x < x2)  # of the point's shift by ε: on an end's height it is east of it
    passes = (x1 <= x) != (x2 <= x)
    starts_left = np.where(passes, shifted_side(segments, x, y, passes) > 0, left)
    below = np.where(passes, x2 < x1, left)
    above = np.where(passes, x1 < x2, left)
    zero = np.zeros_like(mask)
    turns = np.stack([np.where(below, mask, zero), np.where(above, mask, zero), mask, zero], axis=1)
    return turns, starts_left
