"""A rulebook that breaks its own rules is refused by file, line and key; a good one is read exactly."""

import hashlib
from fractions import Fraction
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from gridmgmt.errors import RulebookInvalid, RulebookMissing
from gridmgmt.rulebooks import load as rulebooks
from gridmgmt.rulebooks.load import exact_yaml, parse
from gridmgmt.texts import word

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
items:
  - id: closing
    title: {zh: 结案率, en: Closing}
    points: 60.1
    kind: proportional
    indicator: closing_rate
    source: clause 2
  - id: rework
    title: {zh: 返工率, en: Rework}
    points: 39.9
    kind: steps
    indicator: rework_rate
    threshold: 0.1
    direction: above
    step: 1/3
    points_per_step: 2.5
    zero_beyond: 20
    source: clause 3
grades:
  - {id: A, at_least: 90, title: {zh: 优, en: A}}
  - {id: B, at_least: 0, title: {zh: 差, en: B}}
"""


def line_of(text: str) -> int:
    return next(n for n, line in enumerate(GOOD.splitlines(), 1) if text in line)


def test_numbers_are_exact() -> None:
    closing, rework = parse(GOOD, "test.yaml").rulebook.items
    assert (closing.points, rework.points) == (Fraction("60.1"), Fraction("39.9"))
    assert rework.kind == "steps"
    assert (rework.threshold, rework.step, rework.points_per_step) == (Fraction(1, 10), Fraction(1, 3), Fraction(5, 2))


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


# (old, new, key, line that is named by a piece of it, or None for line 1, what the reason says)
FAULTS = [
    ("scale: 100", "scale: 100\nscale: 90", "YAML", "empty:", "duplicate key"),
    ("id: closing", "id: closing\n    id: closed", "YAML", "title: {zh: 结案率", "duplicate key"),
    ("scale: 100", "scale: [", "YAML", "items:", "expected"),
    ("scale: 100", "colour: red\nscale: 100", "colour", "scale: 100", "unknown key"),
    ("step: 1/3", "step: 1/3\n    stride: 2", "items.1.stride", "points_per_step", "unknown key"),
    ("    step: 1/3\n", "", "items.1.step", "id: rework", "missing"),
    ("scale: 100\n", "", "scale", None, "missing"),
    ("points: 60.1", "points: 60", "items", "items:", "sum to 999/10"),
    ("scale: 100", "scale: 99.9", "items", "items:", "sum to 100"),
    ("scale: 100", "scale: 0", "scale", "scale:", "above 0"),
    ("points: 60.1", "points: sixty", "items.0.points", "points: 60.1", "not a number"),
    ("points: 60.1", "points: true", "items.0.points", "points: 60.1", "a number"),
    ("points: 60.1", "points: 1e2", "items.0.points", "points: 60.1", "not a number"),
    ("points: 60.1", "points: .nan", "items.0.points", "points: 60.1", "not a number"),
    ("points: 60.1", "points: -1", "items.0.points", "points: 60.1", "above 0"),
    ("step: 1/3", "step: 1/0", "items.1.step", "step: 1/3", "not a number"),
    ("step: 1/3", "step: 0", "items.1.step", "step: 1/3", "above 0"),
    ("points_per_step: 2.5", "points_per_step: -1", "items.1.points_per_step", "points_per_step", "above 0"),
    ("zero_beyond: 20", "zero_beyond: 0", "items.1.zero_beyond", "zero_beyond", "good side"),
    ("indicator: rework_rate", "indicator: rework", "items.1.indicator", "rework_rate", "no indicator rework"),
    ("indicator: closing_rate", "indicator: density", "items.0.indicator", "closing_rate", "can be scored"),
    ("indicator: closing_rate", "indicator: n_due", "items.0.indicator", "closing_rate", "no indicator n_due"),
    ("indicator: closing_rate", "indicator: rework_rate", "items.0.indicator", "closing_rate", "reward the worse"),
    ("direction: above", "direction: below", "items.1.direction", "direction", "punish the better"),
    ("direction: above", "direction: up", "items.1.direction", "direction", "above"),
    ("kind: steps", "kind: stairs", "items.1", "id: rework", "stairs"),
    ("id: rework", "id: closing", "items", "items:", "closing stands twice"),
    ("at_least: 0,", "at_least: 90,", "grades", "grades:", "fall"),
    ("at_least: 0,", "at_least: 95,", "grades", "grades:", "fall"),
    ("{id: B,", "{id: A,", "grades", "grades:", "A stands twice"),
    ("version: 1", "version: '1'", "version", "version", "integer"),
    ("version: 1", "version: 0", "version", "version", "greater"),
    ("from: 2025-01-01", "from: 2025", "valid.from", "valid", "date"),
    ("to: 2026-01-01", "to: 2025-01-01", "valid.to", "valid", "later than from"),
    ("levels: [street, community]", "levels: []", "population.levels", "population", ""),
    ("kind: grid", "kind: team", "population.kind", "population", "grid"),
    ("option: leave_out", "option: zero", "empty.option", "empty", "leave_out"),
    ("title: {zh: 测试, en: Test}", "title: {zh: 测试}", "title", "title: {zh: 测试", "zh and en"),
    ("title: {zh: 测试, en: Test}", "title: {zh: 测试, en: ' '}", "title", "title: {zh: 测试", "zh and en"),
]


@pytest.mark.parametrize(
    ("old", "new", "key", "at", "reason"), FAULTS, ids=[f"{k}-{n}" for n, (_, _, k, _, _) in enumerate(FAULTS)]
)
def test_a_fault_is_named_by_file_line_and_key(old: str, new: str, key: str, at: str | None, reason: str) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(RulebookInvalid) as e:
        parse(GOOD.replace(old, new), "test.yaml")
    assert (e.value.file, e.value.key) == ("test.yaml", key)
    assert reason in e.value.reason
    assert e.value.line == (line_of(at) if at else 1)
    for lang in ("zh", "en"):
        message = word(e.value.code, e.value.facts, lang)
        assert all(str(fact) in message for fact in e.value.facts.values())


@pytest.mark.parametrize("text", ["", "- a\n", "rulebook\n", "1.5\n"])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(RulebookInvalid) as e:
        parse(text, "test.yaml")
    assert (e.value.key, e.value.line) == ("rulebook", 1)


def test_a_rulebook_by_path_and_one_that_is_absent(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(GOOD, "utf-8", newline="\r\n")
    assert rulebooks.load(str(path)).sha256 == parse(GOOD, "").sha256
    path.write_bytes(GOOD.encode("gbk"))
    with pytest.raises(RulebookInvalid) as invalid:
        rulebooks.load(str(path))
    assert invalid.value.file == "own.yaml"
    for name in ("nothing", str(tmp_path / "absent.yaml"), ""):
        with pytest.raises(RulebookMissing) as e:
            rulebooks.load(name)
        assert e.value.known == rulebooks.known()
