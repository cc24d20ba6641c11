"""Rectification notices (整改通知): how one stands at a moment, from its deadline and its checks."""

import datetime as dt
from collections.abc import Sequence
from typing import Literal

State = Literal["open", "not_done", "overdue", "done", "done_late"]
STATES: tuple[State, ...] = ("open", "not_done", "overdue", "done", "done_late")

Check = tuple[dt.datetime, Literal["done", "not_done"]]


def state(due_at: dt.datetime, checks: Sequence[Check], at: dt.datetime) -> State:
    """How a notice stands (整改状态): done, in time or late, by the check that says so, else overdue from its deadline.

    Parameters
    ----------
    due_at
        The first instant that is too late.
    checks
        When each was made and what it found, in any order; those after ``at`` are not seen.
    """
    seen = sorted(c for c in checks if c[0] <= at)
    done = next((when for when, result in seen if result == "done"), None)
    if done is not None:
        return "done" if done < due_at else "done_late"
    if at >= due_at:
        return "overdue"
    return "not_done" if seen else "open"
