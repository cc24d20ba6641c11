"""The town at work with accounts: the city centre, a district, a community, a department; each asks through the web."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gridmgmt.access.operations import users
from gridmgmt.database.work import Work, open_database
from gridmgmt.settings import Settings
from tests.postgis import towns, worksite
from tests.postgis.worksite import acted, reported, staggered
from tests.worlds import World

POSTS = {
    "centre": "city_centre", "d1": "district@district:D1", "c11": "community@community:D1-1",
    "c21": "community@community:D2-1", "u1": "department@unit:U1", "u2": "department@unit:U2",
    "boss": "administrator", "look": "viewer@district:D1", "bot": "machine",
}  # fmt: skip
PASSWORD = "correct horse battery"

As = Callable[[str | None], Work]
"""Gives the database as somebody with an account asks for it; None: as nobody is told."""


def peopled(work: Work, path: Path) -> None:
    """Cases A and B in D1-1 and D1-2, C and D in D2-1 and D2-2, E outside; A, B, C dispatched. And the accounts."""
    worksite.staffed(work, path)
    places = {"A": "D1-1", "B": "D1-2", "C": "D2-1", "D": "D2-2"}
    acted(work, *(reported(no, place) for no, place in places.items()))
    acted(work, *(s for n, no in enumerate("ABC") for s in staggered(no, n)))
    towns.load(work, path, [towns.case("E", (120.0, 40.0), who="赵某", phone="13900000000"),
                            towns.case("F", "D1-1", who="钱某", phone="13800000000"),
                            towns.case("G", "D2-1", who="孙某", phone="13700000000")])  # fmt: skip
    for login, post in POSTS.items():
        users.add(work, login, [post])


@pytest.fixture
def town(world: World) -> Work:
    return world(peopled)


@pytest.fixture(scope="session")
def _engines() -> Iterator[dict[Settings, tuple[Work, Work]]]:
    made: dict[Settings, tuple[Work, Work]] = {}
    yield made
    for pair in made.values():
        for work in pair:
            work.close()


@pytest.fixture
def as_(town: Work, postgis_settings: Settings, _engines: dict[Settings, tuple[Work, Work]]) -> As:
    if postgis_settings not in _engines:
        _engines[postgis_settings] = open_database(postgis_settings, "web"), open_database(postgis_settings)
    web, worker = _engines[postgis_settings]

    def ask(login: str | None) -> Work:
        viewer = users.acting(town, login) if login is not None else None
        return web.but(viewer=viewer, worker=worker.engine)

    return ask
