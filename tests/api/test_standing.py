"""What every request meets before and behind a route: names, methods, ranges, packing, policies, ids, logs, figures."""

import base64
import gzip
import hashlib
import io
import json
import logging
import re
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from api.main import create_app
from api.standing import logs
from gridmgmt.bounds import Bounds
from tests.api.signed import bearer

PAGES = (
    "/", "/docs", "/maps/choropleth", "/maps/heat",
    "/v1/assessments/latest/scorecards/429901?format=html", "/v1/assessments/latest/scorecards/429901?format=svg",
)  # fmt: skip


def _app(settings, *, address="testclient", known=None, **changes):
    app = create_app(replace(settings, **changes))
    return TestClient(app, base_url="http://localhost", client=(address, 5000), headers=known)


@pytest.fixture(scope="module")
def known(small_settings):
    return bearer(small_settings)


# --- names, methods, ranges ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "localhost@evil", "[::1", "", "127.0.0.1:8000:1", "a b"]
)
def test_no_other_name_is_answered(client, host):
    response = client.get("/healthz", headers={"host": host})
    assert (response.status_code, response.json()["code"]) == (400, "host_refused")


def test_names_that_are_set_are_answered(small_settings):
    with _app(small_settings, hosts=("grid.example.cn",)) as client:
        for host, status in (("GRID.example.cn:8443", 200), ("[::1]:8000", 200), ("grid.example.com", 400)):
            assert client.get("/healthz", headers={"host": host}).status_code == status


@pytest.mark.parametrize("path", ["/v1/city", "/", "/healthz", "/static/start.js", "/maps/choropleth"])
def test_head_has_what_get_has_but_the_body(client, path):
    got, head = client.get(path), client.head(path)
    assert head.status_code == got.status_code == 200
    assert head.content == b""
    for name in ("content-type", "etag", "content-security-policy", "content-length"):
        assert head.headers.get(name) == got.headers.get(name), name


def test_options_tells_the_methods(client):
    response = client.options("/v1/me")
    assert (response.status_code, response.headers["allow"], response.content) == (204, "GET, HEAD, OPTIONS", b"")
    assert client.options("/nowhere").status_code == 404


@pytest.mark.parametrize(
    ("wanted", "status", "first", "end"),
    [
        ("bytes=0-99", 206, 0, 100), ("bytes=100-", 206, 100, None), ("bytes=-50", 206, -50, None),
        ("bytes=0-99999999", 206, 0, None), ("bytes=5-5", 206, 5, 6), ("bytes=9-5", 200, 0, None),
        ("bytes=0-1,4-5", 200, 0, None), ("lines=0-1", 200, 0, None), ("bytes=-", 200, 0, None),
        ("bytes=99999999-", 416, 0, 0), ("bytes=-0", 416, 0, 0),
    ],
)  # fmt: skip
def test_a_part_of_an_answer(client, wanted, status, first, end):
    whole = client.get("/v1/grids?level=community", headers={"accept-encoding": "identity"})
    assert whole.headers["accept-ranges"] == "bytes"
    part = client.get("/v1/grids?level=community", headers={"range": wanted})
    assert part.status_code == status
    assert part.content == whole.content[first:end]
    if status == 206:
        begin, last, size = map(int, re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", part.headers["content-range"]).groups())
        assert whole.content[begin : last + 1] == part.content
        assert size == len(whole.content)


def test_a_part_is_of_the_same_answer_or_the_whole_is_given(client):
    tag = client.get("/v1/city", headers={"accept-encoding": "identity"}).headers["etag"]
    for named, status in ((tag, 206), ('"another"', 200)):
        assert client.get("/v1/city", headers={"range": "bytes=0-9", "if-range": named}).status_code == status


@pytest.mark.parametrize("path", ["/maps/choropleth", "/static/start.js"])
@pytest.mark.parametrize(
    ("taken", "is_packed"),
    [("gzip", True), ("gzip;q=0", False), ("gzip;q=0.000, *", False), ("*", True), ("deflate", False),
     ("x-gzip", False), ("br, gzip ; q=0.5", True), ("*;q=0", False)],
)  # fmt: skip
def test_packed_for_those_who_take_it(client, path, taken, is_packed):
    response = client.get(path, headers={"accept-encoding": taken})
    assert (response.headers.get("content-encoding") == "gzip") is is_packed
    assert "Accept-Encoding" in response.headers["vary"]


def test_other_places_pages_ask_only_where_that_is_set(small_settings, client, known):
    asked = {"origin": "https://portal.example.cn", "access-control-request-method": "GET"}
    assert "access-control-allow-origin" not in client.options("/v1/city", headers=asked).headers
    assert "access-control-allow-origin" not in client.get("/v1/city", headers=asked).headers
    with _app(small_settings, known=known, origins=("https://portal.example.cn",)) as open_to:
        assert open_to.options("/v1/city", headers=asked).headers["access-control-allow-origin"] == asked["origin"]
        got = open_to.get("/v1/city", headers=asked).headers
        assert got["access-control-allow-origin"] == asked["origin"]
        assert "ETag" in got["access-control-expose-headers"]
        other = {**asked, "origin": "https://evil.example"}
        assert "access-control-allow-origin" not in open_to.get("/v1/city", headers=other).headers


# --- what pages may do -----------------------------------------------------------------------------------------------


def test_no_page_may_run_what_does_not_stand_in_it(client):
    for path in (*PAGES, "/v1/city", "/nowhere"):
        response = client.get(path)
        policy = response.headers["content-security-policy"]
        assert "unsafe" not in policy, path
        assert "frame-ancestors 'self'" in policy
        text = response.text
        assert not re.search(r"<[a-z][^<>]*\s(style|on[a-z]+)=", re.sub(r"(?s)<(script|style).*?</\1>", "", text)), path
        for kind, attributes, inside in re.findall(r"(?s)<(script|style)\b([^>]*)>(.*?)</\1>", text):
            if "src=" not in attributes and 'type="text/plain"' not in attributes and "json" not in attributes:
                digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
                assert f"{kind}-src" in policy
                assert f"'sha256-{digest}'" in policy, path


def test_behind_tls_browsers_are_told_to_stay_there(small_settings, client):
    assert "strict-transport-security" not in client.get("/healthz").headers
    with TestClient(create_app(small_settings), base_url="https://localhost") as safe:
        assert safe.get("/healthz").headers["strict-transport-security"] == "max-age=31536000"


# --- how much --------------------------------------------------------------------------------------------------------


def test_one_address_asks_so_often_and_no_oftener(small_settings):
    with _app(small_settings, address="203.0.113.7", bounds=Bounds(per_minute=3)) as client:
        answers = [client.get("/healthz") for _ in range(5)]
        assert [a.status_code for a in answers] == [200, 200, 200, 429, 429]
        assert answers[-1].headers["retry-after"] == "60"
    with _app(small_settings, address="127.0.0.1", bounds=Bounds(per_minute=3)) as client:
        assert {client.get("/healthz").status_code for _ in range(5)} == {200}


def test_what_is_sent_has_a_limit(small_settings):
    app = create_app(replace(small_settings, bounds=Bounds(request_mb=1)))

    async def taken(body: dict) -> int:
        return len(body)

    app.post("/taken")(taken)
    large = b'{"a": "' + b"x" * 1_000_000 + b'"}'
    with TestClient(app, base_url="http://localhost") as client:
        json_type = {"content-type": "application/json"}
        assert client.post("/taken", content=large[:9] + b'"}', headers=json_type).status_code == 200
        for body in (large, iter([large[:500_000], large[500_000:]])):  # told before, and not
            response = client.post("/taken", content=body, headers=json_type)
            assert (response.status_code, response.json()["code"]) == (413, "request_too_large")
            assert response.json()["facts"] == {"most": 1_000_000, "setting": "GRIDMGMT_MAX_REQUEST_MB"}


# --- logs and figures ------------------------------------------------------------------------------------------------

SECRETS = ("张三丰", "%E5%BC%A0", "13800138000", "hunter2", "gma_key", "429901", "morning")


@pytest.fixture
def lines():
    """What a served process would write."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logs.Lines())
    loggers = [logging.getLogger(), logging.getLogger("gridmgmt.api")]
    levels = [x.level for x in loggers]
    loggers[0].addHandler(handler)
    loggers[1].setLevel(logging.INFO)
    yield written
    loggers[0].removeHandler(handler)
    for one, level in zip(loggers, levels, strict=True):
        one.setLevel(level)


def test_the_log_has_every_request_and_nothing_of_what_was_asked(small_settings, known, lines):
    app = create_app(small_settings)

    def fault(who: str) -> None:
        logging.getLogger("library").warning("cannot call %s", who)
        raise ValueError(f"{who} 13800138000 hunter2")

    app.get("/fault/{who}")(fault)
    sent = {**known, "cookie": "session=hunter2", "x-api-key": "gma_key"}
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False, headers=sent) as client:
        for path in (
            "/v1/grids/429901?lang=zh", "/v1/grids?parent=张三丰", "/fault/张三丰?phone=13800138000",
            "/张三丰/13800138000", "/v1/locate?lon=113.7&lat=99&category=morning",
        ):  # fmt: skip
            client.get(path)
        client.get("/healthz", headers={"x-request-id": "13800138000"})
        client.get("/healthz", headers={"host": "hunter2"})
    logging.getLogger("asyncio").error("Task failed\nwith 张三丰", exc_info=ValueError("hunter2"))
    text = lines.getvalue()
    told = [json.loads(line) for line in text.splitlines()]
    assert [(x["route"], x["status"]) for x in told if x["event"] == "request"] == [
        ("/v1/grids/{code}", 200), ("/v1/grids", 200), ("/fault/{who}", 500), ("other", 404), ("/v1/locate", 422),
        ("/healthz", 200), ("other", 400),
    ]  # fmt: skip
    for secret in (*SECRETS, known["Authorization"].removeprefix("Bearer ")):
        assert secret not in text, secret
    (failed,) = [x for x in told if x["event"] == "Task failed"]
    assert failed["error"] == "ValueError"


def test_a_requests_id_comes_in_goes_out_and_is_in_the_log(client, lines):
    given = "6f1c0a52-aaaa-4bbb-8ccc-0123456789ab"
    assert client.get("/v1/city", headers={"x-request-id": given}).headers["x-request-id"] == given
    made = client.get("/v1/city").headers["x-request-id"]
    for refused in ("13800138000", "11010119900307123X", "张".encode(), "a" * 65, "short", "a b" * 9, "1" * 30):
        answer = client.get("/v1/city", headers={"x-request-id": refused})
        assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])
    ids = [json.loads(line)["request"] for line in lines.getvalue().splitlines()]
    assert ids[:2] == [given, made]
    assert len(set(ids)) == 9


def test_a_fault_has_its_requests_id_and_is_counted(small_settings):
    app = create_app(small_settings)
    app.add_api_route("/fault", lambda: 1 / 0)
    with (
        _app(small_settings) as _,
        TestClient(app, base_url="http://localhost", client=("127.0.0.1", 1), raise_server_exceptions=False) as client,
    ):
        response = client.get("/fault")
        assert response.status_code == 500
        assert response.json()["code"] == "unexpected"
        assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])
        page = client.get("/metrics").text
        assert 'gridmgmt_requests_total{method="GET",route="/fault",status="500"} 1.0' in page


def test_the_figures_are_counted_by_route_and_are_nobodys(small_settings, known):
    with _app(small_settings, address="127.0.0.1", known=known) as client:
        client.get("/v1/grids/429901")
        client.get("/v1/grids/429902")
        client.request("HUNTER2", "/张三丰")
        page = client.get("/metrics").text
    assert 'gridmgmt_requests_total{method="GET",route="/v1/grids/{code}",status="200"} 2.0' in page
    assert 'gridmgmt_requests_total{method="other",route="other",status="404"} 1.0' in page
    assert 'gridmgmt_request_seconds_count{route="/v1/grids/{code}"} 2.0' in page
    assert "gridmgmt_requests_in_work 0.0" in page
    assert not any(secret in page for secret in SECRETS)


def test_the_figures_are_for_this_machine_or_by_token(small_settings):
    token = "a-token-of-some-length"
    for address, sent, status in (
        ("127.0.0.1", None, 200), ("203.0.113.7", None, 403), ("203.0.113.7", token, 200),
        ("203.0.113.7", token[:-1], 403), ("127.0.0.1", "wrong-one-of-some-length", 403),
    ):  # fmt: skip
        headers = {"authorization": f"Bearer {sent}"} if sent else {}
        with _app(small_settings, address=address, metrics_token=token) as client:
            assert client.get("/metrics", headers=headers).status_code == status
    with _app(small_settings, address="203.0.113.7") as client:
        assert client.get("/metrics", headers={"authorization": "Bearer None"}).status_code == 403


def test_packed_answers_are_what_plain_ones_are(client):
    plain = client.get("/maps/choropleth", headers={"accept-encoding": "identity"}).content
    with client.stream("GET", "/maps/choropleth", headers={"accept-encoding": "gzip"}) as packed:
        assert gzip.decompress(b"".join(packed.iter_raw())) == plain
