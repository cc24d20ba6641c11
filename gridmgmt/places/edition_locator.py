"""Point → the grids of an edition, all its levels from one join: the leaf decides (叶网格定归属)."""

from collections.abc import Sequence
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd

from gridmgmt.places.locator import Locator, in_parts, vectors
from gridmgmt.places.raster import Floats, Ints, Positions


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
    laid
        Each level's locator, the city's first, where they were built of such a frame before: its geometry is not read.
    """

    def __init__(self, frame: pd.DataFrame, n_levels: int, laid: Sequence[Locator] = ()) -> None:
        self._codes: list[str] = frame["code"].tolist()
        self._geometries = None if laid else np.asarray(frame["geometry"], dtype=object)
        level = frame["level"].to_numpy()
        self._rows = [np.flatnonzero(level == number) for number in range(1, n_levels + 1)]
        self._lineage = lineage(self._rows, self._codes, frame["parent_code"].tolist())
        self._locators: dict[int, Locator] = dict(enumerate(laid))
        self._building = Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Travels with every level's locator, and without the shapes that these were built of."""
        self.levels()
        return {n: v for n, v in vars(self).items() if n != "_building"} | {"_geometries": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _building=Lock())

    def levels(self) -> list[Locator]:
        """Each level's locator, the city's first; those that no point needed yet are built."""
        return [self._locator(index) for index in range(len(self._rows))]

    def locate(self, lon: Floats, lat: Floats) -> Positions:
        """Each point's grids as positions of rows of the frame, shape (n, n_levels), level 1 first, -1 = none.

        ``lon`` and ``lat`` in degrees, of equal length; NaN and infinite ones have no grid.
        """
        lon, lat = vectors(lon, lat)
        leaf, grids = len(self._rows) - 1, np.empty((lon.size, len(self._rows)), np.int32)
        owner, lines = self._locator(leaf).owners(lon, lat), self._lines(leaf)
        left: list[Ints] = []

        def write(part: slice) -> None:
            lines.take(owner[part], axis=0, mode="wrap", out=grids[part])
            left.append(np.flatnonzero(owner[part] < 0) + part.start)

        in_parts(lon.size, write)
        without = np.concatenate(left) if left else np.empty(0, np.int64)
        for level in reversed(range(leaf)):
            if not without.size:
                break
            owner = self._locator(level).owners(lon.take(without), lat.take(without))
            found = np.flatnonzero(owner >= 0)
            grids[without[found]] = self._lines(level).take(owner[found], axis=0)
            without = without[owner < 0]
        return grids

    def _lines(self, index: int) -> Positions:
        """The lineage of each grid of a level in the order of its locator, and at the end that of no grid."""
        return self._lineage.take(np.append(self._rows[index], -1), axis=0, mode="wrap")

    def line_at(self, lon: float, lat: float) -> Positions:
        """:meth:`locate` of one point."""
        for index in reversed(range(len(self._rows))):
            owner = self._locator(index).owner_at(lon, lat)
            if owner >= 0:
                return self.line_of(int(self._rows[index][owner]))
        return self.line_of(-1)

    def is_of_one_leaf(self, box: tuple[float, float, float, float]) -> bool:
        """Whether one leaf owns a whole box (west, south, east, north) and no border comes near it; False: unsure."""
        return self._locator(len(self._rows) - 1).owner_of_box(*box) >= 0

    def line_of(self, row: int) -> Positions:
        """A row's grids as positions of rows, level 1 first; -1: none."""
        line: Positions = self._lineage[row]
        return line

    def _locator(self, index: int) -> Locator:
        """A level's locator, built when a point first needs it: by one thread, the others wait."""
        with self._building:
            if self._geometries is not None and index not in self._locators:
                rows = self._rows[index]
                self._locators[index] = Locator.build([self._codes[row] for row in rows], self._geometries[rows])
            return self._locators[index]


def lineage(rows: Sequence[Ints], codes: Sequence[str], parents: Sequence[object]) -> Positions:
    """Each grid's ancestors and itself by level, -1 = none; at the end one line of -1, for "no grid"."""
    lines = np.full((len(codes) + 1, len(rows)), -1, np.int32)
    above: dict[object, int] = {}
    for index, members in enumerate(rows):
        lines[members] = lines[[above.get(parents[row], -1) for row in members]]
        lines[members, index] = members
        above = {codes[row]: row for row in reversed(members)}
    return lines
