"""Connections: which database, and whether its tables are those of this release."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from gridmgmt.errors import DatabaseOutdated, DatabaseUnreachable
from gridmgmt.settings import Settings
from gridmgmt.store import server

EXTENSIONS = ("postgis", "btree_gist")


def database_url(settings: Settings) -> str:
    """The address of this installation's database: the one given, else the private server's."""
    return settings.database_url or server.locate(settings).url(settings.db)


def make_engine(settings: Settings) -> Engine:
    """An engine for this installation's database; nothing is connected yet."""
    url = make_url(database_url(settings)).set(drivername="postgresql+psycopg")
    return create_engine(
        url, pool_pre_ping=True, connect_args={"application_name": "gridmgmt", "options": "-c timezone=UTC"}
    )


@contextmanager
def connect(engine: Engine) -> Iterator[Connection]:
    """A connection outside a use case's transaction, for checks and migrations.

    Raises
    ------
    DatabaseUnreachable
        No server answers; says at which address and how to start one.
    """
    try:
        connection = engine.connect()
    except OperationalError as e:
        raise DatabaseUnreachable(
            url=engine.url.render_as_string(hide_password=True), reason=str(e.orig).strip()
        ) from e
    with connection:
        yield connection


def ensure_database(settings: Settings) -> bool:
    """Create the private server's database with its extensions if it is absent; True if created."""
    owner = make_url(database_url(settings))
    created = False
    if settings.database_url is None:
        admin = server.locate(settings).url("postgres")
        with psycopg.connect(admin, autocommit=True) as connection:
            row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [settings.db]).fetchone()
            if row is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(settings.db)))
                created = True
    with psycopg.connect(owner.render_as_string(hide_password=False), autocommit=True) as connection:
        for name in EXTENSIONS:
            connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(name)))
    return created


def drop_database(settings: Settings) -> None:
    """Drop the private server's database; used by tests and `gridmgmt db drop`."""
    with psycopg.connect(server.locate(settings).url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(settings.db)))


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's settings; its scripts lie inside the package so that an installed wheel can migrate."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def migrate(engine: Engine) -> str:
    """Bring the tables to this release; gives the revision reached."""
    with connect(engine) as connection:
        command.upgrade(alembic_config(connection), "head")
        connection.commit()
        return str(MigrationContext.configure(connection).get_current_revision())


def check_revision(connection: Connection) -> None:
    """Refuse a database whose tables are not those of this release.

    Raises
    ------
    DatabaseOutdated
        Says both revisions and how to migrate.
    """
    wanted = ScriptDirectory.from_config(alembic_config()).get_current_head()
    found = MigrationContext.configure(connection).get_current_revision()
    if found != wanted:
        raise DatabaseOutdated(found=found or "none", wanted=wanted)


def postgis_version(connection: Connection) -> str:
    """The PostGIS release that answers."""
    return str(connection.execute(text("SELECT postgis_lib_version()")).scalar_one())
