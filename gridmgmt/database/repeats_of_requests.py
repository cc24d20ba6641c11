"""A request that is sent again is done once (幂等请求): its key is written in the transaction of what it does."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as insert_unless

from gridmgmt.database import tables as t
from gridmgmt.errors import RequestUnderWay

_KEPT = dt.timedelta(days=7)


@dataclass
class Once:
    """The key under which a request may be sent again; ``is_written`` once a transaction of it has written the key."""

    login: str
    key: str
    fingerprint: str
    is_written: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Done:
    """What was answered; without a status it is not known: the process ended between deed and answer."""

    fingerprint: str
    status: int | None
    headers: Mapping[str, Any] | None
    body: bytes | None
    known_at: dt.datetime


def found(connection: Connection, login: str, key: str) -> Done | None:
    """What was done under a key; None: nothing yet."""
    r = t.request_once.c
    row = connection.execute(
        select(r.fingerprint, r.status, r.headers, r.body, r.known_at).where(r.login == login, r.key == key)
    ).first()
    return Done(*row) if row else None


def claim(connection: Connection, once: Once) -> None:
    """Write the key with this transaction; whoever sends the same at the same time waits for its end.

    Raises
    ------
    RequestUnderWay
        It stands there already.
    """
    r = t.request_once.c
    connection.execute(delete(t.request_once).where(r.login == once.login, r.known_at < func.now() - _KEPT))
    values = {"login": once.login, "key": once.key, "fingerprint": once.fingerprint}
    unless = insert_unless(t.request_once).values(values).on_conflict_do_nothing().returning(r.key)
    if connection.execute(unless).first() is None:
        raise RequestUnderWay(key=once.key)


def release(connection: Connection, once: Once) -> None:
    """Give a key free whose request was refused."""
    r = t.request_once.c
    same = (r.login == once.login) & (r.key == once.key) & r.status.is_(None)
    connection.execute(delete(t.request_once).where(same))


def answered(connection: Connection, once: Once, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Keep what was answered; of a request that wrote nothing the key with it, unless its like was quicker."""
    values = {"status": status, "headers": dict(headers), "body": body}
    r = t.request_once
    if once.is_written:
        same = (r.c.login == once.login) & (r.c.key == once.key)
        connection.execute(update(r).where(same).values(values))
        return
    key = {"login": once.login, "key": once.key, "fingerprint": once.fingerprint}
    connection.execute(insert_unless(r).values(**key, **values).on_conflict_do_nothing())
