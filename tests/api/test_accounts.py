"""Accounts, keys and hooks over HTTP: each request once, secrets told once; files that go out stand in the audit."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.main import create_app
from gridmgmt.access.operations import auditing
from gridmgmt.database.work import Work, open_database
from gridmgmt.settings import Settings
from tests.api import small_city
from tests.api.signed import PASSWORD, account, bearer, sign_in
from tests.postgis.settling import settle
from tests.servers import Databases, owner

ASSESSMENT = "grid_baseline-2025-12-1"


@pytest.fixture(scope="module")
def settings(databases: Databases) -> Settings:
    return databases.built("api_accounts", small_city.build)


@pytest.fixture(scope="module")
def boss(settings: Settings) -> Any:
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        yield sign_in(client, settings, "administrator")


@pytest.fixture
def work(settings: Settings) -> Any:
    found = open_database(settings)
    yield found
    found.close()


def kept(work: Work, key: str) -> Any:
    with owner(work).connect() as connection:
        return connection.execute(text("SELECT * FROM request_once WHERE key = :key"), {"key": key}).mappings().one()


def test_an_account_is_added_once_and_its_password_kept_nowhere(boss: TestClient, work: Work) -> None:
    key = {"idempotency-key": "add-li"}
    given = {"login": "li", "name": "李某", "password": PASSWORD, "posts": ["street@street:429901001"]}
    first, again = (boss.post("/v1/users", json=given, headers=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotency-replayed"] == "true"
    assert boss.post("/v1/users", json=given).json()["code"] == "account_exists"
    other = boss.post("/v1/users", json=given | {"password": PASSWORD + "!"}, headers=key)
    assert other.json()["code"] == "request_key_reused"
    assert PASSWORD not in str(kept(work, "add-li"))


def test_a_key_is_told_once_also_to_who_asks_again(boss: TestClient, work: Work, settings: Settings) -> None:
    account(settings, "machine", "machine")
    given, key = {"login": "machine", "name": "12345", "days": 30}, {"idempotency-key": "key-1"}
    first, again = (boss.post("/v1/keys", json=given, headers=key).json() for _ in range(2))
    assert first["key"].startswith("gmk_")
    assert again == {"id": first["id"], "key": None}
    assert first["key"] not in str(kept(work, "key-1"))
    assert [k["id"] for k in boss.get("/v1/keys").json() if k["name"] == "12345"] == [first["id"]]


def test_a_hook_is_made_once_and_its_secret_told_once(boss: TestClient, work: Work, settings: Settings) -> None:
    account(settings, "machine", "machine")
    given = {"login": "machine", "name": "大屏", "url": "http://127.0.0.1:9/x"}
    first, again = (boss.post("/v1/hooks", json=given, headers={"idempotency-key": "hook-1"}) for _ in range(2))
    assert first.status_code == 201, first.text
    assert first.json()["secret"]
    assert again.json() == {"id": first.json()["id"], "secret": None}
    assert first.json()["secret"] not in str(kept(work, "hook-1"))


def test_an_account_changes_as_a_whole_or_not_at_all(boss: TestClient, settings: Settings) -> None:
    account(settings, "zhao", "viewer")

    def zhao() -> Any:
        return next(u for u in boss.get("/v1/users").json() if u["login"] == "zhao")

    wrong = boss.patch("/v1/users/zhao", json={"posts": ["street@street:0"], "disabled": True})
    assert wrong.status_code == 404
    assert ([p["role"] for p in zhao()["posts"]], zhao()["disabled_at"]) == (["viewer"], None)
    assert boss.patch("/v1/users/zhao", json={"posts": ["inspector"], "disabled": True}).status_code == 204
    assert [p["role"] for p in zhao()["posts"]] == ["inspector"]
    assert zhao()["disabled_at"] is not None


def test_whom_an_identity_provider_knows_may_sign_in_without_a_password(boss: TestClient) -> None:
    assert boss.post("/v1/users", json={"login": "sso", "posts": ["administrator"]}).status_code == 201

    def may() -> Any:
        return next(u["may_sign_in"] for u in boss.get("/v1/users").json() if u["login"] == "sso")

    assert may() is False
    given = {"issuer": "https://id.example.gov.cn", "external_id": "0042"}
    assert boss.put("/v1/users/sso/identity", json=given).status_code == 204
    assert may() is True
    assert boss.put("/v1/users/nobody/identity", json=given).status_code == 404


def test_a_file_that_goes_out_stands_in_the_audit(boss: TestClient, settings: Settings) -> None:
    path = f"/v1/assessments/{ASSESSMENT}/scorecards"
    known = bearer(settings)

    def told() -> list[Any]:
        rows = boss.get("/v1/audit?deed=export&limit=10").json()
        return [(r["login"], r["facts"]["asked"], r["facts"]["path"], r["facts"]["given"]) for r in rows]

    for query in ("level=community", "level=community&format=csv", "level=community&format=xlsx"):
        assert boss.get(f"{path}?{query}", headers=known).status_code == 200
    assert boss.head(f"{path}?level=community&format=csv", headers=known).status_code == 200
    asked = "GET /v1/assessments/{name}/scorecards"
    assert told() == [
        ("city_centre", asked, path, {"level": "community", "format": form}) for form in ("xlsx", "csv")
    ]  # fmt: skip


def test_the_sealed_audit_goes_out_whole_and_a_written_head_is_looked_for(boss: TestClient, work: Work) -> None:
    settle(work, "audit")
    auditing.seal(work)
    chain = boss.get("/v1/audit/chain").json()
    lines = boss.get("/v1/audit/lines").text.splitlines()
    assert [json.loads(line)["n"] for line in lines] == list(range(1, chain["n"] + 1))
    assert json.loads(lines[-1])["sha256"] == chain["head"].partition(":")[2]
    assert boss.get("/v1/audit/chain", params={"head": chain["head"]}).json()["why"] is None
    assert boss.get("/v1/audit/chain", params={"head": f"{chain['n'] + 9}:{'0' * 64}"}).json()["why"] == "cut"
    assert boss.get("/v1/audit/chain", params={"head": "x"}).status_code == 422
