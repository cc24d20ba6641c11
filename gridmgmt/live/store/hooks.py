"""Hooks: whose they are, where events are sent, up to which one they were."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from gridmgmt.database import tables as t
from gridmgmt.database.work import LOCK
from gridmgmt.live.events import Position

_SENDING = LOCK + 9
"""Advisory lock of the one who sends."""


@dataclass(frozen=True)
class Hook:
    """Where events of an account's scope are sent (消息推送), without its secret.

    Attributes
    ----------
    n_failed, next_at, failure
        How often in a row it failed, when it is tried next, and why it failed.
    n_lost
        Events that were given up.
    """

    id: int
    login: str
    name: str
    url: str
    form: str
    kinds: Sequence[str]
    after_xid: int
    after_id: int
    n_failed: int
    n_lost: int
    next_at: dt.datetime | None
    failure: str | None

    @property
    def shown_url(self) -> str:
        """Its address without what stands behind ``?``, where robots have their keys."""
        return self.url.partition("?")[0]

    @property
    def after(self) -> Position:
        """Behind which event it is."""
        return Position(self.after_xid, self.after_id)


def _chosen() -> Any:
    h = t.hook.c
    names = ("id", "name", "url", "form", "kinds", "after_xid", "after_id", "n_failed", "n_lost", "next_at", "failure")
    found = select(t.account.c.login, *(h[name] for name in names))
    return found.join_from(t.hook, t.account, h.account_id == t.account.c.id).where(h.removed_at.is_(None))


def add(connection: Connection, account_id: int, secret: str, after: Position, **values: Any) -> int:
    """Add a hook that is told what comes from now on; gives its number."""
    made = insert(t.hook).values(account_id=account_id, secret=secret, after_xid=after.xid, after_id=after.id, **values)
    return int(connection.execute(made.returning(t.hook.c.id)).scalar_one())


def every(connection: Connection) -> list[Hook]:
    """All hooks."""
    return [Hook(**r) for r in connection.execute(_chosen().order_by(t.hook.c.id)).mappings()]


def remove(connection: Connection, number: int) -> bool:
    """Send nothing more to a hook; False: there is none of this number."""
    h = t.hook
    ended = update(h).where(h.c.id == number, h.c.removed_at.is_(None)).values(removed_at=func.clock_timestamp())
    return connection.execute(ended).rowcount > 0


def due(connection: Connection) -> list[tuple[Hook, str, int]]:
    """Hooks that may be sent to now, with their secrets and the numbers of their accounts, which are not disabled."""
    h, now = t.hook.c, func.clock_timestamp()
    found = _chosen().where((h.next_at.is_(None)) | (h.next_at <= now), t.account.c.disabled_at.is_(None))
    rows = connection.execute(found.add_columns(h.secret, h.account_id).order_by(h.id)).mappings()
    return [
        (Hook(**{k: v for k, v in r.items() if k not in ("secret", "account_id")}), r["secret"], r["account_id"])
        for r in rows
    ]


def set_state(connection: Connection, number: int, pause_s: float, **values: Any) -> None:
    """Say how far a hook is; nothing more is sent to it for so long."""
    next_at = func.clock_timestamp() + dt.timedelta(seconds=pause_s)
    connection.execute(update(t.hook).where(t.hook.c.id == number).values(next_at=next_at, **values))


def claim(connection: Connection) -> bool:
    """Be the one who sends until it is released or the connection ends; False: another is."""
    return bool(connection.execute(select(func.pg_try_advisory_lock(_SENDING))).scalar())


def release(connection: Connection) -> None:
    """Let another send."""
    connection.execute(select(func.pg_advisory_unlock(_SENDING)))
