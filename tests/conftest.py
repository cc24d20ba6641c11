"""Fixtures that every test folder shares: a running private server and databases on it, dropped at the end."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import hypothesis
import pytest

from gridmgmt import settings as settings_module
from gridmgmt.database import administration, server
from gridmgmt.database import engine as engines
from gridmgmt.database.work import Work, open_database
from gridmgmt.settings import Settings

# correctness tests never time anything; a landing is judged on examples that are the same each time
hypothesis.settings.register_profile(
    "suite",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("suite")

ROOT = Path(__file__).resolve().parent.parent
REAL_DATA = Path(os.environ.get("REAL_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def server_settings() -> Settings:
    """Settings of the private server, started if it was not running."""
    found = replace(settings_module.read({}), home=ROOT / "var", db="postgres")
    server.start(server.locate(found))
    return found


@pytest.fixture(scope="session")
def make_database(server_settings: Settings) -> Iterator[Callable[[str], Settings]]:
    """Make a fresh, migrated database of a name (unique to this test process); all are dropped at the end."""
    made: list[Settings] = []

    def make(name: str) -> Settings:
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        found = replace(server_settings, db=f"test_{worker}_{os.getpid()}_{name}")
        engines.drop_database(found)
        engines.ensure_database(found)
        administration.migrate(found)
        made.append(found)
        return found

    yield make
    for found in made:
        engines.drop_database(found)


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
