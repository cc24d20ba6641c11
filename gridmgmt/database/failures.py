"""What a driver says when a server ends, a disk is full or a value cannot be kept (数据库故障), as errors of ours."""

import psycopg
from sqlalchemy.exc import DBAPIError

from gridmgmt.errors import (
    DatabaseExhausted,
    DatabaseFailed,
    DatabaseLost,
    DatabaseRefused,
    GridmgmtError,
    ValueUnstorable,
    by_program,
)

DRIVER = (DBAPIError, psycopg.Error)
"""What SQLAlchemy and the driver below it raise."""

_ENDED = ("08", "57P")
_EXHAUSTED = ("53", "58")
"""How SQLSTATEs begin when a connection ended, and when the server lacks disk, memory or connections."""


def failure(error: BaseException) -> GridmgmtError | None:
    """A driver's error as ours, without statement and bound values; None where it is a fault of the program.

    A wrong statement is such a fault, and is not to be hidden. Of a broken constraint the server's first line and names
    are told; its second (``DETAIL``) shows the values of a row, which are people's.
    """
    driver = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(driver, "sqlstate", None) or ""
    reason = by_program(_told(driver))
    if isinstance(driver, psycopg.DataError):
        return ValueUnstorable(reason=reason)
    if isinstance(driver, psycopg.IntegrityError):
        return DatabaseRefused(reason=reason, table=driver.diag.table_name)
    if not isinstance(driver, psycopg.OperationalError | psycopg.InterfaceError | psycopg.InternalError):
        return None
    if state.startswith(_EXHAUSTED):
        return DatabaseExhausted(reason=reason)
    if state.startswith(_ENDED) or not state:
        return DatabaseLost(reason=reason)
    return DatabaseFailed(reason=reason, state=state)


def is_forbidden(error: BaseException) -> bool:
    """Whether this user may not do what he tried."""
    driver = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(driver, psycopg.errors.InsufficientPrivilege)


def _told(driver: BaseException | None) -> str:
    """The server's own first line, else the driver's."""
    told = driver.diag.message_primary if isinstance(driver, psycopg.Error) else None
    return told or next(iter(str(driver).strip().splitlines()), type(driver).__name__)
