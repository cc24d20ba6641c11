"""Draws, field forms, samples and notices over HTTP: what the commands say; of a street its own samples alone."""

import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from gridmgmt.access.operations import users
from gridmgmt.database.work import Work, open_database
from gridmgmt.inspections.operations import draws
from gridmgmt.settings import Settings
from tests.api.signed import Asking, account
from tests.pictures import encode
from tests.postgis import district
from tests.servers import Databases

DRAW, XLSX = "huiji-2025-06", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
S01, S02 = "inspector@street:S01", "inspector@street:S02"
AT = "2025-06-12 09:30"


def june(work: Work, folder: Path) -> None:
    """The district with June's draw."""
    district.found(work, folder)
    draws.make_draw(work, "huiji", "2025-06", "1")


@pytest.fixture(scope="module")
def settings(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return replace(databases.built("api_inspections", june), files=tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def city(ask: Callable[[str], Asking]) -> Asking:
    return ask("city_centre")


def form(who: Asking, **asked: str) -> openpyxl.Workbook:
    answer = who.get(f"/v1/draws/{DRAW}/form", params=asked)
    assert (answer.status_code, answer.headers["content-type"]) == (200, XLSX), answer.text
    return openpyxl.load_workbook(io.BytesIO(answer.content))


def numbers(book: openpyxl.Workbook) -> list[str]:
    return [row[0] for row in book.worksheets[1].iter_rows(min_row=5, values_only=True) if row[0]]


def fill(book: openpyxl.Workbook, *rows: int, at: str = AT) -> bytes:
    """Samples of some rows are inspected; of the first one thing is found."""
    samples, findings = book.worksheets[1:]
    columns = {str(c.value): c.column for c in samples[4]}
    for row in rows:
        samples.cell(row, columns["inspected_at"]).value = at
        samples.cell(row, columns["inspector"]).value = "王五"
    place = {str(c.value): c.column for c in findings[4]}
    wanted = samples.cell(rows[0], columns["sample_no"]).value
    row = next(r for r in range(5, findings.max_row) if findings.cell(r, place["sample_no"]).value == wanted)
    findings.cell(row, place["n"]).value = 1
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def hand_in(who: Asking, content: bytes, **fields: str) -> Any:
    return who.post("/v1/findings", data=fields, files={"file": ("六月.xlsx", content, XLSX)})


def test_the_plan_is_that_of_the_use_case_and_of_a_street_its_own(city: Asking, ask: Callable[[str], Asking]) -> None:
    asked = "/v1/draws/plan?rulebook=huiji&period=2025-06"
    whole, own = (who.get(asked).json() for who in (city, ask(S01)))
    assert (whole["n"], len({x["unit"] for x in whole["lines"]})) == (299, 10)
    assert {x["unit"] for x in own["lines"]} == {"S01"}
    assert own["n"] == sum(x["n"] for x in whole["lines"] if x["unit"] == "S01")
    assert city.get("/v1/draws/plan?rulebook=grid_baseline&period=2025-06").status_code == 404
    assert city.get("/v1/draws/plan?rulebook=../x&period=2025-06").status_code == 422
    assert city.get("/v1/draws/plan?rulebook=huiji&period=June").status_code == 422


def test_a_draw_is_tried_made_once_and_drawn_again_for_a_reason(city: Asking, ask: Callable[[str], Asking]) -> None:
    july = {"rulebook": "huiji", "period": "2025-07", "seed": "7"}
    tried = city.post("/v1/draws", json=july | {"dry_run": True})
    assert (tried.status_code, tried.json()["is_new"], tried.json()["dry_run"]) == (200, True, True)
    assert city.get("/v1/draws/huiji-2025-07").status_code == 404
    key = {"Idempotency-Key": "draw-july"}
    made, replayed = (city.post("/v1/draws", json=july, headers=key) for _ in range(2))
    assert (made.status_code, made.headers["location"]) == (201, "/v1/draws/huiji-2025-07")
    assert replayed.headers["idempotency-replayed"] == "true"
    assert (made.json()["sha256"], len(made.json()["document"]["items"])) == (tried.json()["sha256"], 299)
    same = city.post("/v1/draws", json=july)
    assert (same.status_code, same.json()["is_new"]) == (200, False)
    other = city.post("/v1/draws", json=july | {"seed": "8"})
    assert (other.status_code, other.json()["code"]) == (409, "draw_exists")
    again = city.post("/v1/draws", json=july | {"seed": "8", "again": "道路图层有误"}).json()
    rows = city.get("/v1/draws?rulebook=huiji&period=2025-07").json()["rows"]
    assert [(r["name"], r["replaces"], r["replaced_by"], r["n"], r["n_inspected"]) for r in rows] == [
        (again["name"], "huiji-2025-07", None, 299, 0), ("huiji-2025-07", None, again["name"], 299, 0)
    ]  # fmt: skip
    first = city.get("/v1/draws?limit=1").json()
    assert [r["name"] for r in first["rows"]] == [again["name"]]
    assert [r["name"] for r in city.get(first["next"]).json()["rows"]] == ["huiji-2025-07"]
    assert city.get("/v1/draws/huiji-2025-07/form").json()["code"] == "draw_replaced"
    assert city.post("/v1/draws", json=july | {"seed": " "}).status_code == 422
    assert ask(S01).post("/v1/draws", json=july).json()["code"] == "outside_scope"


def test_a_draw_is_shown_and_verified_by_the_city(city: Asking, ask: Callable[[str], Asking]) -> None:
    shown = city.get(f"/v1/draws/{DRAW}").json()
    by_unit = Counter(x["unit_code"] for x in shown["samples"])
    assert (sum(by_unit.values()), by_unit["S01"]) == (299, 31)
    assert shown["document"]["key"]["seed"] == "1"
    one = city.get(f"/v1/draws/{DRAW}?unit=S01").json()
    assert (one["document"], len(one["samples"])) == (None, 31)
    assert set(city.get(f"/v1/draws/{DRAW}/verification").json().values()) == {True}
    assert ask(S01).get(f"/v1/draws/{DRAW}/verification").json()["code"] == "outside_scope"
    assert city.get("/v1/draws/none").status_code == 404


@pytest.mark.parametrize(("post", "n"), [
    ("inspector@street:S01", 31), ("street@street:S01", 31), ("viewer@district:D", 299),
    ("inspector@community:S01-0", None),
])  # fmt: skip
def test_of_a_draw_each_is_told_his_own_samples(
    post: str, n: int | None, city: Asking, ask: Callable[[str], Asking]
) -> None:
    whole = city.get(f"/v1/draws/{DRAW}").json()["samples"]
    scope = post.partition(":")[2]
    own = [x["sample_no"] for x in whole if scope in x["grid_codes"]]
    assert n in (None, len(own))
    told = ask(post).get(f"/v1/draws/{DRAW}").json()
    assert [x["sample_no"] for x in told["samples"]] == own
    document = told["document"]
    assert [s["no"] for s in document["samples"]] == own
    assert len(document["items"]) == len(own)
    assert not {"key", "frame", "before", "objects"} & document.keys()  # from these all could be drawn again
    if post != "viewer@district:D":  # whose form is as large as the city's
        assert numbers(form(ask(post))) == own
    (row,) = [r for r in ask(post).get("/v1/draws?period=2025-06").json()["rows"] if r["name"] == DRAW]
    assert row["n"] == len(own)


def test_the_database_itself_tells_no_other_rows_of_a_draw(city: Asking, settings: Settings) -> None:
    account(settings, "inspector-street-S01", S01)
    owner, web = open_database(settings), open_database(settings, "web")
    viewer = users.acting(owner, "inspector-street-S01")
    with web.but(viewer=viewer).snapshot() as connection:
        found = connection.exec_driver_sql("SELECT DISTINCT unit_code FROM draw_item").scalars().all()
    assert found == ["S01"]
    owner.close()
    web.close()


def test_of_another_street_nothing_is_told(city: Asking, ask: Callable[[str], Asking]) -> None:
    foreign = city.get(f"/v1/draws/{DRAW}?unit=S02").json()["samples"][0]["sample_no"]
    who = ask(S01)
    assert who.get(f"/v1/draws/{DRAW}?unit=S02").json()["samples"] == []
    refused = who.get(f"/v1/draws/{DRAW}/form?unit=S02").json()
    assert (refused["status"], refused["facts"]["expected"]) == (422, "S01")
    for path in ("", "/photographs", "/photographs.zip"):
        assert who.get(f"/v1/samples/{foreign}{path}").json()["code"] == "sample_missing"
    files = [("files", ("a.png", encode(form="PNG"), "image/png"))]
    assert who.post(f"/v1/samples/{foreign}/photographs", files=files).status_code == 404
    assert foreign not in who.get(f"/v1/draws/{DRAW}").text


def test_forms_speak_and_are_for_phones_too(city: Asking) -> None:
    book = form(city, unit="S01", lang="en")
    assert all(not any("\u4e00" <= c <= "\u9fff" for c in title) for title in book.sheetnames)
    answer = city.get(f"/v1/draws/{DRAW}/form?unit=S01&format=geojson")
    assert answer.headers["content-type"] == "application/geo+json"
    assert answer.headers["content-disposition"] == f"attachment; filename*=UTF-8''{DRAW}-S01.geojson"
    assert len(json.loads(answer.content)["features"]) == 31


def test_a_form_comes_back_and_what_was_found_is_read(city: Asking, ask: Callable[[str], Asking]) -> None:
    """An inspector of a street hands in its findings; a sample of another street in his file is nobody's."""
    who, book = ask(S01), form(city, unit="S01")
    own = numbers(book)
    book.worksheets[1].cell(6, 1).value = foreign = numbers(form(city, unit="S02"))[0]
    content = fill(book, 5, 6)
    tried = hand_in(who, content, dry_run="true").json()
    assert (tried["dry_run"], tried["n_new"]) == (True, 1)
    assert who.get(f"/v1/samples/{own[0]}").json()["row"] is None
    took = hand_in(who, content).json()
    assert (took["file"], took["n_new"], took["n_refused"], took["n_loaded"]) == ("六月.xlsx", 1, 1, 1)
    fault = took["problems"][0]
    assert (fault["row"], fault["column"], fault["value"], fault["code"]) == (
        6, "sample_no", foreign, "field_sample_unknown"
    )  # fmt: skip
    assert fault["reason"]
    assert hand_in(who, content).json()["n_unchanged"] == 1

    shown = who.get(f"/v1/samples/{own[0]}").json()
    (found,) = shown["findings"]
    assert (shown["drawn"]["draw"], shown["drawn"]["inspector"], shown["row"]["result"]) == (DRAW, "王五", "inspected")
    assert float(shown["drawn"]["score"]) == float(shown["row"]["score"])
    assert float(found["points"]) > 0
    assert city.get(f"/v1/samples/{foreign}").json()["row"] is None
    listed = who.get("/v1/samples?period=2025-06").json()
    assert [r["sample_no"] for r in listed["rows"]] == [own[0]]
    assert who.get(f"/v1/samples?draw={DRAW}&unit=none").status_code == 409
    assert ask(S02).get("/v1/samples").json()["rows"] == []
    assert hand_in(ask("viewer@street:S01"), content).status_code == 403


def test_who_may_see_all_and_inspect_a_part_hands_in_that_part(
    city: Asking, ask: Callable[[str], Asking], settings: Settings
) -> None:
    """What he may write is not what he may see."""
    account(settings, "both", "viewer", S02)
    work = open_database(settings)
    secret = users.new_key(work, "both", "tests").secret
    work.close()
    both = Asking(city.client, {"Authorization": f"Bearer {secret}"})
    assert len(both.get(f"/v1/draws/{DRAW}").json()["samples"]) == 299
    book = form(both, unit="S03")
    content = fill(book, 5)
    took = hand_in(both, content).json()
    assert (took["n_loaded"], took["problems"][0]["code"]) == (0, "field_sample_unknown")
    (foreign, *_) = numbers(book)
    files = [("files", ("a.png", encode(form="PNG"), "image/png"))]
    refused = both.post(f"/v1/samples/{foreign}/photographs", files=files)
    assert (refused.status_code, refused.json()["code"]) == (403, "outside_scope")
    asked = {"draw": DRAW, "unit": "S03", "due": "2099-06-30"}
    assert both.post("/v1/notices", json=asked).json()["code"] == "outside_scope"
    assert hand_in(both, fill(form(both, unit="S02"), 5)).json()["n_new"] == 1


def test_an_inspection_on_a_day_without_an_edition_loads_all_the_same(ask: Callable[[str], Asking]) -> None:
    """It lies in no grid then; it is the street's by its draw."""
    who, book = ask(S01), form(ask(S01))
    took = hand_in(who, fill(book, 9, at="1999-06-12 09:30"))
    assert took.status_code == 200, took.text
    assert took.json()["n_new"] == 1
    assert took.json()["notes"][0]["code"] == "take_outside_period"


def test_pages_of_samples_give_each_once(city: Asking, ask: Callable[[str], Asking]) -> None:
    assert hand_in(city, fill(form(city, unit="S04"), 5, 6, 7, 8)).json()["n_new"] == 4
    for sort in ("newest", "oldest"):
        seen, path = [], f"/v1/samples?grid=S04&limit=3&sort={sort}"
        while path:
            page = city.get(path).json()
            seen += [r["sample_no"] for r in page["rows"]]
            path = page["next"]
        assert (len(seen), len(set(seen))) == (4, 4)
    first = seen[0]
    assert [r["sample_no"] for r in city.get(f"/v1/samples?text={first}").json()["rows"]] == [first]
    kind = city.get(f"/v1/samples/{first}").json()["row"]["sample_type"]
    assert first in {r["sample_no"] for r in city.get(f"/v1/samples?type={kind}").json()["rows"]}


@pytest.mark.parametrize(("asked", "status"), [
    ("grid=none", 404), ("unit=none", 409), ("draw=none", 404), ("period=x", 422), ("limit=0", 422), ("color=red", 422),
])  # fmt: skip
def test_a_wrong_question_is_answered_in_words(asked: str, status: int, city: Asking) -> None:
    answer = city.get(f"/v1/samples?{asked}")
    assert (answer.status_code, bool(answer.json()["detail"])) == (status, True)


def test_photographs_of_a_sample_are_added_read_and_taken_along(ask: Callable[[str], Asking]) -> None:
    who = ask(S02)
    number = numbers(form(who))[3]
    files = [("files", ("前.png", encode(form="PNG"), "image/png"))]
    path = f"/v1/samples/{number}/photographs"
    added = who.post(path, files=files, data={"kind": "before", "caption": "路口"})
    assert (added.status_code, added.json()[0]["is_new"]) == (201, True), added.text
    (listed,) = who.get(path).json()
    assert (listed["no"], listed["kind"], listed["caption"]) == (number, "before", "路口")
    assert who.get(f"/v1/files/{listed['sha256']}").status_code == 200
    assert ask(S01).get(f"/v1/files/{listed['sha256']}").status_code == 404
    answer = who.get(f"{path}.zip")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == [f"{number}_before_1.png"]
    assert who.get(f"/v1/samples/{number}").json()["n_photographs"] == 1
    assert ask("street@street:S02").post(path, files=files).status_code == 403  # who is inspected adds nothing


def test_notices_are_numbered_over_all_units_and_each_sees_his(city: Asking, ask: Callable[[str], Asking]) -> None:
    for unit, row in (("S05", 5), ("S06", 5)):
        assert hand_in(city, fill(form(city, unit=unit), row)).json()["n_new"] == 1
    five, six = ask("inspector@street:S05"), ask("inspector@street:S06")
    made = [
        who.post("/v1/notices", json={"draw": DRAW, "unit": unit, "due": "2099-06-30"})
        for who, unit in ((five, "S05"), (six, "S06"))
    ]
    assert [m.status_code for m in made] == [201, 201], made[1].text
    first, second = (m.json() for m in made)
    assert second["notice_no"] > first["notice_no"]
    assert (first["unit_code"], first["state"], len(first["findings"])) == ("S05", "open", 1)
    assert first["due_at"] == "2099-06-30T16:00:00Z"
    assert [n["notice_no"] for n in six.get(f"/v1/notices?draw={DRAW}").json()["rows"]] == [second["notice_no"]]
    assert ask("street@street:S05").get(f"/v1/notices/{first['notice_no']}").json()["state"] == "open"
    gone = six.get(f"/v1/notices/{first['notice_no']}").json()
    assert (gone["code"], gone["facts"]["known"]) == ("notice_missing", [second["notice_no"]])
    checks = f"/v1/notices/{first['notice_no']}/checks"
    assert six.post(checks, json={"result": "done"}).status_code == 404
    found = five.post(checks, json={"result": "not_done", "note": "未改"}).json()
    assert (found["state"], found["checks"][0]["note"]) == ("not_done", "未改")
    assert five.post(checks, json={"result": "done"}).json()["state"] == "done"
    assert five.post(checks, json={"result": "done"}).json()["code"] == "notice_closed"
    assert five.get("/v1/notices?at=2025-01-01T00:00:00Z").json()["rows"] == []
    pages = city.get("/v1/notices?limit=1").json()
    assert pages["rows"][0]["notice_no"] == first["notice_no"]
    assert city.get(pages["next"]).json()["rows"][0]["notice_no"] == second["notice_no"]


@pytest.mark.parametrize(("given", "status"), [
    ({"draw": "none"}, 404), ({"due": "tomorrow"}, 422), ({"due": "2020-06-30"}, 422), ({"due": "9999-12-31"}, 422),
    ({"unit": "S09"}, 404), ({"samples": ["x"]}, 422), ({"by": "李四"}, 422),
])  # fmt: skip
def test_what_a_notice_refuses(given: dict[str, Any], status: int, city: Asking) -> None:
    answer = city.post("/v1/notices", json={"draw": DRAW, "unit": "S05", "due": "2099-06-30", **given})
    assert answer.status_code == status, answer.text
