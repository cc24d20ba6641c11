"""Hanging accounts (挂账销账): the hang periods of a case, and which of them failed, from its steps and a clock.

An account opens when a case is dispatched to a unit and is closed only by
writing it off (销账). A hang period ends when its deadline passes without an
answer, or when the check on site does not match the answer: each is one
failure, one deduction, and opens the next period with a new deadline. At the
third failure the case is exposed (通报、曝光). Nothing here is stored: the same
steps and the same moment give the same account.

Source: the proposal for a grid-based management of Beijing, chapter on hanging
and writing off; failures are counted for an issue and a unit, so a case that is
dispatched anew to another unit opens an account of its own there; one that comes
back to a unit goes on with that unit's account.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gridmgmt.cases import Step

NextDeadline = Callable[[Step, dt.datetime], dt.datetime | None]
"""The deadline of the hang period that opens at a moment, for the dispatch it belongs to; None: without end."""


@dataclass(frozen=True)
class HangPeriod:
    """One hang period (挂账期): ``how`` it ended: missed, failed, written_off, sent_back, void; None: it runs."""

    number: int
    opened_at: dt.datetime
    due_at: dt.datetime | None
    ended_at: dt.datetime | None = None
    how: str | None = None


@dataclass(frozen=True)
class Account:
    """A case's hanging account with one unit.

    Attributes
    ----------
    exposed_at
        When the failure came at which it is circulated; None: not so far.
    """

    unit_code: str | None
    opened_at: dt.datetime
    periods: tuple[HangPeriod, ...]
    exposed_at: dt.datetime | None = None
    is_referred: bool = False

    @property
    def failures(self) -> tuple[HangPeriod, ...]:
        """The periods that ended by a missed deadline or a failed check."""
        return tuple(p for p in self.periods if p.how in ("missed", "failed"))

    @property
    def n_deductions(self) -> int:
        """One for each failure; writing off takes none back."""
        return len(self.failures)

    @property
    def written_off_at(self) -> dt.datetime | None:
        """When it was written off (销账)."""
        last = self.periods[-1]
        return last.ended_at if last.how == "written_off" else None

    @property
    def is_open(self) -> bool:
        """Still hanging."""
        return self.periods[-1].how is None


@dataclass
class _Running:
    """An account under way: ``clock`` runs unless the unit has answered or the case is on hold."""

    dispatch: Step
    periods: list[HangPeriod]
    clock: bool = True
    referred: bool = False
    held_at: dt.datetime | None = None

    @property
    def is_first(self) -> bool:
        """Whether the dispatch's own hang period runs, with the case's own deadline."""
        return self.periods[-1].opened_at == self.dispatch.at

    @property
    def unit_code(self) -> str | None:
        """The unit that has the account."""
        return self.dispatch.unit_code


def accounts(
    steps: Sequence[Step], now: dt.datetime, next_deadline: NextDeadline, exposed_at_failure: int = 3
) -> list[Account]:
    """The hanging accounts of one case at a moment, in the order in which they opened.

    Parameters
    ----------
    steps
        All steps of the case in order; those after ``now`` have not happened.
    """
    out: list[_Running] = []
    here: _Running | None = None
    for step in steps:
        if step.at > now:
            break
        if here is not None:
            _pass_time(here, step.at, next_deadline, own=step)
        if step.kind == "dispatch":
            here = _dispatched(out, step)
        elif here is not None:
            here = _follow(here, step, next_deadline)
    if here is not None:
        _pass_time(here, now, next_deadline)
    return [_account(r, exposed_at_failure) for r in out]


def _dispatched(accounts: list[_Running], step: Step) -> _Running:
    """The account that a dispatch opens, or goes on with where the case comes back to a unit that had it before."""
    again = next((r for r in accounts if r.unit_code == step.unit_code), None)
    number = again.periods[-1].number + 1 if again else 1
    period = HangPeriod(number, step.at, step.instant("due_at"))
    if again is None:
        accounts.append(_Running(step, [period]))
        return accounts[-1]
    again.periods.append(period)
    again.dispatch, again.clock = step, True
    return again


def _pass_time(run: _Running, until: dt.datetime, next_deadline: NextDeadline, own: Step | None = None) -> None:
    """Let every deadline that passes before a moment end its period; an answer exactly at the deadline is in time."""
    while run.clock and (due := run.periods[-1].due_at) is not None and due < until:
        _end(run, due, "missed", next_deadline(run.dispatch, due))


def _end(run: _Running, at: dt.datetime, how: str, due: dt.datetime | None) -> None:
    last = run.periods[-1]
    run.periods[-1] = replace(last, ended_at=at, how=how)
    if due is not None and due <= at:
        raise ValueError("a hang period needs a deadline after its beginning")
    run.periods.append(HangPeriod(last.number + 1, at, due))


def _follow(run: _Running, step: Step, next_deadline: NextDeadline) -> _Running | None:
    last = run.periods[-1]
    if step.kind == "answer":
        run.clock = False
    elif step.kind == "fail":
        run.clock = True
        _end(run, step.at, "failed", step.instant("due_at") or next_deadline(run.dispatch, step.at))
    elif step.kind in ("close", "send_back", "void"):
        how = {"close": "written_off"}.get(step.kind, "sent_back" if step.kind == "send_back" else "void")
        run.periods[-1] = replace(last, ended_at=step.at, how=how)
        run.clock = False
        return None
    elif step.kind == "postpone":
        run.clock, run.held_at = False, step.at
    elif step.kind == "resume":
        run.clock = True
        run.periods[-1] = replace(last, due_at=_after_pause(run, step))
    elif step.kind in ("extend", "deadline") and run.is_first and step.instant("due_at") is not None:
        run.periods[-1] = replace(last, due_at=step.instant("due_extended_at") or step.instant("due_at"))
    elif step.kind == "refer":
        run.referred = True
    return run


def _after_pause(run: _Running, step: Step) -> dt.datetime | None:
    """The deadline after a pause: of a dispatch's first period the case's own, else as much later as the pause was."""
    period = run.periods[-1]
    if period.due_at is None:
        return None
    if not run.is_first and run.held_at is not None:
        return period.due_at + (step.at - run.held_at)
    return step.instant("due_extended_at") or step.instant("due_at") or period.due_at


def _account(run: _Running, exposed_at_failure: int) -> Account:
    found = Account(run.unit_code, run.periods[0].opened_at, tuple(run.periods), is_referred=run.referred)
    failures = found.failures
    if len(failures) < exposed_at_failure:
        return found
    return replace(found, exposed_at=failures[exposed_at_failure - 1].ended_at)
