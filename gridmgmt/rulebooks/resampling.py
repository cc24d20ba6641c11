"""Facts drawn again with replacement (重抽样): alike ones together, so that a draw is one number a pattern."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridmgmt.rulebooks.rescoring import NEAR, Array


@dataclass(frozen=True)
class Table:
    """One subject's patterns over the inputs that matter: strata of (amounts by pattern and input, counts)."""

    names: tuple[str, ...]
    strata: tuple[tuple[Array, NDArray[np.int64]], ...]

    @property
    def sums(self) -> Array:
        """What the facts add up to, undisturbed."""
        return sum((counts @ rows for rows, counts in self.strata), np.zeros(len(self.names)))


def table_of(
    amounts: Mapping[str, NDArray[Any]], counts: NDArray[Any], strata: NDArray[Any] | None, names: Sequence[str]
) -> Table:
    """The patterns over these inputs, alike ones joined, the most frequent first; their order on entry is no matter.

    A fact that adds to none of the inputs is drawn too: it is one of the subject's facts.
    """
    held = tuple(n for n in names if n in amounts)
    if not held:
        return Table((), ())
    number = np.asarray(counts, dtype=np.int64)
    rows = np.stack([np.asarray(amounts[n], dtype=np.float64) for n in held], axis=1)
    stratum = np.zeros(len(number), dtype=np.int64) if strata is None else np.asarray(strata)
    out = []
    for one in np.unique(stratum[number > 0]):
        own = (stratum == one) & (number > 0)
        distinct, n = _joined(rows[own], number[own])
        order = np.argsort(-n, kind="stable")
        out.append((distinct[order], n[order]))
    return Table(held, tuple(out))


def _joined(rows: Array, number: NDArray[np.int64]) -> tuple[Array, NDArray[np.int64]]:
    """The distinct rows in their order, column by column, each with the sum of its numbers."""
    order = np.lexsort(rows.T[::-1])
    rows = rows[order]
    is_new = np.ones(len(rows), dtype=np.bool_)
    is_new[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    first = np.flatnonzero(is_new)
    return rows[first], np.add.reduceat(number[order], first)


def draw(table: Table, seed: str, code: str, draws: int) -> Array:
    """Sums over as many facts, drawn with replacement in each stratum; shape (draws, inputs).

    ``seed`` is hexadecimal; with it and the code a subject's draws are the same
    whoever else is drawn. They are those of the numpy version that is pinned.
    """
    own = hashlib.sha256(code.encode()).digest()[:8].hex()
    rng = np.random.default_rng([int(seed, 16), int(own, 16)])
    out = np.zeros((draws, len(table.names)))
    for rows, counts in table.strata:
        n = int(counts.sum())
        out += rng.multinomial(n, counts / n, size=draws) @ rows
    return out


def interval(values: Array, level: float) -> tuple[Array, Array]:
    """The values between which at least that share of each row lies; NaN counts for nothing, only NaN gives NaN."""
    held = np.sort(values, axis=1)
    n = (~np.isnan(values)).sum(axis=1)
    tail = np.floor(n * (1 - level) / 2 + NEAR).astype(np.int64)
    rows = np.arange(len(values))
    return held[rows, tail], held[rows, np.maximum(n - 1 - tail, 0)]


def ranked(totals: Array) -> Array:
    """Competition ranks (1, 1, 3) in every column, the largest total first; NaN has none."""
    draws = np.ascontiguousarray(-totals.T)  # a draw lies together, its best first
    order = np.argsort(draws, axis=1)  # equal ones share a rank, whichever comes first
    rising = np.take_along_axis(draws, order, axis=1)
    place = np.tile(np.arange(1.0, len(totals) + 1), (len(draws), 1))
    place[:, 1:][~(rising[:, 1:] - rising[:, :-1] > NEAR)] = 0.0
    ranks = np.empty(draws.shape)
    np.put_along_axis(ranks, order, np.maximum.accumulate(place, axis=1), axis=1)
    return np.where(np.isnan(totals), np.nan, ranks.T)
