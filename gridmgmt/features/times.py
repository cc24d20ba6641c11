"""Time of features (时间): an instant, a day or an interval as two instants, both included."""

import datetime as dt
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from gridmgmt.errors import InstantInvalid, OptionInvalid
from gridmgmt.periods import parse_instant

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LEAST = dt.timedelta(microseconds=1)
"""The database's clocks know no smaller time."""


@dataclass(frozen=True)
class Span:
    """From a first to a last instant in UTC, both included; None: open."""

    first: dt.datetime | None
    last: dt.datetime | None


def span_of(text: str, zone: ZoneInfo) -> Span:
    """One instant or day of city time: a day is all its instants.

    Raises
    ------
    InstantInvalid
    """
    first = parse_instant(text, zone)
    if not _DAY.fullmatch(text.strip()):
        return Span(first, first)
    next_day = dt.date.fromisoformat(text.strip()) + dt.timedelta(days=1)
    return Span(first, parse_instant(next_day.isoformat(), zone) - _LEAST)


def parse(text: str, zone: ZoneInfo) -> Span:
    """``datetime=``: an instant, a day, or two of them with a slash between; ``..`` or nothing is open.

    Raises
    ------
    OptionInvalid
    """
    first, slash, last = text.partition("/")
    try:
        if not slash:
            return span_of(first, zone)
        begin, end = (None if x.strip() in ("", "..") else span_of(x, zone) for x in (first, last))
    except InstantInvalid as e:
        raise OptionInvalid(name="datetime", value=text, expected=_FORMS) from e
    found = Span(begin.first if begin else None, end.last if end else None)
    if found.first is not None and found.last is not None and found.first > found.last:
        raise OptionInvalid(name="datetime", value=text, expected=_FORMS)
    return found


_FORMS = "2025-12-31 | 2025-12-31T08:00:00+08:00 | 2025-12-01/2025-12-31 | 2025-12-01/.. | ../2025-12-31"
