"""Hanging accounts, counts of steps and acts of a month, beside one pass of SQL over the same steps.

    python -m tests.benchmarks --only steps

100 000 cases with some nine steps each, lawful by the table of the life cycle: most go straight through, others fail
their check, are sent back, extended, held, supervised, void or still open. The peer is one hand-written statement that
gives a row for each case and unit: its clocks, whether it was late, and how many steps of each counted kind it has. It
knows neither working time nor a second hang period. Wall time on the private server, taken in turn.
"""

import datetime as dt
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sqlalchemy import select, text

from gridmgmt.casework import transitions
from gridmgmt.casework.cases import Case, Step
from gridmgmt.casework.operations.context import Desk
from gridmgmt.database import batches
from gridmgmt.database import tables as t
from gridmgmt.database.copying import UTC, copy_in, fetch
from gridmgmt.database.tables import GRID_COLUMNS
from gridmgmt.database.work import Connection
from gridmgmt.figures.counts import COUNTS
from gridmgmt.figures.operations import acts, step_counts
from tests.benchmarks import servers
from tests.benchmarks.rows import Row, Size, in_turn
from tests.postgis import worksite

START, END = (dt.datetime(2025, month, 30, 16, tzinfo=dt.UTC) for month in (11, 12))
WANTED = 3
NAMES = ("steps-accounts", "steps-acts")
WORKS = ("hanging accounts and all counts of steps", "acts of persons with all their counts")
NOBODY = pd.DataFrame(columns=["case_no", *GRID_COLUMNS])
"""No case was worked on after the month."""
SET_UP, HANDLED = "report accept register dispatch", "receive answer verify"
LIVES = (
    (62, f"{SET_UP} {HANDLED} close visit"),
    (8, f"report accept confirm register dispatch {HANDLED} close visit"),
    (7, f"{SET_UP} {HANDLED} fail {HANDLED} close visit"),
    (1, f"{SET_UP} {HANDLED} fail {HANDLED} fail {HANDLED} close"),
    (6, f"{SET_UP} send_back dispatch {HANDLED} close"),
    (4, f"{SET_UP} receive ask_extension extend answer verify close visit"),
    (2, f"{SET_UP} receive ask_postponement postpone resume answer verify close"),
    (4, f"{SET_UP} supervise {HANDLED} close answer_order"),
    (1, f"{SET_UP} {HANDLED} close mark_false"),
    (2, f"{SET_UP} note {HANDLED} close"),
    (1, f"{SET_UP} void"),
    (2, "report accept discard"),
)
"""Of so many hundredths of the cases the steps."""

HOURS = {
    "report": 0.0,
    "answer": 8.0,
    "receive": 2.0,
    "verify": 2.0,
    "resume": 30.0,
    "visit": 20.0,
    "answer_order": 5.0,
}
"""How long a step takes, on the average; others half an hour."""

TOLD: Mapping[str, Mapping[str, str]] = {
    "report": {"source": "监督员上报", "category": "component:01001"},
    "visit": {"verdict": "satisfied"},
    "supervise": {"order_kind": "leader"},
}
TIMED = {"dispatch": 0, "extend": 0, "fail": 0, "supervise": 24, "resume": 10}
"""Steps that set a deadline: by the city's limits of working time, or so many hours after them."""


def _step_frame(script: list[str], first: int, starts: pd.Series, desk: Desk, rng: np.random.Generator) -> pd.DataFrame:
    """The steps of cases with one script, what happened after the month left out."""
    waits = rng.exponential([HOURS.get(kind, 0.5) for kind in script], (len(starts), len(script)))
    at = starts.to_numpy()[:, None] + (np.cumsum(waits, axis=1) * 3_600_000_000).astype("timedelta64[us]")
    case, states = Case("C"), list[str]()
    for kind in script:
        case = transitions.follow(case, Step(kind, END, "王某", "U1"))
        states.append(case.state)
    n, width = at.shape
    n_dispatches = np.cumsum(np.isin(script, transitions.OPENING))
    unit = (rng.integers(0, 2, n)[:, None] + n_dispatches[None, :]) % 2
    out = pd.DataFrame(
        {
            "case_id": np.repeat(np.arange(first, first + n), width), "seq": np.tile(np.arange(1, width + 1), n),
            "kind": np.tile(script, n), "at": pd.DatetimeIndex(at.ravel()).tz_localize("UTC"),
            "actor": [f"员{x}" for x in rng.integers(0, 500, n * width)], "state": np.tile(states, n),
            "unit_code": np.where(n_dispatches > 0, np.array(["U1", "U2"], dtype=object)[unit], None).ravel(),
        }
    )  # fmt: skip
    out["reason"] = np.where(out["kind"].isin(["fail", "send_back", "void", "note"]), "情况说明", None)
    out = out[out["at"] < END]
    told = zip(out["kind"], out["at"].dt.to_pydatetime(), strict=True)
    return out.assign(facts=[_facts(kind, at, desk) for kind, at in told])


def _facts(kind: str, at: dt.datetime, desk: Desk) -> str:
    """What a step tells: deadlines by one working day, its limit and the calendar beside it."""
    told: dict[str, Any] = dict(TOLD.get(kind, {}))
    if kind in TIMED:
        due = desk.clock.working_end(at, desk.clock.calendar.day_us) + dt.timedelta(hours=TIMED[kind])
        told |= {
            "due_at": due.isoformat(), "limits": [{"amount": "1", "unit": "working_day"}], "provisional": False,
            "calendar": desk.clock.calendar.identity, "rule": {"category": "*", "unit_code": None, "stage": "handling"},
        }  # fmt: skip
    return json.dumps(told, ensure_ascii=False)


def _case_frame(steps: pd.DataFrame, places: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The rows that the steps add up to, as far as counting reads them."""
    last = steps.drop_duplicates(["case_id", "kind"], keep="last").pivot(index="case_id", columns="kind", values="at")
    names = {kind: rule.stamps for kind, rule in transitions.TRANSITIONS.items() if kind in last and rule.stamps}
    names = {kind: name for kind, name in names.items() if name in t.cases.c}
    out = last[[*names]].rename(columns=names).reset_index(names="id")
    out["status"] = steps.groupby("case_id")["state"].last().to_numpy()
    out["case_no"] = [f"B{k:09}" for k in out["id"]]
    where = places.iloc[rng.integers(0, len(places), len(out))].reset_index(drop=True)
    return pd.concat([out, where], axis=1).assign(
        category_scheme="town", category_kind="component", category_code="01001", source="监督员上报", located="leaf",
        version_at=out["reported_at"], content_hash="-", row_no=1,
    )  # fmt: skip


def _places(connection: Connection) -> pd.DataFrame:
    """The town's communities, each with the grids above it."""
    g = t.grid.c
    grids = pd.DataFrame(connection.execute(select(g.id, g.code, g.parent_code, g.level)).mappings())
    by_code = grids.set_index("code")
    leaves = grids[grids["level"] == grids["level"].max()]
    rows = []
    for leaf in leaves.itertuples():
        district = by_code.loc[leaf.parent_code]
        rows.append((by_code.loc[district.parent_code].id, district.id, leaf.id))
    return pd.DataFrame(rows, columns=list(GRID_COLUMNS[:3])).assign(
        edition_id=connection.execute(select(t.edition.c.id)).scalar_one()
    )


def _fill(connection: Connection, n: int) -> int:
    """Cases of December with their steps; gives the number of steps."""
    rng, desk, n_steps, first = np.random.default_rng(7), Desk(connection), 0, 1
    batch, places = batches.new_batch(connection, "steps"), _places(connection)
    for share, script in LIVES:
        size = n * share // 100
        seconds = rng.integers(0, 28 * 86_400, size)
        starts = pd.Series(np.datetime64(START.replace(tzinfo=None), "us") + seconds.astype("timedelta64[s]"))
        steps = _step_frame(script.split(), first, starts, desk, rng).assign(batch_id=batch, origin="own")
        copy_in(connection, "cases", _case_frame(steps, places, rng).assign(batch_id=batch))
        copy_in(connection, "step", steps)
        first, n_steps = first + size, n_steps + len(steps)
    return n_steps


PEER = """
WITH seen AS (
    SELECT case_id, seq, kind, at, unit_code, CAST(facts ->> 'due_at' AS timestamptz) AS due,
           count(*) FILTER (WHERE kind = 'dispatch') OVER w AS n,
           max(at) FILTER (WHERE kind IN ('close', 'void')) OVER (PARTITION BY case_id) AS ended_at
    FROM step WHERE at < :end AND origin <> 'derived'
    WINDOW w AS (PARTITION BY case_id ORDER BY seq)
), account AS (
    SELECT case_id, n, min(unit_code) AS unit_code, min(at) AS opened_at, min(ended_at) AS ended_at,
           max(due) FILTER (WHERE kind IN ('dispatch', 'extend', 'resume')) AS due_at,
           min(at) FILTER (WHERE kind = 'answer') AS answered_at,
           count(*) FILTER (WHERE kind = 'fail') AS n_failed,
           count(*) FILTER (WHERE kind = 'extend') AS n_extended,
           count(*) FILTER (WHERE kind = 'send_back') AS n_sent_back,
           count(*) FILTER (WHERE kind = 'postpone') AS n_postponed,
           count(*) FILTER (WHERE kind = 'visit') AS n_visits, count(*) FILTER (WHERE kind = 'mark_false') AS n_false,
           count(*) FILTER (WHERE kind = 'report') AS n_reported, count(*) FILTER (WHERE kind = 'answer') AS n_answered,
           count(*) FILTER (WHERE kind IN ('close', 'fail')) AS n_verified,
           count(*) FILTER (WHERE kind = 'supervise') AS n_orders,
           max(due) FILTER (WHERE kind = 'supervise') AS order_due_at,
           max(at) FILTER (WHERE kind = 'answer_order') AS order_answered_at
    FROM seen GROUP BY case_id, n
)
SELECT c.case_no, c.grid_l1, c.grid_l2, c.grid_l3, a.n, a.unit_code, a.opened_at, a.ended_at, a.due_at, a.answered_at,
       a.n_failed, a.n_extended, a.n_sent_back, a.n_postponed, a.n_visits, a.n_false,
       a.n_reported, a.n_answered, a.n_verified, a.n_orders,
       a.n > 0 AND coalesce(a.answered_at, :end) > a.due_at AS is_late,
       coalesce(greatest(a.order_answered_at, a.ended_at), :end) > a.order_due_at AS is_order_late
FROM account AS a JOIN cases AS c ON c.id = a.case_id
WHERE coalesce(a.ended_at, 'infinity') >= :start
ORDER BY c.case_no, a.n
"""
TYPES = {
    "case_no": pa.string(), "unit_code": pa.string(), "is_late": pa.bool_(), "is_order_late": pa.bool_(),
    **dict.fromkeys(("opened_at", "ended_at", "due_at", "answered_at"), UTC),
}  # fmt: skip


def rows(size: Size) -> Iterator[Row]:
    """Accounts and steps of December with all their counts, and its acts, each beside the statement."""
    cases, runs = {"full": (100_000, 5), "quick": (300, 1)}[size]
    counts = [name for name, count in COUNTS.items() if count.of == "steps" and not count.is_asked]
    with servers.database("bench_steps", size) as work, tempfile.TemporaryDirectory() as folder:
        worksite.staffed(work, Path(folder), worksite.LIMITS + worksite.DISPATCHING)
        with work.transaction() as connection:
            n_steps = _fill(connection, cases)
        with work.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE cases, step"))

        def counted() -> str:
            with work.snapshot() as connection:
                steps = step_counts.steps_of_period(connection, START, END, END, counts)
                accounts = step_counts.accounts_of_period(connection, START, END, END, NOBODY) or []
            return f"{len(accounts)} accounts, {len(steps)} steps and what follows from them"

        def acted() -> str:
            with work.snapshot() as connection:
                return f"{len(acts.acts_of_period(connection, START, END, END))} acts"

        def peer() -> str:
            with work.snapshot() as connection:
                return f"{len(fetch(connection, text(PEER), {'start': START, 'end': END}, TYPES))} rows"

        (*times, beside), (*found, _) = in_turn([counted, acted, peer], runs)
    size_of = f"{cases} cases, {n_steps} steps"
    for name, work_done, took, told in zip(NAMES, WORKS, times, found, strict=True):
        note = f"{took:.2f} s beside {beside:.2f} s; {told}"
        yield Row(name, f"{work_done}, {size_of}", "one pass of SQL over the steps", took / beside, WANTED, note=note)
