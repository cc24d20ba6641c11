"""Hanging accounts from steps and a clock: periods, failures, exposure, and what writing off does not undo."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt.casework import hanging, transitions
from gridmgmt.casework.cases import Step
from gridmgmt.casework.hanging import Account, Terms

T0 = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
LIMIT = dt.timedelta(minutes=100)


def at(minutes: float) -> dt.datetime:
    return T0 + dt.timedelta(minutes=minutes)


def step(kind: str, minutes: float, **told: Any) -> Step:
    unit, reason = told.pop("unit", None), told.pop("reason", "x")
    return Step(kind, at(minutes), "王某", unit, reason, told)


TERMS = Terms(
    next_due=lambda _dispatch, start: start + LIMIT,
    after_pause=lambda _dispatch, due, start, end: end + (due - start),
    longest_hold=dt.timedelta(minutes=50_000),
)


OPENED = [
    step("report", 0, category="matter:06010"), step("accept", 0), step("register", 0),
    step("dispatch", 0, unit="U1", due_at=at(100).isoformat()), step("receive", 10),
]  # fmt: skip


def account(steps: list[Step], now: float) -> Account:
    transitions.fold("C1", steps)  # the story is a legal one
    return hanging.accounts(steps, at(now), TERMS)[-1]


def test_one_missed_deadline_one_failed_check_then_written_off() -> None:
    """Deadline passes; answered in time but the check fails; then written off: 3 periods, 2 failures."""
    story = [
        *OPENED, step("answer", 150), step("verify", 155), step("fail", 160), step("receive", 165),
        step("answer", 200), step("verify", 210), step("close", 220),
    ]  # fmt: skip
    found = account(story, 10_000)
    assert [(p.how, p.opened_at, p.due_at, p.ended_at) for p in found.periods] == [
        ("missed", at(0), at(100), at(100)),
        ("failed", at(100), at(200), at(160)),
        ("written_off", at(160), at(260), at(220)),
    ]
    assert (found.n_deductions, found.exposed_at) == (2, None)


def test_an_answer_exactly_at_the_deadline_is_in_time() -> None:
    assert account([*OPENED, step("answer", 100)], 500).n_deductions == 0
    assert account([*OPENED, step("answer", 100.01)], 500).n_deductions == 1


def test_the_third_failure_exposes_and_later_ones_do_not_again() -> None:
    assert account(OPENED, 300).exposed_at is None  # the third deadline has not passed yet
    assert account(OPENED, 300.01).exposed_at == at(300)
    assert account(OPENED, 800).exposed_at == at(300)
    assert account(OPENED, 800).n_deductions == 7


def test_only_the_mark_of_a_referral_takes_it_back() -> None:
    marked = [*OPENED, step("refer", 20), step("expose", 21)]
    assert account(marked, 30).is_referred
    assert account([*marked, step("unmark", 22, mark="exposed")], 30).is_referred
    assert not account([*marked, step("unmark", 22, mark="referred")], 30).is_referred


def test_while_the_check_is_outstanding_no_deadline_passes() -> None:
    found = account([*OPENED, step("answer", 50), step("verify", 60)], 10_000)
    assert (found.n_deductions, found.is_open) == (0, True)


def test_a_case_sent_on_hangs_anew_with_the_other_unit() -> None:
    story = [*OPENED, step("send_back", 120), step("dispatch", 130, unit="U2", due_at=at(230).isoformat())]
    transitions.fold("C1", story)
    first, second = hanging.accounts(story, at(240), TERMS)
    assert (first.unit_code, first.n_deductions, first.periods[-1].how) == ("U1", 1, "sent_back")
    assert (second.unit_code, second.n_deductions, second.is_open) == ("U2", 1, True)


def test_on_hold_no_deadline_passes_and_the_time_left_runs_on() -> None:
    held = [*OPENED, step("ask_postponement", 20), step("postpone", 40)]
    assert account(held, 10_000).n_deductions == 0
    found = account([*held, step("resume", 1040, due_at=at(1100).isoformat())], 1101)
    assert found.failures[0].due_at == at(1100)


@pytest.mark.parametrize(
    ("origin", "stated", "due"),
    [("own", 1500, 1100), ("imported", 1500, 1500), ("imported", None, 1100), ("own", None, 1100)],
)
def test_only_another_system_s_log_may_state_the_deadline_after_a_pause(
    origin: str, stated: float | None, due: float
) -> None:
    told = {} if stated is None else {"due_at": at(stated).isoformat()}
    held = [*OPENED, step("ask_postponement", 20), step("postpone", 40)]  # 60 minutes are left
    resumed = Step("resume", at(1040), "王某", None, None, told, origin)
    assert account([*held, resumed], 1041).periods[-1].due_at == at(due)


def test_a_deadline_stated_after_a_pause_is_that_of_the_first_period_alone() -> None:
    late = [*OPENED, step("ask_postponement", 20), step("postpone", 140)]  # in its second period, 60 minutes are left
    resumed = Step("resume", at(1040), "王某", None, None, {"due_at": at(1500).isoformat()}, "imported")
    assert account([*late, resumed], 1041).periods[-1].due_at == at(1100)


def test_an_extension_moves_the_deadline_of_the_first_period() -> None:
    story = [*OPENED, step("ask_extension", 20), step("extend", 30, due_at=at(180).isoformat())]
    assert account(story, 180).n_deductions == 0
    assert account(story, 180.01).n_deductions == 1
    without = [*OPENED[:3], step("dispatch", 0, unit="U1"), step("receive", 10), *story[-2:]]  # had no deadline before
    assert [account(without, now).n_deductions for now in (180, 180.01)] == [0, 1]


@pytest.mark.parametrize(
    ("told", "due"),
    [
        ({"due_at": 60}, 60),  # to an earlier moment
        ({"due_at": 180}, 180),
        ({"due_at": 180, "later": True}, 180),
        (
            {"due_at": 60, "later": True},
            100,
        ),  # it was later when it was set, and a calendar moved the original behind it
        ({"due_at": 60, "due_extended_at": 150}, 150),  # an export tells both
        ({"due_extended_at": 150}, 150),
        ({}, 100),
    ],
)
def test_a_deadline_moved_by_hand_is_that_of_the_period_that_runs(told: dict[str, Any], due: float) -> None:
    facts = {name: value if name == "later" else at(value).isoformat() for name, value in told.items()}
    moved = Step("deadline", at(50), "王某", None, "x", facts)
    assert hanging.accounts([*OPENED, moved], at(51), TERMS)[0].periods == (hanging.HangPeriod(1, at(0), at(due)),)
    (found,) = hanging.accounts([*OPENED, moved], at(due + 0.01), TERMS)
    assert [(p.how, p.ended_at) for p in found.periods] == [("missed", at(due)), (None, None)]
    second = hanging.accounts([*OPENED, replace(moved, at=at(150))], at(151), TERMS)[0].periods
    assert second[0].due_at == at(100)  # what has passed stays


def test_without_a_deadline_nothing_is_missed() -> None:
    story = [*OPENED[:3], step("dispatch", 0, unit="U1"), step("receive", 10)]
    assert account(story, 10_000).n_deductions == 0


@given(st.integers(0, 2_000), st.integers(0, 2_000))
def test_the_past_does_not_change_as_the_clock_runs_on(earlier: int, later: int) -> None:
    first, last = sorted((earlier, later))
    before, after = account(OPENED, first), account(OPENED, last)
    assert after.failures[: len(before.failures)] == before.failures
    assert after.n_deductions == sum(1 for n in range(1, 30) if n * 100 < last)


def test_a_case_that_comes_back_to_a_unit_goes_on_with_its_account() -> None:
    story = [
        *OPENED, step("send_back", 120), step("dispatch", 130, unit="U2", due_at=at(230).isoformat()),
        step("send_back", 140), step("dispatch", 150, unit="U1", due_at=at(250).isoformat()),
    ]  # fmt: skip
    transitions.fold("C1", story)
    first, second = hanging.accounts(story, at(260), TERMS)
    assert [(p.number, p.how) for p in first.periods] == [
        (1, "missed"), (2, "sent_back"), (3, "missed"), (4, None),
    ]  # fmt: skip
    assert (first.unit_code, first.n_deductions, first.opened_at) == ("U1", 2, at(0))
    assert (second.unit_code, second.n_deductions, second.is_open) == ("U2", 0, False)


@pytest.mark.parametrize(
    ("told", "due"),
    [
        ({"continues": True}, 250),  # 50 of 100 minutes were left when it was sent back
        ({"continues": True, "due_at": at(900).isoformat()}, 250),
        ({"due_at": at(900).isoformat()}, 900),
        ({}, None),
    ],
)
def test_a_case_that_comes_back_has_what_was_left_of_its_own_time(told: dict[str, Any], due: float | None) -> None:
    story = [*OPENED, step("send_back", 50), step("dispatch", 200, unit="U1", **told)]
    assert account(story, 201).periods[-1].due_at == (None if due is None else at(due))


def test_what_was_answered_after_its_time_comes_back_with_a_whole_limit() -> None:
    """Answered in time, sent back when that time was over (another system's log): nothing is left of it."""
    again = Step("dispatch", at(200), "王某", "U1", None, {"continues": True})
    (found,) = hanging.accounts([*OPENED, step("answer", 50), step("send_back", 150), again], at(201), TERMS)
    assert found.periods[-1].due_at == at(300)
    (found,) = hanging.accounts([*OPENED, step("answer", 50), step("send_back", 100), again], at(200), TERMS)
    assert found.periods[-1].due_at == at(200)  # sent back exactly at it: no more than nothing


def sent_to(unit: str, minutes: float) -> list[Step]:
    return [step("send_back", minutes), step("dispatch", minutes, unit=unit, due_at=at(minutes + 100).isoformat())]


def test_the_unit_at_which_the_third_failure_of_the_issue_comes_is_exposed() -> None:
    """A fails at 100, B at 250, A again at 400: the third is A's, though B opened the later account."""
    story = [*OPENED, *sent_to("U2", 150), *sent_to("U1", 300)]
    transitions.fold("C1", story)
    first, second = hanging.accounts(story, at(401), TERMS)
    assert [(p.how, p.ended_at) for p in first.failures] == [("missed", at(100)), ("missed", at(400))]
    assert [p.ended_at for p in second.failures] == [at(250)]
    assert (first.exposed_at, second.exposed_at) == (at(400), None)


def test_every_unit_that_fails_at_the_third_or_later_is_exposed() -> None:
    story = [*OPENED, *sent_to("U2", 350)]  # three failures of U1, then one of U2
    first, second = hanging.accounts(story, at(451), TERMS)
    assert (first.exposed_at, second.exposed_at) == (at(300), at(450))


def test_a_stated_deadline_that_does_not_lie_ahead_is_no_deadline() -> None:
    """Other systems' logs repeat the case's first deadline at a failed check; it must not stop anybody from looking."""
    story = [*OPENED, step("answer", 50), step("verify", 60), step("fail", 160, due_at=at(100).isoformat())]
    found = account(story, 161)
    assert [(p.how, p.due_at) for p in found.periods] == [("failed", at(100)), (None, at(260))]


def test_a_case_dispatched_after_its_deadline_is_missed_as_it_begins() -> None:
    story = [*OPENED[:3], step("dispatch", 200, unit="U1", due_at=at(100).isoformat())]
    found = account(story, 201)
    assert [(p.how, p.opened_at, p.ended_at) for p in found.periods] == [
        ("missed", at(200), at(200)), (None, at(200), None),
    ]  # fmt: skip


def test_after_the_longest_hold_the_clock_runs_by_itself() -> None:
    held = [*OPENED, step("ask_postponement", 20), step("postpone", 40)]  # 60 of 100 minutes left
    assert account(held, 50_100).n_deductions == 0
    found = account(held, 50_100.01)
    assert (found.n_deductions, found.failures[0].due_at) == (1, at(50_100))
    late = account([*held, step("resume", 50_200)], 50_201)  # it changes nothing any more
    assert [p.due_at for p in late.periods] == [at(50_100), at(50_200), at(50_300)]


def test_what_was_asked_before_a_send_back_is_asked_no_more() -> None:
    story = [*OPENED, step("ask_extension", 50), *sent_to("U1", 150)]
    granted = Step("extend", at(160), "王某", None, None, {"due_at": at(400).isoformat()}, "imported")
    (found,) = hanging.accounts([*story, granted], at(200), TERMS)
    assert [p.how for p in found.periods] == ["missed", "sent_back", None]


@pytest.mark.parametrize(
    "before",
    [
        [step("ask_extension", 20), step("refuse_extension", 30)],
        [step("ask_extension", 20), step("extend", 30, due_at=at(100).isoformat())],
        [
            step("ask_extension", 20),
            step("answer", 30),
            step("verify", 40),
            step("fail", 50, due_at=at(100).isoformat()),
        ],
    ],
)  # fmt: skip
def test_what_was_asked_is_asked_no_more_once_it_is_decided_or_answered(before: list[Step]) -> None:
    """Another system's log grants an extension that nobody asked for: it moves the period that runs, no earlier one."""
    granted = Step("extend", at(160), "王某", None, None, {"due_at": at(400).isoformat()}, "imported")
    (found,) = hanging.accounts([*OPENED, *before, granted], at(300), TERMS)
    assert found.periods[-2].how == "missed"
    assert (found.periods[-1].opened_at, found.periods[-1].due_at) == (at(100), at(400))


def test_a_referral_stays_with_the_unit_that_had_the_case_until_it_is_taken_back() -> None:
    story = [*OPENED, step("refer", 50), *sent_to("U2", 60)]
    assert [a.is_referred for a in hanging.accounts(story, at(70), TERMS)] == [True, False]
    story.append(step("unmark", 80, mark="referred"))
    assert [a.is_referred for a in hanging.accounts(story, at(90), TERMS)] == [False, False]


# --- answers without photographs --------------------------------------------------------------------------------------


def heard(story: list[Step], now: float, *unheard: int) -> list[tuple[str | None, float | None]]:
    """How each period ended and when, where answers of some numbers count as none."""
    numbered = [replace(s, seq=n) for n, s in enumerate(story, 1)]
    transitions.fold("C1", numbered)
    (found,) = hanging.accounts(numbered, at(now), TERMS, 3, unheard)
    return [(p.how, (p.ended_at - T0) / dt.timedelta(minutes=1) if p.ended_at else None) for p in found.periods]


ANSWERED = [*OPENED, step("answer", 50), step("verify", 60)]
"""Answered in time, as the sixth step, and checked."""


def test_an_answer_that_counts_as_none_lets_the_deadline_run_on_while_it_is_checked() -> None:
    assert heard(ANSWERED, 350) == [(None, None)]
    assert heard(ANSWERED, 100, 6) == [(None, None)]  # exactly at the deadline it is not yet missed
    assert heard(ANSWERED, 350, 6) == [("missed", 100), ("missed", 200), ("missed", 300), (None, None)]


def test_what_is_written_off_before_the_deadline_was_not_missed() -> None:
    assert heard([*ANSWERED, step("close", 90)], 500, 6) == [("written_off", 90)]
    assert heard([*ANSWERED, step("close", 120)], 500, 6) == [("missed", 100), ("written_off", 120)]
    assert heard([*ANSWERED, step("close", 120)], 500) == [("written_off", 120)]


def test_a_check_that_fails_is_one_failure_with_the_deadline_that_was_missed_before_it() -> None:
    early, late = [*ANSWERED, step("fail", 90)], [*ANSWERED, step("fail", 120)]
    assert heard(early, 150, 6) == [("failed", 90), (None, None)]
    assert heard(late, 150, 6) == [("missed", 100), (None, None)]
    assert heard(late, 219, 6) == [("missed", 100), (None, None)]  # a new deadline, 100 minutes from the check on
    assert heard(late, 221, 6) == [("missed", 100), ("missed", 220), (None, None)]
    assert heard(late, 150) == [("failed", 120), (None, None)]


def test_an_answer_with_photographs_counts_again() -> None:
    story = [*ANSWERED, step("fail", 90), step("receive", 91), step("answer", 150), step("verify", 160)]
    assert heard(story, 9_000, 6) == [("failed", 90), (None, None)]
    assert heard(story, 191, 6, 10) == [("failed", 90), ("missed", 190), (None, None)]


def test_who_gets_the_case_back_has_not_answered_before() -> None:
    back = [*OPENED, step("answer", 20), step("verify", 21), step("fail", 22), step("receive", 23)]
    story = [*back, step("answer", 30), step("verify", 31)]
    assert heard(story, 123, 6) == [("failed", 22), (None, None)]
