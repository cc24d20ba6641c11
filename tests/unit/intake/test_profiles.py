"""Profiles: the shipped ones load, and a mistake is told when the profile is read, by its key."""

from pathlib import Path

import pytest

from gridmgmt.errors import ProfileInvalid, ProfileMissing
from gridmgmt.files.rows import X, Y
from gridmgmt.intake.readers import profiles
from gridmgmt.settings import data_path
from gridmgmt.texts import catalogue, word

GOOD = """
id: test
kind: cases
title: {zh: 测试, en: Test}
columns:
  case_no: 编号
  reported_at: 上报
  status: {column: 状态, map: {已结案: closed}}
location: {lon: x, lat: y, system: "epsg:4490"}
category: {column: 小类, kind: {column: 大类, map: {部件: component}}, scheme: s}
deadline:
  - {after: reported_at, hours: 8, when: {column: 大类, in: [部件]}}
"""


@pytest.mark.parametrize("path", sorted(data_path("profiles").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_profile_loads(path: Path) -> None:
    profile = profiles.load(path.stem)
    assert profile.id == path.stem
    assert profile.title.zh
    assert profile.title.en
    columns = profile.file_columns()
    assert len(set(columns)) == len(columns)
    assert set(profile.columns[profile.key].names) <= set(columns)


def test_the_columns_that_a_profile_reads() -> None:
    assert profiles.parse(GOOD, "test").file_columns() == ["编号", "上报", "状态", "x", "y", "小类", "大类"]
    shapes = GOOD.replace('{lon: x, lat: y, system: "epsg:4490"}', "{geometry: true}")
    assert {X, Y} <= set(profiles.parse(shapes, "test").file_columns())


@pytest.mark.parametrize("written", ["null", '"null"', "~"])
def test_null_as_a_key_is_a_word(written: str) -> None:
    text = GOOD.replace("{lon: x,", f"{{{written}: [[0, 0], [-1, 0.5]], lon: x,")
    if written == "~":
        text = text.replace("~", "null")
    assert profiles.parse(text, "test").location.null == ((0, 0), (-1, 0.5))


@pytest.mark.parametrize(
    ("old", "new", "key", "reason"),
    [
        ("id: test", "id: test\nid: test", "YAML", "line 3"),
        ("id: test", "id: [", "YAML", "line"),
        ("id: test", "colour: red\nid: test", "colour", "unknown key"),
        ("kind: cases", "kind: case", "kind", "cases"),
        ("kind: cases", "kind: samples", "columns", "case_no: no such field"),
        ("kind: cases", "kind: cases\ntime_zone: Asia/Nowhere", "time_zone", "Asia/Shanghai"),
        ("kind: cases", "kind: cases\ntime_zone: Asia", "time_zone", "Asia/Shanghai"),
        ("kind: cases", "kind: cases\nencodings: [utf8x]", "encodings", "utf8x"),
        ("title: {zh: 测试, en: Test}", "title: {zh: 测试}", "title.en", "missing"),
        ("  case_no: 编号\n", "", "columns", "case_no must be mapped"),
        ("case_no: 编号", "case_no: {default: A}", "columns", "not from a default"),
        ("case_no: 编号", "case_no: {column: a, columns: [b]}", "columns.case_no", "needs one of"),
        ("case_no: 编号", "case_no: {}", "columns.case_no", "needs column"),
        ("case_no: 编号", "case_no: {column: a, colour: b}", "columns.case_no.colour", "unknown key"),
        ("case_no: 编号", "case_no: 编号\n  score: 得分", "columns", "score: no such field"),
        ("已结案: closed", "已结案: close", "columns", "close: no such word"),
        ("已结案: closed", "1: closed", "columns.status.map.1", "quotes"),
        ("已结案: closed", "true: closed", "columns.status.map.true", "quotes"),
        ("部件: component", "部件: parts", "category.kind", "parts: no such word"),
        ("lat: y, ", "", "location", "needs lon and lat"),
        ("lat: y, ", "lat: y, geometry: true, ", "location", "needs lon and lat"),
        ("lon: x, lat: y, ", "lon: x, geometry: true, ", "location", "needs lon and lat"),
        (', system: "epsg:4490"', "", "location", "needs system"),
        ('system: "epsg:4490"', "system: gcj2", "location.system", "gcj2"),
        ('system: "epsg:4490"', "system: {column: s, map: {a: 'epsg:1'}}", "location.system", "epsg:1"),
        ("after: reported_at", "after: due_at", "deadline.0", "from must be one of"),
        ("after: reported_at", "after: accepted_at", "profile", "accepted_at"),
        ("hours: 8, ", "", "deadline.0", "with one of hours"),
        ("hours: 8", "hours: 0", "deadline.0.hours", "greater than 0"),
        ("after: reported_at", "after: reported_at, column: 时限", "deadline.0", "needs one of"),
        ("after: reported_at", "column: 时限", "deadline.0", "belong to from"),
        ("in: [部件]", "in: 部件", "deadline.0.when.in", "a list"),
    ],
)
def test_a_mistake_is_told_by_its_key(old: str, new: str, key: str, reason: str) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(ProfileInvalid) as e:
        profiles.parse(GOOD.replace(old, new), "test.yaml")
    assert (e.value.profile, e.value.key) == ("test.yaml", key)
    assert reason in word(e.value.code, e.value.facts, "en")
    assert e.value.reason["code"] in catalogue()
    assert e.value.reason["code"] != "invalid_detail"  # which is a library's English in a Chinese sentence


def test_an_unknown_key_names_the_known_ones_the_closest_first() -> None:
    told = {}
    for old, new in (
        ("id: test", "titel: x\nid: test"),
        ("case_no: 编号", "case_no: {column: a, colum: b}"),
        ('system: "epsg:4490"', "sistem: a"),
        ("in: [部件]", "inn: [部件]"),
    ):
        with pytest.raises(ProfileInvalid) as e:
            profiles.parse(GOOD.replace(old, new), "test.yaml")
        told[e.value.key] = (e.value.reason["code"], e.value.reason["known"][0])
    assert told == {
        "titel": ("invalid_unknown_key", "title"),
        "columns.case_no.colum": ("invalid_unknown_key", "column"),
        "location.sistem": ("invalid_unknown_key", "system"),
        "deadline.0.when.inn": ("invalid_unknown_key", "in"),
    }


STEPS = """
id: test
kind: steps
title: {zh: 测试, en: Test}
columns:
  case_no: 编号
  kind: {column: 步骤, map: {受理: accept}}
  verdict: {column: 结论, map: {好: satisfied}}
"""


def test_a_profile_of_steps_needs_no_place() -> None:
    profile = profiles.parse(STEPS, "test")
    assert (profile.key, profile.by_geometry, profile.file_columns()) == ("case_no", False, ["编号", "步骤", "结论"])
    assert profiles.parse(f"{STEPS}location: {{geometry: true}}\n", "test").by_geometry


@pytest.mark.parametrize(
    ("old", "new", "key", "reason"),
    [
        ("受理: accept", "受理: accepted", "columns", "accepted: no such word; known are report, accept"),
        ("好: satisfied", "好: good", "columns", "good: no such word"),
        ("  case_no: 编号\n", "", "columns", "case_no must be mapped"),
        ("kind: {column: 步骤, map: {受理: accept}}", "at: 时间", "columns", "kind must be mapped"),
        ("map: {受理: accept}", "default: accept", "columns", "not from a default"),
        ("case_no: 编号", "case_no: 编号\n  reported_at: 上报", "columns", "reported_at: no such field"),
        ("columns:", "deadline: [{column: 时限}]\ncolumns:", "profile", "belong to cases"),
        ("columns:", "category: {column: c, kind: matter, scheme: s}\ncolumns:", "profile", "belong to cases"),
        ("kind: steps", "kind: cases", "columns", "no such field"),
    ],
)
def test_a_mistake_in_a_profile_of_steps(old: str, new: str, key: str, reason: str) -> None:
    assert STEPS.count(old) == 1
    with pytest.raises(ProfileInvalid) as e:
        profiles.parse(STEPS.replace(old, new), "test.yaml")
    assert e.value.key == key
    assert reason in word(e.value.code, e.value.facts, "en")


def test_cases_and_samples_need_a_place() -> None:
    text = GOOD.replace('location: {lon: x, lat: y, system: "epsg:4490"}\n', "")
    with pytest.raises(ProfileInvalid) as e:
        profiles.parse(text, "test.yaml")
    assert (e.value.key, e.value.reason) == ("location", {"code": "invalid_missing"})


def test_the_sheet_of_steps_has_a_word_for_every_step_in_both_languages() -> None:
    spec = profiles.load("steps").columns["kind"]
    assert spec.map is not None
    for kind in profiles.WORDS["kind"]:
        assert spec.map[kind] == spec.map[word(f"step_{kind}", lang="zh")] == kind


@pytest.mark.parametrize("text", ["", "- a\n", "profile\n"])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(ProfileInvalid) as e:
        profiles.parse(text, "test.yaml")
    assert e.value.key == "profile"


def test_a_profile_by_path_and_one_that_is_absent(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(GOOD, "utf-8")
    assert profiles.load(str(path)).id == "test"
    path.write_bytes(GOOD.encode("gbk"))
    with pytest.raises(ProfileInvalid):
        profiles.load(str(path))
    for name in ("nothing", str(tmp_path / "absent.yaml"), ""):
        with pytest.raises(ProfileMissing) as e:
            profiles.load(name)
        assert "nyc_311" in e.value.known
