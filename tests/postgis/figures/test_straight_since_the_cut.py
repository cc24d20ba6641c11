"""Cases that went straight since a cut-off are told from their rows: they are what their steps until then make them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select, text, update

from gridmgmt.casework import transitions
from gridmgmt.casework.cases import Step
from gridmgmt.casework.operations import case_records
from gridmgmt.database import batches
from gridmgmt.database import tables as t
from gridmgmt.database.facts import CASES
from gridmgmt.database.work import Work
from gridmgmt.figures.counts import COUNTS
from gridmgmt.figures.operations import replaying
from gridmgmt.figures.predicates import Column, Condition, Known
from gridmgmt.figures.store import period_facts
from gridmgmt.figures.store.period_cases import PeriodCases, WorkedAfter, worked_after
from gridmgmt.people.store.units import unit_ids
from tests.examples import about
from tests.postgis import worksite
from tests.postgis.figures.test_one_life_cycle import FOREVER, HOUR, START, lives, stored
from tests.postgis.worksite import at, dispatched, opened, step, take
from tests.worlds import World

BASE = [c.mask for c in COUNTS.values() if isinstance(c.mask, Condition) and c.of == "cases"]
BEYOND = [Known(Column(name)) for name in ("accepted_at", "handled_at", "closed_at", "voided_at")]
"""What no count asks, but a rulebook's filter might: whether a time is known, whenever it was."""


@dataclass(frozen=True)
class Lived:
    """A case with what the tables hold of it: since when each of its places was known, and who knew it first."""

    steps: Sequence[Step]
    places: Sequence[tuple[int, str]]
    n_exported: int


@st.composite
def _lived(draw: st.DrawFn) -> Lived:
    """Most cases are worked on here from their first step on, some only after other systems had them."""
    taken = draw(lives())
    n = draw(st.sampled_from([0, 0, 0, 1, 4, 5, 6, 30]))
    origins = ["imported" if k < n else "own" for k in range(len(taken))]
    places = draw(st.lists(st.tuples(st.integers(-1, 90), st.sampled_from(["U1", "U2", "U9"])), max_size=2))
    steps = [replace(s, origin=o, seq=k) for k, (s, o) in enumerate(zip(taken, origins, strict=True), 1)]
    return Lived(steps, sorted(places), n if draw(st.booleans()) else 0)


def _kept(connection: Connection, lived: dict[str, Lived]) -> None:
    """The cases in the tables; every step was known when it happened."""
    stored(connection, {no: list(case.steps) for no, case in lived.items()}, at_once=False)
    units = unit_ids(connection)
    rows = {r.case_no: r for r in connection.execute(select(t.cases.c.case_no, t.cases.c.id, t.cases.c.unit_code))}
    batch = {"batch_id": batches.new_batch(connection, "cases")}
    for no, case in lived.items():
        last = units.get(rows[no].unit_code)
        for hour, code in case.places:
            place = {"unit_id": units[code], "located": "outside"}
            last, known = units[code], START + hour * HOUR
            connection.execute(insert(t.assignment).values(case_id=rows[no].id, known_at=known, **place, **batch))
        connection.execute(update(t.cases).where(t.cases.c.id == rows[no].id).values(unit_id=last))
        said = None
        if seen := case.steps[: case.n_exported]:
            said = case_records.facts_of(transitions.fold(no, seen), {}, "town") | {"n_rework": None}
            _version(connection, rows[no].id, said, START - HOUR, 0, batch["batch_id"])
        for n, taken in enumerate(case.steps, 1):
            stated = case_records.facts_of(transitions.fold(no, case.steps[:n]), said or {}, "town")
            if taken.origin == "own":
                _version(connection, rows[no].id, stated, taken.at, n, batch["batch_id"])
        facts = {name: stated[name] for name in CASES.facts}
        connection.execute(update(t.cases).where(t.cases.c.id == rows[no].id).values(**facts))


def _version(connection: Connection, case_id: int, facts: Any, known_at: dt.datetime, n: int, batch_id: int) -> None:
    (content_hash,) = period_facts.hashes(connection, [facts])
    stamp = {"known_at": known_at, "version_at": START + dt.timedelta(days=900, microseconds=n), "row_no": 1}
    values = {name: facts[name] for name in CASES.facts} | stamp | {"content_hash": content_hash, "batch_id": batch_id}
    connection.execute(insert(t.case_version).values(case_id=case_id, **values))


def _worked(lived: dict[str, Lived], cut: dt.datetime) -> list[str]:
    """The cases reported by a cut-off that were worked on here after it."""
    return [
        no for no, case in lived.items()
        if case.steps[0].at <= cut and any(s.at > cut and s.origin == "own" for s in case.steps)
    ]  # fmt: skip


@about(20, phases=[Phase.explicit, Phase.reuse, Phase.generate],
       suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(
    cases=st.lists(_lived(), min_size=8, max_size=16), seen=st.integers(1, 16), reassigned=st.sampled_from([None, 3])
)
def test_a_case_that_went_straight_is_what_its_fold_says(
    cases: list[Lived], seen: int, reassigned: int | None, world: World, tmp_path: Path
) -> None:
    lived = {f"C{n:02}": case for n, case in enumerate(cases)}
    moments = sorted(s.at for s in cases[0].steps)
    cut = moments[min(seen, len(moments)) - 1]
    with world(worksite.staffed).but(keep=False).transaction() as connection:
        _kept(connection, lived)
        if reassigned is not None:
            batch = batches.new_batch(connection, "reassign")
            connection.execute(update(t.batch).where(t.batch.c.id == batch).values(known_at=cut + reassigned * HOUR))
        wanted, found = _both(connection, _worked(lived, cut), cut)
        pd.testing.assert_frame_equal(found.rows(), wanted.rows())
        for asked in (BASE, BEYOND):
            assert _cells(found, asked) == _cells(wanted, asked)
            pd.testing.assert_frame_equal(found.numbers(BASE[0], asked), wanted.numbers(BASE[0], asked))
        proofs = [x.proofs([1, 4], BASE, tmp_path / "proofs").sha256 for x in (found, wanted)]
        assert proofs[0] == proofs[1]


def _both(connection: Connection, every: Sequence[str], cut: dt.datetime) -> tuple[PeriodCases, PeriodCases]:
    """The cases with all that were worked on after a cut-off folded, and as they are told."""
    ids = {r.case_no: r.id for r in connection.execute(select(t.cases.c.case_no, t.cases.c.id))}
    worked = worked_after(connection, cut)
    assert {*worked.others} <= {ids[no] for no in every}
    assert len(worked.others) + worked.n_straight == len(every)
    assert len(worked.versions) + len(worked.folded) == len(worked.others)
    bounds = (connection, START, FOREVER, cut, replaying.held_since(cut))
    all_folded = WorkedAfter(others=[ids[no] for no in every])
    wanted = PeriodCases(*bounds, replaying.folded(connection, every, cut), all_folded)
    return wanted, PeriodCases(*bounds, replaying.folded(connection, worked.folded, cut), worked)


def _cells(cases: PeriodCases, asked: Sequence[Condition]) -> list[tuple[Any, ...]]:
    cells = cases.cells(["unit_id", "category_code", "ending"], asked)
    return sorted(cells.astype(str).itertuples(index=False, name=None), key=str)


def test_answer_check_and_closing_after_the_cut_are_not_folded(desk: Work) -> None:
    for no in ("closed", "void", "extended", "failed", "moved", "noted"):
        dispatched(desk, no, step("receive", 10, no))
    opened(desk, "opened")
    for kind in ("answer", "verify", "close", "visit"):
        take(desk, kind, 11, "closed", verdict="satisfied") if kind == "visit" else take(desk, kind, 11, "closed")
    take(desk, "void", 11, "void", reason="重复")
    take(desk, "ask_extension", 11, "extended", reason="下雨", amount="3", amount_unit="工作日")
    take(desk, "extend", 11, "extended")
    for kind in ("answer", "verify", "fail"):
        take(desk, kind, 11, "failed", reason="x")
    take(desk, "reclassify", 11, "moved", reason="录错", category="matter:06010")
    take(desk, "note", 11, "noted", reason="x")
    take(desk, "accept", 11, "opened")
    with desk.snapshot() as connection:
        worked = worked_after(connection, at(10.5))
        assert (worked.n_straight, len(worked.versions), worked.folded) == (3, 4, [])
        assert worked_after(connection, at(11)) == WorkedAfter(0, [], [], [], [])
        assert worked_after(connection, at(8)) == WorkedAfter(0, [], [], [], [])  # not reported by then


def test_the_hash_of_a_straight_case_is_that_of_the_version_that_stood_then(desk: Work) -> None:
    dispatched(desk, "A", step("receive", 10))
    for kind in ("answer", "verify", "close"):
        take(desk, kind, 11)
    with desk.snapshot() as connection:
        worked = worked_after(connection, at(10.5))
        none = replaying.folded(connection, [], at(10.5))
        cases = PeriodCases(connection, at(0), at(0, 32), at(10.5), replaying.held_since(at(10.5)), none, worked)
        (row,) = cases.rows().to_dict("records")
        versions = connection.execute(text("SELECT content_hash FROM case_version ORDER BY version_at")).scalars().all()
    assert (row["content_hash"], row["handled_at"], row["closed_at"]) == (versions[4], pd.NaT, pd.NaT)
