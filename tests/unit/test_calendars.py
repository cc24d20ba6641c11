"""Work calendars: the shipped files, a city's own, what days are called, and working time as intervals."""

import datetime as dt
import json
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gridmgmt.calendars import CalendarFile, Clock, of_document
from gridmgmt.errors import DataFileInvalid
from gridmgmt.files import calendars, data_files
from gridmgmt.settings import data_path

SHANGHAI, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")
SHIPPED = sorted(p.stem for p in data_path("calendars").glob("*.yaml"))
HOUR = dt.timedelta(hours=1)

LISTED = """
id: ours
title: {zh: 本市, en: Ours}
holidays: listed
work_week: [1, 2, 3, 4, 5]
working_time: [["08:30", "12:00"], ["13:30", "17:30"]]
hours_per_day: 7.5
days_off: [2026-01-01, {date: 2026-11-09, zh: 市庆, en: City day}]
days_on: [{date: 2026-01-04, zh: 元旦, en: New Year}]
known_through: 2026-12-31
"""


def own(folder: Path, old: str = "", new: str = "") -> str:
    path = folder / "ours.yaml"
    assert old in LISTED
    path.write_text(LISTED.replace(old, new) if old else LISTED, "utf-8")
    return str(path)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_calendar_bears_its_name_and_its_working_time_sums_to_the_hours_it_states(name: str) -> None:
    file = data_files.read(data_path("calendars", f"{name}.yaml"), CalendarFile)
    assert (file.id, file.hours_per_day) == (name, 8)
    assert calendars.load(name).day_us == 8 * 3600 * 10**6
    assert set(file.title) == {"zh", "en"}


def test_no_published_day_is_both_off_and_on() -> None:
    cn = calendars.load("cn")
    assert cn.days_off & cn.days_on == frozenset()
    assert all(day.isoweekday() > 5 for day in cn.days_on)
    assert cn.names[dt.date(2026, 10, 1)] == ("国庆节", "National Day")
    assert cn.names[dt.date(2026, 2, 14)] == ("春节", "Spring Festival")
    assert set(cn.names) == cn.days_off | cn.days_on


def test_a_citys_own_list_names_its_days_and_says_how_far_it_goes(tmp_path: Path) -> None:
    ours = calendars.load(own(tmp_path))
    kinds = {day: ours.kind(dt.date.fromisoformat(day)) for day in ("2026-01-01", "2026-11-09", "2026-01-04")}
    assert kinds == {"2026-01-01": "holiday", "2026-11-09": "holiday", "2026-01-04": "makeup"}
    assert ours.kind(dt.date(2026, 10, 1)) == "workday"  # nobody listed it
    weekday = calendars.load(own(tmp_path, "days_on: [", "days_on: [2026-10-01, "))
    assert weekday.kind(dt.date(2026, 10, 1)) == "workday"  # it is one anyway: nothing is made up for
    assert ours.names == {dt.date(2026, 11, 9): ("市庆", "City day"), dt.date(2026, 1, 4): ("元旦", "New Year")}
    assert [ours.is_provisional(dt.date(y, 1, 1)) for y in (2026, 2027)] == [False, True]
    assert ours.day_us == 7.5 * 3600 * 10**6


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("known_through: 2026-12-31", "known_through: null", "known_through"),
        ("holidays: listed", "holidays: none", "holidays: listed"),
        ("hours_per_day: 7.5", "hours_per_day: 8", "hours_per_day"),
        ('"12:00"], ["13:30"', '"13:30"], ["12:00"', "08:00 < 12:00"),
        ('"12:00"], ["13:30"', '"12:00Z"], ["13:30Z"', "08:00 < 12:00"),
        ("{date: 2026-01-04", "{date: 2026-01-01", "days_off ∩ days_on"),
        ("en: New Year}", "en: New Year, de: Neujahr}", "de"),
    ],
)
def test_a_calendar_that_does_not_fit_together_is_refused(tmp_path: Path, old: str, new: str, expected: str) -> None:
    with pytest.raises(DataFileInvalid) as e:
        calendars.load(own(tmp_path, old, new))
    assert expected in str(e.value.expected)


def test_working_time_is_added_up_to_the_second(tmp_path: Path) -> None:
    seconds = '[["08:30:15", "12:00:30"], ["13:30", "17:29:45"]]'  # 3:30:15 and 3:59:45
    ours = calendars.load(own(tmp_path, '[["08:30", "12:00"], ["13:30", "17:30"]]', seconds))
    assert ours.day_us == 7.5 * 3600 * 10**6
    (tmp_path / "longer").mkdir()
    longer = seconds.replace("17:29:45", "17:29:46")
    with pytest.raises(DataFileInvalid):
        calendars.load(own(tmp_path / "longer", '[["08:30", "12:00"], ["13:30", "17:30"]]', longer))


@pytest.mark.parametrize("key", ["days_off: [2026-01-01]", "days_on: [2026-01-04]", "known_through: 2026-12-31"])
def test_who_has_no_holidays_names_no_days(tmp_path: Path, key: str) -> None:
    plain = LISTED.partition("days_off")[0].replace("holidays: listed", "holidays: none")
    for text, is_refused in ((plain, False), (f"{plain}{key}\n", True)):
        path = tmp_path / f"{is_refused}.yaml"
        path.write_text(text, "utf-8")
        if not is_refused:
            assert calendars.load(str(path)).names == {}
            continue
        with pytest.raises(DataFileInvalid) as e:
            calendars.load(str(path))
        assert "holidays: listed" in str(e.value.expected)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("work_week: [1, 2, 3, 4, 5]", "work_week: [1, 2, 3, 4]"),
        ('"17:30"]]\nhours_per_day: 7.5', '"18:00"]]\nhours_per_day: 8'),
        ("2026-01-01", "2026-01-02"),
        ("known_through: 2026-12-31", "known_through: 2027-12-31"),
        ("id: ours", "id: theirs"),
    ],
)
def test_a_calendar_of_other_content_has_another_identity(tmp_path: Path, old: str, new: str) -> None:
    (tmp_path / "other").mkdir()
    plain, changed = calendars.load(own(tmp_path)), calendars.load(own(tmp_path / "other", old, new))
    assert plain.identity.startswith("ours@")
    assert plain.identity != changed.identity


def test_working_time_follows_the_clock_on_the_wall() -> None:
    """8 March 2026: clocks go forward in New York, so that 08:00 comes 23 hours after 08:00."""
    cn = calendars.load("none")
    friday, monday = (cn.spans(dt.date(2026, 3, n), NEW_YORK)[0][0] for n in (6, 9))
    assert monday - friday == 71 * HOUR
    assert cn.spans(dt.date(2026, 3, 8), NEW_YORK) == []


def test_spans_do_not_overlap_where_clocks_skip_an_hour(tmp_path: Path) -> None:
    night = own(tmp_path, '[["08:30", "12:00"], ["13:30", "17:30"]]', '[["01:00", "02:30"], ["03:00", "09:00"]]')
    path = Path(night)
    path.write_text(path.read_text("utf-8").replace("[1, 2, 3, 4, 5]", "[7]"), "utf-8")
    spans = calendars.load(night).spans(dt.date(2026, 3, 8), NEW_YORK)
    assert all(a < b for a, b in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    assert sum((b - a for a, b in spans), dt.timedelta()) == 7 * HOUR  # 01:00 to 02:00, and 03:00 to 09:00


def test_years_add_up_to_their_spans() -> None:
    """From the middle of a span in 2024 to the middle of another in 2027, over leap day and published days."""
    cn = calendars.load("cn")
    start = dt.datetime(2024, 2, 27, 9, 30, tzinfo=SHANGHAI).astimezone(dt.UTC)
    end = dt.datetime(2027, 1, 5, 16, 15, tzinfo=SHANGHAI).astimezone(dt.UTC)
    days = [dt.date(2024, 2, 27) + dt.timedelta(days=n) for n in range(1044)]
    spans = [s for day in days for s in cn.spans(day, SHANGHAI)]
    clipped = [(max(a, start), min(b, end)) for a, b in spans if b > start and a < end]
    clock = Clock(cn, SHANGHAI)
    assert list(clock.working_spans(start, end)) == clipped
    total = sum((b - a for a, b in clipped), dt.timedelta())
    assert clock.working_us(start, end) * dt.timedelta(microseconds=1) == total
    assert clock.working_end(start, total // dt.timedelta(microseconds=1)) == end


def test_a_calendar_comes_back_from_its_document_with_the_same_identity(tmp_path: Path) -> None:
    for calendar in (calendars.load(own(tmp_path)), calendars.load("cn"), calendars.load("none")):
        document = json.loads(json.dumps(calendar.document()))
        back = of_document(document)
        assert (back, back.names) == (calendar, calendar.names)
        document["days_off"] = [*document["days_off"], "2026-07-07"]
        assert of_document(document).identity != calendar.identity


def nightly(folder: Path, times: str, hours: str) -> Clock:
    """Working time of every day of the year."""
    path = folder / "night.yaml"
    path.write_text(
        "id: night\ntitle: {zh: 夜班, en: Night}\nholidays: none\nwork_week: [1, 2, 3, 4, 5]\n"
        f"working_time: {times}\nhours_per_day: {hours}\n",
        "utf-8",
    )
    return Clock(calendars.load(str(path)), SHANGHAI)


def local(*told: int) -> dt.datetime:
    return dt.datetime(*told, tzinfo=SHANGHAI)  # type: ignore[arg-type]  # year, month, day, hour


def test_work_until_24_00_ends_with_the_day(tmp_path: Path) -> None:
    clock = nightly(tmp_path, '[["08:00", "12:00"], ["20:00", "24:00"]]', "8")
    friday = clock.calendar.spans(dt.date(2026, 3, 6), SHANGHAI)
    assert friday[1] == (local(2026, 3, 6, 20), local(2026, 3, 7, 0))
    assert clock.working_us(local(2026, 3, 6, 23), local(2026, 3, 9, 9)) == 2 * 3600 * 10**6
    assert clock.working_end(local(2026, 3, 6, 20), 4 * 3600 * 10**6) == local(2026, 3, 7, 0)


def test_work_across_midnight_belongs_to_the_day_on_which_it_begins(tmp_path: Path) -> None:
    """A night of Friday ends on Saturday morning; the next one is Monday's. One begins in 2026 and ends in 2027."""
    clock = nightly(tmp_path, '[["22:00", "06:00"]]', "8")
    assert clock.calendar.spans(dt.date(2026, 3, 6), SHANGHAI) == [(local(2026, 3, 6, 22), local(2026, 3, 7, 6))]
    hour = 3600 * 10**6
    assert clock.working_us(local(2026, 3, 7, 0), local(2026, 3, 9, 23)) == 7 * hour
    assert clock.working_end(local(2026, 3, 7, 5), 2 * hour) == local(2026, 3, 9, 23)
    assert clock.working_us(local(2026, 12, 31, 22), local(2027, 1, 1, 6)) == 8 * hour
    assert clock.working_us(local(2027, 1, 1, 0), local(2027, 1, 1, 12)) == 6 * hour
    assert clock.working_end(local(2026, 12, 31, 23), 6 * hour) == local(2027, 1, 1, 5)
    spans = list(clock.working_spans(local(2026, 12, 31, 20), local(2027, 1, 1, 12)))
    assert (spans[0][0], spans[-1][1]) == (local(2026, 12, 31, 22), local(2027, 1, 1, 6))


@pytest.mark.parametrize(
    ("times", "hours"),
    [('[["22:00", "06:00"], ["08:00", "12:00"]]', "12"), ('[["05:00", "12:00"], ["22:00", "06:00"]]', "15")],
)
def test_spans_that_would_overlap_the_next_day_are_refused(tmp_path: Path, times: str, hours: str) -> None:
    with pytest.raises(DataFileInvalid) as e:
        nightly(tmp_path, times, hours)
    assert "22:00 – 06:00" in str(e.value.expected)
