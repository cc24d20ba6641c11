"""What follows from steps and the clock and is counted: orders that fall due, failed hang periods, exposed accounts."""

import datetime as dt
import gc
from types import SimpleNamespace
from typing import Any

import pytest

from gridmgmt.casework import hanging, transitions
from gridmgmt.casework.cases import Step
from gridmgmt.casework.hanging import Terms
from gridmgmt.documents import many
from gridmgmt.figures.operations import step_counts

T0 = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
TICK = dt.timedelta(microseconds=1)
TERMS = Terms(
    next_due=lambda _dispatch, start: start + dt.timedelta(minutes=100),
    after_pause=lambda _dispatch, due, start, end: end + (due - start),
    longest_hold=dt.timedelta(days=30),
)
DESK: Any = SimpleNamespace(
    timing=SimpleNamespace(terms=TERMS), rules=SimpleNamespace(exposed_at_failure=3), unheard={}
)


def at(minutes: float) -> dt.datetime:
    return T0 + dt.timedelta(minutes=minutes)


def step(kind: str, minutes: float, unit: str | None = None, **told: Any) -> Step:
    return Step(kind, at(minutes), "王某", unit, "x", told)


OPENED = [
    step("report", 0, category="matter:06010"), step("accept", 0), step("register", 0),
    step("dispatch", 0, "U1", due_at=at(100).isoformat()), step("receive", 10),
]  # fmt: skip
ORDER = step("supervise", 20, "U1", order_kind="leader", due_at=at(200).isoformat())
VERIFIED = [step("answer", 50), step("verify", 60)]


def orders(story: list[Step], cut: dt.datetime) -> list[tuple[str, str | None, bool | None]]:
    """What falls due: its mark, its unit, whether late; all at its deadline."""
    taken = [s for s in story if s.at <= cut]
    found = list(step_counts._orders(DESK, "C1", taken, cut))
    assert all((kind, moment) == ("order_due", at(200)) for _, kind, moment, _, _ in found)
    return [(mark, unit, late) for mark, _, moment, unit, late in found]


# --- supervision orders -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("closed", "answered", "late"),
    [
        (200, 200, False),  # both exactly at the deadline
        (200.01, 150, True),
        (150, 200.01, True),
        (None, 150, True),
        (150, None, True),
        (None, None, True),
    ],
)
def test_an_order_is_late_unless_closed_and_answered_by_its_deadline(
    closed: float | None, answered: float | None, late: bool
) -> None:
    more = [("close", closed), ("answer_order", answered)]
    ended = sorted((step(kind, minutes) for kind, minutes in more if minutes is not None), key=lambda s: s.at)
    assert orders([*OPENED, ORDER, *VERIFIED, *ended], at(1_000)) == [("!order1", "U1", late)]


def test_until_its_deadline_has_passed_an_order_is_not_late() -> None:
    story = [*OPENED, ORDER]
    assert orders(story, at(200)) == [("!order1", "U1", False)]
    assert orders(story, at(200) + TICK) == [("!order1", "U1", True)]


def test_each_order_is_its_own_unit_s_and_without_one_that_of_the_case() -> None:
    nobody = step("supervise", 30, order_kind="media", due_at=at(200).isoformat())
    story = [*OPENED, ORDER, nobody, step("answer_order", 40, order=2), *VERIFIED, step("close", 70)]
    assert orders(story, at(1_000)) == [("!order1", "U1", True), ("!order2", "U1", False)]


def test_an_order_without_a_deadline_and_those_of_a_void_case_do_not_fall_due() -> None:
    without = step("supervise", 20, "U1", order_kind="leader")
    assert orders([*OPENED, without, ORDER], at(1_000)) == [("!order2", "U1", True)]
    assert orders([*OPENED, ORDER, step("void", 30)], at(1_000)) == []


# --- hanging accounts -------------------------------------------------------------------------------------------------


def failures(story: list[Step], minutes: float) -> list[tuple[str, str, dt.datetime, str | None]]:
    found = step_counts._failures(DESK, "C1", [s for s in story if s.at <= at(minutes)], at(minutes))
    return [(mark, kind, moment, unit) for mark, kind, moment, unit, _ in found]


def test_each_failed_hang_period_is_an_event_at_its_end_and_the_third_exposes() -> None:
    assert failures(OPENED, 100) == []  # at the deadline it is still in time
    assert failures(OPENED, 300) == [
        ("!hang1", "hang_failure", at(100), "U1"), ("!hang2", "hang_failure", at(200), "U1"),
    ]  # fmt: skip
    assert failures(OPENED, 300.01)[2:] == [
        ("!hang3", "hang_failure", at(300), "U1"), ("!exposed", "exposed", at(300), "U1"),
    ]  # fmt: skip


def test_a_failed_check_is_a_failure_and_writing_off_is_none() -> None:
    story = [*OPENED, *VERIFIED, step("fail", 70), step("receive", 71), step("answer", 80), step("verify", 81)]
    assert failures([*story, step("close", 90)], 10_000) == [("!hang1", "hang_failure", at(70), "U1")]
    assert failures([*story, step("void", 90)], 10_000) == []  # a void case has no failures


def test_the_second_unit_s_account_is_named_apart() -> None:
    story = [*OPENED, step("send_back", 250), step("dispatch", 250, "U2", due_at=at(300).isoformat())]
    assert failures(story, 301) == [
        ("!hang1", "hang_failure", at(100), "U1"), ("!hang2", "hang_failure", at(200), "U1"),
        ("!hang2.1", "hang_failure", at(300), "U2"), ("!exposed2", "exposed", at(300), "U2"),
    ]  # fmt: skip


def written(story: list[Step], start: float, end: float, now: float = 10_000) -> list[dict[str, Any]]:
    """All accounts of a case as a rulebook reads them for the period from ``start`` to before ``end``."""
    transitions.fold("C1", story)
    found = hanging.accounts([s for s in story if s.at <= at(now)], at(now), TERMS)
    return [step_counts._written("C1", account, at(start), at(end), found) for account in found]


def test_an_account_tells_the_steps_of_its_period_and_counts_what_failed_before() -> None:
    """Missed at 100, check failed at 160, written off at 220."""
    story = [
        *OPENED, step("answer", 150), step("verify", 155), step("fail", 160), step("receive", 165),
        step("answer", 200), step("verify", 210), step("close", 220),
    ]  # fmt: skip
    steps = ["dispatched", "missed", "answered", "failed", "answered", "passed"]
    whole = {"id": "C1", "unit": "U1", "earlier": 0, "failures": ["C1!hang1", "C1!hang2"], "steps": steps}
    assert written(story, 0, 1_000) == [whole]
    second = {
        "id": "C1", "unit": "U1", "earlier": 1, "steps": ["dispatched", *steps[2:]],
        "failures": ["C1!hang2"], "issue_failures": ["C1!hang1", "C1!hang2"],
    }  # fmt: skip
    assert written(story, 100, 1_000) == [whole]  # what ends at the very beginning belongs to the period
    assert written(story, 101, 1_000) == [second]
    assert written(story, 101, 220) == [
        second | {"steps": ["dispatched", "answered", "failed"]}
    ]  # at its end: the next


def test_another_unit_s_failures_are_earlier_ones_up_to_one_s_own_last() -> None:
    """U1 misses at 100 and sends back at 150; U2 misses at 250 and has it until it is closed."""
    story = [
        *OPENED, step("send_back", 150), step("dispatch", 150, "U2", due_at=at(250).isoformat()), step("receive", 151),
        step("answer", 260), step("verify", 261), step("close", 262), step("refer", 300),
    ]  # fmt: skip
    assert written(story, 0, 1_000) == [
        {
            "id": "C1", "unit": "U1", "earlier": 0, "steps": ["dispatched", "missed", "sent_back"],
            "failures": ["C1!hang1"],
        },
        {
            "id": "C1", "unit": "U2", "earlier": 1, "steps": ["dispatched", "missed", "answered", "passed", "referred"],
            "failures": ["C1!hang2.1"], "issue_failures": ["C1!hang1", "C1!hang2.1"],
        },
    ]  # fmt: skip


def test_garbage_is_collected_again_after_steps_were_counted_or_failed_to_be() -> None:
    assert gc.isenabled()
    with many(), many():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), many():
        assert 1 / 0
    assert gc.isenabled()
