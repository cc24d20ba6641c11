"""Who answers: the most specific valid rule, the same for bulk and for a row at a time."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt.codes import CategoryKey, CategoryPattern
from gridmgmt.errors import CodeInvalid
from gridmgmt.people.responsibility import Rule, assign_units

EVER = dt.date(1900, 1, 1)
DAY = dt.date(2025, 3, 1)
HERE = ("4403", "440301", "440301001", "440301001001")
Row = tuple[str | None, Sequence[str | None], dt.date]


def rule(
    category: str, unit: str, level: int | None = None, first: dt.date = EVER, last: dt.date | None = None
) -> Rule:
    return Rule(category, level, HERE[level - 1] if level else None, unit, first, last)


def assign(rules: Sequence[Rule], *rows: Row) -> list[str | None]:
    n_levels = len(HERE)
    return list(
        assign_units(
            rules,
            pd.Series([c for c, _, _ in rows], dtype="object"),
            [pd.Series([g[i] for _, g, _ in rows], dtype="object") for i in range(n_levels)],
            pd.Series(pd.to_datetime([d for _, _, d in rows])),
        )
    )


def oracle(rules: Sequence[Rule], row: Row) -> str | None:
    """One row, read off the rule as it is written."""
    category, grids, day = row
    if not any(grids):
        return None

    def applies(r: Rule) -> bool:
        pattern = CategoryPattern.parse(r.category)
        meant = pattern.kind is None if category is None else pattern.matches(CategoryKey.parse(category))
        here = r.level is None or grids[r.level - 1] == r.grid_code
        return meant and here and r.valid_from <= day and (r.valid_to is None or day < r.valid_to)

    def order(r: Rule) -> tuple[Any, ...]:
        return (
            -CategoryPattern.parse(r.category).specificity(),
            -(r.level or 0),
            -r.valid_from.toordinal(),
            r.unit_code,
        )

    fitting = sorted((r for r in rules if applies(r)), key=order)
    return fitting[0].unit_code if fitting else None


def test_category_before_place_and_place_within_category() -> None:
    ladder = [
        rule("*", "city"), rule("*", "street", 3), rule("component:*", "kind"), rule("component:01*", "major"),
        rule("component:01001", "exact"), rule("component:01001", "exact here", 2),
    ]  # fmt: skip
    for n in range(len(ladder), 0, -1):
        assert assign(ladder[:n], ("component:01001", HERE, DAY)) == [ladder[n - 1].unit_code]
    assert assign([], ("component:01001", HERE, DAY)) == [None]


def test_the_territorial_fallback_takes_what_no_department_has() -> None:
    rules = [rule("event:02*", "urban"), rule("*", "street", 3)]
    elsewhere = (*HERE[:2], "440301002", None)
    assert assign(rules, ("event:0203", HERE, DAY), ("event:0101", HERE, DAY), (None, HERE, DAY)) == [
        "urban", "street", "street",
    ]  # fmt: skip
    assert assign(rules, ("event:0203", elsewhere, DAY), ("event:0101", elsewhere, DAY)) == ["urban", None]


def test_a_row_outside_every_grid_has_no_unit_and_one_in_an_upper_grid_has() -> None:
    rules = [rule("*", "city")]
    assert assign(rules, ("event:0101", (None,) * 4, DAY), ("event:0101", (HERE[0], None, None, None), DAY)) == [
        None,
        "city",
    ]


def test_days_are_half_open() -> None:
    rules = [rule("*", "old", last=DAY), rule("*", "new", first=DAY)]
    before = DAY - dt.timedelta(days=1)
    assert assign(rules, ("event:0101", HERE, before), ("event:0101", HERE, DAY)) == ["old", "new"]


def test_a_moment_of_a_day_belongs_to_it() -> None:
    found = assign_units(
        [rule("*", "new", first=DAY)],
        pd.Series(["event:0101"] * 2),
        [pd.Series(["4403"] * 2)],
        pd.Series(pd.to_datetime(["2025-02-28 23:59:59", "2025-03-01 00:00:00"])),
    )
    assert found.tolist() == [None, "new"]


def test_ties_go_to_the_later_rule_then_to_the_smaller_code_in_any_order() -> None:
    rules = [rule("*", "b"), rule("*", "a"), rule("*", "ab")]
    for table in (rules, rules[::-1]):
        assert assign(table, (None, HERE, DAY)) == ["a"]
    assert assign([rule("*", "a"), rule("*", "z", first=DAY)], (None, HERE, DAY)) == ["z"]


def test_a_component_and_a_matter_of_the_same_number_are_two() -> None:
    rules = [rule("component:01001", "c"), rule("matter:01001", "m")]
    assert assign(rules, ("matter:01001", HERE, DAY), ("component:01001", HERE, DAY), ("event:01001", HERE, DAY)) == [
        "m", "c", None,
    ]  # fmt: skip


def test_no_rows() -> None:
    assert assign([rule("*", "a")]) == []


@pytest.mark.parametrize(("level", "code"), [(3, None), (None, "440301")])
def test_a_rule_names_a_grid_by_level_and_code(level: int | None, code: str | None) -> None:
    with pytest.raises(ValueError):
        Rule("*", level, code, "U1", EVER)


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(CodeInvalid):
        assign([Rule("parts:1", None, None, "U1", EVER)], (None, HERE, DAY))


days = st.dates(dt.date(2025, 1, 1), dt.date(2025, 1, 6))
categories = st.sampled_from(["component:01001", "component:01002", "component:02001", "event:0101"])
patterns = st.sampled_from(
    ["*", "component:*", "component:01*", "component:01001", "component:010010", "event:0101", "event:*"]
)
codes = st.sampled_from(["1", "2"])
places = st.tuples(*[st.none() | codes] * 2)


@st.composite
def some_rule(draw: st.DrawFn) -> Rule:
    level = draw(st.none() | st.integers(1, 2))
    first, last = draw(days), draw(st.none() | days)
    return Rule(draw(patterns), level, draw(codes) if level else None, draw(st.sampled_from("abc")), first, last)


@given(
    st.lists(some_rule(), max_size=8),
    st.lists(st.tuples(st.none() | categories, places, days), max_size=6),
    st.randoms(),
)
def test_bulk_gives_what_one_row_at_a_time_gives(rules: list[Rule], rows: list[Row], random: Any) -> None:
    random.shuffle(rules)
    found = assign_units(
        rules,
        pd.Series([c for c, _, _ in rows], dtype="object"),
        [pd.Series([g[i] for _, g, _ in rows], dtype="object") for i in range(2)],
        pd.Series(np.array([d for _, _, d in rows], dtype="datetime64[s]")),
    )
    assert found.tolist() == [oracle(rules, row) for row in rows]
