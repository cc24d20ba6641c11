"""Scorecards: the document of an assessment is the same bytes for the same facts, and says what it rests on."""

import json
from fractions import Fraction
from typing import Any

import pandas as pd
import pytest

from gridmgmt import scorecards
from gridmgmt.rulebooks.load import load
from gridmgmt.scorecards import Assessment, LevelCounts, assess, canonical, digest, number

BOOK = load("grid_baseline")
KEYS = {1: "city", 2: "district"}


def figures(**by_code: dict[str, int]) -> LevelCounts:
    names = ("n_due", "n_closed", "n_closed_on_time", "n_reported")
    counts = pd.DataFrame({n: {c: v.get(n, 0) for c, v in by_code.items()} for n in names}, dtype="int64")
    score = pd.Series([Fraction(0)] * len(counts), index=counts.index, dtype="object")
    return LevelCounts(
        counts.assign(sum_sample_score=score), {"n_due": 1, "n_reported": 2, "sum_sample_score": Fraction(1, 3)}
    )


GRIDS = pd.DataFrame(
    [
        (1, "1", None, "市", "", "city", 2e6, "2025"),
        (2, "a", "1", "甲区", "A", "district", 1e6, "2025"),
        (2, "b", "1", "", "B", "district", 1e6, "2025"),
        (2, "c", "1", "", "", "zone", 0.0, "2025"),
    ],
    columns=["level", "code", "parent_code", "name_zh", "name_en", "kind", "area_m2", "edition"],
)
NOW = {
    1: figures(**{"1": {"n_due": 30, "n_closed": 27, "n_closed_on_time": 20, "n_reported": 30}}),
    2: figures(
        a={"n_due": 10, "n_closed": 9, "n_closed_on_time": 8, "n_reported": 3},
        b={"n_due": 20, "n_closed": 18, "n_closed_on_time": 16},
        c={},
    ),
}


EARLIER = {
    "previous": scorecards.Earlier("2025-02", "2024", {1: NOW[1]}),
    "year_ago": scorecards.Earlier("2024-03", None, {}),
}


def made(grids: pd.DataFrame = GRIDS, now: Any = NOW) -> Assessment:
    return assess(BOOK, {"city": "x"}, grids, now, EARLIER, KEYS)


def test_the_same_facts_give_the_same_bytes_in_any_order() -> None:
    first = made()
    assert made().sha256 == first.sha256
    assert made(GRIDS.sample(frac=1, random_state=1)).sha256 == first.sha256
    other = {**NOW, 2: figures(a={"n_due": 10, "n_closed": 8}, b={}, c={})}
    assert made(now=other).sha256 != first.sha256


def test_the_document_survives_json() -> None:
    found = made()
    again = json.loads(canonical({**found.header, "subjects": list(found.subjects)}))
    subjects = again.pop("subjects")
    assert digest(again, subjects) == found.sha256
    assert canonical({"b": "中", "a": [1]}) == '{"a":[1],"b":"中"}'
    with pytest.raises(ValueError):
        canonical({"a": float("nan")})


def test_subjects_by_level_and_code_with_names_in_both_languages() -> None:
    subjects = made().subjects
    assert [s["subject"]["code"] for s in subjects] == ["1", "a", "b", "c"]
    assert [s["subject"]["name"] for s in subjects] == [
        {"zh": "市", "en": "市"}, {"zh": "甲区", "en": "A"}, {"zh": "B", "en": "B"}, {"zh": "c", "en": "c"},
    ]  # fmt: skip


def test_equal_rates_share_a_rank_and_a_grid_without_data_has_none() -> None:
    _, a, b, c = made().subjects
    assert a["rank"]["siblings"] == b["rank"]["siblings"] == {"rank": 1, "of": 2, "tied": 2}
    assert (c["total"], c["grade"], c["rank"]["level"]) == (None, None, None)
    assert c["reason"] == {"code": "total_no_data", "facts": {}}
    assert c["indicators"]["closing_rate"] is None
    assert c["indicators"]["density"] is None


def test_lines_say_numerator_denominator_and_reason() -> None:
    line = made().subjects[1]["lines"][0]
    assert line["value"] == {"numerator": "9", "denominator": "10", "value": "0.9", "shown": "90.00"}
    assert line["points"] == {"exact": "27", "shown": "27.00"}
    assert line["reason"] == {"code": "line_proportional", "facts": {"maximum": "30", "value": "0.9"}}


def test_comparisons_and_the_unassigned() -> None:
    found = made()
    city, a = found.subjects[:2]
    assert city["comparisons"]["previous"]["counts"]["n_due"] == 30
    assert a["comparisons"]["previous"] == {
        "period": "2025-02", "edition": "2024", "counts": None, "indicators": None,
    }  # fmt: skip
    assert found.header["unassigned"]["district"] == {"n_due": 1, "n_reported": 2, "sum_sample_score": "1/3"}
    assert a["indicators"]["density"] == {"numerator": "3", "denominator": "1.0000", "shown": "3.00"}


def test_a_total_near_a_limit_is_not_shown_beyond_it() -> None:
    assert number(Fraction("89.996"), limits=[Fraction(90)]) == {"exact": "89.996", "shown": "89.996"}
    assert number(Fraction("89.996")) == {"exact": "89.996", "shown": "90.00"}
    assert number(None) is None
    assert scorecards.number(3) == {"exact": "3", "shown": "3.00"}
