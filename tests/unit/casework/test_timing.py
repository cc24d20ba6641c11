"""Deadlines of steps: a unit's own time left, pauses, extensions, and what a calendar that comes later moves."""

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gridmgmt.calendars import Clock
from gridmgmt.casework import hanging, transitions
from gridmgmt.casework.cases import Case, Limits, Step, written
from gridmgmt.casework.operations.context import is_later
from gridmgmt.casework.timing import Timing, next_limits_of
from gridmgmt.deadlines import Limit
from gridmgmt.errors import StepRefused
from gridmgmt.files import calendars

ZONE = ZoneInfo("Asia/Shanghai")
LIMITS = Limits(2, 1, 365)
DAY = (Limit.parse("1", "working_day"),)
FOUR_HOURS = (Limit.parse("4", "working_hour"),)


def own_clock(folder: Path, days_off: str, known_through: str) -> Clock:
    path = folder / f"{known_through}.yaml"
    path.write_text(
        "id: own\ntitle: {zh: 自有, en: own}\nholidays: listed\nwork_week: [1, 2, 3, 4, 5]\nhours_per_day: 8\n"
        f'working_time: [["08:00", "12:00"], ["14:00", "18:00"]]\ndays_off: [{days_off}]\n'
        f"known_through: {known_through}\n",
        "utf-8",
    )
    return Clock(calendars.load(str(path)), ZONE)


@pytest.fixture
def timing(tmp_path: Path) -> Timing:
    return Timing(own_clock(tmp_path, "", "2026-12-31"), LIMITS.postponement_days)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(dt.UTC)


def local(when: dt.datetime | None) -> str:
    assert when is not None
    return when.astimezone(ZONE).strftime("%m-%d %H:%M")


class Life:
    """A case whose steps get their deadlines as they are taken."""

    def __init__(self, timing: Timing) -> None:
        self.timing, self.steps, self.case = timing, list[Step](), Case("C1")
        for kind in ("report", "accept", "register"):
            self.take(kind, "2026-03-02 08:00", category="matter:06010")  # a Monday

    def take(self, kind: str, when: str, unit: str | None = None, limits: Any = DAY, **facts: Any) -> Case:
        step = Step(kind, at(when), "王某", unit or self.case.unit_code, "x", facts, seq=len(self.steps) + 1)
        if kind == "deadline" and self.case.due_at is not None:
            step = replace(step, facts={**facts, "later": is_later(step, self.case.due_at)})
        match kind:
            case "dispatch":
                found = self.timing.continued(step, "C1", self.steps) or self.timing.named(step, step.at)
                step = found or self.timing.timed(step, step.at, limits)
            case "extend":
                step = self.timing.extended(step, self.case, self.steps)
            case "resume":
                step = self.timing.resumed(step, self.case, self.steps)
            case "fail":
                step = self.timing.failed(step, self.steps)
            case "supervise":
                step = self.timing.named(step, step.at) or step
        self.case = transitions.apply(self.case, step, LIMITS)
        self.steps.append(step)
        return self.case

    def accounts(self, when: str) -> list[hanging.Account]:
        return hanging.accounts(self.steps, at(when), self.timing.terms)


def test_later_periods_have_the_dispatch_s_own_limits_or_those_of_the_table_beside_a_deadline_by_hand() -> None:
    own, table = {"limits": written(FOUR_HOURS)}, {"next_limits": written(DAY)}
    for told, limits in (({**own, **table}, FOUR_HOURS), (own, FOUR_HOURS), (table, DAY), ({}, ())):
        assert tuple(next_limits_of(Step("dispatch", at("2026-03-02 08:00"), "", "U1", None, told))) == limits


def test_a_unit_that_gets_a_case_back_has_what_it_had_left(timing: Timing) -> None:
    life = Life(timing)
    assert local(life.take("dispatch", "2026-03-02 08:00", "U1").due_at) == "03-02 18:00"
    life.take("send_back", "2026-03-02 10:00")  # 6 of 8 working hours left
    assert local(life.take("dispatch", "2026-03-04 08:00", "U1").due_at) == "03-04 16:00"
    (account,) = life.accounts("2026-03-04 16:01")
    assert [(p.how, local(p.due_at)) for p in account.periods] == [
        ("sent_back", "03-02 18:00"), ("missed", "03-04 16:00"), (None, "03-05 16:00"),
    ]  # fmt: skip


def test_a_late_case_stays_late_however_it_is_sent_back(timing: Timing) -> None:
    life = Life(timing)
    life.take("dispatch", "2026-03-02 08:00", "U1")
    life.take("send_back", "2026-03-03 09:00")  # due the day before at 18:00
    assert local(life.take("dispatch", "2026-03-03 10:00", "U2").due_at) == "03-04 10:00"
    life.take("send_back", "2026-03-03 11:00")
    with pytest.raises(StepRefused) as e:
        life.take("dispatch", "2026-03-03 12:00", "U1", due_at=at("2026-03-09 12:00").isoformat())
    assert e.value.why == "has_own_time"
    case = life.take("dispatch", "2026-03-03 12:00", "U1")
    assert local(case.due_at) == "03-02 18:00"
    assert case.is_overdue(at("2026-03-03 12:01"))
    first, second = life.accounts("2026-03-03 18:00")
    assert [p.how for p in first.periods] == ["missed", "sent_back", None]  # its second period goes on: no new failure
    assert [p.how for p in second.periods] == ["sent_back"]


def test_resuming_keeps_a_deadline_that_was_set_by_hand(timing: Timing) -> None:
    life = Life(timing)
    life.take("dispatch", "2026-03-02 08:00", "U1")
    life.take("receive", "2026-03-02 08:00")
    life.take("deadline", "2026-03-02 09:00", due_at=at("2026-03-05 18:00").isoformat())
    life.take("ask_postponement", "2026-03-02 09:00")
    life.take("postpone", "2026-03-02 10:00")  # 6 + 3 × 8 working hours left
    assert local(life.take("resume", "2026-03-09 08:00").effective_due_at) == "03-12 16:00"


def test_a_deadline_that_was_moved_to_an_earlier_hour_runs_on_from_there(timing: Timing) -> None:
    life = Life(timing)
    life.take("dispatch", "2026-03-02 08:00", "U1")
    life.take("receive", "2026-03-02 08:00")
    assert local(life.take("deadline", "2026-03-02 08:30", due_at=at("2026-03-02 16:00").isoformat()).due_at) == (
        "03-02 16:00"
    )
    life.take("ask_postponement", "2026-03-02 09:00")
    life.take("postpone", "2026-03-02 10:00")  # 4 working hours left, not the 6 of the limit
    assert local(life.take("resume", "2026-03-03 08:00").due_at) == "03-03 12:00"


def test_a_pause_in_a_staged_limit_moves_each_part_in_its_own_unit(timing: Timing) -> None:
    staged = (Limit.parse("8", "working_hour"), Limit.parse("3", "urgent_hour"))
    life = Life(timing)
    assert local(life.take("dispatch", "2026-03-02 08:00", "U1", staged).due_at) == "03-02 21:00"
    life.take("receive", "2026-03-02 08:00")
    life.take("ask_postponement", "2026-03-02 09:00")
    life.take("postpone", "2026-03-02 11:00")  # 5 working hours are left, then 3 urgent ones
    assert local(life.take("resume", "2026-03-03 15:00").due_at) == "03-04 13:00"


def test_after_the_longest_hold_the_clock_runs_on(timing: Timing) -> None:
    life = Life(replace(timing, hold_days=7))
    life.take("dispatch", "2026-03-02 08:00", "U1")
    life.take("receive", "2026-03-02 08:00")
    life.take("ask_postponement", "2026-03-02 09:00")
    life.take("postpone", "2026-03-02 10:00")
    case = life.take("resume", "2026-03-20 08:00")  # counted as on hold until the 9th, 10:00; 6 hours left
    assert (case.state, local(case.due_at)) == ("handling", "03-09 18:00")
    assert [local(b) for _, b in case.pauses] == ["03-09 10:00"]
    (account,) = life.accounts("2026-03-20 08:00")
    assert (account.periods[0].how, local(account.periods[0].due_at)) == ("missed", "03-09 18:00")


def test_a_pause_in_a_later_period_leaves_the_working_time_that_was_left(timing: Timing) -> None:
    life = Life(timing)
    life.take("dispatch", "2026-03-02 08:00", "U1", FOUR_HOURS)
    for kind, when in (("receive", "08:00"), ("answer", "09:00"), ("verify", "10:00")):
        life.take(kind, f"2026-03-02 {when}")
    assert local(life.take("fail", "2026-03-02 10:00").hang_due_at) == "03-02 16:00"
    life.take("receive", "2026-03-02 10:00")
    life.take("ask_postponement", "2026-03-02 11:00")
    life.take("postpone", "2026-03-02 11:00")  # a Monday; 3 working hours left
    case = life.take("resume", "2026-03-07 09:00")  # a Saturday
    assert local(case.hang_due_at) == "03-09 11:00"
    (account,) = life.accounts("2026-03-09 11:00")
    assert [(p.how, local(p.due_at)) for p in account.periods] == [("failed", "03-02 12:00"), (None, "03-09 11:00")]


@pytest.mark.parametrize(
    ("asked", "granted", "due"),
    [
        ({"due_at": "2026-03-06 18:00"}, {}, "03-06 18:00"),  # as it was asked for
        ({"due_at": "2026-03-06 18:00"}, {"amount": "2"}, "03-04 18:00"),  # two working days after the 2nd, 18:00
        ({"due_at": "2026-03-06 18:00"}, {"due_at": "2026-03-03 18:00"}, "03-03 18:00"),
        ({"amount": "2"}, {}, "03-04 18:00"),
        ({"amount": "4", "amount_unit": "working_hour"}, {"amount": "1"}, "03-03 18:00"),
        ({"amount": "4", "amount_unit": "working_hour"}, {}, "03-03 12:00"),
    ],
)
def test_an_extension_is_what_was_granted_else_what_was_asked_for(
    timing: Timing, asked: dict[str, str], granted: dict[str, str], due: str
) -> None:
    asked, granted = ({k: at(v).isoformat() if k == "due_at" else v for k, v in x.items()} for x in (asked, granted))
    life = Life(timing)
    life.take("dispatch", "2026-03-02 08:00", "U1")
    life.take("receive", "2026-03-02 08:00")
    life.take("ask_extension", "2026-03-02 09:00", **asked)
    assert local(life.take("extend", "2026-03-02 10:00", **granted).due_extended_at) == due


def test_an_extension_asked_for_in_time_holds_though_it_was_granted_late(timing: Timing) -> None:
    life = Life(timing)
    life.take("dispatch", "2026-03-02 08:00", "U1")
    life.take("receive", "2026-03-02 08:00")
    life.take("ask_extension", "2026-03-02 17:00", amount="2", amount_unit="working_day")
    assert life.accounts("2026-03-03 09:00")[0].n_deductions == 1
    case = life.take("extend", "2026-03-03 10:00")
    assert (local(case.due_at), local(case.due_extended_at)) == ("03-02 18:00", "03-04 18:00")
    assert [(p.how, local(p.due_at)) for p in life.accounts("2026-03-04 18:00")[0].periods] == [(None, "03-04 18:00")]
    assert life.accounts("2026-03-04 18:01")[0].n_deductions == 1


def test_what_is_sent_back_in_rework_goes_on_with_the_new_deadline(timing: Timing) -> None:
    life = Life(timing)
    life.take("dispatch", "2026-03-02 08:00", "U1")
    for kind, when in (("receive", "08:00"), ("answer", "09:00"), ("verify", "10:00")):
        life.take(kind, f"2026-03-02 {when}")
    life.take("fail", "2026-03-03 08:00")
    life.take("receive", "2026-03-03 08:00")
    life.take("send_back", "2026-03-03 10:00")  # 6 working hours left of the new deadline, the case's own has passed
    case = life.take("dispatch", "2026-03-04 08:00", "U1")
    assert (local(case.due_at), local(case.hang_due_at)) == ("03-02 18:00", "03-04 16:00")
    (account,) = life.accounts("2026-03-04 16:00")
    assert local(account.periods[-1].due_at) == "03-04 16:00"
    life.take("receive", "2026-03-04 08:00")
    assert life.take("ask_extension", "2026-03-04 09:00").pending == "extension"


def test_a_log_that_names_no_unit_at_a_send_back_gives_no_fresh_deadline(timing: Timing) -> None:
    life = Life(timing)
    life.take("dispatch", "2026-03-02 08:00", "U1")
    life.take("send_back", "2026-03-03 09:00")
    life.steps[-1] = replace(life.steps[-1], unit_code=None)
    assert local(life.take("dispatch", "2026-03-03 12:00", "U1").due_at) == "03-02 18:00"


def test_what_is_pushed_beyond_the_calendar_is_provisional(timing: Timing) -> None:
    for kinds in (("ask_postponement", "postpone", "resume"), ("send_back", "dispatch")):
        life = Life(timing)
        life.take("dispatch", "2026-12-30 10:00", "U1")
        life.take("receive", "2026-12-30 10:00")
        assert not life.case.is_provisional
        for kind in kinds[:-1]:
            life.take(kind, "2026-12-30 11:00")
        life.take(kinds[-1], "2027-01-11 08:00", "U1")
        assert life.steps[-1].facts["provisional"] is True, kinds


def test_before_any_dispatch_a_log_s_steps_have_no_deadline_to_go_by(timing: Timing) -> None:
    report = Step("report", at("2026-03-02 08:00"), "", None, None, {}, "imported")
    fail = Step("fail", at("2026-03-02 09:00"), "", None, "x", {}, "imported")
    assert timing.failed(fail, [report]) == fail
    held = Case("C1", state="on_hold", held_at=at("2026-03-02 08:30"))
    resume = Step("resume", at("2026-03-02 10:00"), "", None, None, {}, "imported")
    assert timing.resumed(resume, held, [report]) == resume
    back = Step("send_back", at("2026-03-02 09:00"), "", "U1", "x", {}, "imported")
    dispatch = Step("dispatch", at("2026-03-02 10:00"), "", "U1")
    assert timing.continued(dispatch, "C1", [report, back]) is None


def test_the_last_dispatch_gives_a_failed_check_its_limit(timing: Timing) -> None:
    first, second = (
        Step("dispatch", at(f"2026-03-02 0{n}:00"), "", "U1", None, {"limits": written(limits)})
        for n, limits in ((8, DAY), (9, FOUR_HOURS))
    )
    fail = Step("fail", at("2026-03-02 10:00"), "", None, "x")
    found = timing.failed(fail, [first, second, Step("receive", at("2026-03-02 09:30"), "", "U1")])
    assert (local(found.told.due_at), found.told.limits) == ("03-02 16:00", FOUR_HOURS)
    assert found.told.calendar == timing.clock.calendar.identity


# --- the calendar arrives ---------------------------------------------------------------------------------------------


def test_when_the_calendar_arrives_every_provisional_deadline_moves(timing: Timing, tmp_path: Path) -> None:
    """Dispatch, extension, failed check, pause and order, all beyond 2026; then 1–5 January 2027 turn out to be off."""
    later = replace(timing, clock=own_clock(tmp_path, "2027-01-01, 2027-01-04, 2027-01-05", "2027-12-31"))
    life = Life(timing)
    three = (Limit.parse("3", "working_day"),)
    case = life.take("dispatch", "2026-12-30 08:00", "U1", three)
    assert (local(case.due_at), case.is_provisional) == ("01-01 18:00", True)
    life.take("receive", "2026-12-30 08:00")
    life.take("ask_extension", "2026-12-30 09:00", amount="1", amount_unit="working_day")
    assert local(life.take("extend", "2026-12-30 09:00").due_extended_at) == "01-04 18:00"
    life.take("supervise", "2026-12-30 09:00", order_kind="leader", amount="4", amount_unit="working_day")
    assert local(life.case.orders[0].due_at) == "01-05 09:00"
    for kind in ("answer", "verify"):
        life.take(kind, "2026-12-30 10:00")
    assert local(life.take("fail", "2026-12-30 10:00").hang_due_at) == "01-04 10:00"

    step = later.renewed(life.case, life.steps, at("2026-12-31 08:00"))
    assert step is not None
    assert step.kind == "renew"
    case = transitions.follow(life.case, step)
    assert (local(case.due_at), local(case.due_extended_at)) == ("01-06 18:00", "01-07 18:00")
    assert (local(case.hang_due_at), local(case.orders[0].due_at)) == ("01-07 10:00", "01-08 09:00")
    assert not case.is_provisional
    steps = [*life.steps, replace(step, seq=len(life.steps) + 1)]
    (account,) = hanging.accounts(steps, at("2027-01-07 10:00"), later.terms)
    assert [(p.how, local(p.due_at)) for p in account.periods] == [("failed", "01-07 18:00"), (None, "01-07 10:00")]
    assert later.renewed(case, steps, at("2026-12-31 09:00")) is None  # once is enough


def test_a_deadline_by_hand_stays_and_a_known_year_moves_nothing(timing: Timing, tmp_path: Path) -> None:
    later = replace(timing, clock=own_clock(tmp_path, "2027-01-01", "2027-12-31"))
    life = Life(timing)
    life.take("dispatch", "2026-12-30 08:00", "U1", due_at=at("2027-01-01 18:00").isoformat())
    assert later.renewed(life.case, life.steps, at("2026-12-31 08:00")) is None
    plain = Life(timing)
    plain.take("dispatch", "2026-03-02 08:00", "U1")
    assert timing.renewed(plain.case, plain.steps, at("2026-12-31 08:00")) is None


def test_the_time_that_a_unit_had_left_moves_with_the_calendar_too(timing: Timing, tmp_path: Path) -> None:
    """Due on 1 January at 10:00; sent back with six hours left: two on the 31st, four on the next working day."""
    later = replace(timing, clock=own_clock(tmp_path, "2027-01-01, 2027-01-04", "2027-12-31"))
    life = Life(timing)
    life.take("dispatch", "2026-12-31 10:00", "U1")
    told = {**life.steps[-1].facts, "rule": {"table": "t", "line": 3}}
    life.steps[-1] = replace(life.steps[-1], facts=told)
    life.take("send_back", "2026-12-31 14:00")
    assert local(life.take("dispatch", "2026-12-31 16:00", "U1").due_at) == "01-01 12:00"
    assert life.steps[-1].told.rule == {"table": "t", "line": 3}, "it goes on by the same line of the table"
    step = later.renewed(life.case, life.steps, at("2026-12-31 17:00"))
    assert step is not None
    assert local(transitions.follow(life.case, step).due_at) == "01-05 12:00"


def test_a_pause_s_end_moves_with_the_calendar_too(timing: Timing, tmp_path: Path) -> None:
    """Held for four hours with seven left: three on the 31st, four on the next working day."""
    later = replace(timing, clock=own_clock(tmp_path, "2027-01-01, 2027-01-04", "2027-12-31"))
    life = Life(timing)
    life.take("dispatch", "2026-12-31 10:00", "U1")
    life.take("receive", "2026-12-31 10:00")
    life.take("ask_postponement", "2026-12-31 11:00")
    life.take("postpone", "2026-12-31 11:00")
    assert local(life.take("resume", "2026-12-31 15:00").due_at) == "01-01 12:00"
    assert local(renewed(life, later, "2026-12-31 17:00").due_at) == "01-05 12:00"


def test_what_two_renewals_moved_stands_by_the_later_one() -> None:
    def renew(seq: int, **deadlines: Any) -> Step:
        return Step("renew", at("2026-12-31 08:00"), "gridmgmt", None, None, {"deadlines": deadlines}, seq=seq)

    first, second, third = ({"due_at": at(f"2027-01-0{n} 08:00").isoformat()} for n in (4, 5, 6))
    steps = [renew(8, **{"4": first, "6": first}), renew(9, **{"6": second, "7": third})]
    moved = hanging.moved_deadlines(steps)
    assert {n: m["due_at"] for n, m in moved.items()} == {
        "4": first["due_at"], "6": second["due_at"], "7": third["due_at"],
    }  # fmt: skip


def test_an_extension_that_nobody_asked_for_and_that_names_no_time_moves_nothing(timing: Timing) -> None:
    life = Life(timing)
    life.take("dispatch", "2026-03-02 08:00", "U1")
    extend = Step("extend", at("2026-03-02 10:00"), "", "U1", None, {}, "imported")
    assert timing.extended(extend, life.case, life.steps) == extend


def test_a_deadline_of_which_nobody_knows_the_calendar_stays(timing: Timing, tmp_path: Path) -> None:
    """Steps from before the calendar was written down keep what they told, though their limits are known."""
    later = replace(timing, clock=own_clock(tmp_path, "2027-01-01", "2027-12-31"))
    life = Life(timing)
    life.take("dispatch", "2026-12-31 10:00", "U1")
    told = {k: v for k, v in life.steps[-1].facts.items() if k != "calendar"}
    steps = [*life.steps[:-1], replace(life.steps[-1], facts=told)]
    step = later.renewed(life.case, life.steps, at("2026-12-31 11:00"))
    assert step is not None
    assert local(step.told.due_at) == "01-04 10:00"
    unknown = later.renewed(life.case, steps, at("2026-12-31 11:00"))
    assert unknown is None or unknown.told.due_at is None


def test_a_renewal_after_the_provisional_deadline_undoes_what_was_not_missed(timing: Timing, tmp_path: Path) -> None:
    later = replace(timing, clock=own_clock(tmp_path, "2027-01-01, 2027-01-04", "2027-12-31"))
    life = Life(timing)
    life.take("dispatch", "2026-12-31 10:00", "U1")  # provisional: 1 January, 10:00
    assert life.accounts("2027-01-01 11:00")[0].n_deductions == 1
    step = later.renewed(life.case, life.steps, at("2027-01-04 09:00"))
    assert step is not None
    steps = [*life.steps, replace(step, seq=len(life.steps) + 1)]
    (account,) = hanging.accounts(steps, at("2027-01-05 10:00"), later.terms)
    assert (account.n_deductions, local(account.periods[-1].due_at)) == (0, "01-05 10:00")
    assert transitions.follow(life.case, step).due_at == at("2027-01-05 10:00")


def renewed(life: Life, later: Timing, when: str) -> Case:
    """The case after renewing, which a second time moves nothing."""
    step = later.renewed(life.case, life.steps, at(when))
    assert step is not None
    life.case = transitions.follow(life.case, step)
    life.steps.append(replace(step, seq=len(life.steps) + 1))
    assert later.renewed(life.case, life.steps, at(when)) is None
    return life.case


@pytest.mark.parametrize("how", ["deadline", "extend"])
def test_a_later_deadline_that_the_renewed_original_overtakes_falls_away(
    timing: Timing, tmp_path: Path, how: str
) -> None:
    later = replace(timing, clock=own_clock(tmp_path, "2027-01-01, 2027-01-04, 2027-01-05, 2027-01-06", "2027-12-31"))
    life = Life(timing)
    life.take("dispatch", "2026-12-30 10:00", "U1", (Limit.parse("3", "working_day"),))  # 4 January, 10:00
    life.take("receive", "2026-12-30 10:00")
    if how == "extend":
        life.take("ask_extension", "2026-12-30 11:00")
    life.take(how, "2026-12-30 11:00", due_at=at("2027-01-05 12:00").isoformat())
    assert local(life.case.effective_due_at) == "01-05 12:00"
    case = renewed(life, later, "2026-12-31 08:00")
    assert (local(case.due_at), case.due_extended_at) == ("01-08 10:00", None)
    (account,) = hanging.accounts(life.steps, at("2027-01-08 10:00"), later.terms)
    assert [(p.how, local(p.due_at)) for p in account.periods] == [(None, "01-08 10:00")]


def test_a_deadline_set_by_hand_has_what_the_wall_clock_left_after_a_pause(timing: Timing) -> None:
    life = Life(timing)
    life.take("dispatch", "2026-03-02 08:00", "U1", due_at=at("2026-03-08 20:00").isoformat())
    life.steps[-1] = replace(life.steps[-1], facts={**life.steps[-1].facts, "next_limits": written(DAY)})
    life.take("send_back", "2026-03-07 10:00")  # 34 hours left
    assert local(life.take("dispatch", "2026-03-07 15:00", "U1").due_at) == "03-09 01:00"
    (account,) = life.accounts("2026-03-09 01:01")
    assert [(p.how, local(p.due_at)) for p in account.periods][1:] == [("missed", "03-09 01:00"), (None, "03-09 18:00")]
