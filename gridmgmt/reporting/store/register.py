"""The register (报送登记) in the database: rows are only added, of one key the newest counts."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, func, select

from gridmgmt.database import tables as t


@dataclass(frozen=True)
class HandedIn:
    """A report that was handed in; ``about`` is a period's label or an event's number."""

    scheme: str
    duty: str
    about: str
    subject_code: str
    at: dt.datetime
    sha256: str | None = None
    note: str | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Of one key the newest row counts."""
        return self.scheme, self.duty, self.about, self.subject_code


@dataclass(frozen=True)
class DutyEvent:
    """An event that reports follow, under its own number, with who owes them."""

    scheme: str
    event: str
    no: str
    subject_code: str
    at: dt.datetime
    note: str | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Of one key the newest row counts."""
        return self.scheme, self.event, self.no, self.subject_code


_REPORT = (t.handed_in, ("scheme", "duty", "about", "subject_code"), ("at", "sha256", "note"))
_EVENT = (t.duty_event, ("scheme", "event", "no", "subject_code"), ("at", "note"))


def reports(connection: Connection, schemes: Sequence[str]) -> dict[tuple[str, str, str, str], HandedIn]:
    """What holds as handed in for some schemes, by key."""
    rows = _newest(connection, _REPORT, schemes)
    return {r.key: r for r in (HandedIn(**row) for row in rows)}


def events(connection: Connection, schemes: Sequence[str]) -> dict[tuple[str, str, str, str], DutyEvent]:
    """The events that hold for some schemes, by key."""
    rows = _newest(connection, _EVENT, schemes)
    return {r.key: r for r in (DutyEvent(**row) for row in rows)}


def _newest(connection: Connection, of: Any, schemes: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    table, key, more = of
    c = table.c
    order = func.row_number().over(partition_by=[c[k] for k in key], order_by=(c.known_at.desc(), c.id.desc()))
    rows = select(*(c[k] for k in (*key, *more)), order.label("n")).where(c.scheme.in_(list(schemes))).subquery()
    chosen = select(*(rows.c[k] for k in (*key, *more))).where(rows.c.n == 1, rows.c.at.is_not(None))
    return [
        {str(k): v for k, v in r.items()}
        for r in connection.execute(chosen.order_by(*(rows.c[k] for k in key))).mappings()
    ]


def add_report(connection: Connection, key: Sequence[str], by: str, **told: Any) -> None:
    """Append a report's row; ``at`` None withdraws."""
    _add(connection, _REPORT, key, by, told)


def add_event(connection: Connection, key: Sequence[str], by: str, **told: Any) -> None:
    """Append an event's row; ``at`` None withdraws."""
    _add(connection, _EVENT, key, by, told)


def _add(connection: Connection, of: Any, key: Sequence[str], by: str, told: Mapping[str, Any]) -> None:
    table, names, _ = of
    connection.execute(table.insert().values(**dict(zip(names, key, strict=True)), **told, entered_by=by))


def listing(connection: Connection, scheme: str, *, history: bool) -> list[dict[str, Any]]:
    """A scheme's reports and events with by whom and when they were entered; with ``history`` every row there was.

    Events stand before reports; a report of nobody named bears ''.
    """
    return [*_listed(connection, _EVENT, scheme, history), *_listed(connection, _REPORT, scheme, history)]


def _listed(connection: Connection, of: Any, scheme: str, history: bool) -> list[dict[str, Any]]:
    table, key, more = of
    c = table.c
    newest = func.row_number().over(partition_by=[c[k] for k in key], order_by=(c.known_at.desc(), c.id.desc()))
    told = (c.scheme, c[key[1]].label("what"), c[key[2]].label("about"), c.subject_code, *(c[k] for k in more))
    columns = (*told, c.entered_by.label("by"), c.known_at, (newest == 1).label("holds"), c.id)
    rows = select(*columns, sa.literal(table.name).label("kind")).where(c.scheme == scheme).subquery()
    statement = select(rows).order_by(rows.c.what, rows.c.about, rows.c.subject_code, rows.c.known_at, rows.c.id)
    if not history:
        statement = statement.where(rows.c.holds, rows.c.at.is_not(None))
    return [{str(k): v for k, v in r.items() if k != "id"} for r in connection.execute(statement).mappings()]
