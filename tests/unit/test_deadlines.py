"""Deadlines against a slow oracle that walks minute by minute, and the laws that counting time must keep."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gridmgmt import deadlines
from gridmgmt.calendars import MICROSECOND, Clock
from gridmgmt.deadlines import Limit
from gridmgmt.errors import CalendarMissing, DataFileInvalid, OptionInvalid
from gridmgmt.files import calendars, data_files
from gridmgmt.texts import word
from tests.examples import about

SHANGHAI, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")
CN, NONE = Clock(calendars.load("cn"), SHANGHAI), Clock(calendars.load("none"), NEW_YORK)
LIGHTS = calendars.lights()
MINUTE = dt.timedelta(minutes=1)


def at(text: str, zone: ZoneInfo = SHANGHAI) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(dt.UTC)


def local(instant: dt.datetime | None, zone: ZoneInfo = SHANGHAI) -> str:
    assert instant is not None
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def due(start: str, amount: str, unit: str, clock: Clock = CN) -> str:
    return local(deadlines.due(at(start), [Limit(Fraction(amount), unit)], clock).due_at)


# --- the oracle: no spans, no jumps; every minute is asked whether it is worked ---------------------------------------


def is_worked(minute: dt.datetime, zone: ZoneInfo, *, holidays: bool) -> bool:
    here = minute.astimezone(zone)
    if not (8 <= here.hour < 12 or 14 <= here.hour < 18):
        return False
    day = here.date()
    if holidays and day.year <= 2026:
        return bool(chinese_calendar.is_workday(day))
    return day.weekday() < 5


def oracle(
    start: dt.datetime, minutes: int, unit: str, zone: ZoneInfo, pauses: Sequence[tuple[dt.datetime, dt.datetime]],
    *, holidays: bool,
) -> dt.datetime:  # fmt: skip
    now, left = start, minutes
    while left:
        paused = any(a <= now < b for a, b in pauses)
        if not paused and (unit in deadlines.CONTINUOUS or is_worked(now, zone, holidays=holidays)):
            left -= 1
        now += MINUTE
    return now


MINUTES = {"urgent_hour": 60, "calendar_day": 1440, "working_hour": 60, "working_day": 480}

# National Day 2025 with its make-up days, the turn of the year, Spring Festival 2026, the end of the published holidays
WINDOWS = ("2025-09-26", "2025-12-29", "2026-02-10", "2026-04-30", "2026-12-28")
STARTS = st.builds(
    lambda window, minutes: at(f"{window} 00:00") + dt.timedelta(minutes=minutes),
    st.sampled_from(WINDOWS), st.integers(0, 8 * 1440),
)  # fmt: skip
UNITS = st.sampled_from(sorted(MINUTES))
AMOUNTS = st.integers(1, 24).map(lambda n: Fraction(n, 4))


@st.composite
def breaks(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Pauses in minutes after the start, in order and apart."""
    ends = sorted(draw(st.sets(st.integers(0, 3000), min_size=0, max_size=4)))
    return list(zip(ends[::2], ends[1::2], strict=False))


@about(60)
@given(start=STARTS, amount=AMOUNTS, unit=UNITS, gaps=breaks())
def test_the_deadline_is_that_of_the_minute_by_minute_count(
    start: dt.datetime, amount: Fraction, unit: str, gaps: list[tuple[int, int]]
) -> None:
    pauses = [(start + a * MINUTE, start + b * MINUTE) for a, b in gaps]
    wanted = oracle(start, int(amount * MINUTES[unit]), unit, SHANGHAI, pauses, holidays=True)
    found = deadlines.due(start, [Limit(amount, unit)], CN, pauses)
    assert found.due_at == wanted
    expected = unit.startswith("working") and wanted.astimezone(SHANGHAI).year > 2026
    assert found.provisional == expected


@about(60)
@given(
    minutes=st.integers(0, 6 * 1440), amount=AMOUNTS, unit=UNITS,
    window=st.sampled_from(["2025-03-06", "2025-10-30", "2024-02-27", "2025-12-30"]),
)  # fmt: skip
def test_where_clocks_change_and_years_leap(minutes: int, amount: Fraction, unit: str, window: str) -> None:
    start = at(f"{window} 00:00", NEW_YORK) + minutes * MINUTE
    wanted = oracle(start, int(amount * MINUTES[unit]), unit, NEW_YORK, [], holidays=False)
    assert deadlines.due(start, [Limit(amount, unit)], NONE).due_at == wanted


@about(60)
@given(start=STARTS, amount=AMOUNTS, more=AMOUNTS, unit=UNITS, later=st.integers(0, 5000))
def test_laws(start: dt.datetime, amount: Fraction, more: Fraction, unit: str, later: int) -> None:
    def end(begin: dt.datetime, *limits: Fraction) -> dt.datetime:
        found = deadlines.due(begin, [Limit(x, unit) for x in limits], CN).due_at
        assert found is not None
        return found

    whole = end(start, amount)
    assert whole > start
    assert end(start + later * MINUTE, amount) >= whole  # who begins later is due no earlier
    assert end(start, amount + more) > whole  # who has longer is due later
    assert end(start, amount, more) == end(start, amount + more)  # a limit in two parts is the whole
    counted = deadlines.worked(start, whole, unit, CN)
    assert counted == dt.timedelta(minutes=int(amount * MINUTES[unit]))
    assert deadlines.advance(start, counted, unit, CN) == whole
    middle = start + (whole - start) / 3
    parts = [deadlines.worked(*x, unit, CN) for x in ((start, middle), (middle, whole))]
    assert sum(parts, dt.timedelta()) == counted


@about(40)
@given(start=STARTS, length=st.integers(0, 4000), unit=UNITS, gaps=breaks())
def test_time_counted_is_the_number_of_minutes_that_count(
    start: dt.datetime, length: int, unit: str, gaps: list[tuple[int, int]]
) -> None:
    pauses = [(start + a * MINUTE, start + b * MINUTE) for a, b in gaps]
    minutes = [start + n * MINUTE for n in range(length)]
    wanted = sum(
        (unit in deadlines.CONTINUOUS or is_worked(m, SHANGHAI, holidays=True))
        and not any(a <= m < b for a, b in pauses)
        for m in minutes
    )
    assert deadlines.worked(start, start + length * MINUTE, unit, CN, pauses) == wanted * MINUTE


@about(40)
@given(start=STARTS, us=st.integers(0, 10**9), length=st.integers(1, 10**12), part=st.integers(0, 10**12), unit=UNITS)
def test_to_the_microsecond(start: dt.datetime, us: int, length: int, part: int, unit: str) -> None:
    """The instant found is the first with so much counted before it: a microsecond earlier it is less."""
    tick = dt.timedelta(microseconds=1)
    start += us * tick
    end = deadlines.advance(start, length * tick, unit, CN)
    assert deadlines.worked(start, end, unit, CN) == length * tick
    assert deadlines.worked(start, end - tick, unit, CN) == (length - 1) * tick
    first = min(part, length) * tick
    middle = deadlines.advance(start, first, unit, CN)
    assert deadlines.advance(middle, length * tick - first, unit, CN) == end


@pytest.mark.parametrize("unit", list(deadlines.UNITS))
@pytest.mark.parametrize("start", ["2026-03-04 10:00", "2026-03-04 12:00", "2026-03-04 23:00", "2026-03-07 10:00"])
def test_no_time_has_passed_at_once_also_outside_working_time(unit: str, start: str) -> None:
    assert deadlines.advance(at(start), dt.timedelta(0), unit, CN) == at(start)
    assert deadlines.worked(at(start), at(start) - MINUTE, unit, CN) == dt.timedelta(0)


@about(40)
@given(start=STARTS, amounts=st.lists(st.tuples(AMOUNTS, UNITS), min_size=1, max_size=3), gaps=breaks())
def test_the_sum_that_is_shown_adds_up_and_is_worded(
    start: dt.datetime, amounts: list[tuple[Fraction, str]], gaps: list[tuple[int, int]]
) -> None:
    pauses = [(start + a * MINUTE, start + b * MINUTE) for a, b in gaps]
    limits = [Limit(*x) for x in amounts]
    lines = deadlines.due(start, limits, CN, pauses).working
    counted = sum(minutes_of(x.facts["counted"]) for x in lines if x.code == "limit_counted")
    assert counted == sum(int(amount * MINUTES[unit]) for amount, unit in amounts)
    heads = [n for n, x in enumerate(lines) if x.code in ("limit_whole", "limit_part")]
    assert len(heads) == len(limits)
    ends = [n - 1 for n in heads[1:]] + [len(lines) - 1]
    assert all(lines[n].facts["left"] == "0:00" for n in ends)
    for line in lines:
        for lang in ("zh", "en"):
            said = word(line.code, line.facts, lang)
            assert said
            assert not set(said) & {"{", "—"}, said
            assert "day_kind" not in said, said


def minutes_of(hours: str) -> int:
    h, m = hours.split(":")
    return int(h) * 60 + int(m)


@about(40)
@given(start=STARTS, amount=AMOUNTS, unit=UNITS)
def test_a_pause_outside_working_time_moves_no_working_deadline(
    start: dt.datetime, amount: Fraction, unit: str
) -> None:
    night = start.astimezone(SHANGHAI).replace(hour=18, minute=0, second=0, microsecond=0)
    pause = (night, night + dt.timedelta(hours=14))
    plain, paused = (deadlines.due(start, [Limit(amount, unit)], CN, p).due_at for p in ([], [pause]))
    assert plain is not None
    assert paused is not None
    assert paused == plain if unit.startswith("working") else paused >= plain


def test_a_pause_without_length_is_none() -> None:
    start, limit = at("2025-12-01 08:00"), [Limit(Fraction(8), "working_hour")]
    empty = [(at("2025-12-01 10:00"), at("2025-12-01 10:00")), (at("2025-12-01 11:00"), at("2025-12-01 09:00"))]
    assert deadlines.due(start, limit, CN, empty) == deadlines.due(start, limit, CN)


# --- known ones --------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "amount", "unit", "expected"),
    [
        ("2025-12-01 09:30", "4", "working_hour", "2025-12-01 15:30"),  # over the noon break
        ("2025-12-01 08:00", "4", "working_hour", "2025-12-01 12:00"),  # used up at the end of a span: due there
        ("2025-12-01 12:00", "4", "working_hour", "2025-12-01 18:00"),
        ("2025-12-01 09:30", "1", "working_day", "2025-12-02 09:30"),  # 8 working hours, here the same time tomorrow
        ("2025-12-01 12:30", "1", "working_day", "2025-12-02 12:00"),  # … and here not
        ("2025-12-05 17:00", "2", "working_hour", "2025-12-08 09:00"),  # over a weekend
        ("2025-12-06 11:00", "1", "working_hour", "2025-12-08 09:00"),  # begins on a Saturday
        ("2025-09-30 17:00", "2", "working_hour", "2025-10-09 09:00"),  # National Day and Mid-Autumn 1–8 October
        ("2025-09-28 08:00", "1", "working_day", "2025-09-28 18:00"),  # a Sunday that is worked
        ("2025-12-31 17:00", "2", "working_hour", "2026-01-04 09:00"),  # New Year; Sunday 4 January is worked
        ("2025-12-31 23:00", "2", "urgent_hour", "2026-01-01 01:00"),  # runs through night and holiday
        ("2025-09-30 10:00", "3", "calendar_day", "2025-10-03 10:00"),
        ("2025-12-01 08:00", "1/4", "urgent_hour", "2025-12-01 08:15"),
    ],
)
def test_known_deadlines(start: str, amount: str, unit: str, expected: str) -> None:
    assert due(start, amount, unit) == expected


def test_staged_limits_follow_one_another() -> None:
    """A burst pipe: fenced in 3 urgent hours, repaired in 8 more, the road restored in 5 working days."""
    limits = [Limit(Fraction(n), u) for n, u in ((3, "urgent_hour"), (8, "urgent_hour"), (5, "working_day"))]
    found = deadlines.due(at("2025-12-05 20:00"), limits, CN)
    assert local(found.due_at) == "2025-12-12 18:00"  # Saturday 07:00, then Monday to Friday
    assert [x.facts["n"] for x in found.working if x.code == "limit_part"] == [1, 2, 3]


def test_the_sum_is_shown_line_by_line() -> None:
    found = deadlines.due(at("2025-12-05 17:00"), [Limit(Fraction(3), "working_hour")], CN)
    assert [word(x.code, x.facts, "en") for x in found.working] == [
        "3 working hours, 3:00 (h:min), from 2025-12-05 17:00",
        "2025-12-05 17:00 – 18:00: 1:00 counted, 2:00 left",
        "2025-12-06 – 2025-12-07: weekend, not counted",
        "2025-12-08 08:00 – 10:00: 2:00 counted, 0:00 left",
    ]


def test_seconds_are_shown_where_there_are_any() -> None:
    found = deadlines.due(at("2025-12-05 17:59:30"), [Limit(Fraction(1), "working_hour")], CN)
    assert [word(x.code, x.facts, "en") for x in found.working] == [
        "1 working hours, 1:00 (h:min), from 2025-12-05 17:59:30",
        "2025-12-05 17:59:30 – 18:00: 0:00:30 counted, 0:59:30 left",
        "2025-12-06 – 2025-12-07: weekend, not counted",
        "2025-12-08 08:00 – 08:59:30: 0:59:30 counted, 0:00 left",
    ]


@pytest.mark.parametrize("unit", ["urgent_hour", "working_hour"])
def test_a_pause_from_the_very_beginning_leaves_no_empty_line(unit: str) -> None:
    begin, end = at("2025-12-05 15:00"), at("2025-12-05 16:00")
    found = deadlines.due(begin, [Limit(Fraction(1), unit)], CN, [(begin, end)])
    assert [word(x.code, x.facts, "en") for x in found.working[1:]] == [
        "2025-12-05 15:00 – 16:00: on hold, not counted",
        "2025-12-05 16:00 – 17:00: 1:00 counted, 0:00 left",
    ]


def test_a_day_that_is_not_counted_is_told_before_a_pause_that_begins_with_it() -> None:
    pause = (at("2025-12-06 00:00"), at("2025-12-06 12:00"))
    found = deadlines.due(at("2025-12-05 17:00"), [Limit(Fraction(2), "working_hour")], CN, [pause])
    assert [x.code for x in found.working[1:]] == ["limit_counted", "limit_rest", "limit_pause", "limit_counted"]


def test_a_pause_that_begins_when_the_limit_is_used_up_is_not_told() -> None:
    begin = at("2025-12-05 15:00")
    pause = (begin + 60 * MINUTE, begin + 90 * MINUTE)
    found = deadlines.due(begin, [Limit(Fraction(1), "urgent_hour")], CN, [pause])
    assert [x.code for x in found.working] == ["limit_whole", "limit_counted"]
    before = deadlines.due(begin, [Limit(Fraction(1), "urgent_hour")], CN, [(begin - 60 * MINUTE, begin)])
    assert [x.code for x in before.working] == ["limit_whole", "limit_counted"]  # nor one that ended before
    sooner = deadlines.due(begin, [Limit(Fraction(1), "urgent_hour")], CN, [(pause[0] - MINUTE, pause[1])])
    assert [x.code for x in sooner.working][1:] == ["limit_counted", "limit_pause", "limit_counted"]


@pytest.mark.parametrize(("minutes", "share", "colour"), [(-5, 0, "green"), (0, 0, "green"), (1, 1, "red")])
def test_where_no_time_was_given_the_light_is_red_from_the_deadline_on(minutes: int, share: int, colour: str) -> None:
    """A deadline set by hand at the very moment of the dispatch: nothing of it can be used up."""
    start = at("2025-12-05 15:00")
    limits = [Limit(Fraction(1), "working_hour")]
    found = deadlines.light(start, start, start + minutes * MINUTE, limits, CN, (), LIGHTS)
    assert (found.share, found.colour) == (share, colour)


def test_pauses_that_begin_together_are_told_one_after_the_other() -> None:
    begin = at("2025-12-05 15:00")
    pauses = [(begin, begin + 120 * MINUTE), (begin, begin + 60 * MINUTE)]
    found = deadlines.due(begin, [Limit(Fraction(1), "urgent_hour")], CN, pauses)
    assert [word(x.code, x.facts, "en") for x in found.working[1:]] == [
        "2025-12-05 15:00 – 16:00: on hold, not counted",
        "2025-12-05 15:00 – 17:00: on hold, not counted",
        "2025-12-05 17:00 – 18:00: 1:00 counted, 0:00 left",
    ]


def test_an_unknown_unit_is_refused_with_those_there_are() -> None:
    with pytest.raises(OptionInvalid) as e:
        Limit.parse("1", "周")
    assert e.value.expected == "紧急工作时 urgent_hour, 自然日 calendar_day, 工作时 working_hour, 工作日 working_day"


def test_while_a_pause_lasts_there_is_no_deadline() -> None:
    start = at("2025-12-01 09:00")
    pauses = [(at("2025-12-01 10:00"), None)]
    assert deadlines.due(start, [Limit(Fraction(4), "working_hour")], CN, pauses).due_at is None
    assert local(deadlines.due(start, [Limit(Fraction(1), "working_hour")], CN, pauses).due_at) == ("2025-12-01 10:00")


@pytest.mark.parametrize(
    ("now", "colour", "share"),
    [
        ("09:00", "green", "0"),
        ("17:00", "green", "3/4"),
        ("17:24", "green", "4/5"),  # exactly 80 %
        ("17:25", "yellow", "77/96"),
        ("18:00", "yellow", "7/8"),
        ("+08:00", "yellow", "7/8"),
        ("+09:00", "yellow", "1"),  # exactly at the deadline
        ("+09:01", "red", "481/480"),
    ],
)
def test_traffic_light(now: str, colour: str, share: str) -> None:
    start, limit = at("2025-12-01 09:00"), [Limit(Fraction(8), "working_hour")]
    end = deadlines.due(start, limit, CN).due_at
    assert end is not None
    moment = at(f"2025-12-0{2 if now.startswith('+') else 1} {now.lstrip('+')}")
    found = deadlines.light(start, end, moment, limit, CN, (), LIGHTS)
    assert (found.colour, found.share) == (colour, Fraction(share))


def test_on_an_extension_the_light_counts_the_longer_time() -> None:
    start, limit = at("2025-12-01 08:00"), [Limit(Fraction(8), "working_hour")]
    found = deadlines.light(start, at("2025-12-02 18:00"), at("2025-12-01 18:00"), limit, CN, (), LIGHTS)
    assert (found.colour, found.share) == ("green", Fraction(1, 2))


def test_the_light_counts_every_part_of_a_limit_in_its_own_unit() -> None:
    """Two working hours, four hours that run through the noon break, four working hours: 6 of 10 at 14:00."""
    start, units = at("2025-12-01 08:00"), ((2, "working_hour"), (4, "urgent_hour"), (4, "working_hour"))
    limits = [Limit(Fraction(n), unit) for n, unit in units]
    end = deadlines.due(start, limits, CN).due_at
    assert local(end) == "2025-12-01 18:00"
    assert end is not None
    for now, share in (("10:00", "2/10"), ("13:00", "5/10"), ("14:00", "6/10"), ("16:00", "8/10"), ("18:00", "1")):
        found = deadlines.light(start, end, at(f"2025-12-01 {now}"), limits, CN, (), LIGHTS)
        assert found.share == Fraction(share), now


def test_the_light_leaves_out_pauses_in_the_last_part_too() -> None:
    start, limits = at("2025-12-01 08:00"), [Limit(Fraction(8), "working_hour")]
    pause = (at("2025-12-01 10:00"), at("2025-12-01 12:00"))
    end = deadlines.due(start, limits, CN, [pause]).due_at
    assert local(end) == "2025-12-02 10:00"
    assert end is not None
    for now, share in (("12:00", "2/8"), ("15:00", "3/8")):
        found = deadlines.light(start, end, at(f"2025-12-01 {now}"), limits, CN, [pause], LIGHTS)
        assert found.share == Fraction(share), now


def test_the_light_leaves_out_pauses_in_the_part_that_runs() -> None:
    start, limits = at("2025-12-01 08:00"), [Limit(Fraction(4), "working_hour"), Limit(Fraction(4), "urgent_hour")]
    pause = (at("2025-12-01 09:00"), at("2025-12-01 10:00"))
    end = deadlines.due(start, limits, CN, [pause]).due_at
    assert local(end) == "2025-12-01 19:00"
    assert end is not None
    for now, share in (("11:00", "2/8"), ("14:30", "7/16"), ("16:00", "5/8")):
        found = deadlines.light(start, end, at(f"2025-12-01 {now}"), limits, CN, [pause], LIGHTS)
        assert found.share == Fraction(share), now


def test_each_of_two_parts_is_told_with_its_number() -> None:
    limits = [Limit(Fraction(4), "working_hour"), Limit(Fraction(3, 2), "urgent_hour")]
    lines = deadlines.due(at("2025-12-01 08:00"), limits, CN).working
    heads = [(x.facts["n"], x.facts["of"], x.facts["amount"], x.facts["unit"], x.facts["start"], x.facts["hours"])
             for x in lines if x.code == "limit_part"]  # fmt: skip
    assert heads == [
        (1, 2, "4", "working_hour", "2025-12-01 08:00", "4:00"),
        (2, 2, "1.5", "urgent_hour", "2025-12-01 12:00", "1:30"),
    ]  # fmt: skip
    (whole, *_) = deadlines.due(at("2025-12-01 08:00"), limits[:1], CN).working
    assert whole.code == "limit_whole"


def test_what_the_file_of_the_lights_says_is_not_changed() -> None:
    with pytest.raises(ValidationError):
        LIGHTS.green_to = Decimal("0.9")


@about(60)
@given(
    start=STARTS, amounts=st.lists(st.tuples(AMOUNTS, UNITS), min_size=1, max_size=2), gaps=breaks(),
    wait=st.integers(-100, 9000), extra=st.integers(0, 3000),
)  # fmt: skip
def test_red_is_every_moment_after_the_deadline_and_no_other(
    start: dt.datetime, amounts: list[tuple[Fraction, str]], gaps: list[tuple[int, int]], wait: int, extra: int
) -> None:
    pauses = [(start + a * MINUTE, start + b * MINUTE) for a, b in gaps]
    limits = [Limit(*x) for x in amounts]
    end = deadlines.due(start, limits, CN, pauses).due_at
    assert end is not None
    end += extra * MINUTE  # as an extension moves it

    def shown(now: dt.datetime) -> deadlines.Light:
        return deadlines.light(start, end, now, limits, CN, pauses, LIGHTS)

    now = start + wait * MINUTE
    assert (shown(now).colour == "red") == (now > end)
    assert shown(end).share == 1
    assert shown(end).colour == "yellow"
    assert shown(end + dt.timedelta(microseconds=1)).colour == "red"
    assert 0 <= shown(now).share <= shown(now + MINUTE).share


def test_at_night_the_share_stands_still_and_the_case_is_overdue() -> None:
    start, limit = at("2025-12-01 09:00"), [Limit(Fraction(8), "working_hour")]
    on_time, late = at("2025-12-01 18:00"), at("2025-12-01 19:00")
    assert deadlines.light(start, on_time, on_time, limit, CN, (), LIGHTS).colour == "yellow"
    found = deadlines.light(start, on_time, late, limit, CN, (), LIGHTS)
    assert (found.share, found.colour) == (1, "red")


def test_on_hold_the_light_stands_still() -> None:
    start, limit = at("2025-12-01 08:00"), [Limit(Fraction(8), "working_hour")]
    end = at("2025-12-01 18:00")
    held = [(at("2025-12-01 10:00"), None)]
    found = deadlines.light(start, end, at("2025-12-24 10:00"), limit, CN, held, LIGHTS)
    assert (found.share, found.colour) == (Fraction(1, 4), "green")


def test_of_a_staged_limit_the_share_is_that_of_all_its_parts() -> None:
    limits = [Limit(Fraction(2), "urgent_hour"), Limit(Fraction(8), "working_hour")]
    start = at("2025-12-01 18:00")  # two hours of the evening, then Tuesday's eight
    end = deadlines.due(start, limits, CN).due_at
    assert local(end) == "2025-12-02 18:00"
    assert end is not None
    for now, share in (("2025-12-01 19:00", "1/10"), ("2025-12-02 07:00", "2/10"), ("2025-12-02 12:00", "6/10")):
        assert deadlines.light(start, end, at(now), limits, CN, (), LIGHTS).share == Fraction(share)


@pytest.mark.parametrize(
    "text", ["green_to: 0.9\nyellow_to: 0.8\n", "green_to: 0.8\nyellow_to: 1.2\n", "green_to: 0\nyellow_to: 0.8\n"]
)
def test_lights_that_cannot_be_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "lights.yaml").write_text(text, "utf-8")
    with pytest.raises(DataFileInvalid) as e:
        data_files.read(tmp_path / "lights.yaml", deadlines.Lights)
    assert "green_to" in str(e.value.expected)


@pytest.mark.parametrize("text", ["green_to: 0.8\nyellow_to: 1\nred_to: 2\n", "green_to: 0.8\n"])
def test_lights_are_two_and_no_others(tmp_path: Path, text: str) -> None:
    (tmp_path / "lights.yaml").write_text(text, "utf-8")
    with pytest.raises(DataFileInvalid):
        data_files.read(tmp_path / "lights.yaml", deadlines.Lights)


def test_a_pause_that_lasts_is_told() -> None:
    start = at("2026-12-31 17:00")
    held = [(at("2027-01-04 09:00"), None)]
    found = deadlines.due(start, [Limit(Fraction(2), "working_day")], CN, held)
    assert found.due_at is None
    assert found.provisional  # nine hours of 2027 were counted
    assert [word(x.code, x.facts, "en") for x in found.working[4:]] == [
        "2027-01-02 – 2027-01-03: weekend, not counted",
        "2027-01-04 08:00 – 09:00: 1:00 counted, 6:00 left",
        "on hold from 2027-01-04 09:00, not resumed yet",
    ]


def test_holidays_and_makeup_days_are_told_by_name() -> None:
    found = deadlines.due(at("2026-02-13 14:00"), [Limit(Fraction(2), "working_day")], CN)
    assert local(found.due_at) == "2026-02-24 12:00"
    assert [word(x.code, x.facts, "zh") for x in found.working if x.code in ("limit_makeup", "limit_rest")] == [
        "2026-02-14：调休上班（春节），计",
        "2026-02-15 – 2026-02-23：节假日（春节），不计",
    ]
    held = [(at("2026-02-13 15:00"), at("2026-02-13 16:00:30"))]
    found = deadlines.due(at("2026-02-13 14:00"), [Limit(Fraction(2), "working_hour")], CN, held)
    assert [word(x.code, x.facts, "en") for x in found.working[1:]] == [
        "2026-02-13 14:00 – 15:00: 1:00 counted, 1:00 left",
        "2026-02-13 15:00 – 16:00:30: on hold, not counted",
        "2026-02-13 16:00:30 – 17:00:30: 1:00 counted, 0:00 left",
    ]


# --- calendars ---------------------------------------------------------------


def test_holidays_makeup_days_weekends() -> None:
    kinds = {
        day: CN.calendar.kind(dt.date.fromisoformat(day))
        for day in ("2025-10-01", "2025-09-28", "2025-12-06", "2025-12-01")
    }
    assert list(kinds.values()) == ["holiday", "makeup", "weekend", "workday"]
    assert NONE.calendar.kind(dt.date(2025, 10, 1)) == "workday"


def test_every_published_day_is_as_published() -> None:
    days = [dt.date(2004, 1, 1) + dt.timedelta(days=n) for n in range(8400)]
    published = [d for d in days if d.year <= 2026]
    assert [CN.calendar.is_workday(d) for d in published] == [bool(chinese_calendar.is_workday(d)) for d in published]


def test_beyond_the_published_years_weekdays_are_worked_and_provisional() -> None:
    assert CN.calendar.known_through == dt.date(2026, 12, 31)
    assert not CN.calendar.is_provisional(dt.date(2026, 12, 31))
    assert CN.calendar.is_provisional(dt.date(2027, 1, 1))
    found = deadlines.due(at("2026-12-31 17:00"), [Limit(Fraction(2), "working_hour")], CN)
    assert (local(found.due_at), found.provisional) == ("2027-01-01 09:00", True)
    assert not deadlines.due(at("2026-12-31 17:00"), [Limit(Fraction(1), "working_hour")], CN).provisional
    assert not deadlines.due(at("2026-12-31 17:00"), [Limit(Fraction(99), "urgent_hour")], CN).provisional


OWN = """
id: own
title: {zh: 本市日历, en: Our own}
holidays: chinesecalendar
work_week: [1, 2, 3, 4, 5, 6]
working_time: [["09:00", "17:00"]]
hours_per_day: 8
days_off: [2025-12-01]
days_on: [2025-12-07]
known_through: 2025-12-31
"""


def test_a_citys_own_file(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(OWN, "utf-8")
    own = calendars.load(str(tmp_path / "own.yaml"))
    assert [own.kind(dt.date(2025, 12, n)) for n in (1, 6, 7)] == ["holiday", "workday", "makeup"]
    assert own.is_provisional(dt.date(2026, 1, 1))
    assert own.identity != CN.calendar.identity


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (("hours_per_day: 8", "hours_per_day: 7"), "YAML"),
        (("work_week: [1, 2, 3, 4, 5, 6]", "work_week: [0]"), "work_week.0"),
        (("days_on: [2025-12-07]", "days_on: [2025-12-01]"), "YAML"),
        (("holidays: chinesecalendar", "holidays: mine"), "holidays"),
        (('["09:00", "17:00"]', '["17:00", "09:00"]'), "YAML"),
        (("known_through", "known_to"), "known_to"),
    ],
)
def test_a_wrong_calendar_is_named_by_its_key(tmp_path: Path, change: tuple[str, str], key: str) -> None:
    (tmp_path / "wrong.yaml").write_text(OWN.replace(*change), "utf-8")
    with pytest.raises(DataFileInvalid) as e:
        calendars.load(str(tmp_path / "wrong.yaml"))
    assert e.value.key == key


def test_an_unknown_calendar() -> None:
    with pytest.raises(CalendarMissing) as e:
        calendars.load("moon")
    assert e.value.known == ["cn", "none"]


@pytest.mark.parametrize(
    ("amount", "unit"),
    [
        ("0", "工作时"),
        ("-1", "工作时"),
        ("x", "工作时"),
        ("1", "周"),
        ("1/2", "工作日"),
        ("1e2", "工作日"),
        ("1.2.3", "工作日"),
        ("3660.1", "自然日"),
        ("0.0166", "工作时"),  # less than a minute
        ("0.0166", "紧急工作时"),
        ("0.00069", "自然日"),
        ("0.00069", "工作日"),
    ],
)
def test_limits_that_are_none(amount: str, unit: str) -> None:
    with pytest.raises(OptionInvalid):
        Limit.parse(amount, unit)
    assert Limit.parse("2.5", "工作日") == Limit(Fraction(5, 2), "working_day")


@pytest.mark.parametrize(
    ("amount", "unit"), [("3660", "calendar_day"), ("0.0167", "urgent_hour"), ("0.0007", "working_day")]
)
def test_the_longest_and_the_shortest_limit(amount: str, unit: str) -> None:
    assert Limit.parse(amount, unit) == Limit(Fraction(amount), unit)


@about(60)
@given(
    start=STARTS, parts=st.lists(st.tuples(AMOUNTS, UNITS), min_size=1, max_size=3), gaps=breaks(),
    extended=st.integers(0, 5000), held=st.none() | st.integers(0, 20_000), moment=st.integers(0, 30_000),
)  # fmt: skip
def test_a_light_turns_at_the_first_moment_at_which_it_is_another(
    start: dt.datetime, parts: list[tuple[Fraction, str]], gaps: list[tuple[int, int]], extended: int,
    held: int | None, moment: int,
) -> None:  # fmt: skip
    limits = [Limit(amount, unit) for amount, unit in parts]
    pauses: list[tuple[dt.datetime, dt.datetime | None]] = [
        (start + dt.timedelta(minutes=a), start + dt.timedelta(minutes=b)) for a, b in gaps
    ]
    end = deadlines.due_at(start, limits, CN, pauses)
    assert end is not None
    due = end + dt.timedelta(minutes=extended)
    if held is not None:
        pauses.append((max([start, *(b for _, b in pauses if b)]) + dt.timedelta(minutes=held), None))
    given_ = limits, CN, pauses, calendars.lights()
    turned = deadlines.turns(start, due, *given_)
    for now in (
        start,
        start + dt.timedelta(minutes=moment),
        *(t - MICROSECOND for t in turned if t),
        *filter(None, turned),
    ):
        yellow, red = (at is not None and now >= at for at in turned)
        assert deadlines.light(start, due, now, *given_).colour == ("red" if red else "yellow" if yellow else "green")
