"""Every route is asked what the OpenAPI document allows, by three people: never a 5xx, always in words."""

from collections import Counter
from typing import Any
from urllib.parse import quote

import hypothesis
import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, seed

from api.errors import MEDIA_TYPE
from api.main import create_app
from gridmgmt.settings import Settings
from gridmgmt.texts import catalogue
from tests.api import small_city
from tests.api.signed import bearer
from tests.servers import Databases

POSTS = ("city_centre", "street@street:429901001", "administrator")
LEFT_OUT = {("DELETE", "/v1/sessions/current"), ("POST", "/v1/me/password"), ("POST", "/v1/sessions")}
"""What ends the session of who asks, or locks this machine's address out."""


@pytest.fixture(scope="module")
def settings(databases: Databases) -> Settings:
    return databases.built("api_schema", small_city.build)


@pytest.fixture(scope="module")
def client(settings: Settings) -> Any:
    with TestClient(create_app(settings), base_url="http://localhost", raise_server_exceptions=False) as made:
        yield made


def sent(client: TestClient, case: Any, known: dict[str, str]) -> Any:
    """The case as a request; what no header can hold is left out."""
    headers = {k: v for k, v in (case.headers or {}).items() if v.isascii() and v.isprintable()}
    path = case.operation.path
    for name, value in (case.path_parameters or {}).items():
        path = path.replace(f"{{{name}}}", quote(str(value), safe="") or "x")
    query = {**(case.query or {}), "follow": "false"} if path == "/v1/events" else case.query  # else it never ends
    body = {} if type(case.body).__name__ == "NotSet" else {"json": case.body}
    if case.media_type and "multipart" in case.media_type:
        body = {"files": [("files", ("a.txt", b"x"))]}
    return client.request(case.method, path, params=query, headers=headers | known, **body)


def wrong(response: Any, operation: dict[str, Any]) -> str | None:
    """What is wrong with an answer; None: it is as the document says."""
    status = response.status_code
    if status < 400:
        return None if str(status) in operation["responses"] or status == 304 else f"{status} is not documented"
    if status >= 500:
        return f"{status} {response.text[:300]}"
    kind = response.headers["content-type"].partition(";")[0]
    if kind not in operation["responses"]["default"]["content"]:
        return f"{status} as {kind}"
    if kind != MEDIA_TYPE:  # Open311 has a form of its own
        return None if response.text else f"{status} without words"
    problem = response.json()
    return None if problem["code"] in catalogue() and problem["detail"] else f"{status} {problem}"


@pytest.mark.parametrize("post", POSTS)
@pytest.mark.parametrize("n", [2, pytest.param(60, marks=pytest.mark.night)])
def test_what_the_document_allows_is_answered_as_it_says(
    n: int, post: str, client: TestClient, settings: Settings
) -> None:
    known, told, asked = bearer(settings, post), [], Counter[str]()
    document = client.get("/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    for operation in (found.ok() for found in schema.get_all_operations()):
        if (operation.method.upper(), operation.path) in LEFT_OUT:
            continue

        @seed(7)
        @hypothesis.settings(
            max_examples=n, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=[*HealthCheck],
        )  # fmt: skip
        @given(operation.as_strategy())
        def ask(case: Any) -> None:
            raw = document["paths"][case.operation.path][case.operation.method]
            response = sent(client, case, known)
            asked[f"{case.method} {case.operation.path}"] += 1
            if (fault := wrong(response, raw)) is not None:
                told.append(f"{case.method} {response.url}: {fault}"[:400])

        ask()
    assert len(asked) > 60
    assert told == []
