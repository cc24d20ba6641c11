"""Batches (批次): the record of each hand-over, under which its rows are known."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import Connection, func, select

from gridmgmt.database import auditing
from gridmgmt.database import tables as t


def new_batch(connection: Connection, kind: str, **values: Any) -> int:
    """Open a batch (批次): the record of one hand-over, under which its rows are known."""
    made = t.batch.insert().values(kind=kind, **values).returning(t.batch.c.id)
    number = int(connection.execute(made).scalar_one())
    if kind != "steps":  # whoever takes steps names their cases
        auditing.note(connection, batches=[number])
    return number


def stamp_batch(connection: Connection, batch_id: int) -> dt.datetime:
    """The moment at which a batch's rows become known: after every batch before it, whatever the clock does.

    To be asked under the writers' lock, so that batches are known in the order in which they are committed.
    """
    b = t.batch.c
    before = select(func.max(b.known_at) + dt.timedelta(microseconds=1)).where(b.id != batch_id).scalar_subquery()
    moment = func.greatest(func.clock_timestamp(), before)
    stamped = t.batch.update().where(b.id == batch_id).values(known_at=moment).returning(b.known_at)
    return cast(dt.datetime, connection.execute(stamped).scalar_one())


def close_batch(connection: Connection, batch_id: int, counts: Mapping[str, Any]) -> None:
    """Keep with the batch what became of its rows."""
    connection.execute(t.batch.update().where(t.batch.c.id == batch_id).values(counts=dict(counts)))


def written(connection: Connection) -> tuple[int, int]:
    """What was handed over so far, as far as this transaction sees it: the last number, and how many there are.

    Two batches may be committed in the other order than they were begun; under the writers' lock none is open.
    """
    b = t.batch.c
    row = connection.execute(select(func.coalesce(func.max(b.id), 0), func.count())).one()
    return int(row[0]), int(row[1])
