"""Two rulebooks are compared by ids: what changed from what to what, what was added and removed."""

import json

import pytest

from gridmgmt.rulebooks.diff import Difference, diff
from gridmgmt.rulebooks.load import known, load, parse
from gridmgmt.rulebooks.model import Rulebook
from gridmgmt.rulebooks.starter import starter
from gridmgmt.texts import catalogue

TEXT = starter("mine")["rulebook.yaml"]


def book(*changes: tuple[str, str]) -> Rulebook:
    """The starter with pieces of its text replaced."""
    text = TEXT
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return parse(text, "rulebook.yaml").rulebook


def found(*changes: tuple[str, str]) -> list[tuple[str, str, str | None, str, object, object]]:
    return [(d.what, d.id, d.key, d.change, d.old, d.new) for d in diff(book(), book(*changes))]


def test_the_same_rulebook_has_no_difference() -> None:
    assert found() == []
    assert found(("# 率：", "# ")) == []


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("points_per_step: 2\n", "points_per_step: 2.5\n", ("rule", "rework_steps", "points_per_step", "changed", "2",
         "2.5")),
        ("threshold: 2\n", "threshold: 2.0\n", None),
        ("value: floor", "value: ceil", ("reading", "unfinished_step", "value", "changed", "floor", "ceil")),
        ("at_least: 90,", "at_least: 85,", ("stage", "month", "grades.good.at_least", "changed", "90", "85")),
        ("numerator: rework_cases, denominator: due_rework_known",
         "numerator: rework_cases, denominator: {due_rework_known: 2}",
         ("rate", "rework_rate", "denominator.due_rework_known", "changed", "1", "2")),
        ("version: 1 ", "version: 2 ", ("rulebook", "rulebook", "version", "changed", 1, 2)),
        ("from: 2025-01-01}", "from: 2025-01-01, to: 2026-01-01}", ("rulebook", "rulebook", "valid.to", "added", None,
         "2026-01-01")),
        ("reaches: 2}", "reaches: 3}", ("consequence", "talk", "window.reaches", "changed", 2, 3)),
        ("{zh: 内业管理, en: Office work}", "{zh: 内业, en: Office work}", ("item", "office", "title.zh", "changed",
         "内业管理", "内业")),
    ],
)  # fmt: skip
def test_one_value_that_differs(old: str, new: str, difference: tuple[object, ...] | None) -> None:
    changes = [(old, new)]
    others = [d for d in found(*changes) if d != difference]
    assert difference is None or difference in found(*changes)
    assert [d for d in others if not (d[0] == "rule" and d[2] == "step_mode")] == []


def test_a_changed_reading_shows_in_what_it_is_bound_to() -> None:
    assert ("rule", "rework_steps", "step_mode", "changed", "floor", "ceil") in found(("value: floor", "value: ceil"))


RULE = next(line for line in TEXT.splitlines(keepends=True) if "id: office_each" in line)


def test_a_rule_that_was_renamed_is_one_removed_and_one_added() -> None:
    differences = found((RULE, RULE.replace("office_each", "office_every")))
    assert differences == [
        ("rule", "office_every", None, "added", None, None),
        ("rule", "office_each", None, "removed", None, None),
    ]


def test_an_item_that_moved_below_another_says_so() -> None:
    wrapped = RULE + RULE.replace("office_each", "office_more").replace("kind: each", "kind: once").replace("1.5", "3")
    keys = ("- id: office_most", "  title: {zh: 取较大者, en: The larger}", "  kind: largest", "  rules:")
    moved = "".join(f"            {key}\n" for key in keys) + wrapped.replace("            - {", "                - {")
    before, after = book((RULE, wrapped)), book((RULE, moved))
    (change,) = [d for d in diff(before, after) if d.id == "office_each"]
    assert (change.key, change.old, change.new) == ("below", "office", "office_most")


def test_a_difference_has_the_title_of_what_it_is_about() -> None:
    (change,) = diff(book(), book(("points_per_step: 2\n", "points_per_step: 3\n")))
    assert change.title == {"zh": "返工率超过 2%", "en": "Rework above 2 %"}
    (change, *_) = diff(book(), book(("value: floor", "value: ceil")))
    assert change.title["en"].startswith("whether a step") or change.what == "rule"


@pytest.mark.parametrize("name", known())
def test_every_shipped_rulebook_can_be_compared_and_told(name: str) -> None:
    base, other = load("grid_baseline").rulebook, load(name).rulebook
    assert diff(other, other) == []
    differences = diff(base, other)
    assert (differences == []) == (name == "grid_baseline")
    json.dumps([d.plain for d in differences])
    assert {f"part_{d.what}" for d in differences} <= set(catalogue())
    back = diff(other, base)
    assert {_key(d) for d in differences} == {_key(d) for d in back}


def _key(difference: Difference) -> tuple[str, str, str | None]:
    return difference.what, difference.id, difference.key
