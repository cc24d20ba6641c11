"""Empty databases that dumps of older schemas are restored in."""

from collections.abc import Callable

import pytest

from gridmgmt.settings import Settings
from tests import servers
from tests.frozen import stored

DEAR = (
    "test_every_item_and_rule_is_explained",
    "test_what_is_scored_otherwise_today_is_named_by_a_letter_and_nothing_else",
)


@pytest.fixture(scope="session")
def make_empty(databases: servers.Databases) -> Callable[[str], Settings]:
    """Databases without a table, of a name's end: only the extensions stand, as dumps leave them out."""
    return lambda name: databases.copied(name, databases.template("bare", lambda found: None))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """By day the oldest city and the newest are explained and scored again, at night those between, too."""
    between = sorted(stored.hashes()["schemas"])[1:-1]
    for item in items:
        if isinstance(item, pytest.Function) and item.originalname in DEAR:
            given = item.callspec.params
            if given.get("schema", given.get("landed")) in between:
                item.add_marker("night")
