"""The application on PostGIS with the small city, and on a database that holds nothing."""

import pytest
from fastapi.testclient import TestClient

from api.main import create_app
from gridmgmt.database.work import open_database
from tests.api import small_city


@pytest.fixture(scope="session")
def small_settings(make_database, tmp_path_factory):
    settings = make_database("api_small")
    work = open_database(settings)
    small_city.build(work, tmp_path_factory.mktemp("small_city"))
    work.close()
    return settings


@pytest.fixture(scope="session")
def client(small_settings):
    with TestClient(create_app(small_settings), base_url="http://localhost") as client:
        yield client


@pytest.fixture
def get(client):
    """Ask and read JSON, after checking the status."""

    def ask(path, status=200, **kwargs):
        response = client.get(path, **kwargs)
        assert response.status_code == status, response.text
        return response.json()

    return ask
