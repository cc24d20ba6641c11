"""Every base count by example: rows with a known right number, and the row on either side of its limit.

A count without an example fails: whoever adds one to the table says here what it takes.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import pandas as pd
import pytest

from gridmgmt.figures.counts import ANSWER_COUNTS, COUNTS, HANG_COUNTS, KNOWN_BY, ONCE, ORDER_COUNTS, Facts
from gridmgmt.figures.indicators import amounts, masks
from gridmgmt.figures.predicates import every, some

START, END = dt.datetime(2025, 3, 1, tzinfo=dt.UTC), dt.datetime(2025, 4, 1, tzinfo=dt.UTC)
CUT = dt.datetime(2025, 4, 10, tzinfo=dt.UTC)
TICK, DAY = dt.timedelta(microseconds=1), dt.timedelta(days=1)
LATER = CUT + TICK
DUE = dt.datetime(2025, 3, 10, tzinfo=dt.UTC)
DONE = {"handled_at": DUE, "closed_at": DUE + DAY}
LATE = {"handled_at": DUE + TICK, "closed_at": DUE + DAY}

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "cases": {
        **dict.fromkeys(
            ("reported_at", "registered_at", "dispatched_at", "due_at", "due_extended_at", "handled_at", "closed_at",
             "voided_at", "reworked_at"),
            "time",
        ),
        "n_rework": "Int64", "is_repeat": "object", "stands": "boolean",
    },
    "steps": {
        "at": "time", "case_no": "object", "kind": "object", "unit_id": "Int64", "verdict": "object",
        "wrong_dispatch": "object", "agreed": "object", "again": "object", "late": "object",
    },
    "samples": {"sampled_at": "time", "score": "object"},
    "acts": {"at": "time", "case_no": "object", "kind": "object", "late": "object", "wrong_dispatch": "object"},
}  # fmt: skip

Row = Mapping[str, Any]


def facts(of: str, rows: Iterable[Row]) -> Facts:
    """Rows as the store gives them; what a row does not tell is unknown."""
    frame = pd.DataFrame(list(rows), columns=list(COLUMNS[of]), dtype="object")
    for name, kind in COLUMNS[of].items():
        is_time = kind == "time"
        values = pd.to_datetime(frame[name], utc=True) if is_time else frame[name]
        frame[name] = values.astype("datetime64[us, UTC]" if is_time else kind)  # type: ignore[call-overload]
    return Facts(frame, START, END, CUT)


def counted(of: str, *rows: Row) -> dict[str, Any]:
    """All counts of some rows together."""
    found = facts(of, rows)
    table = amounts(found, masks(found, of, COUNTS), pd.Series(["all"] * len(rows), dtype="object"))
    return {str(name): values.sum() for name, values in table.items()}


@dataclass(frozen=True)
class Example:
    """Rows and their number; and two rows at the limit: the one that counts and the one that does not."""

    rows: list[Row]
    n: int | Fraction
    inside: Row
    outside: Row
    beside: list[Row] = field(default_factory=list)
    """Stand with both of the rows at the limit, and count for nothing."""


def step(kind: str, case: str = "A", at: dt.datetime = DUE, **told: Any) -> Row:
    return {"kind": kind, "case_no": case, "at": at, **told}


def sample(score: str | None, at: dt.datetime = DUE) -> Row:
    return {"sampled_at": at, "score": score}


def each_of(kind: str, **told: Any) -> Example:
    """A count that takes every step of a kind in the period, twice of one case."""
    rows = [step(kind, case, **told) for case in "AAB"]
    others = [step("dispatch", "C", **told), step(kind, "D", START - TICK, **told), step(kind, "E", END, **told)]
    return Example([*rows, *others], 3, step(kind, at=START, **told), step(kind, at=START - TICK, **told))


def cases_of(kind: str, n: int = 2, **told: Any) -> Example:
    """A count that takes of a case the first step in the period, whatever came before it."""
    every = each_of(kind, **told)
    rows = [*every.rows, step(kind, "F", START - DAY, **told), step(kind, "F", **told)]
    return Example(rows, n + 1, step(kind, at=END - TICK, **told), step(kind, at=END, **told))


def act(*kinds: str, beside: Row | None = None, **told: Any) -> Example:
    """A count that takes every act of some kinds; ``beside`` tells what makes one of these kinds count for nothing."""
    rows = [step(kind, case, **told) for kind in kinds for case in "AAB"]
    others = [step("accept", "C"), step(kinds[0], "D", START - TICK, **told), step(kinds[0], "E", END, **told)]
    outside = step(kinds[0], at=START, **beside) if beside else step(kinds[-1], at=END, **told)
    return Example([*rows, *others, step(kinds[0], **(beside or {"at": END}))], 3 * len(kinds),
                   step(kinds[0], at=START, **told), outside)  # fmt: skip


EXAMPLES: Mapping[str, Example] = {
    # --- cases ---
    "n_reported": Example(
        [{"reported_at": DUE}, {"reported_at": DUE, "voided_at": DUE}, {"registered_at": DUE}, {}],
        2, {"reported_at": START}, {"reported_at": START - TICK},
    ),
    "n_registered": Example(
        [{"registered_at": DUE}, {"registered_at": DUE, "voided_at": DUE}, {"reported_at": DUE}],
        2, {"registered_at": END - TICK}, {"registered_at": END},
    ),
    "n_dispatched": Example(
        [{"dispatched_at": DUE}, {"dispatched_at": DUE, "closed_at": DUE}, {"dispatched_at": DUE, "voided_at": DUE}],
        2, {"dispatched_at": DUE, "voided_at": LATER}, {"dispatched_at": DUE, "voided_at": CUT},
    ),
    "n_due": Example(
        [
            {"due_at": DUE}, {"due_at": DUE, **DONE}, {"due_at": DUE, **LATE},
            {"due_at": DUE, "due_extended_at": END},  # due in its extension's period
            {"due_at": START - DAY, "due_extended_at": DUE},
            {"due_at": DUE, "voided_at": DUE},
            {"due_at": DUE, "stands": True},  # on hold or sent back: no deadline runs
            {"due_at": DUE, "stands": True, "closed_at": DUE},  # closed it stands no longer
        ],
        5, {"due_at": DUE, "stands": True, "handled_at": CUT}, {"due_at": DUE, "stands": True, "handled_at": LATER},
    ),
    "n_closed": Example(
        [{"due_at": DUE, **DONE}, {"due_at": DUE, **LATE}, {"due_at": DUE, "handled_at": DUE}, {"closed_at": DUE},
         {"due_at": DUE, "closed_at": DUE, "voided_at": DUE}],
        2, {"due_at": DUE, "closed_at": CUT}, {"due_at": DUE, "closed_at": LATER},
    ),
    "n_closed_on_time": Example(
        [{"due_at": DUE, **DONE}, {"due_at": DUE, "closed_at": DUE}, {"due_at": DUE, **LATE},
         {"due_at": DUE, "due_extended_at": DUE + DAY, **LATE}, {"due_at": DUE, "handled_at": DUE}],
        2, {"due_at": DUE, **DONE}, {"due_at": DUE, **LATE},
    ),
    "n_closed_extended": Example(
        [{"due_at": DUE, "due_extended_at": DUE + DAY, **LATE}, {"due_at": DUE, "due_extended_at": DUE + DAY, **DONE},
         {"due_at": DUE, **LATE}],
        1, {"due_at": DUE, "due_extended_at": DUE + DAY, "closed_at": DUE + DAY},
        {"due_at": DUE, "due_extended_at": DUE + DAY, "closed_at": DUE + DAY + TICK},
    ),
    "n_closed_late": Example(
        [{"due_at": DUE, **LATE}, {"due_at": DUE, "closed_at": END}, {"due_at": DUE, **DONE}, {"due_at": DUE},
         {"due_at": DUE, "due_extended_at": DUE + DAY, **LATE}],
        2, {"due_at": DUE, "closed_at": DUE + TICK}, {"due_at": DUE, "closed_at": DUE},
    ),
    "n_closed_derived": Example(
        [{"due_at": DUE, "closed_at": DUE}, {"due_at": DUE, "closed_at": END}, {"due_at": DUE, **DONE},
         {"due_at": DUE}],
        2, {"due_at": DUE, "closed_at": DUE}, {"due_at": DUE, "closed_at": DUE, "handled_at": DUE},
    ),
    "n_overdue_open": Example(
        [{"due_at": DUE}, {"due_at": DUE, "handled_at": DUE}, {"due_at": DUE, **LATE}, {"due_at": DUE, "stands": True}],
        2, {"due_at": DUE, "closed_at": LATER}, {"due_at": DUE, "closed_at": CUT},
    ),
    "n_untimely": Example(
        [{"due_at": DUE}, {"due_at": DUE, **LATE}, {"due_at": DUE, "handled_at": DUE}, {"due_at": DUE, "stands": True},
         {"due_at": DUE, "due_extended_at": DUE + DAY, **LATE}],
        2, {"due_at": DUE, "handled_at": DUE + TICK}, {"due_at": DUE, "handled_at": DUE},
    ),
    "n_due_rework_known": Example(
        [{"due_at": DUE, "n_rework": 0}, {"due_at": DUE, "n_rework": 2}, {"due_at": END, "n_rework": 2}],
        2, {"due_at": DUE, "n_rework": 0}, {"due_at": DUE},
    ),
    "n_rework_cases": Example(
        [{"due_at": DUE, "n_rework": 2}, {"due_at": DUE, "n_rework": 0}, {"due_at": DUE, "n_rework": 1, **DONE},
         {"due_at": END, "n_rework": 1}],
        2, {"due_at": DUE, "n_rework": 1, "reworked_at": CUT}, {"due_at": DUE, "n_rework": 1, "reworked_at": LATER},
    ),
    "n_rework_closed": Example(
        [{"due_at": DUE, "n_rework": 2, **DONE}, {"due_at": DUE, "n_rework": 1}, {"due_at": DUE, "n_rework": 0, **DONE},
         {"due_at": DUE, "n_rework": 1, **LATE}],
        2, {"due_at": DUE, "n_rework": 1, "closed_at": CUT}, {"due_at": DUE, "n_rework": 1, "closed_at": LATER},
    ),
    "n_rework_events": Example(
        [{"due_at": DUE, "n_rework": 2}, {"due_at": DUE, "n_rework": 3}, {"due_at": END, "n_rework": 5}],
        5, {"due_at": DUE, "n_rework": 1}, {"due_at": DUE, "n_rework": 0},
    ),
    "n_registered_repeat_known": Example(
        [{"registered_at": DUE, "is_repeat": False}, {"registered_at": DUE, "is_repeat": True},
         {"reported_at": DUE, "is_repeat": True}],
        2, {"registered_at": DUE, "is_repeat": False}, {"registered_at": DUE},
    ),
    "n_repeats": Example(
        [{"registered_at": DUE, "is_repeat": True}, {"registered_at": END, "is_repeat": True}, {"registered_at": DUE}],
        1, {"registered_at": DUE, "is_repeat": True}, {"registered_at": DUE, "is_repeat": False},
    ),
    # --- steps ---
    "n_dispatched_logged": Example(
        [step("dispatch", case, unit_id=unit) for case, unit in (("A", 1), ("A", 1), ("A", 2), ("B", 1))]
        + [step("receive", "C", unit_id=1)],
        3, step("dispatch", at=START), step("dispatch", at=START - TICK),
    ),
    "n_redispatched": Example(
        [step("dispatch", "A", again=False), step("dispatch", "A", again=True), step("dispatch", "A", again=True),
         step("dispatch", "B", again=True), step("send_back", "D", again=True)],
        2, step("dispatch", again=True), step("dispatch", again=False), [step("dispatch", "C")],
    ),
    "n_send_backs": Example(
        [step("send_back"), step("send_back"), step("send_back", "B", wrong_dispatch=False, agreed=False),
         step("send_back", "C", wrong_dispatch=False, agreed=True), step("dispatch", "D")],
        3, step("send_back", wrong_dispatch=False), step("send_back", wrong_dispatch=True),
        [step("send_back", "B", agreed=True)],
    ),
    "n_extensions": each_of("extend"),
    "n_extended_cases": cases_of("extend"),
    "n_postponed_cases": cases_of("postpone"),
    "n_supervised": each_of("supervise"),
    "n_orders_due": Example(
        [step("order_due", late=True), step("order_due", late=False), step("supervise")],
        2, step("order_due", at=END - TICK, late=False), step("order_due", at=END, late=False),
    ),
    "n_orders_late": Example(
        [step("order_due", late=True), step("order_due", late=True), step("order_due", "B", late=False)],
        2, step("order_due", late=True), step("order_due", late=False),
    ),
    "n_visits": Example(
        [step("visit", "A", verdict="satisfied"), step("visit", "A", verdict="unsatisfied"),
         step("visit", "B", verdict="unsatisfied"), step("visit", "B", verdict="none"), step("visit", "C")],
        2, step("visit", verdict="unsatisfied"), step("visit", verdict="none"),
    ),
    "n_visits_satisfied": Example(
        [step("visit", "A", verdict="satisfied"), step("visit", "A", verdict="unsatisfied"),  # the last one says it
         step("visit", "B", verdict="unsatisfied"), step("visit", "B", verdict="satisfied"),
         step("visit", "C", verdict="satisfied"), step("visit", "C", verdict="none"),  # nobody answered
         step("visit", "D", verdict="satisfied"), step("visit", "D", END, verdict="unsatisfied")],  # next month
        3, step("visit", verdict="satisfied"), step("visit", verdict="unsatisfied"),
    ),
    "n_hang_failures": each_of("hang_failure"),
    "n_exposed": each_of("exposed"),
    "n_false": cases_of("mark_false"),
    "n_answers_unpictured": each_of("answer_unpictured"),
    # --- acts of persons ---
    "n_acts_reported": act("report"),
    "n_acts_dispatched": act("dispatch"),
    "n_acts_dispatching": act("dispatch", "supervise"),
    "n_acts_dispatched_late": act("dispatch", late=True, beside={"late": False}),
    "n_acts_wrong_dispatch": act("send_back", wrong_dispatch=True, beside={"wrong_dispatch": False}),
    "n_acts_handled": act("answer"),
    "n_acts_handled_timed": act("answer", late=False, beside={"late": None}),
    "n_acts_handled_late": act("answer", late=True, beside={"late": False}),
    "n_acts_on_time": act("answer", late=False, beside={"late": True}),
    "n_acts_verified": act("close", "fail"),
    # --- samples ---
    "n_samples": Example(
        [sample("87.5"), sample(None), sample("0"), sample("90", END)],
        3, sample(None, END - TICK), sample(None, END),
    ),
    "n_scored_samples": Example(
        [sample("87.5"), sample(None), sample("0"), sample("90", START - TICK)], 2, sample("0"), sample(None)
    ),
    "sum_sample_score": Example(
        [sample("0.1"), sample("0.2"), sample("33.333"), sample(None), sample("90", END)],
        Fraction(33633, 1000), sample("1", START), sample("1", START - TICK),
    ),
}  # fmt: skip


def without_example(counts: Iterable[str]) -> set[str]:
    return set(counts) - set(EXAMPLES)


def test_every_count_has_its_example_and_no_example_is_of_a_count_that_is_gone() -> None:
    assert without_example(COUNTS) == set()
    assert without_example([*COUNTS, "n_new"]) == {"n_new"}
    assert set(EXAMPLES) <= set(COUNTS)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_rows_of_its_example_give_the_known_number(name: str) -> None:
    example = EXAMPLES[name]
    assert counted(COUNTS[name].of, *example.rows, *example.beside)[name] == example.n


@pytest.mark.parametrize("name", EXAMPLES)
def test_of_the_two_rows_at_its_limit_one_counts(name: str) -> None:
    example, of = EXAMPLES[name], COUNTS[name].of
    assert counted(of, example.inside, *example.beside)[name] == 1
    assert counted(of, example.outside, *example.beside)[name] == 0


@pytest.mark.parametrize("name", EXAMPLES)
def test_nothing_after_the_cut_off_is_counted(name: str) -> None:
    """Of the example's rows all that happened when the cut-off lies before all of them is nothing."""
    found = facts(COUNTS[name].of, EXAMPLES[name].rows)
    early = Facts(found.frame, START, END, START - 2 * DAY)
    assert not COUNTS[name].mask(early).any()


def test_what_follows_from_orders_and_accounts_is_read_for_just_these_counts() -> None:
    """The events of orders and accounts are no steps: they are only there for the counts that are named for it."""
    for kinds, names in (
        (("order_due",), ORDER_COUNTS),
        (("hang_failure", "exposed"), HANG_COUNTS),
        (("answer_unpictured",), ANSWER_COUNTS),
    ):
        found = counted("steps", *(step(kind, case, late=True) for kind in kinds for case in "AB"))
        assert {name for name, n in found.items() if n} == names


def test_some_counts_are_made_only_where_they_are_asked_for() -> None:
    """What was frozen before they were there stays as it was."""
    found = facts("steps", [step("answer_unpictured")])
    assert "n_answers_unpictured" not in masks(found, "steps")
    assert {name for name, count in COUNTS.items() if count.is_asked} == ANSWER_COUNTS
    assert masks(found, "steps", ["n_answers_unpictured"])["n_answers_unpictured"].tolist() == [True]


def test_a_count_that_takes_the_first_step_of_each_case_takes_no_step_that_the_other_does_not() -> None:
    for once, each in ONCE.items():
        found = facts("steps", [*EXAMPLES[once].rows, *EXAMPLES[each].rows])
        first, taken = COUNTS[once].mask(found), COUNTS[each].mask(found)
        assert not (first & ~taken).any()
        assert first.sum() == found.frame.loc[taken, "case_no"].nunique()


def test_whether_a_count_is_known_is_told_by_counts_of_the_same_cases() -> None:
    for name, (known, of) in KNOWN_BY.items():
        assert COUNTS[of].of in ("cases", "samples")
        if COUNTS[name].of == "steps":
            assert (known, of) == ("n_dispatched_logged", "n_dispatched")
        else:
            assert COUNTS[name].of == COUNTS[known].of == COUNTS[of].of
            assert COUNTS[name].clock == COUNTS[known].clock == COUNTS[of].clock
    assert {n for n, c in COUNTS.items() if c.of == "steps"} <= set(KNOWN_BY)


def test_a_scorecard_lists_every_count_unasked_but_the_one_that_says_how_another_came_about() -> None:
    assert [name for name, count in COUNTS.items() if not count.is_listed] == ["n_closed_derived"]


def test_of_no_condition_every_one_holds_and_none_of_them() -> None:
    found = facts("cases", [{}, {}])
    assert every([])(found).tolist() == [True, True]
    assert some([])(found).tolist() == [False, False]
