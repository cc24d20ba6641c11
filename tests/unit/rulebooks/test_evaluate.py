"""Scoring, kind by kind: exact at every limit, within bounds, fair to ties, and never guessed from nothing."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from gridmgmt.numbers import exact, shown, shown_near
from gridmgmt.rulebooks.items import Item, Rule
from gridmgmt.rulebooks.load import load
from gridmgmt.rulebooks.results import Context, Node
from gridmgmt.rulebooks.run import grade_of, rank
from gridmgmt.rulebooks.values import Account, Event, Filing, Finding
from tests.unit.rulebooks.tiny import tiny

BASE = load("grid_baseline").rulebook
BOOK = tiny().rulebook
WORDS = {"zh": "测试", "en": "Test"}
ITEM: TypeAdapter[Any] = TypeAdapter(Item)
RULE: TypeAdapter[Any] = TypeAdapter(Rule)


def valued(item: dict[str, Any], **values: Any) -> Node:
    """An item's node, from typed values; whole numbers become fractions."""
    typed = {k: Fraction(v) if isinstance(v, int) and not isinstance(v, bool) else v for k, v in values.items()}
    return ITEM.validate_python({"id": "x", "title": WORDS, **item}).evaluate(Context(BOOK, typed))


def judged(rule: dict[str, Any], role: str | None = None, **values: Any) -> Node:
    """A rule's node."""
    typed = {k: Fraction(v) if isinstance(v, int) and not isinstance(v, bool) else v for k, v in values.items()}
    return RULE.validate_python({"id": "x", "title": WORDS, **rule}).evaluate(Context(BOOK, typed, role))


STEPS = {"kind": "steps", "rate": "closing", "threshold": 2, "direction": "above", "step": 1, "points_per_step": 3}


def steps(rate: str, **changes: Any) -> Node:
    value = Fraction(rate) / 100
    return judged({**STEPS, **changes}, closed=value, due=Fraction(1))


# --- steps -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "floor", "ceil", "exactly"),
    [
        ("0", 0, 0, 0), ("2", 0, 0, 0), ("2.000001", 0, 3, "0.000003"), ("2.999999", 0, 3, "2.999997"),
        ("3", 3, 3, 3), ("3.000001", 3, 6, "3.000003"), ("4.5", 6, 9, "7.5"), ("5", 9, 9, 9), ("100", 294, 294, 294),
    ],
)  # fmt: skip
def test_steps_above_a_limit(rate: str, floor: Any, ceil: Any, exactly: Any) -> None:
    for mode, lost in (("floor", floor), ("ceil", ceil), ("proportional", exactly)):
        assert steps(rate, step_mode=mode).value == Fraction(lost), mode


@pytest.mark.parametrize(("rate", "zeroes"), [("5", False), ("5.000001", True), ("2", False)])
def test_exactly_at_zero_beyond_the_steps_still_count(rate: str, zeroes: bool) -> None:
    assert steps(rate, zero_beyond=5).zeroes is zeroes
    assert steps("5", zero_beyond=5).value == 9
    assert steps("5", zero_beyond=5, zero_inclusive=True).zeroes


def test_reasons_carry_exact_facts() -> None:
    assert steps("4.5").reason.facts == {
        "percent": "4.5", "threshold": "2", "step": "1", "points_per_step": "3", "n_steps": "2", "lost": "6",
    }  # fmt: skip


fractions = st.fractions(0, 1, max_denominator=400)
small = st.fractions(Fraction(1, 10), 20, max_denominator=30)


@given(fractions, fractions, st.sampled_from(["floor", "ceil", "proportional"]), small, small)
def test_a_worse_rate_never_costs_less(a: Fraction, b: Fraction, mode: str, step: Fraction, lost: Fraction) -> None:
    low, high = (
        steps(str(r * 100), threshold=20, step=step, points_per_step=lost, step_mode=mode).value for r in sorted((a, b))
    )
    assert low is not None
    assert high is not None
    assert 0 <= low <= high


# --- the other rules -------------------------------------------------------------------------------------------------


def test_each_counts_findings_up_to_its_cap() -> None:
    each = {"kind": "each", "input": "faults", "points": "0.5", "cap": 2}
    assert [judged(each, faults=n).value for n in (0, 1, 4, 5)] == [0, Fraction(1, 2), 2, 2]
    assert judged(each, faults=(Finding(3), Finding(1))).value == 2
    assert judged(each).value == 0, "nothing listed: nothing happened"


def test_findings_on_one_case_count_once_where_it_says_so() -> None:
    found = (Finding(case="a"), Finding(case="a"), Finding(case="b"), Finding())
    each = {"kind": "each", "input": "faults", "points": 2}
    assert judged(each, faults=found).value == 8
    assert judged({**each, "distinct": True}, faults=found).value == 6


def test_a_group_finding_stands_for_the_single_ones_of_its_occasion() -> None:
    each = {"kind": "each", "input": "faults", "points": 1, "unless": "disaster"}
    single = (Finding(2, occasion="mon-am"), Finding(1, occasion="tue-am"), Finding(1))
    assert judged(each, faults=single, disaster=(Finding(occasion="mon-am"),)).value == 2


def test_once_however_often() -> None:
    once = {"kind": "once", "input": "faults", "points": 3}
    assert [judged(once, faults=n).value for n in (0, 1, 7)] == [0, 3, 3]


@pytest.mark.parametrize(
    ("test", "value", "lost"), [("<", 79, 1), ("<", 80, 0), (">", 81, 1), ("<=", 80, 1), (">=", 80, 1)]
)
def test_compare_is_exact_at_its_limit(test: str, value: int, lost: int) -> None:
    assert judged({"kind": "compare", "left": "due", "test": test, "right": 80, "points": 1}, due=value).value == lost


def test_compare_with_other_inputs() -> None:
    """Grids to collectors 15 : 1, without rounding: 600 to 40 is enough, 601 is not."""
    rule = {"kind": "compare", "left": "due", "test": ">", "right": {"closed": 15}, "points": 2}
    assert [judged(rule, due=n, closed=40).value for n in (600, 601)] == [0, 2]


@pytest.mark.parametrize(
    ("received", "extended", "lost"), [(300, 3, "0"), (250, 2, "0"), (250, 3, "0.1"), (400, 7, "0.3")]
)
def test_beyond_an_allowance_only_the_surplus_costs(received: int, extended: int, lost: str) -> None:
    rule = {"kind": "beyond", "input": "closed", "allowance_of": "due", "allowance_share": "0.01", "points": "0.1"}
    assert judged(rule, closed=extended, due=received).value == Fraction(lost)


TABLE = [
    {"code": "praise", "title": WORDS, "points": 2, "cap": 5},
    {"code": "news", "title": WORDS, "points": 2, "doubled": True},
    {"code": "rude", "title": WORDS, "points": {"head": 1, "person": 3}},
    {"code": "own", "title": WORDS},
    {"code": "named", "title": WORDS, "points": 1, "once_per": "fault"},
    {"code": "circular", "title": WORDS, "points": 2, "once_per": "fault"},
]


@pytest.mark.parametrize(
    ("events", "points"),
    [
        ((Event("praise", 2),), 4),
        ((Event("praise", 2), Event("praise")), 5),  # capped in the period
        ((Event("news", praised=True), Event("news")), 6),
        ((Event("rude", role="person"),), 3),
        ((Event("rude"),), 1),  # by the subject's own role
        ((Event("own", points=Fraction("7.5")),), "7.5"),
        ((Event("named", fault="a"), Event("circular", fault="a")), 2),  # one fault once, by the larger
        ((Event("named", fault="a"), Event("circular", fault="b"), Event("named", fault="b")), 3),
        ((Event("named"), Event("circular")), 3),  # no fault named: two events
    ],
)
def test_events(events: tuple[Event, ...], points: Any) -> None:
    node = judged({"kind": "events", "input": "happenings", "table": TABLE}, role="head", happenings=events)
    assert node.value == Fraction(points)


@pytest.mark.parametrize(("n", "code", "points"), [(2, "rule_event", 4), (3, "rule_event_capped", 5)])
def test_only_what_is_beyond_its_cap_is_said_to_be_capped(n: int, code: str, points: int) -> None:
    (child,) = judged(
        {"kind": "events", "input": "happenings", "table": TABLE}, happenings=(Event("praise", n),)
    ).children
    assert (child.reason.code, child.value) == (code, points)
    exactly = [{**TABLE[0], "cap": 4}]
    node = judged({"kind": "events", "input": "happenings", "table": exactly}, happenings=(Event("praise", 2),))
    assert node.children[0].reason.code == "rule_event"


def test_the_largest_of_several() -> None:
    rules = [
        {"id": "a", "title": WORDS, "kind": "each", "input": "faults", "points": "0.1", "cap": "1.5"},
        {"id": "b", "title": WORDS, "kind": "once", "input": "disaster", "points": 2},
    ]
    largest = {"kind": "largest", "rules": rules}
    found = [judged(largest, faults=n, disaster=m).value for n, m in ((7, 0), (10, 0), (11, 0), (20, 0), (7, 1))]
    assert found == [Fraction("0.7"), 1, Fraction("1.1"), Fraction("1.5"), 2]


# --- items -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "points"), [("10.6", 10), ("-1", 0), ("9.99", "9.99"), ("10", 10)])
def test_an_entered_value_is_clamped_to_its_points(value: str, points: Any) -> None:
    assert valued({"kind": "entered", "input": "due", "points": 10}, due=Fraction(value)).value == Fraction(points)


def test_a_mean_takes_those_that_apply() -> None:
    items = [{"id": n, "title": WORDS, "kind": "entered", "input": n} for n in ("due", "closed")]
    mean = {"kind": "mean", "items": items}
    assert valued(mean, due=80, closed=90).value == 85
    assert valued(mean, due=80, closed="not_applicable").value == 80
    assert valued(mean, due=80).status == "missing"
    assert valued(mean, due="not_applicable", closed="not_applicable").value is None


def test_a_mean_of_none_that_applies_does_not_apply_and_one_without_data_is_without() -> None:
    book = tiny(empty__option="leave_out").rulebook
    parts = [
        {"id": "a", "title": WORDS, "kind": "entered", "input": "business"},
        {"id": "b", "title": WORDS, "kind": "rate", "rate": "closing"},
    ]
    item = ITEM.validate_python({"id": "x", "title": WORDS, "kind": "mean", "items": parts})
    rate_empty = {"due": Fraction(0), "closed": Fraction(0), "business": "not_applicable"}
    assert item.evaluate(Context(book, rate_empty)).status == "no_data"
    one = ITEM.validate_python({"id": "x", "title": WORDS, "kind": "mean", "items": parts[:1]})
    assert one.evaluate(Context(book, rate_empty)).status == "not_applicable"


def test_weighted_is_exact_and_reweights_nothing() -> None:
    items = [
        {"id": n, "title": WORDS, "kind": "entered", "input": n, "weight": w} for n, w in (("due", 2), ("closed", 1))
    ]
    weighted = {"kind": "weighted", "over": 3, "items": items}
    assert valued(weighted, due=Fraction(100), closed=Fraction(99)).value == Fraction(299, 3)
    assert valued(weighted, due=100, closed="not_applicable").value is None


@pytest.mark.parametrize(("value", "above", "at_least"), [("90.0001", 2, 2), ("90", 0, 2), ("89.9", 0, 0)])
def test_all_or_nothing_at_equality(value: str, above: int, at_least: int) -> None:
    for test, points in ((">", above), (">=", at_least)):
        item = {"kind": "all_or_nothing", "points": 2, "input": "due", "test": test, "limit": 90}
        assert valued(item, due=Fraction(value)).value == points


def test_proportional_scores_a_rate_as_itself() -> None:
    item = {"kind": "proportional", "points": 30, "rate": "closing"}
    assert [valued(item, due=10, closed=n).value for n in (0, 9, 10)] == [0, 27, 30]
    assert valued(item, due=7, closed=6).value == Fraction(180, 7)


def test_earned_points_are_capped_and_lost_ones_are_not() -> None:
    rules = [{"id": "r", "title": WORDS, "kind": "each", "input": "faults", "points": 2}]
    assert valued({"kind": "earn", "points": 5, "rules": rules}, faults=4).value == 5
    assert valued({"kind": "earn", "rules": rules}, faults=4).value == 8
    assert valued({"kind": "lose", "rules": rules}, faults=4).value == -8


def test_hanging_accounts_count_failures_and_expose_at_the_third() -> None:
    item = {"kind": "hanging", "input": "faults", "exposed_at": 3}
    steps_ = ("dispatched", "missed", "answered", "failed", "answered", "passed")
    node = valued(item, faults=(Account("a", steps_), Account("b", ("dispatched", "missed", "missed", "missed"))))
    assert node.value == 5
    assert node.marks["exposed"] == 1
    assert node.children[0].marks["periods"] == 3


def test_filings_without_a_rule_are_just_counted() -> None:
    assert Context(BOOK, {"due": (Filing("matter:01001", "a", n=3),)}).number("due") == 3


def test_a_total_that_cannot_be_scaled_up_is_no_data() -> None:
    """A base beside an item that is left out for want of data: there is nothing to scale by."""
    book = tiny(empty__option="leave_out").rulebook
    items = [
        {"id": "a", "title": WORDS, "kind": "constant", "value": 5},
        {"id": "b", "title": WORDS, "kind": "proportional", "points": 10, "rate": "closing"},
    ]
    item = ITEM.validate_python({"id": "x", "title": WORDS, "kind": "sum", "items": items})
    node = item.evaluate(Context(book, {"due": Fraction(0), "closed": Fraction(0)}))
    assert (node.value, node.status) == (None, "no_data")


# --- grades and ranks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "grade"),
    [("100", "A"), ("90", "A"), ("89.999999999999999999", "B"), ("75", "B"), ("60", "C"), ("40", "D"), ("0", "E")],
)
def test_a_grade_begins_exactly_at_its_bound(total: str, grade: str) -> None:
    found = grade_of(BASE.stages[0].grades, Fraction(total))
    assert found is not None
    assert found.id == grade


def test_a_total_below_every_bound_has_no_grade() -> None:
    assert grade_of(BASE.stages[0].grades, Fraction(-1)) is None


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


def test_what_no_float_tells_apart_has_ranks_of_its_own() -> None:
    least = Fraction(1, 1 << 70)
    totals = {"a": Fraction(90), "b": 90 + least, "c": 90 - least, "d": -least, "e": Fraction(10**400), "f": 90 + least}
    assert rank(totals) == {"e": (1, 1), "b": (2, 2), "f": (2, 2), "a": (4, 1), "c": (5, 1), "d": (6, 1)}


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
        (Fraction(1, 5**12), "0.000000004096"), (Fraction(1, 5**13), "1/1220703125"),
        (Fraction(7, 5**40), f"7/{5**40}"),
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
