"""Steps from files: another system's history followed and bridged, sheets of steps taken once or not at all."""

import csv
import datetime as dt
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from sqlalchemy import text

from gridmgmt import texts
from gridmgmt.casework import cases, transitions
from gridmgmt.casework.operations import lookup
from gridmgmt.casework.operations.requests import Request
from gridmgmt.casework.store import steps as step_store
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work
from gridmgmt.intake.exports import step_sheet
from gridmgmt.intake.operations import imports, step_sheets
from gridmgmt.intake.operations.imports import ImportReport
from gridmgmt.intake.operations.step_sheets import StepsReport
from gridmgmt.people.operations import reference
from gridmgmt.periods import city_time
from gridmgmt.settings import Settings
from tests.postgis import towns
from tests.postgis.database.test_writers import held, wait_until_blocked
from tests.postgis.towns import middle, select_all
from tests.postgis.worksite import acted
from tests.worlds import World

LOG = """
id: town_log
kind: steps
title: {zh: 小城办理日志, en: Town step log}
columns:
  case_no: "no"
  kind:
    column: what
    map: {受理: accept, 立案: register, 派单: dispatch, 接单: receive, 退单: send_back, 完成: answer, 复核: verify,
          驳回: fail, 办结: close, 上报: report, 备注: note, 督办: supervise, 回访: visit}
  at: at
  actor: who
  unit_code: unit
  reason: why
  due_at: due
  verdict: {column: verdict, map: {满意: satisfied, 不满意: unsatisfied}}
  wrong_dispatch: wrong
  category: class
location: {lon: x, lat: "y", system: "epsg:4490"}
"""
LOG_FIELDS = ("no", "what", "at", "who", "unit", "why", "due", "verdict", "wrong", "class", "x", "y")
RULES = "category,level,grid_code,unit_code,valid_from,valid_to\n*,district,D1,U1,,\n*,district,D2,U2,,\n"
ZONE = dt.timezone(dt.timedelta(hours=8))
CASE_A = {
    "reg": "2025-12-05 12:30", "due": "2025-12-06 18:00", "closed": "2025-12-06 10:00", "cat": "01001", "text": "井盖"
}  # fmt: skip

Import = Callable[..., ImportReport]
Take = Callable[..., StepsReport]


def at(day: int, hour: float) -> dt.datetime:
    return dt.datetime(2025, 12, day, tzinfo=ZONE) + dt.timedelta(hours=hour)


def write(path: Path, rows: Iterable[Mapping[str, Any]], fields: Iterable[str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(fields), restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def line(what: str, when: str = "", no: str = "A", **more: str) -> dict[str, str]:
    return {"no": no, "what": what, "at": f"2025-12-{when}" if when else "", **more}


WHOLE = (
    line("上报", "05 12:00", who="王某"), line("受理", "05 12:10"), line("立案", "05 12:30"),
    line("派单", "05 13:00", unit="U1"), line("接单", "05 13:30"), line("完成", "05 18:00"),
    line("复核", "06 09:00"), line("办结", "06 10:00", who="李某"),
)  # fmt: skip


def with_a_case(empty: Work, tmp_path: Path) -> None:
    """The town with two units, a rule for each district, and the case A known by its dates."""
    towns.found(empty, tmp_path, units=["U1", "U2"])
    (tmp_path / "rules.csv").write_text(RULES, "utf-8")
    reference.import_rules(empty, tmp_path / "rules.csv")
    towns.load(empty, tmp_path, [towns.case("A", **CASE_A)], day=1)


@pytest.fixture
def town(world: World) -> Work:
    """The town with its case."""
    return world(with_a_case)


@pytest.fixture
def log(town: Work, tmp_path: Path) -> Import:
    """Import rows as one file of the town's step log."""
    names = iter(range(100))

    def load(*rows: Mapping[str, str], profile: str = LOG, keep: bool = True) -> ImportReport:
        path = write(tmp_path / f"log_{next(names)}.csv", rows, LOG_FIELDS)
        report = imports.import_file(town.but(keep=keep), path, towns.write_profile(tmp_path, profile))
        assert report.n_rows == len(rows) == report.n_loaded + report.n_quarantined
        return report

    return load


def stored(work: Work, no: str = "A") -> list[cases.Step]:
    with work.snapshot() as connection:
        case_id = step_store.found(connection, [no])[no]["id"]
        return step_store.of_cases(connection, [case_id]).get(case_id, [])


def told(work: Work, no: str = "A") -> list[tuple[str, str]]:
    """Kind and first letter of the origin of a case's steps."""
    return [(s.kind, s.origin[0]) for s in stored(work, no)]


def bad(work: Work) -> dict[int, tuple[str, str, str | None]]:
    """Row → column, code and value of what is in quarantine."""
    return {q["row"]: (q["column"], q["code"], q["value"]) for q in imports.list_quarantine(work)}


# --- history ----------------------------------------------------------------------------------------------------------


def test_a_whole_log_becomes_imported_steps_and_the_row_stays(town: Work, log: Import) -> None:
    before = towns.contents(town)
    report = log(*WHOLE)
    assert (report.n_new, report.n_quarantined, report.notes) == (8, 0, {})
    found = stored(town)
    assert [s.kind for s in found] == [
        "report", "accept", "register", "dispatch", "receive", "answer", "verify", "close",
    ]  # fmt: skip
    assert {s.origin for s in found} == {"imported"}
    assert [s.seq for s in found] == list(range(1, 9))
    assert (found[0].actor, found[0].at, found[7].actor) == ("王某", at(5, 12), "李某")
    assert [r[0] for r in select_all(town, t.step.c.state, where=t.step.c.seq == 8)] == ["closed"]
    assert towns.contents(town) == before


def test_the_case_s_row_tells_what_the_log_does_not(town: Work, log: Import) -> None:
    log(*WHOLE[:4])
    case = transitions.fold("A", stored(town))
    assert (case.lon, case.lat) == middle("D1-1")
    assert (case.category, case.description) == ("component:01001", "井盖")
    assert (case.due_at, case.unit_code) == (at(6, 18), "U1")
    log(line("退单", "05 15:00", why="不在辖区"), line("派单", "05 16:00", unit="U2", due="2025-12-07 08:00"))
    assert transitions.fold("A", stored(town)).due_at == at(7, 8)


def test_the_same_log_again_and_a_longer_one_add_only_what_is_new(town: Work, log: Import) -> None:
    log(*WHOLE[:5])
    report = log(*WHOLE[:5])
    assert (report.n_new, report.n_unchanged) == (0, 5)
    report = log(*reversed(WHOLE))
    assert (report.n_new, report.n_unchanged) == (3, 5)
    assert transitions.fold("A", stored(town)).state == "closed"
    assert len(stored(town)) == 8


def test_rows_are_followed_by_time_and_equal_times_in_the_order_of_the_file(town: Work, log: Import) -> None:
    rows = [line("立案", "05 12:30"), line("受理", "05 12:30"), line("上报", "05 12:00")]
    report = log(*rows)
    assert [s.kind for s in stored(town)] == ["report", "accept", "register"]
    assert (report.n_new, report.reasons) == (2, {"step_not_legal": 1})  # 立案 came first, so 受理 had been derived
    assert bad(town)[3] == ("what", "step_not_legal", "受理")


def test_what_a_log_leaves_out_is_derived_at_the_same_instant(town: Work, log: Import) -> None:
    report = log(line("派单", "05 13:00", unit="U1"), line("办结", "06 10:00"))
    assert (report.n_new, report.notes) == (2, {"bridged_steps": 6})
    assert told(town) == [
        ("report", "d"), ("accept", "d"), ("register", "d"), ("dispatch", "i"),
        ("receive", "d"), ("answer", "d"), ("verify", "d"), ("close", "i"),
    ]  # fmt: skip
    found = stored(town)
    assert [s.at for s in found] == [at(5, 12), *[at(5, 13)] * 3, *[at(6, 10)] * 4]
    assert log(line("派单", "05 13:00", unit="U1"), line("办结", "06 10:00")).n_unchanged == 2


def test_a_report_that_the_row_proves_never_lies_after_the_log(town: Work, log: Import) -> None:
    log(line("受理", "05 11:00"))
    assert [(s.kind, s.at) for s in stored(town)] == [("report", at(5, 11)), ("accept", at(5, 11))]


def test_a_step_that_no_way_reaches_is_refused_and_the_next_rows_still_taken(town: Work, log: Import) -> None:
    report = log(
        line("上报", "05 12:00"), line("接单", "05 12:05"), line("受理", "05 12:10"), line("办结", "05 12:20"),
        line("备注", "05 12:30", why="电话核对"),
    )  # fmt: skip
    assert told(town) == [("report", "i"), ("accept", "i"), ("note", "i")]
    assert (report.n_new, report.reasons) == (3, {"step_not_legal": 2})
    first, second = (q for q in imports.list_quarantine(town))
    assert (first["row"], first["facts"]["state"], first["facts"]["legal"][:2]) == (
        3,
        "reported",
        ["accept", "discard"],
    )
    assert (second["row"], second["facts"]["state"]) == (5, "accepted")
    assert "已上报" in texts.word(first["code"], first["facts"], "zh")
    assert "it cannot take the step “close”" in texts.word(second["code"], second["facts"], "en")


def test_unknown_cases_wait_in_quarantine_until_they_are_imported(town: Work, log: Import, tmp_path: Path) -> None:
    report = log(*({**row, "no": "B"} for row in WHOLE))
    assert (report.n_new, report.reasons) == (0, {"case_not_here": 8})
    assert bad(town)[2] == ("no", "case_not_here", "B")
    towns.load(town, tmp_path, [towns.case("B", **CASE_A)], day=1)
    (again,) = imports.retry_quarantine(town, str(tmp_path / "town_log.yaml"))
    assert (again.n_new, again.n_quarantined) == (8, 0)
    assert transitions.fold("B", stored(town, "B")).closed_at == at(6, 10)
    assert imports.list_quarantine(town) == []


def test_a_case_that_is_worked_on_here_takes_no_history(town: Work, log: Import) -> None:
    log(*WHOLE[:3])
    acted(town, Request("note", "李某", "A", at(5, 20), reason="催办"))
    report = log(*WHOLE)
    assert (report.n_unchanged, report.reasons) == (3, {"case_worked_on_here": 5})
    assert told(town)[-1] == ("note", "o")
    assert bad(town)[5] == ("no", "case_worked_on_here", "A")


def test_new_rows_must_not_lie_before_the_last_stored_step(town: Work, log: Import) -> None:
    log(*WHOLE[:5])
    report = log(line("备注", "05 13:29", why="早"), line("备注", "05 13:30", why="同时"))
    assert (report.n_new, report.reasons) == (1, {"time_before_last_step": 1})
    assert bad(town)[2] == ("at", "time_before_last_step", "2025-12-05 13:29")
    (waiting,) = imports.list_quarantine(town)
    assert waiting["facts"]["last"] == "2025-12-05 13:30:00"  # city time, as in the file


def test_a_step_told_otherwise_is_a_contradiction_and_twins_are_not(town: Work, log: Import) -> None:
    twins = [line("备注", "05 14:00", why="甲"), line("备注", "05 14:00", why="乙")]
    log(*WHOLE[:4], *twins, twins[0])
    assert [s.reason for s in stored(town) if s.kind == "note"] == ["甲", "乙"]
    report = log(*WHOLE[:3], {**WHOLE[3], "unit": "U2"}, *twins)
    assert (report.n_unchanged, report.reasons) == (5, {"step_contradicts": 1})
    assert bad(town)[5] == ("what", "step_contradicts", "派单")


def test_every_fault_of_a_row_is_told_and_the_others_are_taken(town: Work, log: Import) -> None:
    report = log(
        WHOLE[0], line("签发", "05 12:01"), line("受理", "05 25:00"), line("", "05 12:01"), line("受理"),
        line("派单", "05 12:01", unit="U9", wrong="也许", verdict="好"), line("受理", "05 12:10", **{"class": "井盖"}),
        line("立案", "05 12:20", **{"class": "component:09999"}),
        line("受理", "05 12:10", **{"class": "component:02001"}),
    )  # fmt: skip
    assert (report.n_new, report.n_quarantined) == (2, 7)
    assert report.reasons == {
        "value_not_in_map": 2, "time_unreadable": 1, "value_missing": 2, "unit_unknown_value": 1,
        "flag_unreadable": 1, "category_not_a_key": 1, "category_unknown_value": 1,
    }  # fmt: skip
    for problem in imports.list_quarantine(town):
        for lang in texts.LANGUAGES:
            told = texts.word(problem["code"], {**problem["facts"], "value": problem["value"]}, lang)
            assert "{" not in told, told


def test_facts_of_the_log(town: Work, log: Import) -> None:
    x, y = middle("D1-2")
    log(
        *WHOLE[:3], line("派单", "05 13:00", unit="U1", due="2025-12-05 18:00", wrong="是"),
        line("备注", "05 13:10", x=repr(x), y=repr(y), wrong="否"), *WHOLE[4:],
        line("回访", "07 09:00", verdict="不满意"),
    )  # fmt: skip
    found = stored(town)
    assert found[3].facts == {"due_at": "2025-12-05T10:00:00+00:00", "wrong_dispatch": True}
    assert found[4].facts == {"lon": x, "lat": y, "wrong_dispatch": False}
    assert transitions.fold("A", found).verdict == "unsatisfied"


def test_a_dry_run_leaves_nothing(town: Work, log: Import) -> None:
    report = log(*WHOLE, line("签发", "05 12:01"), keep=False)
    assert (report.n_new, report.n_quarantined) == (8, 1)
    assert stored(town) == []
    assert imports.list_quarantine(town) == []


def test_work_goes_on_from_an_imported_log(town: Work, log: Import) -> None:
    log(*WHOLE[:5])
    acted(town, Request("answer", "张某", "A", at(5, 17)))
    assert told(town)[-2:] == [("receive", "i"), ("answer", "o")]
    row = lookup.show_case(town, "A").row
    assert (row["status"], row["handled_at"], row["due_at"]) == ("answered", at(5, 17), at(6, 18))
    assert (row["lon"], row["lat"], row["description"]) == (*middle("D1-1"), "井盖")
    assert (row["category_code"], row["category_scheme"], row["registered_at"]) == ("01001", "town", at(5, 12.5))


def test_many_cases_in_blocks(town: Work, log: Import, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridmgmt.intake.store.step_logs.BLOCK", 7)
    numbers = [f"N{i:02}" for i in range(30)]
    towns.load(town, tmp_path, [towns.case(no, **CASE_A) for no in numbers], day=1)
    rows = [{**row, "no": no} for row in WHOLE for no in numbers]
    assert log(*rows, *({**row, "no": "Z"} for row in WHOLE)).n_new == 240
    assert {no: len(stored(town, no)) for no in numbers} == dict.fromkeys(numbers, 8)
    assert len(select_all(town, t.step.c.id)) == 240


# --- steps that are taken now -----------------------------------------------------------------------------------------

SHEET = tuple(step_sheets.step_profile("steps").file_columns())


def row(step: str, no: str = "", when: str = "", **more: str) -> dict[str, str]:
    return {"步骤": step, "案件编号": no, "时间": when and f"2025-12-{when}", **more}


def report_row(place: str = "D1-1", when: str = "08 09:00", no: str = "", **more: str) -> dict[str, str]:
    lon, lat = middle(place)
    told = {"来源": "监督员上报", "问题类型": "部件", "类别": "01001", "经度": repr(lon), "纬度": repr(lat)}
    return row("上报", no, when, **told, **more)


@pytest.fixture
def sheet(town: Work, tmp_path: Path) -> Take:
    """Take rows as one sheet of steps."""
    names = iter(range(100))

    def take(*rows: Mapping[str, str], actor: str = "李某", path: Path | None = None) -> StepsReport:
        path = path or write(tmp_path / f"sheet_{next(names)}.csv", rows, SHEET)
        report = step_sheets.take_file(town.but(actor=actor), path, "steps")
        assert report.n_rows == report.n_taken + report.n_there + report.n_refused
        assert report.n_refused == len({r.row for r in report.refused})
        return report

    return take


def refused(report: StepsReport) -> dict[int, str]:
    return {r.row: r.code for r in report.refused}


LIFE = (
    report_row(no="N"), row("受理", "N", "08 09:10"), row("register", "N", "08 09:20"),
    row("派遣", "N", "08 10:00", 时限="2025-12-09 18:00"), row("签收", "N", "08 11:00", 经办人="张某"),
    row("处置反馈", "N", "08 15:00"), row("核查", "N", "08 16:00"), row("结案", "N", "08 17:00"),
)  # fmt: skip


def test_a_sheet_is_taken_from_top_to_bottom(town: Work, sheet: Take) -> None:
    report = sheet(*LIFE)
    assert (report.n_taken, report.n_refused, report.opened) == (8, 0, {})
    found = stored(town, "N")
    assert {s.origin for s in found} == {"own"}
    assert [s.actor for s in found] == ["李某"] * 4 + ["张某"] + ["李某"] * 3
    shown = lookup.show_case(town, "N")
    assert (shown.row["status"], shown.row["due_at"], shown.row["unit_code"]) == ("closed", at(9, 18), "U1")
    assert shown.row["located"] == "leaf"


def test_every_dispatch_goes_to_who_answers_at_its_moment(town: Work, sheet: Take) -> None:
    """Units are found for the whole chunk ahead; a move that is refused must not count."""
    lon, lat = map(repr, middle("D2-1"))
    moved = row("更正位置", "N", "08 12:00", 经度=lon, 纬度=lat)
    back, dispatch = row("回退", "N", "08 12:00", 理由="不在辖区"), row("派遣", "N", "08 12:00")
    report = sheet(*LIFE[:3], dispatch, back, moved, dispatch, back, {**moved, "理由": "坐标录错"}, dispatch)
    assert refused(report) == {7: "step_incomplete"}
    assert [s.unit_code for s in stored(town, "N") if s.kind == "dispatch"] == ["U1", "U1", "U2"]


def test_a_report_without_a_number_gets_one_and_tells_it(town: Work, sheet: Take, tmp_path: Path) -> None:
    report = sheet(report_row(), report_row("D2-1"), report_row(when="09 08:00", no="X"))
    assert report.opened == {2: "C2025120800001", 3: "C2025120800002"}
    again = sheet(path=tmp_path / "sheet_0.csv")
    assert (again.n_there, again.opened) == (3, report.opened)
    assert len(select_all(town, t.step.c.id)) == 3


def test_what_is_refused_says_why_and_keeps_no_other_row_back(town: Work, sheet: Take) -> None:
    report = sheet(
        LIFE[0], row("结案", "N", "08 09:05"), row("受理", "N", "08 08:00"), row("受理", "N", "08 09:10"),
        row("受理", "missing"), row("不予受理", "N"), row("签收", ""), row("审批", "N"), row("note", "N", 理由="好"),
    )  # fmt: skip
    assert refused(report) == {
        3: "step_illegal", 4: "step_refused", 6: "case_missing", 7: "step_incomplete",
        8: "value_missing", 9: "value_not_in_map",
    }  # fmt: skip
    assert [s.kind for s in stored(town, "N")] == ["report", "accept", "note"]
    for r in report.refused:
        for lang in texts.LANGUAGES:
            assert "{" not in texts.word(r.code, {**r.facts, "value": r.value, "column": r.column}, lang)


def test_steps_need_somebody_who_takes_them(town: Work, sheet: Take) -> None:
    report = sheet(LIFE[0], LIFE[4], actor="")
    assert [(r.code, r.facts["missing"]) for r in report.refused[:1]] == [("step_incomplete", ["actor"])]


def test_the_refused_rows_can_be_mended_and_handed_in_again(town: Work, sheet: Take, tmp_path: Path) -> None:
    first = sheet(*LIFE[:3], row("派遣", "N", "08 10:00", 单位="U404"), *LIFE[4:6])
    assert refused(first) == {5: "unit_unknown_value", 6: "step_illegal", 7: "step_illegal"}
    rejected = step_sheets.rejected_rows(first, "steps")
    assert list(rejected) == [5, 6, 7]
    rejected[5]["单位"] = "U2"
    path = write(tmp_path / "mended.csv", ({**r, "_reason": "?"} for r in rejected.values()), [*SHEET, "_reason"])
    again = sheet(path=path)
    assert (again.n_taken, again.n_refused) == (3, 0)
    assert lookup.show_case(town, "N").case.unit_code == "U2"
    late = sheet(path=tmp_path / "sheet_0.csv")  # the old file once more: its bad row is bad, the mended ones are there
    assert (late.n_taken, late.n_there, refused(late)) == (0, 5, {5: "unit_unknown_value"})
    assert sheet(path=path).n_there == 3


def test_a_running_number_makes_a_row_the_same_in_another_file(town: Work, sheet: Take) -> None:
    numbered = [{**r, "流水号": f"20251208-{n}"} for n, r in enumerate(LIFE[:3])]
    sheet(*numbered)
    more = sheet(*numbered, row("note", "N", 流水号="20251208-9", 理由="补记"))
    assert (more.n_taken, more.n_there) == (1, 3)
    report = sheet(row("note", "N", 流水号="20251208-1", 理由="另一行"), report_row(no="M", 流水号="20251208-0"))
    assert refused(report) == {2: "row_taken", 3: "row_taken"}
    told = city_time(stored(town, "N")[1].at, ZoneInfo("Asia/Shanghai"))
    assert (report.refused[0].facts["case_no"], report.refused[0].facts["at"]) == ("N", told)
    assert len(stored(town, "N")) == 4


def test_a_running_number_twice_in_one_file(town: Work, sheet: Take) -> None:
    report = sheet(report_row(流水号="1"), report_row(流水号="1"), row("note", "A", 流水号="1", 理由="x"))
    assert (report.n_taken, report.n_there, refused(report)) == (1, 1, {4: "row_taken"})
    assert set(report.opened.values()) == {"C2025120800001"}


def test_a_sheet_may_hold_coordinates_of_web_maps_and_a_reporter(town: Work, sheet: Take) -> None:
    lon, lat = middle("D2-2")
    report = sheet({**report_row(坐标系="GCJ02", 举报人="赵某", 举报电话="1"), "经度": repr(lon), "纬度": repr(lat)})
    (step,) = stored(town, report.opened[2])
    assert step.facts["lon"] != lon
    assert abs(step.facts["lon"] - lon) < 0.01
    assert "举报人" not in str(step.facts)
    assert "赵某" not in str(step.facts)
    assert [r[0] for r in select_all(town, t.reporter.c.name)] == ["赵某"]


def test_only_profiles_of_steps_take_steps(town: Work, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", [LIFE[0]], SHEET)
    with pytest.raises(Exception, match="kind: steps"):
        step_sheets.take_file(town, path, "demo_cases")


def test_the_template_speaks_one_language_if_asked() -> None:
    def told(lang: str | None) -> tuple[str, list[str]]:
        book = openpyxl.load_workbook(BytesIO(step_sheet.workbook(step_sheets.columns("steps"), lang)))
        page = book.worksheets[0]
        place = next(c.column for c in page[4] if c.value == "步骤")
        return str(page["A1"].value), [
            str(row[0]) for row in book["lists"].iter_rows(2, 4, place, place, values_only=True)
        ]

    assert told("zh") == ("办理步骤表", ["上报", "受理", "核实"])
    assert told("en") == ("Steps of cases", ["report", "accept", "confirm"])
    assert told(None) == ("办理步骤表 Steps of cases", ["上报", "受理", "核实"])


def test_the_template_is_filled_and_taken(town: Work, sheet: Take, tmp_path: Path) -> None:
    path = tmp_path / "steps.xlsx"
    path.write_bytes(step_sheet.workbook(step_sheets.columns("steps")))
    assert path.read_bytes() == step_sheet.workbook(step_sheets.columns("steps"))
    book = openpyxl.load_workbook(path)
    page = book.worksheets[0]
    heads = {c.value: c.column for c in page[4]}
    assert set(heads) == set(SHEET)
    (offered,) = [
        v for v in page.data_validations.dataValidation if f"{page.cell(5, heads['步骤']).coordinate}:" in str(v.sqref)
    ]
    area = str(offered.formula1).removeprefix("lists!")
    words = [c[0].value for c in book["lists"][area.replace("$", "")]]
    assert words[:3] == ["上报", "受理", "核实"]
    assert len(words) == len(transitions.BY_PEOPLE)
    for n, r in enumerate(LIFE, 5):
        for name, value in r.items():
            page.cell(n, heads[name]).value = value or None
    book.save(path)
    assert sheet(path=path).n_taken == 8


# --- killed in the middle ---------------------------------------------------------------------------------------------

SCRIPT = """
import os, sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from gridmgmt import settings
from gridmgmt.casework.operations import cases
from gridmgmt.database.work import open_database
from gridmgmt.intake.operations import step_sheets
home, db, file, how = sys.argv[1:]
cases.CHUNK = 4
found = replace(settings.read({}), home=Path(home), db=db)
done = cases.steps.append
n = 0
def append(*args):
    global n
    n += 1
    done(*args)
    if how == "inside" and n == 3:
        os.kill(os.getpid(), 9)
def tell(step, n, of=None):
    if how == "between" and n == 8:
        os.kill(os.getpid(), 9)
cases.steps.append = append
work = open_database(found).but(actor="李某", progress=tell)
print(step_sheets.take_file(work, Path(file), "steps").n_taken)
"""


def start(settings: Settings, path: Path, how: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", SCRIPT, str(settings.home), settings.db, str(path), how]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": os.getcwd()})


def many(n: int) -> list[dict[str, str]]:
    """Reports without numbers, and the lives of two cases, interleaved."""
    two = [{**r, "案件编号": no} for r in LIFE for no in ("N", "M")]
    return [r for pair in zip(two, (report_row(when="08 09:00") for _ in two), strict=True) for r in pair][:n]


@pytest.mark.crash
@pytest.mark.parametrize("how", ["between", "inside"])
def test_a_killed_sheet_handed_in_again_is_there_once(
    how: str, town: Work, sheet: Take, postgis_settings: Settings, tmp_path: Path
) -> None:
    path = write(tmp_path / "sheet.csv", many(32), SHEET)
    process = start(postgis_settings, path, how)
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    assert len(select_all(town, t.step.c.id)) == 8
    report = sheet(path=path)
    assert (report.n_taken, report.n_there, report.n_refused) == (24, 8, 0)
    assert len(select_all(town, t.step.c.id)) == 32
    assert [s.seq for s in stored(town, "N")] == list(range(1, 9))
    opened = [r[0] for r in select_all(town, t.cases.c.case_no) if r[0].startswith("C")]
    assert opened == [f"C20251208{n:05}" for n in range(1, 17)]
    assert sorted(report.opened.values()) == opened


@pytest.mark.crash
def test_a_sheet_killed_while_it_waits_leaves_its_chunk_out(
    town: Work, sheet: Take, postgis_settings: Settings, tmp_path: Path
) -> None:
    path = write(tmp_path / "sheet.csv", many(32), SHEET)
    with held(town, "LOCK TABLE case_version IN SHARE MODE"):
        process = start(postgis_settings, path, "never")
        wait_until_blocked(town, 1)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    with town.engine.begin() as connection:  # the server has noticed: the locks are free
        connection.execute(text(f"SELECT pg_advisory_xact_lock({step_store.FILES_LOCK})"))
    assert select_all(town, t.step.c.id) == []
    assert sheet(path=path).n_taken == 32
