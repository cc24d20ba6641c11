"""The typed rulebook: frozen, exact, and half-open in time; its vocabulary is closed."""

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from gridmgmt.documents import Exact, Words
from gridmgmt.rulebooks.inputs import Automatic, Input, Rate
from gridmgmt.rulebooks.kinds.all_or_nothing import AllOrNothing
from gridmgmt.rulebooks.kinds.events import EventKind
from gridmgmt.rulebooks.kinds.ratings import Ratings
from gridmgmt.rulebooks.load import load
from gridmgmt.rulebooks.model import Reading, Validity, When
from gridmgmt.rulebooks.values import parse

NUMBER: TypeAdapter[Fraction] = TypeAdapter(Exact)
TEXT: TypeAdapter[dict[str, str]] = TypeAdapter(Words)
TITLE = {"zh": "测试", "en": "Test"}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (5, Fraction(5)), ("5", Fraction(5)), ("0.1", Fraction(1, 10)), (".5", Fraction(1, 2)), ("5.", Fraction(5)),
        ("-2.50", Fraction(-5, 2)), ("+1/3", Fraction(1, 3)), (" 7 ", Fraction(7)), (Fraction(2, 7), Fraction(2, 7)),
    ],
)  # fmt: skip
def test_a_number_is_what_is_written(written: object, value: Fraction) -> None:
    assert NUMBER.validate_python(written) == value
    assert NUMBER.validate_python(NUMBER.dump_python(value)) == value


@pytest.mark.parametrize(
    "written",
    [0.1, Decimal("0.1"), True, None, "", "five", "1/0", "1/00", "1/-2", "1e9999999", "nan", "inf", "1_000", "１"],
)
def test_what_is_not_exact_or_no_number_is_refused(written: object) -> None:
    with pytest.raises(ValidationError):
        NUMBER.validate_python(written)


@pytest.mark.parametrize(
    "written", [{}, {"zh": "甲"}, {"zh": "甲", "en": ""}, {"zh": "甲", "en": "A", "fr": "A"}, "甲"]
)
def test_a_text_has_both_languages(written: object) -> None:
    with pytest.raises(ValidationError):
        TEXT.validate_python(written)


def test_a_rulebook_cannot_be_changed() -> None:
    book = load("grid_baseline").rulebook
    with pytest.raises(ValidationError):
        book.scale = Fraction(1)
    with pytest.raises(ValidationError):
        book.stages[0].score.id = "other"  # type: ignore[union-attr]


def test_every_item_and_rule_by_id_with_its_place_in_the_file() -> None:
    book = load("grid_baseline").rulebook
    places = {part.id: path for path, part in book.parts()}
    assert list(places)[:2] == ["all", "closing"]
    assert places["rework"] == ("stages", 0, "score", "items", 2)
    assert places["rework_steps"] == ("stages", 0, "score", "items", 2, "rules", 0)


def test_a_rulebook_holds_for_a_day_at_least() -> None:
    first = dt.date(2025, 1, 1)
    assert Validity.model_validate({"from": first}).last is None
    assert Validity.model_validate({"from": first, "to": first + dt.timedelta(days=1)}).last == dt.date(2025, 1, 2)
    with pytest.raises(ValidationError):
        Validity.model_validate({"from": first, "to": first})


def test_a_rulebook_no_longer_holds_on_its_last_day() -> None:
    valid = Validity.model_validate({"from": dt.date(2025, 1, 1), "to": dt.date(2026, 1, 1)})
    days = [dt.date(2024, 12, 31), dt.date(2025, 1, 1), dt.date(2025, 12, 31), dt.date(2026, 1, 1)]
    assert [valid.covers(d) for d in days] == [False, True, True, False]


@pytest.mark.parametrize(
    ("kind", "plain", "told"),
    [
        (Input, {"title": TITLE}, "automatic"),
        (Input, {"title": TITLE, "entered": TITLE, "type": "choice"}, "choices"),
        (Input, {"title": TITLE, "entered": TITLE, "choices": {"a": TITLE}}, "choices"),
        (Input, {"title": TITLE, "entered": TITLE, "type": "ratings"}, "groups"),
        (Input, {"title": TITLE, "entered": TITLE, "type": "filings"}, "repeats"),
        (Input, {"title": TITLE, "type": "flag", "automatic": {"count": "n_due"}}, "counted"),
        (Input, {"title": TITLE, "type": "findings", "automatic": {"count": "n_samples"}}, "shares of length"),
        (Input, {"title": TITLE, "entered": TITLE, "at_least": 5, "at_most": 4}, "below"),
        (Input, {"title": TITLE, "type": "count", "automatic": {"silent_stations": ["x"]}}, "type: findings"),
        (Automatic, {"count": "n_due", "silent_stations": ["x"]}, "exactly one"),
        (Automatic, {}, "exactly one"),
        (Automatic, {"count": "n_due", "staff": "worked_h"}, "exactly one"),
        (Automatic, {"staff": "worked_h", "per_day": True}, "belong to a count"),
        (Automatic, {"count": "n_due", "hours": [9, 18]}, "only with sample_mean"),
        (Automatic, {"count": "n_nothing"}, "no count"),
        (Automatic, {"count": "n_samples", "only": {"endings": ["open"]}}, "count of cases"),
        (Automatic, {"count": "n_due", "only": {"endings": ["lost"]}}, "no ending lost; known are closed"),
        (Input, {"title": TITLE, "entered": TITLE, "type": "flag", "together_at_most": 5}, "each subject has"),
        (Input, {"title": TITLE, "entered": TITLE, "per": "all", "together_at_most": 5}, "each subject has"),
        (AllOrNothing, {"id": "x", "title": TITLE, "kind": "all_or_nothing", "points": 5, "rate": "r", "input": "i",
                        "test": ">", "limit": 1}, "one of"),
        (Ratings, {"id": "x", "title": TITLE, "kind": "ratings", "input": "i", "weights": {"a": 50, "b": 40}},
         "sum to 90"),
        (EventKind, {"code": "x", "title": TITLE, "points": -1}, "greater"),
        (Reading, {"value": "c", "options": ["a", "b"], "text": TITLE, "reason": TITLE}, "none of the options"),
        (When, {}, "condition"),
        (When, {"group": ["a"]}, "condition"),
    ],
)  # fmt: skip
def test_a_part_that_contradicts_itself_is_refused(kind: Any, plain: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        kind.model_validate(plain)


def test_only_a_count_of_samples_may_have_parts() -> None:
    def counts(name: str) -> Input:
        return Input.model_validate({"title": TITLE, "type": "count", "automatic": {"count": name}})

    assert parse(counts("n_scored_samples"), "19/12") == Fraction(19, 12)
    for name, value in (("n_due", "19/12"), ("n_scored_samples", "-1/2")):
        with pytest.raises(ValueError, match="whole number"):
            parse(counts(name), value)


def test_a_yes_no_rate_counts_each_as_0_or_1() -> None:
    def rate(**more: Any) -> Rate:
        return Rate.model_validate({"title": TITLE, "numerator": "closed", "denominator": "due", **more})

    assert rate().is_yes_no
    assert rate(complement=True).is_yes_no
    assert not rate(unit="points").is_yes_no
    assert not rate(numerator={"closed": "0.6"}).is_yes_no
    assert not rate(numerator={"closed": 1, "late": 1}).is_yes_no
