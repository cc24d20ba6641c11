"""Hanging accounts (挂账销账): the hang periods of a case, and which of them failed, from its steps and a clock.

An account opens when a case is dispatched to a unit and is closed only by
writing it off (销账). A hang period ends when its deadline passes without an
answer, or when the check on site does not match the answer: each is one
failure, one deduction, and opens the next period with a new deadline. Nothing
here is stored: the same steps and the same moment give the same account.

A failure belongs to the unit that had the case: a case that is dispatched to
another unit opens an account there, one that comes back goes on with the
account and the time it had left. The failures of an issue are counted over all
its units; who fails at the third or a later one is exposed (通报、曝光).

Where the city demands photographs (处置前后照片), an answer without them counts
as none: the deadline runs on, whatever is checked meanwhile, until the case is
written off or answered with them.

An extension that was asked for in time and granted after the deadline holds
from the asking on: the deadline was not missed then.

Source: the proposal for a grid-based management of Beijing, chapter on hanging
and writing off; whose the failures are is a reading of the rulebook.
"""

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from gridmgmt.casework.cases import RUNNING, Step
from gridmgmt.casework.transitions import RENEWING, TRANSITIONS, Transition


@dataclass(frozen=True)
class Terms:
    """How deadlines of hang periods come about.

    Attributes
    ----------
    next_due
        The deadline of the period that opens at a moment, for the dispatch it belongs to; None: without end.
    after_pause
        A dispatch's deadline after a pause: the old one, from when to when no time counted.
    longest_hold
        On hold no clock runs for so long at the most.
    """

    next_due: Callable[[Step, dt.datetime], dt.datetime | None]
    after_pause: Callable[[Step, dt.datetime, dt.datetime, dt.datetime], dt.datetime]
    longest_hold: dt.timedelta


@dataclass(frozen=True)
class HangPeriod:
    """One hang period (挂账期): ``how`` it ended: missed, failed, written_off, sent_back, void; None: it runs."""

    number: int
    opened_at: dt.datetime
    due_at: dt.datetime | None
    ended_at: dt.datetime | None = None
    how: str | None = None

    def due(self, at: dt.datetime | None) -> "HangPeriod":
        """The same with another deadline."""
        return HangPeriod(self.number, self.opened_at, at, self.ended_at, self.how)

    def ended(self, at: dt.datetime, how: str) -> "HangPeriod":
        """The same when it has ended."""
        return HangPeriod(self.number, self.opened_at, self.due_at, at, how)


@dataclass(frozen=True)
class Account:
    """A case's hanging account with one unit.

    Attributes
    ----------
    exposed_at
        When the failure came at which the unit is circulated; None: not so far.
    """

    unit_code: str | None
    opened_at: dt.datetime
    periods: tuple[HangPeriod, ...]
    exposed_at: dt.datetime | None = None
    is_referred: bool = False

    @cached_property
    def failures(self) -> tuple[HangPeriod, ...]:
        """The periods that ended by a missed deadline or a failed check."""
        return tuple(p for p in self.periods if p.how in ("missed", "failed"))

    @property
    def n_deductions(self) -> int:
        """One for each failure; writing off takes none back."""
        return len(self.failures)

    @property
    def is_open(self) -> bool:
        """Still hanging."""
        return self.periods[-1].how is None


@dataclass
class _Running:
    """An account under way: ``clock`` runs unless the unit has answered or the case is on hold.

    ``asked`` is the number of the period in which an extension was asked for, ``unheard_at`` when the unit gave the
    answer that counts as none, as long as no other came.
    """

    dispatch: Step
    periods: list[HangPeriod]
    clock: bool = True
    referred: bool = False
    held_at: dt.datetime | None = None
    asked: int | None = None
    unheard_at: dt.datetime | None = None

    @property
    def unit_code(self) -> str | None:
        """The unit that has the account."""
        return self.dispatch.unit_code


def accounts(
    steps: Sequence[Step],
    now: dt.datetime,
    terms: Terms,
    exposed_at_failure: int = 3,
    unheard: Collection[int] = (),
) -> list[Account]:
    """The hanging accounts of one case at a moment, in the order in which they opened.

    Parameters
    ----------
    steps
        All steps of the case in order; those after ``now`` have not happened.
    unheard
        The numbers of answers that count as none.
    """
    out: list[_Running] = []
    here: _Running | None = None
    for step in _renewed([s for s in steps if s.at <= now]):
        rule = TRANSITIONS[step.kind]
        if here is not None:
            _pass_time(here, step.at, terms)
        if rule.period == "opened":
            here = _opened(out, step, terms)
        elif here is not None and rule.period == "answered" and step.seq in unheard:
            here.unheard_at = step.at
        elif here is not None:
            here = _follow(here, step, rule, terms)
        _mark(out, step, rule)
    if here is not None:
        _pass_time(here, now, terms)
    return _exposed([Account(r.unit_code, r.periods[0].opened_at, tuple(r.periods), None, r.referred) for r in out],
                    exposed_at_failure)  # fmt: skip


def moved_deadlines(steps: Sequence[Step]) -> dict[str, Mapping[str, str]]:
    """Number of a step → the deadlines that a calendar which came later gave it (暂定时限重算)."""
    moved: dict[str, Mapping[str, str]] = {}
    for step in steps:
        if step.kind in RENEWING:
            moved |= step.told.deadlines
    return moved


def _renewed(steps: Sequence[Step]) -> list[Step]:
    moved = moved_deadlines(steps)
    if not moved:
        return list(steps)
    return [replace(s, facts={**s.facts, **moved[str(s.seq)]}) if str(s.seq) in moved else s for s in steps]


def _opened(accounts: list[_Running], step: Step, terms: Terms) -> _Running:
    """The account that a dispatch opens, or goes on with where the case comes back to a unit that had it before."""
    again = next((r for r in accounts if r.unit_code == step.unit_code), None)
    if again is None:
        accounts.append(_Running(step, [HangPeriod(1, step.at, step.told.due_at)]))
        return accounts[-1]
    last, due = again.periods[-1], step.told.due_at
    if step.told.continues:
        left = last.due_at is not None and last.ended_at is not None and last.due_at >= last.ended_at
        if left and last.due_at is not None and last.ended_at is not None:
            due = terms.after_pause(again.dispatch, last.due_at, last.ended_at, step.at)
        else:
            due = terms.next_due(step, step.at)
    again.periods.append(HangPeriod(last.number + 1, step.at, due))
    again.dispatch, again.clock, again.asked, again.unheard_at = step, True, None, None
    return again


def _pass_time(run: _Running, until: dt.datetime, terms: Terms) -> None:
    """Let every deadline that passes before a moment end its period; an answer exactly at the deadline is in time."""
    if run.held_at is not None and run.held_at + terms.longest_hold < until:
        _run_on(run, run.held_at + terms.longest_hold, terms)
    while run.clock and (due := run.periods[-1].due_at) is not None and due < until:
        at = max(due, run.periods[-1].opened_at)  # dispatched after its deadline: missed as it begins
        _end(run, at, "missed", terms.next_due(run.dispatch, at))


def _end(run: _Running, at: dt.datetime, how: str, due: dt.datetime | None) -> None:
    last = run.periods[-1]
    run.periods[-1] = last.ended(at, how)
    run.periods.append(HangPeriod(last.number + 1, at, due))


def _run_on(run: _Running, at: dt.datetime, terms: Terms) -> None:
    """After a pause the clock runs with what was left of the time."""
    last = run.periods[-1]
    if last.due_at is not None and run.held_at is not None:
        run.periods[-1] = last.due(terms.after_pause(run.dispatch, last.due_at, run.held_at, at))
    run.clock, run.held_at = True, None


_ENDS = ("written_off", "sent_back", "void")


def _follow(run: _Running, step: Step, rule: Transition, terms: Terms) -> _Running | None:
    """The account after a step, by what its kind does to the period; None where the unit no longer has the case."""
    last = run.periods[-1]
    match rule.period:
        case "failed":
            _fail(run, step, terms)
        case "held":
            run.held_at = step.at
        case "resumed":
            _resume(run, step, terms)
        case "extended":
            _extend(run, step)
        case "moved":
            due = step.told.due_extended_at or step.told.due_at or last.due_at
            if step.told.later and due is not None and last.due_at is not None:
                due = max(due, last.due_at)
            run.periods[-1] = last.due(due)
        case how if how in _ENDS:
            run.periods[-1] = last.ended(step.at, how)
            run.held_at = None
    if rule.to is not None:  # what is checked without an answer that counts stops no clock
        run.clock = rule.to in RUNNING or (run.unheard_at is not None and rule.period is None)
    if rule.period in ("failed", "answered", *_ENDS):
        run.unheard_at = None
    if rule.period in ("asked", "refused", "extended", "answered", *_ENDS):
        run.asked = last.number if rule.period == "asked" else None
    return None if rule.period in _ENDS else run


def _fail(run: _Running, step: Step, terms: Terms) -> None:
    """The check does not match the answer: a failure, unless the answer counted as none and its deadline was missed."""
    last, stated = run.periods[-1], step.told.due_at
    due = stated if stated is not None and stated > step.at else terms.next_due(run.dispatch, step.at)
    if run.unheard_at is not None and last.opened_at > run.unheard_at:
        run.periods[-1] = last.due(due)
    else:
        _end(run, step.at, "failed", due)


def _extend(run: _Running, step: Step) -> None:
    """The period in which the extension was asked for gets the new deadline; what was missed since then was not."""
    due, kept = step.told.due_at, [p for p in run.periods if run.asked is None or p.number <= run.asked]
    if due is not None:
        later = due if kept[-1].due_at is None else max(due, kept[-1].due_at)
        run.periods = [*kept[:-1], replace(kept[-1], due_at=later, ended_at=None, how=None)]


def _resume(run: _Running, step: Step, terms: Terms) -> None:
    """What was left of the time runs on; another system's log may state the deadline."""
    last, stated = run.periods[-1], step.told.due_extended_at or step.told.due_at
    _run_on(run, step.told.held_until or step.at, terms)
    if step.origin != "own" and stated is not None and last.opened_at == run.dispatch.at:
        run.periods[-1] = last.due(stated)


def _mark(accounts: list[_Running], step: Step, rule: Transition) -> None:
    """A referral (移送) concerns the account of the unit that has, or last had, the case."""
    if accounts and rule.mark == "referred":
        max(accounts, key=lambda r: r.dispatch.at).referred = True
    elif rule.mark == "*" and step.told.mark == "referred":
        for run in accounts:
            run.referred = False


def _exposed(found: list[Account], exposed_at_failure: int) -> list[Account]:
    """Each account with the moment of its first failure that is the issue's third (``exposed_at_failure``) or later."""
    ends = sorted(p.ended_at for a in found for p in a.failures if p.ended_at is not None)
    if len(ends) < exposed_at_failure:
        return found
    reached = ends[exposed_at_failure - 1]
    own = [[p.ended_at for p in a.failures if p.ended_at is not None and p.ended_at >= reached] for a in found]
    return [replace(a, exposed_at=min(at)) if at else a for a, at in zip(found, own, strict=True)]
