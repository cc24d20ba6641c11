"""Inspection samples as a list."""

import datetime as dt
from typing import Any

from sqlalchemy import Connection, or_, select

from gridmgmt.database import tables as t

_COLUMNS = (
    "sample_no", "sample_type", "object_name", "sampled_at", "score", "result", "findings", "unit_code", "lon", "lat",
)  # fmt: skip


def listing(
    connection: Connection,
    between: tuple[dt.datetime, dt.datetime] | None,
    unit: str | None,
    grid: str | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Samples in order of time: those taken in [start, end), of a unit, in a grid of any level."""
    s = t.samples.c
    statement = select(*(s[name] for name in _COLUMNS)).order_by(s.sampled_at, s.sample_no).limit(limit)
    if between is not None:
        statement = statement.where(s.sampled_at >= between[0], s.sampled_at < between[1])
    if unit is not None:
        statement = statement.where(s.unit_id == select(t.unit.c.id).where(t.unit.c.code == unit).scalar_subquery())
    if grid is not None:
        ids = select(t.grid.c.id).where(t.grid.c.code == grid)
        statement = statement.where(or_(*(s[name].in_(ids) for name in t.GRID_COLUMNS)))
    return [dict(row) for row in connection.execute(statement).mappings()]
