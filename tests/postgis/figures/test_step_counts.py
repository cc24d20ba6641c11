"""Steps feed rulebooks: send-backs, extensions, visits, orders, hanging accounts, each back to its case number."""

from typing import Any

import pytest
import shapely

from gridmgmt.assessing.operations import explaining, scoring
from gridmgmt.casework.operations.requests import Request
from gridmgmt.database.work import Work
from gridmgmt.figures.operations import indicators, step_counts
from gridmgmt.people.store import units
from gridmgmt.periods import parse_period
from gridmgmt.scorecards.exports import results
from gridmgmt.scorecards.exports.lines import shown_lines
from maps import drawing
from tests.postgis import district, towns
from tests.postgis.towns import load, middle
from tests.postgis.worksite import acted, at, dispatched, opened, reported, staggered, step, take


def inputs(work: Work, book: str, code: str, period: str = "2025-12") -> dict[str, Any]:
    made = scoring.score(work, book, parse_period(period))
    document = next(d for d in made.subjects if d.subject.code == code)
    return {name: v.value for name, v in document.inputs.items()}


def to_verification(work: Work, no: str, day: int = 1, **more: Any) -> None:
    dispatched(work, no, step("receive", 10, no), step("answer", 11, no), step("verify", 11.5, no), **more)


def test_what_a_unit_did_counts_for_it_and_leads_back_to_the_case(desk: Work) -> None:
    dispatched(desk, "A")
    take(desk, "send_back", 10, "A", reason="不属本单位")
    take(desk, "dispatch", 10.5, "A", unit="U2")
    dispatched(desk, "B")
    take(desk, "send_back", 10, "B", reason="错派", wrong_dispatch=True)
    take(desk, "dispatch", 10.5, "B", unit="U1")
    take(desk, "receive", 11, "B")
    for hour in (11.1, 11.3):  # twice on one case: one case extended
        take(desk, "ask_extension", hour, "B", reason="下雨", amount="1", amount_unit="工作日")
        take(desk, "extend", hour + 0.1, "B")
    take(desk, "ask_postponement", 12, "B", reason="待配件")
    take(desk, "postpone", 12, "B")
    u1, u2 = (inputs(desk, "xihu", code) for code in ("U1", "U2"))
    assert (u1["sendbacks"], u1["extended"], u1["postponed"]) == (1, 1, 1)
    assert (u2["sendbacks"], u2["extended"], u2["postponed"]) == (0, 0, 0)
    told = explaining.explain(desk, "xihu", "U1", "sendbacks")
    assert told.evidence == {"sendbacks": ["A#5"]}
    assert explaining.explain(desk, "xihu", "U1", "extended").evidence == {"extended": ["B#9"]}


def test_only_visits_with_a_verdict_count(desk: Work) -> None:
    for no, verdict in (("A", "satisfied"), ("B", "unsatisfied"), ("C", "none")):
        to_verification(desk, no, source="公众举报")
        take(desk, "close", 12, no)
        take(desk, "visit", 15, no, verdict=verdict)
    found = inputs(desk, "city_department_annex2", "U1", "2025")
    assert (found["valid_visits"], found["satisfied"]) == (2, 1)


def test_without_step_logs_what_people_entered_is_taken(desk: Work, tmp_path: Any) -> None:
    load(desk, tmp_path, [towns.case("X", cat="01001", reg="2025-12-05 13:00", unit="U1")], day=2)
    assert "sendbacks" not in inputs(desk, "xihu", "U1")  # no data: not 0


def test_one_case_dispatched_without_a_log_makes_the_unit_unknown(desk: Work, tmp_path: Any) -> None:
    dispatched(desk, "A")
    dispatched(desk, "B", place="D2-1")
    profile = towns.CASES.replace("  handled_at: handled\n", "  handled_at: handled\n  dispatched_at: reg\n")
    load(desk, tmp_path, [towns.case("X", cat="01001", reg="2025-12-05 13:00", unit="U1")], day=2, profile=profile)
    assert "sendbacks" not in inputs(desk, "xihu", "U1")
    assert inputs(desk, "xihu", "U2")["sendbacks"] == 0


def test_a_supervised_case_is_late_unless_closed_and_answered_in_time(desk: Work) -> None:
    due = at(17).isoformat()
    for no in ("in_time", "not_answered", "not_closed"):
        dispatched(desk, no)
        take(desk, "supervise", 9.6, no, reason="批示", order_kind="leader", due_at=due)
        take(desk, "receive", 10, no)
        take(desk, "answer", 11, no)
        take(desk, "verify", 12, no)
        if no != "not_closed":
            take(desk, "close", 14, no)
        if no != "not_answered":
            take(desk, "answer_order", 15, no, order=1)
    assert inputs(desk, "ningbo_district", "D1")["supervised_late"] == 2
    evidence = explaining.explain(desk, "ningbo_district", "D1", "supervised_late").evidence
    assert evidence == {"supervised_late": ["not_answered!order1", "not_closed!order1"]}


def test_supervision_orders_are_listed_by_kind_and_lead_back_to_their_steps(desk: Work) -> None:
    for no, kind in (("A", "leader"), ("B", "leader"), ("C", "media")):
        dispatched(desk, no)
        take(desk, "supervise", 9.6, no, reason="批示", order_kind=kind, due_at=at(17).isoformat())
    found = inputs(desk, "city_department_annex2", "U1")
    assert {k: v for k, v in found.items() if k.startswith(("supervised_", "orders_"))} == {
        "supervised_leader": 2, "supervised_discipline": 0, "supervised_superior": 0, "supervised_media": 1,
        "supervised_appearance": 0, "supervised_campaign": 0, "supervised_other": 0, "orders_due": 3, "orders_late": 3,
    }  # fmt: skip
    explained = explaining.explain(desk, "city_department_annex2", "U1", "supervised_leader_shown")
    assert explained.evidence == {"supervised_leader": ["A#5", "B#5"]}


def test_a_case_marked_false_costs_the_district_unless_the_mark_is_taken_back(desk: Work) -> None:
    for no in ("A", "B"):
        dispatched(desk, no)
        take(desk, "mark_false", 10, no, reason="与实际不符")
    take(desk, "unmark", 11, "B", reason="误标", mark="false")
    found = inputs(desk, "ningbo_district", "D1")
    assert found["false_cases"] == 1
    explained = explaining.explain(desk, "ningbo_district", "D1", "r_false")
    assert explained.evidence["false_cases"] == ["A#5"]


def test_two_orders_at_one_instant_are_each_their_own_units_and_late_only_after_the_deadline(desk: Work) -> None:
    dispatched(desk, "A")
    take(desk, "send_back", 10, "A", reason="x")
    take(desk, "dispatch", 10, "A", unit="U2")
    for unit in ("U1", "U2"):
        take(desk, "supervise", 11, "A", reason="批示", order_kind="leader", due_at=at(17).isoformat(), unit=unit)
    with desk.snapshot() as connection:
        ids = units.unit_ids(connection)
        found = [
            step_counts.steps_of_period(connection, at(0), at(0, 31), cut, ["n_orders_late"]).query(
                "kind == 'order_due'"
            )
            for cut in (at(17), at(17.01))
        ]
    assert found[0]["unit_id"].tolist() == [ids["U1"], ids["U2"]]
    assert [f["late"].tolist() for f in found] == [[False, False], [True, True]]


def test_a_hanging_account_of_three_periods_and_two_failures(desk: Work) -> None:
    """Deadline passes without an answer; answered in time, check fails; answered in time, check passes."""
    dispatched(desk, "P1")  # due at 15:30
    take(desk, "receive", 10, "P1")
    take(desk, "answer", 9, "P1", day=2)
    take(desk, "verify", 9.2, "P1", day=2)
    take(desk, "fail", 9.3, "P1", day=2, reason="未清理")
    take(desk, "receive", 9.4, "P1", day=2)
    take(desk, "answer", 10, "P1", day=2)
    take(desk, "verify", 11, "P1", day=2)
    take(desk, "close", 11.5, "P1", day=2)
    made = scoring.score(desk, "beijing_grid", parse_period("2025-12"))
    community = next(d for d in made.subjects if d.subject.code == "D1-1")
    assert community.inputs["accounts"].value == [
        {"id": "P1", "steps": ["dispatched", "missed", "answered", "failed", "answered", "passed"], "unit": "U1",
         "earlier": 0, "failures": ["P1!hang1", "P1!hang2"]}
    ]  # fmt: skip
    line = next(x for x in community.shown if x.item == "hangs")
    assert line.points is not None
    assert line.points.exact == "2"
    by_code = {d.subject.code: d.inputs["accounts"].value for d in made.subjects if d.inputs}
    assert {code for code, accounts in by_code.items() if accounts} == {"D1-1", "D1", "C"}


@pytest.mark.parametrize("missed", [2, 3])
def test_the_third_failure_exposes(desk: Work, missed: int) -> None:
    dispatched(desk, "P1")  # 4 working hours: missed on the 1st 15:30, the 2nd 9:30 and 15:30
    take(desk, "receive", 10, "P1")
    take(desk, "answer", 15 if missed == 2 else 16, "P1", day=2)
    made = scoring.score(desk, "beijing_grid", parse_period("2025-12"))
    community = next(d for d in made.subjects if d.subject.code == "D1-1")
    steps = community.inputs["accounts"].value[0]["steps"]
    assert steps == ["dispatched", *["missed"] * missed]
    reached = {c.consequence: c for c in community.consequences}
    assert ("exposed" in reached) == (missed == 3)
    by_unit = {d.subject.code: d for d in scoring.score(desk, "beijing_unit", parse_period("2025-12")).subjects}
    assert {code: d.shown[0].points and d.shown[0].points.exact for code, d in by_unit.items()} == {
        "U1": str(missed), "U2": "0", "U9": "0",
    }  # fmt: skip
    if missed == 3:
        for document in (community, by_unit["U1"]):
            line, (told,) = document.shown[0], document.consequences
            assert (line.reason.code, line.reason.facts["exposed"]) == (
                "line_hanging_exposed", {"zh": "P1（U1 承办）", "en": "P1 (with U1)"},
            )  # fmt: skip
            assert [(x.issue, x.unit) for x in told.issues or ()] == [("P1", "U1")]
            assert "曝光的问题：P1（U1 承办）" in results.consequence(told).why["zh"]
            account = next(x for x in shown_lines(made.header, document) if x.item.endswith("P1"))
            assert account.title["zh"] == "P1（U1 承办）"


def test_failures_before_the_period_count_for_exposure_only(desk: Work) -> None:
    opened(desk, "P1")
    for kind, hour in (("accept", 10.0), ("register", 11.0)):
        take(desk, kind, hour, "P1")
    take(desk, "dispatch", 9, "P1", day=30)  # missed on the 30th 15:00, the 31st 9:00 and 15:00; then January
    found = inputs(desk, "beijing_grid", "D1-1", "2026-01")["accounts"]
    assert found[0]["earlier"] == 3
    assert set(found[0]["steps"]) == {"dispatched", "missed"}


def test_the_same_steps_give_the_same_assessment_whatever_is_done_to_other_cases_later(desk: Work) -> None:
    dispatched(desk, "A")
    take(desk, "send_back", 10, "A", reason="不属本单位")
    before = scoring.score(desk, "xihu", parse_period("2025-12"), as_of=at(12))
    acted(desk, Request("dispatch", "李某", "A", at(13), "U2"))
    after = scoring.score(desk, "xihu", parse_period("2025-12"), as_of=at(12))
    names = [
        {d.subject.code: d.inputs["sendbacks"].value for d in made.subjects if "sendbacks" in d.inputs}
        for made in (before, after)
    ]
    assert names[0] == names[1] != {}


def test_repeats_are_judged_by_place_and_road_class_and_explained(desk: Work) -> None:
    """On a main road the second of a class within 20 m repeats; elsewhere only the fourth; small ads never."""
    lon, lat = middle("D1-1")
    for n in range(3):  # 5.6 m apart, north of each other
        main = reported(f"M{n}", category="matter:06010", lat=lat + n * 0.00005)
        back = reported(f"B{n}", place="D1-2", category="matter:06010")
        advert = reported(f"A{n}", category="matter:07001")
        acted(desk, *(r for report in (main, back, advert) for r in (report, *staggered(str(report.case_no), n))))
    assert "repeat_cases" not in inputs(desk, "city_department_annex2", "U1")  # without a road layer nobody can tell
    road = shapely.LineString([(lon - 0.001, lat), (lon + 0.001, lat)])
    district.add_layer(desk, "roads", {"R1": ("main", road)})
    found = inputs(desk, "city_department_annex2", "U1")
    assert (found["repeat_cases"], found["to_handle"]) == (2, 9)
    told = explaining.explain(desk, "city_department_annex2", "U1", "repeat_cases")
    assert told.evidence == {"repeat_cases": ["M1", "M2"]}
    assert [(r.case_no, r.occurrence, r.threshold, r.road_class, r.earlier) for r in told.repeats["repeat_cases"]] == [
        ("M1", 2, 2, "main", ("M0",)), ("M2", 3, 2, "main", ("M0", "M1")),
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "n"), [("n_send_backs", 1), ("n_acts_dispatched", 2)])
def test_counts_of_steps_and_of_acts_are_drawn_as_any(name: str, n: int, desk: Work) -> None:
    dispatched(desk, "A")
    take(desk, "send_back", 10, "A", reason="不属本单位")
    take(desk, "dispatch", 10.5, "A", unit="U2")
    data = indicators.choropleth(desk, name, parse_period("2025-12"))
    assert data.levels[0].frame["value"].tolist() == [n]
    assert drawing.choropleth(data, name).get_root().render().startswith("<!DOCTYPE html>")
