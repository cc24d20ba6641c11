"""Classes: limits, colours, labels."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt.errors import OptionInvalid
from maps.style import GRADES, WORSE, Measure, classify, ramp, show_number, show_ranked

SCORE = Measure("score", "得分", "Score", "score", "high")
RATE = Measure("closing_rate", "结案率", "Closing rate", "rate", "high")
COUNT = Measure("n_overdue_open", "超期未结案", "Overdue", "count", "low")
BANDS = ((90, "优", "A"), (75, "良", "B"), (60, "中", "C"), (40, "差", "D"), (0, "劣", "E"))


def test_a_value_on_a_limit_belongs_to_the_class_above_it():
    values = np.array([89.999, 90, 75, 74.999, 60, 40, 39.999, 0, 100, np.nan])
    classes = classify(values, SCORE, grades=BANDS)
    assert classes.index(values).tolist() == [3, 4, 3, 2, 2, 1, 0, 0, 4, -1]
    assert classes.sizes(values) == [2, 1, 2, 2, 2]
    assert [x["zh"] for x in classes.names] == ["劣", "差", "中", "良", "优"]
    assert [x["zh"] for x in classes.labels] == ["< 40.0", "40.0 – 60.0", "60.0 – 75.0", "75.0 – 90.0", "≥ 90.0"]
    assert classes.colours == GRADES[::-1]


@pytest.mark.parametrize("breaks", ["quantile", "equal", "log"])
@given(values=st.lists(st.one_of(st.floats(0, 1e6), st.integers(0, 40).map(float), st.just(np.nan)), max_size=80))
def test_every_known_value_is_in_the_class_whose_limits_hold_it(breaks, values):
    values = np.array(values, dtype=float)
    classes = classify(values, Measure("x", "", "", "count"), breaks)
    known = ~np.isnan(values)
    index = classes.index(values)
    assert sum(classes.sizes(values)) == known.sum()
    assert (index[~known] == -1).all()
    ends = np.array([-np.inf, *classes.limits, np.inf])
    assert (ends[index[known]] <= values[known]).all()
    assert (values[known] < ends[index[known] + 1]).all()
    assert len(classes.colours) == len(classes.labels) == (len(classes.limits) + 1 if known.any() else 0)
    assert len(set(classes.colours)) == len(classes.colours)
    if breaks != "log" and known.any():
        assert classes.sizes(values)[0] > 0
        assert classes.sizes(values)[-1] > 0


def test_quantile_limits_are_rounded_first_and_used_as_rounded():
    values = np.linspace(0.50, 0.9999, 1001)
    classes = classify(values, RATE)
    assert classes.limits == (0.6, 0.7, 0.8, 0.9)
    assert classes.labels[0]["en"] == "50.0% – 60.0%"
    direct = [((values >= low) & (values < high)).sum() for low, high in pairwise((0, 0.6, 0.7, 0.8, 0.9, 2))]
    assert classes.sizes(values) == direct


def test_close_limits_get_the_decimals_they_need():
    classes = classify(np.linspace(0.9990, 0.9999, 500), RATE)
    assert len(set(classes.limits)) == 4
    assert len({x["zh"] for x in classes.labels}) == 5


def test_one_value_makes_one_class_and_no_value_none():
    assert classify(np.array([3.0, 3.0, np.nan]), COUNT).labels == ({"zh": "3", "en": "3"},)
    empty = classify(np.array([np.nan]), COUNT)
    assert (empty.colours, empty.sizes(np.array([np.nan]))) == ((), [])


def _legend(values, measure, breaks="quantile"):
    values = np.array(values, dtype=float)
    classes = classify(values, measure, breaks)
    return dict(zip((x["zh"] for x in classes.labels), classes.sizes(values), strict=True))


def test_zero_is_a_class_of_its_own_and_small_counts_are_classes():
    mostly_zero = [0] * 270 + [1] * 20 + [2] * 10
    assert _legend(mostly_zero, COUNT) == {"0": 270, "1": 20, "2": 10}
    assert _legend([0] * 50 + [1] * 30 + [2] * 9 + [3] * 6 + list(range(4, 10)), COUNT) == {
        "0": 50,
        "1": 30,
        "2": 9,
        "3": 6,
        "4 – 9": 6,
    }
    assert _legend([0, 0, 0], COUNT) == {"0": 3}
    wide = {"0": 1, "1 – 25": 25, "26 – 49": 24, "50 – 74": 25, "75 – 100": 26}
    assert _legend(range(101), COUNT, "equal") == wide
    assert "零单独为一级" in classify(np.array([0.0, 5.0]), COUNT).how["zh"]
    assert "零单独为一级" not in classify(np.array([3.0, 5.0]), COUNT).how["zh"]


def test_a_rate_that_is_mostly_zero_parts_zero_from_the_least_value_above_it():
    share = Measure("repeat_rate", "重复案件率", "Repeat rate", "rate", "low")
    legend = _legend([0.0] * 80 + [0.0004] * 5 + list(np.linspace(0.01, 0.2, 15)), share)
    assert next(iter(legend.items())) == ("0.00%", 80)
    assert sum(legend.values()) == 100
    assert list(legend)[1].startswith("0.04% – ")
    assert "0.0%" not in _legend([0.0, *np.linspace(0.5, 1, 99)], share)  # one zero of many is no class


def test_no_class_by_quantile_is_empty():
    values = [80.0] * 40 + [81.14] * 20 + [81.31] * 20 + [81.32] * 40
    assert all(_legend(values, SCORE).values())


def test_whole_counts_name_the_last_member_of_a_class():
    classes = classify(np.arange(1.0, 101), COUNT, "equal")
    assert [x["en"] for x in classes.labels] == ["1 – 20", "21 – 40", "41 – 59", "60 – 79", "80 – 100"]


def test_given_limits_keep_their_classes_even_when_empty():
    values = np.array([0.99, 0.5])
    classes = classify(values, RATE, (0.8, 0.9, 0.95))
    assert classes.sizes(values) == [1, 0, 0, 1]
    assert [x["zh"] for x in classes.labels] == ["< 80.0%", "80.0% – 90.0%", "90.0% – 95.0%", "≥ 95.0%"]


def test_the_dark_warm_end_is_the_bad_one():
    values = np.linspace(0, 1, 50)
    assert classify(values, RATE).colours[0] == WORSE[-1]
    assert classify(values, COUNT).colours[-1] == WORSE[-1]


@pytest.mark.parametrize("breaks", [(), (0.9, 0.8), (0.5, 0.5), (0.1, np.nan), tuple(range(9)), "jenks"])
def test_limits_that_do_not_ascend_are_refused(breaks):
    with pytest.raises(OptionInvalid):
        classify(np.array([1.0]), RATE, breaks)


def test_numbers_as_shown():
    assert show_number(911 / 972, "rate") == "93.72%"
    assert show_number(12345, "count") == "12,345"
    assert show_number(0.8, "rate", 3) == "80.0%"
    assert ramp(WORSE, 1) == (WORSE[2],)


def test_values_of_different_ranks_never_read_the_same():
    values = np.array([83.3349, 83.3312, 83.3312, 90.0, 83.34])
    assert show_ranked(values, np.array([3, 4, 4, 1, 2]), "score") == ["83.335", "83.331", "83.331", "90.00", "83.34"]
    rates = np.array([0.937242, 0.937239, 0.5])
    assert show_ranked(rates, np.array([1, 2, 3]), "rate") == ["93.7242%", "93.7239%", "50.00%"]
    assert show_ranked(np.array([2.0, 2.0]), np.array([1, 1]), "score") == ["2.00", "2.00"]
