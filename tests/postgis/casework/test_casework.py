"""Cases lived here: opened, dispatched by the rules, timed, moved, handed on; the row is always what the steps say."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from gridmgmt.casework.operations import cases, lookup, photographs, repeats
from gridmgmt.casework.operations.requests import Request
from gridmgmt.database import cities
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work
from gridmgmt.errors import (
    CaseChanged,
    CaseExists,
    CaseMissing,
    CategoryUnknown,
    CoordinateOutOfRange,
    FactInvalid,
    FileRefused,
    GridMissing,
    StepIllegal,
    StepIncomplete,
    StepRefused,
    UnitUnknown,
)
from gridmgmt.intake.operations import imports
from gridmgmt.people.operations import assigning
from gridmgmt.people.store import categories, units
from tests import pictures
from tests.postgis import towns
from tests.postgis.towns import load, middle, select_all
from tests.postgis.worksite import acted, at, dispatched, folded, opened, row, take


def test_the_rules_dispatch_and_the_limit_of_the_class_sets_the_deadline(desk: Work) -> None:
    case = dispatched(desk)
    assert case.unit_code == "U1"
    assert case.due_at == at(15.5)  # 4 working hours from 9:30, with the noon break: 12:00 and then 14:00–15:30
    case = dispatched(desk, "B", place="D2-1", category="component:01")
    assert (case.unit_code, case.due_at) == ("U2", at(9.5, 2))  # one working day of 8 hours
    assert dispatched(desk, "C", place="D2-1", category="component:02001").unit_code == "U9"


def test_the_row_is_what_the_steps_say(desk: Work) -> None:
    dispatched(desk)
    take(desk, "receive", 10)
    take(desk, "answer", 11)
    take(desk, "verify", 11.5)
    take(desk, "fail", 12, reason="未清理")
    take(desk, "receive", 14)
    take(desk, "answer", 15)
    take(desk, "verify", 15.2)
    take(desk, "close", 16)
    case, stored = folded(desk), row(desk)
    assert (stored["status"], stored["n_rework"], stored["handled_at"]) == ("closed", 1, at(15))
    for name in ("reported_at", "registered_at", "dispatched_at", "due_at", "handled_at", "closed_at", "reworked_at"):
        assert stored[name] == getattr(case, name), name
    assert stored["located"] == "leaf"
    versions = select_all(desk, t.case_version.c.status)
    assert len(versions) == case.n_steps


def test_the_assignment_follows_the_place_and_says_why(desk: Work) -> None:
    dispatched(desk, place="D1-1")
    before = row(desk)
    lon, lat = middle("D2-2")
    take(desk, "send_back", 10, reason="不在本辖区")
    take(desk, "move", 10.5, reason="坐标录错", lon=lon, lat=lat, address="东街")
    case = take(desk, "dispatch", 11)
    after = row(desk)
    assert (case.unit_code, case.first_unit, case.n_dispatches) == ("U2", "U1", 2)
    assert (after["lon"], after["lat"], after["address"]) == (lon, lat, "东街")
    assert before["grid_l3"] != after["grid_l3"]
    assert len(select_all(desk, t.assignment.c.id)) == 2  # opened, and moved: the rest changed nothing
    assert lookup.show_case(desk, "A").steps[5].reason == "坐标录错"


def test_two_who_act_on_what_they_saw(desk: Work) -> None:
    seen = opened(desk).n_steps
    take(desk, "accept", 9.1, expected=seen)
    with pytest.raises(CaseChanged) as e:
        take(desk, "discard", 9.2, reason="重复", expected=seen)
    assert (e.value.expected, e.value.found, e.value.step, e.value.actor) == (1, 2, "accept", "李某")
    assert folded(desk).n_steps == 2


def test_what_is_refused_leaves_nothing(desk: Work) -> None:
    opened(desk)
    before = towns.contents(desk)
    refused: list[tuple[type[Exception], Request]] = [
        (StepIllegal, Request("close", "李某", "A", at(10))),
        (StepIncomplete, Request("discard", "李某", "A", at(10))),
        (StepRefused, Request("accept", "李某", "A", at(8))),
        (CaseMissing, Request("accept", "李某", "Z", at(10))),
        (CaseExists, Request("report", "李某", "A", at(10), facts={"source": "x"})),
        (CategoryUnknown, Request("report", "李某", "N", at(10), facts={"category": "component:99999"})),
        (CoordinateOutOfRange, Request("report", "李某", "N", at(10), facts={"lon": 500, "lat": 30})),
        (FactInvalid, Request("report", "李某", "N", at(10), facts={"lon": "abc", "lat": 30})),
        (StepRefused, Request("accept", "李某", "A", dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))),
    ]
    for error, request in refused:
        with pytest.raises(error):
            acted(desk, request)
    take(desk, "accept", 10)
    take(desk, "register", 10)
    with pytest.raises(UnitUnknown):
        take(desk, "dispatch", 11, unit="U404")
    assert folded(desk).n_steps == 3
    assert len(towns.contents(desk)["case_version"]) == len(before["case_version"]) + 2


def test_a_case_outside_the_rules_must_name_its_unit(desk: Work) -> None:
    acted(desk, Request("report", "王某", "A", at(9), facts={"category": "component:01001"}))
    take(desk, "accept", 9)
    take(desk, "register", 9)
    with pytest.raises(StepIncomplete) as e:
        take(desk, "dispatch", 10)
    assert e.value.missing == ["unit"]
    assert take(desk, "dispatch", 10, unit="U2").unit_code == "U2"
    assert row(desk)["located"] == "no_location"


def test_new_cases_are_numbered_by_the_day(desk: Work) -> None:
    requests = [Request("report", "王某", None, at(9, day), facts={"source": "x"}) for day in (1, 1, 2)]
    numbers = [o.case.case_no for o in cases.take(desk, requests) if o.case]
    assert numbers == ["C2025120100001", "C2025120100002", "C2025120200001"]


def test_extension_postponement_and_the_deadline_that_holds(desk: Work) -> None:
    dispatched(desk)  # due at 15:30
    take(desk, "receive", 10)
    take(desk, "ask_extension", 10.5, reason="下雨", amount="4", amount_unit="working_hour")
    case = take(desk, "extend", 11)
    assert (case.due_at, case.due_extended_at) == (at(15.5), at(9.5, 2))
    take(desk, "ask_postponement", 11, reason="待配件")
    take(desk, "postpone", 11.5)  # 2 of 4 working hours used
    case = take(desk, "resume", 9, day=3)
    assert case.due_at == at(11, 3)
    assert case.due_extended_at == at(17, 3)
    stored = row(desk)
    assert (stored["due_at"], stored["due_extended_at"]) == (case.due_at, case.due_extended_at)


def test_an_imported_case_goes_on_here_from_what_its_dates_prove(desk: Work, tmp_path: Path) -> None:
    load(desk, tmp_path, [towns.case("X", cat="01001", reg="2025-12-05 13:00", unit="U1")], day=2)
    shown = lookup.show_case(desk, "X")
    assert shown.is_derived
    assert [s.kind for s in shown.steps] == ["report", "accept", "register"]
    case = take(desk, "dispatch", 14, "X", day=5)
    assert (case.n_steps, case.due_at) == (4, at(18, 5))
    kinds = [s.origin for s in lookup.show_case(desk, "X").steps]
    assert kinds == ["derived", "derived", "derived", "own"]
    assert row(desk, "X")["status"] == "dispatched"


def test_an_old_export_does_not_undo_what_was_done_here(desk: Work, tmp_path: Path) -> None:
    old = towns.case("X", cat="01001", reg="2025-12-05 13:00", unit="U1")
    load(desk, tmp_path, [old], day=2)
    take(desk, "dispatch", 14, "X", day=5)
    load(desk, tmp_path, [{**old, "text": "earlier"}], day=1)
    assert row(desk, "X")["status"] == "dispatched"


def test_a_newer_export_of_a_case_that_is_worked_on_here_waits_in_quarantine(desk: Work, tmp_path: Path) -> None:
    old = towns.case("X", cat="01001", reg="2025-12-05 13:00", unit="U1")
    load(desk, tmp_path, [old, towns.case("Y", cat="01001")], day=2)
    take(desk, "dispatch", 14, "X", day=5)
    before = row(desk, "X")
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    path = towns.write_csv(
        tmp_path / "later.csv", [{**old, "closed": "2025-12-06 12:00"}, towns.case("Y", cat="02001")]
    )
    profile = towns.write_profile(tmp_path, towns.CASES)
    report = imports.import_file(desk, path, profile, source_as_of=later)
    assert (report.n_newer, report.n_quarantined, report.reasons) == (1, 1, {"case_lives_here": 1})
    assert row(desk, "X") == before


def test_reassigning_keeps_the_unit_that_a_dispatch_named(desk: Work) -> None:
    dispatched(desk)
    opened(desk, "B")
    before = (row(desk, "A")["unit_id"], row(desk, "B")["unit_id"])
    assert before[0] == before[1]
    report = assigning.reassign(desk)
    assert report["n_cases_changed"] == 0


def test_every_case_is_in_exactly_one_state(desk: Work, tmp_path: Path) -> None:
    dispatched(desk, "A")
    opened(desk, "B")
    load(desk, tmp_path, [towns.case("X"), towns.case("Y")], day=2)
    states = lookup.by_state(desk)
    assert (states["dispatched"], states["reported"], states[""]) == (1, 1, 2)
    assert sum(states.values()) == len(select_all(desk, t.cases.c.id))


def test_the_docket_finds_by_unit_grid_class_and_lateness(desk: Work) -> None:
    dispatched(desk, "A")
    dispatched(desk, "B", place="D2-1", category="component:02001")

    def listed(now: dt.datetime | None = None, **wanted: Any) -> list[str]:
        n, found = lookup.list_cases(desk.but(now=now), **wanted)
        assert n == len(found)
        return [c["case_no"] for c in found]

    assert listed() == ["A", "B"]
    assert listed(unit="U9") == ["B"]
    with pytest.raises(GridMissing) as refused:
        lookup.list_cases(desk, grid="D9")
    assert refused.value.facts == {"code": "D9"}
    _, (row,) = lookup.list_cases(desk, unit="U9")
    with desk.snapshot() as connection:
        unit = units.units(connection)["U9"]
        names = categories.category_names(connection, cities.load_city(connection).scheme)["component:02001"]
    assert (row["unit_name_zh"], row["unit_name_en"]) == (unit["name_zh"], unit["name_en"])
    assert (row["category_name_zh"], row["category_name_en"]) == (names["zh"], names["en"])
    assert names["zh"]
    grids = lookup.show_case(desk, "B").grids
    assert (row["grid_code"], row["grid_code"]) == ("D2-1", grids[-1]["code"])
    assert (row["grid_name_zh"], row["grid_name_en"]) == (grids[-1]["name_zh"], grids[-1]["name_en"])
    assert listed(grid="D1") == ["A"]
    assert listed(category="component:02*") == ["B"]
    assert listed(states=["reported"]) == []
    assert listed(overdue=True, now=at(15.5)) == []
    assert listed(overdue=True, now=at(15.5) + dt.timedelta(seconds=1)) == ["A"]


def test_the_clocks_of_a_case(desk: Work) -> None:
    dispatched(desk)
    _, found = lookup.clocks(desk.but(now=at(14)), "A")
    clocks = {c.stage: c for c in found}
    assert set(clocks) == {"acceptance", "dispatch", "handling"}
    acceptance, handling = clocks["acceptance"], clocks["handling"]
    assert (acceptance.due_at, acceptance.ended_at) == (at(9.25), at(9.1))
    assert acceptance.light is not None
    assert acceptance.light.colour == "green"
    assert handling.light is not None
    assert (handling.due_at, handling.light.colour, handling.light.share) == (
        at(15.5),
        "green",
        dt.timedelta(hours=2.5) / dt.timedelta(hours=4),
    )
    _, found = lookup.clocks(desk.but(now=at(15)), "A")
    assert [c.light.colour for c in found if c.stage == "handling" and c.light] == ["yellow"]
    _, found = lookup.clocks(desk.but(now=at(15.6)), "A")
    assert [c.light.colour for c in found if c.stage == "handling" and c.light] == ["red"]


def test_a_hanging_account_runs_on_the_work_calendar(desk: Work) -> None:
    dispatched(desk)  # 4 working hours: due on Monday at 15:30
    (account,) = lookup.show_case(desk.but(now=at(12, 2)), "A").accounts
    # missed at 15:30; the next 4 working hours end at 10:00 + … on Tuesday 10:00 (2.5 h left of Monday)
    assert [(p.how, p.due_at) for p in account.periods] == [
        ("missed", at(15.5)), ("missed", at(9.5, 2)), (None, at(15.5, 2)),
    ]  # fmt: skip
    assert (account.n_deductions, account.exposed_at) == (2, None)
    (account,) = lookup.show_case(desk.but(now=at(16, 2)), "A").accounts
    assert account.exposed_at == at(15.5, 2)


def test_photographs_come_with_their_step_or_not_at_all(desk: Work, tmp_path: Path) -> None:
    root = tmp_path / "files"
    (tmp_path / "after.jpg").write_bytes(pictures.encode())
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    dispatched(desk)
    take(desk, "receive", 10)
    request = Request("answer", "张某", "A", at(11))
    with pytest.raises(FileRefused):
        cases.take_with_files(
            desk, request, [("after", tmp_path / "after.jpg"), ("evidence", tmp_path / "broken.jpg")], root
        )
    assert folded(desk).state == "handling"
    case, attached = cases.take_with_files(desk, request, [("after", tmp_path / "after.jpg")], root)
    assert (case.state, [a.is_new for a in attached]) == ("answered", [True])
    (shown,) = photographs.listed(desk, case_no="A")
    assert (shown["kind"], shown["step"]) == ("after", case.n_steps)
    with pytest.raises(StepIllegal):
        cases.take_with_files(desk, Request("answer", "张某", "A", at(12)), [("after", tmp_path / "after.jpg")], root)
    assert len(photographs.listed(desk, case_no="A")) == 1


def test_who_repeats_which_case_is_said_at_the_desk_and_taken_back(desk: Work) -> None:
    opened(desk, "A")
    opened(desk, "B")
    (suspect,) = repeats.suspects_of(desk, [folded(desk, "B")])["B"]
    assert suspect["case_no"] == "A"
    for wrong, error in (("nobody", CaseMissing), ("B", StepRefused)):
        with pytest.raises(error):
            take(desk, "mark_repeat", 10, "B", reason="同一井盖", repeat_of=wrong)
    take(desk, "mark_repeat", 10, "B", reason="同一井盖", repeat_of="A")
    assert repeats.suspects_of(desk, [folded(desk, "B")]).get("B", []) == []
    shown = lookup.show_case(desk.but(now=at(11)), "B")
    assert (shown.case.repeat_of, shown.original, shown.marks) == ("A", "reported", ["repeat"])
    assert lookup.show_case(desk, "A").repeated_by == ("B",)
    assert (row(desk, "B")["repeat_of"], row(desk, "B")["is_repeat"]) == ("A", True)
    take(desk, "unmark", 12, "B", reason="不是同一个", mark="repeat")
    assert (row(desk, "B")["repeat_of"], row(desk, "B")["is_repeat"]) == (None, False)
    assert lookup.show_case(desk, "A").repeated_by == ()
    with pytest.raises(StepRefused, match="repeat_denied"):
        opened(desk, "C", repeat_of="A", is_repeat="否")
    assert opened(desk, "C", repeat_of="A").is_repeat is True


def test_an_original_may_come_in_the_same_file_wherever_it_stands(desk: Work) -> None:
    """C repeats B and B repeats A: they stand last to first; X names nobody, and is refused with what it names."""
    chain = [("C", "B"), ("X", "nobody"), ("B", "A"), ("A", None)]
    asked = [
        Request(
            "report", "李某", no, at(9), facts={"source": "巡查", **({"repeat_of": of} if of else {})}, ref=f"f:{no}"
        )
        for no, of in chain
    ]
    outcomes = list(cases.take(desk, asked))
    assert [o.request.case_no for o in outcomes] == ["C", "X", "B", "A"]
    assert [o.case and o.case.repeat_of for o in outcomes] == ["B", None, "A", None]
    assert isinstance(outcomes[1].fault, CaseMissing)
    assert lookup.show_case(desk, "A").repeated_by == ("B",)
    again = list(cases.take(desk, [r for r in asked if r.case_no != "X"]))
    assert [(o.case, o.fault) for o in again] == [(None, None)] * 3
    assert take(desk, "note", 12, "C", reason="已核对").n_steps == 2


def test_a_chain_of_originals_that_goes_round_is_refused(desk: Work) -> None:
    """Within a file (P, Q, R), and with cases that are stored (A, B, C, D)."""
    facts = {"P": "Q", "Q": "R", "R": "P", "A": None, "B": "A", "C": "B", "D": "C"}
    asked = [
        Request("report", "李某", no, at(9), facts={"source": "巡查", "repeat_of": of}) for no, of in facts.items()
    ]
    faults = {o.request.case_no: o.fault.facts["why"] for o in cases.take(desk, asked) if o.fault}
    assert faults == dict.fromkeys("PQR", "repeats_round")
    for last in ("B", "C", "D"):
        with pytest.raises(StepRefused, match="repeats_round"):
            take(desk, "mark_repeat", 10, "A", reason="同一井盖", repeat_of=last)
