"""Empty databases that dumps of older schemas are restored in."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from gridmgmt.database import engine as engines
from gridmgmt.settings import Settings


@pytest.fixture
def make_empty(server_settings: Settings) -> Iterator[Callable[[str], Settings]]:
    """Databases without a table, of a name's end; gone after the test."""
    made = []

    def make(name: str) -> Settings:
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        made.append(replace(server_settings, db=f"test_{worker}_{os.getpid()}_{name}"))
        engines.drop_database(made[-1])
        engines.ensure_database(made[-1])
        return made[-1]

    yield make
    for given in made:
        engines.drop_database(given)
