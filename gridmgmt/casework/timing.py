"""Deadlines of a case's steps (步骤时限): of a dispatch, an extension, a pause, a failed check, a supervision order.

Every deadline is computed once, when its step is taken, and stands in the step's
facts with the limit and the calendar it came from. What is computed beyond the
last published holidays is computed again when the calendar arrives
(:meth:`Timing.renewed`), as a step of its own.

Source: project convention.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gridmgmt import deadlines
from gridmgmt.calendars import Clock
from gridmgmt.casework import transitions
from gridmgmt.casework.cases import DEADLINES, Case, Step, StepFacts
from gridmgmt.casework.hanging import Terms, moved_deadlines
from gridmgmt.casework.transitions import BY_PEOPLE, OPENING, TRANSITIONS
from gridmgmt.deadlines import Limit
from gridmgmt.errors import StepRefused


def next_limits_of(dispatch: Step) -> Sequence[Limit]:
    """The limits of a dispatch's later hang periods: its own, or those of the table beside a deadline set by hand."""
    return dispatch.told.limits or dispatch.told.next_limits


def _last_dispatch(steps: Sequence[Step]) -> Step | None:
    """The dispatch that a case's steps have come to."""
    return next((s for s in reversed(steps) if s.kind in OPENING), None)


@dataclass(frozen=True)
class Timing:
    """A city's way to compute deadlines.

    Attributes
    ----------
    hold_days
        The longest time on hold (缓办) that stops the clock; beyond it time counts.
    """

    clock: Clock
    hold_days: int
    _dues: dict[tuple[tuple[Limit, ...], dt.datetime], dt.datetime | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Deadlines of hang periods found before: those of working hours begin and end at the same instants again."""

    @property
    def terms(self) -> Terms:
        """What hanging accounts need."""
        return Terms(self.next_due, self.after_pause, dt.timedelta(days=self.hold_days))

    def next_due(self, dispatch: Step, at: dt.datetime) -> dt.datetime | None:
        """The deadline of a hang period that opens at a moment: its dispatch's limit again (project convention)."""
        limits = tuple(next_limits_of(dispatch))
        if not limits:
            return None
        if (limits, at) not in self._dues:
            self._dues[limits, at] = deadlines.due_at(at, limits, self.clock)
        return self._dues[limits, at]

    def after_pause(self, dispatch: Step, due: dt.datetime, start: dt.datetime, end: dt.datetime) -> dt.datetime:
        """A deadline after a pause: what was left of it at its start runs on from its end, in the dispatch's unit.

        Where the deadline was set by hand the time left is that of the wall clock.
        """
        limits = dispatch.told.limits
        unit = limits[-1].unit if limits else "urgent_hour"
        left = deadlines.worked(start, due, unit, self.clock)
        return deadlines.advance(end, left, unit, self.clock)

    def timed(self, step: Step, start: dt.datetime, limits: Sequence[Limit]) -> Step:
        """The step with the deadline that lies so much counted time after a moment."""
        due = deadlines.due(start, limits, self.clock)
        return step.telling(StepFacts(due_at=due.due_at, limits=limits, **self._by(due.provisional)))

    def _by(self, provisional: bool) -> dict[str, Any]:
        return {"provisional": provisional, "calendar": self.clock.calendar.identity}

    def named(self, step: Step, start: dt.datetime | None) -> Step | None:
        """The step with the deadline that its facts name, as a time or as so much time; None where they name none."""
        told = step.told
        if told.due_at:
            return step
        if not told.amount or start is None:
            return None
        return self.timed(step, start, [Limit.parse(told.amount, told.amount_unit or "working_day")])

    def continued(self, step: Step, case_no: str, before: Sequence[Step]) -> Step | None:
        """A dispatch to a unit that had the case before (再次派遣): it goes on with the time that it had left.

        Otherwise sending a case back and getting it again would make a late case timely.

        Returns
        -------
        Step or None
            None: it never had the case.

        Raises
        ------
        StepRefused
            A deadline is named: more time is an extension.
        """
        held_by = {
            n: _last_dispatch(before[:n]) for n, s in enumerate(before) if TRANSITIONS[s.kind].period == "sent_back"
        }
        ends = [n for n, held in held_by.items() if held is not None and held.unit_code == step.unit_code]
        if not ends or step.unit_code is None:
            return None
        then = transitions.fold(case_no, before[: ends[-1]])
        held, sent_back_at = _last_dispatch(before[: ends[-1]]), before[ends[-1]].at
        holds = then.effective_due_at
        if held is None or holds is None:
            return None
        if step.told.due_at or step.told.amount:
            raise StepRefused(case_no=case_no, step=step.kind, why="has_own_time", at=step.at.isoformat(), last="")
        told: dict[str, Any] = {
            name: due if due < sent_back_at else self.after_pause(held, due, sent_back_at, step.at)
            for name in DEADLINES
            if (due := getattr(then, name)) is not None
        }
        kept = held.told.stored("limits", "next_limits", "rule")
        return step.telling(StepFacts(**kept, **told, continues=True, **self._marks(then, told)))

    def extended(self, step: Step, case: Case, before: Sequence[Step]) -> Step:
        """An extension (延期): to the time named, or so much after the deadline that holds; else what was asked for."""
        if not step.told.due_at and not step.told.amount:
            asked = next((s for s in reversed(before) if TRANSITIONS[s.kind].period == "asked"), None)
            told = asked.told.stored("due_at", "amount", "amount_unit") if asked else {}
            step = replace(step, facts={**told, **step.facts})
        return self.named(step, case.current_due_at) or step

    def resumed(self, step: Step, case: Case, before: Sequence[Step]) -> Step:
        """The deadlines after a pause (缓办): what was left of each runs on, after the longest pause at the latest."""
        dispatch = _last_dispatch(before)
        if case.held_at is None or dispatch is None:
            return step
        end = min(step.at, case.held_at + dt.timedelta(days=self.hold_days))
        told: dict[str, Any] = {} if end == step.at else {"held_until": end}
        for name in DEADLINES:
            due = getattr(case, name)
            if due is not None:
                told[name] = due if due < case.held_at else self.after_pause(dispatch, due, case.held_at, end)
        limits = dispatch.told.limits
        if limits and case.due_at is not None and case.due_at == self._whole(dispatch, limits, case.pauses):
            told["due_at"] = self._whole(dispatch, limits, (*case.pauses, (case.held_at, end)))
        return step.telling(StepFacts(**told, **self._marks(case, told)))

    def _whole(
        self, dispatch: Step, limits: Sequence[Limit], pauses: Sequence[tuple[dt.datetime, dt.datetime]]
    ) -> dt.datetime | None:
        """The deadline of a dispatch's limits from its beginning: exact also where parts have different units."""
        return deadlines.due_at(dispatch.at, limits, self.clock, list(pauses))

    def _marks(self, case: Case, told: Mapping[str, dt.datetime | None]) -> dict[str, Any]:
        """Whether deadlines just found lie beyond the days that the calendar knows."""
        return self._by(
            case.is_provisional or any(map(self.clock.is_provisional, filter(None, map(told.get, DEADLINES))))
        )

    def failed(self, step: Step, before: Sequence[Step]) -> Step:
        """A failed verification gives a new deadline: that of the hanging account, the original one stays."""
        found, dispatch = self.named(step, step.at), _last_dispatch(before)
        limits = next_limits_of(dispatch) if dispatch else ()
        return found or (self.timed(step, step.at, limits) if limits else step)

    # --- when the calendar arrives ---

    def renewed(self, case: Case, steps: Sequence[Step], at: dt.datetime) -> Step | None:
        """The step that gives a case its deadlines by the calendar as it is now (暂定时限重算); None: nothing moves.

        Its facts: the case's deadlines that move, those of orders by number, and
        ``deadlines``: what moves at which earlier step, for the hanging account.
        """
        taken = [s for s in steps if s.kind in BY_PEOPLE]
        now, fresh = Case(case.case_no), list[Step]()
        for step in taken:
            fresh.append(self._again(step, now, fresh))
            now = transitions.follow(now, fresh[-1])
        known = moved_deadlines(steps)
        by_step = {
            str(a.seq): {n: at for n, at in b.told.stored(*DEADLINES).items() if at is not None}
            for a, b in zip(taken, fresh, strict=True)
            if str(a.seq) in known or any(getattr(a.told, n) != getattr(b.told, n) for n in DEADLINES)
        }
        facts: dict[str, Any] = {n: getattr(now, n) for n in DEADLINES if getattr(now, n) != getattr(case, n)}
        orders = {str(a.number): b.due_at for a, b in zip(case.orders, now.orders, strict=True) if a != b}
        facts |= {"orders": orders} if orders else {}
        if not facts and by_step == known and now.is_provisional == case.is_provisional:
            return None
        told = StepFacts(**facts, deadlines=by_step, **self._by(now.is_provisional))
        return Step("renew", at, "gridmgmt", case.unit_code, None, told.stored())

    def _again(self, step: Step, case: Case, before: Sequence[Step]) -> Step:
        """A step as it would be taken by today's calendar; a deadline that somebody named stays."""
        told, period = step.told, TRANSITIONS[step.kind].period
        if step.origin != "own":
            return step
        if told.continues:
            bare = {k: v for k, v in step.facts.items() if k not in (*DEADLINES, "continues")}
            return self.continued(replace(step, facts=bare), case.case_no, before) or step
        if period == "resumed":
            return self.resumed(step, case, before)
        if not told.limits or told.calendar is None:
            return step
        if period == "extended":
            return self.timed(step, case.current_due_at, told.limits) if case.current_due_at is not None else step
        return self.timed(step, step.at, told.limits)
