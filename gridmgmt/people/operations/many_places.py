"""Who answers at many points (批量定位): each as :func:`.locating.answer` has it, worked out once a grid."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from gridmgmt import geo
from gridmgmt.database.askers import left
from gridmgmt.errors import GridmgmtError, OptionInvalid
from gridmgmt.faults import Fault
from gridmgmt.people.operations.directory import Place
from gridmgmt.people.operations.locating import category_key, day_of
from gridmgmt.people.points import Answered, Floats, Form, Given, Ints
from gridmgmt.people.readers import points
from gridmgmt.people.responsibility import assign_units
from gridmgmt.places.areas import NOWHERE, Hits
from gridmgmt.places.raster import Positions

_MOST_NAMES = 1_000
"""Coordinate systems, and categories, that one file may name: each is looked up once."""

_MOST_KEPT = 1_000_000

_NOBODY = -1
"""The category of rows that name one which there is not: no unit is told."""


class Locating:
    """Many points by the grids, rules and areas of one place; what was worked out for a grid is kept.

    Parameters
    ----------
    crs, category
        Of the points that name none themselves.
    day
        As :func:`gridmgmt.people.operations.locating.locate` takes it.

    Raises
    ------
    CategoryUnknown, CategorySeveral, CodeInvalid, CrsUnknown, CrsNotConvertible
        Of what holds for all.
    """

    def __init__(self, place: Place, *, crs: str, category: str | None, day: dt.date | None) -> None:
        geo.points_to_storage([], [], crs)
        self._place, self._crs = place, crs
        self._day = day or day_of(place.chosen, place.today())
        self._rules = place.directory.rules.all()
        self._codes = pa.array(place.ground.codes, pa.string())
        self._categories: list[str | None] = [None]
        self._named: dict[str, int | GridmgmtError] = {}
        self._category = 0 if category is None else self._number_of(category)
        self._systems: dict[str, GridmgmtError | None] = {}
        self._units: dict[int, str | None] = {}

    def answer(self, given: Given) -> Answered:
        """The answers to some points.

        Raises
        ------
        OptionInvalid
            More systems or categories than one file may name.
        """
        faults = dict(given.faults)
        lon, lat = self._stored(given, faults)
        lines = self._place.ground.lines(lon, lat)
        own = _deepest(lines)
        units = self._answering(lon, lat, lines, own, self._keys(given, faults))
        grids = {
            level.key: self._codes.take(pa.array(rows, mask=rows < 0))
            for level, rows in zip(self._place.city.levels, lines.T, strict=True)
        }
        return Answered(self._place.chosen.name, lon, lat, grids, units, own >= 0, given.ids, faults)

    def _stored(self, given: Given, faults: dict[int, Fault]) -> tuple[Floats, Floats]:
        """The points in stored degrees, by the system of each."""
        if given.crs is None or given.crs.null_count == len(given):
            return self._converted(given, np.arange(len(given)), self._crs, faults)
        lon, lat = np.full(len(given), np.nan), np.full(len(given), np.nan)
        coded = given.crs.fill_null("").dictionary_encode()
        numbers = coded.indices.to_numpy(zero_copy_only=False)
        for number, text in enumerate(coded.dictionary.to_pylist()):
            rows = np.flatnonzero(numbers == number)
            wrong = self._known(text) if text.strip() else None
            if wrong is not None:
                _note(given, rows, "crs", text, wrong, faults)
            else:
                lon[rows], lat[rows] = self._converted(given, rows, text.strip() or self._crs, faults)
        return lon, lat

    def _known(self, system: str) -> GridmgmtError | None:
        """Why a system cannot be used; None: it can."""
        if system not in self._systems:
            _hold("crs", len(self._systems))
            try:
                geo.points_to_storage([], [], system)
                self._systems[system] = None
            except GridmgmtError as e:
                self._systems[system] = e
        return self._systems[system]

    def _converted(self, given: Given, rows: Ints, system: str, faults: dict[int, Fault]) -> tuple[Floats, Floats]:
        found = geo.points_to_storage(given.x[rows], given.y[rows], system)
        for position in rows[found.refused].tolist():
            x, y = (str(float(v[position])) for v in (given.x, given.y))
            told = {"code": "coordinate_out_of_range", "x": x, "y": y, "system": system}
            faults.setdefault(
                position, Fault(given.first + position, "lon, lat", f"{x}, {y}", "point_faulty", {"reason": told})
            )
        return found.lon, found.lat

    # --- who answers -------------------------------------------------------------------------------------------------

    def _number_of(self, named: str) -> int:
        key = category_key(self._place.categories(), named)
        if key not in self._categories:
            self._categories.append(key)
        return self._categories.index(key)

    def _keys(self, given: Given, faults: dict[int, Fault]) -> Ints:
        """The number of each row's category."""
        if given.category is None or given.category.null_count == len(given):
            return np.full(len(given), self._category)
        coded = given.category.fill_null("").dictionary_encode()
        numbers = coded.indices.to_numpy(zero_copy_only=False)
        of_text = np.full(len(coded.dictionary), self._category)
        for number, text in enumerate(coded.dictionary.to_pylist()):
            found = self._found(text) if text.strip() else self._category
            if isinstance(found, GridmgmtError):
                _note(given, np.flatnonzero(numbers == number), "category", text, found, faults)
            of_text[number] = _NOBODY if isinstance(found, GridmgmtError) else found
        keys: Ints = of_text[numbers]
        return keys

    def _found(self, text: str) -> int | GridmgmtError:
        if text not in self._named:
            _hold("category", len(self._named))
            try:
                self._named[text] = self._number_of(text)
            except GridmgmtError as e:
                self._named[text] = e
        return self._named[text]

    def _answering(self, lon: Floats, lat: Floats, lines: Positions, own: Ints, keys: Ints) -> pa.Array:
        """The unit of each point: by grid and category once for all, but in areas one by one."""
        n = len(self._codes)
        matters, first, inverse = np.unique(keys * n + own, return_index=True, return_inverse=True)
        if len(self._units) > _MOST_KEPT:
            self._units.clear()
        new = first[[matter not in self._units for matter in matters.tolist()]]
        self._units |= dict(zip((keys * n + own)[new].tolist(), self._decided(lines[new], keys[new]), strict=True))
        units = pa.array([self._units[matter] for matter in matters.tolist()], pa.string()).take(pa.array(inverse))
        held = self._held(lon, lat)
        here = np.unique(held.rows)
        if not here.size:
            return units
        within = Hits(held.areas, np.searchsorted(here, held.rows), held.positions)
        found = units.to_numpy(zero_copy_only=False).copy()
        found[here] = self._decided(lines[here], keys[here], within)
        return pa.array(found, pa.string())

    def _held(self, lon: Floats, lat: Floats) -> Hits:
        if not self._place.directory.n_areas:
            return NOWHERE
        days = np.full(len(lon), self._day, dtype="datetime64[D]")
        return self._place.directory.area_maps.holding(lon, lat, days)

    def _decided(self, lines: Positions, keys: Ints, areas: Hits = NOWHERE) -> list[str | None]:
        codes = self._place.ground.codes[lines]
        units = assign_units(
            self._rules,
            pd.Series([self._categories[key] if key >= 0 else None for key in keys.tolist()], dtype="object"),
            [pd.Series(column, dtype="object") for column in codes.T],
            pd.Series(np.full(len(lines), self._day, dtype="datetime64[s]")),
            areas,
        )
        known = self._place.units
        return [unit if key >= 0 and unit in known else None for unit, key in zip(units, keys.tolist(), strict=True)]


def _deepest(lines: Positions) -> Ints:
    """The row of the deepest grid of each line; -1: none."""
    own = np.full(len(lines), -1, dtype=np.int64)
    for rows in lines.T:
        own = np.where(rows >= 0, rows, own)
    return own


def _note(given: Given, rows: Ints, column: str, value: str, wrong: GridmgmtError, faults: dict[int, Fault]) -> None:
    told = {"code": wrong.code, **wrong.facts}
    for position in rows.tolist():
        faults.setdefault(
            position, Fault(given.first + position, column, value[:100], "point_faulty", {"reason": told})
        )


def _hold(name: str, n: int) -> None:
    if n >= _MOST_NAMES:
        raise OptionInvalid(name=name, value=f"> {n}", expected=f"≤ {_MOST_NAMES}")


def located(locating: Locating, path: Path, form: Form, encoding: str = "utf-8") -> Iterator[Answered]:
    """The answers to the points of a file, some at a time, in its order.

    Raises
    ------
    FileUnreadable, ColumnMissing, LimitExceeded, OptionInvalid
    AskerLeft, AnswerLate
        Nobody waits for it any more.
    """
    for given in points.read(path, form, encoding):
        if (why := left()) is not None:
            raise why
        yield locating.answer(given)
