"""Open311 as apps speak it: a report becomes a case, is told back as JSON and XML, and nobody learns who reported."""

import asyncio
import io
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
import requests
from fastapi.testclient import TestClient
from georeport import GeoReport
from PIL import Image
from sqlalchemy import text

from api.main import create_app
from api.open311 import Plain
from gridmgmt.casework.operations import cases, open311
from gridmgmt.casework.operations.requests import Request
from gridmgmt.database.work import Work, open_database
from gridmgmt.settings import Settings
from tests.api import small_city
from tests.api.running import running
from tests.api.signed import bearer
from tests.api.small_city import COMMUNITIES, centre
from tests.servers import Databases

V2 = "/open311/v2"
LON, LAT = centre(0)
GIVEN = {"service_code": "streetlight", "lat": str(LAT), "long": str(LON), "address_string": "湖滨路 1 号"}
WHO = {"first_name": "甲乙", "last_name": "丙丁", "phone": "13912345678", "email": "someone@example.org"}


@pytest.fixture(scope="module")
def settings(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return replace(databases.built("api_open311", small_city.build), files=tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def work(settings: Settings) -> Iterator[Work]:
    found = open_database(settings)
    yield found
    found.close()


@pytest.fixture(scope="module")
def key(settings: Settings) -> str:
    return bearer(settings, "machine")["Authorization"].removeprefix("Bearer ")


@pytest.fixture(scope="module")
def app(settings: Settings, key: str) -> Iterator[TestClient]:
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        yield client


@pytest.fixture(scope="module")
def reported(app: TestClient, key: str) -> str:
    """A street light out, reported with name, phone and picture."""
    given = {**GIVEN, **WHO, "description": "路灯不亮 <b>&", "api_key": key}
    answer = app.post(f"{V2}/requests.json", data=given, files={"media": ("light.png", _picture(), "image/png")})
    assert answer.status_code == 201, answer.text
    (taken,) = answer.json()
    assert answer.headers["location"] == f"{V2}/requests/{taken['service_request_id']}.json"
    assert taken["service_notice"] is None
    return str(taken["service_request_id"])


def _picture() -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (8, 8), "white").save(held, "PNG")
    return held.getvalue()


def numbers(app: TestClient, key: str, **asked: Any) -> list[str]:
    answer = app.get(f"{V2}/requests.json", params={"api_key": key, **asked})
    assert answer.status_code == 200, answer.text
    return [x["service_request_id"] for x in answer.json()]


def sql(work: Work, statement: str, **params: Any) -> list[tuple[Any, ...]]:
    with work.transaction() as connection:
        return [tuple(row) for row in connection.execute(text(statement), params)]


def test_a_report_is_a_case_with_its_photograph_and_its_reporter_apart(reported: str, work: Work) -> None:
    asked = "SELECT category_kind, category_code, source, status, address, description, lon, lat FROM cases"
    assert sql(work, f"{asked} WHERE case_no = :no", no=reported) == [
        ("component", "01037", "公众举报", "reported", "湖滨路 1 号", "路灯不亮 <b>&", LON, LAT)
    ]
    of_case = "JOIN cases AS c ON c.id = x.case_id AND c.case_no = :no"
    assert sql(work, f"SELECT x.name, x.phone FROM reporter AS x {of_case}", no=reported) == [
        ("甲乙 丙丁", "13912345678 someone@example.org")
    ]
    assert sql(work, f"SELECT x.kind, x.step_seq FROM attachment AS x {of_case}", no=reported) == [("before", 1)]
    assert sql(work, f"SELECT x.actor, x.reason FROM step AS x {of_case}", no=reported) == [("machine", None)]


def test_it_is_told_back_with_who_answers_for_it(app: TestClient, key: str, reported: str) -> None:
    auth = {"Authorization": f"Bearer {key}", "Accept-Language": "en"}
    (told,) = app.get(f"{V2}/requests/{reported}.json", headers=auth).json()
    assert {k: told[k] for k in ("service_request_id", "service_code", "status", "status_notes", "lat", "long")} == {
        "service_request_id": reported, "service_code": "streetlight", "status": "open", "status_notes": "reported",
        "lat": LAT, "long": LON,
    }  # fmt: skip
    assert (told["agency_responsible"], told["address"]) == ("Wanghu Office", "湖滨路 1 号")
    assert told["requested_datetime"].endswith("+08:00")
    assert "望湖街道办事处" in app.get(f"{V2}/requests/{reported}", params={"api_key": key, "lang": "zh"}).text


@pytest.mark.parametrize("path", ["requests.json", "requests.xml", "requests/{}.json", "requests/{}.xml"])
def test_who_reported_goes_out_nowhere(path: str, app: TestClient, key: str, reported: str) -> None:
    answer = app.get(f"{V2}/{path.format(reported)}", params={"api_key": key})
    assert reported in answer.text
    assert not [x for x in ("甲乙", "丙丁", "13912345678", "someone@") if x in answer.text]


def test_the_catalogue_is_told_in_both_languages_and_every_class_is_the_citys(app: TestClient, key: str) -> None:
    for lang, name in (("zh", "路灯不亮或损坏"), ("en", "Street light out or damaged")):
        found = app.get(f"{V2}/services", params={"api_key": key, "lang": lang}).json()
        assert {s["service_code"]: s["service_name"] for s in found}["streetlight"] == name
    assert [s["service_code"] for s in found] == [s.code for s in open311.load_services().services]
    assert {(s["metadata"], s["type"]) for s in found} == {(False, "realtime")}
    definition = app.get(f"{V2}/services/streetlight.json", params={"api_key": key}).json()
    assert definition == {"service_code": "streetlight", "attributes": []}


def test_every_case_has_one_service(app: TestClient, key: str, reported: str) -> None:
    every = {"updated_after": "2000-01-01T00:00:00Z"}
    codes = [s.code for s in open311.load_services().services]
    found = {code: set(numbers(app, key, service_code=code, **every)) for code in codes}
    assert found["manhole"] >= {f"A{n:03}" for n in range(14)}
    assert reported in found["streetlight"]
    everything = numbers(app, key, **every)
    assert len(everything) == sum(map(len, found.values())) == len(set().union(*found.values()))
    assert (
        set(numbers(app, key, service_code="manhole,streetlight", **every)) == found["manhole"] | found["streetlight"]
    )


def test_requests_are_chosen_by_time_state_and_number(app: TestClient, key: str, reported: str) -> None:
    december = {"start_date": "2025-12-01T00:00:00+08:00", "end_date": "2025-12-31T00:00:00+08:00"}
    old = [f"A{n:03}" for n in range(14)]
    assert numbers(app, key, **december) == old
    assert numbers(app, key, **december, status="open") == ["A009"]
    assert numbers(app, key, **december, status="closed") == [x for x in old if x != "A009"]
    assert numbers(app, key, **december, status="open,closed", page_size=5, page=3) == old[10:]
    assert numbers(app, key, start_date="2025-12-01T00:00:00Z") == old, "90 days from then on"
    assert numbers(app, key, end_date="2025-12-01T07:59:59+08:00") == []
    assert reported in numbers(app, key)
    assert "A001" not in numbers(app, key), "of the last 90 days"
    assert set(numbers(app, key, service_request_id=f"A003,{reported},none", status="closed")) == {"A003", reported}


def test_what_was_changed_since_is_told_in_the_order_of_the_changes(app: TestClient, key: str, work: Work) -> None:
    first = app.post(f"{V2}/requests.json", data={**GIVEN, "api_key": key}).json()[0]["service_request_id"]
    ((moment,),) = sql(work, "SELECT known_at FROM cases WHERE case_no = :no", no=first)
    assert numbers(app, key, updated_after=moment.isoformat()) == []
    second = app.post(f"{V2}/requests.json", data={**GIVEN, "api_key": key}).json()[0]["service_request_id"]
    list(cases.take(work, [Request("discard", "李某", first, reason="已处理")]))
    assert numbers(app, key, updated_after=moment.isoformat()) == [second, first]
    assert numbers(app, key, updated_before=moment.isoformat(), service_request_id=first) == [first]
    (told,) = app.get(f"{V2}/requests/{first}", params={"api_key": key, "lang": "en"}).json()
    assert (told["status"], told["status_notes"]) == ("closed", "discarded")


@pytest.mark.parametrize(("path", "status", "said"), [
    ("requests?start_date=2025-01-01T00:00:00Z&end_date=2025-06-01T00:00:00Z", 400, "90"),
    ("requests?start_date=2025-06-01T00:00:00Z&end_date=2025-05-01T00:00:00Z", 400, "90"),
    ("requests?start_date=soon", 400, "soon"), ("requests?status=lost", 400, "status"),
    ("requests?colour=red", 400, "colour"),
    ("services?colour=red", 400, "colour"), ("services/other?colour=red", 400, "colour"),
    ("requests/A001?colour=red", 400, "colour"), ("tokens/A001?colour=red", 400, "colour"),
    ("requests?service_code=ufo", 404, "ufo"), ("services/ufo", 404, "ufo"),
    ("requests/none", 404, "none"), ("tokens/none", 404, "none"), ("services?jurisdiction_id=paris", 404, "4299"),
    ("nothing", 404, "nothing"), ("requests?page=0", 400, "page"),
])  # fmt: skip
@pytest.mark.parametrize("form", ["json", "xml"])
def test_what_is_wrong_is_told_as_geo_report_does(
    path: str, status: int, said: str, form: str, app: TestClient, key: str
) -> None:
    at, _, query = path.partition("?")
    answer = app.get(f"{V2}/{at}.{form}?{query}", headers={"Authorization": f"Bearer {key}"})
    _is_fault(answer, form, status, said)


def _is_fault(answer: Any, form: str, status: int, said: str) -> None:
    assert answer.status_code == status, answer.text
    if form == "json":
        (fault,) = answer.json()
        told = (fault["code"], fault["description"])
    else:
        assert answer.headers["content-type"] == "text/xml; charset=utf-8"
        (element,) = ElementTree.fromstring(answer.content)
        told = (int(element.findtext("code") or 0), element.findtext("description"))
    assert told[0] == status
    assert said in told[1]


@pytest.mark.parametrize(("changed", "status", "said"), [
    ({"service_code": "ufo"}, 404, "ufo"), ({"service_code": ""}, 400, "service_code"),
    ({"lat": "", "long": "", "address_string": ""}, 400, "address_string"), ({"lat": "north"}, 400, "纬度"),
    ({"lat": "nan"}, 400, "纬度"), ({"long": ""}, 400, "long"), ({"lat": "91"}, 400, "纬度"),
    ({"description": "x" * 4001}, 400, "description"), ({"attribute[A]": "1"}, 400, "attribute[A]"),
    ({"media_url": "file:///etc/passwd"}, 400, "media_url"), ({"media": "aGVsbG8="}, 400, "multipart"),
    ({"jurisdiction_id": "paris"}, 404, "4299"),
    ({"description": "a\x00b"}, 400, ""), ({"api_key": "gm_wrong"}, 403, ""), ({"api_key": ""}, 403, ""),
])  # fmt: skip
def test_a_wrong_report_leaves_nothing(
    changed: dict[str, str], status: int, said: str, app: TestClient, key: str, work: Work
) -> None:
    before = sql(work, "SELECT count(*) FROM cases")
    answer = app.post(f"{V2}/requests.xml", data={**GIVEN, "api_key": key, **changed})
    _is_fault(answer, "xml", status, said)
    assert sql(work, "SELECT count(*) FROM cases") == before


def test_a_file_that_is_no_photograph_leaves_no_case(app: TestClient, key: str, work: Work) -> None:
    before = sql(work, "SELECT count(*) FROM cases")
    given = {**GIVEN, "api_key": key}
    answer = app.post(f"{V2}/requests.json", data=given, files={"media": ("a.png", b"MZ\x90", "image/png")})
    _is_fault(answer, "json", 400, "media-1")
    assert sql(work, "SELECT count(*) FROM cases") == before


def test_a_report_that_is_sent_again_is_taken_once(app: TestClient, key: str, work: Work) -> None:
    auth = {"Authorization": f"Bearer {key}", "Idempotency-Key": "report-1"}
    first, again = (app.post(f"{V2}/requests.xml", data=GIVEN, headers=auth) for _ in range(2))
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert again.headers["content-type"] == "text/xml; charset=utf-8"
    no = ElementTree.fromstring(first.content).findtext("request/service_request_id")
    ((last,),) = sql(work, "SELECT max(case_no) FROM cases WHERE case_no LIKE '4299%'")
    assert no == last


def test_the_city_may_be_named_beside_the_form(app: TestClient, key: str) -> None:
    auth = {"Authorization": f"Bearer {key}"}
    assert app.post(f"{V2}/requests.json?jurisdiction_id=4299", data=GIVEN, headers=auth).status_code == 201
    _is_fault(app.post(f"{V2}/requests.json?jurisdiction_id=paris", data=GIVEN, headers=auth), "json", 404, "4299")
    assert app.head(f"{V2}/services.json", headers=auth).status_code == 200


def test_a_body_without_end_is_not_read(app: TestClient, key: str) -> None:
    much = {"Content-Length": str(10**12), "Authorization": f"Bearer {key}"}
    _is_fault(app.post(f"{V2}/requests.json", content=b"a", headers=much), "json", 413, "")


def test_a_media_url_is_noted_and_said_not_to_be_fetched(app: TestClient, key: str, work: Work) -> None:
    url = "https://example.org/a.jpg"
    answer = app.post(f"{V2}/requests.json", data={**GIVEN, "api_key": key, "media_url": url, "lat": "30.5"})
    (taken,) = answer.json()
    assert "media_url" in taken["service_notice"]
    steps = "SELECT reason FROM step AS s JOIN cases AS c ON c.id = s.case_id WHERE c.case_no = :no"
    assert sql(work, steps, no=taken["service_request_id"]) == [(url,)]


def test_a_report_with_an_address_alone_is_taken_and_the_desk_finds_the_place(app: TestClient, key: str) -> None:
    given = {"service_code": "other", "address_string": "某路口", "api_key": key}
    (taken,) = app.post(f"{V2}/requests.json", data=given).json()
    (told,) = app.get(f"{V2}/requests/{taken['service_request_id']}", params={"api_key": key}).json()
    assert (told["service_code"], told["lat"], told["agency_responsible"]) == ("other", None, None)
    (token,) = app.get(f"{V2}/tokens/{taken['service_request_id']}.json", params={"api_key": key}).json()
    assert token["service_request_id"] == taken["service_request_id"]


@pytest.mark.parametrize(("accept", "kind"), [
    ("application/xml", "text/xml; charset=utf-8"), ("text/xml;q=0.9", "text/xml; charset=utf-8"),
    ("application/json", "application/json"), ("*/*", "application/json"), ("text/html, application/xml", "text/xml"),
])  # fmt: skip
def test_without_a_suffix_accept_decides(accept: str, kind: str, app: TestClient, key: str) -> None:
    answer = app.get(f"{V2}/services", params={"api_key": key}, headers={"Accept": accept})
    assert answer.headers["content-type"].startswith(kind)
    assert "Accept" in answer.headers["vary"]


def test_each_sees_and_reports_within_his_scope_only(app: TestClient, settings: Settings, reported: str) -> None:
    own, other = (bearer(settings, f"community@community:{COMMUNITIES[n]}") for n in (0, 7))
    assert app.get(f"{V2}/requests/{reported}.json", headers=own).status_code == 200
    _is_fault(app.get(f"{V2}/requests/{reported}.json", headers=other), "json", 404, reported)
    _is_fault(app.post(f"{V2}/requests.json", data=GIVEN, headers=other), "json", 403, "")
    assert app.post(f"{V2}/requests.json", data=GIVEN, headers=own).status_code == 201
    viewer, nobody = bearer(settings, "viewer"), bearer(settings, "administrator")
    _is_fault(app.post(f"{V2}/requests.json", data=GIVEN, headers=viewer), "json", 403, "cases.open")
    _is_fault(app.get(f"{V2}/services.json", headers=nobody), "json", 403, "cases.read")
    _is_fault(app.get(f"{V2}/services.json", headers={"Accept": "text/html"}), "json", 403, "")


@pytest.mark.parametrize("form", ["json", "xml"])
def test_a_client_that_somebody_else_wrote(
    form: str, settings: Settings, key: str, reported: str, caplog: pytest.LogCaptureFixture
) -> None:
    """PyPI's georeport; it knows no keys but takes an address with a name and a password."""
    with caplog.at_level(logging.DEBUG), running(settings) as server:
        client = GeoReport(f"http://app:{key}@127.0.0.1:{server.port}{V2}", "4299", output_format=form)
        assert len(client.get_service_list()) == len(open311.load_services().services)
        assert client.get_service_definition("streetlight")["service_code"] == "streetlight"
        (first, *_) = client.get_service_requests(service_request_id=f"{reported},A001")
        assert first["service_request_id"] == reported
        assert client.get_service_request(reported)["status"] == "open"
        assert client.get_service_request("A001")["status"] == "closed"
        with pytest.raises(requests.HTTPError, match="404"):
            client.get_service_definition("ufo")
    assert key not in caplog.text


def test_a_key_in_the_address_is_taken_off_before_anything_else_sees_it(settings: Settings) -> None:
    seen: list[Any] = []

    async def rest(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    asked = {"path": f"{V2}/requests.xml", "query_string": b"a=1&api_key=gmk_x&b=%26", "headers": [], "type": "http"}
    asyncio.run(Plain(rest)(asked, None, None))
    (scope,) = seen
    assert scope["query_string"] == b"a=1&b=%26"
    assert scope["path"] == f"{V2}/requests"
    assert scope["state"] == {"open311": "xml", "api_key": "gmk_x"}
    assert create_app(settings).user_middleware[0].cls is Plain
