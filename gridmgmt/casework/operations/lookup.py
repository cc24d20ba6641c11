"""The docket (案件台账): cases listed, one case shown with its steps, its clocks and its hanging accounts."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gridmgmt import deadlines
from gridmgmt.calendars import Clock
from gridmgmt.casework import cases, hanging, implied_steps, transitions
from gridmgmt.casework.cases import CLOCKS, FLAGS, Case, Step
from gridmgmt.casework.hanging import Account
from gridmgmt.casework.operations.context import Desk
from gridmgmt.casework.store import listing, steps
from gridmgmt.casework.store.listing import Wanted as Wanted
from gridmgmt.casework.time_limits import Chosen
from gridmgmt.casework.transitions import TRANSITIONS
from gridmgmt.database import cities, clock
from gridmgmt.database import tables as t
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work
from gridmgmt.deadlines import Deadline, Light, Limit
from gridmgmt.errors import CaseMissing, DocketMovedOn, GridMissing, OptionInvalid, UnitUnknown
from gridmgmt.files import calendars
from gridmgmt.people.identities import Identities
from gridmgmt.people.store import people, units
from gridmgmt.viewer import Scope


@dataclass(frozen=True)
class StageClock:
    """One stage's clock (环节时限) of a case.

    Attributes
    ----------
    stage
        ``acceptance``, ``dispatch``, ``handling`` or ``verification``.
    ended_at
        When the stage was done; None: it runs.
    rule, reason
        The row of the time-limit table and what it won over; None: the deadline was set by hand. Where the table
        or the case's class has changed since, the row is that of the time and ``reason`` is None.
    light
        None where the stage has no limit.
    calendar
        Identity of the calendar that the deadline was counted by, where it is another one than the city's now: of
        handling that of its step, of a stage without a stored deadline the one that held when the stage was done.
    is_kept
        That calendar is known: one from before calendars were kept is not, and the deadline has no working.
    """

    stage: str
    started_at: dt.datetime
    ended_at: dt.datetime | None
    deadline: Deadline | None
    due_at: dt.datetime | None
    extended_at: dt.datetime | None
    light: Light | None
    rule: Mapping[str, Any] | None
    reason: Mapping[str, Any] | None
    calendar: str | None = None
    is_kept: bool = True


@dataclass(frozen=True)
class Shown:
    """One case with everything that explains it, as of ``now``: later steps have not happened; the row is today's.

    Attributes
    ----------
    persons
        Beside each step the code of the person who took it, where one is known by what its source wrote.
    original
        State of the case that this one repeats, as it is today; None: there is no such case here.
    repeated_by
        Numbers of the cases that are said to repeat this one, as of today.
    """

    case: Case
    row: Mapping[str, Any]
    steps: tuple[Step, ...]
    is_derived: bool
    accounts: tuple[Account, ...]
    legal: tuple[str, ...]
    grids: tuple[Mapping[str, Any], ...]
    now: dt.datetime
    persons: tuple[str | None, ...] = ()
    original: str | None = None
    repeated_by: tuple[str, ...] = ()

    @property
    def marks(self) -> list[str]:
        """The case's marks; *exposed* also where a hanging account has come to it, and *overdue* (超时) at ``now``."""
        marks = set(self.case.flags())
        if any(a.exposed_at is not None for a in self.accounts):
            marks.add("exposed")
        if self.case.is_overdue(self.now):
            marks.add("overdue")
        return [m for m in ("overdue", *FLAGS) if m in marks]


@needs("cases.read")
def list_cases(
    work: Work,
    *,
    states: Sequence[str] = (),
    unit: str | None = None,
    grid: str | None = None,
    category: str | None = None,
    overdue: bool = False,
    limit: int = 100,
    offset: int = 0,
) -> tuple[int, list[dict[str, Any]]]:
    """How many cases match, and one page of them: those due first come first.

    Raises
    ------
    OptionInvalid
        A state that does not exist.
    UnitUnknown
    GridMissing
        No edition has a grid of that code.
    DocketMovedOn
        Steps were taken after that moment: the docket is today's.
    """
    wanted = listing.Wanted(tuple(states), unit, grid, category, overdue, scope=work.allowed("cases.read"))
    with work.snapshot() as connection:
        _check(connection, wanted)
        at = work.now or clock.now(connection)
        if work.now is not None and (last := steps.last_taken(connection)) is not None and work.now < last:
            zone = cities.load_city(connection).zone
            told = [at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") for at in (work.now, last)]
            raise DocketMovedOn(now=told[0], last=told[1])
        return listing.count(connection, wanted, at), listing.page(connection, wanted, at, limit, offset)


@needs("cases.read")
def search(
    work: Work, wanted: Wanted, *, limit: int, after: int | None = None, newest_first: bool = True
) -> list[dict[str, Any]]:
    """A page of the cases wanted in the order in which they came in; ``after``: the ``id`` of the last row before it.

    Whoever reads page by page gets each case that was there at the beginning once, whatever is written meanwhile.

    Raises
    ------
    OptionInvalid, UnitUnknown, GridMissing, CodeInvalid
    """
    with work.snapshot() as connection:
        _check(connection, wanted)
        at = work.now or clock.now(connection)
        wanted = replace(wanted, scope=work.allowed("cases.read"))
        return listing.after(connection, wanted, at, limit, after, newest_first=newest_first)


def _check(connection: Connection, wanted: Wanted) -> None:
    for state in wanted.states:
        if state not in cases.STATES:
            raise OptionInvalid(name="--state", value=state, expected=", ".join(cases.STATES))
    if wanted.unit is not None and wanted.unit not in units.unit_ids(connection):
        raise UnitUnknown(value=wanted.unit)
    if wanted.grid is not None and not listing.has_grid(connection, wanted.grid):
        raise GridMissing(code=wanted.grid)


@needs("cases.read")
def by_state(work: Work) -> dict[str, int]:
    """Every state and how many cases are in it; their sum is the number of all cases."""
    with work.snapshot() as connection:
        found = listing.by_state(connection, work.allowed("cases.read"))
        return {state: found.get(state, 0) for state in [*cases.STATES, *sorted(set(found) - set(cases.STATES))]}


@needs("cases.read")
def show_case(work: Work, case_no: str) -> Shown:
    """One case: its steps (those derived from dates if it has no others), marks, accounts and what is legal now.

    Raises
    ------
    CaseMissing
    """
    with work.snapshot() as connection:
        desk, at = Desk(connection), work.now or clock.now(connection)
        row, taken, is_derived = _file(connection, case_no, at, work.allowed("cases.read"))
        case = transitions.fold(case_no, taken)
        unheard = desk.unheard_of(row["id"])
        found = hanging.accounts(taken, at, desk.timing.terms, desk.rules.exposed_at_failure, unheard)
        legal = transitions.possible(case, at, desk.rules.limits)
        grids = tuple(listing.grids_of(connection, row))
        known = Identities(people.every_person(connection), people.all_posts(connection))
        persons = tuple(known.of(s.actor, s.at.astimezone(desk.zone).date()) for s in taken)
        original = steps.found(connection, [case.repeat_of]).get(case.repeat_of) if case.repeat_of else None
        return Shown(
            case, row, tuple(taken), is_derived, tuple(found), tuple(legal), grids, at, persons,
            (original["status"] or "") if original else None, tuple(listing.repeating(connection, case_no)),
        )  # fmt: skip


def _file(
    connection: Connection, case_no: str, at: dt.datetime, scope: Scope
) -> tuple[dict[str, Any], list[Step], bool]:
    """A case's row, its steps up to a moment, and whether these are derived from its dates."""
    row = steps.found(connection, [case_no]).get(case_no)
    if row is None or not scope.holds_fact([row[name] for name in t.GRID_COLUMNS], row["unit_id"]):
        raise CaseMissing(case_no=case_no)
    stored = steps.of_cases(connection, [row["id"]]).get(row["id"])
    taken = stored or implied_steps.derive(steps.plain_row(row))
    return row, [s for s in taken if s.at <= at], not stored


@needs("cases.read")
def clocks(work: Work, case_no: str) -> tuple[dt.datetime, list[StageClock]]:
    """The clock of every stage that a case has begun, the last time it did, as of a moment (default: now).

    Raises
    ------
    CaseMissing
    """
    with work.snapshot() as connection:
        desk, at = Desk(connection), work.now or clock.now(connection)
        _, taken, _ = _file(connection, case_no, at, work.allowed("cases.read"))
        case = transitions.fold(case_no, taken)
        return at, [c for stage in CLOCKS if (c := _clock(desk, case, taken, stage, at)) is not None]


@dataclass(frozen=True)
class _Stage:
    """What a stage's clock is counted by, the last time that a case began it."""

    name: str
    start: Step
    ended_at: dt.datetime | None
    chosen: Chosen | None
    limits: Sequence[Limit]
    counted_by: str | None
    kept: Clock | None
    working: Clock
    pauses: Sequence[tuple[dt.datetime, dt.datetime | None]]


def _stage(desk: Desk, case: Case, taken: Sequence[Step], stage: str) -> _Stage | None:
    states = CLOCKS[stage]
    leads_to = [TRANSITIONS[s.kind].to for s in taken]
    place = max((n for n, to in enumerate(leads_to) if to == states[0]), default=None)
    if place is None:
        return None
    start = taken[place]
    ended = next((s.at for s, to in zip(taken[place:], leads_to[place:], strict=True) if to and to not in states), None)
    chosen = desk.chosen_limit(stage, case, start.unit_code or case.unit_code, start.at)
    limits = list(start.told.limits) if stage == "handling" else list(chosen.limits if chosen else ())
    pauses = _pauses(case) if stage == "handling" else []
    counted_by = _counted_by(taken[place:]) if stage == "handling" else desk.calendar_at(ended) if ended else None
    kept = desk.clock_of(counted_by)
    return _Stage(stage, start, ended, chosen, limits, counted_by, kept, kept or desk.clock, pauses)


def _clock(desk: Desk, case: Case, taken: Sequence[Step], stage: str, now: dt.datetime) -> StageClock | None:
    found = _stage(desk, case, taken, stage)
    if found is None:
        return None
    start, limits, working, pauses = found.start, found.limits, found.working, found.pauses
    deadline = deadlines.due(start.at, limits, working, pauses) if limits else None
    due = case.due_at if stage == "handling" else deadline.due_at if deadline else None
    if deadline is not None and deadline.due_at not in (None, due):
        deadline = None  # set by hand since, or the unit goes on with time it had before: the sum would be another one
    light = None
    if limits and due is not None:
        holds, at = case.effective_due_at if stage == "handling" else due, found.ended_at or now
        light = deadlines.light(start.at, holds or due, at, limits, working, pauses, calendars.lights())
    chosen = found.chosen
    decided = chosen if chosen is not None and list(chosen.limits) == limits else None  # not since then reclassified
    return StageClock(
        stage, start.at, found.ended_at, deadline, due, case.due_extended_at if stage == "handling" else None, light,
        decided.rule if decided else start.told.rule, decided.reason if decided else None,
        found.counted_by if found.counted_by != desk.clock.calendar.identity else None, found.kept is not None,
    )  # fmt: skip


@dataclass(frozen=True)
class Turns:
    """When the light of the stage that a case is in turns; all None where that has no limit."""

    stage: str
    due_at: dt.datetime | None = None
    yellow_at: dt.datetime | None = None
    red_at: dt.datetime | None = None


def turns(desk: Desk, case_no: str, taken: Sequence[Step]) -> Turns | None:
    """When the light turns by which :func:`clocks` shows a case's running stage; None: none runs."""
    case = transitions.fold(case_no, taken)
    name = next((stage for stage, states in CLOCKS.items() if case.state in states), None)
    found = _stage(desk, case, taken, name) if name is not None else None
    if name is None or found is None:
        return None
    start, limits, working, pauses = found.start.at, found.limits, found.working, found.pauses
    due = case.effective_due_at or case.due_at
    if name != "handling":
        due = deadlines.due_at(start, limits, working, pauses) if limits else None
    if due is None or not limits:
        return Turns(name)
    yellow, red = deadlines.turns(start, due, limits, working, pauses, calendars.lights())
    return Turns(name, due, yellow, red)


def _counted_by(steps: Sequence[Step]) -> str | None:
    """The calendar that the deadline of a stage was counted by: of the step that begins it, or of a renewal since."""
    told = [s.told.calendar for s in (steps[0], *(s for s in steps if s.kind == "renew"))]
    return next((identity for identity in reversed(told) if identity is not None), None)


def _pauses(case: Case) -> list[tuple[dt.datetime, dt.datetime | None]]:
    running: list[tuple[dt.datetime, dt.datetime | None]] = [(case.held_at, None)] if case.held_at else []
    return [*case.pauses, *running]
