"""The cells of the locator's raster that edges touch, laid in stripes of rows: candidates, edges and what they turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gridmgmt.places import cell_parts
from gridmgmt.places.raster import (
    EDGE_PARTS,
    Axis,
    Bools,
    Bytes,
    Floats,
    Ints,
    Positions,
    cell_owners,
    changes,
    inside_runs,
    shared,
    shifted_side,
    spread,
    touched_cells,
)
from gridmgmt.places.threads import side_by_side

_STRIPE = 100_000
"""Edges of a stripe, about so many: so few that most of what is computed of them stays in a core's cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """What is known of some rows of cells.

    A *candidate* is a polygon that may own points of an edge cell. Eight candidates at most, in code order, are a
    *block*, each a bit of a byte; where a cell has more, its next block follows. An edge stands once in a block,
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

    owner: Positions
    sure: NDArray[np.uint64]
    first_edge: Ints
    first_candidate: Ints
    goes_on: Bools
    start: Bytes
    candidate: Positions
    segments: Floats
    turns: Bytes


def lay(segments: Floats, rank: Ints, by_code: Positions, columns: Axis, rows: Axis) -> Blocks:
    """All edges of all polygons and these polygons' ranks, put into the cells of a raster.

    Stripes are cut by the number of edges only, so that the outcome depends on no number of threads.
    """
    first, last = (rows.cells(segments[end]).astype(np.int16) for end in (1, 3))
    borders = np.linspace(0, rows.size, min(rows.size, 1 + rank.size // _STRIPE) + 1).astype(np.int64)
    parts = columns.in_parts(), rows.in_parts()
    laid: dict[int, Blocks] = {}

    def lay_stripe(start: int, stop: int) -> None:
        some = np.flatnonzero((first < stop) & (last >= start))
        axes = columns, rows.stripe(start, stop)
        fine = parts[0], parts[1].stripe(EDGE_PARTS * start, EDGE_PARTS * stop)
        laid[start] = _laid(segments.take(some, axis=1), rank.take(some), by_code, axes, fine)

    side_by_side([partial(lay_stripe, *ends) for ends in zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True)])
    return _joined([laid[start] for start in borders[:-1].tolist()])


def _laid(
    segments: Floats, rank: Ints, by_code: Positions, axes: tuple[Axis, Axis], parts: tuple[Axis, Axis]
) -> Blocks:
    """The blocks of a stripe, of the edges that reach it."""
    columns, rows = axes
    segments, rank, first_rank = shared(segments, rank)
    run_rank, first, stop = inside_runs(segments, rank, first_rank, columns, rows)
    owner = cell_owners(columns.size * rows.size, by_code[run_rank], run_rank, first, stop)

    cell, edge = touched_cells(segments, columns, rows)
    is_first = changes(cell)
    edge_cells, edge_cell = cell[is_first], np.cumsum(is_first) - 1
    n_ranks = by_code.size + 1
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
    cell_of_block = np.repeat(edge_cells, np.diff(first_block, append=first_candidate.size))
    owner[edge_cells] = -2 - first_block

    block, edge, mask = _edges_of_blocks(block_of, bit, np.searchsorted(key, edge_key), edge[pair])
    row, column = np.divmod(cell_of_block, columns.size)
    segments = segments.take(edge, axis=1)
    turns, starts_left = _turns(segments, columns.reference[column[block]], rows.reference[row[block]], mask)
    inside = np.searchsorted(key, inside_key)
    start = np.zeros(first_candidate.size, np.uint8)
    np.bitwise_or.at(start, block_of[inside], bit[inside])
    np.bitwise_xor.at(start, block[starts_left], mask[starts_left])
    first_edge = np.searchsorted(block, np.arange(first_candidate.size + 1))
    place_of_block = EDGE_PARTS * column, EDGE_PARTS * row
    return Blocks(
        owner=owner,
        sure=cell_parts.sure(parts, place_of_block, np.diff(first_edge), segments, turns, start),
        first_edge=first_edge,
        first_candidate=np.append(first_candidate, key.size),
        goes_on=np.append(cell_of_block[1:] == cell_of_block[:-1], False)[: cell_of_block.size],
        start=start,
        candidate=by_code[key % n_ranks],
        segments=np.ascontiguousarray(segments.T),
        turns=turns,
    )


def _joined(stripes: Sequence[Blocks]) -> Blocks:
    """Stripes put together: blocks, edges and candidates counted on from one to the next."""
    n_blocks = 0
    for stripe in stripes:
        stripe.owner[stripe.owner < -1] -= n_blocks
        n_blocks += stripe.start.size
    return Blocks(
        owner=np.concatenate([stripe.owner for stripe in stripes]),
        sure=np.concatenate([stripe.sure for stripe in stripes]),
        first_edge=_counted_on([stripe.first_edge for stripe in stripes]),
        first_candidate=_counted_on([stripe.first_candidate for stripe in stripes]),
        goes_on=np.concatenate([stripe.goes_on for stripe in stripes]),
        start=np.concatenate([stripe.start for stripe in stripes]),
        candidate=np.concatenate([stripe.candidate for stripe in stripes]),
        segments=np.concatenate([stripe.segments for stripe in stripes]),
        turns=np.concatenate([stripe.turns for stripe in stripes]),
    )


def _counted_on(firsts: Sequence[Ints]) -> Ints:
    """Where each begins in all, of where it begins in its own stripe; at the end their number."""
    counts = np.concatenate([np.diff(first) for first in firsts])
    return np.append(0, np.cumsum(counts))


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
    """:attr:`Blocks.turns`, and whether an edge has its cell's reference point on its left.

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
