"""Scoring: exact at every limit, within bounds, monotone, fair to ties, and never guessed from nothing."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt.indicators import RATIOS
from gridmgmt.rulebooks.evaluate import exact, grade_of, proportional, rank, score, shown, shown_near, steps
from gridmgmt.rulebooks.load import load
from gridmgmt.rulebooks.model import Proportional, Rulebook, Steps

BASE = load("grid_baseline").rulebook
WORDS = {"zh": "测试", "en": "Test"}
FULL = {
    "n_due": 100, "n_closed": 100, "n_closed_on_time": 100, "n_due_rework_known": 100, "n_rework_cases": 0,
    "n_registered_repeat_known": 100, "n_repeats": 0, "n_scored_samples": 1, "sum_sample_score": Fraction(100),
}  # fmt: skip


def step_item(**changes: Any) -> Steps:
    plain = {
        "id": "x", "title": WORDS, "points": 10, "kind": "steps", "indicator": "rework_rate", "threshold": 2,
        "direction": "above", "step": 1, "points_per_step": 3, "source": "test",
    }  # fmt: skip
    return Steps.model_validate({**plain, **changes})


def rate_item(indicator: str = "closing_rate", points: str = "30") -> Proportional:
    return Proportional.model_validate(
        {"id": "x", "title": WORDS, "points": points, "kind": "proportional", "indicator": indicator, "source": "test"}
    )


def with_option(option: str) -> Rulebook:
    return BASE.model_copy(update={"empty": BASE.empty.model_copy(update={"option": option})})


def percent(text: str) -> Fraction:
    return Fraction(text) / 100


# --- faults found in real scoring code -------------------------------------------------------------------------------


def test_a_closing_rate_is_scored_as_itself_not_as_100_less_it() -> None:
    assert proportional(rate_item(), Fraction(1))[0] == 30
    assert proportional(rate_item(), Fraction(9, 10))[0] == 27
    assert proportional(rate_item(), Fraction(0))[0] == 0


def test_nothing_is_rounded_before_it_is_weighted() -> None:
    counts = FULL | {"n_due": 3, "n_closed": 2, "n_closed_on_time": 1}
    closing, on_time = score(BASE, counts).lines[:2]
    assert (closing.points, on_time.points) == (20, 10)
    assert score(BASE, FULL | {"n_due": 7, "n_closed": 6}).lines[0].points == Fraction(180, 7)


@pytest.mark.parametrize("counts", [{}, {"n_due": 0, "n_closed": 0}, {"n_samples": 3}])
def test_a_grid_without_a_case_is_neither_0_nor_100(counts: dict[str, int]) -> None:
    for option in ("leave_out", "full", "incomplete"):
        result = score(with_option(option), counts)
        assert (result.total, result.grade, result.reason.code) == (None, None, "total_no_data")


def test_each_item_uses_its_own_counts() -> None:
    for name, line in zip(("n_closed", "n_closed_on_time", "n_rework_cases", "n_repeats"), range(4), strict=True):
        before, after = (score(BASE, counts).lines for counts in (FULL, FULL | {name: 50}))
        assert [n for n, (a, b) in enumerate(zip(before, after, strict=True)) if a.points != b.points] == [line]


def test_a_true_75_is_75() -> None:
    counts = FULL | {"n_due": 300, "n_closed": 175, "n_closed_on_time": 175, "n_rework_cases": 0}
    result = score(BASE, counts)
    assert result.total == 75
    assert result.grade == "B"


# --- items without data ----------------------------------------------------------------------------------------------

NO_SAMPLES = FULL | {"n_scored_samples": 0, "sum_sample_score": 0, "n_closed": 90}


def test_an_item_left_out_scales_the_others() -> None:
    result = score(BASE, NO_SAMPLES)
    assert result.lines[4].points is None
    assert result.lines[4].reason.code == "line_no_data_leave_out"
    assert result.total == Fraction(82 * 100, 85)
    assert result.reason.code == "total_scaled"
    assert result.reason.facts == {"gained": "82", "possible": "85", "scale": "100"}


def test_an_item_with_full_points_and_an_open_one() -> None:
    full = score(with_option("full"), NO_SAMPLES)
    assert (full.lines[4].points, full.total, full.reason.code) == (15, 97, "total_sum")
    incomplete = score(with_option("incomplete"), NO_SAMPLES)
    assert (incomplete.total, incomplete.grade) == (None, None)
    assert incomplete.reason.code == "total_incomplete"
    assert incomplete.reason.facts == {"items": ["inspection"]}


# --- steps -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "floor", "ceil", "exactly"),
    [
        ("0", 10, 10, 10), ("2", 10, 10, 10), ("2.000001", 10, 7, "9.999997"), ("2.999999", 10, 7, "7.000003"),
        ("3", 7, 7, 7), ("3.000001", 7, 4, "6.999997"), ("4.5", 4, 1, "2.5"), ("5", 1, 1, 1), ("6", 0, 0, 0),
        ("100", 0, 0, 0),
    ],
)  # fmt: skip
def test_steps_above_a_limit(rate: str, floor: Any, ceil: Any, exactly: Any) -> None:
    for mode, points in (("floor", floor), ("ceil", ceil), ("proportional", exactly)):
        assert steps(step_item(step_mode=mode), percent(rate))[0] == Fraction(points), mode


@pytest.mark.parametrize(
    ("rate", "points"), [("100", 10), ("80", 10), ("79.9", 10), ("75.1", 10), ("75", 8), ("70", 6), ("0", 0)]
)
def test_steps_below_a_limit(rate: str, points: int) -> None:
    item = step_item(indicator="closing_rate", direction="below", threshold=80, step=5, points_per_step=2)
    assert steps(item, percent(rate))[0] == points


def test_a_third_is_a_third() -> None:
    item = step_item(threshold=0, step="1/3", points_per_step=1)
    assert [steps(item, Fraction(n, 300))[0] for n in range(4)] == [10, 9, 8, 7]


@pytest.mark.parametrize(("rate", "points", "code"), [
    ("5", 1, "line_steps"), ("5.000001", 0, "line_zero_beyond"), ("2", 10, "line_within_threshold"),
])  # fmt: skip
def test_exactly_at_zero_beyond_the_steps_still_count(rate: str, points: int, code: str) -> None:
    found, reason = steps(step_item(zero_beyond=5), percent(rate))
    assert (found, reason.code) == (points, code)


def test_zero_beyond_below() -> None:
    item = step_item(indicator="closing_rate", direction="below", threshold=80, zero_beyond=75, points_per_step=1)
    assert [steps(item, percent(r))[0] for r in ("75", "74.999")] == [5, 0]


def test_a_mean_score_is_in_points_not_percent() -> None:
    assert proportional(rate_item("sample_score", "15"), Fraction(86))[0] == Fraction("12.9")
    item = step_item(indicator="sample_score", direction="below", threshold=60, step=10)
    assert steps(item, Fraction(45))[0] == 7


def test_reasons_carry_exact_facts() -> None:
    _, reason = steps(step_item(), Fraction(9, 200))
    assert reason.facts == {
        "percent": "4.5", "threshold": "2", "step": "1", "points_per_step": "3", "n_steps": "2", "lost": "6",
    }  # fmt: skip


rates = st.fractions(0, 1, max_denominator=400)
modes = st.sampled_from(["floor", "ceil", "proportional"])
small = st.fractions(Fraction(1, 10), 20, max_denominator=30)


@given(rates, rates, modes, small, small, st.none() | st.integers(20, 100))
def test_step_points_stay_in_bounds_and_never_rise_with_the_rate(
    a: Fraction, b: Fraction, mode: str, step: Fraction, lost: Fraction, zero: int | None
) -> None:
    item = step_item(threshold=20, step=step, points_per_step=lost, step_mode=mode, zero_beyond=zero)
    low, high = (steps(item, rate)[0] for rate in sorted((a, b)))
    assert 0 <= high <= low <= item.points


@given(rates, rates)
def test_proportional_points_stay_in_bounds_and_rise_with_the_rate(a: Fraction, b: Fraction) -> None:
    low, high = (proportional(rate_item(), rate)[0] for rate in sorted((a, b)))
    assert 0 <= low <= high <= 30


@given(st.fixed_dictionaries({k: st.integers(0, 50) for k in FULL}))
def test_a_total_lies_between_0_and_the_scale(counts: dict[str, int]) -> None:
    for top, bottom in ((r.numerator, r.denominator) for r in RATIOS.values() if r.unit == "percent"):
        counts[top] = min(counts[top], counts[bottom])
    counts["sum_sample_score"] = min(counts["sum_sample_score"], 100 * counts["n_scored_samples"])
    for option in ("leave_out", "full", "incomplete"):
        result = score(with_option(option), counts)
        assert result.total is None or 0 <= result.total <= 100
        assert (result.grade is None) is (result.total is None)
        assert sum(x.maximum for x in result.lines) == 100


# --- grades and ranks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "grade"),
    [("100", "A"), ("90", "A"), ("89.999999999999999999", "B"), ("75", "B"), ("60", "C"), ("40", "D"), ("0", "E")],
)
def test_a_grade_begins_exactly_at_its_bound(total: str, grade: str) -> None:
    found = grade_of(BASE, Fraction(total))
    assert found is not None
    assert found.id == grade


def test_a_total_below_every_bound_has_no_grade() -> None:
    assert grade_of(BASE, Fraction(-1)) is None


def test_ties_share_a_rank_and_the_next_is_skipped() -> None:
    totals = {
        "a": Fraction(90),
        "b": Fraction(180, 2),
        "c": Fraction("89.9999999999999999"),
        "d": None,
        "e": Fraction(0),
    }
    assert rank(totals) == {"a": (1, 2), "b": (1, 2), "c": (3, 1), "e": (4, 1)}
    assert rank({}) == rank({"a": None}) == {}


some_totals = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=2), st.none() | st.fractions(0, 9, max_denominator=3)
)


@given(some_totals, st.randoms())
def test_the_order_of_subjects_does_not_matter(totals: dict[str, Fraction | None], random: Any) -> None:
    shuffled = list(totals.items())
    random.shuffle(shuffled)
    ranks = rank(totals)
    assert rank(dict(shuffled)) == ranks
    for key, (place, tied) in ranks.items():
        value = totals[key]
        assert place == 1 + sum(v > value for v in totals.values() if v is not None and value is not None)
        assert tied == sum(v == value for v in totals.values())


# --- numbers as text -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(5), "5"), (Fraction(-5), "-5"), (Fraction(5, 2), "2.5"), (Fraction(-1, 40), "-0.025"),
        (Fraction(0), "0"), (Fraction(1580, 17), "1580/17"), (Fraction(-1, 3), "-1/3"),
        (Fraction(1, 2**12), "0.000244140625"), (Fraction(1, 2**13), "1/8192"), (Fraction(1, 10**12), "0.000000000001"),
    ],
)  # fmt: skip
def test_exact(value: Fraction, text: str) -> None:
    assert exact(value) == text


@given(st.fractions() | st.decimals(allow_nan=False, allow_infinity=False, places=6).map(Fraction))
def test_exact_comes_back(value: Fraction) -> None:
    assert Fraction(exact(value)) == value


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        ("2.675", 2, "2.68"),
        ("2.665", 2, "2.67"),
        ("-2.675", 2, "-2.68"),
        ("-0.001", 2, "0.00"),
        ("0.5", 0, "1"),
        ("99.995", 2, "100.00"),
    ],
)
def test_shown_rounds_half_away_from_zero(value: str, places: int, text: str) -> None:
    assert shown(Fraction(value), places) == text


LIMITS = [Fraction(n) for n in (90, 75, 60)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("89.996", "89.996"), ("89.9951", "89.995"), ("89.994", "89.99"), ("90", "90.00"), ("90.001", "90.00"),
        ("74.99999", "74.99999"), ("89.999999999999", "89.9999999999"), ("-1", "-1.00"),
    ],
)  # fmt: skip
def test_what_is_shown_never_crosses_a_limit(value: str, text: str) -> None:
    assert shown_near(Fraction(value), LIMITS) == text


@given(st.fractions(59, 91, max_denominator=10**15))
def test_what_is_shown_has_the_grade_of_what_is_true(value: Fraction) -> None:
    text = Fraction(shown_near(value, LIMITS))
    assert [text >= x for x in LIMITS] == [value >= x for x in LIMITS]
    assert abs(text - value) <= Fraction(1, 200)
