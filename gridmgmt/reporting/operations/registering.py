"""The register of reports (报送登记): what was handed in, from whom, for which period, when, and by whom entered.

Rows are added, never changed: another moment or file for the same report is a
correction, and what stood there before is kept. Files are kept like photographs.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from gridmgmt.casework.operations import photographs
from gridmgmt.database import auditing, cities, clock
from gridmgmt.database.doors import needs
from gridmgmt.database.work import Connection, Work
from gridmgmt.errors import OptionInvalid
from gridmgmt.people.store import units
from gridmgmt.periods import parse_instant, parse_period
from gridmgmt.reporting import duties
from gridmgmt.reporting.duties import YEARS, Due, Duty, Scheme, State
from gridmgmt.reporting.operations.due import Desk
from gridmgmt.reporting.operations.owners import own_codes
from gridmgmt.reporting.operations.schemes import Owing, load_schemes
from gridmgmt.reporting.store import register
from gridmgmt.texts import expected

Change = Literal["new", "corrected", "unchanged", "withdrawn"]
_MOST_NO = 60


@dataclass(frozen=True)
class Rejudged:
    """A report that stands otherwise since its event's moment was corrected; ``gone``: it is older than the event."""

    duty: str
    at: dt.datetime
    was: State
    state: State
    gone: bool


@dataclass(frozen=True)
class Registered:
    """What became of a row of the register.

    ``state``: in time or late, None of events and what is withdrawn; ``early``: before the first day on which it is to
    be done (:attr:`~gridmgmt.reporting.duties.Due.opens`), which may be so, or a slip of the pen; ``rejudged``: of an
    event whose moment is another now, the reports that stand otherwise.
    """

    change: Change
    due: dt.date | None = None
    due_at: dt.datetime | None = None
    state: State | None = None
    opens: dt.date | None = None
    early: bool = False
    rejudged: tuple[Rejudged, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)


@needs("duties.write", whole=True, by_worker=True)
def enter(
    work: Work,
    root: Path,
    scheme: str,
    duty: str,
    *,
    about: str,
    subject: str = "",
    at: str,
    files: Sequence[Path] = (),
    note: str | None = None,
) -> Registered:
    """Enter that a report was handed in (登记报送); entered again otherwise, it is corrected.

    Parameters
    ----------
    about
        The period it reports on, or the number of the event that it follows.
    subject
        Code of who handed it in; '' where the scheme names one body.
    at
        When it was handed in, in city time unless an offset is given: not before the period or event that it is about.
    files
        The report itself, at most one file.

    Raises
    ------
    SchemeMissing, OptionInvalid, PeriodInvalid, InstantInvalid, FileRefused, FilesUnwritable, CityMissing
    """
    (found,) = load_schemes([scheme])
    what = _duty(found, duty)
    if len(files) > 1:
        raise OptionInvalid(name="--file", value=str(files[1]), expected="FILE × 1")
    with work.locked() as connection:
        desk = Desk(connection, [found], work.now)
        when = _moment(connection, at, work.now)
        due, label = _due(desk, found, what, about, subject)
        _owes(connection, desk.owing, found, what, due.day, subject)
        _not_before(due, when, at, desk.city.zone)
        stored = photographs.store_files(connection, root, files)
        told = register.HandedIn(
            found.id, what.id, label, subject, when, stored[0].sha256 if stored else None, (note or "").strip() or None
        )
        old = desk.reports.get(told.key)
        if old != told:
            register.add_report(connection, told.key, work.by, at=told.at, sha256=told.sha256, note=told.note)
            auditing.note(connection, reports=[[*told.key]])
        early = when.astimezone(desk.city.zone).date() < due.opens
        state = due.state(when, desk.now, desk.city.zone)
        return Registered(_change(old, told), due.day, due.at, state, due.opens, early)


@needs("duties.write", whole=True, by_worker=True)
def enter_event(
    work: Work, scheme: str, event: str, no: str, *, subject: str = "", at: str, note: str | None = None
) -> Registered:
    """Enter an event that reports follow (登记事项), under a number of its own, with who owes the reports.

    Another moment corrects it: its reports are judged by it, and one that is older than the event is no report of it.

    Raises
    ------
    SchemeMissing, OptionInvalid, InstantInvalid, CityMissing
    """
    (found,) = load_schemes([scheme])
    followers = [d for _, d in duties.standing([found]) if d.rule.after == event]
    if not followers:
        raise OptionInvalid(name="EVENT", value=event, expected=" / ".join(duties.event_names([found])) or "–")
    if not no.strip() or len(no.strip()) > _MOST_NO:
        raise OptionInvalid(name="NO", value=no[:_MOST_NO], expected=expected("characters_up_to", most=_MOST_NO))
    with work.locked() as connection:
        desk = Desk(connection, [found], work.now)
        when = _moment(connection, at, work.now)
        for duty in followers:
            _owes(connection, desk.owing, found, duty, when.astimezone(desk.city.zone).date(), subject)
        told = register.DutyEvent(found.id, event, no.strip(), subject, when, (note or "").strip() or None)
        old = desk.events.get(told.key)
        if old != told:
            register.add_event(connection, told.key, work.by, at=told.at, note=told.note)
            auditing.note(connection, events=[[*told.key]])
        return Registered(_change(old, told), rejudged=tuple(_rejudged(desk, found, old, told)) if old else ())


@needs("duties.write", whole=True, by_worker=True)
def withdraw(work: Work, scheme: str, what: str, *, about: str, subject: str = "", reason: str) -> Registered:
    """Take back what was entered wrongly (撤销登记): a report of a duty, or an event by its number.

    Raises
    ------
    SchemeMissing, OptionInvalid
        Nothing of the kind holds.
    """
    (found,) = load_schemes([scheme])
    if not reason.strip():
        raise OptionInvalid(name="--reason", value=reason, expected=expected("value"))
    with work.locked() as connection:
        desk, key = Desk(connection, [found], work.now), (found.id, what, about.strip(), subject)
        if key in desk.reports:
            register.add_report(connection, key, work.by, at=None, sha256=None, note=reason.strip())
        elif key in desk.events:
            register.add_event(connection, key, work.by, at=None, note=reason.strip())
        else:
            held = [f"{w} {a} {s}".rstrip() for _, w, a, s in (*desk.reports, *desk.events)]
            raise OptionInvalid(name="--about", value=about, expected="; ".join(held) or "–")
        auditing.note(connection, withdrawn=[[*key]])
    return Registered("withdrawn")


@needs("duties.read", by_worker=True)
def listed(work: Work, scheme: str, *, history: bool = False) -> list[dict[str, Any]]:
    """The register of a scheme: events first, then reports; with ``history`` every row there ever was.

    Who does not see the whole city is told the rows of his scope.

    Raises
    ------
    SchemeMissing
    """
    (found,) = load_schemes([scheme])
    with work.snapshot() as connection:
        events = register.events(connection, [found.id])
        after = {d.id: d.rule.after for d in found.duties}
        own = own_codes(connection, work.allowed("duties.read"))
        rows = register.listing(connection, found.id, history=history)
        rows = [row for row in rows if own is None or row["subject_code"] in own]
        for row in rows:
            event = events.get((found.id, after.get(row["what"]) or "", row["about"], row["subject_code"]))
            row["before_event"] = bool(event and row["at"] and row["at"] < event.at)
        return rows


def titles(scheme: str) -> dict[str, Mapping[str, str]]:
    """What a scheme's events and duties are called, by language.

    Raises
    ------
    SchemeMissing
    """
    (found,) = load_schemes([scheme])
    return {**found.events, **{d.id: d.what for d in found.duties}}


def _rejudged(desk: Desk, scheme: Scheme, old: register.DutyEvent, event: register.DutyEvent) -> Iterator[Rejudged]:
    """The reports on an event that stand otherwise since it is corrected."""
    for was, now in zip(desk.after(scheme, old), desk.after(scheme, event), strict=True):
        handed = desk.reports.get((scheme.id, now.duty.id, event.no, event.subject_code))
        if handed is not None:
            before, after = (d.state(handed.at, desk.now, desk.city.zone) for d in (was, now))
            if before != after:
                yield Rejudged(now.duty.id, handed.at, before, after, now.is_before_event(handed.at))


# --- what is checked --------------------------------------------------------------------------------------------------


def _duty(scheme: Scheme, name: str) -> Duty:
    found = next((d for d in scheme.duties if d.id == name), None)
    if found is None:
        raise OptionInvalid(name="DUTY", value=name, expected=" / ".join(d.id for d in scheme.duties))
    return found


def _moment(connection: Connection, text: str, now: dt.datetime | None) -> dt.datetime:
    """An instant that is not still to come: nobody has handed in anything then."""
    at, latest = parse_instant(text, cities.load_city(connection).zone), now or clock.now(connection)
    if at.year not in YEARS or at > latest:
        raise OptionInvalid(name="--at", value=text, expected=f"≤ {latest:%Y-%m-%d %H:%M} UTC")
    return at


def _due(desk: Desk, scheme: Scheme, duty: Duty, about: str, subject: str) -> tuple[Due, str]:
    """When a report was due, and how what it is about is called."""
    if duty.rule.after is not None:
        event = desk.events.get((scheme.id, duty.rule.after, about.strip(), subject))
        if event is None:
            raise OptionInvalid(name="--about", value=about, expected=_events_known(desk, scheme, duty, about, subject))
        return next(d for d in desk.after(scheme, event) if d.duty.id == duty.id), event.no
    period = parse_period(about)
    due = duties.due_about(scheme, duty, period, desk.is_working)
    if due is None:
        wanted = duties.period_about(duty, period.start).label
        raise OptionInvalid(name="--about", value=about, expected=wanted)
    return due, period.label


def _events_known(desk: Desk, scheme: Scheme, duty: Duty, about: str, subject: str) -> dict[str, Any]:
    """The events entered of somebody that a duty follows; where the number is that of another's event, whose."""
    name = str(duty.rule.after)
    entered = [(e.no, e.subject_code, e.at) for e in desk.events.values() if (e.scheme, e.event) == (scheme.id, name)]
    known = [no for no, code, _ in entered if code == subject]
    owners = [_somebody(desk.owing, scheme, duty, code, at) for no, code, at in entered if no == about.strip()]
    zh, en = (scheme.event_name(name)[lang] for lang in ("zh", "en"))
    if not owners:
        return expected("event_entered", who=subject or None, event=name, zh=zh, en=en, known=known)
    return expected(
        "event_of_others", who=subject or None, event=name, zh=zh, en=en, known=known, no=about, owners=owners
    )


def _somebody(owing: Owing, scheme: Scheme, duty: Duty, code: str, at: dt.datetime) -> dict[str, Any]:
    """Who owes a duty, by code and name."""
    names = owing.of(scheme, duty, at.date()).get(code, {})
    return {"code": "report_owner", "who": code, "zh": names.get("zh", ""), "en": names.get("en", "")}


def _not_before(due: Due, when: dt.datetime, given: str, zone: ZoneInfo) -> None:
    """Nobody reports on what has not begun: such a moment is mistyped, and would turn late into in time."""
    first = due.event_at or (due.period.bounds(zone)[0] if due.period is not None else when)
    if when < first:
        raise OptionInvalid(name="--at", value=given, expected=f"≥ {first.astimezone(zone):%Y-%m-%d %H:%M}")


def _owes(connection: Connection, owing: Owing, scheme: Scheme, duty: Duty, day: dt.date, subject: str) -> None:
    """Somebody who owes the duty, where the city knows who does; else a unit, or the one body without a code."""
    whom = owing.of(scheme, duty, day)
    if whom and subject not in whom:
        raise OptionInvalid(name="--from", value=subject, expected=" / ".join(sorted(whom)[:20]))
    if not whom and subject and subject not in units.unit_ids(connection):
        raise OptionInvalid(name="--from", value=subject, expected=expected("somebody_known"))


def _change(old: object, told: object) -> Change:
    return "new" if old is None else "unchanged" if old == told else "corrected"
