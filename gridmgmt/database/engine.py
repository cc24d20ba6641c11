"""Connections: which database, and whether its tables are those of this release."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import URL, Connection, Engine, create_engine, func, make_url, select, text
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolEmpty
from sqlalchemy.pool import NullPool

from gridmgmt.database import askers, failures, roles, server
from gridmgmt.database.roles import ROLE, Role
from gridmgmt.errors import (
    DatabaseExhausted,
    DatabaseForeign,
    DatabaseLost,
    DatabaseOutdated,
    DatabaseRefused,
    DatabaseUnreachable,
    by_program,
)
from gridmgmt.settings import Settings

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parent / "migrations"
EXTENSIONS = ("postgis", "btree_gist")

_SETUP_LOCK = 4_780_000
"""Advisory lock that lets one process at a time make or migrate a database."""

KEPT = "gridmgmt_kept"
"""Option of a connection: see :func:`kept_folder`."""


def database_url(settings: Settings, role: Role = "owner") -> str:
    """The libpq address of this installation's database: the one given, else the private server's."""
    if settings.database_url is None:
        return server.locate(settings).url(settings.db, roles.NAMES.get(role))
    address = re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", settings.database_url)
    if role == "owner":
        return address
    joined = "&" if "?" in address else "?"
    return f"{address}{joined}options={quote(f'-c role={roles.NAMES[role]}', safe='')}"


def queue_address(settings: Settings) -> str:
    """Where workers take jobs: the tables of the queue (procrastinate) stand in a schema of their own."""
    address = database_url(settings, "worker")
    own = conninfo_to_dict(address).get("options") or ""
    options = f"{own} -c search_path=queue".strip()
    return make_conninfo(address, options=options, application_name="gridmgmt worker", connect_timeout="5")


def shown_url(settings: Settings) -> str:
    """The same address without its password, for reports."""
    return _without_password(database_url(settings))


def _without_password(address: str) -> str:
    return re.sub(r"^(\w+://[^:@/]*):[^@/]*@", r"\1:***@", address)


def _url(settings: Settings, role: Role) -> URL:
    try:
        return make_url(database_url(settings, role)).set(drivername="postgresql+psycopg")
    except ArgumentError as e:
        raise DatabaseUnreachable(url="GRIDMGMT_DATABASE_URL", reason={"code": "unreachable_form"}) from e


def _connecting(url: URL, *more: str) -> dict[str, Any]:
    """What each connection is opened with; an address's own options stay."""
    own = url.query.get("options", "")
    options = (own if isinstance(own, str) else " ".join(own), "-c timezone=UTC -c datestyle=ISO", *more)
    return {"application_name": "gridmgmt", "options": " ".join(filter(None, options)), "connect_timeout": 10}


def make_engine(settings: Settings, role: Role = "owner") -> Engine:
    """An engine for this installation's database, in one of its roles; nothing is connected yet."""
    url = _url(settings, role)
    return create_engine(
        url,
        execution_options={KEPT: settings.kept_root, ROLE: role},
        pool_pre_ping=True,
        pool_size=settings.bounds.in_work,  # and as many again for a moment, so that no request in work finds none
        max_overflow=settings.bounds.in_work,
        pool_timeout=10,
        hide_parameters=True,  # values of a city's cases belong in no traceback
        connect_args=_connecting(url),
    )


def kept_folder(connection: Connection) -> Path | None:
    """The folder for what is made of this database's content and may be made again; None: nothing is to be kept."""
    folder: Path | None = connection.get_execution_options().get(KEPT)
    return folder


def _why(told: str) -> Mapping[str, Any]:
    """Why nothing answers: of a server that runs without this database its name, else what the driver tells."""
    absent = re.search(r'database "([^"]+)" does not exist', told)
    return {"code": "unreachable_no_database", "db": absent[1]} if absent else by_program(told)


@contextmanager
def connect(engine: Engine) -> Iterator[Connection]:
    """A connection outside a use case's transaction, for checks and migrations.

    Raises
    ------
    DatabaseUnreachable
        No server answers; says at which address and how to start one.
    DatabaseLost, DatabaseExhausted, DatabaseFailed, DatabaseRefused, ValueUnstorable
        What the driver told in the middle, see :mod:`gridmgmt.database.failures`.
    AskerLeft, AnswerLate
        Nobody waits for it any more, see :mod:`gridmgmt.database.askers`.
    """
    try:
        connection = engine.connect()
    except OperationalError as e:
        raise DatabaseUnreachable(
            url=unquote(engine.url.set(drivername="postgresql").render_as_string(hide_password=True)),
            reason=_why(str(e.orig).strip()),
        ) from e
    except PoolEmpty as e:
        raise DatabaseExhausted(reason=by_program(str(e))) from e
    with connection:
        try:
            with askers.used(connection):
                yield connection
        except failures.DRIVER as e:
            if (left := askers.left()) is not None:
                raise left from None
            found = failures.failure(e)
            if found is None:
                raise
            if isinstance(found, DatabaseLost):
                connection.invalidate()  # so that nobody tries to end its transaction
            raise found from None if isinstance(found, DatabaseRefused) else e  # which holds the values of a row


def try_beside(connection: Connection, do: Callable[[Connection], object]) -> bool:
    """Do something in a transaction beside one that reads, on a connection of its own; whether that could be done.

    It waits for no lock. A server that may not be written, is full or ends is no failure of whoever reads.
    """
    url = connection.engine.url
    engine = create_engine(
        url, poolclass=NullPool, hide_parameters=True,
        connect_args={**_connecting(url, "-c lock_timeout=1000"), "connect_timeout": 5},
    )  # fmt: skip
    try:
        with engine.begin() as other:
            do(other)
    except failures.DRIVER as e:
        if failures.failure(e) is None and not failures.is_forbidden(e):
            raise
        return False
    return True


@contextmanager
def _administer(address: str) -> Iterator[psycopg.Connection]:
    """A plain connection on which each statement is its own transaction, as CREATE DATABASE needs it; one at a time.

    Raises
    ------
    DatabaseUnreachable
        No server answers, or this user may not do what it takes.
    """
    try:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", [_SETUP_LOCK])
            yield connection
    except (psycopg.OperationalError, psycopg.ProgrammingError) as e:
        raise DatabaseUnreachable(url=_without_password(address), reason=by_program(str(e))) from e


def ensure_database(settings: Settings) -> bool:
    """Create the private server's database with its extensions if it is absent; True if created.

    Raises
    ------
    DatabaseUnreachable
        No server answers, or PostGIS is absent and this user may not add it.
    """
    created = False
    if settings.database_url is None:
        with _administer(server.locate(settings).url("postgres")) as connection:
            row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [settings.db]).fetchone()
            if row is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(settings.db)))
                created = True
    with _administer(database_url(settings)) as connection:
        for name in EXTENSIONS:
            connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(name)))
        roles.ensure(connection)
    return created


def drop_database(settings: Settings) -> None:
    """Drop the private server's database; used by tests and `gridmgmt db drop`."""
    with _administer(server.locate(settings).url("postgres")) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(settings.db)))


def alembic_config(connection: Connection | None = None) -> "Config":
    """Alembic's settings; its scripts lie inside the package so that an installed wheel can migrate."""
    from alembic.config import Config  # slow, and needed by those only who migrate

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def migrate(engine: Engine) -> str:
    """Bring the tables to this release; gives the revision reached. Two at once follow each other.

    Raises
    ------
    DatabaseForeign
        Its tables are of a release from before the first that landed, or of a later one than this.
    """
    from alembic import command

    with connect(engine) as connection:
        connection.execute(select(func.pg_advisory_xact_lock(_SETUP_LOCK)))
        if (found := _revision(connection)) is not None:
            check_known(found)
        command.upgrade(alembic_config(connection), "head")
        reached = str(_revision(connection))
        if reached != found or not roles.may_read(connection):
            roles.grant(connection)
        connection.commit()
        return reached


def check_known(found: str) -> None:
    """Refuse tables of a revision that this release cannot migrate.

    Raises
    ------
    DatabaseForeign
    """
    known = _revisions()["revision"]
    if found not in known:
        raise DatabaseForeign(found=found, oldest=min(known), newest=_head())


def check_revision(connection: Connection) -> None:
    """Refuse a database whose tables are not those of this release.

    Raises
    ------
    DatabaseOutdated
        Says both revisions and how to migrate.
    """
    wanted = _head()
    found = _revision(connection)
    if found != wanted:
        raise DatabaseOutdated(found=found or "none", wanted=wanted)


def _revision(connection: Connection) -> str | None:
    """The revision of the database's tables; None: it has none of them."""
    if connection.scalar(select(func.to_regclass("alembic_version"))) is None:
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


@cache
def _head() -> str:
    """The revision of this release: that of the one script that no other follows."""
    revisions = _revisions()
    (head,) = revisions["revision"] - revisions["down_revision"]
    return head


def _revisions() -> dict[str, set[str]]:
    scripts = "".join(path.read_text("utf-8") for path in _MIGRATIONS.glob("versions/*.py"))
    return {name: set(re.findall(f'^{name} = "(.+)"$', scripts, re.M)) for name in ("revision", "down_revision")}


def postgis_version(connection: Connection) -> str:
    """The PostGIS release that answers."""
    return str(connection.execute(text("SELECT postgis_lib_version()")).scalar_one())
