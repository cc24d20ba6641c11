"""Periods: their days, neighbours and instants, and local times across clock changes."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt import errors
from gridmgmt.periods import Period, localize, parse_instant, parse_period, period_of
from gridmgmt.texts import word

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")

NAMED = st.builds(
    lambda year, part, day: f"{year}{part}{day}",
    st.integers(1902, 2198),
    st.sampled_from(
        ["", "-H1", "-H2", *(f"-Q{n}" for n in range(1, 5)), *(f"-{n:02}" for n in range(1, 13))],
    ),
    st.one_of(st.just(""), st.integers(2, 28).map("@{}".format)),
)
FREE = st.builds(
    lambda first, n: f"{first}..{first + timedelta(days=n)}",
    st.dates(date(1902, 1, 1), date(2197, 1, 1)),
    st.integers(0, 300),
)


@pytest.mark.parametrize(
    ("text", "start", "end", "n_months"),
    [
        ("2015-12", "2015-12-01", "2016-01-01", 1),
        ("2016-02", "2016-02-01", "2016-03-01", 1),
        ("2015-Q4", "2015-10-01", "2016-01-01", 3),
        ("2015-q1", "2015-01-01", "2015-04-01", 3),
        ("2015-H2", "2015-07-01", "2016-01-01", 6),
        ("2015", "2015-01-01", "2016-01-01", 12),
        ("2015-12@26", "2015-11-26", "2015-12-26", 1),
        ("2015-01@26", "2014-12-26", "2015-01-26", 1),
        ("2015-Q1@26", "2014-12-26", "2015-03-26", 3),
        ("2015@26", "2014-12-26", "2015-12-26", 12),
        ("2015-12-03..2016-01-04", "2015-12-03", "2016-01-05", 0),
        (" 2016-02-29 .. 2016-02-29 ", "2016-02-29", "2016-03-01", 0),
    ],
)
def test_period_forms(text: str, start: str, end: str, n_months: int) -> None:
    period = parse_period(text)
    assert (str(period.start), str(period.end), period.n_months) == (start, end, n_months)


@pytest.mark.parametrize(
    "text",
    [
        "", "2015-13", "2015-00", "2015-Q5", "2015-Q0", "2015-H3", "15-12", "2015-1", "2015-12-03", "201512",
        "2015-12@1", "2015-12@29", "2015-12@", "2015-02-29..2015-03-01", "2015-12-04..2015-12-03", "2015-12-03..",
        "2015-12-01..2015-12-02..2015-12-03", "2015-W01-1..2015-W02-1", "0001-01-01..0001-01-02",
        "２０１５-12", "2015-12\n2",
    ],
)  # fmt: skip
def test_period_is_refused_with_the_known_forms(text: str) -> None:
    with pytest.raises(errors.PeriodInvalid) as e:
        parse_period(text)
    assert e.value.value == text
    for lang in ("zh", "en"):
        assert "2015-12@26" in word(e.value.code, e.value.facts, lang)


@given(st.one_of(NAMED, FREE))
def test_label_reads_back(text: str) -> None:
    period = parse_period(text)
    assert period.label == text
    assert parse_period(str(period)) == period


@given(st.one_of(NAMED, FREE))
def test_previous_ends_where_this_begins(text: str) -> None:
    period = parse_period(text)
    before = period.previous()
    assert before.end == period.start
    assert before.n_months == period.n_months
    assert parse_period(before.label) == before
    if not period.n_months:
        assert before.end - before.start == period.end - period.start


@given(NAMED)
def test_year_ago_is_as_many_periods_back(text: str) -> None:
    period = parse_period(text)
    back = period
    for _ in range(12 // period.n_months):
        back = back.previous()
    assert period.year_ago() == back


@given(NAMED)
def test_months_partition_the_period(text: str) -> None:
    period = parse_period(text)
    months = period.months()
    assert len(months) == period.n_months
    assert (months[0].start, months[-1].end) == (period.start, period.end)
    assert all(a.end == b.start for a, b in pairwise(months))
    assert all(m.n_months == 1 and parse_period(m.label) == m for m in months)


@pytest.mark.parametrize(
    ("text", "previous", "year_ago"),
    [
        ("2016-01", "2015-12", "2015-01"),
        ("2016-Q1", "2015-Q4", "2015-Q1"),
        ("2016-H1", "2015-H2", "2015-H1"),
        ("2016", "2015", "2015"),
        ("2016-01@26", "2015-12@26", "2015-01@26"),
        ("2016-03-01..2016-03-31", "2016-01-30..2016-02-29", "2015-03-01..2015-03-31"),
        ("2016-02-01..2016-02-29", "2016-01-03..2016-01-31", "2015-02-01..2015-02-28"),
        ("2016-02-29..2016-03-01", "2016-02-27..2016-02-28", "2015-02-28..2015-03-01"),
    ],
)
def test_neighbours(text: str, previous: str, year_ago: str) -> None:
    period = parse_period(text)
    assert period.previous() == parse_period(previous)
    assert period.year_ago() == parse_period(year_ago)


def test_months_of_a_quarter_and_none_of_a_range() -> None:
    assert [m.label for m in parse_period("2015-Q4").months()] == ["2015-10", "2015-11", "2015-12"]
    assert [m.label for m in parse_period("2015-Q1@26").months()] == ["2015-01@26", "2015-02@26", "2015-03@26"]
    assert parse_period("2015-10-01..2015-12-31").months() == []


@pytest.mark.parametrize(
    ("day", "cadence", "label"),
    [
        ("2025-12-25", "month@26", "2025-12@26"),
        ("2025-12-26", "month@26", "2026-01@26"),  # the month is named after the one it ends in
        ("2025-12-31", "month@26", "2026-01@26"),
        ("2025-12-26", "month", "2025-12"),
        ("2025-12-31", "month", "2025-12"),
        ("2026-01-01", "month", "2026-01"),
        ("2026-02-01", "month@2", "2026-02@2"),
        ("2026-02-02", "month@2", "2026-03@2"),
        ("2025-03-25", "quarter@26", "2025-Q1@26"),
        ("2025-03-26", "quarter@26", "2025-Q2@26"),
        ("2025-03-31", "quarter", "2025-Q1"),
        ("2025-06-26", "half@26", "2025-H2@26"),
        ("2025-06-30", "half", "2025-H1"),
        ("2025-12-25", "year@26", "2025@26"),
        ("2025-12-26", "year@26", "2026@26"),
        ("2025-12-31", "year", "2025"),
    ],
)
def test_the_period_of_a_cadence_that_a_day_lies_in(day: str, cadence: str, label: str) -> None:
    assert period_of(date.fromisoformat(day), cadence) == parse_period(label)


CADENCES = st.builds(
    "{}{}".format, st.sampled_from(["month", "quarter", "half", "year"]), st.sampled_from(["", "@2", "@26", "@28"])
)


@given(st.dates(date(1902, 1, 1), date(2197, 1, 1)), CADENCES)
def test_a_day_lies_in_its_period_and_the_next_begins_where_it_ends(day: date, cadence: str) -> None:
    period = period_of(day, cadence)
    assert period.start <= day < period.end
    assert period_of(period.start, cadence) == period_of(period.end - timedelta(days=1), cadence) == period
    assert period_of(period.end, cadence).start == period.end


@pytest.mark.parametrize(
    ("text", "zone", "start", "end"),
    [
        ("2015-12", SHANGHAI, "2015-11-30T16:00Z", "2015-12-31T16:00Z"),
        ("2015-12", NEW_YORK, "2015-12-01T05:00Z", "2016-01-01T05:00Z"),
        ("2015-11", NEW_YORK, "2015-11-01T04:00Z", "2015-12-01T05:00Z"),  # an hour longer: clocks go back
        ("2018-11-04..2018-11-04", ZoneInfo("America/Sao_Paulo"), "2018-11-04T03:00Z", "2018-11-05T02:00Z"),  # no 00:00
        ("2018-02-17..2018-02-17", ZoneInfo("America/Sao_Paulo"), "2018-02-17T02:00Z", "2018-02-18T03:00Z"),
    ],
)
def test_bounds_are_city_midnights(text: str, zone: ZoneInfo, start: str, end: str) -> None:
    bounds = parse_period(text).bounds(zone)
    assert bounds == (datetime.fromisoformat(start), datetime.fromisoformat(end))
    assert all(b.tzinfo is UTC for b in bounds)


@given(st.one_of(NAMED, FREE), st.sampled_from([SHANGHAI, NEW_YORK, ZoneInfo("America/Sao_Paulo")]))
def test_neighbouring_bounds_meet(text: str, zone: ZoneInfo) -> None:
    period = parse_period(text)
    start, end = period.bounds(zone)
    assert period.previous().bounds(zone)[1] == start < end


def test_periods_sort_by_time() -> None:
    labels = ["2016-01", "2015-12", "2015-Q4"]
    assert [p.label for p in sorted(map(parse_period, labels))] == ["2015-Q4", "2015-12", "2016-01"]
    assert isinstance(parse_period("2015"), Period)


# --- instants ---


@pytest.mark.parametrize(
    ("text", "zone", "utc"),
    [
        ("2016-01-01", SHANGHAI, "2015-12-31T16:00Z"),
        ("2016-01-01T08:30", SHANGHAI, "2016-01-01T00:30Z"),
        (" 2016-01-01 08:30:15.25 ", SHANGHAI, "2016-01-01T00:30:15.25Z"),
        ("2016-01-01T08:30Z", SHANGHAI, "2016-01-01T08:30Z"),
        ("2016-01-01T08:30-05:00", SHANGHAI, "2016-01-01T13:30Z"),
        ("2015-11-01T01:30", NEW_YORK, "2015-11-01T05:30Z"),  # occurs twice: the first
        ("2018-11-04", ZoneInfo("America/Sao_Paulo"), "2018-11-04T03:00Z"),  # clocks skip its midnight
    ],
)
def test_instants(text: str, zone: ZoneInfo, utc: str) -> None:
    instant = parse_instant(text, zone)
    assert instant == datetime.fromisoformat(utc)
    assert instant.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2015-12",
        "2015-02-29",
        "2015-03-08T02:30",
        "0001-01-01",
        "0001-01-01T00:00+14:00",
        "01/02/2015",
        "9999-12-31",
        "9999-12-31T23:00Z",
        "9999-12-31T23:59:59",
        "1699-12-31",
    ],
)
def test_instant_is_refused(text: str) -> None:
    zone = SHANGHAI if text.startswith("0001") else NEW_YORK
    with pytest.raises(errors.InstantInvalid) as e:
        parse_instant(text, zone)
    assert zone.key in word(e.value.code, e.value.facts)


def test_localize_tells_gaps_and_repeats() -> None:
    local = pd.Series(
        pd.to_datetime(
            ["2015-03-08 01:59", "2015-03-08 02:00", "2015-03-08 03:00", "2015-11-01 01:30", "2015-11-01 02:00", None]
        ),
        index=[5, 4, 3, 2, 1, 0],
    )
    before = local.copy()
    found = localize(local, NEW_YORK)
    expected = ["2015-03-08T06:59Z", None, "2015-03-08T07:00Z", "2015-11-01T05:30Z", "2015-11-01T07:00Z", None]
    assert found.utc.tolist() == pd.to_datetime(expected, utc=True, format="ISO8601").tolist()
    assert found.nonexistent.tolist() == [False, True, False, False, False, False]
    assert found.ambiguous.tolist() == [False, False, False, True, False, False]
    assert found.utc.index.tolist() == local.index.tolist()
    pd.testing.assert_series_equal(local, before)


@pytest.mark.parametrize("key", ["America/New_York", "Europe/Dublin", "Asia/Shanghai", "Australia/Lord_Howe"])
@given(st.lists(st.datetimes(datetime(1980, 1, 1), datetime(2035, 1, 1)), max_size=5))
def test_localize_agrees_with_one_by_one(key: str, times: list[datetime]) -> None:
    zone = ZoneInfo(key)
    found = localize(pd.Series(times, dtype="datetime64[us]"), zone)
    for time, utc, nonexistent in zip(times, found.utc, found.nonexistent, strict=True):
        if nonexistent:
            with pytest.raises(errors.InstantInvalid):
                parse_instant(time.isoformat(), zone)
        elif time.time() != datetime.min.time():
            assert utc == parse_instant(time.isoformat(), zone)


@pytest.mark.parametrize(
    ("key", "local", "utc"),
    [
        ("Europe/Dublin", "2015-10-25 01:30", "2015-10-25T00:30Z"),  # its summer time is the standard one
        ("Asia/Shanghai", "1986-09-14 01:30", "1986-09-13T16:30Z"),
        ("Australia/Lord_Howe", "2015-04-05 01:45", "2015-04-04T14:45Z"),  # half an hour
    ],
)
def test_a_repeated_time_is_its_first_occurrence_everywhere(key: str, local: str, utc: str) -> None:
    found = localize(pd.Series(pd.to_datetime([local])), ZoneInfo(key))
    assert found.ambiguous.tolist() == [True]
    assert found.utc[0] == pd.Timestamp(utc) == parse_instant(local, ZoneInfo(key))


@pytest.mark.parametrize(("asked", "first", "last"), [
    ("2025-13", "2025-12", "2025-12-03..2026-01-04"), ("2014-13", "2014-12", "2014-12-03..2015-01-04"),
    ("next", "2015-12", "2015-12-03..2016-01-04"),
])  # fmt: skip
def test_a_wrong_period_is_answered_with_examples_of_its_year(asked: str, first: str, last: str) -> None:
    with pytest.raises(errors.PeriodInvalid) as e:
        parse_period(asked)
    assert (e.value.forms[0], e.value.forms[-1]) == (first, last)
    assert all(parse_period(form) for form in e.value.forms)
