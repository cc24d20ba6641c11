"""A million points at once: each is answered as one alone, in its order; what is wrong is told in its row."""

import csv
import dataclasses
import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pytest
import shapely
from fastapi.testclient import TestClient
from httpx2 import Response

from api.main import create_app
from gridmgmt import bounds
from gridmgmt.database.work import Work, open_database
from gridmgmt.people.exports import points as writing
from gridmgmt.people.operations import directory, locating, many_places
from gridmgmt.people.readers import points
from gridmgmt.places.operations import layers
from gridmgmt.settings import Settings
from tests.api import small_city
from tests.api.signed import bearer
from tests.api.small_city import COMMUNITIES, centre
from tests.servers import Databases

ARROW = "application/vnd.apache.arrow.stream"
GEOJSON = "application/geo+json"
KEYS = ("city", "district", "street", "community")
CRS = ("epsg:4490", "gcj02", "bd09", "epsg:4547")
CATEGORIES = (None, "component:01001", "matter:07001")

Asking = Callable[..., Response]


def _with_areas(work: Work, folder: Path) -> None:
    """A park of two communities that D9 answers for, and a lane's border for components alone."""
    small_city.prepare(work, folder)
    areas = gpd.GeoDataFrame(
        {"code": ["P1", "P2"], "unit_code": ["D9", "D9"], "category": ["*", "component:01*"]},
        geometry=[shapely.box(114.006, 30.004, 114.014, 30.012), shapely.box(114.02, 30.0, 114.03, 30.006)], crs=4490,
    )  # fmt: skip
    areas.to_file(folder / "areas.geojson")
    layers.import_layer(work, folder / "areas.geojson", "areas", valid_from=small_city.dt.date(2024, 1, 1))


@pytest.fixture(scope="module")
def settings(databases: Databases) -> Settings:
    return databases.built("api_locating", _with_areas)


@pytest.fixture(scope="module")
def work(settings: Settings) -> Iterator[Work]:
    found = open_database(settings)
    yield found
    found.close()


@pytest.fixture(scope="module")
def ask(settings: Settings) -> Iterator[Asking]:
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        key = bearer(settings, "street@street:429901001")

        def post(content: bytes | str, kind: str = "text/csv", query: str = "", **headers: str) -> Response:
            told = {**key, "content-type": kind, **headers}
            return client.post(f"/v1/locate{query}", content=content, headers=told)

        yield post


def rows(answer: Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    return [*csv.DictReader(io.StringIO(answer.content.decode()))]


def test_a_thousand_points_are_answered_as_each_alone(ask: Asking, work: Work) -> None:
    """Of all systems and categories, in areas and out of the city."""
    rng = np.random.default_rng(5)
    given = []
    for n in range(1_000):
        lon, lat = rng.uniform([113.995, 29.995], [114.045, 30.025])
        if n % 10 == 0:  # on a corner or an edge
            lon, lat = round(lon, 2), round(lat, 2)
        crs = CRS[n % 4]
        x, y = (500_000 + (lon - 114) * 96_000, 3_320_000 + (lat - 30) * 110_000) if crs == "epsg:4547" else (lon, lat)
        given.append((x, y, crs, CATEGORIES[n % 3]))
    out = io.StringIO()
    csv.writer(out).writerows(
        [("lat", "id", "lon", "category", "crs"), *((y, n, x, c or "", s) for n, (x, y, s, c) in enumerate(given))]
    )
    found = rows(ask(out.getvalue()))
    assert [*found[0]] == ["id", "edition", *KEYS, "unit_code", "assigned", "problem"]
    place, alone = directory.place(work, None, None), []
    for n, (x, y, crs, category) in enumerate(given):
        if n < 20:  # the use case itself; the others by what it is looked up in, which a test of its own compares
            one = locating.locate(work, x, y, crs=crs, category=category)
        else:
            lon, lat = locating.geo.point_to_storage(x, y, crs)
            one = locating.answer(place, lon, lat, day=None, category=category, edition=None, within_m=0)
        codes = {g["level"]: g["code"] for g in one.grids}
        told = {key: codes.get(level, "") for level, key in enumerate(KEYS, 1)}
        unit = one.unit["code"] if one.unit else ""
        alone.append({
            "id": str(n), "edition": one.edition, **told, "unit_code": unit,
            "assigned": str(one.is_assigned).lower(), "problem": "",
        })  # fmt: skip
    assert found == alone
    assert len({r["unit_code"] for r in found}) == 3
    assert {r["assigned"] for r in found} == {"true", "false"}


def test_what_is_wrong_is_told_in_its_row(ask: Asking) -> None:
    lon, lat = centre(0)
    text = (
        "\ufefflon,lat,crs,category,name\n"
        f"{lon},{lat},,,甲\n"
        f"abc,{lat},,,\n"
        f"{lon},,,,\n"
        "200,30,,,\n"
        f"{lon},{lat},epsg:99999,,\n"
        f"{lon},{lat},,component:99999,\n"
        f"{lon},nan,,,\n"
        f"１１４.００５, {lat} ,,,\n"
        f'+{lon},{lat},epsg:4490,matter:07001,"乙\n丙"\n'
    )
    found = rows(ask(text, "text/csv; charset=utf-8", "?lang=zh"))
    told = [r["problem"] for r in found]
    assert [bool(t) for t in told] == [False, True, True, True, True, True, True, False, False]
    for row, (text, parts) in enumerate(zip(told, (
        (), ("lon", "abc", "数字"), ("lat", "补填"), ("200.0, 30.0", "epsg:4490", "颠倒"), ("crs", "epsg:99999"),
        ("category", "component:99999"), ("lat", "nan"), (), (),
    ), strict=True), 2):  # fmt: skip
        assert all(part in text for part in parts), text
        assert not parts or f"第 {row} 行" in text
    assert [r["assigned"] for r in found] == ["true", *["false"] * 4, "true", "false", "true", "true"]
    assert (found[5]["community"], found[5]["unit_code"]) == (COMMUNITIES[0], ""), (
        "the grids are known, the unit is not"
    )
    assert found[8]["unit_code"] == found[0]["unit_code"] == "S1"
    assert "row 3" in rows(ask("lon,lat\n1,1\nx,1\n", query="?lang=en"))[1]["problem"]


def test_all_forms_come_in_and_go_out(ask: Asking) -> None:
    places = np.array([centre(n) for n in range(8)] + [(120.0, 20.0)])
    table = pa.table({"lon": places[:, 0], "lat": places[:, 1], "id": np.arange(9), "note": ["x"] * 9})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=4)
    sent = sink.getvalue().to_pybytes()
    answer = ask(sent, ARROW)
    assert answer.headers["content-type"] == ARROW
    found = pa.ipc.open_stream(answer.content).read_all()
    assert found["community"].to_pylist() == [*COMMUNITIES, None]
    assert found["id"].to_pylist() == [*range(9)]
    assert found["assigned"].to_pylist() == [*[True] * 8, False]
    assert found["problem"].null_count == 9

    features = ask(sent, ARROW, accept=f"text/html, {GEOJSON};q=0.9").json()["features"]
    assert [f["properties"]["community"] for f in features] == [*COMMUNITIES, None]
    assert features[3]["geometry"] == {"type": "Point", "coordinates": list(centre(3))}
    assert features[3]["id"] == 3
    body = {"type": "FeatureCollection", "name": "点", "features": features, "crs": {"a": [1]}}
    body["features"][4]["geometry"] = {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}
    body["features"][5]["geometry"]["coordinates"] = [1, None]
    answer = ask(json.dumps(body, indent=3), GEOJSON)
    assert answer.headers["content-type"] == GEOJSON
    again = answer.json()["features"]
    assert [f["id"] for f in again] == [str(n) for n in range(9)]
    assert [n for n, f in enumerate(again) if f["properties"]["problem"]] == [4, 5]
    assert "LineString" in again[4]["properties"]["problem"]
    assert (again[4]["geometry"], again[6]["properties"]) == (None, features[6]["properties"])
    halves = r'{"features":[{"id":"\ud800","geometry":"\udfff"},{"properties":{"crs":"\ud800"},"geometry":null},7]}'
    assert ["?" in f["properties"]["problem"] for f in ask(halves, GEOJSON).json()["features"]] == [True, False, False]
    read = gpd.read_file(io.BytesIO(answer.content))
    assert read["street"].tolist()[:2] == ["429901001"] * 2
    assert rows(ask(sent, ARROW, accept="text/csv"))[7]["community"] == COMMUNITIES[7]
    assert ask('{"type":"FeatureCollection","features":[]}', GEOJSON).json()["features"] == []
    empty = ask("lon,lat\n")
    assert (empty.status_code, empty.text.replace('"', "").splitlines()) == (
        200,
        ["edition,city,district,street,community,unit_code,assigned,problem"],
    )


def test_one_question_holds_for_all(ask: Asking) -> None:
    lon, lat = centre(4)
    text = f"lon,lat\n{lon},{lat}\n"
    assert rows(ask(text, query="?category=component:01001"))[0]["unit_code"] == "D9"
    assert rows(ask(text))[0]["unit_code"] == ""
    assert rows(ask(text, query="?on=2024-06-01&edition=2025"))[0]["edition"] == "2025"
    for query, status in (
        ("?on=2020-01-01", 404), ("?edition=none", 404), ("?crs=klingon", 422), ("?category=component:99999", 409),
        ("?within_m=5", 422), ("?category=nothing", 422),
    ):  # fmt: skip
        assert ask(text, query=query).status_code == status, query


def packed() -> bytes:
    batch = pa.record_batch({"lon": np.zeros(9_999), "lat": np.zeros(9_999)})
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def stream(**columns: Any) -> bytes:
    batch, sink = pa.record_batch(columns), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


@pytest.mark.parametrize(
    ("content", "kind", "code"),
    [
        (b"lat\n30\n", "text/csv", "column_missing"),
        (b"lon,lat,lon\n30,30,30\n", "text/csv", "column_missing"),
        (b"", "text/csv", "column_missing"),
        (b"lon,lat\n1,2\n1,2,3\n", "text/csv", "file_unreadable"),
        (b"lon,lat,id\n1,2,\xff\xfe\n", "text/csv", "file_unreadable"),
        (b'lon,lat\n1,"2\n', "text/csv", "file_unreadable"),
        (b"lon,lat\n1,2\n", "text/csv; charset=klingon", "option_invalid"),
        (b"lon,lat\n1,2\n", "text/plain", "option_invalid"),
        (b"x", ARROW, "file_unreadable"),
        (b"", ARROW, "file_unreadable"),
        (b"\xff" * 400, ARROW, "file_unreadable"),
        (packed(), ARROW, "file_unreadable"),
        (stream(lon=[1.0], lat=["a"]), ARROW, "option_invalid"),
        (stream(lon=[1.0]), ARROW, "column_missing"),
        (stream(lon=[1.0], lat=[1.0], id=[[1]]), ARROW, "option_invalid"),
        (stream(lon=[1.0, 2.0], lat=[1.0, 2.0])[:-40], ARROW, "file_unreadable"),
        (stream(lon=[1.0], lat=[1.0], odd=[1.0]).replace(b"odd", b"\xff\xd8d"), ARROW, "file_unreadable"),
        (b"{", GEOJSON, "file_unreadable"),
        (b"[]", GEOJSON, "file_unreadable"),
        (b'{"type":"FeatureCollection"}', GEOJSON, "file_unreadable"),
        (b'{"features":[{}', GEOJSON, "file_unreadable"),
        (b'{"features":[' + b"[" * 200_000, GEOJSON, "file_unreadable"),
        (b'{"features":[]} more', GEOJSON, "file_unreadable"),
        (b'{"features":["' + b"x" * 3_000_000 + b'"]}', GEOJSON, "file_unreadable"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_whole(content: bytes, kind: str, code: str, ask: Asking) -> None:
    answer = ask(content, kind)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert "/tmp" not in answer.text
    if b"1,2,3" in content:
        assert "第 3 行“1,2,3”" in answer.json()["detail"]


def test_more_points_than_allowed_are_refused_by_the_setting_s_name(ask: Asking) -> None:
    before = bounds.in_force()
    bounds.use(dataclasses.replace(before, points=2))
    try:
        for content, kind in (
            ("lon,lat\n" + "1,1\n" * 3, "text/csv"), (stream(lon=[1.0] * 3, lat=[1.0] * 3), ARROW),
            (json.dumps({"features": [{}] * 3}), GEOJSON),
        ):  # fmt: skip
            answer = ask(content, kind)
            assert (answer.status_code, answer.json()["facts"]["setting"]) == (422, "GRIDMGMT_MAX_POINTS")
        assert ask("lon,lat\n1,1\n1,1\n").status_code == 200
    finally:
        bounds.use(before)


def test_memory_is_that_of_a_batch(work: Work, tmp_path: Path) -> None:
    """Four times as many points take no more; Arrow's own memory stays below a few batches."""
    place = directory.place(work, None, None)
    highest = []
    for n in (100_000, 400_000):
        path = tmp_path / f"{n}.csv"
        path.write_text("lon,lat\n" + "114.005,30.005\n" * n)
        pa.default_memory_pool().release_unused()
        tracemalloc.start()
        locating_all = many_places.Locating(place, crs="epsg:4490", category=None, day=None)
        made = writing.write(many_places.located(locating_all, path, "csv"), tmp_path / "out", "csv", "zh")
        assert made == n
        highest.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert highest[1] < 1.5 * highest[0]
    assert sum(len(g) for g in points.read(path, "csv")) == n
