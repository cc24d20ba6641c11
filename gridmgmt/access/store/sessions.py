"""Sessions and short-lived tokens, and how often signing in failed in a row."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from gridmgmt.database import tables as t

_SEEN_EVERY = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class Session:
    """Who signed in, and until when it holds at most."""

    account_id: int
    means: str
    ends_at: dt.datetime


def begin(
    connection: Connection, sha256: str, account_id: int, means: str, lasts: dt.timedelta, address: str | None
) -> dt.datetime:
    """Begin a session; gives the moment at which it ends."""
    s = t.session
    values = {"token_sha256": sha256, "account_id": account_id, "means": means, "address": address}
    made = insert(s).values(ends_at=func.clock_timestamp() + lasts, **values).returning(s.c.ends_at)
    ends_at: dt.datetime = connection.execute(made).scalar_one()
    return ends_at


def holding(connection: Connection, sha256: str, idle: dt.timedelta) -> Session | None:
    """A session that holds: not ended, not over, and of a browser not idle for so long."""
    s, now = t.session.c, func.clock_timestamp()
    is_used = (s.means == "token") | (s.seen_at > now - idle)
    holds = (s.token_sha256 == sha256) & s.ended_at.is_(None) & (s.ends_at > now) & is_used
    row = connection.execute(select(s.account_id, s.means, s.ends_at).where(holds)).first()
    return Session(row.account_id, row.means, row.ends_at) if row else None


def seen(connection: Connection, sha256: str) -> None:
    """Note that a session is used, once a minute."""
    s, now = t.session, func.clock_timestamp()
    late = (s.c.token_sha256 == sha256) & (s.c.seen_at < now - _SEEN_EVERY)
    connection.execute(update(s).where(late).values(seen_at=now))


def end(connection: Connection, sha256: str) -> None:
    """End one session."""
    s = t.session
    ended = update(s).where(s.c.token_sha256 == sha256, s.c.ended_at.is_(None))
    connection.execute(ended.values(ended_at=func.clock_timestamp()))


def end_all(connection: Connection, account_id: int) -> None:
    """End every session and token of an account."""
    s = t.session
    ended = update(s).where(s.c.account_id == account_id, s.c.ended_at.is_(None))
    connection.execute(ended.values(ended_at=func.clock_timestamp()))


def failures(connection: Connection, keys: list[str]) -> list[tuple[int, float]]:
    """Of names and addresses: how often they failed in a row, and how many seconds ago for the last time."""
    f = t.sign_in_failure.c
    ago = func.extract("epoch", func.clock_timestamp() - f.last_at)
    return [(r.n, float(r.ago)) for r in connection.execute(select(f.n, ago.label("ago")).where(f.key.in_(keys)))]


def failed(connection: Connection, keys: list[str]) -> None:
    """Count one more failure of names and addresses."""
    f, now = t.sign_in_failure, func.clock_timestamp()
    for key in sorted(keys):
        made = upsert(f).values(key=key, n=1, last_at=now)
        connection.execute(made.on_conflict_do_update(index_elements=["key"], set_={"n": f.c.n + 1, "last_at": now}))


def succeeded(connection: Connection, keys: list[str]) -> None:
    """Forget their failures."""
    connection.execute(delete(t.sign_in_failure).where(t.sign_in_failure.c.key.in_(keys)))
