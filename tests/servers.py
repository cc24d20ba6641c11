"""Two servers for the tests: a quick one that may forget, and one as users have it, for what must outlast a crash."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.pool import NullPool

from gridmgmt import settings as settings_module
from gridmgmt.database import administration, server
from gridmgmt.database import engine as engines
from gridmgmt.database.work import Work, open_database
from gridmgmt.errors import ServerMissing
from gridmgmt.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
HOMES = REAL, TESTS = ROOT / "var", ROOT / "var" / "tests"
QUICK = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
"""What only a server gives up whose data nobody will miss."""


def real() -> Settings:
    """The checkout's own private server, started as `gridmgmt db start` does it."""
    return _started(REAL)


def quick() -> Settings:
    """A private server of the tests' own that does not wait for the disk; ``rm -r var/tests`` costs nothing."""
    found = _started(TESTS)
    with administered(found) as connection:
        for name, value in QUICK.items():
            connection.execute(f"ALTER SYSTEM SET {name} = {value}")
        connection.execute("SELECT pg_reload_conf()")
    return found


def _started(home: Path) -> Settings:
    found = replace(settings_module.read({}), home=home, db="postgres")
    server.start(server.locate(found))
    return found


@contextmanager
def administered(found: Settings) -> Iterator[psycopg.Connection]:
    """A connection to the server on which each statement is its own transaction."""
    with psycopg.connect(server.locate(found).url("postgres"), autocommit=True) as connection:
        yield connection


@cache
def _owner(url: URL) -> Engine:
    return create_engine(url.set(username=server.OWNER), poolclass=NullPool)


def owner(work: Work) -> Engine:
    """The database of a work as its owner: tests lay, change and look at what no use case may."""
    return _owner(work.engine.url)


RUN = os.environ.setdefault("TEST_RUN", str(os.getpid()))
"""This run's number, which xdist's workers inherit: the name of all its databases begins with it."""


@dataclass(frozen=True)
class Databases:
    """Databases of this run on one server, copied from templates that its workers share."""

    server: Settings

    def copied(self, name: str, template: str | None = None) -> Settings:
        """A fresh database of a name (unique to this test process): migrated and empty, or as its template stands."""
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        made = replace(self.server, db=f"test_{RUN}_{worker}_{name}")
        engines.drop_database(made)
        # copying files costs a checkpoint, which is cheap where nobody waits for the disk
        words = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        with administered(self.server) as connection:
            source = template or self.template("migrated", administration.migrate)
            connection.execute(words.format(sql.Identifier(made.db), sql.Identifier(source)))
        return made

    def built(self, name: str, make: Callable[[Work, Path], object]) -> Settings:
        """A database of a name as a function leaves it, which a run calls once."""

        def build(found: Settings) -> None:
            administration.migrate(found)
            work = open_database(found)
            with tempfile.TemporaryDirectory() as folder:
                make(work, Path(folder))
            work.close()

        key = hashlib.sha256(f"{make.__module__}.{make.__qualname__}".encode()).hexdigest()[:12]
        return self.copied(name, self.template(key, build))

    def template(self, name: str, build: Callable[[Settings], object]) -> str:
        """A database that whoever comes first builds, and that nobody opens afterwards; gives its full name."""
        found = replace(self.server, db=f"test_{RUN}_template_{name}")
        half = replace(found, db=f"{found.db}_half")
        with administered(self.server) as connection:
            connection.execute("SELECT pg_advisory_lock(hashtext(%s))", [found.db])
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [found.db]).rowcount:
                engines.drop_database(half)
                engines.ensure_database(half)
                build(half)
                rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
                connection.execute(rename.format(sql.Identifier(half.db), sql.Identifier(found.db)))
        return found.db


def sweep() -> None:
    """Drop the databases of this run, and of runs that ended without doing so."""
    for home in HOMES:
        found = replace(settings_module.read({}), home=home, db="postgres")
        with suppress(ServerMissing):
            if server.is_running(server.locate(found)):
                _sweep(found)


def _sweep(found: Settings) -> None:
    with administered(found) as connection:
        names = connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^test_[0-9]+_'").fetchall()
    for (name,) in names:
        run = name.split("_")[1]
        if run == RUN or not Path("/proc", run).exists():
            engines.drop_database(replace(found, db=name))
