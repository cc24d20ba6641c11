"""GDAL (pyogrio's OAPIF driver) and OWSLib page through every collection and agree with the database row by row."""

import datetime as dt
import json
import re
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

import httpx2
import pandas as pd
import psycopg
import pyogrio
import pytest
import shapely
from owslib.ogcapi.features import Features
from owslib.util import Authentication

from gridmgmt.database.engine import database_url
from gridmgmt.database.work import open_database
from gridmgmt.figures.operations import indicators
from gridmgmt.periods import parse_period
from tests.api import mapped_city
from tests.api.mapped_city import KNOWN, KNOWN_M
from tests.api.signed import bearer
from tests.api.test_ogc import COLLECTIONS, EPSG, ROADS
from tests.benchmarks.bench_server import serving

ZONE = ZoneInfo("Asia/Shanghai")
GRIDS = """SELECT g.code, g.name_zh, g.name_en, g.parent_code, g.kind, g.responsible, g.area_m2, '2026' AS edition,
           DATE '2026-03-01' AS valid_from, ST_AsBinary(g.geom) AS wkb
           FROM edition_grid m JOIN grid g ON g.id = m.grid_id JOIN edition e ON e.id = m.edition_id
           WHERE e.name = '2026' AND g.level = %s ORDER BY g.code"""
PLACE = """(SELECT code FROM unit WHERE id = x.unit_id) AS unit_code, ST_AsBinary(geom) AS wkb,
           (SELECT code FROM grid WHERE id = coalesce(grid_l4, grid_l3, grid_l2, grid_l1)) AS grid_code"""
LAYER = """SELECT f.code, name_zh, name_en, class, unit_code, land_owner, category, buffer_m, attributes,
           lower(l.valid) AS valid_from, ST_AsBinary(f.geom) AS wkb
           FROM feature f JOIN layer l ON l.id = f.layer_id
           WHERE l.kind = %s AND l.valid @> now()::date ORDER BY f.code"""
FACTS = {
    "cases": f"""SELECT case_no, status, category_kind, category_code, source, reported_at, accepted_at, registered_at,
                 dispatched_at, due_at, due_extended_at, handled_at, closed_at, voided_at, reworked_at, n_rework,
                 is_repeat, repeat_of, address, description, located, {PLACE} FROM cases x ORDER BY case_no""",
    "samples": f"""SELECT sample_no, sample_type, object_name, sampled_at, score, result, findings, address, located,
                   {PLACE} FROM samples x ORDER BY sample_no""",
}
LEVELS = ("city", "district", "street", "community")


@pytest.fixture(scope="module")
def mapped(databases):
    return databases.built("api_ogc_clients", mapped_city.build)


@pytest.fixture(scope="module")
def address(mapped):
    """A server as `gridmgmt serve` starts it, in a process of its own: GDAL keeps this one waiting."""
    with serving(mapped) as port:
        yield f"http://127.0.0.1:{port}/ogc"


@pytest.fixture(scope="module")
def key(mapped):
    """A key, which map software sends as the password of whatever name."""
    return bearer(mapped)["Authorization"].removeprefix("Bearer ")


@pytest.fixture(scope="module")
def read(address, key):
    """What GDAL reads."""
    return lambda layer, **asked: pyogrio.read_dataframe(
        f"OAPIF:{address}", layer=layer, USERPWD=f"qgis:{key}", **asked
    )


@pytest.fixture(scope="module")
def service(address, key):
    """What OWSLib reads."""
    return Features(address, auth=Authentication(username="qgis", password=key))


@pytest.fixture(scope="module")
def truth(mapped):
    """What the database itself holds of a collection: rows in order, with `shape`."""

    def read(name):
        kind, _, rest = name.partition("-")
        if kind == "indicators":
            return _figures(mapped, rest.partition("-")[0])
        query, values = {
            "grids": lambda: (GRIDS, [LEVELS.index(rest) + 1]),
            "layers": lambda: (LAYER, [rest.partition("-")[0]]),
        }.get(kind, lambda: (FACTS[name], []))()
        with psycopg.connect(database_url(mapped), row_factory=psycopg.rows.dict_row) as connection:
            rows = connection.execute(query, values or None).fetchall()
        return [{"shape": shapely.from_wkb(row.pop("wkb")), **row} for row in rows]

    return read


def _figures(settings, level):
    """The table of the operation, with the shapes of the edition that it names."""
    work = open_database(settings)
    table, found = indicators.indicators(work, parse_period("2025-12"), level)
    work.close()
    with psycopg.connect(database_url(settings)) as connection:
        grids = """SELECT m.code, ST_AsBinary(g.geom) FROM edition_grid m JOIN grid g ON g.id = m.grid_id
                   WHERE m.edition_id = %s AND m.level = %s"""
        shapes = dict(connection.execute(grids, [found.edition.id, LEVELS.index(level) + 1]).fetchall())
    rows = table[table["code"] != ""].sort_values("code").to_dict("records")
    head = {"period": "2025-12", "as_of": found.as_of, "edition": "2025"}
    return [{**row, **head, "shape": shapely.from_wkb(shapes[row["code"]])} for row in rows]


def plain(value):
    """A value as either side has it, comparable: nothing is None, times are instants, numbers are rounded."""
    if value is None or (not isinstance(value, dict) and pd.isna(value)):
        return None
    if isinstance(value, str) and value[:2] == "20" and value[4:5] == "-" and len(value) >= 10:
        value = pd.Timestamp(value)
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        value = pd.Timestamp(value)
    if isinstance(value, dt.datetime):
        at = pd.Timestamp(value)
        return (at.tz_localize(ZONE) if at.tzinfo is None else at.tz_convert(ZONE)).isoformat()
    if isinstance(value, str | dict | bool):
        return value
    return round(float(value), 6)


def agrees(found, expected, name):
    """Each row: its columns, and its shape to a tenth of a millimetre."""
    assert len(found) == len(expected) > 0, name
    for own, row in zip(found, expected, strict=True):
        row = dict(row)
        shape, told = row.pop("shape"), own["geometry"]
        assert (shape is None) == (told is None)
        if shape is not None:
            assert shapely.equals_exact(told.normalize(), shape.normalize(), 1e-9)
        assert {k: plain(own[k]) for k in row} == {k: plain(v) for k, v in row.items()}


@pytest.mark.parametrize("name", COLLECTIONS)
def test_gdal_reads_every_row(read, truth, name):
    for size in ("2", "1000"):
        frame = read(name, PAGE_SIZE=size)
        assert frame.crs == "EPSG:4490"
        rows = frame.to_dict("records")
        if name.startswith("layers"):
            rows = [{**x, "attributes": _object(x["attributes"])} for x in rows]
        agrees(rows, truth(name), name)
        key = {"cases": "case_no", "samples": "sample_no"}.get(name, "code")
        assert list(frame["id"]) == list(frame[key])


def _object(value):
    return json.loads(value) if isinstance(value, str) else value


@pytest.mark.parametrize("name", COLLECTIONS)
def test_owslib_reads_every_row(service, key, truth, name):
    assert service.feature_collections() == COLLECTIONS
    page = service.collection_items(quote(name), limit=2)
    found = []
    while page is not None:
        found += page["features"]
        href = next((x["href"] for x in page["links"] if x["rel"] == "next"), None)
        page = None if href is None else httpx2.get(href, auth=("qgis", key)).json()
    shapes = [x["geometry"] and shapely.geometry.shape(x["geometry"]) for x in found]
    rows = [{**x["properties"], "geometry": shape} for x, shape in zip(found, shapes, strict=True)]
    agrees(rows, truth(name), name)


@pytest.mark.parametrize(
    ("crs", "shown", "x", "y"),
    [("OGC:CRS84", "OGC:CRS84", *KNOWN), ("EPSG:4326", None, *KNOWN), ("EPSG:4490", "EPSG:4490", *KNOWN),
     ("EPSG:4547", "EPSG:4547", *KNOWN_M[::-1])],
)  # fmt: skip
def test_gdal_finds_the_known_point_in_every_system(read, crs, shown, x, y):
    """GDAL turns the axes of the authority's order back to east and north."""
    frame = read("cases", CRS=crs)
    assert shown in (None, frame.crs.to_string())
    assert (frame.geometry[0].x, frame.geometry[0].y) == pytest.approx((x, y), abs=1e-4)


@pytest.mark.parametrize(("code", "point"), [(4326, KNOWN[::-1]), (4490, KNOWN[::-1]), (4547, KNOWN_M)])
def test_owslib_is_given_the_axes_of_the_authority(service, code, point):
    page = service.collection_items("cases", limit=1, crs=f"{EPSG}{code}")
    assert page["features"][0]["geometry"]["coordinates"] == pytest.approx(point, abs=1e-4)


def test_gdal_asks_a_box_and_a_condition(read):
    def n(**asked):
        return len(read("cases", **asked))

    assert n(bbox=(114.02, 30, 114.04, 30.02)) == 2
    assert n(bbox=(500482, 3320667, 500483, 3320668), CRS="EPSG:4547") == 10
    assert n(where="status = 'closed' AND n_rework >= 1") == 1
    assert n(where="closed_at >= '2025/12/15 00:00:00'") == 1, "of the column that is asked, not of the report"
    assert n(where="id = 'A003'") == 1


def test_owslib_asks_a_box_a_time_and_a_filter(service):
    assert service.collection_items("cases", bbox=[114.02, 30, 114.04, 30.02])["numberMatched"] == 2
    assert service.collection_items("samples", datetime_="2025-12-11/..")["numberMatched"] == 4
    assert service.collection_items("cases", filter="status <> 'closed'")["numberMatched"] == 1
    assert service.collection_items(quote(ROADS), datetime_="2025-06-01")["numberMatched"] == 2
    assert "case_no" in service.collection_queryables("cases")["properties"]
    assert service.collection_item("samples", quote("s/1", safe=""))["properties"]["score"] == 80.5


PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"


def test_the_addresses_and_the_python_of_the_documentation(address, key):
    """As they stand, at this server: every address answers, every frame has rows."""
    text = PAGE.read_text("utf-8")
    shown = text.partition("## QGIS")[2].partition("\n## ")[0]
    asked = [(url, {}) for url in re.findall(r'curl -u qgis:KEY "http://127.0.0.1:8000/ogc([^"]*)"', shown)]
    asked += [
        (url, dict([data.split("=", 1)])) for url, data in re.findall(r'-G "[^"]*/ogc([^"]*)" .*-url\S+ "(.*)"', shown)
    ]
    assert len(asked) == 5
    for url, more in asked:
        answer = httpx2.get(address + url, params=more or None, auth=("qgis", key))
        assert answer.status_code == 200, answer.text
        assert answer.json().get("numberMatched", 1) > 0, url
    (code,) = re.findall(r"```python\n(.*?)```", shown, re.S)
    made = {}
    exec(code.replace("http://127.0.0.1:8000/ogc", address).replace("KEY", key), made)
    assert [len(made[name]) for name in ("grids", "near", "late")] == [8, 12, 1]
