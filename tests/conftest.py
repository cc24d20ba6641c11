"""Fixtures that every test folder shares: a running server of the tests' own, and databases dropped at the end."""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gridmgmt.database.work import Work, open_database
from gridmgmt.settings import Settings
from tests import examples, servers
from tests.commands import answering

examples.register()
gc.set_threshold(100_000)  # as the command does
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # the processes that tests start need not compile all sources anew
sys.dont_write_bytecode = False
os.environ.pop("COLUMNS", None)  # tests that run side by side are told of a screen, which nobody looks at

ROOT = Path(__file__).resolve().parent.parent
REAL_DATA = Path(os.environ.get("REAL_DATA", ROOT.parent / "shared" / "data"))


def pytest_collection_finish() -> None:
    """What stands now stands until the end: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """When all workers have ended, no database of theirs is left."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        servers.sweep()


@pytest.fixture(scope="session")
def server_settings() -> Settings:
    """Settings of the tests' own quick server, started if it was not running."""
    return servers.quick()


@pytest.fixture(scope="session")
def databases(server_settings: Settings) -> servers.Databases:
    """This run's databases on the quick server."""
    return servers.Databases(server_settings)


@pytest.fixture(scope="session")
def make_database(databases: servers.Databases) -> Callable[[str], Settings]:
    """Make a fresh, migrated database of a name (unique to this test process); all are dropped at the end."""
    return databases.copied


@pytest.fixture(scope="session")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the command as it is, which starts at once; each call is a process of its own all the same."""
    with answering(tmp_path_factory.mktemp("c"), ROOT) as folder:
        yield folder


@pytest.fixture
def fresh(make_database: Callable[[str], Settings]) -> Iterator[tuple[Settings, Work]]:
    """An empty database of its own for one test."""
    found = make_database("fresh")
    work = open_database(found)
    yield found, work
    work.close()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The real city's folder; tests that need it are skipped where it is absent, but never in CI."""
    folder = REAL_DATA / "nyc"
    if not (folder / "grids.parquet").exists():
        if os.environ.get("CI"):
            pytest.fail(f"CI needs the real city's files at {folder}")
        pytest.skip(f"the real city's files are not at {folder}")
    return folder
