"""Repeat cases by class and place against a slow oracle, boundary by boundary; suspected duplicates."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gridmgmt.casework import repeats
from gridmgmt.casework.readers import repeats as reading
from gridmgmt.casework.repeats import Rule, normal_address
from gridmgmt.errors import DataFileInvalid, RepeatRuleMissing
from gridmgmt.rulebooks import load as rulebooks
from tests.examples import about

RULE = reading.rule("annex2")
SUSPECT_RULE = reading.suspect_rule()
START = pd.Timestamp("2025-12-01T00:00:00Z")
STALL, RUBBISH, ADS, COVER = "matter:06001", "matter:06002", "matter:07001", "component:01001"
COLUMNS = ("case_no", "registered_at", "category", "x", "y", "address", "road_class")


def cases(*rows: tuple[Any, ...]) -> pd.DataFrame:
    """Cases from (minute, category, x, y, address, road class), numbered as given."""
    made = [(f"C{i:02}", START + pd.Timedelta(minutes=row[0]), *row[1:]) for i, row in enumerate(rows)]
    frame = pd.DataFrame(made, columns=COLUMNS)
    return frame.astype({"registered_at": "datetime64[us, UTC]", "x": float, "y": float, "address": object})


def at(n: int, category: str, road: str, x: float = 0) -> list[tuple[Any, ...]]:
    """So many cases at one place, a minute apart."""
    return [(i, category, x, 0, None, road) for i in range(n)]


def repeated(frame: pd.DataFrame, rule: Rule = RULE) -> list[str]:
    found = repeats.find(frame, rule)
    return sorted(found.loc[found["is_repeat"].fillna(False), "case_no"])


def changed(**values: Any) -> Rule:
    return Rule.model_validate(RULE.model_dump() | values)


# --- the rule --------------------------------------------------------------------------------------------------------


def test_the_papers_rule_and_the_rulebooks_are_one() -> None:
    """What the rulebook of the same paper says of repeats, and this file, must not part."""
    own = rulebooks.load("city_department_annex2").rulebook.inputs["repeat_cases"].repeats
    assert own is not None
    assert dict(RULE.thresholds) == dict(own.thresholds)
    assert (RULE.except_components, RULE.except_categories, RULE.count) == (
        own.except_components,
        own.except_categories,
        own.count,
    )


@pytest.mark.parametrize(("road", "threshold"), [("main", 2), ("key", 2), ("secondary", 3), ("back", 4), ("other", 4)])
def test_from_the_threshold_on_each_case_is_a_repeat(road: str, threshold: int) -> None:
    for n in range(1, 7):
        assert len(repeated(cases(*at(n, STALL, road)))) == max(0, n - threshold + 1), n


def test_the_worked_example() -> None:
    """Seven places of one month: 4 repeats from the threshold on, 10 where all of the group count."""
    places = [
        at(2, STALL, "main", 0), at(2, STALL, "secondary", 1000), at(3, STALL, "secondary", 2000),
        at(3, STALL, "back", 3000), at(5, STALL, "back", 4000), at(4, ADS, "main", 5000), at(3, COVER, "main", 6000),
        [(i, STALL, 100_000 + 1000 * i, 0, None, "main") for i in range(78)],
    ]  # fmt: skip
    frame = cases(*[row for place in places for row in place])
    assert len(frame) == 100
    assert len(repeated(frame)) == 4
    assert len(repeated(frame, changed(count="all_in_group"))) == 10


def test_what_is_excepted_never_counts_and_is_told_apart() -> None:
    found = repeats.find(cases(*at(3, COVER, "main"), *at(3, ADS, "main"), *at(1, STALL, "main")), RULE)
    assert found["is_repeat"].tolist() == [False] * 7
    by_class = found.groupby("category")["occurrence"].apply(lambda x: x.notna().sum()).to_dict()
    assert by_class == {COVER: 0, ADS: 0, STALL: 1}


def test_exactly_at_the_radius_is_the_same_place() -> None:
    def two(x: float, y: float) -> pd.DataFrame:
        return cases((0, STALL, 500_000, 3_000_000, None, "main"), (1, STALL, 500_000 + x, 3_000_000 + y, None, "main"))

    assert repeated(two(12, 16)) == ["C01"]
    assert repeated(two(20, 0)) == ["C01"]
    assert repeated(two(20.001, 0)) == []
    assert repeated(two(12.001, 16)) == []
    assert repeated(two(0, 0.5), changed(radius_m=0)) == []
    assert repeated(two(0, 0), changed(radius_m=0)) == ["C01"]


def test_a_case_looks_back_at_its_own_place_not_along_a_chain() -> None:
    """Three in a row 15 m apart: the third has one neighbour before it, not two."""
    chain = cases(*[(i, STALL, 15 * i, 0, None, "secondary") for i in range(3)])
    found = repeats.find(chain, RULE)
    assert found["occurrence"].tolist() == [1, 2, 2]
    assert found["earlier"].tolist() == [(), ("C00",), ("C01",)]
    assert found["group"].tolist() == [1, 1, 1]
    assert repeated(chain) == []


def test_the_threshold_is_that_of_the_case_s_own_place() -> None:
    border = cases((0, STALL, 0, 0, None, "main"), (1, STALL, 10, 0, None, "back"), (2, STALL, 0, 0, None, "main"))
    assert repeated(border) == ["C02"]


def test_all_in_group_takes_what_the_repeat_looked_back_at() -> None:
    row = cases(*[(i, STALL, 15 * i, 0, None, "main" if i == 2 else "back") for i in range(4)])
    assert repeated(row) == ["C02"]
    assert repeated(row, changed(count="all_in_group")) == ["C01", "C02"]


def test_other_classes_are_other_problems_unless_similar() -> None:
    both = cases((0, STALL, 0, 0, None, "main"), (1, RUBBISH, 0, 0, None, "main"))
    assert repeated(both) == []
    assert repeated(both, changed(similar=[[STALL, RUBBISH]])) == ["C01"]


def test_at_the_same_instant_the_case_number_decides() -> None:
    frame = cases((0, STALL, 0, 0, None, "main"), (0, STALL, 0, 0, None, "main"))
    assert repeated(frame) == ["C01"]
    assert repeated(frame.iloc[::-1]) == ["C01"]


def test_the_same_address_is_the_same_place() -> None:
    nan = float("nan")
    rows = [
        (0, STALL, 0, 0, "中山路 12号", "main"),
        (1, STALL, 900, 0, "中山路１２号", "main"),
        (2, STALL, nan, nan, "中山路12号", "other"),
        (3, STALL, nan, nan, "中山路", "other"),
        (4, STALL, nan, nan, None, "other"),
    ]
    found = repeats.find(cases(*rows), RULE)
    assert found["occurrence"].tolist()[:3] == [1, 2, 3]
    assert found["is_repeat"].tolist() == [False, True, False, pd.NA, pd.NA]
    assert found["occurrence"].isna().tolist() == [False, False, False, True, True]
    off = repeats.find(cases(*rows), changed(same_address=False))
    assert off["is_repeat"].tolist() == [False, False, pd.NA, pd.NA, pd.NA]
    vague = repeats.find(cases(*rows, *rows[3:4]), changed(address_with_number=False))
    assert vague["occurrence"].tolist()[3] == 1


def test_a_case_without_class_cannot_be_compared() -> None:
    found = repeats.find(cases((0, None, 0, 0, None, "main"), (1, STALL, 0, 0, None, "main")), RULE)
    assert found["is_repeat"].tolist() == [pd.NA, False]


@pytest.mark.parametrize(
    ("text", "with_number", "expected"),
    [
        ("中山路 １２号（东门）", True, "中山路12号东门"),
        ("MAIN Street, 5", True, "mainstreet5"),
        ("中山路", True, None),
        ("中山路", False, "中山路"),
        ("中山路十二号", True, "中山路十二号"),
        ("十字路口", True, None),
        (" —— ", False, None),
        (None, False, None),
    ],
)
def test_addresses_are_compared_by_letters_and_digits(
    text: str | None, with_number: bool, expected: str | None
) -> None:
    assert normal_address(text, with_number) == expected


# --- against an oracle -----------------------------------------------------------------------------------------------


def oracle(frame: pd.DataFrame, rule: Rule) -> dict[str, tuple[int | None, bool | None, set[str]]]:
    """Case number → occurrence, answer and what it looked back at, each pair by itself."""
    rows = sorted(frame.itertuples(index=False), key=lambda r: (r.registered_at, r.case_no))

    def address_of(row: Any) -> str | None:
        known = rule.same_address and isinstance(row.address, str)
        return normal_address(row.address, rule.address_with_number) if known else None

    out: dict[str, tuple[int | None, bool | None, set[str]]] = {}
    every: list[tuple[Any, set[str]]] = []
    for i, row in enumerate(rows):
        address = address_of(row)
        if rule.is_excepted(row.category):
            out[row.case_no] = (None, False, set())
            continue
        if np.isnan(row.x) and address is None:
            out[row.case_no] = (None, None, set())
            continue
        back = set()
        for other in rows[:i]:
            near = (row.x - other.x) ** 2 + (row.y - other.y) ** 2 <= rule.radius_m**2
            theirs = address_of(other)
            same = rule.small_class(row.category) == rule.small_class(other.category)
            if same and not rule.is_excepted(other.category) and (near or (address is not None and address == theirs)):
                back.add(other.case_no)
        out[row.case_no] = (1 + len(back), 1 + len(back) >= rule.thresholds[row.road_class], back)
        every.append((row, back))
    if rule.count == "all_in_group":
        for row, back in every:
            if 1 + len(back) >= rule.thresholds[row.road_class]:
                for no in back:
                    out[no] = (out[no][0], True, out[no][2])
    return out


ROWS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from([STALL, STALL, RUBBISH, ADS, COVER]),
        st.sampled_from([0.0, 12.0, 20.0, 24.0, 40.0, float("nan")]),
        st.sampled_from([0.0, 16.0, 32.0]),
        st.sampled_from([None, None, "甲路1号", "甲路 １号", "乙路2号", "甲路"]),
        st.sampled_from(["main", "secondary", "back", "key", "other"]),
    ),
    max_size=14,
)
RULES = st.sampled_from(
    [
        RULE,
        changed(count="all_in_group"),
        changed(similar=[[STALL, RUBBISH]]),
        changed(same_address=False),
        changed(radius_m=0),
    ]
)


@about(100)
@given(ROWS, RULES, st.randoms(use_true_random=False))
def test_it_agrees_with_the_oracle_in_any_order_of_rows(rows: list[Any], rule: Rule, random: Any) -> None:
    frame = cases(*rows)
    order = list(range(len(rows)))
    random.shuffle(order)
    found = repeats.find(frame.iloc[order], rule)
    expected = oracle(frame, rule)
    pd.testing.assert_frame_equal(found, repeats.find(frame, rule))
    assert found["case_no"].tolist() == sorted(
        expected, key=lambda no: (frame.set_index("case_no").registered_at[no], no)
    )
    for row in found.itertuples(index=False):
        occurrence, answer, back = expected[row.case_no]
        assert (None if pd.isna(row.occurrence) else row.occurrence) == occurrence
        assert (None if pd.isna(row.is_repeat) else bool(row.is_repeat)) == answer
        assert set(row.earlier) == back
        assert list(row.earlier) == [no for no in found["case_no"] if no in back]


@about(100)
@given(ROWS)
def test_cases_that_look_back_share_a_group_and_no_others_do(rows: list[Any]) -> None:
    found = repeats.find(cases(*rows), RULE).set_index("case_no")
    links = {no: {no, *found.at[no, "earlier"]} for no in found.index}
    for no, back in list(links.items()):
        for other in back:
            links[other] = links[other] | {no}
    for no in found.index:
        reached, todo = set(), {no}
        while todo:
            reached |= todo
            todo = set().union(*(links[x] for x in todo)) - reached
        group = found.at[no, "group"]
        same = set() if pd.isna(group) else set(found.index[(found["group"] == group).fillna(False)])
        assert same == (reached if len(reached) > 1 else set())


def test_groups_hold_a_repeat_each_and_all_repeats() -> None:
    frame = cases(
        *at(2, STALL, "main"), *at(3, RUBBISH, "back", 500), *at(4, RUBBISH, "back", 900), *at(1, STALL, "key", 10)
    )
    found = repeats.find(frame, RULE)
    groups = repeats.groups(found)
    assert sorted(no for g in groups for no in g["repeats"]) == repeated(frame)
    first = groups[0]
    assert (first["categories"], first["road_class"], first["threshold"]) == ([STALL], "main", 2)
    assert (len(first["cases"]), len(first["repeats"])) == (3, 2)
    assert first["x"] == pytest.approx(10 / 3)


def test_nothing_filed_gives_nothing() -> None:
    found = repeats.find(cases(), RULE)
    assert len(found) == 0
    assert {"occurrence", "is_repeat", "earlier", "group"} <= set(found.columns)
    assert repeats.groups(found) == []


def test_arguments_are_not_changed() -> None:
    frame = cases(*at(3, STALL, "main")).iloc[::-1]
    before = frame.copy(deep=True)
    repeats.find(frame, RULE)
    pd.testing.assert_frame_equal(frame, before)


# --- rules as data ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"thresholds": {"main": 2}},
        {"thresholds": {**RULE.thresholds, "motorway": 2}},
        {"thresholds": {**RULE.thresholds, "main": 0}},
        {"similar": [[STALL]]},
        {"similar": [[STALL, RUBBISH], [STALL, ADS]]},
        {"similar": [["06001", STALL]]},
        {"except_categories": ["ads"]},
        {"radius_m": -1},
        {"period": "decade"},
        {"colour": "red"},
    ],
)
def test_a_rule_that_cannot_be_used_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        changed(**wrong)


def test_the_lowest_threshold_is_the_strictest_class() -> None:
    assert RULE.strictest_first == ("key", "main", "secondary", "back")
    assert changed(thresholds={**RULE.thresholds, "key": 9}).strictest_first == ("main", "secondary", "back", "key")


def test_a_rule_is_named_by_id_or_path(tmp_path: Path) -> None:
    for name in ("nothing", "suspects", str(tmp_path / "none.yaml")):
        with pytest.raises(RepeatRuleMissing) as e:
            reading.rule(name)
        assert e.value.known == ["annex2"]
    own = tmp_path / "own.yaml"
    own.write_text("id: own\n", "utf-8")
    with pytest.raises(DataFileInvalid):
        reading.rule(str(own))


# --- suspected duplicates --------------------------------------------------------------------------------------------

NOW = dt.datetime(2025, 12, 5, 12, tzinfo=dt.UTC)


def recent(*rows: tuple[float, float | None, float, str]) -> pd.DataFrame:
    """Cases from (hours before, hours before at which it was closed, metres away, category)."""
    made = [
        (
            f"C{i}",
            category,
            NOW - dt.timedelta(hours=ago),
            NOW - dt.timedelta(hours=closed) if closed is not None else None,
            x,
            0.0,
        )
        for i, (ago, closed, x, category) in enumerate(rows)
    ]
    frame = pd.DataFrame(made, columns=["case_no", "category", "reported_at", "closed_at", "x", "y"])
    return frame.astype({"reported_at": "datetime64[us, UTC]", "closed_at": "datetime64[us, UTC]"})


def reported() -> pd.DataFrame:
    """One case, of the stalls, in the middle, now."""
    return recent((0, None, 0, STALL)).assign(case_no="new")


def test_each_new_case_has_suspects_of_its_own_and_is_none_itself() -> None:
    both = pd.concat([reported(), recent((0, None, 100, RUBBISH)).assign(case_no="B")], ignore_index=True)
    old = recent((1, None, 100, RUBBISH), (2, None, 0, STALL))
    found = repeats.suspects(both, pd.concat([old, both], ignore_index=True), SUSPECT_RULE)
    assert found[["new", "case_no"]].to_numpy().tolist() == [[0, "C1"], [1, "C0"]]


def test_suspects_are_near_of_the_class_and_recent_or_open() -> None:
    found = repeats.suspects(
        reported(),
        recent(
            (24, 1, 50, STALL), (24.001, 1, 0, STALL), (24.001, None, 3, STALL), (1, None, 50.001, STALL),
            (1, None, 0, RUBBISH), (-1, None, 0, STALL), (720, None, 7, STALL), (720.001, None, 7, STALL),
            (30, -1, 20, STALL), (0, None, 3, STALL),
        ),
        SUSPECT_RULE,
    )  # fmt: skip
    assert tuple(found.columns) == repeats.SUSPECTS
    assert found[["case_no", "why"]].to_numpy().tolist() == [
        ["C9", "recent"], ["C2", "open"], ["C6", "open"], ["C8", "open"], ["C0", "recent"],
    ]  # fmt: skip
    assert found["distance_m"].tolist() == [3, 3, 7, 20, 50]


def test_no_cases_no_suspects() -> None:
    assert repeats.suspects(reported(), recent(), SUSPECT_RULE).empty
