"""One database for the whole folder, emptied before each test: quicker than making one each time."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from gridmgmt.database.tables import metadata
from gridmgmt.database.work import Work, open_database
from gridmgmt.settings import Settings
from tests import servers
from tests.postgis import towns, worksite

Opened = tuple[Settings, Work]


@pytest.fixture(scope="session")
def opened(databases: servers.Databases) -> Iterator[Callable[[bool], Opened]]:
    """The folder's database, migrated when first asked for: on the quick server, or on one as users have it."""
    made: dict[bool, Opened] = {}

    def ask(durable: bool) -> Opened:
        if durable not in made:
            found = (servers.Databases(servers.real()) if durable else databases).copied("postgis")
            made[durable] = found, open_database(found)
        return made[durable]

    yield ask
    for _, work in made.values():
        work.close()


@pytest.fixture
def postgis(opened: Callable[[bool], Opened], request: pytest.FixtureRequest) -> Opened:
    """The folder's database with its settings; tests that kill a writer (marked ``crash``) have the durable one."""
    return opened(request.node.get_closest_marker("crash") is not None)


@pytest.fixture
def postgis_settings(postgis: Opened) -> Settings:
    """Settings of the folder's database."""
    return postgis[0]


@pytest.fixture
def postgis_engine(postgis: Opened) -> Work:
    """The folder's database, migrated."""
    return postgis[1]


@pytest.fixture
def empty(postgis_engine: Work) -> Work:
    """The folder's database without any row."""
    clear(postgis_engine)
    return postgis_engine


def clear(work: Work) -> None:
    """Empty every table."""
    names = ", ".join(table.name for table in metadata.sorted_tables)
    with work.engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))


@pytest.fixture
def town(empty: Work, tmp_path: Path) -> Work:
    """The town of :mod:`tests.postgis.towns` without cases."""
    towns.found(empty, tmp_path)
    return empty


@pytest.fixture
def desk(empty: Work, tmp_path: Path) -> Work:
    """The town of :mod:`tests.postgis.worksite`: staffed, without cases."""
    worksite.staffed(empty, tmp_path)
    return empty
