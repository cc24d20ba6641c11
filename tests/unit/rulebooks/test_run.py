"""A run by example: ranks and who is among them, results handed in, what is carried on and charged, quotas."""

import datetime as dt
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest

from gridmgmt.rulebooks.dossier_reading import read_dossier
from gridmgmt.rulebooks.model import Rulebook
from gridmgmt.rulebooks.results import Outcome
from gridmgmt.rulebooks.run import Run, run
from tests.unit.rulebooks.tiny import tiny

WORDS = {"zh": "测试", "en": "Test"}
MARKED = {"id": "marked", "title": WORDS, "kind": "linear", "terms": {"mark": 1}}
RATE = {"id": "rate", "title": WORDS, "kind": "rate", "rate": "closing"}


def book(
    score: Mapping[str, Any] = MARKED, quota: Mapping[str, Any] | None = None, empty: str = "full", **stage: Any
) -> Rulebook:
    counts = {n: {"title": WORDS, "type": "count", "entered": WORDS} for n in ("due", "closed")}
    quotas = [{"id": "q", "title": WORDS, "input": "word", "value": "good", **quota}] if quota else []
    return Rulebook.model_validate({
        "id": "test", "version": 1, "title": WORDS, "issuer": WORDS, "source": "test",
        "valid": {"from": dt.date(2000, 1, 1)}, "population": {"kind": "unit"},
        "empty": {"option": empty, "reason": WORDS},
        "inputs": {
            "mark": {"title": WORDS, "entered": WORDS},
            "word": {"title": WORDS, "type": "choice", "choices": {"good": WORDS, "fair": WORDS}, "entered": WORDS},
            **counts,
        },
        "rates": {"closing": {"title": WORDS, "numerator": "closed", "denominator": "due", "better": "high"}},
        "quotas": quotas,
        "stages": [{"id": "month", "title": WORDS, "cadence": "month", "ranking": {}, "score": score, **stage}],
    })  # fmt: skip


def made(rules: Rulebook, months: Mapping[str, Mapping[str, Any]], **subjects: Mapping[str, Any]) -> Run:
    """Months of records by subject: a mark, None for nothing, or a whole record."""
    periods = {label: {c: record(v) for c, v in own.items()} for label, own in months.items()}
    return run(rules, read_dossier(rules, {"subjects": subjects, "periods": periods}))


def record(given: Any) -> Mapping[str, Any]:
    if isinstance(given, Mapping):
        return given
    return {"inputs": {} if given is None else {"mark": given}}


def month(rules: Rulebook, own: Mapping[str, Any], **subjects: Mapping[str, Any]) -> Mapping[str, Outcome]:
    return made(rules, {"2025-12": own}, **subjects).outcomes["2025-12"]


# --- ranks ------------------------------------------------------------------------------------------------------------


def places(found: Mapping[str, Outcome]) -> dict[str, tuple[Any, ...]]:
    """Rank, of how many, how many share it, rank from the bottom."""
    return {c: (o.rank, o.ranked_of, o.tied, o.from_bottom) for c, o in found.items()}


def test_equal_totals_share_a_rank_from_the_top_and_from_the_bottom() -> None:
    found = month(book(), {"a": 90, "b": 80, "c": 80, "d": 70, "e": 70, "f": None})
    assert places(found) == {
        "a": (1, 5, 1, 5), "b": (2, 5, 2, 3), "c": (2, 5, 2, 3), "d": (4, 5, 2, 1), "e": (4, 5, 2, 1),
        "f": (None, 0, 0, None),
    }  # fmt: skip
    assert [c for c, o in found.items() if o.is_first] == ["a"]
    assert [c for c, o in found.items() if o.is_last] == ["d", "e"]


def test_nobody_is_first_or_last_where_all_are_equal() -> None:
    found = month(book(), {"a": 80, "b": 80})
    assert places(found) == {"a": (1, 2, 2, 1), "b": (1, 2, 2, 1)}
    assert not any(o.is_first or o.is_last for o in found.values())


SUBJECTS = {
    "a": {"level": "street", "group": "x"}, "b": {"level": "street", "group": "y"},
    "c": {"level": "street", "group": "y"}, "d": {"level": "district", "group": "y"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("among", "ranks"), [("all", {"a": 3, "b": 1, "c": 2, "d": 1}), ("group", {"a": 1, "b": 1, "c": 2, "d": 1})]
)
def test_ranks_are_among_one_level_and_where_it_says_so_among_one_group(among: str, ranks: dict[str, int]) -> None:
    found = month(book(ranking={"among": among}), {"a": 70, "b": 90, "c": 80, "d": 60}, **SUBJECTS)
    assert {c: o.rank for c, o in found.items()} == ranks
    assert found["d"].ranked_of == 1
    assert not found["d"].is_first


GRADES = [{"id": "good", "at_least": 90, "title": WORDS}, {"id": "rest", "title": WORDS}]


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"total": 95}, (95, "good", 1, True, False, 2, 1)),
        ({"total": 80}, (80, "rest", 2, False, True, 1, 1)),
        ({"total": 80, "grade": "good"}, (80, "good", 2, False, True, 1, 1)),
        ({"rank": 1}, (None, None, 1, True, False, None, 0)),
        ({"rank": 2}, (None, None, 2, False, False, None, 0)),
        ({"first": True}, (None, None, 1, True, False, None, 0)),
        ({"rank": 3, "first": True}, (None, None, 3, True, False, None, 0)),
        ({"first": False}, (None, None, None, False, False, None, 0)),
        ({"last": True}, (None, None, None, False, True, 1, 0)),
        ({"last": False}, (None, None, None, False, False, None, 0)),
        ({"from_bottom": 2, "tied": 3}, (None, None, None, False, False, 2, 3)),
    ],
)
def test_a_result_that_is_handed_in_stands_as_it_is(result: dict[str, Any], expected: tuple[Any, ...]) -> None:
    o = month(book(grades=GRADES), {"a": 90, "b": {"result": result}})["b"]
    assert (o.total, o.grade, o.rank, o.is_first, o.is_last, o.from_bottom, o.tied) == expected
    assert o.status == "given"


def test_a_result_tells_its_items_and_what_it_lacked() -> None:
    o = month(book(), {"a": {"result": {"total": 95, "items": {"marked": "7.5"}, "missing": ["due"]}}})["a"]
    assert [(n.id, n.kind, n.title, n.value, n.status, n.reason.code) for n in o.shown] == [
        ("marked", "given", {"zh": "marked", "en": "marked"}, Fraction(15, 2), "ok", "line_given")
    ]
    assert o.missing == (("2025-12", "due"),)


RANK = {"id": "place", "title": WORDS, "kind": "rank", "input": "due"}


@pytest.mark.parametrize(
    ("told", "value", "reason"),
    [
        (None, 2, ("line_rank", {"rank": "2", "of": "3"})),
        (2, 2, ("line_rank_told", {"told": "2"})),
        (3, 3, ("line_rank_differs", {"rank": "2", "of": "3", "told": "3"})),
    ],
)
def test_a_shown_rank_is_that_of_the_totals_unless_another_was_published(
    told: int | None, value: int, reason: tuple[str, dict[str, str]]
) -> None:
    inputs = {"mark": 80} if told is None else {"mark": 80, "due": told}
    found = month(book(shown=[RANK]), {"a": 90, "b": {"inputs": inputs}, "c": 70, "d": None})
    (place,) = found["b"].shown
    assert (place.value, place.status, (place.reason.code, dict(place.reason.facts))) == (value, "ok", reason)
    (none,) = found["d"].shown
    assert (none.value, none.status, none.reason.code) == (None, "no_data", "line_rank_none")


def test_a_value_that_was_taken_or_is_a_mean_of_samples_says_so_in_its_line() -> None:
    entered = {"id": "marked", "title": WORDS, "kind": "entered", "input": "mark"}
    own: dict[str, Any] = {"inputs": {"mark": 80}}
    records = {
        "a": own, "b": {**own, "sources": {"mark": "result"}}, "c": {**own, "sampled": {"mark": 3}},
        "d": {**own, "sources": {"mark": "cases"}},
    }  # fmt: skip
    reasons = {c: o.reason for c, o in month(book(entered), records).items()}
    assert {c: (r.code, r.facts.get("n")) for c, r in reasons.items()} == {
        "a": ("line_entered", None), "b": ("line_taken", None), "c": ("line_sampled", "3"), "d": ("line_entered", None),
    }  # fmt: skip
    rules = book(entered)
    plain = {"subjects": {"a": {}}, "periods": {"2025-12": {"*": own}}}
    found = run(rules, read_dossier(rules, plain)).outcomes["2025-12"]["a"]
    assert (found.total, found.reason.code) == (80, "line_entered"), "told for everybody"


# --- what an outcome says ---------------------------------------------------------------------------------------------

SHARE = {"kind": "proportional", "id": "share", "title": WORDS, "points": 100, "rate": "closing"}
DUE, CLOSED, BOTH = ({"zh": zh, "en": en} for zh, en in (("应", "Due"), ("结", "Closed"), ("应、结", "Due, Closed")))


def counted(score: Mapping[str, Any] | None, empty: str = "leave_out", **stage: Any) -> Rulebook:
    """A book of a closing rate, whose two counts have names of their own."""
    plain = book(score or MARKED, empty=empty, **stage).model_dump(by_alias=True)
    plain["inputs"]["due"]["title"], plain["inputs"]["closed"]["title"] = DUE, CLOSED
    if score is None:
        plain["stages"][0]["score"] = None
    return Rulebook.model_validate(plain)


@pytest.mark.parametrize(
    ("score", "inputs", "status", "total", "reason"),
    [
        (SHARE, {"due": 4, "closed": 3}, "scored", 75,
         ("line_proportional", {"maximum": "100", "value": "0.75"})),
        (SHARE, {"due": 4}, "incomplete", None, ("total_incomplete", {"inputs": CLOSED, "n": "1"})),
        (SHARE, {}, "incomplete", None, ("total_incomplete", {"inputs": {"zh": "结、应", "en": "Closed, Due"},
                                                                   "n": "2"})),
        (SHARE, {"due": 0, "closed": 0}, "no_data", None, ("line_no_data_leave_out", {"denominator": DUE})),
        (None, {"due": 4, "closed": 3}, "unscored", None, ("total_none", {})),
        (None, {"due": 4}, "incomplete", None, ("total_incomplete", {"inputs": CLOSED, "n": "1"})),
    ],
)  # fmt: skip
def test_an_outcome_says_why_it_has_its_total_or_none(
    score: Any, inputs: dict[str, int], status: str, total: int | None, reason: tuple[str, dict[str, Any]]
) -> None:
    o = month(counted(score, shown=[RATE] if score is None else []), {"a": {"inputs": inputs}})["a"]
    assert (o.subject, o.period, o.stage, o.status, o.total, o.grade) == ("a", "2025-12", "month", status, total, None)
    assert (o.reason.code, dict(o.reason.facts)) == reason
    assert o.values == {name: Fraction(n) for name, n in inputs.items()}


@pytest.mark.parametrize(("least", "total"), [("0.5", 80), ("0.51", None)])
def test_of_too_little_data_no_total_is_formed_and_it_says_how_much_there_is(least: str, total: int | None) -> None:
    half = {"id": "half", "title": WORDS, "kind": "entered", "input": "mark", "points": 100}
    both = {"id": "both", "title": WORDS, "kind": "sum", "items": [half, SHARE]}
    rules = counted(both, least_share=least, grades=GRADES)
    o = month(rules, {"a": {"inputs": {"mark": 40, "due": 0, "closed": 0}}})["a"]
    root = o.root
    assert root is not None
    assert (o.total, root.value, o.formed) == (total, total, Fraction(1, 2))
    if total is None:
        assert (o.status, o.grade, root.status) == ("incomplete", None, "no_data")
        assert (o.reason.code, dict(o.reason.facts)) == ("total_too_little", {"formed": "50", "least": "51"})
        assert root.reason == o.reason
        assert [n.id for n in root.children] == ["half", "share"]
        assert (o.is_open, o.awaited, o.rank) == (False, False, None)
    else:
        assert (o.status, o.grade, o.rank) == ("scored", "rest", 1)


def test_one_signature_stands_for_all_that_is_listed_and_for_nothing_else() -> None:
    rules, inputs = tiny().rulebook, {"due": 100, "closed": 95, "business": 90}
    record = {"inputs": inputs, "signed": False}
    found = run(rules, read_dossier(rules, {"periods": {"2025-12": {"U": record}}})).outcomes["2025-12"]["U"]
    assert found.missing == (("2025-12", "signed_off"), ("2025-12", "social"))
    names = {"zh": "录入完毕、社会", "en": "Completely entered, Social"}
    assert (found.reason.code, dict(found.reason.facts)) == ("total_incomplete", {"inputs": names, "n": "2"})
    root = found.root
    assert root is not None
    assert root.missing == ("faults", "disaster", "social", "happenings"), "lines name the inputs themselves"


def test_a_grade_that_is_entered_stands_before_that_of_the_total_and_is_missed() -> None:
    rules = book(grades=GRADES, grade_entered={"input": "word"})
    found = month(rules, {"a": {"inputs": {"mark": 95, "word": "fair"}}, "b": {"inputs": {"mark": 95}}})
    assert (found["a"].total, found["a"].grade) == (95, "fair")
    assert (found["b"].total, found["b"].grade, found["b"].missing) == (95, "good", (("2025-12", "word"),))


# --- what is carried on and charged -----------------------------------------------------------------------------------

CARRY = {"id": "carried", "title": WORDS, "kind": "carry", "item": MARKED}


def totals(rules: Rulebook, months: Mapping[str, Mapping[str, Any]], **subjects: Any) -> dict[str, dict[str, Any]]:
    found = made(rules, months, **subjects)
    return {label: {c: o.total for c, o in own.items()} for label, own in found.outcomes.items()}


def test_what_is_below_zero_is_carried_into_the_next_month_assessed_in_the_year() -> None:
    months = {"2025-10": {"a": -5}, "2025-11": {"b": 1}, "2025-12": {"a": 3}, "2026-01": {"a": 4}}
    own = [v.get("a") for v in totals(book(CARRY), months).values()]
    assert own == [0, None, 0, 2]
    own = [v.get("a") for v in totals(book({**CARRY, "across_years": False}), months).values()]
    assert own == [0, None, 0, 4]
    own = [v.get("a") for v in totals(book({**CARRY, "recorded": "negative"}), months).values()]
    assert own == [-5, None, 3, 4]


def test_a_month_that_is_open_leaves_the_next_one_open_and_rates_beside_the_score_do_not() -> None:
    rules = book(CARRY, shown=[RATE])
    found = made(rules, {"2025-11": {"a": None}, "2025-12": {"a": 3}})
    december = found.outcomes["2025-12"]["a"]
    assert (december.total, december.status) == (None, "incomplete")
    assert ("2025-11", "mark") in december.missing
    found = made(rules, {"2025-11": {"a": -5}, "2025-12": {"a": 7}})  # the rate lacks its counts in both
    assert found.outcomes["2025-12"]["a"].total == 2


def test_a_superior_bears_the_shortfalls_of_those_below_him_once_each() -> None:
    below = {"superiors": ["s", "t", "s"]}
    months = {"2025-12": {"a": -5, "b": -2, "c": 9, "s": 30, "t": 4}}
    found = totals(book(CARRY), months, a=below, b={"superiors": ["s"]}, c=below)["2025-12"]
    assert found == {"a": 0, "b": 0, "c": 9, "s": 23, "t": 0}
    found = totals(book({**CARRY, "charges": False}), months, a=below, b=below)["2025-12"]
    assert found == {"a": 0, "b": 0, "c": 9, "s": 30, "t": 4}


def test_while_somebody_below_is_open_his_superior_is_too() -> None:
    found = made(book(CARRY), {"2025-12": {"a": None, "s": 30, "u": 8}}, a={"superiors": ["s"]}).outcomes["2025-12"]
    assert (found["s"].total, found["s"].missing) == (None, (("2025-12", "mark"),))
    assert found["u"].total == 8


def test_a_carry_over_says_what_came_in_what_was_charged_and_what_goes_on() -> None:
    months = {"2025-11": {"s": -4, "a": 0}, "2025-12": {"s": 30, "a": -50}}
    found = made(book(CARRY), months, a={"superiors": ["s"]}).outcomes
    december, own = found["2025-12"]["s"], found["2025-12"]["a"]
    assert (december.total, december.own, december.carry_out) == (0, 26, -24)
    assert (own.total, own.own, own.carry_out) == (0, -50, -50)
    root = december.root
    assert root is not None
    assert (root.id, root.value, root.status, root.reason.code) == ("carried", 0, "ok", "line_carry")
    assert root.reason.facts == {"own": "26", "carry_in": "-4", "charged": "50", "carry_out": "-24"}
    assert dict(root.marks) == {"own": 26, "raw": -24, "carry_out": -24}
    assert [(c.id, c.value) for c in root.children] == [("marked", 30)]


def test_an_open_carry_over_names_what_it_waits_for_once() -> None:
    months = {"2025-11": {"s": None}, "2025-12": {"s": 30, "a": None, "b": None}}
    below = {"superiors": ["s"]}
    root = made(book(CARRY), months, a=below, b=below).outcomes["2025-12"]["s"].root
    assert root is not None
    assert (root.value, root.status, root.reason.code) == (None, "missing", "line_open")
    assert root.missing == ("2025-11/mark", "2025-12/mark")
    parts = {"zh": "2025-11/mark、2025-12/mark", "en": "2025-11/mark, 2025-12/mark"}
    assert root.reason.facts == {"n": "2", "parts": parts}
    assert [(c.id, c.value) for c in root.children] == [("marked", 30)]


# --- a longer period out of shorter ones ------------------------------------------------------------------------------


def yearly(**item: Any) -> Rulebook:
    """Months of marks, twice the mark beside each; a year out of them."""
    twice = {"id": "twice", "title": WORDS, "kind": "linear", "terms": {"mark": 2}}
    both = {"id": "both", "title": WORDS, "kind": "sum", "items": [MARKED, twice]}
    plain = book(both).model_dump(by_alias=True)
    of_year = {"id": "of_year", "title": WORDS, "kind": "periods", "stage": "month", "n": 2, **item}
    plain["stages"] = [*plain["stages"], {"id": "year", "title": WORDS, "cadence": "year", "score": of_year}]
    return Rulebook.model_validate(plain)


@pytest.mark.parametrize(
    ("item", "marks", "total"),
    [
        ({}, [10, 20], 45),  # 30 and 60
        ({}, [10, 20, 60], 90),
        ({}, [10], None),
        ({"of": "twice"}, [10, 20], 30),
        ({"of": "marked"}, [10, 20], 15),
        ({"of": "marked", "how": "sum"}, [10, 20], 30),
        ({"of": "marked", "how": "sum", "over": 4}, [10, 20], "7.5"),
        ({"of": "marked"}, [10, 20, None], None),  # one is still open
        ({"of": "marked", "pending": "left_out"}, [10, 20, None], 15),  # nobody was rated in it: it was not held
        ({"of": "marked", "n": 3, "pending": "left_out"}, [10, 20, None], None),
    ],
)
def test_a_year_is_made_of_its_months(item: dict[str, Any], marks: list[int | None], total: Any) -> None:
    months = {f"2025-{n:02}": {"a": mark} for n, mark in enumerate(marks, 1)}
    found = made(yearly(**item), {"2024-12": {"a": 99}, **months, "2025": {"a": None}, "2026-01": {"a": 99}})
    assert found.outcomes["2025"]["a"].total == (None if total is None else Fraction(total))


@pytest.mark.parametrize(
    ("of", "reads"), [("marked", {"mark"}), ("share", {"due", "closed"}), (None, {"mark", "due", "closed"})]
)
def test_a_year_depends_on_what_the_items_read_that_it_takes(of: str | None, reads: set[str]) -> None:
    plain = book({"id": "both", "title": WORDS, "kind": "sum", "items": [MARKED, SHARE]}).model_dump(by_alias=True)
    of_year = {"id": "of_year", "title": WORDS, "kind": "periods", "stage": "month", "n": 2, "of": of}
    plain["stages"] = [*plain["stages"], {"id": "year", "title": WORDS, "cadence": "year", "score": of_year}]
    rules = Rulebook.model_validate(plain)
    year = rules.stages[1].score
    assert year is not None
    assert {name for name in rules.inputs if year.depends(rules, frozenset({name}))} == reads


def test_a_year_says_of_how_many_months_it_is_made_and_which_one_is_open() -> None:
    months: dict[str, Any] = {"2025-01": {"a": 10}, "2025-02": {"a": 25}, "2025": {"a": None}}
    root = made(yearly(of="marked"), months).outcomes["2025"]["a"].root
    assert root is not None
    assert (root.value, root.reason.code) == (Fraction(35, 2), "line_periods")
    assert root.reason.facts == {"n": "2", "sum": "35", "over": "2"}
    assert [(c.id, c.kind, c.title["zh"], c.title["en"], c.value, c.status, c.reason.code) for c in root.children] == [
        ("of_year_2025-01", "period", "2025-01", "2025-01", 10, "ok", "line_period"),
        ("of_year_2025-02", "period", "2025-02", "2025-02", 25, "ok", "line_period"),
    ]
    root = made(yearly(of="marked", how="sum", over=4), months).outcomes["2025"]["a"].root
    assert root is not None
    assert root.reason.facts == {"n": "2", "sum": "35", "over": "4"}
    root = made(yearly(of="marked"), {**months, "2025-02": {"a": None}}).outcomes["2025"]["a"].root
    assert root is not None
    assert (root.value, root.status, root.reason.code) == (None, "missing", "line_periods_missing")
    assert (root.reason.facts, root.missing) == ({"n": "1", "wanted": "2", "stage": WORDS}, ("2025-02/mark",))
    assert [(c.id, c.value, c.status, c.reason.code) for c in root.children][1:] == [
        ("of_year_2025-02", None, "missing", "line_period_open")
    ]
    none = made(yearly(of="marked"), {"2025": {"a": None}}).outcomes["2025"]["a"].root
    assert none is not None
    assert (none.missing, none.reason.facts["n"]) == (("month/",), "0")


@pytest.mark.parametrize("pending", ["open", "left_out"])
def test_a_month_without_anything_to_score_is_not_waited_for(pending: str) -> None:
    share = {"id": "share", "title": WORDS, "kind": "proportional", "points": 100, "rate": "closing"}
    plain = book(share, empty="leave_out").model_dump(by_alias=True)
    of_year = {"id": "of_year", "title": WORDS, "kind": "periods", "stage": "month", "n": 2, "pending": pending}
    plain["stages"] = [*plain["stages"], {"id": "year", "title": WORDS, "cadence": "year", "score": of_year}]
    counts = [{"due": 10, "closed": 5}, {"due": 10, "closed": 10}, {"due": 0, "closed": 0}]
    months = {f"2025-{n:02}": {"a": {"inputs": own}} for n, own in enumerate(counts, 1)}
    found = made(Rulebook.model_validate(plain), {**months, "2025": {"a": None}}).outcomes
    assert found["2025-03"]["a"].status == "no_data"
    assert found["2025"]["a"].total == 75


@pytest.mark.parametrize(("result", "total"), [({"rank": 2, "missing": ["mark"]}, None), ({"rank": 2}, 15)])
def test_a_result_that_lacked_something_is_waited_for_and_one_that_only_tells_a_rank_is_not(
    result: dict[str, Any], total: int | None
) -> None:
    months = {"2025-01": {"a": 10}, "2025-02": {"a": 20}, "2025-03": {"a": {"result": result}}, "2025": {"a": None}}
    assert made(yearly(of="marked"), months).outcomes["2025"]["a"].total == total


def test_a_month_in_which_others_were_rated_is_waited_for() -> None:
    months = {"2025-01": {"a": 10}, "2025-02": {"a": 20}, "2025-03": {"a": None, "b": 30}, "2025": {"a": None}}
    (year,) = [o["a"] for label, o in made(yearly(pending="left_out"), months).outcomes.items() if label == "2025"]
    assert (year.total, year.missing) == (None, (("2025-03", "mark"),))


# --- quotas -----------------------------------------------------------------------------------------------------------


def words(*good: str, fair: str = "") -> dict[str, Any]:
    return {c: {"inputs": {"mark": 90, "word": "good" if c in good else "fair"}} for c in (*good, *fair)}


GROUPS: Mapping[str, Any] = {c: {"group": "x"} for c in "abc"} | {c: {"group": "y"} for c in "de"}


@pytest.mark.parametrize(
    ("quota", "own", "refused"),
    [
        ({"at_most": 1}, words("a", "d", fair="bce"), []),
        ({"at_most": 1}, words("a", "b", "d", fair="ce"), [("x", ("a", "b"), 1)]),
        ({"at_most": 2}, words("a", "b", "d", fair="ce"), []),
        ({"at_most": 1, "from_size": 3}, words("a", "b", "d", "e", fair="c"), [("x", ("a", "b"), 1)]),
        ({"at_most": 1, "from_size": 4}, words("a", "b", "d", "e", fair="c"), []),
    ],
)
def test_more_of_a_group_than_the_quota_allows_are_all_refused(
    quota: dict[str, int], own: dict[str, Any], refused: list[Any]
) -> None:
    entered = {"id": "rating", "title": WORDS, "kind": "entered", "input": "word"}
    found = made(book(entered, quota), {"2025-12": own}, **GROUPS)
    assert [(r.group, r.subjects, r.at_most) for r in found.refusals] == refused
    lost = {c for _, codes, _ in refused for c in codes}
    assert {c for c, o in found.outcomes["2025-12"].items() if o.missing} == lost


def test_what_is_refused_in_each_month_is_told_in_their_order() -> None:
    entered = {"id": "rating", "title": WORDS, "kind": "entered", "input": "word"}
    months = {"2025-11": words("a", "b", fair="c"), "2025-12": words("b", "c", fair="a")}
    found = made(book(entered, {"at_most": 1}), months, **GROUPS)
    assert [(r.period, r.group, r.quota, r.subjects, r.at_most) for r in found.refusals] == [
        ("2025-11", "x", "q", ("a", "b"), 1), ("2025-12", "x", "q", ("b", "c"), 1),
    ]  # fmt: skip
