"""Jobs through HTTP: handed in, followed, their results; the quarantine row by row; lists as files."""

import io
import json
import sqlite3
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import geopandas as gpd
import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest
from httpx2 import Response

from gridmgmt.jobs.operations import running
from gridmgmt.jobs.operations.running import Doors
from gridmgmt.settings import Settings
from tests.api import small_city
from tests.api.signed import Asking
from tests.api.small_city import COMMUNITIES, HEADERS, TOTAL_0, centre

NAME = "grid_baseline-2025-12-1"


@pytest.fixture(scope="module")
def settings(databases: Any, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    found = databases.built("api_jobs", small_city.build)
    return replace(found, files=tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def centre_of_city(ask: Callable[[str], Asking]) -> Asking:
    return ask("city_centre")


def sheet(*rows: dict[str, object]) -> bytes:
    frame = pd.DataFrame([{**dict.fromkeys(HEADERS, ""), **row} for row in rows])
    return frame.to_csv(index=False).encode()


def row(no: str, n: int = 0, at: str = "2026-01-05 12:00:00", **more: object) -> dict[str, object]:
    lon, lat = centre(n)
    return {"案卷编号": no, "上报时间": at, "经度": lon, "纬度": lat, "坐标系": "CGCS2000", "更新时间": at, **more}


def hand_in(client: Asking, content: bytes, **fields: str) -> Response:
    form = {"profile": "demo_cases", **fields}
    return client.post("/v1/imports", data=form, files={"file": ("一月.csv", content, "text/csv")})


def done(client: Asking, doors: Doors, answer: Response) -> dict[str, Any]:
    """A job that was asked for, once it was worked off."""
    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert answer.headers["Location"] == f"/v1/jobs/{told['id']}"
    assert told["state"] == "waiting"
    running.run(doors, told["id"])
    found: dict[str, Any] = client.get(answer.headers["Location"]).json()
    return found


def exported(client: Asking, doors: Doors, **asked: Any) -> bytes:
    job = done(client, doors, client.post("/v1/exports", json=asked))
    assert job["state"] == "done", job
    answer = client.get(job["result"])
    assert answer.status_code == 200
    assert f"{asked['list']}-{job['id']}.{asked['format']}" in answer.headers["content-disposition"]
    return answer.content


def test_a_file_is_imported_its_bad_row_mended_and_loaded(centre_of_city: Asking, doors: Doors) -> None:
    client = centre_of_city
    content = sheet(row("J1"), row("J2", at="昨天", 举报人="赵某", 举报电话="13900000000"))
    job = done(client, doors, hand_in(client, content))
    assert (job["state"], job["file"], job["asked_by"]) == ("done", "一月.csv", "city_centre")
    report = client.get(job["result"]).json()
    assert (report["n_new"], report["n_quarantined"]) == (1, 1)

    (bad,) = client.get("/v1/quarantine").json()["rows"]
    assert (bad["file"], bad["row"], bad["values"]["案卷编号"]) == ("一月.csv", 3, "J2")
    assert "昨天" in {p["value"] for p in bad["problems"]}
    assert "赵某" not in json.dumps(bad, ensure_ascii=False)
    assert "13900000000" not in json.dumps(bad)

    times = {"上报时间": "2026-01-06 08:00:00", "更新时间": "2026-01-06 08:00:00"}
    mended = client.patch(f"/v1/quarantine/{bad['id']}", json={"values": times}).json()
    assert mended["problems"] == []
    assert (mended["values"]["上报时间"], mended["given"]["上报时间"]) == ("2026-01-06 08:00:00", "昨天")
    job = done(client, doors, client.post("/v1/quarantine/retry", json={"profile": "demo_cases"}))
    assert client.get(job["result"]).json()["reports"][0]["n_new"] == 1
    assert client.get("/v1/quarantine").json()["rows"] == []
    with doors.work.connect() as connection:
        asked = "SELECT r.name FROM reporter AS r JOIN cases AS c ON c.id = r.case_id WHERE c.case_no = 'J2'"
        assert connection.exec_driver_sql(asked).scalar() == "赵某", "what is not shown is not lost"


def test_a_file_anew_is_as_it_comes(centre_of_city: Asking, doors: Doors) -> None:
    client, content = centre_of_city, sheet(row("K1", at="昨天"), row("K2", at="前天"))
    done(client, doors, hand_in(client, content))
    first = client.get("/v1/quarantine?limit=1").json()
    (second,) = client.get(first["next"]).json()["rows"]
    (one,) = first["rows"]
    client.patch(f"/v1/quarantine/{one['id']}", json={"values": {"上报时间": "大前天"}})
    done(client, doors, client.post("/v1/quarantine/retry", json={}))
    known = {x["id"]: x for x in client.get("/v1/quarantine").json()["rows"]}
    assert (known[one["id"]]["values"]["上报时间"], known[one["id"]]["given"]["上报时间"]) == ("大前天", "昨天")
    assert known[second["id"]]["given"] is None
    done(client, doors, hand_in(client, content))
    (again,) = (x for x in client.get("/v1/quarantine").json()["rows"] if x["id"] == one["id"])
    assert (again["values"]["上报时间"], again["given"]) == ("昨天", None)
    assert client.patch(f"/v1/quarantine/{one['id']}", json={"values": {"没有此列": "1"}}).status_code == 422
    assert client.patch(f"/v1/quarantine/{one['id']}", json={"values": {"举报人": "钱某"}}).status_code == 422
    assert client.patch("/v1/quarantine/999999", json={"values": {"上报时间": "1"}}).status_code == 404


def test_what_a_form_lacks_or_names_is_told(centre_of_city: Asking, ask: Callable[[str], Asking]) -> None:
    client = centre_of_city
    assert client.post("/v1/imports", data={"profile": "demo_cases"}).status_code == 422
    assert client.post("/v1/imports", json={"profile": "demo_cases"}).status_code == 422
    assert client.post("/v1/imports", content=b"x", headers={"content-type": "multipart/form-data"}).status_code == 400
    assert hand_in(client, b"x", profile="/etc/passwd.yaml").status_code == 422
    assert hand_in(client, b"x", colour="red").status_code == 422
    assert hand_in(client, b"x", profile="unheard_of").status_code == 404
    assert hand_in(ask("district@district:429901"), b"x").status_code == 403
    assert client.post("/v1/scorings", json={"rulebook": "../x", "period": "2025-12"}).status_code == 422
    assert client.get("/v1/jobs/999999").status_code == 404
    assert client.get("/v1/jobs/0").status_code == 422


def test_a_file_that_is_handed_in_again_under_its_key_is_one_job(centre_of_city: Asking) -> None:
    key = {"Idempotency-Key": "january-1"}
    form: dict[str, Any] = {
        "data": {"profile": "demo_cases"},
        "files": {"file": ("a.csv", sheet(row("M1")), "text/csv")},
    }
    request = centre_of_city.client.build_request("POST", "/v1/imports", headers={**centre_of_city.key, **key}, **form)
    request.read()
    first, again = (
        centre_of_city.post(
            "/v1/imports", content=request.content, headers={**key, "content-type": request.headers["content-type"]}
        )
        for _ in range(2)
    )
    assert (first.status_code, again.status_code, again.json()["id"]) == (202, 202, first.json()["id"])
    centre_of_city.delete(first.headers["Location"])


def test_jobs_come_page_by_page_and_are_cancelled(centre_of_city: Asking, doors: Doors) -> None:
    client = centre_of_city
    ids = [hand_in(client, sheet(row(f"L{n}"))).json()["id"] for n in range(3)]
    page = client.get("/v1/jobs?limit=2&state=waiting").json()
    assert [x["id"] for x in page["jobs"]] == ids[:0:-1]
    rest = client.get(page["next"]).json()
    assert [x["id"] for x in rest["jobs"]] == ids[:1]
    for n in ids:
        assert client.delete(f"/v1/jobs/{n}").json()["state"] == "cancelled"
    assert client.get(f"/v1/jobs/{ids[0]}/result").status_code == 409


def test_a_period_is_scored_and_failures_are_told_in_the_readers_language(centre_of_city: Asking, doors: Doors) -> None:
    client = centre_of_city
    job = done(client, doors, client.post("/v1/scorings", json={"rulebook": "grid_baseline", "period": "2025-11"}))
    made = client.get(job["result"]).json()
    assert made["assessment"] == "grid_baseline-2025-11-1"
    assert client.get(f"/v1/assessments/{made['assessment']}").status_code == 200
    again = done(client, doors, client.post("/v1/scorings", json={"rulebook": "grid_baseline", "period": "2025-11"}))
    told = client.get(again["result"]).json()
    assert (told["assessment"], told["sha256"], told["is_new"]) == (made["assessment"], made["sha256"], False)
    bad = done(client, doors, client.post("/v1/scorings", json={"rulebook": "grid_baseline", "period": "2020-01"}))
    assert (bad["state"], bad["error"]["code"]) == ("failed", "no_edition_on_date")
    zh = client.get(f"/v1/jobs/{bad['id']}?lang=zh").json()["error"]["detail"]
    en = client.get(f"/v1/jobs/{bad['id']}?lang=en").json()["error"]["detail"]
    assert zh != en


def test_a_list_keeps_its_filter_in_every_format(centre_of_city: Asking, doors: Doors, tmp_path: Any) -> None:
    wanted = {"grid": COMMUNITIES[0]}
    told = {"list": "cases", "filter": wanted}
    text = exported(centre_of_city, doors, list="cases", format="csv", filter=wanted).decode("utf-8-sig")
    head, _, body = text.partition("\n")
    assert json.loads(head.removeprefix("# ")) == told
    numbers = set(pd.read_csv(io.StringIO(body), dtype=str)["case_no"])
    assert len(numbers) >= 10

    book = openpyxl.load_workbook(
        io.BytesIO(exported(centre_of_city, doors, list="cases", format="xlsx", filter=wanted))
    )
    assert json.loads(str(book["gridmgmt"]["A1"].value)) == told
    assert {r[0] for r in book["cases"].iter_rows(min_row=2, values_only=True)} == numbers

    for form in ("gpkg", "parquet"):
        path = tmp_path / f"cases.{form}"
        path.write_bytes(exported(centre_of_city, doors, list="cases", format=form, filter=wanted))
        frame = gpd.read_parquet(path) if form == "parquet" else gpd.read_file(path)
        assert set(frame["case_no"]) == numbers
        assert frame.crs.to_epsg() == 4490
        assert frame.geometry.iloc[0].x == frame["lon"].iloc[0]
    assert json.loads((pq.read_metadata(tmp_path / "cases.parquet").metadata or {})[b"gridmgmt"]) == told
    with sqlite3.connect(tmp_path / "cases.gpkg") as database:
        ((description,),) = database.execute("SELECT description FROM gpkg_contents").fetchall()
    database.close()
    assert json.loads(description) == told


def table(client: Asking, doors: Doors, **asked: Any) -> pd.DataFrame:
    text = exported(client, doors, format="csv", **asked).decode("utf-8-sig")
    return pd.read_csv(io.StringIO(text.partition("\n")[2]), dtype=str)


def test_every_list_is_that_of_who_asks(ask: Callable[[str], Asking], doors: Doors) -> None:
    city, district = ask("city_centre"), ask("district@district:429901")
    of_city, of_district = (table(who, doors, list="cases") for who in (city, district))
    assert set(of_district["case_no"]) < set(of_city["case_no"])
    assert set(of_district["grid_code"].str[:6]) == {"429901"}
    figures = table(city, doors, list="indicators", filter={"period": "2025-12", "level": "community"})
    counted = figures.set_index("code")["n_due"]
    assert (counted[COMMUNITIES[0]], counted[COMMUNITIES[5]]) == ("10", "2")
    own = table(district, doors, list="indicators", filter={"period": "2025-12", "level": "community"})
    assert set(own["code"]) == set(COMMUNITIES[:4])
    assert set(table(city, doors, list="grids", filter={"levels": ["community"]})["code"]) == set(COMMUNITIES)
    assert next(iter(table(city, doors, list="samples").columns)) == "sample_no"
    cards = table(city, doors, list="scorecards", filter={"assessment": NAME, "level": "community"})
    assert cards.set_index("code")["total"][COMMUNITIES[0]] == TOTAL_0
    answer = district.post("/v1/exports", json={"list": "scorecards", "format": "zip", "filter": {}})
    assert answer.status_code == 422


def test_all_scorecards_of_a_level_come_in_one_archive(centre_of_city: Asking, doors: Doors) -> None:
    wanted = {"assessment": NAME, "level": "district"}
    made = exported(centre_of_city, doors, list="scorecards", format="zip", filter=wanted)
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        names = set(archive.namelist())
        assert json.loads(archive.read("filter.json")) == wanted
    assert {"summary.csv", "summary.xlsx", "429901.xlsx", "429901.html", "429902.json", "filter.json"} <= names
