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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gridmgmt.places.blocks import Blocks, lay
from gridmgmt.places.raster import EDGE_PARTS, PAIRS, Axis, Bytes, Floats, Ints, Positions, edges, side, spread
from gridmgmt.places.threads import side_by_side

POINTS = 50_000
"""Points handled at once, so few that what is computed of them stays in a core's cache."""

MIN_CELLS, MAX_CELLS = 16, 2048
"""Cells of an axis, between them 3 √edges."""

_LOWEST = np.array([(i & -i).bit_length() - 1 for i in range(256)], dtype=np.int8)
"""The lowest bit of a byte that is set, by byte; -1 of 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Locator(Blocks):
    """Who owns a point among the polygons of one level (归属网格): who covers it, on ties the smallest code.

    Made by :meth:`build`: the blocks of a whole raster, and its axes.
    """

    columns: Axis
    rows: Axis

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
        laid = lay(segments, rank, by_code, columns, rows)
        return cls(**{field.name: getattr(laid, field.name) for field in fields(laid)}, columns=columns, rows=rows)

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
        if found >= -1:
            return found
        block, part = -2 - found, EDGE_PARTS * self.rows.part(y) + self.columns.part(x)
        sure, second = self.sure[block].tolist()
        if sure >> part & 1:
            return int(self.candidate[int(self.first_candidate[block]) + (second >> part & 1)])
        return int(self._walk(np.array([x]), np.array([y]), np.array([block]))[0])

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
    """Do a work for parts of so many points, side by side."""
    side_by_side([partial(work, slice(first, first + POINTS)) for first in range(0, n, POINTS)])
