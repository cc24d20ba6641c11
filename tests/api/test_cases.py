"""Cases over HTTP: opened, acted on by two people at once, found again; each request is done once."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.main import create_app
from gridmgmt.database.work import open_database
from gridmgmt.settings import Settings
from tests.api import small_city
from tests.api.signed import ORIGIN, sign_in
from tests.api.small_city import COMMUNITIES, centre
from tests.pictures import encode
from tests.servers import Databases, owner

LON, LAT = centre(0)
NEW = {"source": "监督员上报", "category": "component:01001", "lon": LON, "lat": LAT, "description": "井盖破损",
       "reporter": {"name": "周某某", "phone": "13912345678"}}  # fmt: skip


@pytest.fixture(scope="module")
def settings(databases: Databases) -> Settings:
    return databases.built("api_cases", small_city.build)


@pytest.fixture(scope="module")
def app(settings: Settings) -> Any:
    return create_app(settings)


Sign = Callable[[str], TestClient]


@pytest.fixture(scope="module")
def centre_client(app: Any, settings: Settings) -> Any:
    with TestClient(app, base_url="http://localhost") as client:
        yield sign_in(client, settings)


@pytest.fixture
def signed(centre_client: TestClient, settings: Settings) -> Sign:
    """Others by the same application, in its event loop: each with cookies of his own."""

    def sign(post: str) -> TestClient:
        made = TestClient(centre_client.app, base_url="http://localhost")
        made.portal = centre_client.portal
        return sign_in(made, settings, post)

    return sign


def opened(client: TestClient, **more: Any) -> dict[str, Any]:
    answer = client.post("/v1/cases", json=NEW | more)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_case_is_opened_and_found(centre_client: TestClient) -> None:
    answer = centre_client.post("/v1/cases", json=NEW)
    case = answer.json()
    assert answer.headers["location"] == f"/v1/cases/{case['case_no']}"
    assert (answer.headers["etag"], case["version"], case["state"]) == ('"1"', 1, "reported")
    whole = centre_client.get(answer.headers["location"]).json()
    assert [g["code"] for g in whole["grids"]][-1] == COMMUNITIES[0]
    assert whole["steps"][0]["kind"] == "report"
    assert "accept" in whole["legal"]
    assert "周某某" not in str(whole)
    assert "13912345678" not in str(whole)
    found = centre_client.get("/v1/cases", params={"text": case["case_no"], "fields": "case_no,status"}).json()
    assert found == {"rows": [{"case_no": case["case_no"], "status": "reported"}], "next": None}


def test_an_etag_spares_the_reader_what_he_has(centre_client: TestClient) -> None:
    path = f"/v1/cases/{opened(centre_client)['case_no']}"
    tag = centre_client.get(path).headers["etag"]
    for wanted, status in ((tag, 304), (f'W/{tag}, "99"', 304), ("*", 304), ('"11"', 200), ('"0"', 200)):
        assert centre_client.get(path, headers={"if-none-match": wanted}).status_code == status, wanted


def test_of_two_who_act_at_once_one_is_told_who_was_quicker(centre_client: TestClient, signed: Sign) -> None:
    no = opened(centre_client)["case_no"]
    people = [centre_client, signed("district@district:429901")]
    gate, answers = threading.Barrier(2), []

    def act(client: TestClient) -> None:
        gate.wait(10)
        answers.append(client.post(f"/v1/cases/{no}/steps", json={"kind": "accept"}, headers={"if-match": '"1"'}))

    threads = [threading.Thread(target=act, args=(c,)) for c in people]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(a.status_code for a in answers) == [201, 412]
    (late,) = [a.json() for a in answers if a.status_code == 412]
    assert (late["code"], late["facts"]["step"], late["facts"]["found"]) == ("case_changed", "accept", 2)
    assert centre_client.get(f"/v1/cases/{no}").headers["etag"] == '"2"'


@pytest.mark.parametrize(("wanted", "status"), [('"1"', 201), ("*", 201), ('"7"', 412), ("1", 422), ('W/"1"', 422)])
def test_if_match_is_exact(wanted: str, status: int, centre_client: TestClient) -> None:
    no = opened(centre_client)["case_no"]
    answer = centre_client.post(f"/v1/cases/{no}/steps", json={"kind": "accept"}, headers={"if-match": wanted})
    assert answer.status_code == status, answer.text


def test_the_same_request_again_is_done_once_and_answered_the_same(centre_client: TestClient) -> None:
    key = {"idempotency-key": "open-1"}
    first, again = (centre_client.post("/v1/cases", json=NEW, headers=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert (first.headers["etag"], first.headers["location"]) == (again.headers["etag"], again.headers["location"])
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    other = centre_client.post("/v1/cases", json=NEW | {"address": "别处"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "request_key_reused")


def test_many_at_once_by_one_key_open_one_case(centre_client: TestClient) -> None:
    before = len(centre_client.get("/v1/cases?limit=1000").json()["rows"])
    gate, answers = threading.Barrier(4), []

    def send() -> None:
        gate.wait(10)
        answers.append(centre_client.post("/v1/cases", json=NEW, headers={"idempotency-key": "open-2"}))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert {a.status_code for a in answers} <= {201, 409}
    assert len({a.json()["case_no"] for a in answers if a.status_code == 201}) == 1
    assert len(centre_client.get("/v1/cases?limit=1000").json()["rows"]) == before + 1


def test_what_was_done_by_a_process_that_died_before_it_answered_is_not_done_again(
    centre_client: TestClient, settings: Settings
) -> None:
    key = {"idempotency-key": "open-3"}
    opened(centre_client)
    assert centre_client.post("/v1/cases", json=NEW, headers=key).status_code == 201
    work = open_database(settings)
    with owner(work).begin() as connection:
        lost = "UPDATE request_once SET status = NULL, headers = NULL, body = NULL WHERE key = 'open-3'"
        assert connection.execute(text(lost)).rowcount == 1
    work.close()
    again = centre_client.post("/v1/cases", json=NEW, headers=key)
    assert (again.status_code, again.json()["code"]) == (409, "request_under_way")


def test_a_refused_request_may_be_mended_and_sent_by_its_key(centre_client: TestClient) -> None:
    key = {"idempotency-key": "open-4"}
    wrong = centre_client.post("/v1/cases", json=NEW | {"category": "component:99999"}, headers=key)
    assert 400 <= wrong.status_code < 500
    assert centre_client.post("/v1/cases", json=NEW, headers=key).status_code == 201


def test_a_file_that_is_sent_again_is_the_same_however_its_form_is_parted(centre_client: TestClient) -> None:
    number = centre_client.post("/v1/cases", json=NEW).json()["case_no"]
    key, path = {"idempotency-key": "photo-1"}, f"/v1/cases/{number}/photographs"
    photo = {"files": ("a.png", encode(form="PNG"), "image/png")}
    first, again = (centre_client.post(path, files=photo, headers=key) for _ in range(2))  # each parts it otherwise
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotency-replayed"] == "true"
    other = {"files": ("b.png", encode(form="PNG"), "image/png")}
    assert centre_client.post(path, files=other, headers=key).json()["code"] == "request_key_reused"


def test_nothing_is_read_of_what_a_stranger_sends(centre_client: TestClient) -> None:
    """He is told to sign in, whatever is wrong with what he sends."""
    strange = TestClient(centre_client.app, base_url="http://localhost")
    strange.portal = centre_client.portal
    for content, kind in ((b"no form", "multipart/form-data"), (b"{", "application/json")):
        headers = {"content-type": kind}
        assert strange.post("/v1/cases/M1/photographs", content=content, headers=headers).status_code == 401


def test_many_steps_each_once_or_not_at_all(centre_client: TestClient) -> None:
    one, two = (opened(centre_client)["case_no"] for _ in range(2))
    steps = [{"case_no": one, "kind": "accept"}, {"case_no": two, "kind": "close"},
             {"case_no": "none", "kind": "note"},
             {"case_no": one, "kind": "register", "version": 2},
             {"case_no": two, "kind": "accept", "version": 5}]  # fmt: skip
    took = centre_client.post("/v1/steps", json={"steps": steps}).json()
    assert [t["version"] for t in took] == [2, None, None, 3, None]
    codes = [t["problem"] and t["problem"]["code"] for t in took]
    assert codes == [None, "step_illegal", "case_missing", None, "case_changed"]


def test_pages_give_each_case_once_while_others_come_in(centre_client: TestClient) -> None:
    for _ in range(5):
        opened(centre_client)
    for sort in ("newest", "oldest"):
        there = {r["case_no"] for r in centre_client.get("/v1/cases?limit=1000").json()["rows"]}
        seen, path = [], f"/v1/cases?limit=3&sort={sort}"
        while path:
            page = centre_client.get(path).json()
            seen += [r["case_no"] for r in page["rows"]]
            path = page["next"]
            if len(seen) < 12:
                opened(centre_client)
        assert len(seen) == len(set(seen))
        assert there <= set(seen)


@pytest.mark.parametrize(("asked", "status"), [
    ("polygon=POLYGON((0 0,1 1", 422), ("polygon=POINT(1 1)", 422), ("bbox=1,2,3", 422), ("state=king", 422),
    ("grid=none", 404), ("unit=none", 409), ("category=%2A%2A", 422), ("limit=0", 422), ("limit=1001", 422),
    ("reported_from=2025-12-01", 422), ("after=-1", 422),
])  # fmt: skip
def test_a_wrong_question_is_answered_in_words(asked: str, status: int, centre_client: TestClient) -> None:
    answer = centre_client.get(f"/v1/cases?{asked}")
    assert (answer.status_code, bool(answer.json()["detail"])) == (status, True), answer.text


def test_an_area_a_period_and_a_grid_find_the_same_cases(centre_client: TestClient) -> None:
    west, south = LON - 0.005, LAT - 0.005
    box = f"{west},{south},{west + 0.01},{south + 0.01}"
    east, north = west + 0.01, south + 0.01
    wkt = f"POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))"

    def numbers(**asked: str) -> set[str]:
        rows = centre_client.get("/v1/cases", params={"limit": 1000, **asked}).json()["rows"]
        return {r["case_no"] for r in rows}

    by_grid = numbers(grid=COMMUNITIES[0])
    assert by_grid
    assert by_grid == numbers(bbox=box) == numbers(polygon=wkt)
    december = {"reported_from": "2025-12-01T00:00:00+08:00", "reported_to": "2026-01-01T00:00:00+08:00"}
    assert numbers(**december) == {no for no in numbers() if no.startswith("A")}


def test_photographs_are_added_and_read_by_whoever_sees_the_case(centre_client: TestClient, signed: Sign) -> None:
    no = opened(centre_client)["case_no"]
    files = [("files", ("前.png", encode(form="PNG"), "image/png"))]
    added = centre_client.post(f"/v1/cases/{no}/photographs", files=files, data={"kind": "before"})
    assert added.status_code == 201, added.text
    (listed,) = centre_client.get(f"/v1/cases/{no}/photographs").json()
    path = f"/v1/files/{listed['sha256']}"
    assert centre_client.get(path).headers["content-type"] == "image/png"
    own, others = signed(f"community@community:{COMMUNITIES[0]}"), signed(f"community@community:{COMMUNITIES[7]}")
    assert own.get(path).status_code == 200
    assert others.get(path).status_code == 404
    assert others.get(f"/v1/cases/{no}").status_code == 404
    assert signed("viewer").post(f"/v1/cases/{no}/photographs", files=files).status_code == 403


def test_the_clock_and_likely_duplicates(centre_client: TestClient) -> None:
    first, second = (opened(centre_client, lon=centre(6)[0], lat=centre(6)[1]) for _ in range(2))
    assert [c["stage"] for c in centre_client.get(f"/v1/cases/{first['case_no']}/clock").json()] == ["acceptance"]
    near = centre_client.get(f"/v1/cases/{second['case_no']}/duplicates").json()
    assert first["case_no"] in {n["case_no"] for n in near}


def test_a_page_of_another_site_writes_nothing(centre_client: TestClient) -> None:
    for headers in ({"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://localhost:81"}):
        answer = centre_client.post("/v1/cases", json=NEW, headers=ORIGIN | headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "origin_refused")


@pytest.mark.parametrize("polygon", ["网格" * 1_500, "POINT (1 2)", "POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0))", "网"])
def test_what_is_no_polygon_is_refused_in_words(centre_client: TestClient, polygon: str) -> None:
    answer = centre_client.get("/v1/cases", params={"polygon": polygon})
    assert (answer.status_code, answer.json()["code"]) == (422, "option_invalid")
