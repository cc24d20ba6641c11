"""Groups lose nothing: whatever rows there are, in whatever groups or none, they add up to the total."""

import datetime as dt
from fractions import Fraction
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt.figures.counts import Facts
from gridmgmt.figures.grouping import ENDINGS, GROUPINGS, endings, grouped, groups
from gridmgmt.figures.indicators import masks
from tests.examples import about
from tests.unit.figures.test_counts import CUT, DUE, END, LATER, START, TICK, facts

times = st.sampled_from([None, START - TICK, START, DUE, END - TICK, END, CUT, LATER])
case = st.fixed_dictionaries(
    {
        **dict.fromkeys(
            ("reported_at", "registered_at", "dispatched_at", "due_at", "due_extended_at", "handled_at", "closed_at",
             "voided_at", "reworked_at"), times,
        ),
        "n_rework": st.sampled_from([None, 0, 2]), "is_repeat": st.sampled_from([None, True, False]),
        "stands": st.booleans(), "source": st.sampled_from([None, "", "甲", "乙"]),
        "category_kind": st.sampled_from([None, "matter"]), "category_code": st.sampled_from([None, "06"]),
        "unit_id": st.sampled_from([None, 1, 2, 3]),
    }
)  # fmt: skip
sample = st.fixed_dictionaries(
    {"sampled_at": times, "score": st.sampled_from([None, "0.1", "33.3"]), "unit_id": st.sampled_from([None, 1, 2])}
)


def known(of: str, rows: list[dict[str, Any]]) -> Facts:
    found = facts(of, rows)
    for name in ("source", "category_kind", "category_code", "unit_id"):
        found.frame[name] = pd.Series([row.get(name) for row in rows], dtype="object", index=found.frame.index)
    return found


@given(
    st.lists(case, max_size=12), st.lists(sample, max_size=6), st.sampled_from(["source", "category", "ending", "unit"])
)
@about(60)
def test_groups_add_up_to_the_total(cases: list[dict[str, Any]], samples: list[dict[str, Any]], by: str) -> None:
    every = {"cases": known("cases", cases), "samples": known("samples", samples)}
    units = {1: "U1", 2: "U2"}  # of a unit that is gone nobody knows the code
    parts = [(every[of], masks(every[of], of), groups(every[of], by, units)) for of in GROUPINGS[by]]
    found = grouped(parts, ["U1", "U9"] if by == "unit" else [])
    assert {name: sum(found.counts[name]) for name in found.counts} == dict(found.total)
    for part, taken, own in parts:
        for name, mask in taken.items():
            if name not in ("n_rework_events", "sum_sample_score"):
                assert found.total[name] == mask.sum()
                for code in found.counts.index:
                    assert found.counts.loc[code, name] == (mask & (own.fillna("") == code).to_numpy()).sum()
        assert len(own) == len(part.frame)
    assert found.counts.index[-1] == ""
    assert "U9" in found.counts.index or by != "unit"


@pytest.mark.parametrize(
    ("told", "ending"),
    [
        ({}, "open"),
        ({"registered_at": DUE}, "open"),
        ({"registered_at": DUE, "closed_at": CUT}, "closed"),
        ({"registered_at": DUE, "closed_at": LATER}, "open"),
        ({"closed_at": DUE}, "closed"),
        ({"registered_at": DUE, "closed_at": DUE, "voided_at": DUE}, "void"),
        ({"registered_at": DUE, "voided_at": LATER}, "open"),
        ({"voided_at": DUE}, "discarded"),
        ({"registered_at": LATER, "voided_at": DUE}, "discarded"),
    ],
)
def test_how_a_case_has_ended(told: dict[str, dt.datetime], ending: str) -> None:
    assert endings(facts("cases", [told])).tolist() == [ending]
    assert tuple(ENDINGS) == ("closed", "discarded", "void", "open")  # in the order in which they are shown


def test_rates_are_made_where_their_counts_are() -> None:
    found = facts("cases", [{"due_at": DUE, "closed_at": DUE}, {"due_at": DUE}])
    own = pd.Series(["甲", None], dtype="object")
    table = grouped([(found, masks(found, "cases"), own)], []).table()
    assert table["code"].tolist() == ["甲", ""]
    assert table["closing_rate"].tolist() == [1.0, 0.0]
    assert "sample_score" not in table
    assert "density" not in table


def test_the_total_of_no_rows_is_zero_for_every_count_and_exact_for_scores() -> None:
    none = known("samples", [])
    found = grouped([(none, masks(none, "samples"), pd.Series([], dtype="object"))], ["U1"])
    assert dict(found.total) == {"n_samples": 0, "n_scored_samples": 0, "sum_sample_score": 0}
    assert [type(n) for n in found.total.values()] == [int, int, Fraction]
    assert found.counts.index.tolist() == ["U1", ""]
    table = found.table()
    assert table["sample_score"].isna().all(), "of nothing there is no score"
    assert table["sum_sample_score"].tolist() == [0.0, 0.0]


def test_each_row_is_in_the_group_of_its_source_its_category_or_its_unit() -> None:
    rows = [
        {"source": "甲", "category_kind": "matter", "category_code": "06", "unit_id": 1},
        {"source": "", "category_kind": "matter", "category_code": None, "unit_id": 3},
        {"source": None, "category_kind": None, "category_code": "06", "unit_id": None},
    ]
    found = known("cases", rows)
    assert groups(found, "source", {}).tolist() == ["甲", None, None]
    assert groups(found, "category", {}).tolist() == ["matter:06", None, None]
    assert groups(found, "unit", {1: "U1"}).tolist() == ["U1", None, None]
    assert groups(found, "ending", {}).tolist() == ["open"] * 3
    assert {str(groups(found, by, {}).dtype) for by in GROUPINGS if by != "person"} == {"object"}
