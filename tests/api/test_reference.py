"""Reference tables and people over HTTP: what the commands say, rows refused by name, and whose they are to write."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from api.main import create_app
from gridmgmt.settings import Settings
from tests.api import small_city
from tests.api.commands import instants, told
from tests.api.signed import bearer
from tests.api.small_city import COMMUNITIES
from tests.servers import Databases

HERE = COMMUNITIES[0]
STREET = "street@street:429901001"
UNITS = "code,name_zh,name_en,kind,parent_code,level,grid_code\n"
PEOPLE = "code,name,valid_from,valid_to\n"
POSTS = "person_code,unit_code,role,level,grid_code,full_time,valid_from,valid_to\n"
RULES = "category,level,grid_code,unit_code,valid_from,valid_to\n"
LIMITS = "category,stage,amount,unit,valid_from\n"

Asking = Callable[..., Response]


@pytest.fixture(scope="module")
def settings(databases: Databases) -> Settings:
    return databases.built("api_reference", small_city.prepare)


@pytest.fixture(scope="module")
def asked(settings: Settings) -> Iterator[Asking]:
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        keys: dict[str, dict[str, str]] = {}

        def ask(method: str, path: str, by: str = "city_centre", headers: Any = None, **more: Any) -> Response:
            known = keys.setdefault(by, bearer(settings, by))
            return client.request(method, path, headers={**known, **(headers or {})}, **more)

        yield ask


@pytest.fixture(scope="module")
def get(asked: Asking) -> Callable[..., Any]:
    def ask(path: str, by: str = "city_centre") -> Any:
        answer = asked("GET", path, by)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


@pytest.fixture(scope="module")
def put(asked: Asking) -> Callable[..., Response]:
    def ask(path: str, text: str, by: str = "city_centre", **more: Any) -> Response:
        return asked("POST", path, by, files={"file": ("表.csv", text.encode(), "text/csv")}, **more)

    return ask


def test_units_are_handed_in_listed_and_remembered(get: Any, put: Any, settings: Settings) -> None:
    text = UNITS + "S1,望湖街道,Wanghu,street,,street,429901001\nU7,一队,Team,team,S1,,\n"
    answer = put("/v1/units", text, headers={"Idempotency-Key": "units-1"})
    assert (answer.status_code, answer.json()) == (200, {"n_new": 1, "n_changed": 1, "n_unchanged": 0})
    again = put("/v1/units", text)
    assert again.json() == {"n_new": 0, "n_changed": 0, "n_unchanged": 2}
    found = {row["code"]: row for row in get("/v1/units", STREET)}
    assert set(found) == {"D9", "S1", "U7"}
    assert (found["S1"]["level"], found["S1"]["grid_code"], found["U7"]["parent_code"]) == (3, "429901001", "S1")
    past = get("/v1/units/S1/history")
    assert [row["name_zh"] for row in past] == ["望湖街道办事处", "望湖街道"]
    assert past[1]["actor"] == "city_centre"
    assert instants(past, "known_at") == instants(told(settings, "units", "history", "S1"), "known_at")
    assert get("/v1/categories/history?category=component:01001")[0]["name_zh"] == "供水井盖"


def test_a_table_handed_in_again_under_its_key_is_written_once(asked: Asking, get: Any) -> None:
    form = {"files": {"file": ("a.csv", (UNITS + "U8,二队,,team,,,\n").encode(), "text/csv")}}
    first, again = (asked("POST", "/v1/units", headers={"Idempotency-Key": "u8"}, **form) for _ in range(2))
    assert first.json() == again.json() == {"n_new": 1, "n_changed": 0, "n_unchanged": 0}
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(get("/v1/units/U8/history")) == 1


def test_rows_that_are_wrong_are_named_and_nothing_is_written(put: Any, get: Any, asked: Asking) -> None:
    answer = put("/v1/units", UNITS + "U5,五队,,team,NOBODY,,\n")
    assert (answer.status_code, answer.json()["code"]) == (422, "table_refused")
    assert "NOBODY" in answer.json()["detail"]
    assert "2" in answer.json()["detail"]
    answer = put("/v1/posts", POSTS + "P0,S1,collector,,,yes,2025-01-01,\n")
    assert answer.status_code == 422
    assert "person_code" in answer.json()["detail"]
    assert "P0" in answer.json()["detail"]
    assert "U5" not in {row["code"] for row in get("/v1/units")}
    assert put("/v1/units", "nothing").status_code == 422
    assert put("/v1/units", UNITS, data={"reopen": "true"}).status_code == 422, "a field that nobody reads"
    assert asked("POST", "/v1/units", json={}).status_code == 422
    assert asked("GET", "/v1/units/NOBODY/history").status_code == 404
    assert asked("GET", "/v1/categories/history?category=component:99999").status_code == 409


def test_the_responsibility_table_as_it_decides_and_as_it_was_known(put: Any, get: Any, settings: Settings) -> None:
    before = get("/v1/responsibility")
    assert [(r["kind"], r["unit_code"]) for r in before] == [("category", "D9"), ("fallback", "S1")]
    answer = put(
        "/v1/responsibility", RULES + f"*,community,{HERE},D9,2025-01-01,2025-07-01\n*,city,9999,D9,2025-01-01,\n"
    )
    report = answer.json()
    assert (report["n_rows"], report["n_new"], report["n_ended"], report["reopened"]) == (2, 2, 0, [])
    assert [(f["row"], f["column"], f["value"]) for f in report["nowhere"]] == [(3, "grid_code", "9999")]
    now = get("/v1/responsibility?on=2025-03-01", STREET)
    assert now == told(settings, "responsibility", "list", "--on", "2025-03-01")
    assert len(now) == 4
    assert len(get("/v1/responsibility?on=2025-08-01")) == 3
    assert get("/v1/responsibility?as_of=2020-01-01T00:00:00Z") == []
    text = RULES + f"*,community,{HERE},D9,2025-01-01,\n"
    refused = put("/v1/responsibility", text)
    assert (refused.status_code, refused.json()["code"]) == (422, "table_refused")
    reopened = put("/v1/responsibility", text, data={"reopen": "true"}).json()["reopened"]
    assert [f["row"] for f in reopened] == [2]


def test_people_have_posts_and_names_only_where_asked(put: Any, get: Any, asked: Asking, settings: Settings) -> None:
    assert put("/v1/people", PEOPLE + "P1,王一,2025-01-01,\nP2,赵二,2025-01-01,\n").json() == {"n": 2}
    rows = f"P1,S1,collector,community,{HERE},yes,2025-01-01,\nP2,D9,operator,,,no,2025-01-01,2025-06-01\n"
    assert put("/v1/posts", POSTS + rows).json() == {"n_new": 2, "n_changed": 0}
    held = get("/v1/posts?on=2025-03-01", STREET)
    assert held == told(settings, "posts", "list", "--on", "2025-03-01")
    assert [(p["person_code"], p["grid_code"]) for p in held] == [("P1", HERE), ("P2", None)]
    assert "name" not in held[0]
    named = get("/v1/posts?on=2025-07-01&names=true&role=collector")
    assert named == told(settings, "posts", "list", "--on", "2025-07-01", "--names", "--role", "collector")
    assert [p["name"] for p in named] == ["王一"]
    path = "/v1/posts?on=2025-03-01&names=true"
    assert [p["name"] for p in get(path, STREET)] == ["王一", None], "by the post's grid or unit"
    assert [p["name"] for p in get(path, "street@street:429902001")] == [None, None]
    for post in ("viewer", "inspector", "machine"):
        assert asked("GET", path, post).json()["code"] == "access_denied"
        assert asked("GET", "/v1/people/P1/history?names=true", post).status_code == 403
    assert asked("GET", "/v1/people/P1/history?names=true", STREET).json()["code"] == "outside_scope"
    assert get("/v1/posts?on=2025-03-01&as_of=2020-01-01T00:00:00Z") == []
    past = get("/v1/people/P1/history")
    assert instants(past, "known_at") == instants(told(settings, "people", "history", "P1"), "known_at")
    assert "王一" not in str(past)
    assert get("/v1/people/P1/history?names=true")[0]["name"] == "王一"
    past = get("/v1/people/P2/posts")
    assert instants(past, "known_at") == instants(told(settings, "posts", "history", "P2"), "known_at")
    assert asked("GET", "/v1/posts?on=2025-03-01&role=king").json()["code"] == "option_invalid"
    assert asked("GET", "/v1/people/P9/history").status_code == 404
    assert put("/v1/posts", POSTS + rows.replace("2025-06-01", "")).status_code == 422
    assert put("/v1/posts", POSTS + rows.replace("2025-06-01", ""), data={"reopen": "1"}).json()["n_changed"] == 1


def test_staffing_is_checked_for_the_whole_city(get: Any, asked: Asking, settings: Settings) -> None:
    found = get("/v1/staffing?scheme=ningbo&on=2025-03-01")
    assert found == told(settings, "staffing", "check", "--scheme", "ningbo", "--on", "2025-03-01")
    assert [(a["code"], a["n_grids"], a["needed"]) for a in found["areas"] if a["role"] == "collector"] == [
        ("429901", 4, 1), ("429902", 4, 1)
    ]  # fmt: skip
    assert asked("GET", "/v1/staffing?scheme=nowhere&on=2025-03-01").status_code == 404
    assert asked("GET", "/v1/staffing?scheme=ningbo&on=2025-03-01", STREET).status_code == 403


def test_time_limits_are_added_and_never_contradicted(put: Any, get: Any, settings: Settings) -> None:
    assert put("/v1/limits", LIMITS + "component:01*,handling,2,working_day,2025-01-01\n").json() == {"n": 1}
    found = get("/v1/limits", STREET)
    assert found == told(settings, "limits", "list")
    assert [(x["category"], x["amount"]) for x in found] == [("component:01*", "2")]
    refused = put("/v1/limits", LIMITS + "component:01*,handling,3,working_day,2025-01-01\n")
    assert (refused.status_code, refused.json()["code"]) == (409, "time_limit_contradicts")
    assert get("/v1/limits") == found


def test_who_wrote_what_is_told_to_who_reads_the_audit(put: Any, get: Any, asked: Asking, settings: Settings) -> None:
    put(
        "/v1/categories",
        "scheme,kind,code,major_code,major_zh,major_en,name_zh,name_en\nown,matter,90001,90,其他,Other,杂项,Odds\n",
    )
    (row, *_) = get("/v1/changes?kind=categories&by=city_centre&limit=1", "administrator")
    assert (row["kind"], row["object"], row["actor"], row["job"]) == (
        "categories", "matter:90001", "city_centre", "POST /v1/categories"
    )  # fmt: skip
    assert instants(get("/v1/changes", "administrator"), "at") == instants(told(settings, "log"), "at")
    assert get("/v1/changes?to=2020-01-01T00:00:00Z", "administrator") == []
    assert asked("GET", "/v1/changes?kind=case", "administrator").status_code == 422
    assert asked("GET", "/v1/changes").status_code == 403


def test_the_city_is_written_again_from_its_file(asked: Asking, tmp_path: Any) -> None:
    small_city._write_city(tmp_path / "city.yaml")
    text = (tmp_path / "city.yaml").read_text("utf-8")

    def hand_in(text: str, by: str = "city_centre") -> Response:
        return asked("POST", "/v1/city", by, files={"file": ("city.yaml", text.encode(), "text/yaml")})

    assert hand_in(text).json() == {"code": "4299", "changes": {}}
    assert hand_in(text, STREET).status_code == 403
    assert hand_in("levels: [").status_code == 422
    assert hand_in(text.replace("4299", "4300")).json()["code"] == "city_exists"


@pytest.mark.parametrize("path", ["units", "categories", "responsibility", "people", "posts", "limits"])
def test_tables_are_of_the_whole_city(path: str, put: Any) -> None:
    answer = put(f"/v1/{path}", "x\n", STREET)
    assert (answer.status_code, answer.json()["code"]) == (403, "access_denied")


@pytest.mark.parametrize("name", ["..", "a\0b.csv", "../../x.csv", "…" * 200 + ".csv"])
def test_a_file_s_name_leads_nowhere(name: str, asked: Asking) -> None:
    answer = asked("POST", "/v1/units", files={"file": (name, b"code\n", "text/csv")})
    assert answer.status_code == 422, answer.text
