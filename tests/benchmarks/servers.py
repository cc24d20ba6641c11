"""Databases for benchmarks, on the checkout's own private server with the settings that users have."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from gridmgmt import settings as settings_module
from gridmgmt.database import engine
from gridmgmt.database.administration import migrate
from gridmgmt.database.work import Work, open_database
from gridmgmt.settings import Settings
from tests import servers


def of(name: str) -> Settings:
    """The settings of a benchmark's database."""
    return replace(settings_module.read({}), home=servers.REAL, db=name)


@contextmanager
def database(name: str) -> Iterator[Work]:
    """A fresh migrated database of a name, dropped at the end."""
    servers.real()
    found = of(name)
    engine.drop_database(found)
    engine.ensure_database(found)
    migrate(found)
    work = open_database(found)
    try:
        yield work
    finally:
        work.close()
        engine.drop_database(found)
