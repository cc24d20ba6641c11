"""Counted cells of cases that are kept (留存的分格计数), and whether they still hold."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, delete, func, select, text

from gridmgmt.casework.transitions import HALTING
from gridmgmt.database import tables as t
from gridmgmt.database.copying import query
from gridmgmt.database.work import LOCK

_KEEPING_LOCK = LOCK + 4
"""Advisory lock of whoever keeps cells: one at a time, nobody waits for it."""

_MOST_QUESTIONS = 64
"""So many questions are kept, those that were counted last."""

_MOST_CHANGES = 100_000
"""What so many changes came after is counted anew; at twice as many the changes that nobody needs are forgotten."""

_WRITE = pa.ipc.IpcWriteOptions(compression="zstd")


@dataclass(frozen=True)
class Kept:
    """What is kept of a question: the cells of all weeks together, and what they hold for.

    Attributes
    ----------
    snapshot
        Of the transaction that they were counted in, as PostgreSQL writes it.
    cut, held_since
        As in :class:`gridmgmt.figures.store.period_cases.PeriodCases`.
    """

    asked: str
    snapshot: str
    cut: dt.datetime
    held_since: dt.datetime
    cells: Any


@dataclass(frozen=True)
class Week:
    """The cells of cases that were reported in one week; from ``next_at`` on they may be others (None: never)."""

    start: dt.datetime
    next_at: dt.datetime | None
    cells: Any


def snapshot(connection: Connection) -> str | None:
    """The moment that a transaction sees; None: it may see another one in each statement, or its own writes.

    None too if its user may not read what is kept.
    """
    found = connection.execute(query("figures/store/steady_snapshot")).scalar_one()
    return None if found is None else str(found)


def server_number(connection: Connection) -> int:
    """What tells this server's transaction numbers from those of any other."""
    return int(connection.execute(text("SELECT system_identifier FROM pg_control_system()")).scalar_one())


def read(connection: Connection, asked: str) -> Kept | None:
    """What is kept of a question."""
    k = t.cells_kept.c
    statement = select(k.snapshot, k.cut, k.held_since, k.cells).where(k.asked == asked)
    row = connection.execute(statement).one_or_none()
    return None if row is None else Kept(asked, row.snapshot, row.cut, row.held_since, _read(row.cells))


def stale_weeks(
    connection: Connection, kept: Kept, cut: dt.datetime, held_since: dt.datetime
) -> set[dt.datetime] | None:
    """The weeks whose cells do not hold for the reader and his cut-off, which is not before theirs; None: all."""
    params = {
        "asked": kept.asked, "snapshot": kept.snapshot, "kept_cut": kept.cut, "cut": cut, "halting": list(HALTING),
        "held_from": min(held_since, kept.held_since), "held_to": max(held_since, kept.held_since),
    }  # fmt: skip
    weeks = set(connection.execute(query("figures/store/stale_weeks"), params).scalars())
    return None if None in weeks else weeks


def of_weeks(connection: Connection, asked: str, weeks: Sequence[dt.datetime]) -> list[Any]:
    """The kept cells of some weeks, as far as there were cases."""
    w = t.cells_of_week.c
    found = connection.execute(select(w.cells).where(w.asked == asked, w.week.in_(weeks))).scalars()
    return [_read(cells) for cells in found]


def keep(
    connection: Connection, known: Kept | None, made: Kept, weeks: Iterable[Week], counted: Sequence[dt.datetime] | None
) -> bool:
    """Keep what was counted, unless somebody else is doing so or has done so since it was read.

    Parameters
    ----------
    known
        What was kept when it was read.
    counted
        The weeks that were counted anew, in place of the kept ones; None: all.
    """
    params = {
        "asked": made.asked, "snapshot": made.snapshot,
        "known": known.snapshot if known else None, "known_cut": known.cut if known else None,
    }  # fmt: skip
    if not _alone(connection):
        return False
    connection.execute(query("figures/store/forget_foreign"))
    if not connection.execute(query("figures/store/may_keep"), params).scalar_one():
        return False
    k, w = t.cells_kept, t.cells_of_week
    values = {"snapshot": made.snapshot, "cut": made.cut, "held_since": made.held_since, "cells": _written(made.cells)}
    if counted is None or known is None:
        connection.execute(delete(k).where(k.c.asked == made.asked))
        connection.execute(k.insert().values(asked=made.asked, **values))
    else:
        connection.execute(delete(w).where(w.c.asked == made.asked, w.c.week.in_(counted)))
        changed = k.update().where(k.c.asked == made.asked)
        connection.execute(changed.values(kept_at=func.clock_timestamp(), **values))
    rows = [{"asked": made.asked, "week": x.start, "next_at": x.next_at, "cells": _written(x.cells)} for x in weeks]
    if rows:
        connection.execute(w.insert(), rows)
    _forget(connection, made.snapshot)
    return True


def is_crowded(connection: Connection) -> bool:
    """Whether more changes may be noted than anybody needs."""
    rows = connection.execute(text("SELECT reltuples FROM pg_class WHERE oid = CAST('case_change' AS regclass)"))
    return float(rows.scalar_one()) > 2 * _MOST_CHANGES


def tidy(connection: Connection, seen: str) -> None:
    """Forget what a reader's snapshot, and all that is kept, has seen; unless somebody else is doing so."""
    if _alone(connection):
        connection.execute(query("figures/store/forget_foreign"))
        _forget(connection, seen)


def drop(connection: Connection) -> None:
    """Forget all kept cells; they are counted again when they are asked for."""
    connection.execute(delete(t.cells_kept))


def _alone(connection: Connection) -> bool:
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(_KEEPING_LOCK))).scalar_one())


def _forget(connection: Connection, seen: str) -> None:
    connection.execute(query("figures/store/forget_questions"), {"most": _MOST_QUESTIONS, "changes": _MOST_CHANGES})
    connection.execute(query("figures/store/forget_changes"), {"snapshot": seen})


def _written(cells: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, cells.schema, options=_WRITE) as stream:
        stream.write_table(cells)
    return bytes(sink.getvalue())


def _read(data: bytes) -> Any:
    return pa.ipc.open_stream(data).read_all()
