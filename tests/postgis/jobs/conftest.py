"""The town with accounts, whose jobs are worked off beside it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gridmgmt.access.operations import users
from gridmgmt.database.work import Work, open_database
from gridmgmt.jobs.operations.running import Doors
from gridmgmt.settings import Settings
from tests import servers
from tests.postgis import towns
from tests.worlds import World

POSTS = {
    "centre": "city_centre", "d1": "district@district:D1", "boss": "administrator", "bot": "machine",
    "look": "viewer@district:D1",
}  # fmt: skip


def peopled(work: Work, path: Path) -> None:
    towns.found(work, path)
    for login, post in POSTS.items():
        users.add(work, login, [post])


@pytest.fixture
def town(world: World) -> Work:
    work = world(peopled)
    with servers.owner(work).begin() as connection:  # what the tests before left in the queue
        connection.exec_driver_sql("TRUNCATE queue.procrastinate_jobs, queue.procrastinate_workers CASCADE")
    return work


@pytest.fixture
def settings(town: Work, postgis_settings: Settings, tmp_path: Path) -> Settings:
    return replace(postgis_settings, files=tmp_path / "files")


@pytest.fixture
def doors(settings: Settings) -> Iterator[Doors]:
    found = Doors(open_database(settings), open_database(settings, "web"), settings.files_root)
    yield found
    found.work.close()
    found.web.close()
