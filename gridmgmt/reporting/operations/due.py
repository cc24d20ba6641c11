"""What is due from whom, to whom and when, and whether it came (应报与已报): duties, owed and handed in."""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gridmgmt.city import City
from gridmgmt.database import cities, clock
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import OptionInvalid
from gridmgmt.periods import parse_instant
from gridmgmt.reporting import duties
from gridmgmt.reporting.duties import YEARS, Due, Duty, IsWorking, Scheme
from gridmgmt.reporting.operations.owners import own_codes
from gridmgmt.reporting.operations.schemes import Owing, is_working, load_schemes
from gridmgmt.reporting.store import register


@dataclass(frozen=True)
class Owed:
    """A duty at one time with who owes it, and what the register holds of it.

    Attributes
    ----------
    about
        The period's label, or the event's number; '' of an event that is only supposed.
    whom
        Code → name of those who owe it; '' alone: the body that the scheme names.
    """

    due: Due
    about: str
    whom: Mapping[str, Mapping[str, str] | None]


class Desk:
    """The register against the duties, in one reading transaction."""

    def __init__(self, connection: Connection, schemes: Sequence[Scheme], at: dt.datetime | None) -> None:
        self.city: City = cities.load_city(connection)
        self.schemes = schemes
        self.now = at or clock.now(connection)
        self.is_working: IsWorking | None = is_working(schemes, self.city)
        ids = [s.id for s in schemes]
        self.reports, self.events = register.reports(connection, ids), register.events(connection, ids)
        self.owing = Owing(connection, self.city)

    def recurring(self, first: dt.date, last: dt.date) -> Iterator[Owed]:
        """Duties that recur and may be done on some of these days."""
        for due in duties.due_between(self.schemes, first, last, self.is_working):
            yield Owed(due, due.period.label if due.period else "", self._whom(due))

    def registered(self, first: dt.date, last: dt.date) -> Iterator[Owed]:
        """Duties that follow events of the register and may be done on some of these days."""
        for event in self.events.values():
            scheme = next(s for s in self.schemes if s.id == event.scheme)
            for due in self.after(scheme, event):
                if due.opens <= last and first <= due.day:
                    names = self.owing.of(scheme, due.duty, due.day)
                    yield Owed(due, event.no, {event.subject_code: names.get(event.subject_code)})

    def after(self, scheme: Scheme, event: register.DutyEvent) -> list[Due]:
        """What follows from an event of the register."""
        return duties.due_after([scheme], {event.event: event.at}, self.city.zone, self.is_working)

    def supposed(self, events: Mapping[str, dt.datetime]) -> Iterator[Owed]:
        """Duties that would follow from events that are given."""
        for due in duties.due_after(self.schemes, events, self.city.zone, self.is_working):
            yield Owed(due, "", self._whom(due))

    def _whom(self, due: Due) -> Mapping[str, Mapping[str, str] | None]:
        return self.owing.of(due.scheme, due.duty, due.day) or {"": None}

    def handed(self, owed: Owed, code: str) -> register.HandedIn | None:
        """What was handed in of a duty by one who owes it; what is older than its event is no report of it."""
        found = self.reports.get((owed.due.scheme.id, owed.due.duty.id, owed.about, code))
        return None if found is None or owed.due.is_before_event(found.at) else found

    def state(self, owed: Owed, code: str) -> duties.State:
        """How a duty stands with one who owes it."""
        handed = self.handed(owed, code)
        return owed.due.state(handed.at if handed else None, self.now, self.city.zone)


@needs("duties.read", by_worker=True)
def due(
    work: Work,
    first: dt.date,
    last: dt.date,
    *,
    schemes: Sequence[str] = (),
    events: Sequence[str] = (),
    units: bool = False,
) -> list[dict[str, Any]]:
    """What is to be done on some day from ``first`` to ``last`` (应报事项), and what follows from events.

    Who does not see the whole city is told what those of his scope owe, one by one, and nothing of how others stand.

    Parameters
    ----------
    schemes
        Ids; none: all.
    events
        ``NAME=INSTANT`` each, in city time unless an offset is given; what
        follows from them is listed whatever its day. Events of the register
        are listed by the days of what follows from them.
    units
        A duty that several owe is listed once for each of them, as of its
        last day; else it stands as the one does who is furthest behind.

    Returns
    -------
    list of dict
        By last day; at the end the duties that follow an event not given here, without days.
        ``state`` is as of ``work.now``, else the database's clock.

    Raises
    ------
    SchemeMissing, DataFileInvalid, OptionInvalid, InstantInvalid, CityMissing
    """
    found = load_schemes(schemes)
    with work.snapshot() as connection:
        desk = Desk(connection, found, work.now)
        at = _events(events, duties.event_names(found), desk.city)
        own = own_codes(connection, work.allowed("duties.read"))
        owed = sorted([*desk.recurring(first, last), *desk.registered(first, last)], key=_order)
        mine = _own([*owed, *desk.supposed(at)], own)
        rows = [row for o in mine for row in _rows(desk, o, units=units or own is not None)]
    waiting = [(s, d) for s, d in duties.standing(found) if d.rule.after not in at]
    return rows + [{**_told(s, d), "opens": None, "due": None, "at": None, "state": None} for s, d in waiting]


def _own(owed: Sequence[Owed], codes: Collection[str] | None) -> list[Owed]:
    """What some of those owe, of whom the codes are; None: all of it."""
    if codes is None:
        return [*owed]
    mine = (replace(o, whom={code: name for code, name in o.whom.items() if code in codes}) for o in owed)
    return [o for o in mine if o.whom]


def _order(owed: Owed) -> tuple[Any, ...]:
    due = owed.due
    return due.day, due.opens, due.scheme.id, due.duty.id, owed.about, [*owed.whom]


def _events(given: Sequence[str], known_names: Sequence[str], city: City) -> dict[str, dt.datetime]:
    out = {}
    for text in given:
        name, equals, instant = text.partition("=")
        if not equals or name.strip() not in known_names:
            raise OptionInvalid(name="--event", value=text, expected=f"NAME=INSTANT: {', '.join(known_names)}")
        at = parse_instant(instant, city.zone)
        if name.strip() in out or at.year not in YEARS:
            expected = f"NAME=INSTANT × 1, {YEARS.start} … {YEARS.stop - 1}"
            raise OptionInvalid(name="--event", value=text, expected=expected)
        out[name.strip()] = at
    return out


def _rows(desk: Desk, owed: Owed, *, units: bool) -> list[dict[str, Any]]:
    found = owed.due
    row = {
        **_told(found.scheme, found.duty),
        "opens": found.opens,
        "due": found.day,
        "at": found.at,
        "event_at": found.event_at,
        "event_no": owed.about if found.period is None and owed.about else None,
        "period": found.period.label if found.period else None,
        "period_first": found.period.start if found.period else None,
        "period_last": found.period.last if found.period else None,
    }
    states = {code: desk.state(owed, code) for code in owed.whom}
    if units or row["event_no"] is not None:
        return [{**row, **_one(desk, owed, code), "state": state} for code, state in states.items()]
    n_done = sum(s in ("done", "done_late") for s in states.values())
    handed = desk.handed(owed, "") if [*owed.whom] == [""] else None
    return [
        {**row, "state": duties.worst(states.values()), "n_done": n_done, "n_owed": len(states),
         "handed_in_at": handed.at if handed else None}
    ]  # fmt: skip


def _one(desk: Desk, owed: Owed, code: str) -> dict[str, Any]:
    """Who owes it, unless the scheme names the one body, and what he handed in."""
    handed = desk.handed(owed, code)
    told = {"handed_in_at": handed.at if handed else None, "file": handed.sha256 if handed else None}
    return {"subject_code": code, "subject": owed.whom[code] or {"zh": code, "en": code}, **told} if code else told


def _told(scheme: Scheme, duty: Duty) -> dict[str, Any]:
    return {
        "scheme": scheme.id,
        "duty": duty.id,
        "what": duty.what,
        "from": duty.by,
        "to": duty.to,
        "after": duty.rule.after,
        "after_name": None if duty.rule.after is None else dict(scheme.event_name(duty.rule.after)),
        "within": {k: v for k in duties.SPANS if (v := getattr(duty.rule, k)) is not None},
        "states_a_day": duty.rule.states_a_day,
        "source": f"{scheme.source} {duty.clause or ''}".rstrip(),
    }
