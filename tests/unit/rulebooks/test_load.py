"""A rulebook that breaks its own rules is refused by file, line and key; a good one is read exactly."""

import datetime as dt
import hashlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from gridmgmt.errors import RulebookInvalid, RulebookMissing, RulebookNotInForce
from gridmgmt.rulebooks import load as rulebooks
from gridmgmt.rulebooks.document import bound, exact_yaml
from gridmgmt.rulebooks.load import named, parse
from gridmgmt.texts import word
from tests.worded import reason as reason_of

GOOD = """\
id: test
version: 1
title: {zh: 测试, en: Test}
issuer: {zh: 某市, en: A city}
source: clause 1
valid: {from: 2025-01-01, to: 2026-01-01}
population: {kind: grid, levels: [street, community]}
scale: 100
empty: {option: leave_out, reason: {zh: 无, en: none}}
readings:
  begun_step:
    value: floor
    options: [floor, ceil]
    text: {zh: 不足一步如何计, en: what a begun step costs}
    reason: {zh: 按整步计, en: whole steps}
  closing_or_timeliness:
    value: timely
    options: [timely, closed]
    text: {zh: 按哪个率计, en: which rate is meant}
    reason: {zh: 按期才算, en: in time}
  settled:
    value: stated
    options: [stated]
    text: {zh: 只有一种理解, en: one reading only}
    reason: {zh: 文中写明, en: the text says so}
inputs:
  due: {title: {zh: 应结案数, en: Due}, type: count, automatic: {count: n_due}}
  timely: {title: {zh: 按期结案数, en: In time}, type: count, automatic: {count: n_closed_on_time}}
  closed: {title: {zh: 结案数, en: Closed}, type: count, automatic: {count: n_closed}}
  reworked: {title: {zh: 返工数, en: Reworked}, type: count, automatic: {count: n_rework_cases}}
  verdict:
    title: {zh: 年度评定, en: Verdict}
    type: choice
    choices: {fine: {zh: 好, en: Fine}, poor: {zh: 差, en: Poor}}
    entered: {zh: 由领导小组评定, en: decided by people}
  mark: {title: {zh: 年度打分, en: Mark}, at_least: 0, at_most: 100, entered: {zh: 由人打分, en: given by people}}
rates:
  closing_rate:
    title: {zh: 结案率, en: Closing rate}
    numerator: {timely: 1, closed: {reading: closing_or_timeliness, when: {timely: 0, closed: 0.5}}}
    denominator: due
    better: high
  rework_rate: {title: {zh: 返工率, en: Rework rate}, numerator: reworked, denominator: due, better: low}
stages:
  - id: month
    title: {zh: 月度, en: Month}
    cadence: month
    ranking: {ties: shared}
    score:
      id: total
      title: {zh: 总分, en: Total}
      kind: sum
      items:
        - id: closing
          title: {zh: 结案, en: Closing}
          points: 60.1
          kind: proportional
          rate: closing_rate
          source: clause 2
        - id: rework
          title: {zh: 返工, en: Rework}
          points: 39.9
          kind: deduct
          rules:
            - id: rework_steps
              title: {zh: 返工率, en: Rework rate}
              kind: steps
              rate: rework_rate
              threshold: 0.1
              direction: above
              step: 1/3
              points_per_step: 2.5
              zero_beyond: 20
              step_mode: {reading: begun_step}
    grades:
      - {id: A, at_least: 90, title: {zh: 优, en: A}}
      - {id: B, at_least: 0, title: {zh: 差, en: B}}
  - id: year
    title: {zh: 年度, en: Year}
    cadence: year
    score:
      id: year_total
      title: {zh: 年度得分, en: Year score}
      kind: weighted
      items:                # items: of the year
        - {id: months, title: {zh: 各月, en: Months}, kind: periods, stage: month, how: mean, n: 12, weight: 60}
        - {id: marked, title: {zh: 打分, en: Mark}, kind: entered, input: mark, points: 100, weight: 40}
    grade_entered: {input: verdict}
consequences:
  - id: talk
    title: {zh: 约谈, en: Interview}
    stage: month
    tone: warning
    when: {last: true, grade: [B]}
    window: {kind: consecutive, reaches: 2}
"""


def line_of(text: str) -> int:
    return next(n for n, line in enumerate(GOOD.splitlines(), 1) if text in line)


def part(book: Any, name: str) -> Any:
    return next(p for _, p in book.parts() if p.id == name)


def test_numbers_are_exact() -> None:
    book = parse(GOOD, "test.yaml").rulebook
    assert (part(book, "closing").points, part(book, "rework").points) == (Fraction("60.1"), Fraction("39.9"))
    steps = part(book, "rework_steps")
    assert (steps.threshold, steps.step, steps.points_per_step) == (Fraction(1, 10), Fraction(1, 3), Fraction(5, 2))


def test_a_name_alone_is_a_coefficient_of_1() -> None:
    rate = parse(GOOD, "test.yaml").rulebook.rates["rework_rate"]
    assert (rate.numerator, rate.denominator) == ({"reworked": 1}, {"due": 1})


def test_other_readers_of_yaml_keep_their_numbers() -> None:
    parse(GOOD, "test.yaml")
    assert YAML(typ="safe", pure=True).load("a: 0.5") == {"a": 0.5}
    assert YAML(typ="safe").load("a: 0.5") == {"a": 0.5}
    assert exact_yaml().load("a: 0.10") == {"a": "0.10"}


def test_the_hash_is_that_of_the_text() -> None:
    loaded = parse(GOOD, "test.yaml")
    assert loaded.text == GOOD
    assert loaded.sha256 == hashlib.sha256(GOOD.encode()).hexdigest()
    assert parse(GOOD + "\n", "test.yaml").sha256 != loaded.sha256


ITEM, RULE = "stages.0.score.items", "stages.0.score.items.1.rules.0"
LAST = "items: of the year"

# (old, new, key, line that is named by a piece of it, or None for line 1, what the reason says)
FAULTS = [
    # the file as YAML
    ("scale: 100", "scale: 100\nscale: 90", "YAML", "empty:", "stands twice"),
    ("- id: closing", "- id: closing\n          id: closed", "YAML", "title: {zh: 结案, en", "stands twice"),
    ("scale: 100", "scale: [", "YAML", "readings:", "expected"),
    # keys
    ("scale: 100", "colour: red\nscale: 100", "colour", "scale: 100", "unknown key"),
    ("scale: 100", "scael: 100", "scael", "scale: 100", "unknown key"),
    ("step: 1/3", "step: 1/3\n              stride: 2", f"{RULE}.stride", "points_per_step", "unknown key"),
    ("  reworked: {title", "  reworked: {titel", "inputs.reworked.titel", "reworked: {title", "unknown key"),
    ("window: {kind", "widnow: {kind", "consequences.0.widnow", "window:", "unknown key"),
    ("              step: 1/3\n", "", f"{RULE}.step", "- id: rework_steps", "missing"),
    ("version: 1\n", "", "version", None, "missing"),
    ("kind: steps", "kind: stairs", RULE, "- id: rework_steps", "stairs"),
    ("kind: proportional", "kind: share", f"{ITEM}.0", "- id: closing", "share"),
    # numbers
    ("scale: 100", "scale: 0", "scale", "scale:", "greater than 0"),
    ("points: 60.1", "points: sixty", f"{ITEM}.0.points", "points: 60.1", "a number such as"),
    ("points: 60.1", "points: true", f"{ITEM}.0.points", "points: 60.1", "a number"),
    ("points: 60.1", "points: 1e2", f"{ITEM}.0.points", "points: 60.1", "a number such as"),
    ("points: 60.1", "points: .nan", f"{ITEM}.0.points", "points: 60.1", "a number such as"),
    ("points: 60.1", "points: -1", f"{ITEM}.0.points", "points: 60.1", "greater than 0"),
    ("step: 1/3", "step: 1/0", f"{RULE}.step", "step: 1/3", "a number such as"),
    ("step: 1/3", "step: 0", f"{RULE}.step", "step: 1/3", "greater than 0"),
    ("points_per_step: 2.5", "points_per_step: -1", f"{RULE}.points_per_step", "points_per_step", "greater than 0"),
    ("zero_beyond: 20", "zero_beyond: 0", RULE, "- id: rework_steps", "good side"),
    ("version: 1", "version: '1'", "version", "version", "whole number"),
    ("version: 1", "version: 0", "version", "version", "number from 1"),
    # sums
    ("points: 60.1", "points: 60", "stages.0.score", "    score:", "sum to 99.9"),
    ("scale: 100", "scale: 99.9", "stages.0.score", "    score:", "sum to 100"),
    ("weight: 60", "weight: 50", "stages.1.score.items", LAST, "the weights sum to 90, not to 100"),
    ("n: 12, weight: 60}", "n: 12}", "stages.1.score.items.0", "id: months", "weight is missing"),
    ("          kind: proportional", "          kind: proportional\n          weight: 3", f"{ITEM}.0.weight",
     "rate: closing_rate", "below an item of kind weighted"),
    # names that lead nowhere
    ("rate: closing_rate", "rate: density", f"{ITEM}.0.rate", "rate: closing_rate", "no rate density"),
    ("input: mark", "input: marc", "stages.1.score.items.1.input", "id: marked", "no input marc"),
    ("denominator: due\n", "denominator: duo\n", "rates.closing_rate.denominator", "denominator: due", "no input duo"),
    ("{count: n_rework_cases}", "{count: n_rework}", "inputs.reworked.automatic.count", "reworked: {title",
     "no count n_rework"),
    ("input: verdict", "input: mark", "stages.1.grade_entered.input", "grade_entered", "no input of type choice"),
    ("grade: [B]", "grade: [C]", "consequences.0.when.grade", "when: {last", "no grade C"),
    ("stage: month\n", "stage: week\n", "consequences.0.stage", "    stage: month", "no stage week"),
    ("{reading: begun_step}", "{reading: begun}", f"{RULE}.step_mode", "step_mode", "no reading begun"),
    ("when: {timely: 0, closed: 0.5}", "when: {timely: 0}", "rates.closing_rate.numerator.closed.when",
     "numerator: {timely",
     "exactly the options"),
    # what nothing uses
    ("numerator: reworked, denominator: due", "numerator: closed, denominator: due", "inputs.reworked", "  reworked:",
     "nothing uses this input"),
    ("rate: rework_rate", "rate: closing_rate\n              source: x", f"{RULE}.direction", "step: 1/3",
     "punish the better"),
    ("step_mode: {reading: begun_step}", "step_mode: floor", "readings.begun_step", "  begun_step:",
     "nothing in the file is bound"),
    ("entered: {zh: 由人打分, en: given by people}", "unit: {zh: 分, en: points}", "inputs.mark", "  mark:",
     "needs automatic"),
    # directions
    ("rate: closing_rate", "rate: rework_rate", f"{ITEM}.0.rate", "rate: closing_rate",
     "of rework_rate less is better: points in proportion to it would reward the worse"),
    ("direction: above", "direction: below", RULE, "- id: rework_steps", "good side"),
    ("better: low}", "better: high}", f"{RULE}.direction", "direction",
     "of rework_rate high is better: above would punish the better"),
    ("direction: above", "direction: up", f"{RULE}.direction", "direction", "above"),
    # order, and ids that stand twice
    ("- id: rework\n", "- id: closing\n", f"{ITEM}.1.id", "- id: rework", "closing stands twice"),
    ("- id: year\n", "- id: month\n", "stages.1.id", "- id: year", "month stands twice"),
    ("at_least: 0, title", "at_least: 90, title", "stages.0.grades", "grades:", "fall"),
    ("at_least: 0, title", "at_least: 95, title", "stages.0.grades", "grades:", "fall"),
    ("at_least: 90, title", "title", "stages.0.grades", "grades:", "only the last grade"),
    ("{id: B,", "{id: A,", "stages.0.grades", "grades:", "id stands twice"),
    ("cadence: year", "cadence: month", "stages.1.cadence", "cadence: year", "two stages have the cadence"),
    # stages made of each other
    ("stage: month, how", "stage: year, how", "stages.1.score.items.0.stage", "id: months", "a cycle"),
    ("stage: month, how", "stage: week, how", "stages.1.score.items.0.stage", "id: months", "no stage week"),
    ("how: mean, n: 12", "how: sum, n: 11", "stages.1.score.items.0.n", "id: months", "has 12 of month"),
    ("how: mean, n: 12", "how: mean, n: 13", "stages.1.score.items.0.n", "id: months", "has 12 of month"),
    ("kind: periods, stage: month,", "kind: periods, stage: month, of: nothing,", "stages.1.score.items.0.of",
     "id: months",
     "no item nothing"),
    # readings
    ("value: floor\n", "value: round\n", "readings.begun_step", "begun_step:", "none of the options"),
    ("value: stated\n    options: [stated]", "value: stated\n    options: []", "readings.settled.options",
     "options: [stated]", ""),
    # dates, population, texts
    ("from: 2025-01-01", "from: 2025", "valid.from", "valid", "a day such as"),
    ("from: 2025-01-01", "from: 2025-13-01", "YAML", "valid", "“2025-13-01” is no day"),
    ("to: 2026-01-01", "to: 2025-01-01", "valid.to", "valid", "later than from"),
    ("levels: [street, community]", "levels: []", "population.levels", "population", ""),
    ("kind: grid", "kind: team", "population.kind", "population", "grid"),
    ("option: leave_out", "option: zero", "empty.option", "empty", "leave_out"),
    ("title: {zh: 测试, en: Test}", "title: {zh: 测试}", "title", "title: {zh: 测试", "zh and"),
    ("title: {zh: 测试, en: Test}", "title: {zh: 测试, en: Test, really}", "title", "title: {zh: 测试", "comma"),
    ("title: {zh: 测试, en: Test}", "title: {zh: 测试, en: ' '}", "title", "title: {zh: 测试", "zh and"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "key", "at", "reason"), FAULTS, ids=[f"{k}-{n}" for n, (_, _, k, _, _) in enumerate(FAULTS)]
)
def test_a_fault_is_named_by_file_line_and_key(old: str, new: str, key: str, at: str | None, reason: str) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(RulebookInvalid) as e:
        parse(GOOD.replace(old, new), "test.yaml")
    assert (e.value.file, e.value.key) == ("test.yaml", key)
    assert reason in word(e.value.code, e.value.facts, "en")
    assert e.value.line == (line_of(at) if at else 1)
    for lang in ("zh", "en"):
        message = word(e.value.code, e.value.facts, lang)
        assert all(str(fact) in message for name, fact in e.value.facts.items() if name != "reason")


@pytest.mark.parametrize(
    ("old", "new", "known"),
    [
        ("scale: 100", "scael: 100", "scale"),
        ("step: 1/3", "step: 1/3\n              pionts_per_step: 2", "points_per_step"),
        ("  reworked: {title", "  reworked: {titel", "title"),
        ("window: {kind", "widnow: {kind", "window"),
    ],
)
def test_an_unknown_key_names_the_known_ones_the_closest_first(old: str, new: str, known: str) -> None:
    with pytest.raises(RulebookInvalid) as e:
        parse(GOOD.replace(old, new), "test.yaml")
    assert not isinstance(e.value.reason, str)
    assert e.value.reason["known"][0] == known


@pytest.mark.parametrize("text", ["", "- a\n", "rulebook\n", "1.5\n"])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(RulebookInvalid) as e:
        parse(text, "test.yaml")
    assert (e.value.key, e.value.line) == ("rulebook", 1)


# --- readings and changes --------------------------------------------------------------------------------------------


def test_a_reading_stands_for_its_value_or_for_what_belongs_to_it() -> None:
    book = parse(GOOD, "test.yaml").rulebook
    assert part(book, "rework_steps").step_mode == "floor"
    assert book.rates["closing_rate"].numerator == {"timely": 1, "closed": 0}
    other = parse(
        GOOD, "test.yaml", [("readings.begun_step", "ceil"), ("readings.closing_or_timeliness", "closed")]
    ).rulebook
    assert part(other, "rework_steps").step_mode == "ceil"
    assert other.rates["closing_rate"].numerator == {"timely": 1, "closed": Fraction(1, 2)}


def test_an_entry_of_a_list_that_a_reading_makes_nothing_is_left_out() -> None:
    data = {
        "readings": {"r": {"value": "a", "options": ["a", "b"]}},
        "list": ["x", {"reading": "r", "when": {"a": None, "b": "y"}}, None],
    }
    assert bound(data)["list"] == ["x", None]  # what is written as null is for the model to refuse
    data["readings"]["r"]["value"] = "b"
    assert bound(data)["list"] == ["x", "y", None]


def test_a_change_sets_one_value_exactly() -> None:
    changes = [("rework_steps.threshold", "0.30"), ("items.marked.points", "90")]
    book = parse(GOOD, "test.yaml", changes).rulebook
    assert part(book, "rework_steps").threshold == Fraction(3, 10)
    assert part(book, "marked").points == 90
    assert parse(GOOD, "test.yaml", changes).sha256 == parse(GOOD, "test.yaml").sha256


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("readings.nothing", "1", "no such reading"),
        ("readings.begun_step", "round", "none of the options"),
        ("nothing.points", "1", "there is no nothing"),
        ("closing.points", "60", "sum to"),
        ("closing.pionts", "60", "can be set points"),
        ("rework.rules", "1", "can be set points"),
    ],
)
def test_a_change_that_leads_nowhere_is_refused(path: str, value: str, reason: str) -> None:
    with pytest.raises(RulebookInvalid) as e:
        parse(GOOD, "test.yaml", [(path, value)])
    assert reason in reason_of(e.value)


# --- files and versions ----------------------------------------------------------------------------------------------


def test_a_rulebook_by_path_and_one_that_is_absent(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(GOOD, "utf-8", newline="\r\n")
    assert rulebooks.load(str(path)).sha256 == parse(GOOD, "").sha256
    path.write_bytes(GOOD.encode("gbk"))
    with pytest.raises(RulebookInvalid) as invalid:
        rulebooks.load(str(path))
    assert (invalid.value.file, invalid.value.reason) == ("own.yaml", {"code": "invalid_utf8"})
    for name in ("nothing", str(tmp_path / "absent.yaml"), ""):
        with pytest.raises(RulebookMissing) as e:
            rulebooks.load(name)
        assert e.value.known == rulebooks.known()


@pytest.fixture
def two_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data folder with version 1 of 2025 and version 2 of 2027."""
    folder = tmp_path / "rulebooks" / "test"
    folder.mkdir(parents=True)
    (folder / "rulebook.v1.yaml").write_text(GOOD, "utf-8")
    second = GOOD.replace("version: 1", "version: 2").replace("from: 2025-01-01, to: 2026-01-01", "from: 2027-01-01")
    (folder / "rulebook.yaml").write_text(second, "utf-8")
    monkeypatch.setattr(rulebooks, "data_path", lambda *parts: tmp_path.joinpath(*parts))


@pytest.mark.usefixtures("two_versions")
def test_the_version_in_force_on_a_day() -> None:
    assert rulebooks.load("test").rulebook.version == 2
    assert rulebooks.load("test", dt.date(2025, 1, 1)).rulebook.version == 1
    assert rulebooks.load("test", dt.date(2025, 12, 31)).rulebook.version == 1
    assert rulebooks.load("test", dt.date(2027, 1, 1)).rulebook.version == 2
    for day in (dt.date(2024, 12, 31), dt.date(2026, 1, 1)):
        with pytest.raises(RulebookNotInForce) as e:
            rulebooks.load("test", day)
        assert e.value.known == ["v2 2027-01-01..", "v1 2025-01-01..2026-01-01"]


@pytest.mark.usefixtures("two_versions")
def test_a_file_of_one_s_own_has_its_older_versions_beside_it(tmp_path: Path) -> None:
    path = str(tmp_path / "rulebooks" / "test" / "rulebook.yaml")
    assert rulebooks.load(path).rulebook.version == 2
    assert rulebooks.load(path, dt.date(2025, 1, 1)).rulebook.version == 1
    with pytest.raises(RulebookNotInForce) as e:
        rulebooks.load(path.replace("rulebook.yaml", "rulebook.v1.yaml"), dt.date(2027, 1, 1))
    assert e.value.known == ["v1 2025-01-01..2026-01-01"]


@pytest.mark.usefixtures("two_versions")
def test_a_version_by_its_number() -> None:
    assert [named(f"test@{n}").rulebook.version for n in (1, 2)] == [1, 2]
    assert named("test").rulebook.version == 2
    assert part(named("test@1", [("rework_steps.step", "2")]).rulebook, "rework_steps").step == 2
    for version in ("", "²", "9" * 6_000, "1.0"):  # no version at all: the whole is a name
        with pytest.raises(RulebookMissing):
            named(f"test@{version}")
    with pytest.raises(RulebookMissing) as e:
        named("test@3")
    assert e.value.known == ["test@2", "test@1"]
