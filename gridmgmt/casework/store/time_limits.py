"""The time-limit table (时限表): rows are added; of those there are only the last day and the words are corrected."""

import datetime as dt
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select
from sqlalchemy.dialects.postgresql import Range

from gridmgmt.casework.time_limits import TimeLimit
from gridmgmt.database import tables as t

PLAIN = ("category", "stage", "unit", "unit_code", "part", "part_zh", "part_en", "condition_zh", "condition_en")


def load(connection: Connection) -> list[TimeLimit]:
    """The whole table."""
    c = t.time_limit.c
    bounds = (func.lower(c.valid).label("first"), func.upper(c.valid).label("last"))
    statement = select(*(c[n] for n in PLAIN), c.amount, *bounds).order_by(c.id)
    return [
        TimeLimit(
            amount=Fraction(r["amount"]), valid_from=r["first"] or dt.date.min, valid_to=r["last"],
            **{n: r[n] for n in PLAIN},
        )
        for r in connection.execute(statement).mappings()
    ]  # fmt: skip


def save(connection: Connection, rows: Sequence[TimeLimit], batch_id: int, known_at: dt.datetime) -> int:
    """Add the rows that are not there yet, correct the others' last day and words; gives how many of both.

    Parameters
    ----------
    rows
        Their figures do not contradict those of the table.
    """
    have = {(r.key, r.part): r for r in load(connection)}
    known = {"batch_id": batch_id, "known_at": known_at}
    new = [r for r in rows if (r.key, r.part) not in have]
    changed = [r for r in rows if have.get((r.key, r.part), r) != r]
    if new:
        connection.execute(t.time_limit.insert(), [{**_values(r), **known} for r in new])
    for row in changed:
        connection.execute(t.time_limit.update().where(*_same(row)).values(**_values(row), **known))
    return len(new) + len(changed)


def _values(row: TimeLimit) -> dict[str, Any]:
    plain = {name: getattr(row, name) for name in PLAIN}
    return {**plain, "amount": str(row.amount), "valid": Range(row.valid_from, row.valid_to)}


def _same(row: TimeLimit) -> list[ColumnElement[bool]]:
    c = t.time_limit.c
    unit = c.unit_code.is_not_distinct_from(row.unit_code)
    return [c.category == row.category, unit, c.stage == row.stage, c.part == row.part,
            func.lower(c.valid) == row.valid_from]  # fmt: skip
