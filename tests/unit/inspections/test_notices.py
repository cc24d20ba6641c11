"""How a rectification notice stands at a moment: the deadline is the first instant that is too late."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt.inspections.notices import STATES, Check, State, state

DUE = dt.datetime(2025, 6, 20, tzinfo=dt.UTC)
S = dt.timedelta(seconds=1)


@pytest.mark.parametrize(
    ("checks", "at", "expected"),
    [
        ([], DUE - S, "open"),
        ([], DUE, "overdue"),
        ([(DUE - 2 * S, "not_done")], DUE - S, "not_done"),
        ([(DUE - 2 * S, "not_done")], DUE, "overdue"),
        ([(DUE - S, "done")], DUE - S, "done"),
        ([(DUE - S, "done")], DUE - 2 * S, "open"),  # the check is still to come
        ([(DUE, "done")], DUE, "done_late"),
        ([(DUE - S, "done")], DUE + S, "done"),
        ([(DUE + S, "done"), (DUE - S, "not_done")], DUE + S, "done_late"),
    ],
)
def test_states(checks: list[Check], at: dt.datetime, expected: State) -> None:
    assert state(DUE, checks, at) == expected


offsets = st.integers(-5, 5).map(lambda n: DUE + n * S)
check_lists = st.lists(st.tuples(offsets, st.sampled_from(["done", "not_done"])), max_size=4)


@given(check_lists, offsets, st.randoms(use_true_random=False))
def test_one_state_whatever_the_order_of_the_checks(checks: list[Check], at: dt.datetime, rng: object) -> None:
    found = state(DUE, checks, at)
    assert found in STATES
    assert state(DUE, rng.sample(checks, len(checks)), at) == found  # type: ignore[attr-defined]
    assert (found in ("done", "done_late")) == any(when <= at and result == "done" for when, result in checks)
    assert found != "overdue" or at >= DUE
