"""The typed rulebook: frozen, exact, and half-open in time."""

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import pytest
from pydantic import TypeAdapter, ValidationError

from gridmgmt.rulebooks.load import load
from gridmgmt.rulebooks.model import Exact, Validity

NUMBER: TypeAdapter[Fraction] = TypeAdapter(Exact)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (5, Fraction(5)), ("5", Fraction(5)), ("0.1", Fraction(1, 10)), (".5", Fraction(1, 2)), ("5.", Fraction(5)),
        ("-2.50", Fraction(-5, 2)), ("+1/3", Fraction(1, 3)), (" 7 ", Fraction(7)), (Fraction(2, 7), Fraction(2, 7)),
    ],
)  # fmt: skip
def test_a_number_is_what_is_written(written: object, value: Fraction) -> None:
    assert NUMBER.validate_python(written) == value


@pytest.mark.parametrize(
    "written",
    [0.1, Decimal("0.1"), True, None, "", "five", "1/0", "1/00", "1/-2", "1e9999999", "nan", "inf", "1_000", "１"],
)
def test_what_is_not_exact_or_no_number_is_refused(written: object) -> None:
    with pytest.raises(ValidationError):
        NUMBER.validate_python(written)


def test_a_rulebook_cannot_be_changed() -> None:
    book = load("grid_baseline").rulebook
    with pytest.raises(ValidationError):
        book.scale = Fraction(1)


def test_items_by_id() -> None:
    book = load("grid_baseline").rulebook
    assert [book.item(i.id) for i in book.items] == list(book.items)
    assert book.item("nothing") is None


def test_a_rulebook_holds_for_a_day_at_least() -> None:
    first = dt.date(2025, 1, 1)
    assert Validity.model_validate({"from": first}).last is None
    assert Validity.model_validate({"from": first, "to": first + dt.timedelta(days=1)}).last == dt.date(2025, 1, 2)
    with pytest.raises(ValidationError):
        Validity.model_validate({"from": first, "to": first})
