"""Parts of edge cells (边界格细分): where in a cell no edge comes near, so that its owner there is known.

An edge cell has eight times eight parts, each a bit of a number. A part that no edge touches has one owner: the one at
the part's own reference point, to which the walk of :mod:`gridmgmt.places.locator` goes from that of the cell. Which
way it turns about an edge below or above it is exact; on which side of an edge beside it a reference point lies is
only wrong, by rounding, where the edge touches its part, and of these nothing is told.
"""

import numpy as np
from numpy.typing import NDArray

from gridmgmt.places.raster import EDGE_PARTS, Axis, Bytes, Floats, Ints, crossing, reached, spread

_Bits = NDArray[np.uint64]

_LOWER = np.array([(1 << n) - 1 for n in range(EDGE_PARTS + 1)], np.uint64)
"""The first so many parts of the lowest row."""

_ROWS = np.array([(1 << EDGE_PARTS * n) - 1 for n in range(EDGE_PARTS + 1)], np.uint64)
"""The first so many rows of parts."""


def sure(
    axes: tuple[Axis, Axis], place: tuple[Ints, Ints], n_edges: Ints, segments: Floats, turns: Bytes, start: Bytes
) -> _Bits:
    """By block, the parts that are sure to belong to its first or second candidate, and those of the second: (n, 2).

    Nothing is told where the coverage is too narrow or too wide for cells.

    Parameters
    ----------
    axes
        The columns and rows of parts (:meth:`gridmgmt.places.raster.Axis.in_parts`).
    place
        By block, the column and row of its cell's first part.
    n_edges
        By block, how many edges it has: as they follow in the others.
    segments
        By edge, shape (4, n).
    turns, start
        As :class:`gridmgmt.places.blocks.Blocks` has them.
    """
    (columns, rows), (column, row) = axes, place
    if not (columns.scale and rows.scale):
        return np.zeros((start.size, 2), np.uint64)
    block = np.repeat(np.arange(start.size), n_edges)
    some = np.flatnonzero(n_edges)
    first_edge = (np.cumsum(n_edges) - n_edges)[some]
    touched = _touched(columns, rows, column[block], row[block], segments)
    turned = _turned(columns, rows, column[block], row[block], segments, turns)
    free, inside = np.full(start.size, _ROWS[-1]), []
    free[some] &= ~np.bitwise_or.reduceat(touched, first_edge)
    for bit in np.array([1, 2], np.uint8):
        found = np.where(start & bit, _ROWS[-1], _ROWS[0])
        found[some] ^= np.bitwise_xor.reduceat(np.where(turns[:, 2] & bit, turned, _ROWS[0]), first_edge)
        inside.append(found)
    first, second = inside
    return np.stack([free & (first | second), free & ~first & second], axis=1)


def _touched(columns: Axis, rows: Axis, column: Ints, row: Ints, segments: Floats) -> _Bits:
    """By edge, the parts of its cell that it touches, at most a few more."""
    lowest = np.maximum(rows.cells(segments[1]), row)
    edge, at = spread(lowest, np.minimum(rows.cells(segments[3]), row + EDGE_PARTS - 1) + 1)
    first, last = reached(segments.take(edge, axis=1), at, columns, rows)
    west = column.take(edge)
    first, stop = _within(first - west), _within(last - west + 1)
    return _joined(_LOWER.take(stop) & ~_LOWER.take(first), edge, at - row.take(edge), row.size)


def _turned(columns: Axis, rows: Axis, column: Ints, row: Ints, segments: Floats, turns: Bytes) -> _Bits:
    """By edge, the parts that it turns: those below it, those above it, those on its left, as :attr:`Blocks.turns`."""
    below, stop = (_within(rows.references_below(segments[end]) - row) for end in (1, 3))
    out = np.where(turns[:, 0], _ROWS.take(below), _ROWS[0])
    out |= np.where(turns[:, 1], ~_ROWS.take(stop), _ROWS[0])
    edge, at = spread(below, stop)
    y = rows.reference.take(at + row.take(edge))
    left = columns.references_below(crossing(segments.take(edge, axis=1), y)) - column.take(edge)
    return out | _joined(_LOWER.take(_within(left)), edge, at, row.size)


def _within(parts: Ints) -> Ints:
    """Numbers of parts counted from a cell's first, held within it."""
    return np.clip(parts, 0, EDGE_PARTS)


def _joined(bits: _Bits, edge: Ints, at: Ints, n: int) -> _Bits:
    """Bits of rows put into their places and together, by edge; the edges of the bits stand in order."""
    bits = bits << (EDGE_PARTS * at).astype(np.uint64)
    count = np.bincount(edge, minlength=n)
    some = np.flatnonzero(count)
    out = np.zeros(n, np.uint64)
    if some.size:
        out[some] = np.bitwise_or.reduceat(bits, (np.cumsum(count) - count)[some])
    return out
