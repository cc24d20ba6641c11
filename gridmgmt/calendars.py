"""Work calendars (工作日历): which days are worked, at which hours, and up to which day this is published.

A calendar is a file of ``data/calendars`` or a city's own. Days beyond the last
published holidays are taken as plain weekdays; what is computed across them is
provisional (暂定) and computed again when the holidays are published.
"""

import datetime as dt
import hashlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

_DayKind = Literal["workday", "makeup", "weekend", "holiday"]
"""工作日, 调休上班, 周末, 节假日."""

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)

Name = tuple[str, str]
"""Chinese and English name of a holiday, or of the one that a make-up workday is for."""


@dataclass(frozen=True)
class Calendar:
    """Which days are worked and when.

    Attributes
    ----------
    work_week
        ISO weekdays that are worked, Monday 1.
    working_time
        Local times of a worked day, half-open, in order. The last may end at midnight (24:00, written 00:00) or on the
        next morning, before the first of that day can begin.
    days_off, days_on
        Days that are not worked (节假日) and weekend days that are (调休).
    known_through
        Last day that is published; later ones are provisional. None: all are known.
    identity
        ``id`` and the first digits of its content's SHA-256: by which calendar something was computed.
    names
        What days off and on are called, as far as it is known.
    """

    id: str
    work_week: frozenset[int]
    working_time: tuple[tuple[dt.time, dt.time], ...]
    days_off: frozenset[dt.date]
    days_on: frozenset[dt.date]
    known_through: dt.date | None
    identity: str
    names: Mapping[dt.date, Name] = field(default_factory=dict, compare=False, repr=False)

    @property
    def day_us(self) -> int:
        """Microseconds of working time in a worked day (一个工作日 = 8 工作时)."""
        return sum(_length_us(start, end) for start, end in self.working_time)

    def kind(self, day: dt.date) -> _DayKind:
        """What a day is; a holiday is one also where it falls on a weekend."""
        is_weekday = day.isoweekday() in self.work_week
        if day in self.days_on:
            return "workday" if is_weekday else "makeup"
        if day in self.days_off:
            return "holiday"
        return "workday" if is_weekday else "weekend"

    def is_workday(self, day: dt.date) -> bool:
        """Whether a day is worked."""
        return self.kind(day) in ("workday", "makeup")

    def is_provisional(self, day: dt.date) -> bool:
        """Whether a day lies beyond the last published holidays."""
        return self.known_through is not None and day > self.known_through

    def spans(self, day: dt.date, zone: ZoneInfo) -> list[tuple[dt.datetime, dt.datetime]]:
        """The working time of a day, by the clock on the wall, as half-open intervals in UTC, in order and disjoint.

        None on a day that is not worked.
        """
        out: list[tuple[dt.datetime, dt.datetime]] = []
        for first, last in self.working_time if self.is_workday(day) else ():
            start = _instant(day, first, zone)
            end = _instant(day if first < last else day + _DAY, last, zone)
            start = max(start, out[-1][1]) if out else start  # a clock change may skip what lies between
            if start < end:
                out.append((start, end))
        return out

    def document(self) -> dict[str, Any]:
        """Its content, JSON-ready: :func:`of_document` makes the same calendar of it."""
        return {
            "id": self.id, **_content(self), "names": {str(d): list(name) for d, name in sorted(self.names.items())},
        }  # fmt: skip


def of_document(document: Mapping[str, Any]) -> Calendar:
    """A calendar from what :meth:`Calendar.document` gave."""
    days = {k: frozenset(map(dt.date.fromisoformat, document[k])) for k in ("days_off", "days_on")}
    times = tuple((dt.time.fromisoformat(a), dt.time.fromisoformat(b)) for a, b in document["working_time"])
    through = document["known_through"]
    names = {dt.date.fromisoformat(d): (zh, en) for d, (zh, en) in document["names"].items()}
    return _identified(
        Calendar(
            document["id"], frozenset(document["work_week"]), times, days["days_off"], days["days_on"],
            dt.date.fromisoformat(through) if through else None, "", names,
        )
    )  # fmt: skip


def _identified(calendar: Calendar) -> Calendar:
    """The calendar with the identity that its content gives it."""
    content = _content(calendar)
    times = [t for span in content["working_time"] for t in span]
    days = [content["days_off"], content["days_on"]]
    told = json.dumps([content["work_week"], times, *days, str(calendar.known_through)])
    return replace(calendar, identity=f"{calendar.id}@{hashlib.sha256(told.encode()).hexdigest()[:12]}")


def _content(calendar: Calendar) -> dict[str, Any]:
    """What time is counted by."""
    return {
        "work_week": sorted(calendar.work_week),
        "working_time": [[str(a), str(b)] for a, b in calendar.working_time],
        "days_off": sorted(map(str, calendar.days_off)),
        "days_on": sorted(map(str, calendar.days_on)),
        "known_through": str(calendar.known_through) if calendar.known_through else None,
    }


_DAY = dt.timedelta(days=1)
_DAY_US = 86_400_000_000


def _us(time: dt.time) -> int:
    return ((time.hour * 60 + time.minute) * 60 + time.second) * 1_000_000 + time.microsecond


def _length_us(start: dt.time, end: dt.time) -> int:
    """Microseconds from a time to another one, of the next day where it is not later."""
    return _us(end) - _us(start) + (0 if start < end else _DAY_US)


def _instant(day: dt.date, time: dt.time, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(day, time, zone).astimezone(dt.UTC)


# --- working time, year by year ----------------------------------------------


@dataclass(frozen=True)
class Clock:
    """A city's working time (工作时间): its calendar by the clocks of its zone."""

    calendar: Calendar
    zone: ZoneInfo

    def working_us(self, start: dt.datetime, end: dt.datetime) -> int:
        """Microseconds of working time in [start, end), which are in order."""
        first, last = start.astimezone(self.zone).year, end.astimezone(self.zone).year
        whole = sum(_year(self, number).total for number in range(first, last))
        return whole + _year(self, last).before(end) - _year(self, first).before(start)

    def working_end(self, start: dt.datetime, us: int) -> dt.datetime:
        """The first instant, in UTC, at which so much working time, more than none, has passed since another one."""
        number = start.astimezone(self.zone).year
        year = _year(self, number)
        us += year.before(start)
        while us > year.total:
            us -= year.total
            number += 1
            year = _year(self, number)
        return EPOCH + year.at(us) * MICROSECOND

    def working_spans(self, start: dt.datetime, end: dt.datetime) -> Iterator[tuple[dt.datetime, dt.datetime]]:
        """The working time in [start, end) as half-open intervals in UTC, in order."""
        since, until = (start - EPOCH) // MICROSECOND, (end - EPOCH) // MICROSECOND
        for number in range(start.astimezone(self.zone).year, end.astimezone(self.zone).year + 1):
            year = _year(self, number)
            for n in range(bisect_right(year.ends, since), bisect_left(year.starts, until)):
                from_, to = max(year.starts[n], since), min(year.ends[n], until)
                yield EPOCH + from_ * MICROSECOND, EPOCH + to * MICROSECOND

    def is_provisional(self, at: dt.datetime) -> bool:
        """Whether an instant lies on a day beyond the last published holidays."""
        return self.calendar.is_provisional(at.astimezone(self.zone).date())


@dataclass(frozen=True)
class _Year:
    """The working time of a year of city time: spans in order, as microseconds since :data:`EPOCH`.

    ``sums`` is the working time of the year up to the end of each span.
    """

    starts: list[int]
    ends: list[int]
    sums: list[int]

    @property
    def total(self) -> int:
        """Working time of the whole year."""
        return self.sums[-1] if self.sums else 0

    def before(self, at: dt.datetime) -> int:
        """Working time of the year before an instant."""
        instant = (at - EPOCH) // MICROSECOND
        n = bisect_right(self.starts, instant)
        return self.sums[n - 1] - max(0, self.ends[n - 1] - instant) if n else 0

    def at(self, us: int) -> int:
        """The first instant with so much of the year's working time before it: the end of a span, not a start."""
        n = bisect_left(self.sums, us)
        return self.ends[n] - (self.sums[n] - us)


@lru_cache(maxsize=512)
def _year(clock: Clock, number: int) -> _Year:
    first, last = (_instant(dt.date(y, 1, 1), dt.time(), clock.zone) for y in (number, number + 1))
    day = dt.date(number, 1, 1) - _DAY  # its last hours of work may lie in this year
    starts: list[int] = []
    ends: list[int] = []
    sums: list[int] = []
    while day.year <= number:
        for opens, closes in clock.calendar.spans(day, clock.zone):
            start, end = ((x - EPOCH) // MICROSECOND for x in (max(opens, first), min(closes, last)))
            start = max(start, ends[-1]) if ends else start
            if start < end:
                starts.append(start)
                ends.append(end)
                sums.append(end - start + (sums[-1] if sums else 0))
        day += _DAY
    return _Year(starts, ends, sums)


# --- a calendar's file -------------------------------------------------------


def _end_of_day(value: object) -> object:
    return dt.time() if value == "24:00" else value


_End = Annotated[dt.time, BeforeValidator(_end_of_day)]
"""A time of day, or ``24:00``, its end."""


class NamedDay(BaseModel):
    """A day off or on with what it is called."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    date: dt.date
    zh: str
    en: str


class CalendarFile(BaseModel):
    """A calendar's file; ``days_off`` and ``days_on`` are the city's own, over the published ones.

    ``holidays`` says whose holidays there are: ``chinesecalendar`` those that
    the State Council has published, ``listed`` the file's own alone, which
    then says up to which day they are known, ``none`` no holidays at all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    title: dict[Literal["zh", "en"], str]
    holidays: Literal["chinesecalendar", "listed", "none"]
    work_week: tuple[Annotated[int, Field(ge=1, le=7)], ...] = Field(min_length=1)
    working_time: tuple[tuple[dt.time, _End], ...] = Field(min_length=1)
    hours_per_day: Decimal
    days_off: tuple[dt.date | NamedDay, ...] = ()
    days_on: tuple[dt.date | NamedDay, ...] = ()
    known_through: dt.date | None = None

    @model_validator(mode="after")
    def _fits(self) -> "CalendarFile":
        ends = [t for span in self.working_time for t in span]
        if any(t.tzinfo for t in ends) or not _in_order(ends):
            raise ValueError("working_time: 08:00 < 12:00 < 14:00 < 18:00; 20:00 – 24:00; 22:00 – 06:00")
        if sum(_length_us(a, b) for a, b in self.working_time) != self.hours_per_day * 3_600_000_000:
            raise ValueError("Σ working_time = hours_per_day")
        if {*map(_day, self.days_off)} & {*map(_day, self.days_on)}:
            raise ValueError("days_off ∩ days_on = ∅")
        if self.holidays == "listed" and self.known_through is None:
            raise ValueError("holidays: listed → known_through")
        if self.holidays == "none" and (self.days_off or self.days_on or self.known_through):
            raise ValueError("days_off, days_on, known_through → holidays: listed")
        return self

    def calendar(self) -> Calendar:
        """The calendar that the file describes."""
        off, on, known = _published() if self.holidays == "chinesecalendar" else ({}, {}, None)
        own_off, own_on = _named(self.days_off), _named(self.days_on)
        off = {d: n for d, n in off.items() if d not in own_on} | own_off
        on = {d: n for d, n in on.items() if d not in own_off} | own_on
        through = self.known_through or known
        names = {d: name for d, name in (off | on).items() if name is not None}
        return _identified(
            Calendar(
                self.id, frozenset(self.work_week), self.working_time, frozenset(off), frozenset(on), through, "", names
            )
        )


def _in_order(ends: list[dt.time]) -> bool:
    """Whether spans follow one another; the last may end with the day or on the next, not after the first begins."""
    *before, last = ends
    rises = before == sorted(set(before))
    return rises and (last > before[-1] or last <= before[0])


Days = Mapping[dt.date, Name | None]


def _day(entry: dt.date | NamedDay) -> dt.date:
    return entry.date if isinstance(entry, NamedDay) else entry


def _named(entries: tuple[dt.date | NamedDay, ...]) -> dict[dt.date, Name | None]:
    return {_day(x): (x.zh, x.en) if isinstance(x, NamedDay) else None for x in entries}


def _published() -> tuple[Days, Days, dt.date]:
    """Published holidays and make-up workdays of China, and the last day of their last year."""
    import chinese_calendar  # slow to import, and only where a calendar asks for it

    names = {h.value: (h.chinese, h.value) for h in chinese_calendar.Holiday}
    off = {d: names[name] for d, name in chinese_calendar.holidays.items()}
    on = {d: names[name] for d, name in chinese_calendar.workdays.items()}
    return off, on, dt.date(max(off).year, 12, 31)
