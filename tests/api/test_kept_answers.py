"""A real server never gives what is older than the question, keeps it without the database, and tags it by content."""

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event

from api.main import create_app
from gridmgmt.database.engine import database_url
from gridmgmt.database.work import open_database
from gridmgmt.figures.operations import indicators
from gridmgmt.settings import Settings
from tests.api import signed, small_city
from tests.api.running import running
from tests.api.small_city import COMMUNITIES, centre
from tests.servers import Databases

LON, LAT = centre(0)
LOCATE = f"/v1/locate?lon={LON}&lat={LAT}"
INDICATORS = "/v1/indicators?period=2025-12&level=city"
KEPT = (
    "/v1/city", "/v1/categories", "/v1/editions", "/v1/grids?level=community", f"/v1/grids/{COMMUNITIES[0]}",
    INDICATORS, "/v1/indicators/behind?period=2025-12&by=source&code=采集员", "/v1/assessments",
    "/v1/assessments/latest", "/v1/assessments/latest/scorecards?level=community",
    f"/v1/assessments/latest/scorecards/{COMMUNITIES[0]}", "/v1/explain?assessment=latest&code=4299&item=n_due",
    "/maps/choropleth", "/maps/heat", "/", "/tiles", "/tiles/grids-community/12/3345/1689.mvt",
    "/tiles/scores-community/12/3345/1689.mvt", "/tiles/scores-community/style.json",
    "/tiles/indicators-community/12/3345/1689.mvt?period=2025-12&indicator=n_due", "/tiles/grids-city/tilejson.json",
)  # fmt: skip
CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gridmgmt changes' "
    "AND datname = current_database()"
)


@pytest.fixture(scope="module")
def settings(databases: Databases) -> Settings:
    """A small city of this module's own."""
    return databases.built("api_changing", small_city.build)


@pytest.fixture(scope="module")
def port(settings: Settings) -> Iterator[int]:
    """A server as `gridmgmt serve` starts it."""
    with running(settings) as server:
        yield server.port


class Reader:
    """One connection that stays open."""

    def __init__(self, port: int, known: dict[str, str]) -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._known = known

    def get(self, path: str, **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        self._line.request("GET", path.replace("采集员", "%E9%87%87%E9%9B%86%E5%91%98"), headers=self._known | headers)
        answer = self._line.getresponse()
        return answer.status, answer.headers, answer.read()

    def close(self) -> None:
        self._line.close()

    def json(self, path: str) -> dict[str, object]:
        status, _, body = self.get(path)
        assert status == 200, body
        found: dict[str, object] = json.loads(body)
        return found


@pytest.fixture(scope="module")
def known(settings: Settings) -> dict[str, str]:
    return signed.bearer(settings)


@pytest.fixture
def reader(port: int, known: dict[str, str]) -> Iterator[Reader]:
    with closing(Reader(port, known)) as made:
        yield made


@pytest.fixture
def elsewhere(settings: Settings) -> Iterator[psycopg.Connection]:
    """Another session of the database, as another process has one; each statement is committed at once."""
    with psycopg.connect(database_url(settings), autocommit=True) as connection:
        yield connection


CHANGES: dict[str, tuple[str, str, Callable[[dict], object]]] = {
    "places": (
        "UPDATE city SET document = jsonb_set(document, '{name,en}', to_jsonb(CAST(%s AS text)))",
        "/v1/city", lambda found: found["name"]["en"],
    ),
    "people": ("UPDATE unit SET name_en = %s WHERE code = 'S1'", LOCATE, lambda found: found["unit"]["name"]["en"]),
    "facts": (
        "UPDATE cases SET case_no = %s WHERE id = (SELECT min(id) FROM cases)",
        "/v1/indicators/behind?period=2025-12&by=source&code=采集员&count=n_reported",
        lambda found: next((n for n in found["numbers"]["n_reported"] if n.startswith("new")), None),
    ),
}  # fmt: skip
"""What is written, which route shows it, and where."""


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("is_cut", [False, True], ids=["told", "line cut"])
def test_what_was_committed_elsewhere_is_in_the_next_answer(
    kind: str, is_cut: bool, reader: Reader, elsewhere: psycopg.Connection
) -> None:
    """Also where the line that tells is cut at that very moment: nothing is kept then."""
    statement, path, shown = CHANGES[kind]
    reader.get(path)
    for n in range(12):
        new = f"new {kind} {n} {is_cut}"
        if is_cut:
            elsewhere.execute(CUT)
        elsewhere.execute(statement, [new])
        assert shown(reader.json(path)) == new


def test_a_new_assessment_is_in_the_next_answer(reader: Reader, settings: Settings, tmp_path: Path) -> None:
    before = len(reader.json("/v1/assessments"))
    work = open_database(settings)
    small_city.scoring.score(work, "grid_baseline", small_city.parse_period("2025-11"))
    work.close()
    assert len(reader.json("/v1/assessments")) == before + 1


@pytest.fixture
def app_client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        yield signed.sign_in(client, settings)


@pytest.mark.parametrize("path", [*KEPT, LOCATE])
def test_what_is_kept_needs_no_connection_and_no_thread(
    path: str, app_client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []
    event.listen(app_client.app.state.work.engine, "checkout", lambda *args: taken.append(args))
    first = app_client.get(path)
    assert first.status_code == 200, first.text
    n = len(taken)
    assert n > 0

    def no_thread(*args: object, **more: object) -> None:
        raise AssertionError("a thread was asked for")

    monkeypatch.setattr("anyio.to_thread.run_sync", no_thread)
    assert app_client.get(path).content == first.content
    assert len(taken) == n


@pytest.mark.parametrize("path", KEPT)
def test_two_servers_tag_an_answer_alike_by_its_content(path: str, app_client: TestClient, reader: Reader) -> None:
    tags = set()
    for _ in range(2):
        tags.add(app_client.get(path, headers={"accept-encoding": "identity"}).headers["etag"])
        app_client.app.state.kept.clear()
    status, headers, _ = reader.get(path, Host="localhost")
    assert status == 200
    assert tags == {headers["etag"]}


def test_tags_are_matched_as_tags(app_client: TestClient) -> None:
    plain = app_client.get("/v1/city", headers={"accept-encoding": "identity"})
    tag = plain.headers["etag"]
    assert not tag.startswith("W/")
    for named, status in (
        (tag, 304), (f"W/{tag}", 304), (f'"other", {tag}', 304), ("*", 304),
        ('"other"', 200), (tag.strip('"'), 200), (f'"x{tag[1:]}', 200), ("", 200),
    ):  # fmt: skip
        found = app_client.get("/v1/city", headers={"if-none-match": named, "accept-encoding": "identity"})
        assert (named, found.status_code) == (named, status)
        assert found.headers["etag"] == tag
        assert found.headers["cache-control"] == "private, no-cache"
        assert "Accept-Language" in found.headers["vary"]


def test_packed_and_plain_answers_have_tags_of_their_own(reader: Reader) -> None:
    path = "/maps/choropleth"
    _, plain, body = reader.get(path)
    _, packed, packed_body = reader.get(path, **{"Accept-Encoding": "deflate, gzip;q=0.5"})
    assert (plain["content-encoding"], packed["content-encoding"]) == (None, "gzip")
    assert plain["etag"] != packed["etag"]
    assert len(packed_body) < len(body) / 2
    assert reader.get(path, **{"Accept-Encoding": "gzip", "If-None-Match": packed["etag"]})[0] == 304
    assert reader.get(path, **{"Accept-Encoding": "gzip", "If-None-Match": plain["etag"]})[0] == 200


def test_answers_differ_by_language_form_and_host(app_client: TestClient) -> None:
    path = f"/v1/assessments/latest/scorecards/{COMMUNITIES[0]}"
    bodies = {
        app_client.get(path, headers={"accept-language": lang, "accept": form}).content
        for lang in ("zh", "en") for form in ("application/json", "text/html")
    }  # fmt: skip
    assert len(bodies) >= 3, "the page without a wish has both languages"
    hosts = {
        app_client.get("/v1/grids?limit=1", headers={"host": host}).json()["links"][0]["href"].split("/")[2]
        for host in ("localhost", "127.0.0.1:8000")
    }
    assert hosts == {"localhost", "127.0.0.1:8000"}


def test_readers_who_wait_while_facts_come_in_are_answered_by_few_countings(
    port: int, known: dict[str, str], elsewhere: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often facts change, one page is counted by one thread at a time, and nobody waits for more than two."""
    count, under_way, most, n_counted = indicators.indicators, [0], [0], [0]

    def slow(*args, **more):
        under_way[0] += 1
        most[0], n_counted[0] = max(most[0], under_way[0]), n_counted[0] + 1
        time.sleep(0.3)
        try:
            return count(*args, **more)
        finally:
            under_way[0] -= 1

    monkeypatch.setattr(indicators, "indicators", slow)
    ended, waited = threading.Event(), []

    def read() -> None:
        began = time.monotonic()
        with closing(Reader(port, known)) as reader:
            assert reader.get(INDICATORS)[0] == 200
        waited.append(time.monotonic() - began)

    def write() -> None:
        while not ended.wait(0.02):
            elsewhere.execute("UPDATE cases SET n_rework = n_rework")

    writing = threading.Thread(target=write)
    writing.start()
    readers = []
    for _ in range(12):
        readers.append(threading.Thread(target=read))
        readers[-1].start()
        time.sleep(0.05)
    for one in readers:
        one.join()
    ended.set()
    writing.join()
    assert len(waited) == 12
    assert most == [1]
    assert n_counted[0] <= 6, "within 0.6 s of questions, and the last one after it"


def test_a_server_without_its_database_starts_and_says_so(settings: Settings) -> None:
    nowhere = replace(settings, database_url="postgresql://127.0.0.1:1/nowhere")
    with TestClient(create_app(nowhere), base_url="http://localhost") as client:
        assert client.get("/v1/city", headers={"authorization": "Bearer gmk_x"}).status_code == 503
        assert client.get(LOCATE, headers={"authorization": "Bearer gmk_x"}).status_code == 503
        assert asyncio.run(client.app.state.kept.changes.caught_up()) is False
