"""Field forms go out and come back: scores by hand, faults by their cell, corrections as versions, notices in time."""

import datetime as dt
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from gridmgmt import texts
from gridmgmt.casework.photographs import StoredFile
from gridmgmt.casework.store import attachments
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work
from gridmgmt.errors import (
    ColumnMissing,
    DrawMissing,
    DrawReplaced,
    FileUnreadable,
    FindingsMissing,
    NoticeClosed,
    NoticeMissing,
    OptionInvalid,
)
from gridmgmt.inspections.exports import field_forms
from gridmgmt.inspections.findings import FINDING_COLUMNS
from gridmgmt.inspections.operations import draws, findings, notices
from tests.postgis import district
from tests.postgis.towns import select_all
from tests.worlds import World

DRAW, UNIT = "huiji-2025-06", "S01"
AT = "2025-06-12 09:30"


def june(empty: Work, tmp_path: Path) -> None:
    """June's draw."""
    district.found(empty, tmp_path)
    draws.make_draw(empty, "huiji", "2025-06", "1")


@pytest.fixture
def drawn(world: World) -> Work:
    """The district with June's draw."""
    return world(june)


def number(work: Work, kind: str, name: str, unit: str = UNIT) -> str:
    """The first sample of a type and object of a unit."""
    _, items = draws.show_draw(work, DRAW, unit)
    return next(i["sample_no"] for i in items if (i["sample_type"], i["object"]) == (kind, name))


class Filled:
    """A workbook that an inspector fills."""

    def __init__(self, work: Work, path: Path, unit: str | None = UNIT) -> None:
        self.path = path
        path.write_bytes(field_forms.workbook(findings.form_of(work, DRAW, unit)))
        self.book = openpyxl.load_workbook(path)
        self.samples = self._sheet("样本")
        self.findings = self._sheet("检查项")

    def _sheet(self, name: str) -> Worksheet:
        return next(s for s in self.book.worksheets if s.title.startswith(name))

    @staticmethod
    def _row(sheet: Worksheet, wanted: Mapping[str, str]) -> tuple[int, dict[str, int]]:
        place = {str(c.value): c.column for c in sheet[field_forms.NAMES]}
        rows = range(field_forms.FIRST, sheet.max_row + 1)
        return next(r for r in rows if all(sheet.cell(r, place[k]).value == v for k, v in wanted.items())), place

    def sample(self, sample_no: str, /, **values: Any) -> int:
        """Write into a sample's row; gives its number."""
        row, place = self._row(self.samples, {"sample_no": sample_no})
        for name, value in values.items():
            self.samples.cell(row, place[name]).value = value
        return row

    def finding(self, sample_no: str, item: str, /, **values: Any) -> int:
        """Write into the row of a sample's item; gives its number."""
        row, place = self._row(self.findings, {"sample_no": sample_no, "item": item})
        for name, value in values.items():
            self.findings.cell(row, place[name]).value = value
        return row

    def add(self, **values: Any) -> int:
        """Add a row for a further finding; gives its number."""
        place = {str(c.value): c.column for c in self.findings[field_forms.NAMES]}
        row = next(
            r for r in range(field_forms.FIRST, 10_000) if self.findings.cell(r, place["sample_no"]).value is None
        )
        for name, value in values.items():
            self.findings.cell(row, place[name]).value = value
        return row

    def take(self, work: Work) -> findings.TakeReport:
        """Save and hand in."""
        self.book.save(self.path)
        return findings.take(work, self.path)


@pytest.fixture
def form(drawn: Work, tmp_path: Path) -> Filled:
    return Filled(drawn, tmp_path / "form.xlsx")


def keep_photographs(work: Work, *hashes: str) -> None:
    """As if files with these hashes had been handed in."""
    files = [StoredFile(sha256, "image/jpeg", 1, 1, 1) for sha256 in hashes]
    with work.transaction() as connection:
        attachments.save_files(connection, files)


def current(work: Work) -> dict[str, tuple[Any, ...]]:
    c = t.samples.c
    return {r[0]: r[1:] for r in select_all(work, c.sample_no, c.score, c.sample_type, c.result, c.findings)}


# --- the way out ------------------------------------------------------------------------------------------------------


def test_the_form_shows_a_units_samples_with_their_items(drawn: Work, form: Filled) -> None:
    made = findings.form_of(drawn, DRAW, UNIT)
    assert len(made.samples) == 31
    toilet = next(s for s in made.samples if s.object["zh"] == "公厕")
    assert [i.code for i in toilet.items] == ["HW1", "HW5", "HW6"]  # no items of roads
    numbers = [form.samples.cell(r, 1).value for r in range(5, 36)]
    assert numbers == [s.sample_no for s in made.samples]
    n_items = sum(len(s.items) for s in made.samples)
    assert sum(form.findings.cell(r, 1).value is not None for r in range(5, 5 + n_items + 100)) == n_items


def test_the_same_form_has_the_same_bytes(drawn: Work) -> None:
    made = findings.form_of(drawn, DRAW)
    assert field_forms.workbook(made) == field_forms.workbook(made)
    assert len(made.samples) == 299


@pytest.mark.parametrize(("lang", "n"), [("zh", 0), ("en", 1)])
def test_a_form_speaks_one_language_if_asked(drawn: Work, tmp_path: Path, lang: str, n: int) -> None:
    path = tmp_path / "form.xlsx"
    path.write_bytes(field_forms.workbook(findings.form_of(drawn, DRAW, UNIT), lang))
    book = openpyxl.load_workbook(path)
    assert [page.title for page in book] == [["说明", "样本", "检查项"], ["Notes", "Samples", "Findings"]][n]
    page = book.worksheets[1]
    assert page.cell(field_forms.HEAD, 1).value == ["样本编号", "Sample"][n]
    (offered,) = page.data_validations.dataValidation
    assert offered.formula1 == ['"已检,未检"', '"inspected,not inspected"'][n]
    sample = page.cell(field_forms.FIRST, 1).value
    place = {str(c.value): c.column for c in page[field_forms.NAMES]}
    row = {
        "inspected_at": "2025-12-05 10:00",
        "inspector": "赵六",
        "result": str(offered.formula1).strip('"').split(",")[0],
    }
    for name, value in row.items():
        page.cell(field_forms.FIRST, place[name]).value = value
    book.save(path)
    report = findings.take(drawn.but(keep=False), path)
    assert sample
    assert report.n_new == 1


def test_a_unit_without_samples(drawn: Work) -> None:
    with pytest.raises(OptionInvalid):
        findings.form_of(drawn, DRAW, "S99")


# --- the way back -----------------------------------------------------------------------------------------------------


def test_scores_by_hand(drawn: Work, form: Filled) -> None:
    road = number(drawn, "street_appearance", "main_road")
    toilet = number(drawn, "appearance_sanitation", "public_toilet")
    site = number(drawn, "building_site", "building_site")
    for no in (road, toilet, site):
        form.sample(no, inspected_at=AT, inspector="王五")
    form.finding(road, "JJ1", n=3)  # 3 · 2 = 6
    form.finding(road, "JJ3", n=3, note="电杆")  # 3 · 0.5 = 1.5
    form.finding(toilet, "HW6", n=7)  # 7 · 2 = 14, at most 10
    form.finding(site, "GD3", n=25)  # 25 · 5 = 125 without limit: the floor
    report = form.take(drawn)
    assert (report.n_new, report.n_not_filled, report.n_refused, report.problems) == (3, 28, 0, [])
    scores = {no: row[0] for no, row in current(drawn).items()}
    assert scores == {road: Decimal("92.5"), toilet: Decimal("90"), site: Decimal("0")}
    assert current(drawn)[road] == (
        Decimal("92.5"), "street_appearance", "inspected", "JJ1 店外经营 ×3 −6; JJ3 非法小广告 ×3 −1.5 电杆",
    )  # fmt: skip
    c = t.samples.c
    at = {r[0] for r in select_all(drawn, c.sampled_at)}
    assert at == {dt.datetime(2025, 6, 12, 1, 30, tzinfo=dt.UTC)}
    grids = t.grid.alias()
    found = select_all(drawn, c.sample_no, grids.c.code, where=c.grid_l3 == grids.c.id)
    assert {code for _, code in found} == {UNIT}


def test_full_marks_without_a_finding_and_no_score_without_an_inspection(drawn: Work, form: Filled) -> None:
    clean, shut = number(drawn, "building_site", "building_site"), number(drawn, "market", "farm_market")
    row = form.finding(clean, "GD1", n=0)
    assert row >= 5
    form.sample(clean, inspected_at=AT, inspector="王五")
    form.sample(shut, inspected_at=AT, inspector="王五", result="未检", note="停业")
    assert form.take(drawn).n_new == 2
    assert current(drawn)[clean][0] == Decimal(100)
    assert current(drawn)[shut] == (None, "market", "not_inspected", None)


def test_several_places_of_one_item_share_its_limit(drawn: Work, form: Filled) -> None:
    road = number(drawn, "street_appearance", "main_road")
    form.sample(road, inspected_at=AT, inspector="王五")
    keep_photographs(drawn, "a" * 64, "b" * 64)
    form.finding(road, "JJ1", n=8, found_lon=114.01, found_lat=30.01, found_at="2025-06-12 09:31")
    form.add(sample_no=road, item="JJ1", n=4, note="另一处", photographs="A" * 64 + "；" + "b" * 64)
    assert form.take(drawn).n_new == 1
    assert current(drawn)[road][0] == Decimal(80)  # 12 · 2, at most 20
    f = t.finding.c
    assert select_all(drawn, f.n, f.points, f.lon, f.photographs) == [
        (4, Decimal(4), None, ["a" * 64, "b" * 64]),
        (8, Decimal(16), 114.01, []),
    ]


def test_the_same_file_again_changes_nothing_and_a_corrected_one_adds_a_version(drawn: Work, form: Filled) -> None:
    site, road = number(drawn, "building_site", "building_site"), number(drawn, "street_appearance", "main_road")
    for no in (site, road):
        form.sample(no, inspected_at=AT, inspector="王五")
    form.finding(site, "GD1", n=1)
    assert form.take(drawn).n_new == 2
    before = select_all(drawn, *t.inspection.c), select_all(drawn, *t.sample_version.c)
    again = form.take(drawn)
    assert (again.n_new, again.n_corrected, again.n_unchanged) == (0, 0, 2)
    assert (select_all(drawn, *t.inspection.c), select_all(drawn, *t.sample_version.c)) == before
    form.finding(site, "GD1", n=2)
    corrected = form.take(drawn)
    assert (corrected.n_new, corrected.n_corrected, corrected.n_unchanged) == (0, 1, 1)
    assert current(drawn)[site][0] == Decimal(90)
    v = t.sample_version.c
    assert [r[0] for r in select_all(drawn, v.score, where=v.sample_type == "building_site")] == [90, 95]
    _, items = draws.show_draw(drawn, DRAW, UNIT)
    assert next(i["score"] for i in items if i["sample_no"] == site) == Decimal(90)


def test_a_dry_run_keeps_nothing(drawn: Work, form: Filled) -> None:
    form.sample(number(drawn, "building_site", "building_site"), inspected_at=AT, inspector="王五")
    assert form.take(drawn.but(keep=False)).n_new == 1
    assert current(drawn) == {}
    assert select_all(drawn, t.inspection.c.id) == []


def test_faults_are_told_by_their_cell_and_good_samples_load(drawn: Work, form: Filled) -> None:
    _, items = draws.show_draw(drawn, DRAW, UNIT)
    numbers = [i["sample_no"] for i in items]
    good, *bad = numbers[:12]
    form.sample(good, inspected_at="2025年6月12日 9:30", inspector="王五")
    rows = [
        (form.sample(bad[0], inspected_at="昨天", inspector="王五"), "inspected_at", "time_unreadable"),
        (form.sample(bad[1], inspected_at=AT), "inspector", "value_missing"),
        (form.sample(bad[2], inspector="王五"), "inspected_at", "value_missing"),
        (form.sample(bad[3], inspected_at="2999-01-01", inspector="王五"), "inspected_at", "field_time_ahead"),
        (form.sample(bad[4], inspected_at=AT, inspector="王五", result="好"), "result", "field_result_unknown"),
        (form.sample(bad[5], inspected_at=AT, inspector="王五", result="未检"), "note", "value_missing"),
    ]  # fmt: skip
    form.sample(bad[6], sample_no="huiji-2025-06-9999", inspected_at=AT, inspector="王五")
    report = form.take(drawn)
    told = {(p.row, p.column, p.code) for p in report.problems}
    assert told >= set(rows)
    assert any(p.code == "field_sample_unknown" and p.value == "huiji-2025-06-9999" for p in report.problems)
    assert len(report.problems) == 7
    assert (report.n_new, report.n_refused) == (1, 7)
    assert set(current(drawn)) == {good}


@pytest.mark.parametrize(
    ("values", "column", "code"),
    [
        ({"n": "3个"}, "n", "number_not_whole"),
        ({"n": -1}, "n", "number_not_whole"),
        ({"n": 1.5}, "n", "number_not_whole"),
        ({"n": 1000}, "n", "number_out_of_range"),
        ({"note": "看到"}, "n", "value_missing"),
        ({"n": 1, "item": "ZZ9"}, "item", "field_item_unknown"),
        ({"n": 1, "photographs": "IMG_1.jpg"}, "photographs", "field_photograph_unreadable"),
        ({"n": 1, "photographs": "e" * 64}, "photographs", "field_photograph_missing"),
        ({"n": 1, "found_lon": 114}, "found_lat", "coordinate_missing"),
        ({"n": 1, "found_lon": 30, "found_lat": 114}, "found_lat", "number_out_of_range"),
        ({"n": 1, "found_lon": "东", "found_lat": 30}, "found_lon", "number_unreadable"),
        ({"n": 1, "found_at": "25:00"}, "found_at", "time_unreadable"),
    ],
)
def test_one_bad_finding_keeps_its_whole_sample_out(
    drawn: Work, form: Filled, values: dict[str, Any], column: str, code: str
) -> None:
    site = number(drawn, "building_site", "building_site")
    form.sample(site, inspected_at=AT, inspector="王五")
    form.finding(site, "GD2", n=1)
    row = form.finding(site, "GD1", **values)
    report = form.take(drawn)
    assert (row, column, code) in {(p.row, p.column, p.code) for p in report.problems}
    assert (report.n_new, report.n_refused) == (0, 1)
    assert current(drawn) == {}


def test_a_form_waits_for_its_photographs(drawn: Work, form: Filled) -> None:
    """All that are lacking are named; when they are there the same form loads."""
    site = number(drawn, "building_site", "building_site")
    form.sample(site, inspected_at=AT, inspector="王五")
    form.finding(site, "GD1", n=1, photographs=";".join(c * 64 for c in "fed"))
    keep_photographs(drawn, "e" * 64)
    (problem,) = form.take(drawn).problems
    assert problem.facts == {"missing": ["f" * 64, "d" * 64]}
    assert all("d" * 64 in texts.word(problem.code, problem.facts, lang) for lang in ("zh", "en"))
    keep_photographs(drawn, "f" * 64, "d" * 64)
    assert form.take(drawn).n_new == 1


@pytest.mark.parametrize("written", [0, "0", "00", "000"])
def test_nothing_found_is_no_finding(drawn: Work, form: Filled, written: object) -> None:
    site = number(drawn, "building_site", "building_site")
    form.sample(site, inspected_at=AT, inspector="王五")
    form.finding(site, "GD1", n=written)
    assert form.take(drawn).n_new == 1
    assert select_all(drawn, t.finding.c.id) == []


def test_a_form_of_a_draw_that_was_replaced_brings_only_corrections(drawn: Work, form: Filled) -> None:
    """What was inspected before counts on and is told; nobody visits the others any more."""
    site, road = number(drawn, "building_site", "building_site"), number(drawn, "street_appearance", "main_road")
    form.sample(site, inspected_at=AT, inspector="王五")
    assert form.take(drawn).n_new == 1
    newer = draws.make_draw(drawn, "huiji", "2025-06", "2", again="道路图层有误")
    assert (newer.name, newer.n_inspected_before) == (f"{DRAW}.2", 1)
    form.finding(site, "GD1", n=1)
    row = form.sample(road, inspected_at=AT, inspector="王五")
    report = form.take(drawn)
    assert (report.n_corrected, report.n_new, report.n_refused) == (1, 0, 1)
    assert [(p.row, p.code, p.facts) for p in report.problems] == [(row, "field_draw_replaced", {"draw": newer.name})]
    assert set(current(drawn)) == {site}
    with pytest.raises(DrawReplaced) as e:
        findings.form_of(drawn, DRAW)
    assert e.value.facts == {"name": DRAW, "by": newer.name}
    assert len(findings.form_of(drawn, newer.name).samples) == 299


def test_a_row_with_a_remark_beside_the_table_is_told_and_its_sample_left_out(drawn: Work, form: Filled) -> None:
    site, road = number(drawn, "building_site", "building_site"), number(drawn, "street_appearance", "main_road")
    for no in (site, road):
        form.sample(no, inspected_at=AT, inspector="王五")
    row = form.finding(site, "GD1", n=1)
    form.findings.cell(row, len(FINDING_COLUMNS) + 1).value = "看旁边"
    report = form.take(drawn)
    assert [(p.row, p.code) for p in report.problems] == [(row, "line_broken")]
    assert set(current(drawn)) == {road}


def test_findings_need_an_inspection(drawn: Work, form: Filled) -> None:
    site, road = number(drawn, "building_site", "building_site"), number(drawn, "street_appearance", "main_road")
    form.finding(site, "GD1", n=1)
    form.finding(road, "JJ1", n=1)
    form.sample(road, inspected_at=AT, inspector="王五", result="未检", note="封路")
    codes = {p.code for p in form.take(drawn).problems}
    assert codes == {"field_not_inspected", "field_found_without_inspection"}
    assert current(drawn) == {}


def test_an_inspection_outside_the_period_is_noted(drawn: Work, form: Filled) -> None:
    site = number(drawn, "building_site", "building_site")
    form.sample(site, inspected_at="2025-07-01 00:00", inspector="王五")
    report = form.take(drawn)
    assert [n["code"] for n in report.notes] == ["take_outside_period"]
    assert report.n_new == 1


def test_samples_without_their_findings_are_refused(drawn: Work, form: Filled) -> None:
    form.sample(number(drawn, "building_site", "building_site"), inspected_at=AT, inspector="王五")
    form.book.remove(form.findings)
    with pytest.raises(ColumnMissing):
        form.take(drawn)


def test_files_that_are_no_forms(drawn: Work, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    with pytest.raises(ColumnMissing):
        findings.take(drawn, tmp_path / "a.csv")
    far = "[" * 100_000
    halved, zero = (f'{{"features": [{{"properties": {{"note": "{c}"}}}}]}}' for c in ("\\ud800", "\\u0000"))
    for text in ("", "[]", "{}", '{"features": 3}', far, halved, zero):
        (tmp_path / "b.geojson").write_text(text)
        with pytest.raises(FileUnreadable):
            findings.take(drawn, tmp_path / "b.geojson")


# --- GeoJSON ----------------------------------------------------------------------------------------------------------


def geojson(work: Work) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(field_forms.geojson(findings.form_of(work, DRAW, UNIT)))
    return made


def take_json(work: Work, path: Path, data: Any) -> findings.TakeReport:
    path.write_text(json.dumps(data, ensure_ascii=False), "utf-8")
    return findings.take(work, path)


def test_a_phone_brings_the_same_as_a_workbook(drawn: Work, form: Filled, tmp_path: Path) -> None:
    data = geojson(drawn)
    keep_photographs(drawn, "c" * 64)
    site = number(drawn, "building_site", "building_site")
    feature = next(f for f in data["features"] if f["id"] == site)
    assert [i["code"] for i in feature["properties"]["checklist"]] == ["GD1", "GD2", "GD3"]
    feature["properties"] |= {
        "inspected_at": "2025-06-12T09:30:00+08:00", "inspector": "王五",
        "results": [
            {"item": "GD1", "n": 2, "note": "缺口", "photographs": ["c" * 64], "found_lon": 114.5, "found_lat": 30.5}
        ],
    }  # fmt: skip
    report = take_json(drawn, tmp_path / "a.geojson", data)
    assert (report.n_new, report.n_not_filled, report.problems) == (1, 30, [])
    assert current(drawn)[site][0] == Decimal(90)
    form.sample(site, inspected_at=AT, inspector="王五")
    form.finding(site, "GD1", n=2, note="缺口", photographs="c" * 64, found_lon=114.5, found_lat=30.5)
    assert form.take(drawn).n_unchanged == 1


def test_faults_of_a_phones_file(drawn: Work, tmp_path: Path) -> None:
    data = geojson(drawn)
    one, two, three, four, five, six = data["features"][:6]
    filled = {"inspected_at": AT, "inspector": "王五"}
    code = one["properties"]["checklist"][0]["code"]
    one["properties"] |= filled | {"results": [{"item": code}, {"item": code, "n": 1, "count": 2}]}
    two["properties"] |= filled | {"results": ["litter"]}
    three["properties"] |= filled
    four["properties"] = None
    five["properties"] |= filled
    del five["properties"]["results"], six["properties"]["results"]  # the sixth is not inspected yet
    report = take_json(drawn, tmp_path / "a.geojson", data)
    told = {(p.row, p.sheet, p.column, p.code) for p in report.problems}
    assert told == {
        (1, "results[0]", "n", "value_missing"),
        (1, "results[1]", "count", "field_column_unknown"),
        (2, "results[0]", "item", "field_item_unknown"),
        (2, "results[0]", "n", "value_missing"),
        (4, None, "properties", "field_not_an_object"),
        (5, None, "results", "field_results_lost"),
    }
    assert set(current(drawn)) == {three["id"]}


@pytest.mark.parametrize("known", [True, False])
def test_a_finding_does_not_wander_to_another_sample(drawn: Work, tmp_path: Path, known: bool) -> None:
    data = geojson(drawn)
    one, other = data["features"][:2]
    for feature in (one, other):
        feature["properties"] |= {"inspected_at": AT, "inspector": "王五", "results": []}
    code = one["properties"]["checklist"][0]["code"]
    named = other["id"] if known else "huiji-2025-06-9999"
    one["properties"]["results"] = [{"sample_no": named, "item": code, "n": 1}]
    report = take_json(drawn, tmp_path / "a.geojson", data)
    assert [(p.sheet, p.value, p.code) for p in report.problems] == [("results[0]", named, "field_sample_other")]
    assert set(current(drawn)) == (set() if known else {other["id"]}), "the finding may be the other's as well"


# --- notices ----------------------------------------------------------------------------------------------------------


def utc(day: int, hour: int = 0) -> dt.datetime:
    return dt.datetime(2025, 6, day, hour, tzinfo=dt.UTC)


@pytest.fixture
def noticed(drawn: Work, form: Filled) -> Work:
    """Two samples with findings, one of two items."""
    site, road = number(drawn, "building_site", "building_site"), number(drawn, "street_appearance", "main_road")
    for no in (site, road):
        form.sample(no, inspected_at=AT, inspector="王五")
    form.finding(site, "GD1", n=1)
    form.finding(road, "JJ1", n=1)
    form.finding(road, "JJ4", n=2)
    form.take(drawn)
    return drawn


def test_a_notice_holds_the_findings_that_stand_in_none(noticed: Work, form: Filled) -> None:
    site = number(noticed, "building_site", "building_site")
    first = notices.issue_notice(noticed.but(actor="李四"), DRAW, UNIT, utc(20), samples=[site], issued_at=utc(13))
    second = notices.issue_notice(noticed.but(actor="李四"), DRAW, UNIT, utc(20), issued_at=utc(13))
    assert (first["notice_no"], second["notice_no"]) == (f"{DRAW}-N001", f"{DRAW}-N002")
    assert [f["item_code"] for f in first["findings"]] == ["GD1"]
    assert [f["item_code"] for f in second["findings"]] == ["JJ1", "JJ4"]
    with pytest.raises(FindingsMissing):
        notices.issue_notice(noticed.but(actor="李四"), DRAW, UNIT, utc(20), issued_at=utc(13))
    with pytest.raises(FindingsMissing):
        notices.issue_notice(noticed.but(actor="李四"), DRAW, "S02", utc(20), issued_at=utc(13))
    form.finding(site, "GD1", n=3)  # a correction is no new finding
    assert form.take(noticed).n_corrected == 1
    with pytest.raises(FindingsMissing):
        notices.issue_notice(noticed.but(actor="李四"), DRAW, UNIT, utc(20), issued_at=utc(13))


def test_how_a_notice_stands_follows_from_its_checks(noticed: Work) -> None:
    no = notices.issue_notice(noticed.but(actor="李四"), DRAW, UNIT, utc(20), issued_at=utc(13))["notice_no"]

    def at(day: int, hour: int = 0) -> str:
        (found,) = notices.list_notices(noticed, DRAW, at=utc(day, hour))
        return str(found["state"])

    assert [at(13), at(19, 23), at(20)] == ["open", "open", "overdue"]
    notices.check_notice(noticed.but(actor="赵六"), no, "not_done", checked_at=utc(18))
    assert [at(17), at(18), at(20)] == ["open", "not_done", "overdue"]
    late = notices.check_notice(noticed.but(actor="赵六"), no, "done", checked_at=utc(21), note="已补")
    assert late["state"] == "done_late"
    assert [at(20, 23), at(21)] == ["overdue", "done_late"]
    with pytest.raises(NoticeClosed) as closed:
        notices.check_notice(noticed.but(actor="赵六"), no, "done", checked_at=utc(22))
    assert closed.value.at == "2025-06-21 08:00:00"  # city time, as all times for people
    assert notices.list_notices(noticed, DRAW, at=utc(12)) == []


def test_what_a_notice_refuses(noticed: Work) -> None:
    with pytest.raises(OptionInvalid) as e:
        notices.issue_notice(noticed.but(actor="李四"), DRAW, UNIT, utc(13), issued_at=utc(13))
    assert (e.value.value, e.value.expected) == ("2025-06-13 08:00:00", "> 2025-06-13 08:00:00")
    no = notices.issue_notice(noticed.but(actor="李四"), DRAW, UNIT, utc(20), issued_at=utc(13))["notice_no"]
    for when in (utc(12, 23), dt.datetime(2999, 1, 1, tzinfo=dt.UTC)):
        with pytest.raises(OptionInvalid) as e:
            notices.check_notice(noticed.but(actor="赵六"), no, "done", checked_at=when)
        assert e.value.expected.startswith("2025-06-13 08:00:00 … ")
    with pytest.raises(NoticeMissing):
        notices.check_notice(noticed.but(actor="赵六"), "N9", "done")
    for by in ("", " "):
        with pytest.raises(OptionInvalid):
            notices.check_notice(noticed.but(actor=by), no, "done", checked_at=utc(15))
    assert notices.list_notices(noticed, number=no)[0]["checks"] == []
    with pytest.raises(DrawMissing):
        notices.list_notices(noticed, "huiji-2025-05")


def test_a_notice_names_only_samples_of_its_unit(noticed: Work) -> None:
    site = number(noticed, "building_site", "building_site")
    for wrong in ("huiji-2025-06-9999", number(noticed, "building_site", "building_site", "S02")):
        with pytest.raises(OptionInvalid) as e:
            notices.issue_notice(
                noticed.but(actor="李四"), DRAW, UNIT, utc(20), samples=[site, wrong], issued_at=utc(13)
            )
        assert e.value.facts["value"] == wrong
    with pytest.raises(OptionInvalid):
        notices.issue_notice(noticed.but(actor=" "), DRAW, UNIT, utc(20), issued_at=utc(13))
    assert notices.list_notices(noticed) == []


def test_no_check_lies_before_another(noticed: Work) -> None:
    """Found not done on the 18th, it was not done on the 15th: a notice does not become timely afterwards."""
    no = notices.issue_notice(noticed.but(actor="李四"), DRAW, UNIT, utc(20), issued_at=utc(13))["notice_no"]
    notices.check_notice(noticed.but(actor="赵六"), no, "not_done", checked_at=utc(18))
    with pytest.raises(OptionInvalid):
        notices.check_notice(noticed.but(actor="赵六"), no, "done", checked_at=utc(17, 23))
    assert notices.check_notice(noticed.but(actor="赵六"), no, "done", checked_at=utc(18))["state"] == "done"
