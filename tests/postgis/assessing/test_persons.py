"""Dispatchers are scored by what they did: their steps, each back to its case, and against the month's total."""

from pathlib import Path
from typing import Any

import pytest

from gridmgmt.assessing.operations import appeals, entries, explaining, publishing, recomputing, scoring, subjects
from gridmgmt.casework.operations import time_limits
from gridmgmt.casework.operations.cases import Request
from gridmgmt.database.work import Work
from gridmgmt.people.operations import people
from gridmgmt.periods import parse_period
from tests import worlds
from tests.postgis.worksite import acted, at, opened, staffed, take

BOOK, PERIOD = "xihu_dispatcher", parse_period("2025-12")
LIMITS = (
    "category,unit_code,stage,part,part_zh,part_en,amount,unit,condition_zh,condition_en,valid_from,valid_to\n"
    "*,,dispatch,,,,1,工作时,,,,\n"
)


def dispatch(work: Work, no: str, who: str, hour: float = 9.5, **more: Any) -> None:
    opened(work, no, **more)
    take(work, "accept", 9.1, no)
    take(work, "register", 9.2, no)
    acted(work, Request("dispatch", who, no, at(hour)))


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
