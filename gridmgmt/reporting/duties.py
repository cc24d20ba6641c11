"""Reporting (报送): what is due from whom, when, and about which days, as a scheme's data says.

A duty (报送事项) recurs with a cadence, or follows an event. All days are days of
city time. The days of a deadline count from the day after the event (起算日不计入);
hours and minutes run from its instant.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from gridmgmt.documents import Strict, Words
from gridmgmt.invalid import Invalid
from gridmgmt.periods import Period, parse_period, period_of
from gridmgmt.texts import LANGUAGES

_Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[str, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_CADENCE = r"^((month|quarter|half|year)(@([2-9]|1[0-9]|2[0-8]))?|week)$"
_DAY = dt.timedelta(days=1)

YEARS = range(1902, 2198)
"""Years for which one may ask: periods are written in the years 1900 to 2199, and a day looks at those beside it."""
_MOST_DAYS = 400
"""No window of a duty, shifts included, is longer: a year, and a long holiday."""

State = Literal["done", "done_late", "due", "late"]
"""Handed in in time, or late; to be handed in still, or late already (已报、迟报、待报、逾期未报)."""
STATES: tuple[State, ...] = ("done", "done_late", "due", "late")

SPANS = ("days", "hours", "minutes", "years")
"""How long after an event something is due."""

IsWorking = Callable[[dt.date], bool]
"""Whether a day is a working day of the city's calendar (工作日)."""


class Rule(Strict, strict=True):
    """When a duty is to be done; exactly one of the forms.

    Attributes
    ----------
    day_of_next_month
        About a month, by this day of the next one (次月N日前).
    first_days_of_month
        About a month, within the first so many days of the next one (次月上旬).
    weekly
        About a week, Monday to Sunday, on this weekday of the next one.
    end_of
        About a period of this cadence (``month``, ``month@26``, ``quarter`` …), on its last day.
    last_month_of
        About a period, in its last month (每年12月).
    once_in, once_after
        About a period, some day within it, or within the next one; no day is
        stated, and the last is shown.
    after
        Within ``days``, ``hours``, ``minutes`` or ``years`` after the event of
        this name; years end on the event's own day, or on the last of a month
        without that day.
    shown_days_before
        How many days before its last one a duty after years is first shown.
    """

    day_of_next_month: int | None = Field(default=None, ge=1, le=28)
    first_days_of_month: int | None = Field(default=None, ge=1, le=28)
    weekly: _Weekday | None = None
    end_of: str | None = Field(default=None, pattern=_CADENCE)
    last_month_of: str | None = Field(default=None, pattern="^(quarter|half|year)$")
    once_in: str | None = Field(default=None, pattern=_CADENCE)
    once_after: str | None = Field(default=None, pattern=_CADENCE)
    after: str | None = Field(default=None, pattern="^[a-z][a-z_]*$")
    days: int | None = Field(default=None, ge=0, le=366)
    hours: int | None = Field(default=None, ge=1)
    minutes: int | None = Field(default=None, ge=1)
    years: int | None = Field(default=None, ge=1, le=20)
    shown_days_before: int | None = Field(default=None, ge=0, le=366)
    counted_in: Literal["calendar_days", "working_days"] = "calendar_days"
    on_rest_day: Literal["keep", "next_working_day"] = "keep"

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        forms = (
            "day_of_next_month", "first_days_of_month", "weekly", "end_of", "last_month_of", "once_in", "once_after",
            "after",
        )  # fmt: skip
        spans = [name for name in SPANS if getattr(self, name) is not None]
        if sum(getattr(self, name) is not None for name in forms) != 1:
            raise ValueError(" | ".join(forms))
        if len(spans) != (1 if self.after else 0):
            raise ValueError(f"after + {' | '.join(SPANS)}")
        if (self.shown_days_before is not None) > (self.years is not None):
            raise ValueError("shown_days_before: years")
        return self

    @property
    def states_a_day(self) -> bool:
        """Whether the text says until when; else the period's last day is shown."""
        return self.once_in is None and self.once_after is None

    @property
    def needs_calendar(self) -> bool:
        """Whether working days matter."""
        return self.counted_in == "working_days" or self.on_rest_day != "keep"


class Duty(Strict, strict=True, populate_by_name=True):
    """One thing to be handed in (报送事项): what, from whom, to whom, when.

    Attributes
    ----------
    each_subject
        It is owed by everyone whom the scheme's rulebook assesses.
    each_unit
        It is owed by every unit of these kinds, where the city has some.
    charged
        The input of the scheme's rulebook (findings) that charges for lateness (迟报扣分).
    """

    id: str = Field(pattern="^[a-z][a-z0-9_]*$")
    what: Words
    by: Words = Field(alias="from")
    to: Words
    each_subject: bool = False
    each_unit: tuple[str, ...] = Field(default=(), strict=False)
    charged: str | None = Field(default=None, pattern="^[a-z][a-z0-9_]*$")
    rule: Rule
    clause: str | None = None

    @model_validator(mode="after")
    def _owed_once(self) -> Self:
        if self.each_subject and self.each_unit:
            raise ValueError("each_subject | each_unit")
        if self.charged is not None and not (self.each_subject and self.rule.states_a_day):
            raise Invalid("charged")
        return self


class Scheme(Strict, strict=True):
    """A city's system of reporting (报送制度); ``data/reporting/<id>.yaml``.

    Attributes
    ----------
    rulebook
        It knows who is assessed.
    events
        What the events are called that duties follow (``after``).
    """

    id: str
    title: Words
    source: str
    rulebook: str | None = None
    events: Mapping[str, Words] = {}
    duties: tuple[Duty, ...] = Field(min_length=1, strict=False)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        ids = [d.id for d in self.duties]
        twice = next((x for x in ids if ids.count(x) > 1), None)
        if twice is not None:
            raise PydanticCustomError("id_twice", "{id} stands twice", {"id": twice})
        return self

    def event_name(self, event: str) -> Mapping[str, str]:
        """What an event is called, by language; one without a name goes by what commands call it."""
        return self.events.get(event) or dict.fromkeys(LANGUAGES, event)


@dataclass(frozen=True)
class Due:
    """A duty at one time (应报事项).

    Attributes
    ----------
    opens, day
        First and last day on which it is to be done, both inclusive.
    at
        The instant until which, where it is counted in hours or minutes; UTC.
    period
        What it is about; None where it follows an event.
    event_at
        When the event was, UTC; None for duties that recur.
    """

    scheme: Scheme
    duty: Duty
    opens: dt.date
    day: dt.date
    period: Period | None = None
    at: dt.datetime | None = None
    event_at: dt.datetime | None = None

    def is_over(self, at: dt.datetime, zone: ZoneInfo) -> bool:
        """Whether an instant is too late for it (逾期): the last day itself is in time, and so is the last instant."""
        return at > self.at if self.at is not None else at.astimezone(zone).date() > self.day

    def state(self, handed_at: dt.datetime | None, now: dt.datetime, zone: ZoneInfo) -> State:
        """How it stands at a moment, handed in at another or not at all."""
        if handed_at is not None and not self.is_before_event(handed_at):
            return "done_late" if self.is_over(handed_at, zone) else "done"
        return "late" if self.is_over(now, zone) else "due"

    def is_before_event(self, handed_at: dt.datetime) -> bool:
        """Whether a report is older than the event it is about, whose moment was corrected: it is none of it."""
        return self.event_at is not None and handed_at < self.event_at


def worst(states: Iterable[State]) -> State:
    """How a duty stands that several owe: as the one who is furthest behind."""
    return max(states, key=STATES.index)


def period_about(duty: Duty, day: dt.date) -> Period:
    """The period of a duty's cadence that a day lies in."""
    return _period_of(day, _cadence(duty.rule))


def due_about(scheme: Scheme, duty: Duty, period: Period, is_working: IsWorking | None = None) -> Due | None:
    """What is due about one period; None: the duty's cadence has no such period, or it follows an event."""
    if duty.rule.after is not None or period_about(duty, period.start) != period:
        return None
    opens, day = _window(duty.rule, period, _cadence(duty.rule))
    return Due(scheme, duty, opens, _shifted(duty.rule, day, is_working), period)


def due_between(
    schemes: Iterable[Scheme], first: dt.date, last: dt.date, is_working: IsWorking | None = None
) -> list[Due]:
    """What is to be done on some day from ``first`` to ``last``, both inclusive (期间应报), by last day.

    Only duties that recur; those after an event follow from :func:`due_after`.

    Parameters
    ----------
    is_working
        The city's calendar; needed where :attr:`Rule.needs_calendar`.
    """
    found = [
        due
        for scheme in schemes
        for duty in scheme.duties
        if duty.rule.after is None
        for due in _recurring(scheme, duty, first, last, is_working)
    ]
    return sorted(found, key=lambda d: (d.day, d.opens, d.scheme.id, d.duty.id))


def due_after(
    schemes: Iterable[Scheme],
    events: Mapping[str, dt.datetime],
    zone: ZoneInfo,
    is_working: IsWorking | None = None,
) -> list[Due]:
    """What follows from events (事后应报): name of the event → when it was."""
    out = []
    for scheme in schemes:
        for duty in scheme.duties:
            if duty.rule.after in events:
                out.append(_after(scheme, duty, events[str(duty.rule.after)], zone, is_working))
    return sorted(out, key=lambda d: (d.day, d.at is not None, d.at or d.event_at, d.scheme.id, d.duty.id))


def standing(schemes: Iterable[Scheme]) -> list[tuple[Scheme, Duty]]:
    """Duties that follow an event, whenever it comes (随时报送)."""
    return [(s, d) for s in schemes for d in s.duties if d.rule.after is not None]


# --- duties that recur -----------------------------------------------------------------------------------------------


def _recurring(
    scheme: Scheme, duty: Duty, first: dt.date, last: dt.date, is_working: IsWorking | None
) -> Iterator[Due]:
    """Periods are tried from the one before the days asked for: the latest window reaches into the period after."""
    cadence = _cadence(duty.rule)
    period = _period_of(first - _MOST_DAYS * _DAY, cadence)
    while True:
        opens, day = _window(duty.rule, period, cadence)
        if opens > last:
            return
        day = _shifted(duty.rule, day, is_working)
        if day >= first:
            yield Due(scheme, duty, opens, day, period)
        period = _following(period, cadence)


def _cadence(rule: Rule) -> str:
    if rule.weekly is not None:
        return "week"
    return rule.end_of or rule.last_month_of or rule.once_in or rule.once_after or "month"


def _period_of(day: dt.date, cadence: str) -> Period:
    """The period of a cadence that a day lies in; a week runs from Monday to Sunday."""
    if cadence == "week":
        monday = day - day.weekday() * _DAY
        return parse_period(f"{monday}..{monday + 6 * _DAY}")
    return period_of(day, cadence)


def _following(period: Period, cadence: str) -> Period:
    """The period that begins where one ends; without this nobody would ever come to the last of them."""
    found = _period_of(period.end, cadence)
    if found.start != period.end:
        raise ValueError(f"after {period} comes no period that begins on {period.end}: {found}")
    return found


def _window(rule: Rule, period: Period, cadence: str) -> tuple[dt.date, dt.date]:
    """First and last day of doing what a period asks for."""
    after = period.end
    if rule.day_of_next_month is not None:
        return after, after + (rule.day_of_next_month - 1) * _DAY
    if rule.first_days_of_month is not None:
        return after, after + (rule.first_days_of_month - 1) * _DAY
    if rule.weekly is not None:
        day = after + WEEKDAYS.index(rule.weekly) * _DAY
        return day, day
    if rule.end_of is not None:
        return after - _DAY, after - _DAY
    if rule.last_month_of is not None:
        return period.months()[-1].start, after - _DAY
    if rule.once_in is not None:
        return period.start, after - _DAY
    return after, _following(period, cadence).end - _DAY


# --- duties after an event -------------------------------------------------------------------------------------------


def _after(scheme: Scheme, duty: Duty, at: dt.datetime, zone: ZoneInfo, is_working: IsWorking | None) -> Due:
    rule, began = duty.rule, at.astimezone(zone).date()
    if rule.years is not None:
        day = _years_after(began, rule.years)
        opens = began if rule.shown_days_before is None else max(began, day - rule.shown_days_before * _DAY)
        return Due(scheme, duty, opens, _shifted(rule, day, is_working), event_at=at)
    if rule.days is None:
        until = at.astimezone(dt.UTC) + dt.timedelta(hours=rule.hours or 0, minutes=rule.minutes or 0)
        return Due(scheme, duty, began, until.astimezone(zone).date(), at=until, event_at=at)
    day = began + rule.days * _DAY
    if rule.counted_in == "working_days":
        day = began
        for _ in range(rule.days):
            day = _next_working(day + _DAY, is_working)
    return Due(scheme, duty, began, _shifted(rule, day, is_working), event_at=at)


def _years_after(day: dt.date, n: int) -> dt.date:
    try:
        return day.replace(year=day.year + n)
    except ValueError:  # 29 February
        return day.replace(year=day.year + n, day=28)


def _shifted(rule: Rule, day: dt.date, is_working: IsWorking | None) -> dt.date:
    """The day itself, or where the scheme says so the next working day (遇休息日顺延)."""
    return day if rule.on_rest_day == "keep" else _next_working(day, is_working)


def _next_working(day: dt.date, is_working: IsWorking | None) -> dt.date:
    if is_working is None:
        raise ValueError("a rule that asks for working days needs the city's calendar")
    while not is_working(day):
        day += _DAY
    return day


def event_names(schemes: Sequence[Scheme]) -> list[str]:
    """Events that some duty follows."""
    return sorted({str(d.rule.after) for _, d in standing(schemes)})
