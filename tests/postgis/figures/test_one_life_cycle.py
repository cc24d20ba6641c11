"""SQL, pandas and the fold over the table of the life cycle say the same of a case, whatever steps it went through."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pandas as pd
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from sqlalchemy import Connection, insert

from gridmgmt.casework import hanging, transitions
from gridmgmt.casework.cases import Case, Step
from gridmgmt.casework.hanging import Terms
from gridmgmt.casework.operations import case_records
from gridmgmt.casework.store import listing
from gridmgmt.casework.store import steps as step_store
from gridmgmt.casework.store.listing import Wanted
from gridmgmt.database import batches
from gridmgmt.database import tables as t
from gridmgmt.database.facts import CASES
from gridmgmt.database.work import Work
from gridmgmt.figures.counts import COUNTS, Facts
from gridmgmt.figures.operations import replaying
from gridmgmt.figures.store import period_facts
from gridmgmt.figures.store import steps as counted_steps
from gridmgmt.figures.store.period_cases import PeriodCases
from tests.examples import about

START = dt.datetime(2025, 12, 1, tzinfo=dt.UTC)
FOREVER = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
RARE = {"void", "note", "move", "reclassify", "expose", "discard"}
TERMS = Terms(lambda _dispatch, at: at + 10 * HOUR, lambda _dispatch, due, start, end: end + (due - start), 90 * HOUR)

hours = st.integers(0, 12)


@st.composite
def lives(draw: st.DrawFn) -> list[Step]:
    """The steps of a case: each legal by the table, often beside its way, some at one instant."""
    case, out = Case("C"), list[Step]()
    for kind in ("report", "accept", "register", "dispatch", "receive")[: draw(st.integers(1, 5))]:
        out.append(draw(told(kind, case)))
        case = transitions.follow(case, out[-1])
    for _ in range(draw(st.integers(0, 12))):
        legal = transitions.legal(case.state)
        kind = draw(st.sampled_from([k for k in legal if k not in RARE] * 4 + legal))
        out.append(draw(told(kind, case)))
        case = transitions.follow(case, out[-1])
    return out


def told(kind: str, case: Case) -> st.SearchStrategy[Step]:
    """A step of a kind with facts of those that SQL or the fold reads."""
    rule = transitions.TRANSITIONS[kind]
    values: dict[str, st.SearchStrategy[Any]] = {
        "due_at": st.integers(1, 40).map(lambda n: ((case.last_at or START) + n * HOUR).isoformat()),
        "category": st.just("matter:06010"), "order_kind": st.just("leader"), "order": st.integers(1, 2),
        "wrong_dispatch": st.booleans(), "agreed": st.booleans(),
        "verdict": st.sampled_from(["satisfied", "none"]), "mark": st.sampled_from(["false", "referred", "repeat"]),
    }  # fmt: skip
    taken = {name: values[name] for name in rule.takes if name in values}
    needed = {name: taken.pop(name) for name in rule.needs if name in taken}
    facts = st.fixed_dictionaries(needed, optional=taken)
    unit = st.sampled_from(["U1", "U2"]) if kind in transitions.OPENING else st.just(case.unit_code)
    at = st.sampled_from([0, 0, 1, 3, 30]).map(lambda n: (case.last_at or START) + n * HOUR)
    return st.builds(Step, st.just(kind), at, st.just("王某"), unit, st.just("x"), facts)


def stored(connection: Connection, steps: dict[str, list[Step]], *, at_once: bool = True) -> dict[str, Case]:
    """The cases written as their steps add up to them, which were known all at once or each when it happened."""
    batch_id = batches.new_batch(connection, "steps")
    known_at = batches.stamp_batch(connection, batch_id)
    out, ids = {}, {}
    beside = {"version_at": known_at, "content_hash": "", "batch_id": batch_id, "row_no": 1, "known_at": known_at}
    for no, taken in steps.items():
        out[no] = transitions.fold(no, taken)
        row = {"case_no": no, "located": "outside", **case_records.facts_of(out[no], {}, "town"), **beside}
        row = {name: row.get(name) for name in ("case_no", "located", *CASES.facts, *beside)}
        ids[no] = connection.execute(insert(t.cases).values(row).returning(t.cases.c.id)).scalar_one()
    rows = [
        (ids[no], replace(s, seq=n), transitions.fold(no, taken[:n]).state, None)
        for no, taken in steps.items()
        for n, s in enumerate(taken, 1)
    ]
    if at_once:
        step_store.append(connection, rows, batch_id, known_at)
        return out
    for moment in {row[1].at for row in rows}:
        step_store.append(connection, [row for row in rows if row[1].at == moment], batch_id, moment)
    return out


@about(
    10,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a database is too slow to shrink with
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(lived=st.lists(lives(), min_size=8, max_size=16), later=hours, held=st.integers(0, 60), span=st.integers(1, 60))
def test_what_sql_says_of_steps_is_what_their_fold_says(
    lived: list[list[Step]], later: int, held: int, span: int, empty: Work
) -> None:
    steps = {f"C{n:02}": taken for n, taken in enumerate(lived)}
    cut = max(taken[-1].at for taken in lived) + later * HOUR
    halted = [s.at for taken in lived for s in taken if s.kind in transitions.HALTING]
    since, end = halted[held % len(halted)] if halted else cut, START + span * HOUR
    with empty.but(keep=False).transaction() as connection:
        cases = stored(connection, steps)
        none = period_facts.typed(pd.DataFrame(columns=list(period_facts.CASE_TYPES)))
        frame = PeriodCases(connection, START, FOREVER, cut, since, none).rows()
        taken = counted_steps.steps_of_period(connection, START, FOREVER, cut)
        hung = counted_steps.hanging(connection, START + HOUR, end, cut, ())
        ordered = counted_steps.with_orders(connection, START, end)
        overdue = {r["case_no"] for r in listing.page(connection, Wanted((), None, None, None, True), cut, 100, 0)}
    stands = {no: replaying._stands(c, steps[no], c.effective_due_at, since) for no, c in cases.items()}
    assert dict(zip(frame["case_no"], frame["stands"], strict=True)) == stands
    assert overdue == {no for no, case in cases.items() if case.is_overdue(cut)}
    assert ordered == [no for no, c in cases.items() if any(o.due_at and o.due_at < end for o in c.orders)]
    accounts = {no: hanging.accounts(s, cut, TERMS) for no, s in steps.items()}
    assert hung["case_no"].tolist() == [
        no for no, c in cases.items()
        if any(a.opened_at < end for a in accounts[no]) and (c.closed_at or c.voided_at or FOREVER) >= START + HOUR
    ]  # fmt: skip
    for no, case in cases.items():
        assert case.is_hanging == any(a.is_open for a in accounts[no]) or case.state == "sent_back", no
    facts = Facts(taken, START, FOREVER, cut)
    n = {name: int(count.mask(facts).sum()) for name, count in COUNTS.items() if count.of == "steps"}
    granted = [what for c in cases.values() for _, what in c.granted]
    assert (n["n_extensions"], n["n_supervised"]) == (
        granted.count("extension"), sum(len(c.orders) for c in cases.values()),
    )  # fmt: skip
    assert n["n_redispatched"] == sum(c.n_dispatches > 1 for c in cases.values())
    assert n["n_dispatched_logged"] == sum(c.n_dispatches > 0 for c in cases.values())  # no unit is known here
    assert n["n_postponed_cases"] == sum(any(w == "postponement" for _, w in c.granted) for c in cases.values())
    assert n["n_false"] == sum(c.is_false for c in cases.values())
    assert (taken["kind"] == "send_back").sum() == sum(c.n_send_backs for c in cases.values())
    assert set(taken["case_no"][taken["kind"] == "refer"]) == {no for no, c in cases.items() if c.is_referred}
