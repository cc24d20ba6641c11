"""OGC API – Features by hand: documents, pages that lose and double nothing, time, boxes, systems, filters, errors."""

import json
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import quote

import psycopg
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event

from api.main import create_app
from api.ogc.documents import CONFORMS
from gridmgmt.bounds import Bounds
from gridmgmt.database import tables
from gridmgmt.database.engine import database_url
from gridmgmt.features.collections import COLUMNS
from tests.api import mapped_city
from tests.api.mapped_city import KNOWN, KNOWN_M, RENAMED
from tests.api.signed import sign_in
from tests.api.small_city import COMMUNITIES, NASTY, SIDE, SOUTH, WEST, centre

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
ROADS = "layers-roads-主干_道_A"
COLLECTIONS = [
    *(f"grids-{level}" for level in ("city", "district", "street", "community")),
    *(f"indicators-{level}-2025-12" for level in ("city", "district", "street", "community")),
    "cases", "samples", ROADS, "layers-sites-sites",
]  # fmt: skip


@contextmanager
def signed(settings):
    """The application with somebody of the city's centre."""
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        yield sign_in(client, settings)


@pytest.fixture(scope="module")
def mapped(databases):
    return databases.built("api_ogc", mapped_city.build)


@pytest.fixture(scope="module")
def client(mapped):
    with signed(mapped) as client:
        yield client


@pytest.fixture(scope="module")
def sql(mapped):
    with psycopg.connect(database_url(mapped), autocommit=True) as connection:
        yield lambda text: connection.execute(text).fetchall()


@pytest.fixture
def items(get):
    """Features of a collection."""
    return lambda name, **asked: get(f"/ogc/collections/{quote(name)}/items", params=asked)


def ids(page):
    return [x["id"] for x in page["features"]]


def walked(get, page):
    """The pages from one on, by their `next` links."""
    while True:
        yield page
        href = next((x["href"] for x in page["links"] if x["rel"] == "next"), None)
        if href is None:
            return
        page = get(href.removeprefix("http://localhost"))


# --- documents -------------------------------------------------------------------------------------------------------


def test_every_link_leads_somewhere_and_to_what_it_says(get, client):
    seen, waiting = {}, ["http://localhost/ogc"]
    while waiting:
        href = waiting.pop()
        answer = client.get(href.removeprefix("http://localhost"))
        assert answer.status_code == 200, href
        seen[href] = answer
        if "json" not in answer.headers["content-type"]:
            continue
        found = answer.json()
        parts = [found, *found.get("collections", [])]
        for link in (x for part in parts for x in part.get("links", [])):
            if link["rel"] != "service-desc" and link["href"] in seen:
                assert seen[link["href"]].headers["content-type"].startswith(link["type"]), link
            elif link["href"] not in seen and ("/items" not in link["href"] or "limit" not in link["href"]):
                waiting.append(link["href"])
    assert len(seen) > 60


def test_it_lists_what_there_is_and_says_where_and_when(get):
    assert get("/ogc/conformance")["conformsTo"] == list(CONFORMS)
    found = {x["id"]: x for x in get("/ogc/collections")["collections"]}
    assert list(found) == COLLECTIONS
    for name, own in found.items():
        assert get(f"/ogc/collections/{quote(name)}")["extent"] == own["extent"]
        assert own["crs"] == [CRS84, *(f"{EPSG}{n}" for n in (4326, 4490, 4547))]
        assert own["storageCrs"] == f"{EPSG}4490"
    box = found["grids-city"]["extent"]["spatial"]["bbox"][0]
    assert box == pytest.approx([WEST, SOUTH, WEST + 4 * SIDE, SOUTH + 2 * SIDE])
    when = {name: x["extent"]["temporal"]["interval"][0] for name, x in found.items()}
    assert when["grids-city"] == ["2024-01-01T00:00:00+08:00", None]
    assert when["indicators-city-2025-12"] == ["2025-12-01T00:00:00+08:00", "2025-12-31T23:59:59.999999+08:00"]
    assert when["cases"] == ["2025-12-01T08:00:00+08:00"] * 2
    assert when["samples"] == ["2025-12-10T10:00:00+08:00", "2025-12-14T10:00:00+08:00"]
    assert when[ROADS] == ["2025-01-01T00:00:00+08:00", None]
    english = get("/ogc/collections?lang=en")["collections"][3]
    assert (english["title"], found["grids-community"]["title"]) == ("Grids: Community", "社区网格")


@pytest.mark.parametrize("name", COLLECTIONS)
def test_features_have_the_columns_that_queryables_tell(get, items, name):
    told = get(f"/ogc/collections/{quote(name)}/queryables")
    assert told["properties"].pop("geometry")["x-ogc-role"] == "primary-geometry"
    kind = name.partition("-")[0]
    assert list(told["properties"]) == [x.name for x in COLUMNS[kind] if x.type != "object"]
    first = items(name, limit=1)["features"][0]
    assert list(first["properties"]) == [x.name for x in COLUMNS[kind]]
    types = {"string": str, "number": (int, float), "integer": int, "boolean": bool}
    for column, schema in told["properties"].items():
        value = first["properties"][column]
        assert value is None or isinstance(value, types[schema["type"]]), column


def test_names_and_telephones_of_reporters_are_in_no_column(client):
    for name in COLLECTIONS:
        text = client.get(f"/ogc/collections/{quote(name)}/queryables").text
        assert "reporter" not in text
        assert "phone" not in text


@pytest.mark.parametrize(
    "path",
    [
        "", "/conformance", "/collections", "/collections/cases", "/collections/cases/queryables",
        "/collections/cases/items", "/collections/cases/items/A000",
    ],
)  # fmt: skip
def test_each_page_is_html_for_who_wants_it(client, path):
    for asked in ({"params": {"f": "html"}}, {"headers": {"accept": "text/html,application/json;q=0.9"}}):
        page = client.get(f"/ogc{path}", **asked)
        assert page.headers["content-type"].startswith("text/html")
        assert "<!doctype html>" in page.text
    for accept in ("*/*", "application/geo+json, text/html", "application/json"):
        assert "json" in client.get(f"/ogc{path}", headers={"accept": accept}).headers["content-type"]
    assert "json" in client.get(f"/ogc{path}?f=json", headers={"accept": "text/html"}).headers["content-type"]


def test_a_page_of_html_runs_nothing_of_what_it_shows(client):
    page = client.get(f"/ogc/collections/{quote(ROADS)}/items?f=html").text
    assert NASTY not in page
    assert "&lt;img src=x" in page


def test_gdal_finds_in_the_document_that_filters_may_be_sent(get):
    """Else it sends any column of times as datetime=, and counts too few."""
    parameters = get("/ogc/api")["paths"]["/collections/{collectionId}/items"]["get"]["parameters"]
    languages = next(x for x in parameters if x["name"] == "filter-lang")
    assert "cql-text" in languages["schema"]["enum"]
    assert get("/ogc/api")["servers"] == [{"url": "http://localhost/ogc"}]


# --- pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 3, 10, 1000])
@pytest.mark.parametrize("name", COLLECTIONS)
def test_pages_follow_each_other_without_a_loss_or_a_double(get, items, name, limit):
    whole = items(name, limit=10_000)
    assert whole["numberMatched"] == whole["numberReturned"] == len(ids(whole)) > 0
    pages = list(walked(get, items(name, limit=limit)))
    assert [x for page in pages for x in ids(page)] == ids(whole)
    assert {page["numberMatched"] for page in pages} == {whole["numberMatched"]}
    assert [page["numberReturned"] for page in pages[:-1]] == [limit] * (len(pages) - 1)
    for own in whole["features"]:
        alone = get(f"/ogc/collections/{quote(name)}/items/{quote(own['id'], safe='')}")
        assert {k: v for k, v in alone.items() if k != "links"} == own


def test_a_page_has_no_more_than_is_allowed(mapped, items):
    with signed(replace(mapped, bounds=Bounds(page_features=4))) as few:
        page = few.get("/ogc/collections/cases/items?limit=9999").json()
    create_app(mapped)
    assert (page["numberReturned"], page["numberMatched"]) == (4, 14)
    assert any(x["rel"] == "next" for x in page["links"])


def test_pages_lose_and_double_nothing_while_rows_are_written(databases):
    own = databases.built("api_ogc_written", mapped_city.build)
    changed = "jsonb_build_object('id', (SELECT max(id) + 1 FROM cases), 'case_no', %s::text)"
    copy = f"INSERT INTO cases SELECT (jsonb_populate_record(c, {changed})).* FROM cases AS c WHERE case_no = 'A000'"
    with (
        psycopg.connect(database_url(own), autocommit=True) as other,
        signed(own) as client,
    ):
        before = [r[0] for r in other.execute("SELECT case_no FROM cases ORDER BY case_no").fetchall()]
        seen, path, n = [], "/ogc/collections/cases/items?limit=2", 0
        while path:
            page = client.get(path).json()
            seen += ids(page)
            for number in (f"0{n}", f"A00{n}b", f"Z{n}") if n < 6 else ():  # before, amid and behind what was read
                other.execute(copy, [number])
            other.execute("UPDATE cases SET status = 'voided' WHERE case_no = %s", [before[n % len(before)]])
            n += 1
            following = next((x["href"] for x in page["links"] if x["rel"] == "next"), None)
            path = following and following.removeprefix("http://localhost")
    assert len(seen) == len(set(seen)), "nothing twice"
    assert set(before) <= set(seen), "nothing lost"
    assert {f"Z{k}" for k in range(6)} <= set(seen), "what is written behind the reader's place he meets"


def test_grids_of_one_reading_are_of_one_edition(databases):
    own = databases.built("api_ogc_editions", mapped_city.build)
    with (
        psycopg.connect(database_url(own), autocommit=True) as other,
        signed(own) as client,
    ):
        page = client.get("/ogc/collections/grids-community/items?limit=3").json()
        other.execute("UPDATE edition SET valid = daterange(lower(valid), '2026-10-01') WHERE name = '2026'")
        pages = list(walked(lambda href: client.get(href).json(), page))
        assert {x["properties"]["edition"] for p in pages for x in p["features"]} == {"2026"}
        assert [x for p in pages for x in ids(p)] == COMMUNITIES
        assert client.get("/ogc/collections/grids-community/items").json()["numberMatched"] == 0


# --- time -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "edition"),
    [
        (None, "2026"), ("2026-02-28", "2025"), ("2026-03-01", "2026"), ("2026-02-28T15:59:59Z", "2025"),
        ("2026-02-28T16:00:00Z", "2026"), ("2023-12-31", None), ("../2023-12-31", None), ("2024-01-01", "2025"),
        ("2025-01-01/2026-02-01", "2025"), ("2025-01-01/..", "2026"), ("../2026-01-01", "2025"),
        ("2023-01-01/2026-12-31", "2026"),
    ],
)  # fmt: skip
def test_grids_are_those_of_the_day(items, asked, edition):
    found = items("grids-community", **({} if asked is None else {"datetime": asked}))
    assert {x["properties"]["edition"] for x in found["features"]} == ({edition} - {None})
    assert found["numberMatched"] == (0 if edition is None else 8)
    if edition:
        assert (found["features"][0]["properties"]["name_zh"] == RENAMED) is (edition == "2026")


@pytest.mark.parametrize(("asked", "n"), [("2024-12-31", 0), ("2025-01-01", 2), ("2026-01-31", 2), ("2026-02-01", 3)])
def test_layers_are_those_of_the_day(items, asked, n):
    assert items(ROADS, datetime=asked)["numberMatched"] == n


@pytest.mark.parametrize(
    ("asked", "n"),
    [
        ("2025-12-10", 1), ("2025-12-10T02:00:00Z", 1), ("2025-12-10T02:00:01Z", 0), ("2025-12-10/2025-12-12", 3),
        ("2025-12-12/..", 3), ("../2025-12-12T10:00:00+08:00", 3), ("../2025-12-12T09:59:59+08:00", 2), ("..", None),
    ],
)  # fmt: skip
def test_samples_are_asked_by_when_they_were_taken(client, asked, n):
    answer = client.get("/ogc/collections/samples/items", params={"datetime": asked})
    assert answer.status_code == (400 if n is None else 200)
    assert n is None or answer.json()["numberMatched"] == n


@pytest.mark.parametrize(
    ("asked", "n"), [("2025-11-30", 0), ("2025-12-01", 8), ("2025-12-31/..", 8), ("2026-01-01", 0)]
)
def test_indicators_are_of_their_period(items, asked, n):
    assert items("indicators-community-2025-12", datetime=asked)["numberMatched"] == n


def test_indicators_are_those_of_the_table(get, items):
    for level, period in (("community", "2025-12"), ("district", "2025-Q4"), ("street", "2025-12@26")):
        table = get("/v1/indicators", params={"period": period, "level": level})
        found = items(f"indicators-{level}-{period}")
        rows = {x["code"]: x for x in table["rows"]}
        assert ids(found) == sorted(rows)
        for own in found["features"]:
            told = own["properties"]
            assert {k: told[k] for k in rows[own["id"]]} == rows[own["id"]]
            assert (told["period"], told["as_of"], told["edition"]) == (period, table["as_of"], table["edition"])
    first = items("indicators-community-2025-12")["features"][0]["properties"]
    assert (first["n_due"], first["n_closed_on_time"], first["on_time_closing_rate"]) == (10, 8, 0.8)


# --- systems and boxes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("crs", "point"),
    [
        (None, KNOWN),
        (CRS84, KNOWN),
        (f"{EPSG}4326", KNOWN[::-1]),
        (f"{EPSG}4490", KNOWN[::-1]),
        (f"{EPSG}4547", KNOWN_M),
    ],
)
def test_one_known_point_in_every_system(client, crs, point):
    for path in ("/ogc/collections/cases/items", "/ogc/collections/cases/items/A000"):
        answer = client.get(path, params={"crs": crs} if crs else {})
        found = answer.json()
        assert (found.get("features") or [found])[0]["geometry"]["coordinates"] == pytest.approx(point, abs=1e-4)
        assert answer.headers["content-crs"] == f"<{crs or CRS84}>"


@pytest.mark.parametrize(
    ("crs", "box", "n"),
    [
        (None, (114.004, 30.004, 114.006, 30.006), 10),
        (None, (114.005, 30.005, 114.005, 30.005), 10),
        (None, (114.0051, 30.004, 114.006, 30.006), 0),
        (None, (114.004, 30.004, 0, 114.006, 30.006, 9), 10),
        (None, (179, -10, -179, 10), 0),
        (None, (115, 29, 114.5, 32), 13),
        (f"{EPSG}4326", (30.004, 114.004, 30.006, 114.006), 10),
        (f"{EPSG}4490", (30.004, 114.004, 30.006, 114.006), 10),
        (f"{EPSG}4490", (30.0, 114.0, 30.02, 114.04), 12),
        (f"{EPSG}4547", (3320667.66, 500482.40, 3320667.68, 500482.41), 10),
        (f"{EPSG}4547", (3320667.68, 500482.40, 3320667.70, 500482.41), 0),
        (f"{EPSG}4547", (3310000, 490000, 3330000, 510000), 12),
    ],
)  # fmt: skip
def test_boxes_are_written_in_the_axes_of_their_system(items, crs, box, n):
    asked = {"bbox": ",".join(map(str, box)), **({"bbox-crs": crs} if crs else {})}
    assert items("cases", **asked)["numberMatched"] == n


def test_a_box_takes_what_it_touches(items):
    corner = f"{WEST + SIDE},{SOUTH + SIDE},{WEST + SIDE},{SOUTH + SIDE}"
    assert ids(items("grids-community", bbox=corner)) == COMMUNITIES[:4]
    x, y = centre(5)
    assert ids(items("grids-community", bbox=f"{x},{y},{x},{y}")) == [COMMUNITIES[5]]


# --- filters ---------------------------------------------------------------------------------------------------------


FILTERS = {
    "status = 'closed'": "status = 'closed'",
    "'closed' = status": "status = 'closed'",
    "status <> 'closed' OR n_rework > 0 AND case_no = 'A000'":
        "status <> 'closed' OR (n_rework > 0 AND case_no = 'A000')",
    "(status <> 'closed' OR n_rework > 0) AND case_no = 'A000'":
        "(status <> 'closed' OR n_rework > 0) AND case_no = 'A000'",
    "NOT status = 'closed' AND n_rework = 0": "NOT status = 'closed' AND n_rework = 0",
    "NOT (n_rework = 0 AND status = 'closed')": "NOT (n_rework = 0 AND status = 'closed')",
    "case_no IN ('A001', 'A013', 'it''s')": "case_no IN ('A001', 'A013')",
    "case_no NOT IN ('A001')": "case_no <> 'A001'",
    "case_no BETWEEN 'A003' AND 'A005'": "case_no BETWEEN 'A003' AND 'A005'",
    "n_rework NOT BETWEEN 0.5 AND 1e1": "n_rework NOT BETWEEN 0.5 AND 10",
    "case_no LIKE 'A01_' AND status LIKE '%ed'": "case_no LIKE 'A01_' AND status LIKE '%ed'",
    "CASEI(case_no) LIKE CASEI('a01%')": "case_no ILIKE 'a01%'",
    "case_no NOT LIKE 'A0\\_%'": "true",
    "closed_at IS NULL": "closed_at IS NULL",
    "closed_at IS NOT NULL AND geometry IS NULL": "closed_at IS NOT NULL AND geom IS NULL",
    "is_repeat = FALSE": "NOT is_repeat",
    "is_repeat": "is_repeat",
    "n_rework >= -1": "n_rework >= -1",
    '"n_rework" < 1': "n_rework < 1",
    "unit_code = 'D9'": "unit_id = (SELECT id FROM unit WHERE code = 'D9')",
    "reported_at >= DATE('2025-12-02')": "reported_at >= '2025-12-02 00:00+08'",
    "reported_at = DATE('2025-12-01')": "true",
    "reported_at > DATE('2025-12-01')": "false",
    "closed_at < TIMESTAMP('2025-12-05T01:00:01Z')": "closed_at < '2025-12-05T01:00:01Z'",
    "closed_at > '2025-12-05T09:00:00'": "closed_at > '2025-12-05 09:00+08'",
    "T_AFTER(closed_at, DATE('2025-12-05'))": "closed_at >= '2025-12-06 00:00+08'",
    "t_before(closed_at, TIMESTAMP('2025-12-05T01:00:00Z'))": "false",
    "T_DURING(closed_at, INTERVAL('2025-12-19', '..'))": "closed_at > '2025-12-19 00:00+08'",
    "T_INTERSECTS(closed_at, INTERVAL('..', '2025-12-05'))": "closed_at < '2025-12-06 00:00+08'",
    "T_EQUALS(closed_at, TIMESTAMP('2025-12-20T09:00:00+08:00'))": "closed_at = '2025-12-20 09:00+08'",
    "T_DISJOINT(closed_at, DATE('2025-12-05'))": "closed_at >= '2025-12-06 00:00+08'",
    "S_INTERSECTS(geometry, POINT(114.005 30.005))": "ST_X(geom) = 114.005",
    "S_WITHIN(geometry, POLYGON((114 30, 114.01 30, 114.01 30.01, 114 30.01, 114 30)))": "ST_X(geom) = 114.005",
    "S_CONTAINS(BBOX(114.02, 30, 114.04, 30.02), geometry)": "ST_X(geom) BETWEEN 114.02 AND 114.04",
    "S_DISJOINT(geometry, BBOX(114, 30, 114.04, 30.02))": "ST_X(geom) = 115",
    "NOT S_INTERSECTS(geometry, BBOX(114, 30, 114.04, 30.02))": "ST_X(geom) = 115",
    "S_TOUCHES(geometry, MULTIPOINT((114.005 30.005)))": "false",
    "S_EQUALS(geometry, POINT Z (115 31 7)) OR case_no = 'A013'": "ST_X(geom) = 115 OR case_no = 'A013'",
}  # fmt: skip


@pytest.mark.parametrize("text", FILTERS)
def test_a_filter_finds_what_the_database_finds(items, sql, text):
    expected = [r[0] for r in sql(f"SELECT case_no FROM cases WHERE {FILTERS[text]} ORDER BY case_no")]
    found = items("cases", filter=text)
    assert (ids(found), found["numberMatched"]) == (expected, len(expected))


JSON_FILTERS = [
    ({"op": "and", "args": [{"op": "=", "args": [{"property": "status"}, "closed"]},
                            {"op": ">", "args": [{"property": "n_rework"}, 0]}]}, ["A000"]),
    ({"op": "in", "args": [{"property": "case_no"}, ["A001", "A013"]]}, ["A001", "A013"]),
    ({"op": "between", "args": [{"property": "case_no"}, "A012", "A013"]}, ["A012", "A013"]),
    ({"op": "isNull", "args": [{"property": "closed_at"}]}, ["A009"]),
    ({"op": "not", "args": [{"op": "isNull", "args": {"property": "geometry"}}]}, [f"A{n:03}" for n in range(13)]),
    ({"op": "t_after", "args": [{"property": "closed_at"}, {"date": "2025-12-05"}]}, ["A008"]),
    ({"op": "t_during", "args": [{"property": "closed_at"}, {"interval": ["2025-12-19", ".."]}]}, ["A008"]),
    ({"op": "like", "args": [{"op": "casei", "args": [{"property": "case_no"}]}, "a01_"]},
     [f"A01{n}" for n in range(4)]),
    ({"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Point", "coordinates": [115, 31]}]}, ["A012"]),
    ({"op": "s_intersects", "args": [{"property": "geometry"}, {"bbox": [114.9, 30.9, 115.1, 31.1]}]}, ["A012"]),
]  # fmt: skip


@pytest.mark.parametrize(("tree", "expected"), JSON_FILTERS)
def test_a_filter_may_be_json(items, tree, expected):
    assert ids(items("cases", filter=json.dumps(tree), **{"filter-lang": "cql2-json"})) == expected


@pytest.mark.parametrize(
    ("crs", "shape"),
    [
        (CRS84, "POINT(114.005 30.005)"),
        (f"{EPSG}4326", "POINT(30.005 114.005)"),
        (f"{EPSG}4490", "POINT(30.005 114.005)"),
        (f"{EPSG}4547", "BBOX(3320667.66, 500482.40, 3320667.68, 500482.41)"),
    ],
)
def test_the_shapes_of_a_filter_are_in_its_system(items, crs, shape):
    found = items("cases", filter=f"S_INTERSECTS(geometry, {shape})", **{"filter-crs": crs})
    assert found["numberMatched"] == 10


def test_filters_ask_figures_and_layers_too(items):
    assert ids(items("indicators-community-2025-12", filter="on_time_closing_rate < 0.9")) == [COMMUNITIES[0]]
    assert ids(items("indicators-community-2025-12", filter="closing_rate IS NULL")) == [
        x for n, x in enumerate(COMMUNITIES) if n not in (0, 5)
    ]
    assert ids(items(ROADS, filter="class = 'back' AND valid_from = DATE('2026-02-01')")) == ["R1"]
    assert ids(items("samples", filter="score >= 82.5 AND sampled_at < DATE('2025-12-13')")) == ["s3"]
    assert ids(items("grids-community", filter="name_zh = '望湖新社区'")) == [COMMUNITIES[0]]


def test_filter_box_and_time_hold_together_over_pages(get, items):
    page = items("cases", filter="status = 'closed'", bbox="114,30,114.04,30.02", datetime="2025-12-01", limit=4)
    found = [x for p in walked(get, page) for x in ids(p)]
    assert found == [f"A{n:03}" for n in range(12) if n != 9]


# --- what is wrong ---------------------------------------------------------------------------------------------------


WRONG = {
    "status = ": ("10", "end"), "= 'x'": ("1", "unexpected"), "status == 'x'": ("9", "unexpected"),
    "status = 'x": ("10", "character"), "stats = 'x'": ("1", "column_unknown"), "status = 1": ("10", "types"),
    "n_rework = 'x'": ("12", "types"), "is_repeat > TRUE": ("13", "types"), "status": ("1", "no_condition"),
    "status = 'a' AND": ("17", "end"), "status = 'a' 'b'": ("14", "unexpected"), "(status = 'a'": ("14", "end"),
    "status IS 'a'": ("11", "unexpected"), "status NOT = 'a'": ("12", "unexpected"),
    "n_rework + 1 = 2": ("10", "unexpected"),
    "frob(status) = 'a'": ("1", "no_operation"), "reported_at > 'soon'": ("15", "time"),
    "reported_at > 5": ("15", "no_time"),
    "T_AFTER(status, DATE('2025-01-01'))": ("9", "no_time"), "T_AFTER(reported_at, DATE('2025-02-30'))": ("22", "time"),
    "S_INTERSECTS(geometry, POINT(1))": ("24", "no_shape"),
    "S_INTERSECTS(status, POINT(1 1))": ("14", "no_shape_column"),
    "S_INTERSECTS(geometry, POLYGON((0 0, 1 1, 1 0, 0 1, 0 0)))": ("24", "shape_invalid"),
    "S_INTERSECTS(geometry)": ("1", "arguments"), "case_no LIKE 'a\\'": ("14", "character"),
    "case_no LIKE 'a\\\\\\\\\\'": ("14", "character"), "n_rework LIKE 'a'": ("1", "types"),
    "n_rework = 1e999": ("12", "no_term"), "n_rework = " + "9" * 5000: ("12", "no_term"),
    "(" * 40 + "status = 'a'" + ")" * 40: ("22", "too_deep"), "NOT " * 40 + "is_repeat": ("85", "too_deep"),
    "status = '" + "a" * 16_000 + "'": ("", "too_long"), "status; DROP TABLE cases": ("7", "character"),
    "": ("1", "end"),
}  # fmt: skip


def placed(problem):
    """Where a filter is wrong, and in what."""
    where = problem["facts"]["where"]
    return str(where.get("n", where.get("at", ""))), problem["facts"]["reason"]["code"]


@pytest.mark.parametrize("text", WRONG, ids=lambda x: x[:30])
def test_a_wrong_filter_is_told_with_its_place(client, text):
    details = set()
    for lang in ("zh", "en"):
        answer = client.get("/ogc/collections/cases/items", params={"filter": text, "lang": lang})
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (400, "filter_invalid"), problem
        where, code = WRONG[text]
        assert placed(problem) == (where, f"filter_wrong_{code}")
        assert "{" not in problem["detail"]
        details.add(problem["detail"])
    assert len(details) == 2


@pytest.mark.parametrize(
    ("text", "where", "code"),
    [
        ('{"op": "=" ', "12", "no_json"), ("[1]", "$", "no_term"), ('{"op": "frob", "args": []}', "$", "no_operation"),
        ('{"op": "and", "args": [{"op": "=", "args": [{"property": "status"}]}, true]}', "$.args[0]", "arguments"),
        ('{"op": "=", "args": [{"property": "status"}, {"property": "no"}]}', "$.args[1]", "column_unknown"),
        ('{"op": "=", "args": [{"property": "status"}, "\\u0000"]}', "$.args[1]", "nul"),
        ('{"op": "=", "args": [{"property": "n_rework"}, 1' + "0" * 4000 + "]}", "$.args[1]", "no_term"),
        ('{"op": "not", "args": [' * 30 + "true" + "]}" * 30, "$" + ".args[0]" * 20, "too_deep"),
        ("[" * 5000 + "]" * 5000, "", "no_json"),
        ('{"op": "t_after", "args": [{"property": "closed_at"}, {"interval": [1, 2]}]}', "$.args[1]", "no_interval"),
        ('{"op": "s_within", "args": [{"property": "geometry"}, {"type": "Frob", "coordinates": []}]}', "$.args[1]",
         "no_shape"),
    ],
)  # fmt: skip
def test_a_wrong_json_filter_is_told_with_its_path(client, text, where, code):
    asked = {"filter": text, "filter-lang": "cql2-json"}
    answer = client.get("/ogc/collections/cases/items", params=asked)
    assert (answer.status_code, *placed(answer.json())) == (400, where, f"filter_wrong_{code}")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/ogc/collections/none", 404, "collection_missing"),
        ("/ogc/collections/grids-village/items", 404, "collection_missing"),
        ("/ogc/collections/indicators-city-2025-13/items", 404, "collection_missing"),
        ("/ogc/collections/indicators-city-2199/items", 400, "period_ahead"),
        ("/ogc/collections/layers-none/items", 404, "collection_missing"),
        ("/ogc/collections/none/items", 404, "path_unknown"),
        ("/ogc/collections/cases/items/none", 404, "feature_missing"),
        ("/ogc/collections/grids-city/items/4299?datetime=2020-01-01", 404, "feature_missing"),
        ("/ogc/collections/cases/items?limit=0", 400, "request_invalid"),
        ("/ogc/collections/cases/items?status=closed", 400, "request_invalid"),
        ("/ogc/collections/cases/items?bbox=1,2,3", 400, "option_invalid"),
        ("/ogc/collections/cases/items?bbox=1,3,2,2", 400, "option_invalid"),
        ("/ogc/collections/cases/items?bbox=nan,1,2,2", 400, "option_invalid"),
        (f"/ogc/collections/cases/items?bbox=114,30,115,31&bbox-crs={EPSG}4490", 400, "option_invalid"),
        (f"/ogc/collections/cases/items?crs={EPSG}3857", 400, "option_invalid"),
        ("/ogc/collections/cases/items?bbox-crs=x&bbox=1,1,2,2", 400, "option_invalid"),
        ("/ogc/collections/cases/items?datetime=soon", 400, "option_invalid"),
        ("/ogc/collections/cases/items?datetime=2025-12-02/2025-12-01", 400, "option_invalid"),
        ("/ogc/collections/cases/items?cursor=x", 400, "option_invalid"),
        ("/ogc/collections/cases/items?cursor=WzEsMl0", 400, "option_invalid"),
        ("/ogc/collections/grids-city/items?cursor=WyIxOTk5IiwgIjAiXQ", 400, "option_invalid"),
        ("/ogc/collections?f=xml", 400, "request_invalid"),
    ],
)
def test_what_is_wrong_is_told_as_everywhere(client, path, status, code):
    for lang in ("zh", "en"):
        answer = client.get(path, headers={"accept-language": lang})
        assert (answer.status_code, answer.json()["code"], answer.json()["status"]) == (status, code, status)
        assert answer.headers["content-type"] == "application/problem+json"


# --- how the database finds it ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["city_centre", "street@street:429901001"])
def plans(databases, request):
    """Ask for features of a city with many cases, and how the database finds them; also under a street's row policy."""
    own = databases.built("api_ogc_many", mapped_city.build)
    new = {
        "id": "1000 + n",
        "case_no": "'N' || lpad(n::text, 6, '0')",
        "geom": "ST_SetSRID(ST_MakePoint(114 + (n % 100) * 0.0002, 30 + (n / 100) * 0.0002), 4490)",
    }
    names = [column.name for column in tables.cases.c]
    values = ", ".join(new.get(name, name) for name in names)
    app = create_app(own)
    with (
        psycopg.connect(database_url(own), autocommit=True) as other,
        TestClient(app, base_url="http://localhost") as c,
    ):
        many = f"SELECT {values} FROM cases, generate_series(1, 6000) AS n WHERE case_no = 'A000'"
        other.execute(f"INSERT INTO cases ({', '.join(names)}) {many}")
        other.execute("VACUUM ANALYZE cases")

        sign_in(c, own, request.param)

        def ask(**asked):
            """The page, and the plan of its statement as the database made it, in the same transaction."""
            plan = []

            def hear(connection, cursor, statement, parameters, *_):
                if "AsGeoJSON" in statement:
                    plan.extend(
                        r[0] for r in connection.connection.cursor().execute(f"EXPLAIN {statement}", parameters)
                    )

            event.listen(app.state.work.engine, "before_cursor_execute", hear)
            page = c.get("/ogc/collections/cases/items", params=asked).json()
            event.remove(app.state.work.engine, "before_cursor_execute", hear)
            return page, "\n".join(plan)

        yield ask


@pytest.mark.parametrize(
    "asked",
    [
        {"bbox": "114.0101,30.0101,114.0109,30.0109"},
        {"bbox": "3321230,500980,3321315,501050", "bbox-crs": f"{EPSG}4547"},
        {"filter": "S_WITHIN(geometry, BBOX(114.0101,30.0101,114.0109,30.0109)) AND status = 'closed'"},
        {"filter": "NOT (status <> 'closed' OR NOT S_INTERSECTS(geometry, BBOX(114.0101,30.0101,114.0109,30.0109)))"},
    ],
)
def test_a_place_is_found_by_the_index_of_shapes(plans, asked):
    page, plan = plans(**asked)
    assert 10 <= page["numberMatched"] <= 20
    assert "ix_cases_geom" in plan, plan


def test_a_page_is_found_by_the_index_of_numbers(plans):
    page, _ = plans(limit=100)
    cursor = next(x["href"] for x in page["links"] if x["rel"] == "next").partition("cursor=")[2]
    _, plan = plans(limit=100, cursor=cursor)
    assert "Index Scan using uq_cases_case_no" in plan, plan


def test_what_lies_where_the_metric_system_means_nothing_spoils_no_page(databases):
    own = databases.built("api_ogc_far", mapped_city.build)
    far = [(0, 0), (24, 0), (-66, 0), (180, 90), (-180, -90)]
    metric = {"crs": f"{EPSG}4547", "bbox-crs": f"{EPSG}4547", "filter-crs": f"{EPSG}4547"}
    with psycopg.connect(database_url(own), autocommit=True) as other:
        for n, point in enumerate(far):
            other.execute(
                "UPDATE cases SET geom = ST_SetSRID(ST_MakePoint(%s, %s), 4490) WHERE case_no = %s",
                [*point, f"A{n:03}"],
            )
    with signed(own) as client:

        def ask(**asked):
            return client.get("/ogc/collections/cases/items", params={**metric, **asked}).json()

        assert [x["geometry"] is None for x in ask()["features"]] == [True] * 5 + [False] * 8 + [True]
        assert ask(bbox="-90000000,-90000000,90000000,90000000")["numberMatched"] == 8
        assert ask(bbox="3320000,500000,3321000,501000")["numberMatched"] == 5
        assert ask(filter="S_WITHIN(geometry, BBOX(-9e7, -9e7, 9e7, 9e7))")["code"] == "filter_invalid"
        assert client.get("/ogc/collections/cases/items?bbox=-180,-90,180,90").json()["numberMatched"] == 13


# --- who sees what ----------------------------------------------------------------------------------------------------


def test_each_sees_his_part_and_the_figures_of_all(mapped, client):
    """Of cases and samples a street sees its own, counted and paged; grids of all; indicators as the city has them."""
    with TestClient(create_app(mapped), base_url="http://localhost") as street:
        sign_in(street, mapped, "street@street:429902001")

        def ask(name, **more):
            return street.get(f"/ogc/collections/{name}/items", params=more).json()

        assert (ids(ask("cases")), ask("cases")["numberMatched"]) == (["A010", "A011"], 2)
        assert street.get("/ogc/collections/cases/items/A000").status_code == 404
        assert ids(ask("cases", filter="case_no = 'A000' OR case_no = 'A010'")) == ["A010"]
        assert ids(ask("samples")) == ["s5"]
        assert ask("grids-community")["numberMatched"] == 8
        own = ask("indicators-community-2025-12")
        assert ids(own) == COMMUNITIES[4:6]
        whole = client.get("/ogc/collections/indicators-community-2025-12/items").json()
        assert own["features"] == [x for x in whole["features"] if x["id"] in COMMUNITIES[4:6]]
        refused = street.get("/ogc/collections/indicators-city-2025-12/items")
        assert (refused.status_code, refused.json()["code"]) == (403, "outside_scope")


def test_who_has_not_the_verb_is_neither_told_nor_shown(mapped):
    with TestClient(create_app(mapped), base_url="http://localhost") as boss:
        assert boss.get("/ogc/collections").status_code == 401
        assert boss.get("/ogc/conformance").status_code == 200
        sign_in(boss, mapped, "administrator")
        listed = [x["id"].partition("-")[0] for x in boss.get("/ogc/collections").json()["collections"]]
        assert {*listed} == {"grids", "indicators", "layers"}
        for name in ("cases", "samples"):
            assert boss.get(f"/ogc/collections/{name}/items").status_code == 403
