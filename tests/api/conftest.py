"""The application on PostGIS with the small city, and on a database that holds nothing."""

from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient

from api.main import create_app
from gridmgmt.database.work import open_database
from gridmgmt.jobs.operations.running import Doors
from gridmgmt.settings import Settings
from tests.api import small_city
from tests.api.signed import Asking, bearer, sign_in


@pytest.fixture(scope="session")
def small_settings(databases):
    return databases.built("api_small", small_city.build)


@pytest.fixture(scope="session")
def client(small_settings):
    with TestClient(create_app(small_settings), base_url="http://localhost") as client:
        yield sign_in(client, small_settings)


@pytest.fixture
def get(client):
    """Ask and read JSON, after checking the status."""

    def ask(path, status=200, **kwargs):
        response = client.get(path, **kwargs)
        assert response.status_code == status, response.text
        return response.json()

    return ask


@pytest.fixture(scope="module")
def ask(settings: Settings) -> Iterator[Callable[[str], Asking]]:
    """People who ask a module's own city, each by the key of his post."""
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        known: dict[str, Asking] = {}
        yield lambda post: known.setdefault(post, Asking(client, bearer(settings, post)))


@pytest.fixture(scope="module")
def doors(settings: Settings) -> Iterator[Doors]:
    """What a worker works through, of a module's own city."""
    found = Doors(open_database(settings), open_database(settings, "web"), settings.files_root)
    yield found
    found.work.close()
    found.web.close()
