"""Cases as they were at a data cut-off (截止时点回放): what was done later has not happened.

The row of a case that is worked on here is what all its steps add up to. Seen
from a cut-off in the past it is what the steps until then add up to, or, before
the first step here, what the last export said. So the same cut-off gives the
same figures, whenever they are computed.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
from pandas.api.types import is_integer_dtype

from gridmgmt.casework import transitions
from gridmgmt.casework.cases import HELD, STANDING, Case, Step
from gridmgmt.casework.operations import case_records
from gridmgmt.casework.operations.context import Desk
from gridmgmt.casework.readers import rules
from gridmgmt.casework.store import steps
from gridmgmt.database.facts import CASES, LOCATED
from gridmgmt.database.work import Connection
from gridmgmt.figures.store import period_facts
from gridmgmt.figures.store.period_cases import WorkedAfter, at_cut

CHUNK = 5_000
"""Cases that are read at once."""


def past(connection: Connection, worked: WorkedAfter, cut: dt.datetime) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The cases with steps after a cut-off that have not gone straight since, as they were then.

    Returns
    -------
    tuple of DataFrame
        Those that only their steps tell, then all, these first: the columns of
        :data:`gridmgmt.figures.store.period_facts.CASE_TYPES`.
    """
    told = folded(connection, worked.folded, cut)
    if not worked.versions:
        return told, told
    known = period_facts.typed(at_cut(connection, cut, held_since(cut), worked))
    return told, known if told.empty else pd.concat([told, known], ignore_index=True)


def folded(connection: Connection, numbers: Sequence[str], cut: dt.datetime) -> pd.DataFrame:
    """Cases as their steps until a cut-off tell them."""
    if not numbers:
        return pd.DataFrame(columns=list(period_facts.CASE_TYPES))
    desk = Desk(connection)
    parts = [_past(desk, numbers[n : n + CHUNK], cut) for n in range(0, len(numbers), CHUNK)]
    return pd.concat(parts, ignore_index=True)


def _past(desk: Desk, numbers: Sequence[str], cut: dt.datetime) -> pd.DataFrame:
    """Some of the cases of :func:`past`; where one belonged is looked up again where no assignment tells it."""
    connection = desk.connection
    rows = steps.found(connection, numbers)
    ids = [r["id"] for r in rows.values()]
    since = held_since(cut)
    stored, places = steps.of_cases(connection, ids), period_facts.places_before(connection, cut, ids)
    exported = period_facts.exported(connection, numbers)
    cases, states, moved = list[Case](), list[dict[str, Any]](), set[int]()
    for no, row in rows.items():
        taken = stored[row["id"]]
        case, stated = _then(desk, no, taken, cut, exported.get(no, {}), since)
        is_placed_since = any(s.at > cut and s.kind in transitions.CORRECTING for s in taken)
        if row["id"] not in places and (case.unit_code is None or is_placed_since):
            moved.add(len(cases))
        cases.append(case)
        states.append(stated)
    here = [{**row, **places.get(row["id"], {})} for row in rows.values()]
    return _frame(desk, cases, states, here, moved)


def _then(
    desk: Desk, case_no: str, taken: Sequence[Step], cut: dt.datetime, exported: Mapping[str, Any], since: dt.datetime
) -> tuple[Case, dict[str, Any]]:
    """The case and its row by the steps that had happened; without one of them taken here, by the last export."""
    seen = [s for s in taken if s.at <= cut]
    case = transitions.fold(case_no, seen)
    is_exported = bool(exported) and not any(s.origin == "own" for s in seen)
    due = exported["due_extended_at"] or exported["due_at"] if is_exported else case.effective_due_at
    stands = _stands(case, seen, due, since)
    if is_exported:
        key = f"{exported['category_kind']}:{exported['category_code']}" if exported["category_code"] else None
        place = {n: exported[n] for n in ("lon", "lat", "reported_at", "unit_code")}
        dispatched = exported["dispatched_at"]
        if dispatched is not None and case.last_at is not None and case.last_at < dispatched <= cut:
            stands = False  # the export knows of a dispatch that the step log does not tell
        return replace(case, category=key, **place), {n: exported[n] for n in CASES.facts} | {"stands": stands}
    stated = case_records.facts_of(case, exported, desk.city.scheme)
    return case, {**stated, "stands": stands}


def held_since(cut: dt.datetime) -> dt.datetime:
    """Whoever is on hold since before it is so for longer than the city allows."""
    return cut - dt.timedelta(days=rules.rules().limits.postponement_days)


def _stands(case: Case, seen: Sequence[Step], due: dt.datetime | None, since: dt.datetime) -> bool:
    """Whether no clock runs: on hold or sent back, and its deadline had not passed by then."""
    at = max((s.at for s in seen if s.kind in transitions.HALTING), default=None)
    if case.state not in STANDING or at is None or due is None or due < at:
        return False
    return case.state not in HELD or at > since


def _frame(
    desk: Desk,
    cases: Sequence[Case],
    states: Sequence[Mapping[str, Any]],
    here: Sequence[Mapping[str, Any]],
    moved: set[int],
) -> pd.DataFrame:
    where = case_records.located(desk, cases, here, moved)
    units = desk.unit_ids
    where["unit_id"] = [
        units.get(case.unit_code, answering) if case.unit_code else answering
        for case, answering in zip(cases, where["unit_id"], strict=True)
    ]
    out = pd.DataFrame([{n: s[n] for n in (*CASES.facts, "stands")} for s in states])
    out["case_no"] = [c.case_no for c in cases]
    out["content_hash"] = period_facts.hashes(desk.connection, states)
    return period_facts.typed(out.join(where[list(LOCATED)]))


def placed_as_then(steps_frame: pd.DataFrame, then: pd.DataFrame) -> pd.DataFrame:
    """Steps with the class, source and grids that their cases had at the cut-off; the unit is the step's own."""
    here = steps_frame["case_no"].isin(then["case_no"])
    if not here.any():
        return steps_frame
    names = ["category_kind", "category_code", "source", *(n for n in LOCATED if n != "unit_id")]
    out, by_no = steps_frame.copy(), then.set_index("case_no")
    for name in names:
        values = steps_frame.loc[here, "case_no"].map(by_no[name])
        kind: Any = "float64" if is_integer_dtype(out[name]) else out[name].dtype  # it may have been in no such grid
        out[name] = out[name].astype(object).mask(here, values.reindex(out.index)).astype(kind)
    return out
