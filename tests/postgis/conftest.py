"""One database for the whole folder, emptied before each test: quicker than making one each time."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gridmgmt.database.work import Work, open_database
from gridmgmt.settings import Settings
from tests import servers, worlds
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
    worlds.clear(postgis_engine)
    return postgis_engine


@pytest.fixture(scope="session")
def built() -> dict[worlds.Build, worlds.Kept]:
    """Worlds that a test asked for before, by the function that makes them."""
    return {}


@pytest.fixture
def world(postgis_engine: Work, tmp_path: Path, built: dict[worlds.Build, worlds.Kept]) -> worlds.World:
    """Give the folder's database, and the test's folder, as a function leaves them: made once, then put back."""

    def ask(make: worlds.Build) -> Work:
        if make in built:
            worlds.put_back(postgis_engine, tmp_path, built[make])
        else:
            built[make] = worlds.build(postgis_engine, tmp_path, make)
        return postgis_engine

    return ask


@pytest.fixture
def town(world: worlds.World) -> Work:
    """The town of :mod:`tests.postgis.towns` without cases."""
    return world(towns.found)


@pytest.fixture
def desk(world: worlds.World) -> Work:
    """The town of :mod:`tests.postgis.worksite`: staffed, without cases."""
    return world(worksite.staffed)
