"""Steps of a period (期内步骤), read for counting; which kinds matter is told by the table of the life cycle."""

import datetime as dt
import json
from collections.abc import Collection

import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection

from gridmgmt.casework.transitions import (
    ANSWERING,
    COUNTED,
    FAILING,
    FOLLOWED,
    MARKING,
    OPENING,
    ORDERING,
    PLACING,
    REGISTERING,
    SHIFTING,
    STRAIGHT,
    VOIDING,
    kinds,
)
from gridmgmt.database.copying import UTC, fetch, query, rows
from gridmgmt.figures.counts import ACTING
from gridmgmt.figures.store.period_facts import PLACE_TYPES

TYPES = {
    "step_no": pa.string(), "case_no": pa.string(), "kind": pa.string(), "at": UTC, "content_hash": pa.string(),
    "wrong_dispatch": pa.bool_(), "agreed": pa.bool_(), "verdict": pa.string(),
    "order_kind": pa.string(), "late": pa.bool_(), "again": pa.bool_(),
    "category_kind": pa.string(), "category_code": pa.string(), "source": pa.string(),
    **{k: v for k, v in PLACE_TYPES.items() if k not in ("lon", "lat")},
}  # fmt: skip


def steps_of_period(connection: Connection, start: dt.datetime, end: dt.datetime, cut: dt.datetime) -> pd.DataFrame:
    """Steps in [start, end) that count, by case and number; marks taken back by ``cut`` are left out."""
    told = {
        "counted": list(COUNTED), "unmarking": list(kinds(lambda t: t.mark == "*")),
        "marking": json.dumps(dict(MARKING)), "cut": cut,
    }  # fmt: skip
    period = {"start": start, "end": end}
    types = {name: kind for name, kind in TYPES.items() if name != "again"}
    found = fetch(connection, query("figures/store/steps_of_period"), period | told, types)
    again = rows(connection, "figures/store/dispatches_again", **period, opening=list(OPENING))
    found["again"] = found["step_no"].isin([r["step_no"] for r in again])
    return found[list(TYPES)]


_PLACE = {k: v for k, v in PLACE_TYPES.items() if k not in ("lon", "lat", "unit_id")}
_HANGING_TYPES = {
    "case_id": pa.int64(), "case_no": pa.string(), "is_straight": pa.bool_(), "is_void": pa.bool_(),
    "unit_code": pa.string(),
    "opened_at": UTC, "ended_at": UTC,
    "category_kind": pa.string(), "category_code": pa.string(), "source": pa.string(), **_PLACE,
}  # fmt: skip
_CLOSING = kinds(lambda t: t.period == "written_off")


def hanging(
    connection: Connection, start: dt.datetime, end: dt.datetime, cut: dt.datetime, unheard: Collection[str]
) -> pd.DataFrame:
    """The cases that were hanging at some time of [start, end), as their steps until ``cut`` tell, by number.

    ``is_straight``: it has one account (``unit_code``, ``opened_at``, ``ended_at``) without a failure; nothing of the
    others is told. Cases with answers that count as none (``unheard``) are taken for others; void ones have no account.
    """
    told = {
        "opening": list(OPENING), "straight": list(STRAIGHT), "followed": list(FOLLOWED), "closing": list(_CLOSING),
        "stopping": [*ANSWERING, *_CLOSING], "voiding": list(VOIDING), "unheard": list(unheard),
    }  # fmt: skip
    params = {"start": start, "end": end, "cut": cut, **told}
    return fetch(connection, query("figures/store/cases_hanging"), params, _HANGING_TYPES)


def with_orders(connection: Connection, start: dt.datetime, end: dt.datetime) -> list[str]:
    """The cases of which a supervision order may fall due in [start, end)."""
    told = {"ordering": list(ORDERING), "renewing": list(kinds(lambda t: t.period == "renewed"))}
    return [r["case_no"] for r in rows(connection, "figures/store/cases_with_orders", start=start, end=end, **told)]


_ACTED_ON_TYPES = {
    "case_id": pa.int64(), "case_no": pa.string(),
    "category_kind": pa.string(), "category_code": pa.string(), "source": pa.string(), **_PLACE,
}  # fmt: skip
_ACT_TYPES = {
    "case_id": pa.int64(), "seq": pa.int64(), "kind": pa.string(), "at": UTC, "actor": pa.string(),
    "unit_code": pa.string(), "wrong_dispatch": pa.bool_(), "due_at": UTC, "category": pa.string(),
    "is_act": pa.bool_(),
}  # fmt: skip


def acts_of_period(
    connection: Connection, start: dt.datetime, end: dt.datetime, cut: dt.datetime
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The cases on which somebody acted in [start, end) by ``cut``, by number, and what tells of it, by case and step.

    Of the steps those with ``is_act`` are acts; beside them stand those that give the case its registration, its
    class, or a deadline (``due_at``, where a dispatch or a failed check tells it anew).
    """
    params = {"start": start, "end": end, "cut": cut, "acting": list(ACTING)}
    told = {
        "opening": list(OPENING), "failing": list(FAILING), "placing": list(PLACING),
        "telling": sorted({*ACTING, *OPENING, *FAILING, *PLACING, *SHIFTING, *REGISTERING}),
    }  # fmt: skip
    cases = fetch(connection, query("figures/store/cases_acted_on"), params, _ACTED_ON_TYPES)
    return cases, fetch(connection, query("figures/store/acts_of_period"), params | told, _ACT_TYPES)
