"""The application on PostGIS with the small city, and on a database that holds nothing."""

import pytest
from fastapi.testclient import TestClient

from api.main import create_app
from tests.api import small_city
from tests.api.signed import sign_in


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
