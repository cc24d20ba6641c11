"""Cases as a whole over HTTP: states, what lies in no grid, deadlines, assignment, sheets of steps, proposals."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

from gridmgmt.access.operations import users
from gridmgmt.casework.operations import time_limits
from gridmgmt.database.work import Work, open_database
from gridmgmt.files import calendars
from gridmgmt.intake.operations import step_sheets
from gridmgmt.jobs.operations.running import Doors
from gridmgmt.people.operations import reference
from gridmgmt.settings import Settings
from tests.api import small_city
from tests.api.signed import Asking, account
from tests.api.small_city import COMMUNITIES, centre
from tests.api.test_jobs import done, exported, hand_in, row, sheet
from tests.pictures import encode
from tests.postgis.worksite import own_calendar
from tests.servers import Databases

LIMITS = """category,unit_code,stage,part,part_zh,part_en,amount,unit,condition_zh,condition_en,valid_from,valid_to
component:01001,,handling,,,,4,工作时,,,,
"""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
STREET, OTHER = "street@street:429901001", "street@street:429902001"


def limited(work: Work, folder: Path) -> None:
    """The small city with a time limit."""
    small_city.build(work, folder)
    (folder / "limits.csv").write_text(LIMITS, "utf-8")
    time_limits.import_limits(work, folder / "limits.csv")


@pytest.fixture(scope="module")
def settings(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return replace(databases.built("api_upkeep", limited), files=tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def city(ask: Callable[[str], Asking]) -> Asking:
    return ask("city_centre")


def opened(city: Asking, *steps: str, at: str = "2025-12-01T16:00:00+08:00", n: int = 0) -> str:
    lon, lat = centre(n)
    new = {"source": "监督员上报", "category": "component:01001", "lon": lon, "lat": lat, "at": at}
    number: str = city.post("/v1/cases", json=new).json()["case_no"]
    for kind in steps:
        answer = city.post(f"/v1/cases/{number}/steps", json={"kind": kind, "at": at})
        assert answer.status_code == 201, answer.text
    return number


def test_each_counts_the_cases_he_sees_by_their_states(city: Asking, ask: Callable[[str], Asking]) -> None:
    whole = {state: n for state, n in city.get("/v1/cases/by-state").json().items() if n}
    assert whole == {"closed": 13, "handling": 1}
    own = ask(STREET).get("/v1/cases/by-state").json()
    assert {state: n for state, n in own.items() if n} == {"closed": 9, "handling": 1}
    assert sum(ask("machine@street:429901002").get("/v1/cases/by-state").json().values()) == 0


def test_what_lies_in_no_grid_is_told_the_city(city: Asking, ask: Callable[[str], Asking]) -> None:
    rows = city.get("/v1/unassigned").json()
    assert [(r["kind"], r["number"], r["located"]) for r in rows] == [
        ("cases", "A012", "outside"), ("cases", "A013", "no_location")
    ]  # fmt: skip
    assert (rows[0]["nearest_code"], rows[1]["distance_m"]) == (COMMUNITIES[7], None)
    assert 100_000 < float(rows[0]["distance_m"]) < 200_000
    assert len(city.get("/v1/unassigned?limit=1").json()) == 1
    assert ask(STREET).get("/v1/unassigned").json()["code"] == "outside_scope"


def test_cases_are_assigned_again_by_a_job(
    city: Asking, ask: Callable[[str], Asking], doors: Doors, tmp_path: Path
) -> None:
    heads = "category,level,grid_code,unit_code,valid_from,valid_to"
    rule = f"component:01001,community,{COMMUNITIES[5]},S1,2020-01-01,"
    (tmp_path / "rules.csv").write_text(f"{heads}\n{rule}\n", "utf-8")
    reference.import_rules(doors.work, tmp_path / "rules.csv")
    job = done(city, doors, city.post("/v1/assignments", json={}))
    assert (job["kind"], job["state"]) == ("assignment", "done")
    told = city.get(job["result"]).json()
    assert (told["n_cases_changed"], told["n_cases_other_edition"], told["n_samples_changed"]) == (2, 0, 0)
    again = done(city, doors, city.post("/v1/assignments", json={"edition": "2025"}))
    assert city.get(again["result"]).json()["n_cases_changed"] == 0
    assert city.post("/v1/assignments", json={"edition": "1999"}).json()["code"] == "edition_missing"
    assert ask(STREET).post("/v1/assignments", json={}).status_code == 403


def test_deadlines_are_counted_again_by_the_calendar_of_now(
    city: Asking, ask: Callable[[str], Asking], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before, after = (own_calendar(tmp_path, days) for days in ("", "2025-12-02, 2025-12-03"))
    monkeypatch.setattr(calendars, "load", lambda _name: before)
    number = opened(city, "accept", "register", "dispatch")  # 4 working hours from Monday the 1st, 16:00
    assert city.get(f"/v1/cases/{number}").json()["due_at"] == "2025-12-02T02:00:00Z"
    monkeypatch.setattr(calendars, "load", lambda _name: after)
    assert ask("administrator@street:429901001").post("/v1/deadlines/renewal", json={}).status_code == 403
    tried = city.post("/v1/deadlines/renewal", json={"dry_run": True}).json()
    assert [(r["case_no"], r["state"], r["before"]["due_at"], r["after"]["due_at"]) for r in tried] == [
        (number, "dispatched", "2025-12-02T02:00:00Z", "2025-12-04T02:00:00Z")
    ]
    assert city.get(f"/v1/cases/{number}").json()["due_at"] == "2025-12-02T02:00:00Z"
    assert city.post("/v1/deadlines/renewal", json={}).json() == tried
    assert city.get(f"/v1/cases/{number}").json()["due_at"] == "2025-12-04T02:00:00Z"
    assert city.post("/v1/deadlines/renewal", json={}).json() == []


# --- sheets of steps --------------------------------------------------------------------------------------------------


def filled(city: Asking, *rows: dict[str, str]) -> bytes:
    answer = city.get("/v1/steps/template?lang=zh")
    assert (answer.status_code, answer.headers["content-type"]) == (200, XLSX)
    assert answer.headers["content-disposition"].endswith("steps.xlsx")
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    page = book.worksheets[0]
    columns = {str(c.value): c.column for c in page[4]}
    for n, values in enumerate(rows, 5):
        for name, value in values.items():
            page.cell(n, columns[name]).value = value
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_filled_sheet_is_taken_once_by_who_signed_in(city: Asking, ask: Callable[[str], Asking]) -> None:
    own, foreign = opened(city), opened(city, n=5)
    content = filled(
        city, {"案件编号": own, "步骤": "受理"}, {"案件编号": own, "步骤": "立案", "经办人": "李四"},
        {"案件编号": own, "步骤": "结案"}, {"案件编号": foreign, "步骤": "受理"},
    )  # fmt: skip
    who = ask("district@street:429901001")
    files = [("files", ("办理.xlsx", content, XLSX))]
    (report,) = who.post("/v1/steps/files", files=files).json()
    assert [report[n] for n in ("file", "n_rows", "n_taken", "n_there", "n_refused")] == ["办理.xlsx", 4, 1, 0, 3]
    refused = {r["row"]: (r["code"], r["column"]) for r in report["refused"]}
    assert refused == {6: ("step_actor_other", "经办人"), 7: ("step_illegal", ""), 8: ("case_missing", "")}
    assert "李四" in report["refused"][0]["reason"]
    steps = city.get(f"/v1/cases/{own}").json()["steps"]
    assert [(s["kind"], s["actor"]) for s in steps] == [
        ("report", "city_centre"), ("accept", "district-street-429901001")
    ]  # fmt: skip
    (again,) = who.post("/v1/steps/files", files=files).json()
    assert [again[n] for n in ("n_taken", "n_there", "n_refused")] == [0, 1, 3]


def test_who_reported_is_not_told_again_with_what_is_wrong(city: Asking) -> None:
    heads = [*step_sheets.columns("steps")]
    told = {"步骤": "上报", "举报人": "赵某", "举报电话": "139\x000000", "问题来源": "监督员上报"}
    content = "\n".join(",".join(x) for x in (heads, [told.get(name, "") for name in heads])).encode()
    answer = city.post("/v1/steps/files", files=[("files", ("a.csv", content, "text/csv"))])
    (fault,) = answer.json()[0]["refused"]
    assert (fault["column"], fault["code"], fault["value"]) == ("举报电话", "cell_nul", None)
    assert "赵某" not in answer.text
    assert "0000" not in answer.text
    assert city.post("/v1/steps/files", files=[("files", ("a.xlsx", b"x", XLSX))]).status_code == 422
    wrong = {"profile": "demo_cases"}
    assert city.post("/v1/steps/files", files=[("files", ("a.xlsx", content, XLSX))], data=wrong).status_code == 422
    assert city.get("/v1/steps/template?profile=none").status_code == 404
    assert city.get("/v1/steps/template?profile=../x").status_code == 422


# --- files of other systems -------------------------------------------------------------------------------------------


def test_a_profile_is_proposed_for_an_unknown_file(city: Asking, ask: Callable[[str], Asking]) -> None:
    content = sheet(*(row(f"Q{n}", n % 8, 当前状态="处置中", 小类代码="01001") for n in range(20)))
    answer = city.post("/v1/imports/proposals", files={"file": ("未知.csv", content, "text/csv")})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["profile"]["columns"]["case_no"] == "案卷编号"
    assert told["profile"]["location"] == {"lon": "经度", "lat": "纬度", "system": "epsg:4490"}
    place = next(r for r in told["remarks"] if r["code"] == "proposed_place")
    assert (place["facts"]["n"], place["facts"]["of"]) == (20, 20)
    assert place["detail"]
    assert told["text"].startswith("#")
    assert city.get("/v1/quarantine").json()["rows"] == []
    assert ask(STREET).post("/v1/imports/proposals", files={"file": ("a.csv", content, "text/csv")}).status_code == 403


def test_rows_in_quarantine_go_out_without_who_reported(
    city: Asking, ask: Callable[[str], Asking], doors: Doors
) -> None:
    content = sheet(row("W1", at="昨天", 举报人="赵某", 举报电话="13900000000", 地址="桂园路"), row("W2", at="昨天"))
    done(city, doors, hand_in(city, content))
    made = exported(city, doors, list="quarantine", format="zip")
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.namelist() == ["一月.csv.xlsx"]
        book = openpyxl.load_workbook(io.BytesIO(archive.read("一月.csv.xlsx")))
    heads, first, second = book.worksheets[0].iter_rows(values_only=True)
    told, plain = dict(zip(heads, first, strict=True)), dict(zip(heads, second, strict=True))
    assert (told["案卷编号"], told["地址"], told["上报时间"]) == ("W1", "桂园路", "昨天")
    assert (told["举报人"], told["举报电话"], plain["举报人"]) == ("#N/A", "#N/A", None)
    assert "赵某" not in str(told)
    assert "13900000000" not in str(told)
    answer = city.post("/v1/exports", json={"list": "quarantine", "format": "csv"})
    assert answer.status_code == 422
    job = done(ask(STREET), doors, ask(STREET).post("/v1/exports", json={"list": "quarantine", "format": "zip"}))
    assert (job["state"], job["error"]["code"]) == ("failed", "access_denied")


# --- photographs ------------------------------------------------------------------------------------------------------


def test_answers_without_photographs_are_told_where_they_are_ones_own(
    city: Asking, ask: Callable[[str], Asking]
) -> None:
    number = opened(city, "accept", "register", "dispatch", "receive", "answer")
    asked = "/v1/photographs/lacking?period=2025-12"
    (found,) = [x for x in city.get(asked).json() if x["case_no"] == number]
    assert (found["step"], found["lacks"], found["unit"]) == (6, ["before", "after"], "D9")
    assert [x["case_no"] for x in ask(STREET).get(asked).json()] == [number]
    assert ask(OTHER).get(asked).json() == []
    assert city.get(f"{asked}&unit=S1").json() == []
    assert city.get(f"{asked}&unit=none").status_code == 409
    files = [("files", ("前.png", encode(form="PNG"), "image/png"))]
    for kind in ("before", "after"):
        path = f"/v1/cases/{number}/photographs"
        assert city.post(path, files=files, data={"kind": kind, "step": "6", "caption": "路口"}).status_code == 201
    assert city.get(asked).json() == []

    answer = ask(STREET).get(f"/v1/cases/{number}/photographs.zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == [f"{number}_before_1.png", f"{number}_after_1.png"]
    assert len(answer.content) == int(answer.headers["content-length"])
    path = f"/v1/cases/{number}/photographs.zip"
    assert ask(STREET).get(path, headers={"Idempotency-Key": "z"}).content == answer.content  # reading is no deed
    assert ask(OTHER).get(path).status_code == 404


def test_photographs_are_added_where_ones_posts_let_one_act(
    city: Asking, ask: Callable[[str], Asking], settings: Settings
) -> None:
    """Who sees all cases and acts in one street adds nothing elsewhere."""
    account(settings, "both", "viewer", OTHER)
    work = open_database(settings)
    both = Asking(city.client, {"Authorization": f"Bearer {users.new_key(work, 'both', 'tests').secret}"})
    work.close()
    files = [("files", ("前.png", encode(form="PNG"), "image/png"))]
    answer = both.post("/v1/cases/A000/photographs", files=files)
    assert (answer.status_code, answer.json()["code"]) == (403, "outside_scope")
    assert both.get("/v1/cases/A000/photographs").json() == []
    assert json.loads(both.post("/v1/cases/A012/photographs", files=files).content)["status"] == 403
