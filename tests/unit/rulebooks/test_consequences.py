"""Consequences by example: who reaches one, through which periods, for how much, and what is left to a person."""

import datetime as dt
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import pytest

from gridmgmt.rulebooks.consequences import Reached, consequences, total_money
from gridmgmt.rulebooks.dossier_reading import read_dossier
from gridmgmt.rulebooks.model import Rulebook
from gridmgmt.rulebooks.run import run

WORDS = {"zh": "测试", "en": "Test"}
Month = Mapping[str, Any]


def book(*consequences: Mapping[str, Any]) -> Rulebook:
    """Totals as they are entered; faults with their cases; the consequences c, c1, …"""
    return Rulebook.model_validate({
        "id": "test", "version": 1, "title": WORDS, "issuer": WORDS, "source": "test",
        "valid": {"from": dt.date(2000, 1, 1)}, "population": {"kind": "unit"},
        "empty": {"option": "full", "reason": WORDS},
        "inputs": {
            "mark": {"title": WORDS, "entered": WORDS},
            "faults": {"title": WORDS, "type": "findings", "entered": WORDS},
            "happenings": {"title": WORDS, "type": "events", "entered": WORDS},
        },
        "stages": [{
            "id": "month", "title": WORDS, "cadence": "month", "ranking": {},
            "score": {"id": "all", "title": WORDS, "kind": "sum", "items": [
                {"id": "marked", "title": WORDS, "kind": "entered", "input": "mark"},
            ]},
            "grades": [{"id": "good", "at_least": 90, "title": WORDS}, {"id": "rest", "title": WORDS}],
        }],
        "consequences": [
            {"id": f"c{n or ''}", "title": WORDS, "stage": "month", "tone": "notice", **c}
            for n, c in enumerate(consequences)
        ],
    })  # fmt: skip


def inputs(given: Any) -> Mapping[str, Any]:
    return given if isinstance(given, Mapping) else {} if given is None else {"mark": given}


def ledger(consequence: Mapping[str, Any], months: Mapping[str, Month], *others: Mapping[str, Any]) -> list[Reached]:
    """Months of totals by subject (a number; a mapping of inputs; None: its total is missing); one by one the same."""
    rules = book(consequence, *others)
    periods = {
        label: {
            c: {"inputs": v if isinstance(v, Mapping) else {} if v is None else {"mark": v}} for c, v in own.items()
        }
        for label, own in months.items()
    }
    subjects = {code: {"group": code[1:] or "x"} for own in months.values() for code in own}
    dossier = read_dossier(rules, {"subjects": subjects, "periods": periods})
    made = run(rules, dossier)
    whole = consequences(made, dossier)
    assert [r for label in made.outcomes for r in consequences(made, dossier, label)] == whole
    return whole


def who(consequence: Mapping[str, Any], month: Month) -> str:
    return " ".join(r.subject for r in ledger(consequence, {"2025-12": month}))


# --- the condition ----------------------------------------------------------------------------------------------------

MONTH = {"a": 95, "b": 90, "c": 90, "d": 80}
ALIKE = {"a": 90, "b": 90}


@pytest.mark.parametrize(
    ("when", "found", "alike"),
    [
        ({"first": True}, "a", ""),
        ({"last": True}, "d", ""),
        ({"rank_at_most": 1}, "a", ""),
        ({"rank_at_most": 2}, "a b c", ""),  # who shares the second place is among the first two
        ({"rank_at_most": 3}, "a b c", ""),
        ({"bottom": 1}, "d", ""),
        ({"bottom": 2}, "b c d", ""),
        ({"bottom": 2, "not_top": 1}, "b c d", ""),
        ({"bottom": 2, "not_top": 2}, "d", ""),
        ({"grade": ["good"]}, "a b c", "a b"),
        ({"grade": ["rest"]}, "d", ""),
        ({"grade": ["good", "rest"]}, "a b c d", "a b"),
        ({"measured": [{"test": "<", "limit": 90}]}, "d", ""),
        ({"measured": [{"test": "<=", "limit": 90}]}, "b c d", "a b"),
        ({"measured": [{"test": ">=", "limit": 90}, {"test": "<", "limit": 95}]}, "b c", "a b"),
        ({"measured": [{"item": "marked", "test": ">", "limit": 90}]}, "a", ""),
        ({"rank_at_most": 2, "measured": [{"test": ">=", "limit": 91}]}, "a", ""),
    ],
)
def test_who_meets_a_condition(when: dict[str, Any], found: str, alike: str) -> None:
    assert who({"when": when}, MONTH) == found
    assert who({"when": when}, ALIKE) == alike


def test_only_some_groups_may_be_meant() -> None:
    groups = {"a1": 80, "b1": 95, "c2": 70}
    assert who({"when": {"grade": ["rest"], "group": ["1"]}}, groups) == "a1"
    assert who({"when": {"grade": ["rest"], "group": ["2"]}}, groups) == "c2"
    assert who({"when": {"grade": ["rest"], "group": ["1", "2"]}}, groups) == "a1 c2"
    assert who({"when": {"grade": ["rest"], "group": ["3"]}}, groups) == ""


def test_events_of_a_kind_and_findings_may_be_measured() -> None:
    month = {
        "a": {"mark": 90, "happenings": [{"code": "theft"}, {"code": "theft", "n": 2}, {"code": "praise"}]},
        "b": {"mark": 90, "happenings": [{"code": "praise", "n": 9}]},
        "c": {"mark": 90, "faults": [{"n": 2}, {"case": "x"}]},
    }
    events = {"input": "happenings", "code": "theft", "test": ">="}
    assert [who({"when": {"measured": [{**events, "limit": n}]}}, month) for n in (1, 3, 4)] == ["a", "a", ""]
    found = {"input": "faults", "test": ">="}
    assert [who({"when": {"measured": [{**found, "limit": n}]}}, month) for n in (3, 4)] == ["c", ""]


# --- windows ----------------------------------------------------------------------------------------------------------

LOW = {"measured": [{"test": "<", "limit": 60}]}


def fired(window: Mapping[str, Any], marks: Mapping[str, Any]) -> list[str]:
    """One subject's months → those in which it fires, each with its count and the months that count."""
    found = ledger({"when": LOW, "window": window}, {label: {"a": mark} for label, mark in marks.items()})
    return [f"{r.period[2:]} {r.count} {'+'.join(p[5:] for p in r.because)}" for r in found]


BAD, WELL = 50, 80
YEAR = {"2025-01": BAD, "2025-02": WELL, "2025-03": BAD, "2025-04": BAD, "2025-05": BAD, "2025-12": BAD, "2026-01": BAD}


@pytest.mark.parametrize(
    ("window", "found"),
    [
        ({"kind": "cumulative", "reaches": 1}, ["25-01 1 01", "26-01 1 01"]),
        ({"kind": "cumulative", "reaches": 3}, ["25-04 3 01+03+04"]),
        ({"kind": "cumulative", "reaches": 4, "fires": "each"}, ["25-05 4 01+03+04+05", "25-12 5 01+03+04+05+12"]),
        ({"kind": "cumulative", "reaches": 6}, []),  # a new year begins at nothing
        ({"kind": "consecutive", "reaches": 3}, ["25-05 3 03+04+05"]),
        ({"kind": "consecutive", "reaches": 4, "fires": "each"},
         ["25-12 4 03+04+05+12", "26-01 5 03+04+05+12+01"]),
        ({"kind": "consecutive", "reaches": 5, "across_years": False}, []),
        ({"kind": "consecutive", "reaches": 5}, ["26-01 5 03+04+05+12+01"]),
    ],
)  # fmt: skip
def test_a_condition_is_counted_over_a_window(window: dict[str, Any], found: list[str]) -> None:
    assert fired(window, YEAR) == found


def test_a_month_without_a_rating_neither_breaks_nor_extends_a_run() -> None:
    run_ = {"kind": "consecutive", "reaches": 2}
    assert fired(run_, {"2025-01": BAD, "2025-02": None, "2025-03": BAD}) == ["25-03 2 01+03"]
    assert fired(run_, {"2025-01": BAD, "2025-02": WELL, "2025-03": BAD}) == []


def test_a_window_may_count_what_an_input_holds_and_a_case_once_in_the_year() -> None:
    def months(*cases: Sequence[str | None]) -> dict[str, Month]:
        return {
            label: {"a": {"mark": 80, "faults": [{"case": c} if c else {"n": 2} for c in own]}}
            for label, own in zip(("2025-11", "2025-12", "2026-01"), cases, strict=True)
        }

    def counts(given: Mapping[str, Month], **more: Any) -> list[tuple[str, int | None]]:
        window = {"kind": "cumulative", "reaches": 3, "fires": "each", "sum_of": "faults", **more}
        when = {"measured": [{"input": "faults", "test": ">", "limit": 0}]}
        return [(r.period, r.count) for r in ledger({"when": when, "window": window}, given)]

    given = months(["p", "q", "p"], ["p", None], ["p", "q", "r"])
    assert counts(given) == [("2025-11", 3), ("2025-12", 6), ("2026-01", 3)]
    assert counts(given, distinct=True) == [("2025-12", 4), ("2026-01", 3)]


# --- money, prizes, and what people decide ----------------------------------------------------------------------------


def decided(found: Sequence[Reached]) -> list[tuple[str, str | None]]:
    return [(r.subject, r.undecided) for r in found]


def test_money_of_a_shared_place_is_left_to_a_person() -> None:
    paid = {"when": {"rank_at_most": 2}, "money": 1000}
    found = ledger(paid, {"2025-12": MONTH})
    assert decided(found) == [("a", None), ("b", "tie"), ("c", "tie")]
    assert {r.money for r in found} == {Fraction(1000)}
    assert total_money(found) == {"a": 1000}
    assert decided(ledger({"when": {"rank_at_most": 2}}, {"2025-12": MONTH})) == [("a", None), ("b", None), ("c", None)]
    both = ledger(paid, {"2025-11": {"a": 95, "b": 90}, "2025-12": {"a": 95, "b": 90}})
    assert total_money(both) == {"a": 2000, "b": 2000}


def test_a_place_is_not_sure_while_somebody_s_total_is_missing() -> None:
    open_ = {"2025-12": {**MONTH, "e": None}}
    assert decided(ledger({"when": {"first": True}}, open_)) == [("a", "incomplete")]
    assert decided(ledger({"when": {"grade": ["rest"]}}, open_)) == [("d", None)]


def test_a_run_through_an_open_month_is_not_sure() -> None:
    months = {"2025-01": {"a": BAD, "b": 90}, "2025-02": {"a": None, "b": 90}, "2025-03": {"a": BAD, "b": 90}}
    window = {"kind": "consecutive", "reaches": 2}
    assert decided(ledger({"when": LOW, "window": window}, months)) == [("a", "incomplete")]
    ended = {**months, "2025-04": {"a": BAD, "b": 90}, "2024-12": {"a": None, "b": 90}}
    assert decided(ledger({"when": LOW, "window": {**window, "reaches": 3}}, ended)) == [("a", "incomplete")]
    before = {"2024-12": {"a": None, "b": 90}, "2025-01": {"a": BAD, "b": 90}, "2025-02": {"a": BAD, "b": 90}}
    assert decided(ledger({"when": LOW, "window": window}, before)) == [("a", None)]
    assert decided(ledger({"when": LOW, "window": {"kind": "cumulative", "reaches": 2}}, months)) == [("a", None)]


PRIZES = [{"title": WORDS, "n": 1, "money": 3000}, {"title": WORDS, "n": 2, "money": 1000}]


@pytest.mark.parametrize(
    ("month", "given"),
    [
        ({"a": 95, "b": 93, "c": 91, "d": 90}, [("a", 0, 3000, None), ("b", 1, 1000, None), ("c", 1, 1000, None)]),
        ({"a": 95, "b": 93, "c": 93, "d": 90}, [("a", 0, 3000, None), ("b", 1, 1000, None), ("c", 1, 1000, None)]),
        ({"a": 95, "b": 95, "c": 91}, [("a", None, None, "tie"), ("b", None, None, "tie"), ("c", 1, 1000, None)]),
        ({"a": 95, "b": 93, "c": 91, "d": 91},
         [("a", 0, 3000, None), ("b", 1, 1000, None), ("c", None, None, "tie"), ("d", None, None, "tie")]),
        ({"a": 95, "b": 80}, [("a", 0, 3000, None)]),  # nobody else is eligible: the others stay unused
        ({"a": 95, "b": 93, "c": None}, [("a", 0, 3000, "incomplete"), ("b", 1, 1000, "incomplete")]),
    ],
)  # fmt: skip
def test_prizes_go_by_rank_among_those_who_are_eligible(month: Month, given: list[Any]) -> None:
    found = ledger({"when": {"grade": ["good"]}, "prizes": PRIZES}, {"2025-12": month})
    assert [(r.subject, r.prize, r.money, r.undecided) for r in found] == given


PRAISE, BLAME = {"tone": "praise", "when": {"rank_at_most": 2}}, {"tone": "warning", "when": {"bottom": 2}}


@pytest.mark.parametrize("blame", ["warning", "penalty"])
def test_praise_and_blame_of_one_rank_are_held_back_for_a_person(blame: str) -> None:
    tied = {"2025-12": {"a": 95, "b": 70, "c": 70, "d": 70}}
    last = {"tone": blame, "when": {"last": True}}
    found = ledger(PRAISE, tied, {**BLAME, "tone": blame}, last, {**BLAME, "tone": "notice"})
    told = {(r.consequence, r.undecided) for r in found if r.subject in "bcd"}
    # they are the last: that stands; the praise and the list of the lowest two do not
    assert told == {("c", "clash"), ("c1", "clash"), ("c2", None), ("c3", None)}
    assert {(r.consequence, r.undecided) for r in found if r.subject == "a"} == {("c", None)}


def test_no_praise_clashes_with_what_is_not_of_the_rank_or_of_another_month() -> None:
    low = {"tone": "warning", "when": LOW}
    month = {"2025-12": {"a": 95, "b": BAD, "c": BAD - 1}}
    assert {r.undecided for r in ledger(PRAISE, month, low)} == {None}
    months = {"2025-11": {"a": 95, "b": 94, "c": 80, "d": 70}, "2025-12": {"a": 70, "b": 80, "c": 94, "d": 95}}
    assert {r.undecided for r in ledger(PRAISE, months, BLAME)} == {None}


def test_prize_money_that_clashes_is_not_counted_as_decided() -> None:
    prizes = {"tone": "praise", "when": {"grade": ["good", "rest"]}, "prizes": [{"title": WORDS, "n": 3, "money": 9}]}
    found = ledger(prizes, {"2025-12": {"a": 95, "b": 70, "c": 60}}, BLAME)
    assert decided(found) == [("a", None), ("b", "clash"), ("c", "clash"), ("b", "clash"), ("c", "clash")]
    assert total_money(found) == {"a": 9}


def test_the_ledger_is_in_order_of_periods_then_of_subjects() -> None:
    months = {"2025-12": {"b": BAD, "a": BAD}, "2025-02": {"c": BAD, "a": BAD}}
    assert [(r.period, r.subject) for r in ledger({"when": LOW}, months)] == [
        ("2025-02", "a"), ("2025-02", "c"), ("2025-12", "a"), ("2025-12", "b"),
    ]  # fmt: skip
