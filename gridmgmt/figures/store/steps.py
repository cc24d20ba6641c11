"""Steps of a period (期内步骤), read for counting; which kinds matter is told by the table of the life cycle."""

import datetime as dt
import json
from collections.abc import Collection

import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection

from gridmgmt.casework.transitions import COUNTED, MARKING, OPENING, ORDERING, kinds
from gridmgmt.database.copying import UTC, fetch, query, rows
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
        "counted": list(COUNTED), "opening": list(OPENING), "unmarking": list(kinds(lambda t: t.mark == "*")),
        "marking": json.dumps(dict(MARKING)),
    }  # fmt: skip
    params = {"start": start, "end": end, "cut": cut, **told}
    return fetch(connection, query("figures/store/steps_of_period"), params, TYPES)


def hanging(connection: Connection, start: dt.datetime, end: dt.datetime) -> list[str]:
    """The cases that were hanging at some time of [start, end)."""
    found = rows(connection, "figures/store/cases_hanging", start=start, end=end, opening=list(OPENING))
    return [r["case_no"] for r in found]


def with_orders(connection: Connection, start: dt.datetime, end: dt.datetime) -> list[str]:
    """The cases of which a supervision order may fall due in [start, end)."""
    told = {"ordering": list(ORDERING), "renewing": list(kinds(lambda t: t.period == "renewed"))}
    return [r["case_no"] for r in rows(connection, "figures/store/cases_with_orders", start=start, end=end, **told)]


def acted_on(connection: Connection, start: dt.datetime, end: dt.datetime, kinds: Collection[str]) -> list[str]:
    """The cases on which somebody took a step of some kinds in [start, end)."""
    found = rows(connection, "figures/store/cases_acted_on", start=start, end=end, kinds=list(kinds))
    return [r["case_no"] for r in found]
