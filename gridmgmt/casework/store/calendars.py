"""The work calendars (工作日历) that deadlines were counted by, kept by their identity."""

from sqlalchemy import Connection, select
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
