"""What must not be possible, or must not stop the rest: odd facts, numbers taken, marks set wrongly, clocks gamed."""

import datetime as dt
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gridmgmt.assessing.operations import scoring
from gridmgmt.casework.cases import STATES
from gridmgmt.casework.operations import cases, lookup
from gridmgmt.casework.operations import time_limits as limit_ops
from gridmgmt.casework.operations.requests import Request
from gridmgmt.cli import casework as commands
from gridmgmt.database.work import Work
from gridmgmt.errors import DocketMovedOn, FactInvalid, FactUnknown, OptionInvalid, RowTaken, StepRefused
from gridmgmt.figures.operations import step_counts
from gridmgmt.files import calendars
from gridmgmt.intake.operations import step_sheets
from gridmgmt.periods import parse_period
from tests import worlds
from tests.postgis.figures.test_step_counts import inputs, to_verification
from tests.postgis.worksite import acted, at, dispatched, folded, opened, own_calendar, row, take

EVENING = at(18)


@pytest.mark.parametrize(
    ("kind", "facts", "error"),
    [
        ("deadline", {"due_at": "soon"}, FactInvalid),
        ("deadline", {"due_at": "9999-12-31"}, FactInvalid),
        ("send_back", {"agreed": "maybe"}, FactInvalid),
        ("send_back", {"limits": "x"}, FactUnknown),
        ("note", {"call_at": "soon"}, FactUnknown),
        ("supervise", {"order_kind": "leader", "amount": "abc"}, FactInvalid),
        ("supervise", {"order_kind": "leader", "due_at": at(9).isoformat()}, StepRefused),
        ("renew", {}, StepRefused),
    ],
)
def test_an_odd_fact_is_refused_and_nothing_later_fails_by_it(
    desk: Work, kind: str, facts: dict[str, Any], error: type[Exception]
) -> None:
    dispatched(desk)
    with pytest.raises(error):
        take(desk, kind, 10, reason="x", **facts)
    assert folded(desk).n_steps == 4
    assert lookup.show_case(desk.but(now=at(10)), "A").case.state == "dispatched"
    scoring.score(desk, "xihu", parse_period("2025-12"))
    scoring.score(desk, "beijing_grid", parse_period("2025-12"))


def test_a_deadline_by_hand_is_city_time_and_shows_everywhere(desk: Work) -> None:
    dispatched(desk)
    take(desk, "deadline", 10, reason="录错", due_at="2025-12-02 12:00")
    assert (folded(desk).due_at, folded(desk).effective_due_at) == (at(15.5), at(12, 2))
    assert lookup.show_case(desk.but(now=at(13, 2)), "A").accounts[0].n_deductions == 1
    lookup.clocks(desk.but(now=at(13, 2)), "A")
    scoring.score(desk, "beijing_grid", parse_period("2025-12"))


def test_numbers_that_are_taken_are_passed_over(desk: Work) -> None:
    opened(desk, "C2025120100001")
    opened(desk, "C2025120100003")
    requests = [
        Request("report", "王某", None, at(9), facts={"source": "x"}),
        Request("report", "王某", "C2025120100004", at(9), facts={"source": "x"}),
        Request("report", "王某", None, at(9), facts={"source": "x"}),
    ]
    numbers = [o.case.case_no for o in cases.take(desk, requests) if o.case]
    assert numbers == ["C2025120100002", "C2025120100004", "C2025120100005"]


@pytest.mark.parametrize("number", ["", " ", "A 1", "A#1", "A!hang1", "x" * 65])
def test_a_number_that_could_be_a_steps_is_refused(desk: Work, number: str) -> None:
    with pytest.raises(StepRefused) as e:
        opened(desk, number)
    assert e.value.why == "number_unfit"


def test_only_a_dispatch_names_another_unit(desk: Work) -> None:
    dispatched(desk)
    with pytest.raises(StepRefused) as e:
        take(desk, "supervise", 10, reason="批示", order_kind="leader", unit="U2")
    assert (e.value.why, e.value.unit) == ("unit_never_had", "U2")
    take(desk, "send_back", 10, reason="x")
    take(desk, "dispatch", 10, unit="U2")
    assert take(desk, "supervise", 11, reason="批示", order_kind="leader", unit="U1").orders
    with pytest.raises(StepRefused) as e:  # else the send-back would be the other unit's
        take(desk, "send_back", 12, reason="x", unit="U1")
    assert e.value.why == "unit_not_holding"


def test_a_void_case_counts_for_nobody(desk: Work) -> None:
    dispatched(desk, "P1")
    take(desk, "supervise", 9.6, "P1", reason="批示", order_kind="leader", due_at=at(17).isoformat())
    take(desk, "receive", 10, "P1")
    assert inputs(desk, "ningbo_district", "D1")["supervised_late"] == 1
    assert inputs(desk, "beijing_grid", "D1-1")["accounts"]
    take(desk, "void", 12, "P1", day=20, reason="重复立案")
    assert inputs(desk, "ningbo_district", "D1")["supervised_late"] == 0
    assert not inputs(desk, "beijing_grid", "D1-1").get("accounts")


def test_many_visits_on_one_case_are_one_by_the_last_verdict(desk: Work) -> None:
    to_verification(desk, "A", source="公众举报")
    take(desk, "close", 12, "A")
    for hour, verdict in ((13, "satisfied"), (14, "satisfied"), (15, "满意"), (16, "unsatisfied"), (17, "none")):
        take(desk, "visit", hour, "A", verdict=verdict)
    found = inputs(desk, "city_department_annex2", "U1", "2025")
    assert (found["valid_visits"], found["satisfied"]) == (1, 0)


def test_a_mark_that_was_taken_back_does_not_count(desk: Work) -> None:
    for no in ("A", "B"):
        dispatched(desk, no)
        take(desk, "mark_false", 10, no, reason="照片不实")
    take(desk, "unmark", 11, "A", reason="核实无误", mark="虚假")
    assert folded(desk, "A").flags() == ["hanging"]
    assert n_false(desk, at(12)) == ["B#5"]
    assert n_false(desk, at(10.5)) == ["A#5", "B#5"]


def n_false(work: Work, cut: dt.datetime) -> list[str]:
    with work.snapshot() as connection:
        frame = step_counts.steps_of_period(connection, at(0), at(0, 31), cut, ["n_false"])
    return sorted(frame[(frame["kind"] == "mark_false") & (frame["at"] <= cut)]["step_no"])


def test_what_happens_at_the_turn_of_the_month_belongs_to_the_next(desk: Work) -> None:
    to_verification(desk, "P1")
    take(desk, "fail", 24, "P1", day=31, reason="未清理")  # the first instant of January
    december, january = (inputs(desk, "beijing_grid", "D1-1", p)["accounts"] for p in ("2025-12", "2026-01"))
    assert december[0]["steps"] == ["dispatched"]
    assert january[0]["steps"][:3] == ["dispatched", "answered", "failed"]


def test_a_unit_that_sent_a_case_back_has_no_open_account(desk: Work) -> None:
    dispatched(desk, "P1")
    take(desk, "send_back", 10, "P1", reason="不属本单位")
    (account,) = inputs(desk, "beijing_grid", "D1-1")["accounts"]
    assert account["steps"] == ["dispatched", "sent_back"]


def test_a_case_as_it_was_then(desk: Work) -> None:
    dispatched(desk)
    take(desk, "send_back", 12, reason="不属本单位")
    then = lookup.show_case(desk.but(now=at(11)), "A")
    assert (then.steps[-1].kind, then.case.state, then.case.unit_code) == ("dispatch", "dispatched", "U1")
    with pytest.raises(DocketMovedOn):
        lookup.list_cases(desk.but(now=at(11)))
    assert lookup.list_cases(desk.but(now=at(12)))[0] == 1


def test_the_mark_exposed_follows_the_hanging_account(desk: Work) -> None:
    dispatched(desk)
    assert lookup.show_case(desk.but(now=at(15.5)), "A").marks == ["hanging"]  # due now
    assert lookup.show_case(desk.but(now=at(15.5, 2)), "A").marks == ["overdue", "hanging"]
    assert lookup.show_case(desk.but(now=at(15.6, 2)), "A").marks == ["overdue", "hanging", "exposed"]


def test_refused_rows_keep_who_reported_to_themselves(desk: Work, tmp_path: Path) -> None:
    path = tmp_path / "steps.csv"
    profile = step_sheets.step_profile("steps")
    heads = profile.file_columns()
    cells = {"步骤": "上报", "经办人": "王某", "类别": "没有", "举报人": "张三丰", "举报电话": "13800001111"}
    path.write_text(",".join(heads) + "\n" + ",".join(cells.get(h, "") for h in heads) + "\n", "utf-8")
    report = step_sheets.take_file(desk.but(actor=""), path, "steps")
    assert report.n_refused == 1
    assert "13800001111" not in str(report.as_dict())
    assert step_sheets.rejected_rows(report, "steps")[2]["举报电话"] == "13800001111"


def test_reports_of_a_sheet_are_told_what_they_may_repeat(desk: Work, tmp_path: Path) -> None:
    case = opened(desk, "A")
    heads = step_sheets.step_profile("steps").file_columns()
    cells = {
        "步骤": "上报", "经办人": "王某", "来源": "热线", "问题类型": "部件", "类别": "01001",
        "时间": "2025-12-01 10:00", "经度": str(case.lon), "纬度": str(case.lat),
    }  # fmt: skip
    there = [cells.get(h, "") for h in heads]
    far = [{**cells, "经度": "114.9"}.get(h, "") for h in heads]
    path = tmp_path / "steps.csv"
    path.write_text("\n".join(",".join(row) for row in (heads, there, far)) + "\n", "utf-8")
    report = step_sheets.take_file(desk.but(actor=""), path, "steps")
    assert (report.n_taken, list(report.suspects)) == (2, [2])
    assert [s["case_no"] for s in report.suspects[2]] == ["A"]


def test_a_row_that_says_something_else_now_is_told(desk: Work) -> None:
    dispatched(desk)
    facts = {"order_kind": "领导批示", "due_at": "2025-12-01 17:00"}
    request = Request("supervise", "李某", "A", at(10), reason="批示", facts=facts, ref="sheet#2")
    assert next(iter(cases.take(desk, [request]))).case is not None
    again = next(iter(cases.take(desk, [request])))
    assert (again.case, again.fault) == (None, None)
    for other in (
        replace(request, facts={**facts, "due_at": "2025-12-01 18:00"}),
        replace(request, actor="张某"),
        replace(request, unit_code="U2"),
    ):
        assert isinstance(next(iter(cases.take(desk, [other]))).fault, RowTaken), other


@pytest.mark.parametrize("told", [{"actor": "李\x00"}, {"actor": "\udcff"}, {"reason": "a\x07"}, {"case_no": "A\x00"}])
def test_what_no_database_can_hold_is_refused(desk: Work, told: dict[str, str]) -> None:
    request = Request("report", "李某", "N", at(9), facts={"source": "x"})
    with pytest.raises((StepRefused, FactInvalid)):
        acted(desk, replace(request, **told))


def test_a_deadline_named_at_the_dispatch_fails_again_by_the_tables_limit(desk: Work) -> None:
    opened(desk)
    for kind in ("accept", "register"):
        take(desk, kind, 9.1)
    take(desk, "dispatch", 9.5, due_at="2025-12-01 12:00")
    (account,) = lookup.show_case(desk.but(now=at(9, 2)), "A").accounts  # then 4 working hours: Monday 18:00
    assert [p.due_at for p in account.periods] == [at(12), at(18), at(12, 2)]


# --- renewing ---------------------------------------------------------------------------------------------------------


def test_renewing_gives_stored_cases_the_deadlines_of_the_new_calendar(
    desk: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A calendar known through 2 December 2025, then one in which the 3rd turns out to be a day off."""

    before, after = own_calendar(tmp_path, "", "2025-12-02"), own_calendar(tmp_path, "2025-12-03")
    monkeypatch.setattr(calendars, "load", lambda _name: before)
    opened(desk, "A")
    opened(desk, "B")
    for no in ("A", "B"):
        take(desk, "accept", 16, no, day=2)
        take(desk, "register", 16, no, day=2)
    case = take(desk, "dispatch", 16, "A", day=2)  # 4 working hours from the 2nd, 16:00
    assert (case.due_at, case.is_provisional) == (at(10, 3), True)
    known = take(desk, "dispatch", 16, "B", day=2, due_at=at(9, 9).isoformat())
    assert cases.renew_deadlines(desk) == []
    monkeypatch.setattr(calendars, "load", lambda _name: after)
    assert [r.case_no for r in cases.renew_deadlines(desk)] == ["A"]
    assert cases.renew_deadlines(desk) == []
    case = folded(desk, "A")
    assert (case.due_at, case.is_provisional, row(desk, "A")["due_at"]) == (at(10, 4), False, at(10, 4))
    assert folded(desk, "B") == known
    shown = lookup.show_case(desk, "A")
    assert shown.steps[-1].kind == "renew"
    assert lookup.show_case(desk.but(now=dt.datetime.now(dt.UTC)), "A").accounts[0].periods[0].due_at == at(10, 4)


def test_a_holiday_moved_by_decree_leaves_each_deadline_with_its_own_calendar_until_it_is_renewed(
    desk: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known through the year from the beginning; then 2 and 3 December 2025 become days off."""
    before, after = (own_calendar(tmp_path, days) for days in ("", "2025-12-02, 2025-12-03"))
    monkeypatch.setattr(calendars, "load", lambda _name: before)
    opened(desk, "A")
    for kind in ("accept", "register", "dispatch"):
        case = take(desk, kind, 16, "A")  # 4 working hours from Monday the 1st, 16:00
    assert (case.due_at, case.is_provisional) == (at(10, 2), False)
    working = handling(desk, "A").deadline
    assert working is not None
    assert handling(desk, "A").calendar is None

    monkeypatch.setattr(calendars, "load", lambda _name: after)
    clock = handling(desk, "A")
    assert (clock.due_at, clock.deadline, clock.calendar) == (at(10, 2), working, before.identity)
    assert clock.light is not None
    assert clock.light.share == Fraction(1, 2)  # at 18:00 of the day: two of its four hours
    (listed,) = cases.renew_deadlines(desk.but(keep=False))
    assert (listed.case_no, listed.calendars, listed.state) == ("A", (before.identity,), "dispatched")
    assert (listed.before["due_at"], listed.after["due_at"]) == (at(10, 2), at(10, 4))
    assert folded(desk, "A") == case

    assert cases.renew_deadlines(desk) == [listed]
    assert cases.renew_deadlines(desk) == []
    assert handling(desk, "A").due_at == at(10, 2)  # as it stood on that day
    clock = handling(desk, "A", None)
    assert (clock.due_at, clock.calendar, row(desk, "A")["due_at"]) == (at(10, 4), None, at(10, 4))
    assert clock.deadline is not None
    assert {"days": "2025-12-02 – 2025-12-03", "kind": "holiday", "zh": None, "en": None} in [
        line.facts for line in clock.deadline.working
    ]

    monkeypatch.setattr(calendars, "load", lambda _name: before)  # the decree is taken back
    (back,) = cases.renew_deadlines(desk)
    assert (back.before["due_at"], back.after["due_at"]) == (at(10, 4), at(10, 2))
    assert handling(desk, "A", None).deadline == working


def test_a_calendar_that_was_never_kept_leaves_a_deadline_without_working_and_says_so(
    desk: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatched(desk)
    counted = folded(desk).due_at
    other = replace(calendars.load("none"), identity="none@0123456789ab")
    with worlds.tampered(desk) as connection:
        connection.execute(text("DELETE FROM work_calendar"))
    monkeypatch.setattr(calendars, "load", lambda _name: other)
    clock = handling(desk, "A")
    assert (clock.due_at, clock.is_kept) == (counted, False)
    assert clock.calendar is not None


def test_a_stage_that_is_done_keeps_the_calendar_that_held_then(
    desk: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four hours of verification from Monday 15:00; a decree frees Tuesday to Thursday afterwards."""
    before = replace(calendars.load("none"), identity="none@0123456789ab")
    decreed = frozenset(dt.date(2025, 12, day) for day in (2, 3, 4))
    after = replace(before, days_off=decreed, identity="none@ba9876543210")
    now = before
    monkeypatch.setattr(calendars, "load", lambda _name: now)
    limits = tmp_path / "stages.csv"
    limits.write_text("category,stage,amount,unit\n*,verification,4,工作时\n*,dispatch,4,工作时\n", "utf-8")
    limit_ops.import_limits(desk, limits)
    for case_no in ("A", "B"):
        dispatched(desk, case_no)
        take(desk, "receive", 11, case_no)
        take(desk, "answer", 15, case_no)
    take(desk, "verify", 15.5, "A")
    take(desk, "close", 15.9, "A")
    clock = stage(desk, "verification", "A")
    assert (clock.due_at, clock.ended_at, clock.calendar) == (at(9, 2), at(15.9), None)

    now = after
    assert stage(desk, "verification", "A", None) == replace(clock, calendar=before.identity)
    assert stage(desk, "acceptance", "A", None).calendar == before.identity, "also one done before any deadline was set"
    running = stage(desk, "verification", "B")
    assert (running.due_at, running.calendar) == (at(9, 5), None), "what runs is counted as the city works now"
    assert cases.renew_deadlines(desk.but(keep=False)) == []

    opened(desk, "C")  # from now on the desk counts by the other calendar
    for kind in ("accept", "register", "dispatch"):
        take(desk, kind, 16, "C")
    take(desk, "verify", 16.5, "B")
    take(desk, "close", 17, "B")
    assert [stage(desk, "verification", no, None).due_at for no in ("A", "B")] == [at(9, 2), at(9, 5)]
    assert stage(desk, "verification", "B", None).calendar is None


def stage(work: Work, name: str, case_no: str, now: dt.datetime | None = EVENING) -> lookup.StageClock:
    """The clock of one stage of a case, on the day of its dispatch at 18:00 or (None) today."""
    _, found = lookup.clocks(work.but(now=now), case_no)
    return next(c for c in found if c.stage == name)


def handling(work: Work, case_no: str, now: dt.datetime | None = EVENING) -> lookup.StageClock:
    """The clock of a case's handling, on the day of its dispatch at 18:00 or (None) today."""
    return stage(work, "handling", case_no, now)


def test_the_commands_take_states_and_facts_by_their_chinese_words() -> None:
    assert {commands._by_word(x, "state", STATES, "--state") for x in ("处置中", " handling")} == {"handling"}
    with pytest.raises(OptionInvalid):
        commands._by_word("处置", "state", STATES, "--state")
    assert commands._facts(["时限=2025-12-02 12:00", "错派=是"]) == {"时限": "2025-12-02 12:00", "错派": "是"}
