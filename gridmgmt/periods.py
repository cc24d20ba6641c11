"""Assessment periods (考核周期) and instants: half-open days of city time, and the UTC instants that bound them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from gridmgmt.errors import InstantInvalid, PeriodInvalid

FORMS = ("2015-12", "2015-Q4", "2015-H2", "2015", "2015-12@26", "2015-12-03..2016-01-04")
"""How a period is written; ``@26`` may follow any of the first four."""

YEARS = range(1700, 9999)
"""Years in which days and instants can be reckoned with: a day more, another zone, nanoseconds."""

_YEAR = "(?P<year>(?:19|20|21)[0-9]{2})"
_PART = "-(?P<month>0[1-9]|1[0-2])|-Q(?P<quarter>[1-4])|-H(?P<half>[12])"
_NAMED = re.compile(f"{_YEAR}(?:{_PART})?(?:@(?P<day>[2-9]|1[0-9]|2[0-8]))?")
_N_MONTHS = {"month": 1, "quarter": 3, "half": 6}


def outlasts(end: date | None, other: date | None) -> bool:
    """Whether something that ends on a day (None: never) still holds when another has ended."""
    return other is not None and (end is None or end > other)


@dataclass(frozen=True, order=True)
class Period:
    """Days from ``start`` to before ``end`` in city time, with the label that :func:`parse_period` reads back.

    Attributes
    ----------
    label
        A month, quarter, half-year or year by its name, e.g. ``2015-Q4``, or a
        free range ``first..last``, both days inclusive. ``@26`` behind a name
        shifts the cadence: each month runs from the 26th of the month before
        to its own 25th, as some counties assess.
    """

    start: date
    end: date
    label: str

    @property
    def n_months(self) -> int:
        """How many months it consists of; 0 for a free range, whatever its length."""
        return 0 if ".." in self.label else _ordinal(self.end) - _ordinal(self.start)

    @property
    def last(self) -> date:
        """Its last day."""
        return self.end - timedelta(days=1)

    def __str__(self) -> str:
        return self.label

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """First instant of the period and first instant after it, in UTC."""
        return _midnight(self.start, zone), _midnight(self.end, zone)

    def previous(self) -> "Period":
        """The period just before (环比): of the same kind; for a free range as many days."""
        if self.n_months:
            return self._shifted(-self.n_months)
        return _free(self.start - (self.end - self.start), self.start)

    def year_ago(self) -> "Period":
        """The same period of the year before (同比); in a free range 29 February becomes the 28th."""
        if self.n_months:
            return self._shifted(-12)
        return _free(_year_before(self.start), _year_before(self.last) + timedelta(days=1))

    def months(self) -> list["Period"]:
        """The months it consists of, in order and in its own cadence; none for a free range."""
        day = self.start.day
        first = _ordinal(self.start) + (day > 1)
        return [_named(first + i, 1, day) for i in range(self.n_months)]

    def _shifted(self, n_months: int) -> "Period":
        day = self.start.day
        return _named(_ordinal(self.start) + (day > 1) + n_months, self.n_months, day)


def parse_period(text: str) -> Period:
    """Read a period in one of :data:`FORMS`; years 1900 to 2199, days 2 to 28 behind ``@``.

    Raises
    ------
    PeriodInvalid
        Another form, a day that does not exist, or a last day before the first.
    """
    written = text.strip().upper()
    try:
        return _parse_free(written) if ".." in written else _parse_named(written)
    except ValueError as e:
        raise PeriodInvalid(value=text, forms=_forms(FORMS, text)) from e


def _forms(forms: Iterable[str], asked: str) -> list[str]:
    """The forms with the year that was asked for, where it is one."""
    found = re.match(_YEAR, asked.strip())
    year = int(found["year"]) if found else 2015
    return [re.sub("2015|2016", lambda m: str(int(m[0]) - 2015 + year), form) for form in forms]


_RANGE_FORMS = (*FORMS, "2015-01..2015-12", "2015-Q1..2015-Q4")
"""How a range of periods is written: one period, or the first and the last of one kind."""


def parse_range(text: str) -> tuple[Period, Period]:
    """Read the first and last of a range of periods (起止周期); a single period is both.

    ``2025-01..2025-12`` are twelve months, ``2015-12-03..2016-01-04`` is one free range of days.

    Raises
    ------
    PeriodInvalid
        Neither, two kinds of periods, or the last before the first.
    """
    ends = [x.strip().upper() for x in text.split("..")]
    if len(ends) != 2 or not all(map(_NAMED.fullmatch, ends)):
        try:
            period = parse_period(text)
        except PeriodInvalid as e:
            raise PeriodInvalid(value=text, forms=_forms(_RANGE_FORMS, text)) from e
        return period, period
    first, last = map(parse_period, ends)
    if (first.n_months, first.start.day) != (last.n_months, last.start.day) or last < first:
        raise PeriodInvalid(value=text, forms=_forms(_RANGE_FORMS, text))
    return first, last


def periods_through(first: Period, last: Period) -> list[Period]:
    """The periods of one kind from the first to the last, both included."""
    out = [first]
    while out[-1].end < last.end:
        out.append(out[-1]._shifted(first.n_months))
    return out


def period_of(day: date, cadence: str) -> Period:
    """The period of a cadence (``month``, ``quarter@26``, ``year`` …) that a day lies in.

    Examples
    --------
    >>> period_of(date(2025, 12, 26), "month@26").label, period_of(date(2025, 12, 25), "month@26").label
    ('2026-01@26', '2025-12@26')
    """
    unit, _, first = cadence.partition("@")
    start = int(first or 1)
    n_months = {**_N_MONTHS, "year": 12}[unit]
    # in a cadence of the 26th the month is named after the one it ends in
    ordinal = _ordinal(day) + (1 if start > 1 and day.day >= start else 0)
    return _named(ordinal - ordinal % n_months, n_months, start)


def parse_instant(text: str, zone: ZoneInfo) -> datetime:
    """An ISO 8601 instant in UTC; without an offset it is city time, a date alone the day's first instant.

    City time that occurs twice, when clocks go back, means the first.

    Raises
    ------
    InstantInvalid
        Not ISO 8601, a time that the city's clocks skip, or outside :data:`YEARS`.
    """
    written = text.strip()
    try:
        given = datetime.fromisoformat(written)
        if given.year not in YEARS:
            raise ValueError(written)
        if given.tzinfo is not None:
            return given.astimezone(UTC)
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", written):
            return _midnight(given.date(), zone)
        instant = given.replace(tzinfo=zone).astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None) == given:
            return instant
    except (ValueError, OverflowError):
        pass
    raise InstantInvalid(value=text, zone=zone.key)


def parse_deadline(text: str, zone: ZoneInfo) -> datetime:
    """The first instant that is too late: of a day its end, else the instant itself.

    Raises
    ------
    InstantInvalid
    """
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        return parse_instant(text, zone)
    if day.year not in YEARS:
        raise InstantInvalid(value=text, zone=zone.key)
    return _midnight(day + timedelta(days=1), zone)


def city_time(at: datetime, zone: ZoneInfo) -> str:
    """An instant as the city's clocks show it, for messages to people."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


class Localized(NamedTuple):
    """Local times as UTC, NaT where they did not exist, and which rows were not plain.

    ``nonexistent`` rows fall into a gap of the city's clocks; ``ambiguous``
    ones occur twice and were read as the first occurrence.
    """

    utc: pd.Series
    nonexistent: pd.Series
    ambiguous: pd.Series


def localize(series: pd.Series, zone: ZoneInfo) -> Localized:
    """Naive datetime64 column in city time → UTC; an ambiguous time is its first occurrence, a skipped one NaT."""
    first = np.ones(len(series), dtype=bool)
    local = series.dt.tz_localize(zone, ambiguous=first, nonexistent="NaT")
    plain = series.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    return Localized(local.dt.tz_convert("UTC"), series.notna() & local.isna(), local.notna() & plain.isna())


def _parse_named(text: str) -> Period:
    match = _NAMED.fullmatch(text)
    if match is None:
        raise ValueError(text)
    unit = next((unit for unit in _N_MONTHS if match[unit]), None)
    n_months, place = (_N_MONTHS[unit], int(match[unit])) if unit else (12, 1)
    return _named(int(match["year"]) * 12 + (place - 1) * n_months, n_months, int(match["day"] or 1))


def _parse_free(text: str) -> Period:
    first, last = (_day(part.strip()) for part in text.split(".."))
    if last < first:
        raise ValueError(text)
    return _free(first, last + timedelta(days=1))


def _named(first: int, n_months: int, day: int) -> Period:
    """The period of n months from month number ``first`` (year · 12 + month − 1), in the cadence of ``day``."""
    year, month = divmod(first, 12)
    name = {1: f"-{month + 1:02}", 3: f"-Q{month // 3 + 1}", 6: f"-H{month // 6 + 1}", 12: ""}[n_months]
    begin = first - (day > 1)
    label = f"{year}{name}" + (f"@{day}" if day > 1 else "")
    return Period(_date(begin, day), _date(begin + n_months, day), label)


def _free(start: date, end: date) -> Period:
    return Period(start, end, f"{start}..{end - timedelta(days=1)}")


def _ordinal(day: date) -> int:
    return day.year * 12 + day.month - 1


def _date(ordinal: int, day: int) -> date:
    return date(ordinal // 12, ordinal % 12 + 1, day)


def _day(text: str) -> date:
    """A day written 2015-12-03, and in no other ISO form."""
    day = date.fromisoformat(text)
    if str(day) != text or not re.match(_YEAR, text):
        raise ValueError(text)
    return day


def _year_before(day: date) -> date:
    leap_day = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year - 1, day=28 if leap_day else day.day)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """First instant of a day; where clocks skip midnight, the instant of the skip."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)
