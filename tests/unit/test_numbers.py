"""Exact numbers as they are shown."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt.numbers import shown, shown_apart, shown_near, summed, to_exact
from gridmgmt.texts import Unfit, expected


def apart(*numbers):
    return list(shown_apart({n: (x, shown(x)) for n, x in enumerate(map(Fraction, numbers))}).values())


def test_different_numbers_in_one_list_never_read_the_same():
    assert apart("83.3349", "83.3312", "83.3312", "90") == ["83.335", "83.331", "83.331", "90.00"]
    assert apart("1/3", "1/3") == ["0.33", "0.33"]


def test_a_number_of_a_thousand_characters_is_read_and_a_longer_one_is_quoted_short():
    assert to_exact("1" * 1000) == int("1" * 1000)
    with pytest.raises(Unfit) as e:
        to_exact("1" * 1001)
    assert e.value.expected == expected("number", value="1" * 40 + "…")


def test_a_number_at_a_limit_that_is_to_be_passed_reads_as_that_limit():
    limit = Fraction(2)
    found = [shown_near(Fraction(x), [limit], strictly=[limit]) for x in ("1.999", "2", "2.004", "2.01", "1.99")]
    assert found == ["1.999", "2.00", "2.004", "2.01", "1.99"]


def test_a_text_that_is_alone_stays_as_it_is_beside_others_that_get_more_digits():
    values = {"a": (Fraction("83.3349"), "83.33"), "b": (Fraction("83.3312"), "83.33"), "c": (Fraction(90), "ninety")}
    assert shown_apart(values) == {"a": "83.335", "b": "83.331", "c": "ninety"}


def test_numbers_part_with_one_digit_more_than_they_had_and_whole_ones_too():
    whole = {n: (x, shown(x, 0)) for n, x in enumerate((Fraction("83.34"), Fraction("83.26"), Fraction("83.25")))}
    assert list(shown_apart(whole).values()) == ["83.34", "83.26", "83.25"]
    assert apart("0.12345678904", "0.12345678901") == ["0.12345678904", "0.12345678901"]  # eleven digits: cut off
    assert apart("0.00000000014", "0.00000000012") == ["0.00000000014", "0.00000000012"]
    assert apart("0.00000000016", "0.00000000012") == ["0.0000000002", "0.0000000001"]  # ten are still rounded
    # rounded, eleven digits would part them; cut off, it takes twelve
    assert apart("0.000000000149", "0.000000000141") == ["0.000000000149", "0.000000000141"]


def test_numbers_that_differ_late_are_cut_off_and_cross_no_limit():
    close = apart("89.9999999999998", "89.9999999999999", "1")
    assert close == ["89.9999999999998", "89.9999999999999", "1.00"]


@given(st.lists(st.fractions(0, 100, max_denominator=10**7), min_size=2, max_size=8))
def test_texts_are_alike_exactly_where_numbers_are(numbers):
    texts = apart(*numbers)
    assert len(set(zip(numbers, texts, strict=True))) == len(set(numbers)) == len(set(texts))


@given(st.lists(st.fractions(max_denominator=10**6), max_size=12))
def test_a_sum_is_that_of_fractions(values):
    assert summed(values) == sum(values, Fraction(0))
