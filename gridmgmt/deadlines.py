"""Deadlines (时限): when a time limit is used up, counted on a work calendar, with the sum shown line by line.

Four units: urgent hours (紧急工作时) and calendar days (自然日, 24 hours each) run
without stop; working hours (工作时) and working days (工作日, as many working hours
as the calendar's day has, not "the same time tomorrow") count working time only.
A limit that begins outside working time begins to count when the next span
opens; one that is used up exactly at the end of a span is due at that end, not
when the next one opens. Pauses (缓办) do not count. All arithmetic is exact, in
whole microseconds.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, model_validator

from gridmgmt.calendars import EPOCH, MICROSECOND, Calendar, Clock
from gridmgmt.errors import OptionInvalid

UNITS: Mapping[str, str] = {
    "urgent_hour": "紧急工作时",
    "calendar_day": "自然日",
    "working_hour": "工作时",
    "working_day": "工作日",
}
CONTINUOUS = ("urgent_hour", "calendar_day")
_HOUR_US = 3_600_000_000
_LONGEST = 3660
"""A limit of more of any unit is a mistake (project convention)."""

_Pause = tuple[dt.datetime, dt.datetime | None]
"""From when to before when no time counts; None: it still lasts."""
Interval = tuple[dt.datetime, dt.datetime]

DAY = dt.timedelta(days=1)
FOREVER = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Limit:
    """A time limit: so many of a unit (:data:`UNITS`); more than 0."""

    amount: Fraction
    unit: str

    @classmethod
    def parse(cls, amount: str, unit: str) -> "Limit":
        """Read a limit: a plain decimal number, from a minute up to :data:`_LONGEST`; the unit in Chinese or as code.

        Raises
        ------
        OptionInvalid
            Its ``name`` is ``unit`` or ``amount``.
        """
        known = {**{zh: code for code, zh in UNITS.items()}, **{code: code for code in UNITS}}
        if unit.strip() not in known:
            words = ", ".join(f"{zh} {code}" for code, zh in UNITS.items())
            raise OptionInvalid(name="unit", value=unit, expected=words)
        text = amount.strip()
        value = Fraction(text) if text.isascii() and text.replace(".", "", 1).isdecimal() else Fraction(0)
        code = known[unit.strip()]
        shortest = Fraction(1, 60) if code.endswith("hour") else Fraction(1, 60 * 24)
        if not shortest <= value <= _LONGEST:
            raise OptionInvalid(name="amount", value=amount, expected=f"> 0, ≤ {_LONGEST}; ≥ 1 min")
        return cls(value, code)

    @property
    def shown(self) -> str:
        """Its amount for people to read."""
        return f"{float(self.amount):g}"

    def us(self, calendar: Calendar) -> int:
        """Its length in microseconds of counted time."""
        each = {"calendar_day": 24 * _HOUR_US, "working_day": calendar.day_us}.get(self.unit, _HOUR_US)
        return round(self.amount * each)


@dataclass(frozen=True)
class Line:
    """One line of the sum: a code of the catalogue and its facts."""

    code: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Deadline:
    """When a limit is used up.

    Attributes
    ----------
    due_at
        None while a pause lasts.
    provisional
        Working time was counted beyond the last published holidays (暂定).
    working
        The sum, line by line.
    """

    due_at: dt.datetime | None
    provisional: bool
    working: tuple[Line, ...]


class Lights(BaseModel):
    """The shares of a limit at which green and yellow end, both inclusive; ``data/time_limits/lights.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    green_to: Decimal
    yellow_to: Decimal

    @model_validator(mode="after")
    def _in_order(self) -> "Lights":
        if not 0 < self.green_to <= self.yellow_to <= 1:
            raise ValueError("0 < green_to ≤ yellow_to ≤ 1")
        return self


@dataclass(frozen=True)
class Light:
    """Traffic light (红绿灯): share of the limit used, and green, yellow or red."""

    share: Fraction
    colour: str


def due(
    start: dt.datetime,
    limits: Sequence[Limit],
    clock: Clock,
    pauses: Sequence[_Pause] = (),
) -> Deadline:
    """When a limit is used up; each part of a staged one (分段时限) begins where the one before ends.

    An approved extension (延期) is this again, from the deadline that holds; the
    caller keeps the original one.

    Parameters
    ----------
    start
        Aware. The limit counts from this instant on; inside a pause, from the pause's end on.
    """
    begin, end = start.astimezone(dt.UTC), None
    lines: list[Line] = []
    provisional = False
    for number, limit in enumerate(limits, 1):
        end = _end(begin, limit, clock, pauses)
        lines.append(_head(begin, limit, clock, number, len(limits)))
        lines += _lines(begin, end, limit, clock, pauses)
        if limit.unit not in CONTINUOUS:
            last = end or max(begin, _paused_from(pauses))
            provisional |= clock.is_provisional(last)
        if end is None:
            break
        begin = end
    return Deadline(end, provisional, tuple(lines))


def due_at(
    start: dt.datetime, limits: Sequence[Limit], clock: Clock, pauses: Sequence[_Pause] = ()
) -> dt.datetime | None:
    """When a limit is used up (:func:`due`), without the sum."""
    end: dt.datetime | None = start.astimezone(dt.UTC)
    for limit in limits:
        end = _end(end, limit, clock, pauses) if end is not None else None
    return end if limits else None


def advance(start: dt.datetime, counted: dt.timedelta, unit: str, clock: Clock) -> dt.datetime:
    """The first instant at which so much time of a unit has been counted; at once for none."""
    return _after(start.astimezone(dt.UTC), _us(counted), unit, clock)


def worked(
    start: dt.datetime,
    end: dt.datetime,
    unit: str,
    clock: Clock,
    pauses: Sequence[_Pause] = (),
) -> dt.timedelta:
    """How much time of a unit is counted in [start, end), pauses taken out; none if end lies before start."""
    runs = _runs(start.astimezone(dt.UTC), pauses)
    return MICROSECOND * sum(_counted(a, min(b, end), unit, clock) for a, b in runs)


def light(
    start: dt.datetime,
    due_at: dt.datetime,
    now: dt.datetime,
    limits: Sequence[Limit],
    clock: Clock,
    pauses: Sequence[_Pause],
    lights: Lights,
) -> Light:
    """The share of the time until the deadline that is used at a moment, and its light (红绿灯).

    Both are counted as the limit counts, part by part; what an extension adds
    behind the limit's own end, and what follows the deadline, counts in the
    unit of the last part. Red is also every moment after the deadline: at
    night the share stands still at 100 %, but the case is overdue.

    Parameters
    ----------
    due_at
        The deadline that holds: as extended, and with ended pauses taken out.
    """
    ended = [p for p in pauses if p[1] is not None]
    at = min(now, _paused_from(pauses, FOREVER))
    total, used = (_along(start.astimezone(dt.UTC), x, limits, clock, ended) for x in (due_at, at))
    is_late = at > due_at
    share = Fraction(used, total) if total else Fraction(is_late)
    if is_late or share > Fraction(lights.yellow_to):
        return Light(share, "red")
    return Light(share, "green" if share <= Fraction(lights.green_to) else "yellow")


def turns(
    start: dt.datetime,
    due_at: dt.datetime,
    limits: Sequence[Limit],
    clock: Clock,
    pauses: Sequence[_Pause],
    lights: Lights,
) -> tuple[dt.datetime | None, dt.datetime | None]:
    """The first moments at which :func:`light`, asked the same, is no longer green, and is red.

    None where a lasting pause keeps it from that.
    """
    ended = [p for p in pauses if p[1] is not None]
    begin, late = start.astimezone(dt.UTC), due_at.astimezone(dt.UTC) + MICROSECOND
    total, stop = _along(begin, due_at, limits, clock, ended), _paused_from(pauses, FOREVER)
    found = []
    for share in (lights.green_to, lights.yellow_to):
        reached = _reached(begin, int(Fraction(share) * total) + 1, limits, clock, ended) if total else None
        at = late if reached is None else min(late, reached)
        found.append(at if at <= stop else None)
    return found[0], found[1]


# --- counting ----------------------------------------------------------------


def _end(begin: dt.datetime, limit: Limit, clock: Clock, pauses: Sequence[_Pause]) -> dt.datetime | None:
    """When one limit is used up; None in a lasting pause."""
    return _when(begin, limit.us(clock.calendar), limit.unit, clock, pauses)


def _when(begin: dt.datetime, left: int, unit: str, clock: Clock, pauses: Sequence[_Pause]) -> dt.datetime | None:
    """When so many microseconds of a unit have been counted; None in a lasting pause."""
    for from_, to in _runs(begin, pauses):
        length = left if to == FOREVER else _counted(from_, to, unit, clock)
        if length >= left:
            return _after(from_, left, unit, clock)
        left -= length
    return None


def _along(
    begin: dt.datetime,
    until: dt.datetime,
    limits: Sequence[Limit],
    clock: Clock,
    pauses: Sequence[_Pause],
) -> int:
    """Counted microseconds until an instant, in the unit of the part that runs; the last part's unit runs on."""
    total = 0
    for limit in limits[:-1]:
        end = _end(begin, limit, clock, pauses)
        if end is None or end >= until:
            return total + _us(worked(begin, until, limit.unit, clock, pauses))
        total += limit.us(clock.calendar)
        begin = end
    return total + _us(worked(begin, until, limits[-1].unit, clock, pauses))


def _reached(
    begin: dt.datetime, counted: int, limits: Sequence[Limit], clock: Clock, pauses: Sequence[_Pause]
) -> dt.datetime | None:
    """The first instant until which :func:`_along` has counted so much."""
    for limit in limits[:-1]:
        length, end = limit.us(clock.calendar), _end(begin, limit, clock, pauses)
        if counted <= length or end is None:
            return _when(begin, counted, limit.unit, clock, pauses)
        counted, begin = counted - length, end
    return _when(begin, counted, limits[-1].unit, clock, pauses)


def _runs(start: dt.datetime, pauses: Sequence[_Pause]) -> Iterator[Interval]:
    """The intervals from an instant on that are in no pause; the last one ends with :data:`FOREVER` unless paused."""
    at = start
    for from_, to in _cuts(pauses):
        if to <= at:
            continue
        if from_ > at:
            yield at, from_
        at = to
    if at < FOREVER:
        yield at, FOREVER


def _cuts(pauses: Sequence[_Pause]) -> list[Interval]:
    ends = [(a.astimezone(dt.UTC), b.astimezone(dt.UTC) if b else FOREVER) for a, b in pauses]
    return sorted((a, b) for a, b in ends if a < b)


def _paused_from(pauses: Sequence[_Pause], otherwise: dt.datetime = EPOCH) -> dt.datetime:
    return min((a for a, b in pauses if b is None), default=otherwise)


def _counted(from_: dt.datetime, to: dt.datetime, unit: str, clock: Clock) -> int:
    """Counted microseconds of a unit in [from_, to)."""
    if to <= from_:
        return 0
    if unit in CONTINUOUS:
        return _us(to - from_)
    return clock.working_us(from_, to)


def _after(from_: dt.datetime, counted: int, unit: str, clock: Clock) -> dt.datetime:
    """The first instant at which so many microseconds of a unit have been counted from another one on."""
    if counted <= 0:
        return from_
    if unit in CONTINUOUS:
        return from_ + counted * MICROSECOND
    return clock.working_end(from_, counted)


def _us(length: dt.timedelta) -> int:
    return length // MICROSECOND


# --- the sum, line by line ---------------------------------------------------


def _head(begin: dt.datetime, limit: Limit, clock: Clock, number: int, of: int) -> Line:
    """The limit itself, in its unit and in hours."""
    told = {"amount": limit.shown, "unit": limit.unit, "start": _moment(begin, clock.zone)}
    told["hours"] = _hours(limit.us(clock.calendar))
    return Line("limit_part", {"n": number, "of": of, **told}) if of > 1 else Line("limit_whole", told)


def _lines(
    begin: dt.datetime,
    end: dt.datetime | None,
    limit: Limit,
    clock: Clock,
    pauses: Sequence[_Pause],
) -> list[Line]:
    """What was counted and what was not between a limit's begin and its end, in order of time."""
    until = end or max(begin, _paused_from(pauses))
    found = [(a, 1, _pause(a, b, clock.zone)) for a, b in _cuts(pauses) if b > begin and (a < until or end is None)]
    if limit.unit not in CONTINUOUS:
        found += _marked_days(begin, until, clock)
    left = limit.us(clock.calendar)
    for from_, to in _counted_spans(begin, until, limit.unit, clock, pauses):
        length = _us(to - from_)
        left -= length
        told = {"span": _span(from_, to, clock.zone), "counted": _hours(length), "left": _hours(left)}
        found.append((from_, 2, Line("limit_counted", told)))
    return [line for _, _, line in sorted(found, key=lambda x: x[:2])]


def _counted_spans(
    begin: dt.datetime, until: dt.datetime, unit: str, clock: Clock, pauses: Sequence[_Pause]
) -> Iterator[Interval]:
    for from_, to in _runs(begin, pauses):
        if from_ >= until:
            return
        if unit in CONTINUOUS:
            yield from_, min(to, until)
        else:
            yield from clock.working_spans(from_, min(to, until))


def _marked_days(begin: dt.datetime, until: dt.datetime, clock: Clock) -> list[tuple[dt.datetime, int, Line]]:
    """Rest days, those in a row that are alike in one line, and make-up workdays."""
    out = []
    named = [(day, clock.calendar.kind(day), clock.calendar.names.get(day)) for day in _days(begin, until, clock.zone)]
    for (kind, name), days in groupby(named, key=lambda x: x[1:]):
        if kind == "workday":
            continue
        row = [str(day) for day, _, _ in days]
        zh, en = name or (None, None)
        word = f"named_{kind}" if name else kind
        told = {"days": " – ".join(dict.fromkeys((row[0], row[-1]))), "kind": word, "zh": zh, "en": en}
        midnight = dt.datetime.combine(dt.date.fromisoformat(row[0]), dt.time(), clock.zone)
        out.append((midnight, 0, Line("limit_makeup" if kind == "makeup" else "limit_rest", told)))
    return out


def _days(begin: dt.datetime, until: dt.datetime, zone: ZoneInfo) -> list[dt.date]:
    """The days of city time from one instant to another, both included."""
    first, last = begin.astimezone(zone).date(), until.astimezone(zone).date()
    return [first + n * DAY for n in range((last - first).days + 1)]


def _pause(from_: dt.datetime, to: dt.datetime, zone: ZoneInfo) -> Line:
    if to == FOREVER:
        return Line("limit_paused", {"start": _moment(from_, zone)})
    return Line("limit_pause", {"span": _span(from_, to, zone)})


def _span(from_: dt.datetime, to: dt.datetime, zone: ZoneInfo) -> str:
    start, end = _moment(from_, zone), _moment(to, zone)
    return f"{start} – {end[11:] if start[:10] == end[:10] else end}"


def _moment(at: dt.datetime, zone: ZoneInfo) -> str:
    """City time to the minute, with seconds where there are any."""
    text = at.astimezone(zone).isoformat(" ")[:19]
    return text.removesuffix(":00")


def _hours(us: int) -> str:
    """A length as hours and minutes, with seconds where there are any: 2:30."""
    minutes, seconds = divmod(us // 1_000_000, 60)
    text = f"{minutes // 60}:{minutes % 60:02}"
    return f"{text}:{seconds:02}" if seconds else text
