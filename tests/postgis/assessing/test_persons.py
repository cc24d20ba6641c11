"""Dispatchers are scored by what they did: their steps, each back to its case, and against the month's total."""

from pathlib import Path
from typing import Any

import pytest

from gridmgmt.assessing.operations import appeals, entries, explaining, publishing, recomputing, scoring, subjects
from gridmgmt.casework.operations import time_limits
from gridmgmt.casework.operations.requests import Request
from gridmgmt.database.work import Work
from gridmgmt.people.operations import people
from gridmgmt.periods import parse_period
from tests import worlds
from tests.postgis.worksite import acted, at, reported, staffed, step, take

BOOK, PERIOD = "xihu_dispatcher", parse_period("2025-12")
LIMITS = (
    "category,unit_code,stage,part,part_zh,part_en,amount,unit,condition_zh,condition_en,valid_from,valid_to\n"
    "*,,dispatch,,,,1,工作时,,,,\n"
)


def dispatch(work: Work, no: str, who: str, hour: float = 9.5, **more: Any) -> None:
    first = (reported(no, **more), step("accept", 9.1, no), step("register", 9.2, no))
    acted(work, *first, Request("dispatch", who, no, at(hour)))


def dispatchers(work: Work, path: Path) -> None:
    """Twenty-four actions of a month: 甲 does 21, of which one late and one wrong; 乙 two, 丙 one (he supervises)."""
    staffed(work, path)
    (path / "people.csv").write_text("code,name\nP1,甲\nP2,乙\nP3,丙\n", "utf-8")
    (path / "limits2.csv").write_text(LIMITS, "utf-8")
    (path / "list.csv").write_text("code,name_zh\nP1,甲\nP2,乙\nP3,丙\n", "utf-8")
    people.import_people(work, path / "people.csv")
    time_limits.import_limits(work, path / "limits2.csv")
    for n in range(20):
        dispatch(work, f"A{n:02d}", "甲", 10.3 if n == 3 else 10.2)  # by 10:12 an hour of work has passed
    take(work, "send_back", 11, "A05", reason="错派", wrong_dispatch=True)
    acted(work, Request("dispatch", "P1", "A05", at(11.5), "U2"))
    for no in "BC":
        dispatch(work, no, "乙")
    acted(work, Request("supervise", "丙", "B", at(12), None, "批示", {"order_kind": "leader"}))
    subjects.import_subjects(work, BOOK, path / "list.csv")


@pytest.fixture
def month(world: worlds.World) -> Work:
    return world(dispatchers)


def told(made: scoring.Made) -> dict[str, dict[str, Any]]:
    return {d.subject.code: {n: v.value for n, v in d.inputs.items()} for d in made.subjects}


def test_dispatchers_are_counted_by_their_steps(month: Work) -> None:
    made = scoring.score(month, BOOK, PERIOD, as_of=at(0, 31))
    assert told(made) == {
        "P1": {"own_actions": 21, "total_actions": 24, "dispatch_timeouts": 1, "wrong_dispatches": 1},
        "P2": {"own_actions": 2, "total_actions": 24, "dispatch_timeouts": 0, "wrong_dispatches": 0},
        "P3": {"own_actions": 1, "total_actions": 24, "dispatch_timeouts": 0, "wrong_dispatches": 0},
    }
    assert {v.from_ for d in made.subjects for v in d.inputs.values()} == {"acts"}
    lines = {d.subject.code: {x.item: x.points.shown if x.points else None for x in d.all_lines} for d in made.subjects}
    assert {code: found["share"] for code, found in lines.items()} == {
        "P1": "0.00",
        "P2": "-1.00",
        "P3": "-5.00",
    }  # 8.33 %, 4.17 %
    assert {code: found["charged"] for code, found in lines.items()} == {"P1": "2.00", "P2": "0.00", "P3": "0.00"}


def test_the_month_before_is_told_beside_this_one(month: Work) -> None:
    """What persons did, and the counts of steps, were no data in every comparison."""
    before = {
        d.subject.code: d.comparisons["previous"]
        for d in scoring.score(month, BOOK, parse_period("2026-01"), as_of=at(0, 31 + 30)).subjects
    }
    assert {c.period for c in before.values()} == {"2025-12"}
    names = ("n_acts_dispatching", "n_acts_dispatched_late")
    told = {code: c.counts and [c.counts[n] for n in names] for code, c in before.items()}
    assert told == {"P1": [21, 1], "P2": [2, 0], "P3": [1, 0]}


def test_each_is_explained_down_to_his_steps_and_published_again_to_the_same(month: Work) -> None:
    made = scoring.score(month, BOOK, PERIOD, as_of=at(0, 31))
    wrong = explaining.explain(month, made.name, "P1", "wrong_dispatches").evidence
    assert wrong == {"wrong_dispatches": ["A05#5"]}
    assert explaining.explain(month, made.name, "P1", "dispatch_timeouts").evidence == {"dispatch_timeouts": ["A03#4"]}
    assert explaining.explain(month, made.name, "P3", "own_actions").evidence == {"own_actions": ["B#5"]}
    assert scoring.score(month, BOOK, PERIOD, as_of=at(0, 31)).sha256 == made.sha256
    publishing.publish(month.but(actor="局"), made.name)
    assert recomputing.recompute(month, made.name).is_same


def test_an_appeal_takes_an_act_out(month: Work) -> None:
    made = scoring.score(month, BOOK, PERIOD, as_of=at(0, 31))
    publishing.publish(month.but(actor="局"), made.name)
    number = appeals.open_appeal(month.but(actor="甲"), made.name, "P1", "step", "A03#4", "系统停机")
    appeals.decide_appeal(month.but(actor="局"), number, granted=True, decision="属实")
    again, _ = appeals.correct(month, made.name)
    assert told(again)["P1"]["dispatch_timeouts"] == 0
    assert told(again)["P2"] == told(made)["P2"]


def test_whose_an_act_is_that_nobody_is_known_by_cannot_be_told(month: Work, tmp_path: Path) -> None:
    """What people entered is taken then; all of the month is still known."""
    dispatch(month, "D", "无名")
    made = scoring.score(month, BOOK, PERIOD, as_of=at(0, 31))
    assert told(made)["P2"] == {"total_actions": 25, "dispatch_timeouts": 0, "wrong_dispatches": 0}
    (tmp_path / "entries.csv").write_text("period,subject,input,value\n2025-12,P2,own_actions,3\n", "utf-8")
    entries.import_entries(month.but(actor="局"), BOOK, tmp_path / "entries.csv")
    made = scoring.score(month, BOOK, PERIOD, as_of=at(0, 31))
    assert told(made)["P2"]["own_actions"] == 3


def test_without_steps_there_is_no_data(world: worlds.World) -> None:
    work = world(dispatchers)
    made = scoring.score(work, BOOK, parse_period("2025-11"))
    assert {code: found for code, found in told(made).items() if found} == {}


def homes(work: Work, path: Path) -> None:
    """The same month; 甲 and 乙 are of U1, 丙 is of U2."""
    dispatchers(work, path)
    rows = [f"{who},{unit},dispatcher,,,,2025-01-01," for who, unit in (("P1", "U1"), ("P2", "U1"), ("P3", "U2"))]
    head = "person_code,unit_code,role,level,grid_code,full_time,valid_from,valid_to"
    (path / "posts.csv").write_text("\n".join([head, *rows]) + "\n", "utf-8")
    people.import_posts(work, path / "posts.csv")
    parts = [f"2025-12,U1,{name},{points}" for name, points in (("digital", 66), ("four_care", 18), ("hotline", 9))]
    (path / "parts.csv").write_text("\n".join(["period,subject,input,value", *parts]) + "\n", "utf-8")
    entries.import_entries(work.but(actor="考评办"), "xihu", path / "parts.csv")


def test_what_dispatchers_did_goes_into_their_home_units_month_and_a_correction_is_told(world: worlds.World) -> None:
    """「未达到10%的,每少一个百分点扣1分」「考核派遣员的在职单位」: 甲 21, 乙 2, 丙 1 of 24 acts.

    乙 has 8.33 %: 1.67 short, 1 point; 丙 4.17 %: 5.83 short, 5 points. An appeal takes one act of 乙 out: 1 of 23
    (4.35 %) is 5.65 short, 5 points, as 丙 has them then.
    """
    work = world(homes)
    cut, boss = at(0, 31), work.but(actor="局")

    def unit(name: str, code: str) -> tuple[Any, Any, Any]:
        document = {d.subject.code: d for d in scoring.read(work, name)[1]}[code]
        (line,) = [x for x in document.all_lines if x.item == "dispatchers"]
        return document.inputs["dispatcher_points"].value, line.points and line.points.exact, document.written_total

    source = scoring.score(work, BOOK, PERIOD, as_of=cut)
    publishing.publish(boss, source.name)
    made = scoring.score(work, "xihu", PERIOD, as_of=cut)
    assert unit(made.name, "U1") == ("1", "-1", "93.00")
    assert unit(made.name, "U2")[:2] == ("5", "-5")
    borrowed = explaining.explain(work, made.name, "U1", "dispatchers").results["dispatcher_points"]
    assert [(b.taken.code, b.taken.value) for b in borrowed] == [("P1", "0"), ("P2", "-1")]
    assert {b.taken.code: b.why.evidence["own_actions"] for b in borrowed}["P2"] == ["B#4", "C#4"]

    number = appeals.open_appeal(work.but(actor="乙"), source.name, "P2", "step", "B#4", "他人以其名义派遣")
    appeals.decide_appeal(boss, number, granted=True, decision="属实")
    corrected, _ = appeals.correct(boss, source.name)
    publishing.publish(boss, corrected.name)
    assert told(corrected)["P2"]["own_actions"] == 1
    stale = {row["name"]: row["stale"] for row in scoring.listing(work)}
    assert [(x["taken"], x["now"]) for x in stale[made.name]] == [(source.name, corrected.name)]
    assert unit(made.name, "U1")[0] == "1"  # of itself nothing changes
    again = scoring.score(work, "xihu", PERIOD, as_of=cut)
    assert {code: unit(again.name, code)[0] for code in ("U1", "U2")} == {"U1": "5", "U2": "5"}
    assert {row["name"]: row["stale"] for row in scoring.listing(work)}[again.name] == []
    assert recomputing.recompute(work, made.name).is_same
