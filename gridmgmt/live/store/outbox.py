"""The outbox, read in the order of its transactions."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from gridmgmt.database import copying
from gridmgmt.database import tables as t
from gridmgmt.live.events import Event, Position

PURGED = "purged"
"""The mark of the last transaction whose events are gone."""


def ends(connection: Connection) -> tuple[int, int]:
    """The oldest transaction that is open, and the next that will begin: no event of a younger one is to be read."""
    row = copying.rows(connection, "live/store/ends")[0]
    return int(row["oldest"]), int(row["next"])


def after(connection: Connection, position: Position, oldest: int, kinds: Collection[str], most: int) -> list[Event]:
    """Events behind a position, of transactions before which none is open."""
    told: dict[str, Any] = {"xid": position.xid, "id": position.id, "oldest": oldest, "kinds": [*kinds], "most": most}
    found = copying.rows(connection, "live/store/events_after", **told)
    return [Event(Position(r["xid"], r["id"]), r["kind"], r["at"], r["document"]) for r in found]


def waits(connection: Connection, oldest: int) -> bool:
    """Whether events are committed that wait for an older transaction."""
    return connection.execute(select(t.outbox.c.id).where(t.outbox.c.xid >= oldest).limit(1)).first() is not None


def mark(connection: Connection, key: str) -> int | None:
    """How far it is."""
    m = t.live_mark.c
    found: int | None = connection.execute(select(m.n).where(m.key == key)).scalar()
    return found


def set_mark(connection: Connection, key: str, n: int) -> None:
    """Say how far it is."""
    made = insert(t.live_mark).values(key=key, n=n)
    connection.execute(made.on_conflict_do_update(index_elements=["key"], set_={"n": n}))


def purge(connection: Connection, days: int) -> tuple[int, int]:
    """Take out events older than so many days, and those of another server's transactions; gives how many, the last."""
    row = copying.rows(connection, "live/store/purge", days=days)[0]
    return int(row["n"]), int(row["last"])
