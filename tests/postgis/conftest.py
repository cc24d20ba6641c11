"""One database for the whole folder, emptied before each test: quicker than making one each time."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from gridmgmt.database.tables import metadata
from gridmgmt.database.work import Work, open_database
from gridmgmt.settings import Settings
from tests.postgis import towns, worksite


@pytest.fixture(scope="session")
def postgis_settings(make_database: Callable[[str], Settings]) -> Settings:
    """Settings of the folder's database."""
    return make_database("postgis")


@pytest.fixture(scope="session")
def postgis_engine(postgis_settings: Settings) -> Iterator[Work]:
    """The folder's database, migrated."""
    work = open_database(postgis_settings)
    yield work
    work.close()


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
