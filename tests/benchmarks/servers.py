"""Databases for benchmarks: on the checkout's own private server with the settings that users have; in the quick form,
which judges nothing, on the tests' server that does not wait for the disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from gridmgmt import settings as settings_module
from gridmgmt.database import engine
from gridmgmt.database.administration import migrate
from gridmgmt.database.work import Work, open_database
from gridmgmt.settings import Settings
from tests import servers
from tests.benchmarks.rows import Size


@contextmanager
def settled(name: str, size: Size) -> Iterator[Settings]:
    """The settings of a fresh migrated database of a name, dropped at the end."""
    if size == "quick":
        found = servers.Databases(servers.quick()).copied(name)
    else:
        servers.real()
        found = replace(settings_module.read({}), home=servers.REAL, db=name)
        engine.drop_database(found)
        engine.ensure_database(found)
        migrate(found)
    try:
        yield found
    finally:
        engine.drop_database(found)


@contextmanager
def database(name: str, size: Size) -> Iterator[Work]:
    """A fresh migrated database of a name, dropped at the end."""
    with settled(name, size) as found:
        work = open_database(found)
        try:
            yield work
        finally:
            work.close()


def address(work: Work) -> tuple[str, str]:
    """The home and the name of a database, for a process of its own."""
    url = work.engine.url
    return str(Path(str(url.query["host"])).parent.parent), str(url.database)
