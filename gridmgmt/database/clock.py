"""The database's clock (数据库时钟)."""

import datetime as dt
from typing import cast

from sqlalchemy import Connection, func, select


def now(connection: Connection) -> dt.datetime:
    """The database's clock: one for everybody."""
    return cast(dt.datetime, connection.execute(select(func.clock_timestamp())).scalar_one())
