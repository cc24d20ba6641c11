"""The audit and its seals."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, select

from gridmgmt.database import copying
from gridmgmt.database import tables as t
from gridmgmt.database.work import LOCK

_SEALING = LOCK + 5
"""Advisory lock of the one who seals."""

_PART = 1_000


def lock(connection: Connection) -> None:
    """Wait until nobody else seals."""
    connection.execute(select(func.pg_advisory_xact_lock(_SEALING)))


def head(connection: Connection) -> tuple[int, str] | None:
    """The last seal: its number and digest; None: nothing is sealed yet."""
    s = t.audit_seal.c
    row = connection.execute(select(s.n, s.sha256).order_by(s.n.desc()).limit(1)).first()
    return (row.n, row.sha256) if row else None


def unsealed(connection: Connection) -> Sequence[dict[str, Any]]:
    """Some rows that are to be sealed next, in the order of their transactions."""
    return [dict(r) for r in copying.rows(connection, "access/store/unsealed", most=_PART)]


def seal(connection: Connection, seals: Sequence[dict[str, Any]]) -> None:
    """Add seals."""
    connection.execute(insert(t.audit_seal), seals)


def sealed(connection: Connection) -> Iterator[dict[str, Any]]:
    """Every seal with its row, in order."""
    n = 0
    while part := copying.rows(connection, "access/store/sealed", n=n, most=_PART):
        yield from map(dict, part)
        n = part[-1]["n"]


def every(
    connection: Connection, *, login: str | None, deed: str | None, start: dt.datetime | None, limit: int
) -> list[dict[str, Any]]:
    """Rows of the audit, newest first."""
    a = t.audit.c
    statement = select(t.audit).order_by(a.id.desc()).limit(limit)
    if login is not None:
        statement = statement.where(a.login == login)
    if deed is not None:
        statement = statement.where(a.deed == deed)
    if start is not None:
        statement = statement.where(a.at >= start)
    return [dict(r) for r in connection.execute(statement).mappings()]
