"""What goes wrong is told as problem details (RFC 9457), in the reader's language, from one table."""

from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from api.errors import STATUS, status_of
from api.main import create_app
from gridmgmt import errors
from gridmgmt.scorecards.documents import Document, Header
from gridmgmt.texts import catalogue
from tests.api.signed import sign_in


def kinds(parent=errors.GridmgmtError):
    for kind in parent.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_every_error_has_a_status_and_a_title():
    families = (
        errors.InputError, errors.NotFoundError, errors.ConflictError, errors.UnavailableError, errors.AccessError
    )  # fmt: skip
    expected = dict(zip(families, (422, 404, 409, 503, 403), strict=True))
    for kind in kinds():
        status = status_of(kind)
        if kind not in STATUS:
            assert status == next(expected[p] for p in kind.__mro__ if p in expected)
        assert f"problem_{status}" in catalogue()


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/grids/429909", 404, "grid_missing"),
        ("/v1/grids?edition=1999", 404, "edition_missing"),
        ("/v1/grids?on=1999-01-01", 404, "no_edition_on_date"),
        ("/v1/grids?level=village", 422, "level_unknown"),
        ("/v1/grids?bbox=1,2,3", 422, "option_invalid"),
        ("/v1/grids?bbox=3,2,1,4", 422, "option_invalid"),
        ("/v1/grids?bbox=nan,2,3,4", 422, "option_invalid"),
        ("/v1/locate?lon=114&lat=30&crs=epsg:99999", 422, "crs_unknown"),
        ("/v1/locate?lon=114&lat=99", 422, "coordinate_out_of_range"),
        ("/v1/locate?lon=114&lat=30&category=hole", 422, "category_several"),
        ("/v1/locate?lon=114&lat=30&category=%2A%2A", 422, "code_invalid"),
        ("/v1/indicators?period=2025-13&level=city", 422, "period_invalid"),
        ("/v1/indicators?period=2025-12&level=city&as_of=soon", 422, "instant_invalid"),
        ("/v1/indicators?period=2025-12&level=city&as_of=2999-12-31", 422, "cut_off_ahead"),
        ("/v1/indicators/behind?period=2025-12&by=source&code=nobody", 404, "group_missing"),
        ("/v1/assessments/none", 404, "assessment_missing"),
        ("/v1/assessments/latest/scorecards/429909", 404, "subject_missing"),
        ("/v1/explain?assessment=latest&code=4299&item=luck", 404, "item_missing"),
        ("/maps/choropleth?indicator=luck", 404, "indicator_missing"),
        ("/nowhere", 404, "path_unknown"),
    ],
)
def test_problems_are_worded_in_both_languages(client, path, status, code):
    details = set()
    for lang in ("zh", "en"):
        response = client.get(path, headers={"accept-language": lang})
        problem = response.json()
        assert response.headers["content-type"] == "application/problem+json"
        assert response.headers["content-language"] == lang
        assert (response.status_code, problem["status"], problem["code"]) == (status, status, code)
        assert problem["type"].endswith(code)
        assert problem["instance"] == path
        assert not any(f"{{{fact}}}" in problem["detail"] for fact in problem["facts"])
        details |= {problem["detail"], problem["title"]}
    assert len(details) == 4


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("/v1/locate?lat=30", {"lon": "request_missing"}),
        ("/v1/locate?lon=east&lat=nan", {"lon": "request_float_parsing", "lat": "request_finite_number"}),
        ("/v1/grids?limit=0", {"limit": "request_greater_than_equal"}),
        ("/v1/grids?offset=-1", {"offset": "request_greater_than_equal"}),
        ("/v1/grids?limit=10001", {"limit": "request_less_than_equal"}),
        ("/v1/grids?limit=ten", {"limit": "request_int_parsing"}),
        ("/v1/grids?on=20251231", {"on": "request_value_error"}),
        ("/v1/grids?on=2025-02-30", {"on": "request_date_from_datetime_parsing"}),
        ("/v1/grids?levle=city", {"levle": "request_extra_forbidden"}),
        ("/v1/city?lang=fr", {"lang": "request_literal_error"}),
        ("/maps/heat?embedded=perhaps", {"embedded": "request_bool_parsing"}),
    ],
)
def test_wrong_and_unknown_parameters_are_refused_by_name(client, path, wrong):
    response = client.get(path)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "request_invalid")
    assert {e["parameter"]: e["code"] for e in problem["errors"]} == wrong
    assert all("{" not in e["detail"] for e in problem["errors"])


@pytest.mark.parametrize(
    "path",
    [
        "/v1/grids?edition=%00", "/v1/grids/%00", "/v1/grids?parent=a%00", "/v1/indicators?period=%00&level=city",
        "/v1/locate?lon=114&lat=30&category=%00", "/v1/locate?lon=114&lat=30&crs=%00", "/v1/assessments/%00",
        "/v1/explain?assessment=%00&code=4299", "/v1/explain?assessment=latest&code=%00",
        "/maps/choropleth?indicator=%00", "/maps/heat?period=2025-12&category=%00", "/v1/grids?%00=1",
    ],
)  # fmt: skip
def test_a_nul_is_refused_wherever_it_stands(client, path):
    problem = client.get(path).json()
    assert (problem["status"], problem["code"]) == (400, "request_nul")


@pytest.mark.parametrize("as_of", ["9999-12-31", "9999-12-31T23:00Z", "9999-12-31T23:59:59", "0001-01-01T00:00-12:00"])
def test_an_instant_at_the_end_of_all_years_is_refused(client, as_of):
    response = client.get("/v1/indicators", params={"period": "2025-12", "level": "city", "as_of": as_of})
    assert (response.status_code, response.json()["code"]) == (422, "instant_invalid")


@pytest.mark.parametrize("on", ["9999-12-31", "0001-01-01"])
def test_a_day_at_the_end_of_all_years_is_answered(client, on):
    assert client.get("/v1/grids", params={"on": on}).status_code in (200, 404)
    assert client.get("/v1/locate", params={"lon": 114, "lat": 30, "on": on}).status_code in (200, 404)


def test_no_other_method_and_no_other_host_is_served(client):
    assert client.post("/v1/me").json()["code"] == "method_unknown"
    response = client.get("/v1/city", headers={"host": "evil.example"})
    assert (response.status_code, response.json()["code"]) == (400, "host_refused")


def test_every_route_refuses_unknown_parameters(client):
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        if operations.get("get", {}).get("x-verb", "users.manage") in ("users.manage", "audit.read"):
            continue
        for name in ("code", "name"):
            path = path.replace(f"{{{name}}}", "x")
        problem = client.get(path, params={"surely_unknown": 1}).json()
        if path.startswith("/open311/"):
            assert "surely_unknown" in problem[0]["description"], operations
            continue
        if problem["code"] == "access_denied":  # he is not told more
            continue
        assert "surely_unknown" in [e["parameter"] for e in problem["errors"]], operations


def test_the_documentation_names_every_part_of_a_scorecard(client):
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert [name for name in schemas if "__" in name and not name.startswith("Body_")] == [], "two models of one name"
    for answer, part, model in (("Assessment", "header", Header), ("Scorecard", "document", Document)):
        assert schemas[answer]["properties"][part] == {"$ref": f"#/components/schemas/{model.__name__}"}
        assert set(schemas[model.__name__]["properties"]) == {f.alias or n for n, f in model.model_fields.items()}
        assert schemas[model.__name__]["additionalProperties"] is False


def test_a_city_without_a_city_is_not_ready(make_database):
    found = make_database("api_empty")
    with TestClient(create_app(found), base_url="http://localhost") as client:
        sign_in(client, found)
        assert client.get("/readyz").status_code == 200
        problem = client.get("/v1/city?lang=en").json()
        assert (problem["status"], problem["code"]) == (503, "city_missing")


def test_a_database_that_does_not_answer_is_told_without_its_password(server_settings):
    gone = replace(server_settings, database_url="postgresql://someone:secret@127.0.0.1:1/none")
    with TestClient(create_app(gone), base_url="http://localhost") as client:
        assert client.get("/healthz").status_code == 200, "the process itself lives"
        response = client.get("/readyz")
        assert (response.status_code, response.json()["code"]) == (503, "database_unreachable")
        assert "secret" not in response.text


def test_a_fault_of_ours_tells_nothing_of_its_inside(small_settings):
    app = create_app(small_settings)
    app.add_api_route("/fault", lambda: 1 / 0)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        response = client.get("/fault")
        assert (response.status_code, response.json()["code"]) == (500, "unexpected")
        assert "division" not in response.text


def test_a_parameter_is_called_as_people_call_it(client):
    answer = client.get("/v1/locate?lon=east&lat=nan", headers={"accept-language": "zh"}).json()
    assert [e["detail"] for e in answer["errors"]] == ["经度 应为数字，而不是“east”", "纬度 应为有限的数，而不是“nan”"]
    assert [e["parameter"] for e in answer["errors"]] == ["lon", "lat"]
