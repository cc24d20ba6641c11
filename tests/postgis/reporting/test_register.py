"""The register of reports: entered, corrected, withdrawn; how duties stand; lateness as entries that scoring reads."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from gridmgmt import texts
from gridmgmt.assessing.operations import entries, scoring
from gridmgmt.casework.operations import photographs
from gridmgmt.database.actors import written
from gridmgmt.database.work import Work
from gridmgmt.errors import FileRefused, OptionInvalid, PeriodInvalid, SchemeMissing
from gridmgmt.periods import parse_period
from gridmgmt.reporting.operations import charging, registering
from gridmgmt.reporting.operations import due as reporting
from gridmgmt.scorecards.documents import Document
from tests.pictures import PDF

SCHEME, MONTH, WEEK = "ningbo_district", "month_situation", "week_situation"
APRIL = dt.datetime(2025, 4, 30, 16, 0, tzinfo=dt.UTC)  # midnight after the last day of April, in the town's time


def at(work: Work, when: dt.datetime = APRIL) -> Work:
    return work.but(now=when, actor="李某")


def enter(work: Work, duty: str, about: str, when: str, code: str = "D1", **more: Any) -> registering.Registered:
    root = more.pop("root", Path("nowhere"))
    return registering.enter(at(work), root, SCHEME, duty, about=about, subject=code, at=when, **more)


def stands(work: Work, day: str, *, now: dt.datetime = APRIL, units: bool = True) -> dict[tuple[str, str], Any]:
    """Duty and who owes it → state, on a day."""
    on = dt.date.fromisoformat(day)
    rows = reporting.due(at(work, now), on, on, schemes=[SCHEME], units=units)
    return {(r["duty"], r.get("subject_code", "")): r["state"] for r in rows if r["state"] is not None}


def test_in_time_is_until_the_end_of_the_last_day_in_city_time(town: Work) -> None:
    """About March, until the 10th of April: 16:00 UTC begins the 11th there."""
    assert enter(town, MONTH, "2025-03", "2025-04-10T23:59:59").state == "done"
    assert enter(town, MONTH, "2025-03", "2025-04-10T16:00:00Z", "D2").state == "done_late"
    assert stands(town, "2025-04-10") == {(MONTH, "D1"): "done", (MONTH, "D2"): "done_late"}
    assert stands(town, "2025-04-10", units=False) == {(MONTH, ""): "done_late"}


def test_due_until_its_last_day_is_over_and_late_from_then_on(town: Work) -> None:
    last, over = (dt.datetime(2025, 4, 10, hour, minute, tzinfo=dt.UTC) for hour, minute in ((15, 59), (16, 0)))
    assert set(stands(town, "2025-04-10", now=last).values()) == {"due"}
    assert set(stands(town, "2025-04-10", now=over).values()) == {"late"}
    enter(town, MONTH, "2025-03", "2025-04-09")
    assert stands(town, "2025-04-10", now=over) == {(MONTH, "D1"): "done", (MONTH, "D2"): "late"}
    rows = reporting.due(at(town, over), dt.date(2025, 4, 10), dt.date(2025, 4, 10), schemes=[SCHEME])
    assert [(r["state"], r["n_done"], r["n_owed"]) for r in rows if r["state"]] == [("late", 1, 2)]
    assert rows[0]["to"]["zh"] == "市数字城管指挥中心"


def test_a_report_before_its_days_is_taken_and_told(town: Work) -> None:
    """A month's report on the month's last working day may be; mistyped it would pass as in time without a word."""
    early = enter(town, MONTH, "2025-03", "2025-03-31T23:59:59")
    assert (early.state, early.early, early.opens) == ("done", True, dt.date(2025, 4, 1))
    assert not enter(town, MONTH, "2025-03", "2025-04-01").early


def test_a_correction_counts_and_what_stood_before_is_kept(town: Work) -> None:
    assert enter(town, MONTH, "2025-03", "2025-04-12").change == "new"
    assert enter(town, MONTH, "2025-03", "2025-04-12").change == "unchanged"
    assert enter(town, MONTH, "2025-03", "2025-04-09", note="收文簿").change == "corrected"
    assert stands(town, "2025-04-10")[MONTH, "D1"] == "done"
    told = {"about": "2025-03", "subject": "D1", "reason": "登记错单位"}
    registering.withdraw(at(town), SCHEME, MONTH, **told)
    assert stands(town, "2025-04-10")[MONTH, "D1"] == "late"
    assert registering.listed(town, SCHEME) == []
    kept = registering.listed(town, SCHEME, history=True)
    assert [(r["note"], r["by"], r["holds"], r["at"] is None) for r in kept] == [
        (None, "李某", False, False), ("收文簿", "李某", False, False), ("登记错单位", "李某", True, True),
    ]  # fmt: skip
    with pytest.raises(OptionInvalid):  # it holds no more
        registering.withdraw(at(town), SCHEME, MONTH, **told)
    with town.snapshot() as connection:
        assert [(w.object, w.actor) for w in written(connection, kind="handed_in")] == [
            (f"{SCHEME} {MONTH} 2025-03", "李某")
        ] * 3  # fmt: skip


def test_the_report_itself_is_kept_like_a_photograph(town: Work, tmp_path: Path) -> None:
    paper, root = tmp_path / "三月.pdf", tmp_path / "kept"
    paper.write_bytes(PDF)
    enter(town, MONTH, "2025-03", "2025-04-09", files=[paper], root=root)
    (row,) = registering.listed(town, SCHEME)
    assert photographs.read(town, root, row["sha256"], "original") == (PDF, "application/pdf")
    assert photographs.check(town, root).n_sound == 1
    paper.write_text("no report")
    with pytest.raises(FileRefused):
        enter(town, MONTH, "2025-04", "2025-04-09", files=[paper], root=root)


@pytest.mark.parametrize(
    ("duty", "about", "when", "code", "wanted"),
    [
        ("weekly", "2025-03", "2025-04-09", "D1", "week_situation"),
        (MONTH, "2025-Q1", "2025-04-09", "D1", "2025-01"),
        (WEEK, "2025-03", "2025-04-09", "D1", "2025-02-24..2025-03-02"),  # a month is no week
        (MONTH, "2025-03", "2025-05-02", "D1", "≤"),  # still to come
        (MONTH, "2025-03", "2025-02-28T23:59:59", "D1", "≥ 2025-03-01 00:00"),  # about a month that has not begun
        (MONTH, "2025-03", "2025-04-09", "D9", "D1 / D2"),
        (MONTH, "2025-03", "2025-04-09", "", "D1 / D2"),
        ("major_event_oral", "7", "2025-04-09", "D1", "event_entered"),  # nobody entered the event
    ],
)
def test_what_cannot_be_is_refused_with_what_can(
    town: Work, duty: str, about: str, when: str, code: str, wanted: str
) -> None:
    with pytest.raises(OptionInvalid) as e:
        enter(town, duty, about, when, code)
    assert wanted in str(e.value.expected)
    with pytest.raises(PeriodInvalid):
        enter(town, MONTH, "March", "2025-04-09")
    with pytest.raises(SchemeMissing):
        registering.enter(at(town), Path(), "nowhere", MONTH, about="2025-03", at="2025-04-09")


# --- major events -----------------------------------------------------------------------------------------------------


def event(work: Work, no: str, when: str, code: str = "D1", name: str = "major_event") -> registering.Registered:
    return registering.enter_event(at(work), SCHEME, name, no, subject=code, at=when)


def test_another_units_event_is_told_with_whose_it_is(town: Work) -> None:
    event(town, "7", "2025-04-05T10:00", "D2")
    event(town, "8", "2025-04-05T10:00")
    with pytest.raises(OptionInvalid) as e:
        enter(town, "major_event_oral", "7", "2025-04-05T10:30")
    zh, en = (texts.word(e.value.code, e.value.facts, lang) for lang in texts.LANGUAGES)
    assert "D1 已登记的重大事项（major_event）的编号：8；“7”是 D2 网格D2 的" in zh
    assert "the number of a major event (major_event) that was entered of D1: 8; “7” is an event of D2 " in en
    with pytest.raises(OptionInvalid) as e:
        enter(town, "major_event_oral", "9", "2025-04-05T10:30")
    assert "D1 已登记的重大事项（major_event）的编号：8；尚未登记的" in texts.word(e.value.code, e.value.facts)


def test_what_follows_an_event_is_due_to_the_minute(town: Work) -> None:
    event(town, "7", "2025-04-05T10:00")
    assert enter(town, "major_event_oral", "7", "2025-04-05T10:30").state == "done"
    assert enter(town, "major_event_written", "7", "2025-04-05T14:00:01").state == "done_late"
    with pytest.raises(OptionInvalid) as before:
        enter(town, "major_event_oral", "7", "2025-04-05T09:59:59")  # would be in time, before it happened
    assert before.value.expected == "≥ 2025-04-05 10:00"
    found = stands(town, "2025-04-05")
    assert {k: v for k, v in found.items() if k[0] != MONTH} == {
        ("major_event_oral", "D1"): "done", ("major_event_written", "D1"): "done_late",
    }  # fmt: skip
    assert ("major_event_oral", "D1") not in stands(town, "2025-04-06")
    with pytest.raises(OptionInvalid) as e:
        event(town, "8", "2025-04-05", name="quake")
    assert e.value.expected == "major_event"


def test_a_corrected_event_judges_its_reports_anew(town: Work) -> None:
    """At 10:00 both were in time; at 10:20 the oral one is older than the event, at 9:00 both are late."""
    event(town, "7", "2025-04-05T10:00")
    enter(town, "major_event_oral", "7", "2025-04-05T10:10")
    enter(town, "major_event_written", "7", "2025-04-05T13:30")
    oral, written = ("major_event_oral", "D1"), ("major_event_written", "D1")

    def judged(when: str) -> tuple[str, list[tuple[str, str, str, bool]], Any, Any]:
        done = event(town, "7", when)
        now = stands(town, "2025-04-05")
        return done.change, [(x.duty, x.was, x.state, x.gone) for x in done.rejudged], now[oral], now[written]

    gone = ("major_event_oral", "done", "late", True)
    assert judged("2025-04-05T10:20") == ("corrected", [gone], "late", "done")
    before = {r["what"]: r["before_event"] for r in registering.listed(town, SCHEME)}
    assert before == {"major_event": False, "major_event_oral": True, "major_event_written": False}
    rows = reporting.due(at(town), dt.date(2025, 4, 5), dt.date(2025, 4, 5), schemes=[SCHEME])
    assert [r["handed_in_at"] for r in rows if r["duty"] == "major_event_oral" and r["state"]] == [None]
    assert charged(town).n_new == charged(town).n_unchanged > 0
    assert "未报" in entries.list_entries(town, SCHEME, "2025-04")[-1]["evidence"]
    late = [("major_event_oral", "late", "done_late", False), ("major_event_written", "done", "done_late", False)]
    assert judged("2025-04-05T09:00") == ("corrected", late, "done_late", "done_late")
    assert judged("2025-04-05T09:00") == ("unchanged", [], "done_late", "done_late")
    back = [("major_event_oral", "done_late", "done", False), ("major_event_written", "done_late", "done", False)]
    assert judged("2025-04-05T10:00") == ("corrected", back, "done", "done")


# --- lateness becomes entries -----------------------------------------------------------------------------------------


def charged(work: Work, period: str = "2025-04", now: dt.datetime = APRIL) -> entries.EntryReport:
    return charging.charge(at(work, now), SCHEME, period)


def findings(work: Work, period: str = "2025-04") -> list[tuple[str, str, Any]]:
    """Who, which input, on which day – of the entries that hold."""
    rows = entries.list_entries(work, SCHEME, period)
    return [(r["subject_code"], r["input"], r["value"]["on"]) for r in rows]


def in_time(work: Work) -> None:
    """Every weekly and monthly report that was due in April 2025, of both districts, in time."""
    for code in ("D1", "D2"):
        enter(work, MONTH, "2025-03", "2025-04-10", code)
        for monday in ("2025-03-31", "2025-04-07", "2025-04-14", "2025-04-21"):
            first = dt.date.fromisoformat(monday)
            days = [first + dt.timedelta(days=n) for n in (0, 6, 7)]
            enter(work, WEEK, f"{days[0]}..{days[1]}", days[2].isoformat(), code)


def test_late_and_missing_reports_become_findings_with_their_source(town: Work) -> None:
    in_time(town)
    assert charged(town).n_new == 0
    enter(town, MONTH, "2025-03", "2025-04-11T09:30", "D2")
    registering.withdraw(at(town), SCHEME, WEEK, about="2025-04-07..2025-04-13", subject="D1", reason="错")
    assert (charged(town).n_new, charged(town).n_unchanged) == (2, 2)
    assert findings(town) == [
        ("D1", "late_situation_reports", "2025-04-14"), ("D2", "late_situation_reports", "2025-04-10"),
    ]  # fmt: skip
    rows = entries.list_entries(town, SCHEME, "2025-04")
    assert [r["ref"] for r in rows] == [
        "report:week_situation:2025-04-07..2025-04-13",
        "report:month_situation:2025-03",
    ]
    assert {r["file"] for r in rows} == {"reporting/ningbo_district"}
    assert "未报" in rows[0]["evidence"]
    assert "2025-04-11 09:30" in rows[1]["evidence"]


def test_what_was_in_time_after_all_is_taken_back_and_people_s_own_findings_stay(town: Work, tmp_path: Path) -> None:
    in_time(town)
    enter(town, MONTH, "2025-03", "2025-04-11", "D2")
    own = tmp_path / "own.csv"
    own.write_text("period,subject,input,on,ref\n2025-04,D2,late_situation_reports,2025-04-03,desk-1\n", "utf-8")
    assert entries.import_entries(at(town), SCHEME, own).n_new == 1
    charged(town)
    enter(town, MONTH, "2025-03", "2025-04-09", "D2")
    assert charged(town).n_withdrawn == 1
    assert findings(town) == [("D2", "late_situation_reports", "2025-04-03")]
    assert charged(town).n_withdrawn == 0


def test_what_is_not_over_is_not_late(town: Work) -> None:
    tenth = dt.datetime(2025, 4, 10, 12, tzinfo=dt.UTC)
    report = charging.charge(at(town, tenth).but(keep=False), SCHEME, "2025-04")
    assert (report.n_new, report.dry_run) == (
        2 * 1,
        True,
    )  # the Monday of the 7th, of two districts; not yet the month's
    assert findings(town) == []


def test_a_scheme_that_charges_for_nothing_says_which_do(town: Work) -> None:
    with pytest.raises(OptionInvalid) as e:
        charging.charge(at(town), "huiji", "2025-04")
    assert e.value.expected == SCHEME


def test_scoring_reads_the_entries_and_two_major_events_cost_the_award(town: Work, tmp_path: Path) -> None:
    """2.3: 2 for a late report, 3 for an event whatever of it was late; two events within the year lose the award."""
    in_time(town)
    event(town, "7", "2025-04-05T10:00")  # neither reported orally nor in writing: one event
    event(town, "8", "2025-04-20T10:00")
    enter(town, "major_event_oral", "8", "2025-04-20T10:20")
    event(town, "9", "2025-04-25T10:00", "D2")
    for duty, when in (("major_event_oral", "2025-04-25T10:30"), ("major_event_written", "2025-04-25T14:00")):
        enter(town, duty, "9", when, "D2")
    assert charged(town).n_new == 3
    signed = tmp_path / "signed.csv"
    signed.write_text("period,subject,input,value\n2025-04,*,signed_off,yes\n", "utf-8")
    entries.import_entries(at(town), SCHEME, signed)
    made = scoring.score(town, SCHEME, parse_period("2025-04"))
    found = {s.subject.code: s for s in made.subjects}
    assert {code: _points(card, "r_major") for code, card in found.items()} == {"D1": "6", "D2": "0"}
    assert {code: [c.consequence for c in card.consequences] for code, card in found.items()} == {
        "D1": ["no_award"], "D2": [],
    }  # fmt: skip


def _points(card: Document, item: str) -> str | None:
    (line,) = [x for x in card.lines if x.item == item]
    return line.points.exact if line.points else None
