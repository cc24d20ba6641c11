"""Opening the database, and the one transaction of a use case."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection as Connection
from sqlalchemy import Engine as Engine

from gridmgmt.database import engine as engines
from gridmgmt.settings import Settings

Progress = Callable[[str, int], None]
"""Told what is being done and how many rows are done."""


def silent(_step: str, _n: int) -> None:
    """Progress nobody watches."""


def open_database(settings: Settings) -> Engine:
    """An engine for this installation's database."""
    return engines.make_engine(settings)


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction: committed if the block ends well, rolled back otherwise.

    Raises
    ------
    DatabaseUnreachable, DatabaseOutdated
        See :mod:`gridmgmt.database.engine`.
    """
    with engines.connect(engine) as connection:
        engines.check_revision(connection)
        with _begun(connection):
            yield connection


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A reading transaction that sees one moment of the database throughout."""
    with engines.connect(engine) as connection:
        connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with _begun(connection):
            engines.check_revision(connection)
            yield connection


@contextmanager
def _begun(connection: Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
