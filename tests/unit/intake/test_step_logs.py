"""Following a log: every row is taken, known or refused; what is added can be folded; the log again changes nothing."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt.casework import transitions
from gridmgmt.casework.cases import Step
from gridmgmt.intake.step_logs import Followed, follow

START = dt.datetime(2025, 12, 1, tzinfo=dt.UTC)
ROW: dict[str, Any] = {
    "reported_at": START, "category": "component:01001", "lon": 114.0, "lat": 30.0,
    "due_at": START + dt.timedelta(hours=30),
}  # fmt: skip


def step(kind: str, hour: int, actor: str = "", **facts: Any) -> Step:
    return Step(kind, START + dt.timedelta(hours=hour), actor, None, None, facts, "imported")


def numbered(*steps: Step) -> list[tuple[int, Step]]:
    return sorted(enumerate(steps, 2), key=lambda row: row[1].at)


def kinds(found: Followed) -> list[str]:
    return [s.kind for s, _ in found.added]


steps = st.builds(
    step, st.sampled_from(sorted(transitions.TRANSITIONS)), st.integers(0, 12), st.sampled_from(["", "甲"]),
    wrong_dispatch=st.booleans(),
)  # fmt: skip


@given(st.lists(steps, max_size=14), st.lists(steps, max_size=6))
def test_every_row_has_one_fate_and_the_log_again_changes_nothing(first: list[Step], more: list[Step]) -> None:
    stored: list[Step] = []
    for log in (numbered(*first), numbered(*first, *more)):
        found = follow("A", ROW, stored, log)
        fates = [*found.rows, *found.unchanged, *(r.row for r in found.refused)]
        assert sorted(fates) == sorted(n for n, _ in log)
        stored = [*stored, *(s for s, _ in found.added)]
        case = transitions.fold("A", stored)
        assert [s.seq for s in stored] == list(range(1, case.n_steps + 1))
        assert not found.added or found.added[-1][1] == case.state
        assert all(s.origin == ("derived" if s.actor == "" and s.origin == "derived" else "imported") for s in stored)
        taken = [*found.rows, *found.unchanged]
        again = follow("A", ROW, stored, [row for row in log if row[0] in taken])
        assert (again.added, again.refused) == ((), ())
        assert sorted(again.unchanged) == sorted(taken)


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (["report", "accept"], ["report", "accept"]),
        (["accept"], ["report", "accept"]),
        (["dispatch"], ["report", "accept", "register", "dispatch"]),
        (["dispatch", "answer"], ["report", "accept", "register", "dispatch", "receive", "answer"]),
        (["dispatch", "fail"], ["report", "accept", "register", "dispatch", "receive", "answer", "verify", "fail"]),
        (["confirm"], ["report", "accept", "confirm"]),
        (["close"], []),
        (["resume"], []),
        (["discard", "note"], ["report", "discard", "note"]),
    ],
)
def test_the_shortest_plain_way_is_derived(log: list[str], expected: list[str]) -> None:
    found = follow("A", ROW, [], numbered(*(step(kind, n) for n, kind in enumerate(log, 1))))
    assert kinds(found) == expected
    assert found.n_bridged == len(expected) - (len(log) if expected else 0)


def test_the_last_dispatch_takes_the_row_s_deadline() -> None:
    log = [step("dispatch", 1), step("send_back", 2), step("dispatch", 3)]
    dispatches = [s for s, _ in follow("A", ROW, [], numbered(*log)).added if s.kind == "dispatch"]
    assert [s.told.due_at for s in dispatches] == [None, ROW["due_at"]]
    late = follow("A", ROW, [], numbered(step("dispatch", 30)))
    assert late.added[-1][0].facts == {}
    told = follow("A", ROW, [], numbered(step("dispatch", 1, due_at="2025-12-01T05:00:00+00:00")))
    assert told.added[-1][0].facts == {"due_at": "2025-12-01T05:00:00+00:00"}


def test_a_step_of_this_platform_closes_the_case_to_logs() -> None:
    own = Step("report", START, "王某", origin="own", seq=1)
    found = follow("A", ROW, [own], numbered(step("accept", 1)))
    assert [(r.row, r.column, r.code) for r in found.refused] == [(2, "case_no", "case_worked_on_here")]
    assert found.added == ()


def test_a_failed_check_whose_deadline_does_not_lie_ahead_is_refused() -> None:
    """Such a log repeats the case's first deadline; taken as the new one it would stop the case from being read."""
    log = [step("dispatch", 1), step("fail", 31, due_at=ROW["due_at"].isoformat()), step("close", 40)]
    found = follow("A", ROW, [], numbered(*log))
    assert [(r.row, r.column, r.code) for r in found.refused] == [(3, "due_at", "deadline_not_after_step")]
    assert kinds(found)[-1] == "close"
    ahead = step("fail", 31, due_at=(ROW["due_at"] + dt.timedelta(hours=2)).isoformat())
    assert follow("A", ROW, [], numbered(log[0], ahead)).refused == ()
