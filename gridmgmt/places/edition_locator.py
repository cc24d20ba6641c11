"""Point → the grids of an edition, all its levels from one join: the leaf decides (叶网格定归属)."""

from collections.abc import Sequence
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd

from gridmgmt.places.locator import Locator, Positions, in_parts, vectors
from gridmgmt.places.raster import Floats, Ints


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
        grids = np.empty((lon.size, len(self._rows)), np.int32)

        def look_up(part: slice) -> None:
            grids[part] = self._lineage.take(self._deepest(lon[part], lat[part]), axis=0)

        in_parts(lon.size, look_up)
        return grids

    def _deepest(self, lon: Floats, lat: Floats) -> Positions:
        """The row of the deepest grid that covers each point; -1 = none."""
        levels = list(reversed(range(len(self._rows))))
        deepest = self._row_of(levels[0], lon, lat)
        for index in levels[1:]:
            if (left := np.flatnonzero(deepest < 0)).size:
                deepest[left] = self._row_of(index, lon[left], lat[left])
        return deepest

    def _row_of(self, index: int, lon: Floats, lat: Floats) -> Positions:
        """The row of a level's grid that owns each point; -1 = none."""
        rows = np.append(self._rows[index], -1).astype(np.int32)
        return rows.take(self._locator(index).look_up(lon, lat), mode="wrap")

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
