"""What is read of many cases at once – accounts, failures, acts – is what each case's steps say one after the other."""

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st

from gridmgmt import deadlines
from gridmgmt.casework import hanging, transitions
from gridmgmt.casework.cases import Case, Step
from gridmgmt.casework.operations.context import Desk
from gridmgmt.database.tables import GRID_COLUMNS
from gridmgmt.database.work import Work
from gridmgmt.figures.counts import ACTING
from gridmgmt.figures.operations import acts, replaying, step_counts
from tests.examples import about
from tests.postgis import worksite
from tests.postgis.figures.test_one_life_cycle import FOREVER, HOUR, START, lives, stored
from tests.worlds import World

WORKED = [{"amount": "4", "unit": "working_hour"}]
NOTHING = pd.DataFrame(columns=["case_no", *GRID_COLUMNS])
Told = tuple[Any, ...]


@st.composite
def logged(draw: st.DrawFn) -> list[Step]:
    """The steps of a case as they may stand here: taken here, imported or derived, some dispatches with a limit."""
    out = []
    for n, step in enumerate(draw(lives()), 1):
        facts = (
            {**step.facts, "limits": WORKED} if step.kind in transitions.OPENING and draw(st.booleans()) else step.facts
        )
        origin, actor = draw(st.sampled_from(["own", "own", "imported", "derived"])), draw(st.sampled_from("王李张"))
        unit = None if step.kind in transitions.OPENING and draw(st.integers(0, 9)) == 0 else step.unit_code
        out.append(replace(step, facts=facts, origin=origin, actor=actor, unit_code=unit, seq=n))
    return out


def seen(steps: Sequence[Step], cut: dt.datetime) -> list[Step]:
    return [s for s in steps if s.at <= cut]


def is_void(taken: Sequence[Step]) -> bool:
    return any(transitions.TRANSITIONS[s.kind].to == "void" for s in taken)


def of_each(desk: Desk, no: str, taken: Sequence[Step], cut: dt.datetime) -> list[hanging.Account]:
    """The accounts of one case by all its steps, whatever they are."""
    if is_void(taken):
        return []
    return hanging.accounts(taken, cut, desk.timing.terms, desk.rules.exposed_at_failure, desk.unheard.get(no, set()))


def failures(no: str, accounts: Sequence[hanging.Account]) -> Iterator[tuple[str, dt.datetime]]:
    """The failures of a case and when it was exposed, by number."""
    for n, account in enumerate(accounts, 1):
        yield from ((no + step_counts._mark(n, p), p.ended_at) for p in account.failures if p.ended_at is not None)
        if account.exposed_at is not None:
            yield f"{no}!exposed{n if n > 1 else ''}", account.exposed_at


def told_of(desk: Desk, no: str, taken: Sequence[Step]) -> Iterator[Told]:
    """The acts of one case: whose, and whether late, by the case as it was before each of them."""
    case, dispatcher = Case(no), ""
    for step in taken:
        if step.kind in ACTING and step.origin != "derived":
            late, wrong = is_late(desk, case, step), step.told.wrong_dispatch
            told = f"{no}#{step.seq} {step.kind} {step.at.isoformat()} {step.unit_code} {late} {wrong}"
            digest = hashlib.md5(told.encode(), usedforsecurity=False).hexdigest()
            yield f"{no}#{step.seq}", step.at, dispatcher if step.kind == "send_back" else step.actor, late, digest
        if step.kind in transitions.OPENING:
            dispatcher = step.actor
        case = transitions.follow(case, step)


def is_late(desk: Desk, case: Case, step: Step) -> bool | None:
    due = None
    if step.kind == "answer":
        due = case.current_due_at
    elif step.kind == "dispatch" and case.state == "registered" and case.registered_at is not None:
        chosen = desk.chosen_limit("dispatch", case, case.unit_code, case.registered_at)
        due = deadlines.due(case.registered_at, list(chosen.limits), desk.clock, []).due_at if chosen else None
    return None if due is None else step.at > due


def _timed(work: Work, path: Path) -> None:
    """The town at work, where a dispatch has its time limit too."""
    worksite.staffed(work, path, worksite.LIMITS + worksite.DISPATCHING)


class Named:
    """Everybody is known by what his source wrote."""

    def __init__(self, *_: object) -> None: ...

    def of(self, told: str, _day: dt.date) -> str:
        return told


@about(10, phases=[Phase.explicit, Phase.reuse, Phase.generate],
       suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(
    lived=st.lists(logged(), min_size=8, max_size=16), first=st.integers(0, 60), span=st.integers(1, 200),
    later=st.integers(-30, 60), unheard=st.lists(st.integers(0, 20), max_size=3),
)  # fmt: skip
def test_many_cases_read_at_once_are_what_each_one_s_steps_say(
    lived: list[list[Step]], first: int, span: int, later: int, unheard: list[int], world: World
) -> None:
    steps: Mapping[str, list[Step]] = {f"C{n:02}": taken for n, taken in enumerate(lived)}
    start, end = START + first * HOUR, START + (first + span) * HOUR
    cut = end + later * HOUR
    lacking = {f"C{n:02}": {s.seq for s in steps.get(f"C{n:02}", ()) if s.kind == "answer"} for n in unheard}
    desk = world(_timed)
    with desk.but(keep=False).transaction() as connection, patch.object(Desk, "unheard", lacking):
        at_desk, cases = Desk(connection), stored(connection, dict(steps))
        placed = step_counts.accounts_of_period(connection, start, end, cut, NOTHING)
        events = step_counts.steps_of_period(connection, start, end, cut, ["n_hang_failures", "n_exposed"])
        with patch.object(acts, "Identities", Named):
            acted = acts.acts_of_period(connection, start, end, cut)
        accounts = {no: of_each(at_desk, no, seen(taken, cut), cut) for no, taken in steps.items()}
        hung = {no for no, c in cases.items() if (c.closed_at or c.voided_at or FOREVER) >= start}
        wanted_acts = [
            x for no, taken in steps.items() for x in told_of(at_desk, no, seen(taken, cut)) if start <= x[1] < end
        ]
    assert [dict(a.written) for a in placed or ()] == [
        step_counts._written(no, a, start, end, accounts[no])
        for no in steps if no in hung for a in accounts[no]
        if a.opened_at < end and ((last := a.periods[-1].ended_at) is None or last >= start)
    ]  # fmt: skip
    failed = events[events["kind"].isin(["hang_failure", "exposed"])]
    wanted = [x for no in hung for x in failures(no, accounts[no]) if start <= x[1] < end]
    assert sorted(zip(failed["step_no"], failed["at"], strict=True)) == sorted(wanted)
    late = acted["late"].astype(object).where(acted["late"].notna(), None)
    columns = (acted["act_no"], acted["at"], acted["person_code"], late, acted["content_hash"])
    assert list(zip(*columns, strict=True)) == wanted_acts


def test_a_place_that_a_case_had_in_no_grid_is_told_as_none() -> None:
    """All steps of the period are of cases in a grid of that level now; one was in none of it at the cut-off."""
    frame = pd.DataFrame({"case_no": ["A", "B"], "category_kind": "matter", "category_code": "01", "source": "x",
                          "edition_id": 1, "located": "leaf", **dict.fromkeys(GRID_COLUMNS, 7)})  # fmt: skip
    then = frame[frame["case_no"] == "B"].assign(grid_l3=None, located="outside")
    placed = replaying.placed_as_then(frame, then)
    assert placed["grid_l3"].fillna(0).tolist() == [7, 0]
    assert placed["located"].tolist() == ["leaf", "outside"]
