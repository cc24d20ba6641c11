"""What is told or sealed in order of commits waits for whoever is at work on its server, in other tests too."""

import time

from sqlalchemy import text

from gridmgmt.database.work import Work
from tests import servers


def settle(work: Work, table: str) -> None:
    """Wait until no transaction is open that is as old as the youngest row of a table that has ``xid``."""
    oldest = "CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)"
    settled = text(f"SELECT coalesce(max(xid), 0) < {oldest} FROM {table}")
    for _ in range(600):
        with servers.owner(work).connect() as connection:
            if connection.execute(settled).scalar():
                return
        time.sleep(0.05)
