"""Reporting: what is due on which day, at the ends of months and years, on leap days and Mondays, and after events."""

import datetime as dt
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gridmgmt.files import data_files
from gridmgmt.periods import parse_period
from gridmgmt.reporting import duties
from gridmgmt.reporting.duties import WEEKDAYS, Due, Duty, Rule, Scheme, due_after, due_between, standing
from gridmgmt.rulebooks import load as rulebooks
from gridmgmt.settings import data_path

CITY = ZoneInfo("Asia/Shanghai")
PATHS = sorted(data_path("reporting").glob("*.yaml"))
day = dt.date.fromisoformat


def due_on(schemes: Iterable[Scheme], on: dt.date, is_working: Callable[[dt.date], bool] | None = None) -> list[Due]:
    """What is to be done on a day: it may be done on it, and is not late yet."""
    return due_between(schemes, on, on, is_working)


def scheme(**rules: Rule) -> Scheme:
    words = {"zh": "甲", "en": "A"}
    duties = tuple(Duty(id=name, what=words, by=words, to=words, rule=rule) for name, rule in rules.items())
    return Scheme(id="test", title=words, source="test", duties=duties)


def told(on: str, rule: Rule) -> list[tuple[str, str, str]]:
    """First day, last day and period of what is due on a day."""
    found = due_on([scheme(duty=rule)], day(on))
    return [(str(d.opens), str(d.day), d.period.label if d.period else "") for d in found]


# --- the schemes of the project --------------------------------------------------------------------------------------


def shipped(name: str) -> Scheme:
    return data_files.read(data_path("reporting", f"{name}.yaml"), Scheme)


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_every_scheme_of_the_project_can_be_read(path: Path) -> None:
    found = data_files.read(path, Scheme)
    assert found.id == path.stem
    assert (found.rulebook or "huiji") in rulebooks.known()
    for duty in found.duties:
        assert (
            duty.charged is None or rulebooks.load(str(found.rulebook)).rulebook.inputs[duty.charged].type == "findings"
        )


def test_every_duty_says_to_whom() -> None:
    told = {f"{s.id}.{d.id}": d.to["zh"] for s in map(shipped, (p.stem for p in PATHS)) for d in s.duties}
    assert len(told) == 47
    assert {k for k, v in told.items() if "原文未写" in v} == {
        "bureau_office.field_report",
        "changning.third_party_report",
    }
    assert {k for k, v in told.items() if v in ("《政务督察》", "杞县电视台等新闻媒体", "市劳务派遣公司")} == {
        "huiji.week_circular", "huiji.month_ranking", "qixian.media_ranking", "coadmin_staff.half_year_result",
        "coadmin_staff.contract_end",
    }  # fmt: skip
    with pytest.raises(ValidationError):
        Duty(
            **{
                "id": "a",
                "what": {"zh": "甲", "en": "A"},
                "from": {"zh": "甲", "en": "A"},
                "rule": Rule(weekly="monday"),
            }
        )


def test_the_schemes_are_those_whose_papers_name_a_cadence() -> None:
    assert {p.stem for p in PATHS} == {
        "huiji", "ningbo_district", "bureau_staff", "bureau_office", "quanshan", "county_fine_grained", "wuzhong_town",
        "wuzhong_department", "qixian", "coadmin_staff", "changning",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("2026-03-05", ["huiji.self_check", "ningbo_district.month_situation"]),
        ("2026-03-06", ["ningbo_district.month_situation"]),
        ("2026-03-09", ["ningbo_district.week_situation", "ningbo_district.month_situation"]),  # a Monday
        ("2026-03-11", []),
        ("2026-03-25", ["county_fine_grained.month_closing"]),
        ("2026-03-31", ["bureau_staff.attendance"]),
    ],
)
def test_what_is_due_on_a_day_of_march_2026(on: str, expected: list[str]) -> None:
    """Beside what the papers ask for once in a period without naming a day."""
    found = due_on(map(shipped, (p.stem for p in PATHS)), day(on))
    assert [f"{d.scheme.id}.{d.duty.id}" for d in found if d.duty.rule.states_a_day] == expected
    others = [d for d in found if not d.duty.rule.states_a_day]
    assert {d.duty.rule.once_in or d.duty.rule.once_after for d in others} == {
        "week", "month", "month@26", "quarter", "quarter@26", "half", "year", "year@26",
    }  # fmt: skip


def test_the_year_s_end_asks_for_more() -> None:
    found = due_on(map(shipped, (p.stem for p in PATHS)), day("2026-12-31"))
    assert [f"{d.scheme.id}.{d.duty.id}" for d in found if d.duty.rule.states_a_day] == [
        "huiji.department_assessment", "bureau_office.integrity_report", "bureau_staff.attendance",
        "wuzhong_town.year_evaluation",
    ]  # fmt: skip


# --- each form, at the edges of the calendar -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("2026-01-01", [("2026-01-01", "2026-01-05", "2025-12")]),  # about the year before
        ("2026-01-05", [("2026-01-01", "2026-01-05", "2025-12")]),
        ("2026-01-06", []),
        ("2026-01-31", []),
        ("2026-02-28", []),
        ("2026-03-01", [("2026-03-01", "2026-03-05", "2026-02")]),
        ("2024-03-05", [("2024-03-01", "2024-03-05", "2024-02")]),
    ],
)
def test_by_the_fifth_of_the_next_month(on: str, expected: list[tuple[str, str, str]]) -> None:
    assert told(on, Rule(day_of_next_month=5)) == expected


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("2026-01-10", [("2026-01-01", "2026-01-10", "2025-12")]),
        ("2026-01-11", []),
        ("2025-12-31", []),
        ("2026-03-01", [("2026-03-01", "2026-03-10", "2026-02")]),
    ],
)
def test_in_the_first_ten_days(on: str, expected: list[tuple[str, str, str]]) -> None:
    assert told(on, Rule(first_days_of_month=10)) == expected


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("2026-01-04", []),  # a Sunday
        ("2026-01-05", [("2026-01-05", "2026-01-05", "2025-12-29..2026-01-04")]),  # over the end of a year
        ("2026-01-06", []),
        ("2024-03-04", [("2024-03-04", "2024-03-04", "2024-02-26..2024-03-03")]),  # over a leap day
        ("2026-10-05", [("2026-10-05", "2026-10-05", "2026-09-28..2026-10-04")]),  # a Monday of the national holiday
    ],
)
def test_every_monday_about_last_week(on: str, expected: list[tuple[str, str, str]]) -> None:
    assert told(on, Rule(weekly="monday")) == expected


def test_another_weekday_is_about_the_same_last_week() -> None:
    assert told("2026-01-11", Rule(weekly="sunday")) == [("2026-01-11", "2026-01-11", "2025-12-29..2026-01-04")]


@pytest.mark.parametrize(
    ("on", "cadence", "period"),
    [
        ("2026-01-31", "month", "2026-01"),
        ("2026-02-28", "month", "2026-02"),
        ("2024-02-29", "month", "2024-02"),
        ("2024-02-28", "month", None),
        ("2026-04-30", "month", "2026-04"),
        ("2025-12-31", "month", "2025-12"),
        ("2026-03-25", "month@26", "2026-03@26"),
        ("2026-01-25", "month@26", "2026-01@26"),
        ("2025-12-25", "month@26", "2025-12@26"),
        ("2026-03-26", "month@26", None),
        ("2026-03-31", "quarter", "2026-Q1"),
        ("2026-02-28", "quarter", None),
        ("2026-06-30", "half", "2026-H1"),
        ("2025-12-31", "year", "2025"),
        ("2026-01-04", "week", "2025-12-29..2026-01-04"),
    ],
)
def test_at_the_end_of_a_period(on: str, cadence: str, period: str | None) -> None:
    assert told(on, Rule(end_of=cadence)) == ([(on, on, period)] if period else [])


@pytest.mark.parametrize(
    ("on", "rule", "expected"),
    [
        ("2024-02-01", Rule(once_in="month"), ("2024-02-01", "2024-02-29", "2024-02")),
        ("2024-02-29", Rule(once_in="month"), ("2024-02-01", "2024-02-29", "2024-02")),
        ("2026-01-01", Rule(once_after="quarter"), ("2026-01-01", "2026-03-31", "2025-Q4")),
        ("2026-03-31", Rule(once_after="quarter"), ("2026-01-01", "2026-03-31", "2025-Q4")),
        ("2026-01-01", Rule(once_after="week"), ("2025-12-29", "2026-01-04", "2025-12-22..2025-12-28")),
        ("2026-12-31", Rule(once_after="year"), ("2026-01-01", "2026-12-31", "2025")),
    ],
)
def test_some_day_of_a_period(on: str, rule: Rule, expected: tuple[str, str, str]) -> None:
    assert told(on, rule) == [expected]
    assert not rule.states_a_day


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("2026-11-30", []),
        ("2026-12-01", [("2026-12-01", "2026-12-31", "2026")]),
        ("2026-12-31", [("2026-12-01", "2026-12-31", "2026")]),
        ("2027-01-01", []),
    ],
)
def test_each_december(on: str, expected: list[tuple[str, str, str]]) -> None:
    assert told(on, Rule(last_month_of="year")) == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [("2023-03-01T10:00+08:00", "2026-03-01"), ("2024-02-29T10:00+08:00", "2027-02-28")],  # 2027 has no 29 February
)
def test_years_after_an_event(at: str, expected: str) -> None:
    assert after(Rule(after="done", years=3), at) == (expected, None)
    (found,) = due_after(
        [scheme(duty=Rule(after="done", years=3, shown_days_before=60))], {"done": dt.datetime.fromisoformat(at)}, CITY
    )
    assert (found.day - found.opens).days == 60


def test_several_days_list_each_time_once_by_last_day() -> None:
    found = due_between(
        [scheme(a=Rule(day_of_next_month=5), b=Rule(weekly="monday"))], day("2026-03-01"), day("2026-04-01")
    )
    assert [(d.duty.id, str(d.day)) for d in found] == [
        ("b", "2026-03-02"), ("a", "2026-03-05"), ("b", "2026-03-09"), ("b", "2026-03-16"), ("b", "2026-03-23"),
        ("b", "2026-03-30"), ("a", "2026-04-05"),
    ]  # fmt: skip


RULES = st.one_of(
    st.builds(Rule, day_of_next_month=st.integers(1, 28)),
    st.builds(Rule, first_days_of_month=st.integers(1, 28)),
    st.builds(Rule, weekly=st.sampled_from(WEEKDAYS)),
    *(
        st.builds(Rule, **{form: st.sampled_from(["week", "month", "month@26", "quarter", "half", "year", "year@26"])})
        for form in ("end_of", "once_in", "once_after")
    ),
    st.builds(Rule, last_month_of=st.sampled_from(["quarter", "half", "year"])),
)


@given(RULES, st.dates(day("2019-12-01"), day("2029-02-01")), st.integers(0, 400))
def test_a_span_of_days_is_the_sum_of_its_days(rule: Rule, first: dt.date, n_days: int) -> None:
    schemes = [scheme(duty=rule)]
    days = [first + dt.timedelta(days=n) for n in range(n_days + 1)]
    together = due_between(schemes, first, days[-1])
    assert sorted({(d.opens, d.day) for one in days for d in due_on(schemes, one)}) == [
        (d.opens, d.day) for d in together
    ]
    for d in together:
        assert d.opens <= d.day
        assert d.period is not None
        about_itself = any((rule.once_in, rule.end_of, rule.last_month_of))
        assert (d.day < d.period.end) if about_itself else (d.opens >= d.period.end)


@given(RULES, st.dates(day("2019-12-01"), day("2029-02-01")))
def test_every_period_is_reported_once(rule: Rule, first: dt.date) -> None:
    found = due_between([scheme(duty=rule)], first, first + dt.timedelta(days=1_200))
    periods = [d.period for d in found if d.period]
    assert len(periods) >= 2
    assert all(a.end == b.start for a, b in pairwise(periods))


@pytest.mark.parametrize("label", ["2026-03", "2026-02", "2026-05"])  # the same again, one before, one left out
def test_periods_that_do_not_follow_on_one_another_are_a_fault_and_no_endless_list(
    label: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = iter([parse_period("2026-03"), *[parse_period(label)] * 20])
    monkeypatch.setattr(duties, "period_of", lambda _day, _cadence: next(asked))
    with pytest.raises(ValueError, match=r"after 2026-03 comes no period that begins on 2026-04-01"):
        due_on([scheme(duty=Rule(end_of="month"))], day("2026-12-31"))


# --- rest days -------------------------------------------------------------------------------------------------------


def is_weekday(one: dt.date) -> bool:
    return one.weekday() < 5 and one != day("2026-04-06")  # a holiday on a Monday


def test_a_rest_day_is_kept_unless_the_scheme_says_otherwise() -> None:
    kept, moved = Rule(day_of_next_month=5), Rule(day_of_next_month=5, on_rest_day="next_working_day")
    sunday = day("2026-04-05")
    assert [str(d.day) for d in due_on([scheme(duty=kept)], sunday, is_weekday)] == ["2026-04-05"]
    assert [str(d.day) for d in due_on([scheme(duty=moved)], sunday, is_weekday)] == ["2026-04-07"]
    assert [str(d.day) for d in due_on([scheme(duty=moved)], day("2026-04-07"), is_weekday)] == ["2026-04-07"]
    assert due_on([scheme(duty=moved)], day("2026-04-08"), is_weekday) == []
    with pytest.raises(ValueError, match="calendar"):
        due_on([scheme(duty=moved)], sunday)


def test_the_project_s_schemes_ask_for_plain_days() -> None:
    assert not any(d.rule.needs_calendar for p in PATHS for d in data_files.read(p, Scheme).duties)


# --- after an event --------------------------------------------------------------------------------------------------


def after(rule: Rule, at: str, zone: ZoneInfo = CITY) -> tuple[str, str | None]:
    (found,) = due_after([scheme(duty=rule)], {"done": dt.datetime.fromisoformat(at)}, zone, is_weekday)
    return str(found.day), found.at.isoformat() if found.at else None


@pytest.mark.parametrize(
    ("at", "days", "expected"),
    [
        ("2026-03-20T00:00+08:00", 3, "2026-03-23"),
        ("2026-03-20T23:59+08:00", 3, "2026-03-23"),  # the day of the event is not counted, whatever its hour
        ("2026-03-19T16:00+00:00", 3, "2026-03-23"),  # the day is that of the city
        ("2026-12-30T10:00+08:00", 3, "2027-01-02"),
        ("2024-02-27T10:00+08:00", 3, "2024-03-01"),
        ("2026-02-27T10:00+08:00", 3, "2026-03-02"),
        ("2026-03-20T10:00+08:00", 0, "2026-03-20"),
    ],
)
def test_days_after_an_event(at: str, days: int, expected: str) -> None:
    assert after(Rule(after="done", days=days), at) == (expected, None)


@pytest.mark.parametrize(
    ("at", "days", "expected"),
    [
        ("2026-03-20T10:00+08:00", 1, "2026-03-23"),  # from a Friday
        ("2026-03-20T10:00+08:00", 3, "2026-03-25"),
        ("2026-04-03T10:00+08:00", 1, "2026-04-07"),  # over a weekend and a holiday
    ],
)
def test_working_days_after_an_event(at: str, days: int, expected: str) -> None:
    assert after(Rule(after="done", days=days, counted_in="working_days"), at) == (expected, None)


@pytest.mark.parametrize(
    ("at", "rule", "expected"),
    [
        ("2026-03-05T10:00+08:00", Rule(after="done", minutes=30), ("2026-03-05", "2026-03-05T02:30:00+00:00")),
        ("2026-03-05T10:00+08:00", Rule(after="done", hours=4), ("2026-03-05", "2026-03-05T06:00:00+00:00")),
        ("2025-12-31T23:45+08:00", Rule(after="done", minutes=30), ("2026-01-01", "2025-12-31T16:15:00+00:00")),
    ],
)
def test_hours_and_minutes_after_an_event(at: str, rule: Rule, expected: tuple[str, str]) -> None:
    assert after(rule, at) == expected


def test_hours_run_through_a_change_of_the_clocks() -> None:
    new_york = ZoneInfo("America/New_York")
    assert after(Rule(after="done", hours=4), "2026-03-08T00:30-05:00", new_york) == (
        "2026-03-08",
        "2026-03-08T09:30:00+00:00",
    )


def test_only_events_given_are_computed_and_the_others_stand() -> None:
    schemes = [shipped("huiji"), shipped("ningbo_district")]
    found = due_after(schemes, {"major_event": dt.datetime.fromisoformat("2026-03-05T10:00+08:00")}, CITY)
    assert [(d.duty.id, d.at and d.at.astimezone(CITY).strftime("%H:%M")) for d in found] == [
        ("major_event_oral", "10:30"), ("major_event_written", "14:00"),
    ]  # fmt: skip
    assert [d.id for _, d in standing(schemes)] == [
        "month_result", "quarter_result", "major_event_oral", "major_event_written",
    ]  # fmt: skip
    stated = [d for d in due_between(schemes, day("2026-03-11"), day("2026-03-15")) if d.duty.rule.states_a_day]
    assert stated == []


# --- the files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"day_of_next_month": 5, "weekly": "monday"},
        {"day_of_next_month": 0},
        {"day_of_next_month": 29},  # February has no such day
        {"weekly": "Monday"},
        {"end_of": "fortnight"},
        {"end_of": "week@3"},
        {"after": "done"},
        {"after": "done", "days": 1, "hours": 1},
        {"day_of_next_month": 5, "days": 1},
        {"after": "done", "days": -1},
        {"after": "done", "days": 1, "shown_days_before": 1},
        {"month_end": True},
    ],
)
def test_a_rule_of_no_form_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Rule(**wrong)
