"""A simulated month: every case in one state, every step once; and a small month worked out by hand."""

import datetime as dt
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from gridmgmt import texts
from gridmgmt.assessing.operations import scoring
from gridmgmt.casework import transitions
from gridmgmt.casework.cases import STATES, Limits
from gridmgmt.casework.operations import cases, lookup
from gridmgmt.casework.operations.requests import Outcome, Request
from gridmgmt.casework.readers import rules as desk_rules
from gridmgmt.casework.store import steps as step_store
from gridmgmt.database import tables as t
from gridmgmt.database.work import Work
from gridmgmt.demo import operations, workday
from gridmgmt.periods import parse_period
from tests.postgis import worksite
from tests.postgis.towns import middle, select_all
from tests.postgis.worksite import at
from tests.worlds import World, clear

MONTH = parse_period("2025-12")
CLASSES = [("component:01001", 3.0), ("component:01", 2.0), ("component:02001", 1.0)]


def simulate(work: Work, seed: int, n: int = 150) -> list[Outcome]:
    city, leaves, _ = operations.ground(work, MONTH)
    steps = workday.script(leaves, CLASSES, MONTH, city.zone, seed, n)
    requests = [
        Request(s.kind, s.actor, s.case_no, s.at, reason=s.reason, facts=s.facts, ref=f"{s.case_no} {s.at} {s.kind}")
        for s in steps
    ]
    outcomes = list(cases.take(work, requests))
    assert len(outcomes) == len(requests)
    return outcomes


def month(work: Work) -> dict[str, Any]:
    """Everything that was done, without ids and clocks of the database."""
    s, c = t.step.c, t.cases.c
    with work.snapshot() as connection:
        steps = connection.execute(
            select(c.case_no, s.seq, s.kind, s.at, s.actor, s.unit_code, s.reason, s.facts, s.state)
            .join_from(t.step, t.cases, s.case_id == c.id)
            .order_by(c.case_no, s.seq)
        )
        rows = connection.execute(select(c.case_no, c.status, c.due_at, c.handled_at, c.located).order_by(c.case_no))
        return {"steps": [tuple(r) for r in steps], "rows": [tuple(r) for r in rows]}


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_lost_and_every_case_is_in_exactly_one_state(desk: Work, seed: int) -> None:
    outcomes = simulate(desk, seed)
    done = [o for o in outcomes if o.case is not None]
    assert {o.request.kind for o in done} >= {
        "report",
        "discard",
        "register",
        "dispatch",
        "send_back",
        "extend",
        "fail",
        "close",
    }
    states = lookup.by_state(desk)
    assert set(states) <= set(STATES)
    n_cases = len(select_all(desk, t.cases.c.id))
    assert sum(states.values()) == n_cases == sum(o.request.kind == "report" for o in done)
    assert len(select_all(desk, t.step.c.id)) == len(done)
    with desk.snapshot() as connection:
        rows = step_store.found(connection, [r[0] for r in select_all(desk, t.cases.c.case_no)])
        stored = step_store.of_cases(connection, [r["id"] for r in rows.values()])
    for no, row in rows.items():
        own = stored[row["id"]]
        assert [s.seq for s in own] == list(range(1, len(own) + 1))
        case = transitions.fold(no, own)
        assert (row["status"], row["due_at"], row["closed_at"]) == (case.state, case.due_at, case.closed_at)
    assert Counter(r["status"] for r in rows.values()) == Counter({k: v for k, v in states.items() if v})


def test_the_same_seed_gives_the_same_month_and_handed_in_again_adds_nothing(desk: Work, tmp_path: Any) -> None:
    simulate(desk, 3)
    first = month(desk)
    assert all(o.case is None or o.fault for o in simulate(desk, 3))
    assert month(desk) == first
    clear(desk)
    worksite.staffed(desk, tmp_path)
    simulate(desk, 3)
    assert month(desk) == first


def test_every_refusal_says_why(desk: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """The month of a city that grants nothing: what was asked for is refused, and so is what would follow from it."""
    monkeypatch.setattr(desk_rules, "rules", lambda: desk_rules.Rules(Limits(0, 0, 1), 3))
    faults = [o.fault for o in simulate(desk, 4, 200) if o.fault is not None]
    whys = Counter(f.facts.get("why", f.code) for f in faults)
    assert set(whys) >= {"extensions_used_up", "postponements_used_up", "nothing_asked"}
    assert {f"refused_{why}" for why in whys} <= {*texts.catalogue()}, "what `simulate` tells of them"
    assert {f.code for f in faults} <= {"step_refused", "step_illegal", "step_incomplete"}
    for fault in faults:
        for lang in texts.LANGUAGES:
            said = texts.word(fault.code, fault.facts, lang)
            assert str(fault.facts["case_no"]) in said
            assert not re.search(r"refused_|step_|state_|[{}]|\+00:00", said), said


# --- a month worked out by hand --------------------------------------------------------------------------------------

# no, community, and (kind, day, hour, more) after report, accept, register at 9:00 and dispatch at 9:30 of day 1.
# Class component:01001 has 4 working hours: due on day 1 at 15:30.
STORY: dict[str, tuple[str, list[tuple[str, int, float, dict[str, Any]]]]] = {
    "on_time": ("D1-1", [("receive", 1, 10, {}), ("answer", 1, 15.5, {}), ("verify", 1, 16, {}), ("close", 3, 9, {})]),
    "late": ("D1-1", [("receive", 1, 10, {}), ("answer", 1, 15.6, {}), ("verify", 1, 16, {}), ("close", 1, 17, {})]),
    "extended": (
        "D1-2",
        [
            ("receive", 1, 10, {}), ("ask_extension", 1, 11, {"amount": "4", "amount_unit": "工作时"}),
            ("extend", 1, 12, {}),
            ("answer", 2, 9.5, {}), ("verify", 2, 10, {}), ("close", 2, 11, {}),
        ],
    ),
    "reworked": (
        "D1-2",
        [
            ("receive", 1, 10, {}), ("answer", 1, 11, {}), ("verify", 1, 11.1, {}), ("fail", 1, 11.2, {}),
            ("receive", 1, 11.3, {}), ("answer", 1, 12, {}), ("verify", 1, 14, {}), ("close", 1, 15, {}),
        ],
    ),
    "open": ("D2-1", [("receive", 1, 10, {})]),
    "held": ("D2-1", [("receive", 1, 10, {}), ("ask_postponement", 1, 11, {}), ("postpone", 1, 11.5, {})]),
    "voided": ("D2-2", [("void", 1, 10, {})]),
    "answered": ("D2-2", [("receive", 1, 10, {}), ("answer", 1, 11, {})]),
}  # fmt: skip
CUT = at(0, 6)
STATE = {
    "on_time": "closed", "late": "closed", "extended": "closed", "reworked": "closed", "open": "handling",
    "held": "on_hold", "voided": "void", "answered": "answered",
}  # fmt: skip
#              due closed on_time extended late overdue_open reworked   (void and held leave; open and answered are due)
EXPECTED = {
    "D1-1": (2, 2, 1, 0, 1, 0, 0),
    "D1-2": (2, 2, 1, 1, 0, 0, 1),
    "D2-1": (1, 0, 0, 0, 0, 1, 0),
    "D2-2": (1, 0, 0, 0, 0, 1, 0),
}
COUNTS = (
    "n_due",
    "n_closed",
    "n_closed_on_time",
    "n_closed_extended",
    "n_closed_late",
    "n_overdue_open",
    "n_rework_cases",
)


def worked(desk: Work, folder: Path) -> None:
    """The town's month, taken request by request."""
    worksite.staffed(desk, folder)
    requests: list[tuple[dt.datetime, Request]] = []
    for no, (place, story) in STORY.items():
        lon, lat = middle(place)
        facts = {"source": "监督员上报", "category": "component:01001", "lon": lon, "lat": lat}
        requests.append((at(9), Request("report", "王某", no, at(9), facts=facts)))
        for kind, hour in (("accept", 9.0), ("register", 9.0), ("dispatch", 9.5)):
            requests.append((at(hour), Request(kind, "李某", no, at(hour))))
        for kind, day, hour, more in story:
            requests.append((at(hour, day), Request(kind, "张某", no, at(hour, day), reason="现场情况", facts=more)))
    ordered = [r for _, r in sorted(requests, key=lambda x: x[0])]
    assert [o.fault for o in cases.take(desk, ordered) if o.fault] == []


@pytest.fixture
def by_hand(world: World) -> Work:
    """The town after its month."""
    return world(worked)


def test_the_states_of_the_month(by_hand: Work) -> None:
    assert dict(select_all(by_hand, t.cases.c.case_no, t.cases.c.status)) == STATE
    states = lookup.by_state(by_hand)
    assert (states["closed"], states["handling"], states["on_hold"], states["void"], states["answered"]) == (
        4,
        1,
        1,
        1,
        1,
    )
    assert sum(states.values()) == 8


def test_the_indicators_of_the_month(by_hand: Work) -> None:
    made = scoring.score(by_hand, "grid_baseline", MONTH, as_of=CUT)
    counts = {d.subject.code: tuple(d.counts[c] for c in COUNTS) for d in made.subjects}
    for community, expected in EXPECTED.items():
        assert counts[community] == expected, community
    for above, below in {"D1": ("D1-1", "D1-2"), "D2": ("D2-1", "D2-2"), "C": ("D1", "D2")}.items():
        assert counts[above] == tuple(map(sum, zip(*(counts[b] for b in below), strict=True)))


def test_the_accounts_of_the_month(by_hand: Work) -> None:
    failures = {no: sum(a.n_deductions for a in lookup.show_case(by_hand.but(now=CUT), no).accounts) for no in STORY}
    # from 15:30 on day 1: 9:30, 15:30 on each of days 2 to 5 (Tuesday to Friday): 1 + 4 x 2
    assert failures == {
        "on_time": 0, "late": 1, "extended": 0, "reworked": 1, "open": 9, "held": 0, "voided": 0, "answered": 0,
    }  # fmt: skip


def test_units_answer_for_the_same_cases(by_hand: Work) -> None:
    with by_hand.snapshot() as connection:
        n = connection.execute(
            select(t.unit.c.code, func.count())
            .join_from(t.cases, t.unit, t.cases.c.unit_id == t.unit.c.id)
            .group_by(t.unit.c.code)
        )
        assert dict(tuple(r) for r in n) == {"U1": 4, "U2": 4}
