"""Rows of text → facts: what is read, what is refused and why, and that every row is in one of the two."""

import datetime as dt
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt import city, geo
from gridmgmt.errors import ProfileInvalid
from gridmgmt.faults import Fault
from gridmgmt.files import calendars
from gridmgmt.files.cells import as_code
from gridmgmt.files.rows import X, Y
from gridmgmt.intake.readers import profiles
from gridmgmt.intake.readers.columns import FieldSpec
from gridmgmt.intake.readers.facts import Known, Parsed, parse
from gridmgmt.intake.readers.fields import Chunk

CITY = city.from_dict({"code": "4403", "name": "示例市", "time_zone": "Asia/Shanghai", "metric_crs": 4547})
KNOWN = Known({("s", "component", "01001"), ("s", "event", "0203")}, {"U1"})
PROFILE = """
id: test
kind: cases
title: {zh: 测试, en: Test}
null_values: ["", "NULL"]
version: 版本
columns:
  case_no: 编号
  reported_at: 上报
  handled_at: 处置
  closed_at: 结案
  due_extended_at: 延期
  status: {column: 状态, map: {已结案: closed, 处置中: handling}}
  description: 描述
  unit_code: 部门
  n_rework: 返工
  is_repeat: 重复
location: {lon: 经度, lat: 纬度, system: {column: 坐标系, map: {大地: "epsg:4490", 火星: gcj02}}, null: [[0, 0]]}
category: {column: 小类, kind: {column: 大类, map: {部件: component, 事件: event}}, scheme: s}
deadline:
  - {column: 时限}
"""
ROW = {
    "编号": "A1", "上报": "2025-03-01 08:00:00", "处置": "2025-03-01 09:00:00", "结案": "2025-03-01 10:00:00",
    "时限": "2025-03-02 08:00:00", "延期": "", "状态": "已结案", "描述": "井盖 破损", "部门": "U1", "返工": "1",
    "重复": "否", "经度": "114.05", "纬度": "22.54", "坐标系": "大地", "小类": "01001", "大类": "部件",
    "版本": "2025-03-05 00:00:00",
}  # fmt: skip


def read(
    *changes: dict[str, Any], profile: str = PROFILE, crs: str | None = None, unread: Sequence[Fault] = ()
) -> Parsed:
    raw = pd.DataFrame([{**ROW, **c} for c in changes], dtype="str")
    raw.index = pd.RangeIndex(2, 2 + len(raw), name="row")
    return parse(raw, profiles.parse(profile, "test.yaml"), CITY, KNOWN, crs, unread)


def only(parsed: Parsed) -> dict[str, Any]:
    assert parsed.faults == []
    (row,) = parsed.facts.to_dict("records")
    return row


def utc(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


def test_a_good_row() -> None:
    row = only(read({}))
    assert row["case_no"] == "A1"
    assert row["reported_at"] == utc("2025-03-01 00:00")
    assert row["closed_at"] == utc("2025-03-01 02:00")
    assert row["due_at"] == utc("2025-03-02 00:00")
    assert row["version_at"] == utc("2025-03-04 16:00")
    assert pd.isna(row["due_extended_at"])
    assert pd.isna(row["accepted_at"])
    assert (row["category_scheme"], row["category_kind"], row["category_code"]) == ("s", "component", "01001")
    assert (row["status"], row["description"], row["unit_code"]) == ("closed", "井盖 破损", "U1")
    assert pd.isna(row["source"])
    assert (row["n_rework"], row["is_repeat"]) == (1, False)
    assert (row["lon"], row["lat"]) == (114.05, 22.54)


def test_nulls_of_every_field_but_the_required() -> None:
    nothing = dict.fromkeys(ROW, "NULL") | {k: ROW[k] for k in ("编号", "上报")}
    row = only(read(nothing))
    assert (row["n_rework"], row["is_repeat"]) == (0, False)
    present = {k for k, v in row.items() if not pd.isna(v)}
    assert present == {"case_no", "reported_at", "n_rework", "is_repeat"}


def test_what_an_export_cannot_tell_is_unknown() -> None:
    short = "\n".join(line for line in PROFILE.splitlines() if not line.startswith(("  n_rework", "  is_repeat")))
    row = only(read({}, profile=short))
    assert pd.isna(row["n_rework"])
    assert pd.isna(row["is_repeat"])


FAULTS = [
    ("编号", "", "value_missing", None),
    ("编号", "2.02503E+17", "code_rounded", "2.02503E+17"),
    ("上报", "NULL", "value_missing", "NULL"),
    ("上报", "昨天", "time_unreadable", "昨天"),
    ("上报", "2025-03", "time_unreadable", "2025-03"),
    ("上报", "2025", "time_unreadable", "2025"),
    ("上报", "4571.35", "time_unreadable", "4571.35"),
    ("上报", "2025-02-30", "time_unreadable", "2025-02-30"),
    ("上报", "2025-03-01 25:00:00", "time_unreadable", "2025-03-01 25:00:00"),
    ("结案", "1900-01-01", "time_implausible", "1900-01-01"),
    ("结案", "0001-01-01 00:00:00", "time_implausible", "0001-01-01 00:00:00"),
    ("结案", "9999-12-31 23:59:59", "time_implausible", "9999-12-31 23:59:59"),
    ("结案", "9999-12-31T23:59:59-11:00", "time_implausible", "9999-12-31T23:59:59-11:00"),
    ("上报", "1986-05-04 02:30:00", "time_does_not_exist", "1986-05-04 02:30:00"),
    ("结案", "2025-02-28 10:00:00", "time_before_report", "2025-02-28 10:00:00"),
    ("时限", "2025-02-28", "time_before_report", "2025-02-28"),
    ("延期", "2025-03-02 07:59:59", "extension_shortens", "2025-03-02 07:59:59"),
    ("状态", "办结", "value_not_in_map", "办结"),
    ("部门", "U9", "unit_unknown_value", "U9"),
    ("返工", "-1", "number_out_of_range", "-1"),
    ("返工", "1.5", "number_not_whole", "1.5"),
    ("返工", "inf", "number_unreadable", "inf"),
    ("返工", "1,234", "number_unreadable", "1,234"),
    ("重复", "也许", "flag_unreadable", "也许"),
    ("大类", "事项", "value_not_in_map", "事项"),
    ("大类", "", "value_missing", None),
    ("小类", "01002", "category_unknown_value", "01002"),
    ("小类", "01*", "category_malformed", "01*"),
    ("经度", "", "coordinate_missing", None),
    ("纬度", "NULL", "coordinate_missing", "NULL"),
    ("经度", "114°03′", "number_unreadable", "114°03′"),
    ("坐标系", "", "system_missing", None),
    ("坐标系", "百度", "value_not_in_map", "百度"),
    ("版本", "v2", "time_unreadable", "v2"),
]


@cache
def each_between_good_rows() -> Parsed:
    """One reading of every fault, each in a row of its own between two good ones: what takes time is a reading."""
    good = ({"编号": f"G{n}"} for n in range(len(FAULTS) + 1))
    return read(next(good), *(row for column, value, *_ in FAULTS for row in ({column: value}, next(good))))


@pytest.mark.parametrize(("n", "column", "value", "code", "shown"), [(n, *told) for n, told in enumerate(FAULTS)])
def test_each_fault_is_named_once_by_row_column_and_value(
    n: int, column: str, value: str, code: str, shown: str
) -> None:
    parsed, row = each_between_good_rows(), 3 + 2 * n
    found = [(p.row, p.column, p.value or None, p.code) for p in parsed.faults if abs(p.row - row) <= 1]
    assert found == [(row, column, shown, code)]
    assert {row - 1, row + 1} <= set(parsed.facts.index)
    assert row not in parsed.facts.index


def test_every_problem_of_a_row_is_told() -> None:
    parsed = read({"编号": "", "返工": "x", "纬度": "", "小类": "9"})
    assert {p.code for p in parsed.faults} == {
        "value_missing", "number_unreadable", "coordinate_missing", "category_unknown_value",
    }  # fmt: skip
    assert parsed.facts.empty


def test_two_fields_of_one_column_name_its_fault_once() -> None:
    both = PROFILE.replace("  handled_at: 处置", "  handled_at: 上报")
    assert [p.code for p in read({"上报": "x"}, profile=both).faults] == ["time_unreadable"]


@given(st.lists(st.sampled_from([{}, *({c: v} for c, v, *_ in FAULTS)]), min_size=1, max_size=30))
def test_every_row_is_a_fact_or_has_a_problem(changes: list[dict[str, Any]]) -> None:
    parsed = read(*changes)
    bad = {p.row for p in parsed.faults}
    assert sorted([*parsed.facts.index, *bad]) == list(range(2, 2 + len(changes)))
    assert bad == {n for n, change in enumerate(changes, 2) if change}


# --- times -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        "2025-03-01 08:05:00", "2025-03-01T08:05", "2025-3-1 8:05", "2025/3/1 8:05", "2025/03/01 08:05:00",
        "2025年3月1日 8:05", "2025年03月01日 08:05:00", "2025-03-01T00:05:00Z", "2025-03-01 08:05:00+08:00",
        "2025-03-01 08:05:00+08", "2025-03-01T00:05:00.000+0000",
        "　2025-03-01 08:05 ", "２０２５－０３－０１ ０８：０５",
    ],
)  # fmt: skip
def test_a_time_may_be_written_in_many_ways(written: str) -> None:
    assert only(read({"上报": written}))["reported_at"] == utc("2025-03-01 00:05")


TIMES = st.sampled_from(
    [
        "2025-03-01 08:05:00", "2025-03-01T08:05", "2025-02-30 08:05:00", "2025-03-01 24:00:00", "2025/3/1 8:05", "x",
        "2025-03-01 25:00", "1979-12-31 23:59:59", "2099-12-31 23:59:59", "2100-01-01 00:00", "2025-03-01 00:05:00Z",
    ]
)  # fmt: skip


@cache
def read_alone(written: str) -> Parsed:
    """A file with one case that was reported at a time."""
    return read({"上报": written})


@given(st.lists(TIMES, min_size=1, max_size=8))
def test_a_time_is_read_alike_whatever_stands_beside_it(written: list[str]) -> None:
    together = read(*({"上报": text} for text in written))
    codes = {f.row: f.code for f in together.faults}
    for row, text in enumerate(written, 2):
        alone = read_alone(text)
        assert codes.get(row) == next((f.code for f in alone.faults), None)
        if row not in codes:
            assert together.facts.loc[row, "reported_at"] == only(alone)["reported_at"]


def test_a_day_is_its_first_instant() -> None:
    for written in ("2025-03-01", "20250301", "2025/3/1", "2025年3月1日"):
        assert only(read({"上报": written}))["reported_at"] == utc("2025-02-28 16:00")


def test_a_given_format_is_the_only_one() -> None:
    given = PROFILE.replace("reported_at: 上报", 'reported_at: {column: 上报, format: "%m-%d-%Y"}')
    assert only(read({"上报": "03-01-2025"}, profile=given))["reported_at"] == utc("2025-02-28 16:00")
    assert [p.code for p in read({"上报": "2025-03-01"}, profile=given).faults] == ["time_unreadable"]
    zoned = PROFILE.replace("reported_at: 上报", 'reported_at: {column: 上报, format: "%d.%m.%Y %H:%M %z"}')
    assert only(read({"上报": "01.03.2025 01:00 +0100"}, profile=zoned))["reported_at"] == utc("2025-03-01 00:00")


def test_a_repeated_time_is_its_first_occurrence_and_a_skipped_one_is_refused() -> None:
    there = PROFILE.replace("kind: cases", "kind: cases\ntime_zone: America/New_York")
    rest = {"处置": "", "结案": "", "时限": "", "版本": ""}
    parsed = read({"上报": "2015-11-01 01:30:00", **rest}, {"上报": "2015-03-08 02:30:00", **rest}, profile=there)
    assert parsed.facts["reported_at"].tolist() == [utc("2015-11-01 05:30")]
    assert parsed.notes == {"ambiguous_times": 1}
    (problem,) = parsed.faults
    assert (problem.row, problem.code, problem.facts) == (3, "time_does_not_exist", {"zone": "America/New_York"})


def test_at_the_report_is_not_before_it_and_at_the_deadline_no_shortening() -> None:
    row = only(read({"处置": ROW["上报"], "延期": ROW["时限"]}))
    assert row["handled_at"] == row["reported_at"]
    assert row["due_extended_at"] == row["due_at"]


# --- deadlines -------------------------------------------------------------------------------------------------------


def test_the_first_rule_that_gives_a_deadline_decides() -> None:
    rules = """
  - {column: 时限, when: {column: 大类, in: [事件]}}
  - {after: closed_at, hours: 1.5}
  - {after: reported_at, hours: 48}
"""
    staged = PROFILE.replace("\n  - {column: 时限}\n", rules)
    event = {"大类": "事件", "小类": "0203"}
    parsed = read(event, {}, {"结案": ""}, profile=staged)
    assert parsed.faults == []
    assert parsed.facts["due_at"].tolist() == [
        utc("2025-03-02 00:00"), utc("2025-03-01 03:30"), utc("2025-03-03 00:00"),
    ]  # fmt: skip


# --- numbers, flags, codes -------------------------------------------------------------------------------------------


def test_full_width_forms_are_half_width_ones_in_codes_and_numbers_only() -> None:
    typed = {
        "编号": "　Ａ－１\u200b",
        "返工": "２",
        "小类": "０１００１",
        "部门": "Ｕ１",
        "经度": "１１４．０５",
        "描述": "　Ａ１（坏） ",
    }
    row = only(read(typed))
    assert (row["case_no"], row["n_rework"], row["category_code"], row["unit_code"]) == ("A-1", 2, "01001", "U1")
    assert (row["lon"], row["description"]) == (114.05, "Ａ１（坏）")
    assert as_code("〔２０２５〕（Ｂ）") == "〔2025〕（B）"


@pytest.mark.parametrize(
    ("written", "value"), [("是", True), ("Y", True), ("TRUE", True), ("１", True), ("", False), ("No", False)]
)
def test_flags(written: str, value: bool) -> None:
    assert only(read({"重复": written}))["is_repeat"] is value


@pytest.mark.parametrize("words", ["{重复件: true, 新件: false}", '{重复件: 是, 新件: "0"}'])
def test_a_flag_by_a_map(words: str) -> None:
    mapped = PROFILE.replace("is_repeat: 重复", f"is_repeat: {{column: 重复, map: {words}}}")
    parsed = read({"重复": "重复件"}, {"重复": "新件"}, {"重复": ""}, profile=mapped)
    assert parsed.faults == []
    assert parsed.facts["is_repeat"].tolist() == [True, False, False]


def test_a_key_of_several_columns_needs_all_of_them() -> None:
    joined = PROFILE.replace("case_no: 编号", "case_no: {columns: [编号, 部门]}")
    assert only(read({}, profile=joined))["case_no"] == "A1-U1"
    (problem,) = read({"部门": ""}, profile=joined).faults
    assert (problem.column, problem.code) == ("编号, 部门", "value_missing")


def test_default_null_and_map_of_one_field() -> None:
    spec = FieldSpec(column="状态", map={"已结案": "closed"}, default="handling", null=("-",))
    raw = pd.DataFrame({"状态": ["已结案", "别的", "-", None]}, index=pd.RangeIndex(2, 6), dtype="str")
    chunk = Chunk(raw, profiles.parse(PROFILE, "test.yaml"), CITY.zone)
    found = chunk.text(spec)
    assert [found[row] for row in (2, 4, 5)] == ["closed", "handling", "handling"]
    # a value nobody mapped is never guessed to be the default
    assert [(p.row, p.value, p.code) for p in chunk.faults] == [(3, "别的", "value_not_in_map")]


def test_an_unknown_coordinate_system_is_refused_and_not_taken_for_the_default() -> None:
    located = {"经度": "114.05", "纬度": "22.54"}
    for system in ("BD09", "百度", "WGS84", "GCJ-02"):
        assert [p.code for p in read({}, located | {"坐标系": system}).faults] == ["value_not_in_map"]


# --- places ----------------------------------------------------------------------------------------------------------


def test_the_system_may_depend_on_a_column() -> None:
    lon, lat = (float(v) for v in geo.to_gcj02(114.05, 22.54))
    parsed = read({}, {"经度": str(lon), "纬度": str(lat), "坐标系": "火星"})
    assert parsed.faults == []
    assert parsed.facts["lon"].to_numpy() == pytest.approx([114.05] * 2, abs=1e-9)
    assert parsed.facts["lat"].to_numpy() == pytest.approx([22.54] * 2, abs=1e-9)
    assert parsed.facts["lon"].iloc[0] == 114.05


@pytest.mark.parametrize("nowhere", [{"经度": "0", "纬度": "0.000"}, {"经度": "", "纬度": ""}])
def test_no_location_is_kept_without_one(nowhere: dict[str, str]) -> None:
    row = only(read(nowhere | {"坐标系": ""}))
    assert np.isnan([row["lon"], row["lat"]]).all()


@pytest.mark.parametrize("system", ["大地", "火星"])
def test_swapped_coordinates_are_refused(system: str) -> None:
    (problem,) = read({"经度": "22.54", "纬度": "114.05", "坐标系": system}).faults
    assert (problem.column, problem.value, problem.code) == ("经度, 纬度", "22.54, 114.05", "coordinate_refused")


def test_a_coordinate_of_zero_alone_is_a_coordinate() -> None:
    row = only(read({"经度": "0", "纬度": "22.54"}))
    assert (row["lon"], row["lat"]) == (0, 22.54)


def test_a_system_that_is_none_stops_its_rows_only() -> None:
    plain = PROFILE.replace('{column: 坐标系, map: {大地: "epsg:4490", 火星: gcj02}}', "{column: 坐标系}")
    parsed = read({"坐标系": "epsg:4490"}, {"坐标系": "火星"}, {"坐标系": "epsg:4610"}, profile=plain)
    assert parsed.facts.index.tolist() == [2]
    assert [(p.row, p.column, p.value, p.code) for p in parsed.faults] == [
        (3, "坐标系", "火星", "system_unknown"), (4, "坐标系", "epsg:4610", "system_unknown"),
    ]  # fmt: skip


def test_the_points_of_a_layer() -> None:
    shapes = (
        PROFILE[: PROFILE.index("location:")] + "location: {geometry: true}\n" + PROFILE[PROFILE.index("category:") :]
    )
    raw = {X: "500000", Y: "2493000"}
    row = only(read(raw, profile=shapes, crs="epsg:4547"))
    assert (row["lon"], row["lat"]) == pytest.approx((114, 22.53), abs=0.02)
    assert [p.code for p in read(raw, profile=shapes).faults] == ["system_missing"]
    (problem,) = read({X: "LineString", Y: None}, profile=shapes, crs="epsg:4547").faults
    assert (problem.column, problem.value, problem.code) == (X, "LineString", "number_unreadable")


# --- samples ---------------------------------------------------------------------------------------------------------

SAMPLES = """
id: test
kind: samples
title: {zh: 样本, en: Samples}
columns:
  sample_no: 编号
  sampled_at: 上报
  score: {column: 状态, map: {好: 100, 中: 62.5, 未评: null}}
location: {lon: 经度, lat: 纬度, system: "epsg:4490"}
"""


def test_samples() -> None:
    parsed = read({"状态": "好"}, {"状态": "中"}, {"状态": "未评"}, {"状态": "差"}, profile=SAMPLES)
    assert parsed.facts["score"].iloc[:2].tolist() == [100, 62.5]
    assert np.isnan(parsed.facts["score"].iloc[2])
    assert parsed.facts["sampled_at"].iloc[0] == dt.datetime(2025, 3, 1, tzinfo=dt.UTC)
    assert [(p.row, p.code) for p in parsed.faults] == [(5, "value_not_in_map")]


def test_the_frame_is_never_changed() -> None:
    raw = pd.DataFrame([ROW], index=pd.RangeIndex(2, 3), dtype="str")
    before = raw.copy()
    parse(raw, profiles.parse(PROFILE, "test.yaml"), CITY, KNOWN)
    pd.testing.assert_frame_equal(raw, before)


@pytest.mark.parametrize(
    ("written", "local"),
    [
        ("2025.03.05 08:00", "2025-03-05 08:00"),
        ("2025.3.5", "2025-03-05"),
        ("20250305080102", "2025-03-05 08:01:02"),
        ("2025-03-05 下午3:05", "2025-03-05 15:05"),
        ("2025年3月5日上午12:05", "2025-03-05 00:05"),
        ("2025/3/5 下午12:05:06", "2025-03-05 12:05:06"),
        ("2025-03-05\u3000 08:00", "2025-03-05 08:00"),
        ("2025-03-05 24:00", "2025-03-06"),
        ("2025年12月31日 24:00:00", "2026-01-01"),
        ("45721.5", "2025-03-05 12:00"),
        ("45721.334722222222", "2025-03-05 08:02"),
    ],
)
def test_times_as_exports_and_people_write_them(written: str, local: str) -> None:
    row = only(read({"上报": written, "处置": "", "结案": "", "时限": ""}))
    assert row["reported_at"] == pd.Timestamp(local, tz="Asia/Shanghai")


@pytest.mark.parametrize("written", ["2025-03-05 下午13:05", "2025-03-05 24:01", "2025-02-30 24:00", "4572"])
def test_what_only_looks_like_such_a_time_is_told(written: str) -> None:
    assert "time_unreadable" in [f.code for f in read({"上报": written}).faults]


# --- deadlines and fields that may be left out ---------------------------------------------------------------------


def with_deadline(rule: str) -> str:
    assert "deadline:\n  - {column: 时限}\n" in PROFILE
    return PROFILE.replace("deadline:\n  - {column: 时限}\n", f"deadline: {rule}\n")


@pytest.mark.parametrize(
    ("rule", "due"),
    [
        ("{from: reported_at, days: 5}", "2025-03-06 00:00"),
        ("{after: reported_at, hours: 1.5}", "2025-03-01 01:30"),
        ("{from: reported_at, working_days: 5}", "2025-03-07 10:00"),  # a Saturday: Monday to Friday, 18:00
        ("{from: reported_at, working_hours: 4}", "2025-03-03 04:00"),
        ("{column: 时限, day: end}", "2025-03-02 00:00"),  # 08:00 on that day: a time, not a day
        ("{first: [延期, 时限]}", "2025-03-02 00:00"),
        ("[{column: 延期}, {from: reported_at, days: 1}]", "2025-03-02 00:00"),
    ],
)
def test_a_deadline_is_counted_or_read(rule: str, due: str) -> None:
    raw = pd.DataFrame([ROW], index=pd.RangeIndex(2, 3, name="row"), dtype="str")
    profile = profiles.parse(with_deadline(rule), "test.yaml")
    assert only(parse(raw, profile, CITY, KNOWN, calendar=calendars.load("cn")))["due_at"] == utc(due)


@pytest.mark.parametrize(
    ("text", "day", "due"),
    [
        ("2025-03-02", "start", "2025-03-01 16:00"),
        ("2025-03-02", "end", "2025-03-02 16:00"),
        ("2025-03-02 00:00:00", "end", "2025-03-02 16:00"),
        ("2025-03-02 24:00", "end", "2025-03-02 16:00"),  # says so itself
        ("2025年3月2日", "end", "2025-03-02 16:00"),
        ("2025-03-02 17:30", "end", "2025-03-02 09:30"),
    ],
)
def test_a_day_without_a_time_is_its_beginning_or_its_end(text: str, day: str, due: str) -> None:
    row = only(read({"时限": text}, profile=with_deadline(f"{{column: 时限, day: {day}}}")))
    assert row["due_at"] == utc(due)


def test_a_wrong_deadline_goes_to_quarantine_with_its_case_unless_the_profile_leaves_it_out() -> None:
    bad = {"时限": "2025-02-28"}  # before the report
    assert [f.code for f in read(bad).faults] == ["time_before_report"]
    parsed = read(
        bad, {"编号": "A2", "时限": "无"}, {"编号": "A3"}, profile=with_deadline("{column: 时限, invalid: drop}")
    )
    assert parsed.faults == []
    assert list(parsed.facts["case_no"]) == ["A1", "A2", "A3"]
    assert list(parsed.facts["due_at"].isna()) == [True, True, False]
    told = [(f.row, f.value, f.code) for f in parsed.dropped["due_at"]]
    assert told == [(3, "无", "time_unreadable"), (2, "2025-02-28", "time_before_report")]


def test_a_later_rule_does_not_replace_a_deadline_that_was_left_out() -> None:
    rules = "[{column: 时限, invalid: drop}, {from: reported_at, days: 5}]"
    parsed = read({"时限": "2025-02-28"}, {"编号": "A2", "时限": ""}, profile=with_deadline(rules))
    assert parsed.faults == []
    assert pd.isna(parsed.facts["due_at"].iloc[0])
    assert parsed.facts["due_at"].iloc[1] == utc("2025-03-06 00:00")


def test_what_is_left_out_is_empty_whatever_its_type() -> None:
    profile = PROFILE
    for name, column in (("n_rework", "返工"), ("is_repeat", "重复"), ("handled_at", "处置")):
        profile = profile.replace(f"  {name}: {column}\n", f"  {name}: {{column: {column}, invalid: drop}}\n")
    row = only(read({"返工": "很多", "重复": "或许", "处置": "昨天"}, profile=profile))
    assert [pd.isna(row[name]) for name in ("n_rework", "is_repeat", "handled_at")] == [True, True, True]
    assert row["closed_at"] == utc("2025-03-01 02:00")


@pytest.mark.parametrize("name", ["case_no", "reported_at", "closed_at", "status", "unit_code"])
def test_no_case_goes_without_what_it_is_judged_by(name: str) -> None:
    column = profiles.parse(PROFILE, "test.yaml").columns[name].column
    old = next(line for line in PROFILE.splitlines() if line.startswith(f"  {name}:"))
    with pytest.raises(ProfileInvalid) as e:
        profiles.parse(PROFILE.replace(old, f"  {name}: {{column: {column}, invalid: drop}}"), "test.yaml")
    assert e.value.reason == {"code": "invalid_needed", "name": name}


def test_the_first_column_that_has_a_value_is_taken() -> None:
    profile = PROFILE.replace("  description: 描述\n", "  description: {first: [备注, 描述]}\n")
    parsed = read({"备注": "", "描述": "旧"}, {"编号": "A2", "备注": "新", "描述": "旧"}, profile=profile)
    assert list(parsed.facts["description"]) == ["旧", "新"]


@pytest.mark.parametrize(
    ("code", "cell"),
    [
        ("cell_nul", "井盖\u2400破损"),
        ("cell_bytes", r"井盖\xFF破损"),
        ("cell_long", "井" * 9000),
        ("cell_error", "#N/A"),
    ],
)
def test_a_cell_that_cannot_be_stored_is_left_out_like_any_wrong_value(code: str, cell: str) -> None:
    profile = PROFILE.replace("  description: 描述\n", "  description: {column: 描述, invalid: drop}\n")
    unread = [Fault(2, "描述", cell[:200], code), Fault(4, "部门", "U\u2400", code)]
    parsed = read({"描述": cell}, {"编号": "A2"}, {"编号": "A3", "部门": "U\u2400"}, profile=profile, unread=unread)
    assert parsed.facts["description"].fillna("–").tolist() == ["–", "井盖 破损"], "the row is in, the value is not"
    assert [(f.row, f.column, f.value, f.code) for f in parsed.dropped["description"]] == [
        (2, "描述", cell[:200], code)
    ]
    assert {f.row for f in parsed.faults} == {4}, "a unit is judged: its row waits"


def test_a_cell_that_another_field_needs_keeps_its_row_back() -> None:
    both = PROFILE.replace("  description: 描述\n", "  description: {first: [描述, 部门], invalid: drop}\n")
    unread = [Fault(2, "部门", "U\u2400", "cell_nul"), Fault(3, "描述", "\u2400", "cell_nul")]
    parsed = read({"部门": "U\u2400"}, {"编号": "A2", "描述": "\u2400"}, profile=both, unread=unread)
    assert [(f.row, f.column, f.code) for f in parsed.faults if f.code == "cell_nul"] == [(2, "部门", "cell_nul")]
    assert parsed.facts["case_no"].tolist() == ["A2"]
    assert parsed.facts["description"].isna().tolist() == [True], "the next column does not stand in for a wrong one"


def test_a_deadline_cell_that_cannot_be_read_is_left_out() -> None:
    profile = with_deadline("[{column: 时限, invalid: drop}, {from: reported_at, days: 5}]")
    parsed = read({"时限": "\u2400"}, {"编号": "A2"}, profile=profile, unread=[Fault(2, "时限", "\u2400", "cell_nul")])
    assert parsed.faults == []
    assert parsed.facts["due_at"].isna().tolist() == [True, False]
    assert [(f.row, f.code) for f in parsed.dropped["due_at"]] == [(2, "cell_nul")]


REPEATING = PROFILE.replace("  is_repeat: 重复\n", "  is_repeat: 重复\n  repeat_of: 原案件\n")


def test_a_case_that_names_the_one_it_repeats_is_a_repeat() -> None:
    rows = [("A1", "ａ０", ""), ("A2", "A1", "是"), ("A3", "", "是"), ("A4", " ", "否")]
    parsed = read(*({"编号": no, "原案件": first, "重复": flag} for no, first, flag in rows), profile=REPEATING)
    assert parsed.faults == []
    assert parsed.facts["repeat_of"].fillna("–").tolist() == ["a0", "A1", "–", "–"]
    assert parsed.facts["is_repeat"].tolist() == [True, True, True, False]


def test_the_column_of_the_case_repeated_alone_tells_which_cases_are_repeats() -> None:
    alone = PROFILE.replace("  is_repeat: 重复\n", "  repeat_of: 原案件\n")
    parsed = read({"原案件": "A0"}, {"编号": "A2", "原案件": ""}, profile=alone)
    assert parsed.facts["is_repeat"].tolist() == [True, False]
    assert "repeat_of" in parsed.facts
    assert read({}).facts["repeat_of"].isna().all()


def test_a_case_repeats_another_one_and_does_not_deny_it() -> None:
    parsed = read({"原案件": "A1", "重复": ""}, {"编号": "A2", "原案件": "A1", "重复": "否"}, profile=REPEATING)
    assert [(f.row, f.column, f.code) for f in parsed.faults] == [
        (2, "原案件", "repeats_itself"), (3, "重复", "repeat_denied")
    ]  # fmt: skip
