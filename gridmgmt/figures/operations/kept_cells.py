"""Cells of a long period's cases (分格计数的留存): kept by week, and counted again only where something changed.

A whole-city question over a month or more is answered from what was counted before, as far as it holds in the
reader's own snapshot at his cut-off, and is equal to what counting all cases gives. What is counted anew is kept in a
transaction beside the reader's; if that cannot be, the answer is the same.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gridmgmt.database import engine as engines
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Work
from gridmgmt.documents import canonical
from gridmgmt.figures.predicates import Condition
from gridmgmt.figures.store import kept_cells as store
from gridmgmt.figures.store.kept_cells import Kept, Week
from gridmgmt.figures.store.period_cases import PeriodCases

_SHORTEST = dt.timedelta(days=28)
"""Shorter periods are counted each time."""

LEAST = 50_000
"""So few cases are counted each time."""

_TOO_FINE = {"source", "category_kind", "category_code"}
"""By these cells come to hardly more than a case each: they are counted each time."""

_FORM = 1
"""To be raised when cells mean something else under the same statement."""


def cells(cases: PeriodCases, keys: Sequence[str], conditions: Sequence[Condition]) -> pd.DataFrame:
    """:meth:`gridmgmt.figures.store.period_cases.PeriodCases.cells`, from what is kept as far as that holds."""
    is_kept = cases.end - cases.start >= _SHORTEST and _TOO_FINE.isdisjoint(keys)
    seen = store.snapshot(cases.connection) if is_kept else None
    if seen is None:
        return cases.cells(keys, conditions)
    asked = _asked(cases, keys, conditions)
    known = store.read(cases.connection, asked)
    weeks = _stale(cases, known)
    found, parts = None, list[Any]()
    if known is not None and weeks is not None:
        parts = [known.cells, *map(_taken_off, store.of_weeks(cases.connection, asked, weeks))]
    if not parts or weeks or len(cases.told) or cases.worked.versions:
        found = cases.cells_by_week(keys, conditions, weeks)
        parts.append(_of_some_week(found).select(_names(keys)))
    total = _summed(parts, keys)
    if found is None:
        return cast(pd.DataFrame, total.to_pandas())
    if weeks is None or weeks:
        _keep(cases, known, Kept(asked, seen, cases.cut, cases.held_since, total), _by_week(found, keys), weeks)
    told = found.filter(pc.is_null(found["week"])).select(_names(keys))
    return cast(pd.DataFrame, _summed([total, told], keys).to_pandas())


@needs("reference.write", whole=True, by_worker=True)
def drop(work: Work) -> None:
    """Forget all kept cells."""
    with work.transaction() as connection:
        store.drop(connection)


def _asked(cases: PeriodCases, keys: Sequence[str], conditions: Sequence[Condition]) -> str:
    """One text for equal questions, of this server: another one's transactions have other numbers."""
    statement, bound = cases.question(keys, conditions)
    told = {k: v.isoformat() if isinstance(v, dt.datetime) else v for k, v in bound.items()}
    whole = [_FORM, store.server_number(cases.connection), statement, told]
    return hashlib.sha256(canonical(whole).encode()).hexdigest()


def _stale(cases: PeriodCases, known: Kept | None) -> list[dt.datetime] | None:
    """The weeks that must be counted anew; None: all."""
    if known is None or cases.cut < known.cut:
        return None
    found = store.stale_weeks(cases.connection, known, cases.cut, cases.held_since)
    return None if found is None else sorted(found)


def _names(keys: Sequence[str]) -> list[str]:
    return [*keys, "mask", "n"]


def _taken_off(table: Any) -> Any:
    """What was counted before, to be subtracted."""
    return table.set_column(table.column_names.index("n"), "n", pc.negate(table["n"]))


def _of_some_week(found: Any) -> Any:
    return found.filter(pc.is_valid(found["week"])) if found["week"].null_count else found


def _summed(tables: Sequence[Any], keys: Sequence[str]) -> Any:
    """Cells of several tables, those of equal keys and masks together; where nothing is left there is none."""
    whole = pa.concat_tables(tables)
    summed = whole.group_by([*keys, "mask"]).aggregate([("n", "sum")]).rename_columns(_names(keys))
    return summed.filter(pc.not_equal(summed["n"], 0))


def _by_week(found: Any, keys: Sequence[str]) -> Iterator[Week]:
    """The cells of each week, and when they may become others; one at a time, as there may be many."""
    for week in pc.unique(found["week"]).drop_null():
        part = found.filter(pc.equal(found["week"], week))
        yield Week(week.as_py(), pc.min(part["next_at"]).as_py(), part.select(_names(keys)))


def _keep(
    cases: PeriodCases, known: Kept | None, made: Kept, weeks: Iterable[Week], counted: Sequence[dt.datetime] | None
) -> None:
    """Keep what was counted, or leave it: what cannot be kept is counted the next time."""
    if known is not None or (pc.sum(made.cells["n"]).as_py() or 0) >= LEAST:
        engines.try_beside(cases.connection, lambda other: store.keep(other, known, made, weeks, counted))
    elif store.is_crowded(cases.connection):
        engines.try_beside(cases.connection, lambda other: store.tidy(other, made.snapshot))
