"""The server and its database (数据库管理): started, migrated, looked at, stopped, dropped."""

from collections.abc import Callable

from sqlalchemy import Engine as Engine

from gridmgmt.database import engine as engines
from gridmgmt.database import server
from gridmgmt.settings import Settings


def start(settings: Settings, say: Callable[[str], None] = lambda _: None) -> bool:
    """Start the private server (unless a database is given), make the database, migrate it; True if started."""
    started = settings.database_url is None and server.start(server.locate(settings), say)
    engines.ensure_database(settings)
    migrate(settings)
    return started


def migrate(settings: Settings) -> str:
    """Bring the tables to this release; gives the revision."""
    engine = engines.make_engine(settings)
    try:
        return engines.migrate(engine)
    finally:
        engine.dispose()


def stop(settings: Settings) -> bool:
    """Stop the private server; True if it ran."""
    return settings.database_url is None and server.stop(server.locate(settings))


def status(settings: Settings) -> dict[str, object]:
    """Where the database is (without a password), whether it answers, and whether its tables are this release's.

    Raises
    ------
    DatabaseUnreachable, DatabaseOutdated
    """
    out: dict[str, object] = {"url": engines.shown_url(settings)}
    if settings.database_url is None:
        out |= server.describe(server.locate(settings))
        if not out["running"]:
            return out
    engine = engines.make_engine(settings)
    try:
        with engines.connect(engine) as connection:
            engines.check_revision(connection)
            return {**out, "postgis": engines.postgis_version(connection), "migrated": True}
    finally:
        engine.dispose()


def url(settings: Settings) -> str:
    """The address for psql, QGIS and GDAL."""
    return engines.database_url(settings)


def drop(settings: Settings) -> None:
    """Drop the private server's database, with all that is in it."""
    engines.drop_database(settings)
