"""Empty databases that dumps of older schemas are restored in."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from gridmgmt.database import engine as engines
from gridmgmt.settings import Settings
from tests.frozen import stored

DEAR = (
    "test_every_item_and_rule_is_explained",
    "test_what_is_scored_otherwise_today_is_named_by_a_letter_and_nothing_else",
)


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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """By day the oldest city and the newest are explained and scored again, at night those between, too."""
    between = sorted(stored.hashes()["schemas"])[1:-1]
    for item in items:
        if isinstance(item, pytest.Function) and item.originalname in DEAR:
            given = item.callspec.params
            if given.get("schema", given.get("landed")) in between:
                item.add_marker("night")
