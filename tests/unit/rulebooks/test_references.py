"""Results that rulebooks take from one another: what leads nowhere, cannot be, or goes round in a circle is refused."""

import re
from pathlib import Path

import pytest

from gridmgmt.errors import RulebookInvalid, RulebookMissing
from gridmgmt.rulebooks.load import load, named, of_installation, read_file
from gridmgmt.rulebooks.model import Rulebook
from tests.worded import reason as reason_of

BOOK = """\
id: {id}
version: 1
title: {{zh: 考核, en: Assessment}}
issuer: {{zh: 小城, en: the town}}
source: project convention
valid: {{from: 2025-01-01}}
population: {{kind: {kind}}}
empty: {{option: incomplete, reason: {{zh: 缺一不可, en: all is needed}}}}
inputs:
  mark: {{title: {{zh: 打分, en: Mark}}, entered: {{zh: 打分, en: marked}}}}
  other: {{title: {{zh: 其他考核, en: Other}}, result: {result}}}
stages:
"""
STAGE = """\
  - id: {cadence}
    title: {{zh: 周期, en: Period}}
    cadence: {cadence}
    score:
      id: total_{cadence}
      title: {{zh: 得分, en: Score}}
      kind: sum
      items:
        - {{id: marked_{cadence}, title: {{zh: 打分, en: Mark}}, kind: entered, input: mark, points: 50}}
        - {{id: other_{cadence}, title: {{zh: 其他, en: Other}}, kind: entered, input: other, points: 50}}
"""
BELOW = """\
  - id: quarter
    title: {zh: 季度, en: Quarter}
    cadence: quarter
    score: {id: total_quarter, title: {zh: 各月平均, en: Months}, kind: periods, stage: month, how: mean, n: 3}
"""


def write(folder: Path, name: str, result: str, *stages: str, kind: str = "unit") -> str:
    """A rulebook in a folder of its own, beside the others."""
    path = folder / name / "rulebook.yaml"
    path.parent.mkdir()
    path.write_text(BOOK.format(id=name, result=result, kind=kind) + "".join(stages), "utf-8")
    return str(path)


def month() -> str:
    return STAGE.format(cadence="month")


def refused(path: str) -> RulebookInvalid:
    with pytest.raises(RulebookInvalid) as caught:
        load(path)
    return caught.value


def test_a_chain_that_ends_is_read(tmp_path: Path) -> None:
    write(tmp_path, "end", "{rulebook: elsewhere, local: true}", month())
    write(tmp_path, "middle", "{rulebook: end}", month())
    book: Rulebook = load(write(tmp_path, "top", "{rulebook: middle, take: item, item: other_month}", month())).rulebook
    assert book.inputs["other"].result is not None
    assert named(str(tmp_path / "top" / "rulebook.yaml")).rulebook == book


def test_what_a_foreign_one_names_is_not_looked_for_beside_it(tmp_path: Path) -> None:
    """It is handed in: a folder beside the one in which it is read is this machine's."""
    write(tmp_path, "end", "{rulebook: elsewhere, local: true}", month())
    path = Path(write(tmp_path, "top", "{rulebook: end}", month()))
    assert read_file(path, "top").rulebook.id == "top"
    with pytest.raises(RulebookInvalid):
        read_file(path, "top", is_foreign=True)


@pytest.mark.parametrize("name", ["../x", "/etc/x.yaml", "x.yaml", "x@", "x@1@2", "", "grid_baseline\n", "a" * 101])
def test_of_the_installation_is_no_path(name: str) -> None:
    with pytest.raises(RulebookMissing):
        of_installation(name)


@pytest.mark.parametrize("start", ["top", "middle", "end"])
def test_a_circle_over_several_rulebooks_is_refused_wherever_one_begins(tmp_path: Path, start: str) -> None:
    paths = {
        "top": write(tmp_path, "top", "{rulebook: middle}", month()),
        "middle": write(tmp_path, "middle", "{rulebook: end}", month()),
        "end": write(tmp_path, "end", "{rulebook: top}", month()),
    }
    fault = refused(paths[start])
    assert reason_of(fault).startswith(f"a cycle of results: {start} → ")
    assert reason_of(fault).endswith(f" → {start}")
    assert (fault.key, fault.line) == ("inputs.other.result", 11)


def test_one_that_rests_on_itself_is_refused(tmp_path: Path) -> None:
    assert "a cycle of results: self → self" in reason_of(refused(write(tmp_path, "self", "{rulebook: self}", month())))


def test_a_circle_through_shorter_periods_is_refused(tmp_path: Path) -> None:
    """The quarter of one takes months of the other, whose months take those of the one."""
    quarter = STAGE.format(cadence="quarter")
    path = write(tmp_path, "long", "{rulebook: short, within: month}", month(), quarter)
    write(tmp_path, "short", "{rulebook: long, within: month}", month(), quarter)
    assert "a cycle of results: long → short → long" in reason_of(refused(path))


def test_a_circle_that_a_source_rests_on_through_its_months_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "book", "{rulebook: between}", STAGE.format(cadence="quarter"))
    write(tmp_path, "between", "{rulebook: long}", STAGE.format(cadence="quarter"))
    write(tmp_path, "long", "{rulebook: short}", month(), BELOW)
    write(tmp_path, "short", "{rulebook: long}", month())
    fault = refused(path)
    assert reason_of(fault) == "a cycle of results: long → short → long"
    assert (fault.key, fault.line) == ("inputs.other.result", 11)


def test_shorter_periods_of_a_rulebook_may_be_taken_by_its_longer_ones(tmp_path: Path) -> None:
    quarter = STAGE.format(cadence="quarter").replace("input: other", "input: mark")
    path = write(tmp_path, "long", "{rulebook: short, within: month}", quarter, STAGE.format(cadence="year"))
    write(tmp_path, "short", "{rulebook: long}", STAGE.format(cadence="year"), month().replace("other,", "mark,"))
    assert load(path).rulebook.id == "long"


@pytest.mark.parametrize(
    ("result", "kind", "key", "reason"),
    [
        ("{rulebook: nowhere}", "unit", "rulebook", "there is no rulebook nowhere"),
        ("{rulebook: other, take: item, item: nothing}", "unit", "item", "other has no item nothing"),
        ("{rulebook: other}", "grid", "whose", "they have no subject in common"),
        ("{rulebook: other, whose: children}", "person", "whose", "they have no subject in common"),
        ("{rulebook: other, whose: home_unit}", "unit", "whose", "home_unit leads between persons and units"),
        (
            "{rulebook: taizhou, whose: named, named: A}",
            "unit",
            "rulebook",
            "taizhou has no stage of the cadence month",
        ),
        ("{rulebook: xihu_dispatcher, whose: named, named: A}", "unit", "take", "has no total in its stage month"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_its_place(
    tmp_path: Path, result: str, kind: str, key: str, reason: str
) -> None:
    write(tmp_path, "other", "{rulebook: elsewhere, local: true}", month())
    fault = refused(write(tmp_path, "book", result, month(), kind=kind))
    assert reason in reason_of(fault)
    stated = key in result or key == "rulebook"
    assert (fault.key, fault.line) == (f"inputs.other.result.{key}" if stated else "inputs.other.result", 11)


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ("{rulebook: other, take: item}", "item and take: item go together"),
        ("{rulebook: other, item: total}", "item and take: item go together"),
        ("{rulebook: other, whose: named}", "named and whose: named go together"),
        ("{rulebook: other, whose: somebody}", "same, parent, children, home_unit, named"),
    ],
)
def test_a_relation_is_one_of_a_closed_list_and_whole(tmp_path: Path, result: str, reason: str) -> None:
    assert reason in reason_of(refused(write(tmp_path, "book", result, month())))


def test_persons_and_units_meet_by_the_home_unit(tmp_path: Path) -> None:
    write(tmp_path, "other", "{rulebook: elsewhere, local: true}", month())
    assert load(write(tmp_path, "people", "{rulebook: other, whose: home_unit}", month(), kind="person"))


def test_scores_that_rest_on_one_another_are_taken_and_say_why_they_may_be_entered() -> None:
    """The digital parts are documents that no paper here contains: a city writes them under these names."""
    taken = {
        "wuzhong_town": "wuzhong_digital",
        "wuzhong_department": "wuzhong_department_digital",
        "qixian": "qixian_digital",
    }
    for book, source in taken.items():
        spec = load(book).rulebook.inputs["digital"]
        assert spec.result is not None
        assert (spec.result.rulebook, spec.result.local, spec.result.take) == (source, True, "total")
        assert spec.entered is not None
        assert re.search("未附|不在本办法中", spec.entered["zh"]), book
    points = load("xihu").rulebook.inputs["dispatcher_points"].result
    assert points is not None
    assert (points.rulebook, points.local, points.whose) == ("xihu_dispatcher", False, "home_unit")
