"""Reading events (读取消息), each in his scope: in the order of transactions, so that nothing is lost or doubled.

What is committed is given once no older transaction is open: one that is still under way might yet tell something
that comes before it.
"""

from collections.abc import Collection

from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work
from gridmgmt.live.events import KINDS, Page, Position
from gridmgmt.live.store import outbox

MOST = 500
"""Events on one page."""


@needs("cases.read")
def read(work: Work, after: Position | None, kinds: Collection[str] = KINDS, most: int = MOST) -> Page:
    """The events of the viewer's scope behind a position; None: he begins now, and is told where that is."""
    with work.snapshot() as connection:
        return page(connection, after, kinds, most)


@needs("cases.read")
def rest(work: Work, after: Position, kinds: Collection[str], most: int) -> Page:
    """The same for whoever wants what is left, though some may be gone; of another server's events: from now on."""
    with work.snapshot() as connection:
        return page(connection, after, kinds, most, is_strict=False)


def page(
    connection: Connection, after: Position | None, kinds: Collection[str], most: int, is_strict: bool = True
) -> Page:
    """The same within a transaction that sees one moment."""
    oldest, following = outbox.ends(connection)
    now = Position(oldest, 0)
    if after is None or after.xid > following or (is_strict and _is_purged(connection, after)):
        return Page([], now, gap=after is not None)
    found = outbox.after(connection, after, oldest, kinds, most)
    if len(found) == most:
        return Page(found, found[-1].position, more=True, is_full=True)
    return Page(found, max(after, now), more=outbox.waits(connection, oldest))


def _is_purged(connection: Connection, after: Position) -> bool:
    return after.xid <= (outbox.mark(connection, outbox.PURGED) or 0)


def purge(work: Work, days: int) -> int:
    """Take out events that are older than so many days; gives how many."""
    with work.over_everything().but(viewer=None).sealing() as connection:
        n, last = outbox.purge(connection, days)
        if n and last:
            outbox.set_mark(connection, outbox.PURGED, last)
    return n
