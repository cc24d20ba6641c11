"""Editions and layers through HTTP: loaded by jobs, checked, activated, compared; what is refused leaves nothing."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from fastapi.testclient import TestClient
from httpx2 import Response

from api.main import create_app
from gridmgmt.database.work import open_database
from gridmgmt.jobs.operations import running
from gridmgmt.jobs.operations.running import Doors
from gridmgmt.settings import Settings
from gridmgmt.texts import step
from tests.api import small_city
from tests.api.commands import instants, told
from tests.api.signed import bearer
from tests.api.small_city import COMMUNITIES
from tests.servers import Databases

STREET = "street@street:429901001"

Asking = Callable[..., Response]


@pytest.fixture(scope="module")
def settings(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    found = databases.built("api_reference", small_city.prepare)
    return replace(found, files=tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def asked(settings: Settings) -> Iterator[Asking]:
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        keys: dict[str, dict[str, str]] = {}

        def ask(method: str, path: str, by: str = "city_centre", **more: Any) -> Response:
            return client.request(method, path, headers=keys.setdefault(by, bearer(settings, by)), **more)

        yield ask


@pytest.fixture(scope="module")
def done(asked: Asking, settings: Settings) -> Iterator[Callable[[Response], dict[str, Any]]]:
    """A job that was asked for, once it was worked off."""
    doors = Doors(open_database(settings), open_database(settings, "web"), settings.files_root)

    def work_off(answer: Response) -> dict[str, Any]:
        assert answer.status_code == 202, answer.text
        running.run(doors, answer.json()["id"])
        found: dict[str, Any] = asked("GET", answer.headers["Location"]).json()
        return found

    yield work_off
    doors.work.close()
    doors.web.close()


def merged(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The small city with its first two communities as one."""
    first, second = (frame.index[frame["code"] == code][0] for code in COMMUNITIES[:2])
    frame.loc[first, "geometry"] = frame.geometry[first].union(frame.geometry[second])
    return frame.drop(index=second)


def geojson(frame: gpd.GeoDataFrame) -> bytes:
    return frame.to_json().encode()


def test_an_edition_comes_in_is_checked_activated_and_compared(asked: Asking, done: Any, settings: Settings) -> None:
    frame = merged(small_city._grids())
    parts = {name: frame[frame["level"] == name] for name in ("community", "street")}
    rest = frame[~frame["level"].isin(parts)]
    files = [("files", (f"{name}.geojson", geojson(part), "application/geo+json")) for name, part in parts.items()]
    packed = io.BytesIO()
    rest.to_file(packed, driver="GPKG", engine="pyogrio")
    files.append(("files", ("上级.gpkg", packed.getvalue(), "application/geopackage+sqlite3")))
    job = done(asked("POST", "/v1/editions", data={"edition": "2026"}, files=files))
    assert (job["state"], job["kind"], job["file"]) == (
        "done",
        "edition",
        "community.geojson, street.geojson, 上级.gpkg",
    )
    report = asked("GET", job["result"]).json()
    assert (report["edition"], report["n_grids"]) == ("2026", len(frame))
    assert [x["n_grids"] for x in report["report"]["levels"]] == [1, 2, 4, 7]
    checked = asked("GET", "/v1/editions/2026/topology", STREET)
    assert checked.json()["levels"] == report["report"]["levels"]
    assert checked.json() == told(settings, "grids", "check", "2026")
    edition = next(e for e in asked("GET", "/v1/editions").json() if e["name"] == "2026")
    assert (edition["active"], edition["source"]) == (False, job["file"])

    job = done(asked("POST", "/v1/editions/2026/activation", json={"from": "2026-01-01"}))
    assert job["state"] == "done", job
    assert asked("GET", job["result"]).json() == {
        "edition": "2026", "from": "2026-01-01", "predecessor": "2025", "n_lineage": len(frame) + 1, "is_new": True
    }  # fmt: skip
    editions = {e["name"]: e for e in asked("GET", "/v1/editions").json()}
    assert (editions["2025"]["to"], editions["2026"]["from"]) == ("2026-01-01", "2026-01-01")
    again = done(asked("POST", "/v1/editions/2026/activation", json={"from": "2026-01-01"}))
    assert asked("GET", again["result"]).json()["is_new"] is False

    answer = asked("GET", "/v1/editions/2025/diff/2026", STREET)
    changes = {row["code_a"]: row for row in answer.json()["changes"]}
    assert set(changes) == set(COMMUNITIES[:2])
    assert (changes[COMMUNITIES[0]]["change"], changes[COMMUNITIES[1]]["codes_b"]) == ("merged", [COMMUNITIES[0]])
    assert len(answer.json()["pairs"]) == len(frame) + 1
    assert answer.json() == told(settings, "grids", "diff", "2025", "2026")
    back = asked("GET", "/v1/editions/2026/diff/2025").json()["changes"]
    assert (back[0]["change"], back[0]["codes_b"]) == ("split", COMMUNITIES[:2])


def test_a_refused_edition_leaves_nothing_and_says_what_the_command_says(
    asked: Asking, done: Any, settings: Settings, tmp_path: Path
) -> None:
    before = asked("GET", "/v1/editions").json()
    frame = small_city._grids()
    frame.loc[0, "code"] = None
    frame.loc[1, "geometry"] = shapely.Point(114, 30)
    path = tmp_path / "bad.geojson"
    path.write_bytes(geojson(frame))

    def handed_in(content: bytes = path.read_bytes(), name: str = "bad.geojson", **fields: str) -> Response:
        return asked("POST", "/v1/editions", data={"edition": "bad", **fields}, files={"files": (name, content)})

    job = done(handed_in())
    assert (job["state"], job["error"]["code"]) == ("failed", "edition_invalid")
    with pytest.raises(Exception, match="edition_invalid") as command:
        told(settings, "grids", "import", str(path), "--edition", "bad")
    assert command.value.facts == job["error"]["facts"]
    assert [f for f in job["error"]["facts"]["findings"] if "row 1 code" in f]
    assert asked("GET", "/v1/editions").json() == before
    assert asked("GET", job["result"] or f"/v1/jobs/{job['id']}/result").status_code == 409

    unreadable = done(handed_in(b"no map", "no.gpkg"))["error"]
    assert (unreadable["code"], unreadable["facts"]["file"]) == ("format_foreign", "no.gpkg")
    job = done(handed_in(geojson(small_city._grids()), layers="elsewhere"))
    assert "/tmp" not in json.dumps(job)
    assert job["error"]["code"] == "file_unreadable"
    assert done(handed_in(geojson(small_city._grids()), edition="2025"))["error"]["code"] == "edition_exists"
    assert handed_in(overlaps="cut").status_code == 422, "nobody says why"
    assert handed_in(encoding="klingon").status_code == 422
    assert handed_in(colour="red").status_code == 422
    assert asked("POST", "/v1/editions", data={"edition": "x"}).status_code == 422
    assert asked("POST", "/v1/editions", STREET, data={"edition": "x"}, files={"files": ("a", b"")}).status_code == 403
    assert asked("POST", "/v1/editions/none/activation", json={"from": "2026-01-01"}).status_code == 404
    shrunk = small_city._grids()
    shrunk = shrunk[~shrunk["code"].str.startswith("429902")]
    small = shrunk[shrunk["level"] == "community"].geometry.union_all()
    shrunk.loc[shrunk["level"] == "city", "geometry"] = small
    done(handed_in(geojson(shrunk), edition="half"))
    first = {"from": "2027-01-01"}
    refused = done(asked("POST", "/v1/editions/half/activation", json=first))
    assert refused["error"]["code"] == "edition_shrinks"
    assert {e["name"]: e["active"] for e in asked("GET", "/v1/editions").json()}["half"] is False


def test_what_the_city_says_of_overlaps_stands_in_the_report(asked: Asking, done: Any) -> None:
    frame = small_city._grids()
    frame.loc[0, "geometry"] = frame.geometry[0].union(shapely.box(114, 30.01, 114.001, 30.011))
    form = {"edition": "cut", "overlaps": "cut", "first": COMMUNITIES[1], "why": "会议纪要三号", "level": "level"}
    job = done(asked("POST", "/v1/editions", data=form, files={"files": ("g.geojson", geojson(frame))}))
    report = asked("GET", job["result"]).json()["report"]
    (cut,) = (f for f in report["findings"] if f["code"] == "grid_overlap_cut")
    assert (cut["facts"]["by"], cut["facts"]["why"], cut["n"]) == ("city_centre", "会议纪要三号", 1)


def test_a_layer_comes_in_and_goes_out_as_a_list(asked: Asking, done: Any, settings: Settings, tmp_path: Path) -> None:
    roads = gpd.GeoDataFrame(
        {"编号": ["R1", "R2", None], "name": [*"一二三"], "class": ["main", "back", "back"], "宽": [30, 8, 5]},
        geometry=[shapely.LineString([(114, 30), (114.01 + n / 100, 30.01)]) for n in range(3)], crs=4490,
    )  # fmt: skip
    form = {"kind": "roads", "map": "code=编号", "valid_from": "2025-01-01"}

    def handed_in(**more: str) -> Response:
        files = {"file": ("道路.geojson", geojson(roads))}
        return asked("POST", "/v1/layers", data={**form, **more}, files=files)

    dry = done(handed_in(dry_run="true"))
    assert dry["error"] is None
    assert asked("GET", dry["result"]).json()["dry_run"] is True
    assert asked("GET", "/v1/layers").json() == []
    job = done(handed_in())
    report = asked("GET", job["result"]).json()
    assert (report["n_read"], report["n_loaded"], report["n_left_out"]) == (3, 2, 1)
    assert [(f["number"], f["name"]) for f in report["faults"]] == [(3, "code")]
    assert asked("GET", done(handed_in())["result"]).json()["is_new"] is False
    listed = asked("GET", "/v1/layers?kind=roads&on=2025-06-01", STREET).json()
    assert instants(listed, "known_at") == instants(told(settings, "layers", "list"), "known_at")
    assert (listed[0]["file"], listed[0]["n_features"]) == ("道路.geojson", 2)
    shown = asked("GET", "/v1/layers/roads").json()
    assert {c["class"]: c["n"] for c in shown["classes"]} == {"main": 1, "back": 1}
    assert shown["classes"] == told(settings, "layers", "show", "roads")["classes"]
    assert asked("GET", "/v1/layers/roads?on=2020-01-01").status_code == 404
    assert asked("GET", "/v1/layers/dragons").status_code == 404
    assert handed_in(kind="dragons").status_code == 404
    assert handed_in(map="code").status_code == 422
    assert done(handed_in(valid_from="2024-01-01"))["error"]["code"] == "layer_overlap"

    wanted = {"list": "layers", "format": "csv", "filter": {"kind": "roads", "day": "2025-06-01"}}
    job = done(asked("POST", "/v1/exports", json=wanted))
    head, _, body = asked("GET", job["result"]).content.decode("utf-8-sig").partition("\n")
    assert json.loads(head[2:])["filter"] == wanted["filter"]
    rows = pd.read_csv(io.StringIO(body))
    assert (rows["code"].tolist(), rows["宽"].tolist()) == (["R1", "R2"], [30, 8])
    assert asked("POST", "/v1/exports", json={"list": "layers", "format": "gpkg"}).status_code == 422
    job = done(asked("POST", "/v1/exports", json={**wanted, "format": "gpkg"}))
    (tmp_path / "roads.gpkg").write_bytes(asked("GET", job["result"]).content)
    assert gpd.read_file(tmp_path / "roads.gpkg").geometry.iloc[0].equals(roads.geometry[0])


def test_a_step_s_word_says_what_is_read() -> None:
    assert (step("read:grids.gpkg", "zh"), step("save", "en")) == ("读取 grids.gpkg", "Saving")
