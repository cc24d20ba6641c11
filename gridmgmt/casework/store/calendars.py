"""The work calendars (工作日历) that deadlines were counted by, kept by their identity."""

import datetime as dt

from sqlalchemy import ColumnElement, Connection, select
from sqlalchemy.dialects.postgresql import insert

from gridmgmt.calendars import Calendar, of_document
from gridmgmt.database import tables as t


def keep(connection: Connection, calendar: Calendar) -> None:
    """Keep a calendar; one that is kept stays as it is."""
    values = {"identity": calendar.identity, "document": calendar.document()}
    connection.execute(insert(t.work_calendar).values(values).on_conflict_do_nothing())


def found(connection: Connection, identity: str) -> Calendar | None:
    """The calendar of an identity; None: deadlines were counted by it before calendars were kept."""
    c = t.work_calendar.c
    document = connection.execute(select(c.document).where(c.identity == identity)).scalar_one_or_none()
    return of_document(document) if document is not None else None


def others(connection: Connection, identity: str) -> bool:
    """Whether another calendar than that of an identity is kept."""
    c = t.work_calendar.c
    return connection.execute(select(c.identity).where(c.identity != identity).limit(1)).first() is not None


def in_force(connection: Connection, at: dt.datetime) -> str | None:
    """Identity of the calendar that the last step up to a moment was counted by; else the first after it."""
    c = t.step.c
    counted_by = c.facts["calendar"].astext
    before: ColumnElement[bool] = c.at <= at
    for there, order in ((before, (c.at.desc(), c.id.desc())), (~before, (c.at, c.id))):
        statement = select(counted_by).where(there, counted_by.is_not(None)).order_by(*order).limit(1)
        found: str | None = connection.execute(statement).scalar_one_or_none()
        if found is not None:
            return found
    return None
