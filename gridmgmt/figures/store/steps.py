"""Steps of a period (期内步骤), read for counting."""

import datetime as dt

import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection

from gridmgmt.database.copying import UTC, fetch, query, rows
from gridmgmt.figures.store.period_facts import PLACE_TYPES

TYPES = {
    "step_no": pa.string(), "case_no": pa.string(), "kind": pa.string(), "at": UTC, "content_hash": pa.string(),
    "wrong_dispatch": pa.bool_(), "agreed": pa.bool_(), "verdict": pa.string(), "late": pa.bool_(), "again": pa.bool_(),
    "category_kind": pa.string(), "category_code": pa.string(), "source": pa.string(),
    **{k: v for k, v in PLACE_TYPES.items() if k not in ("lon", "lat")},
}  # fmt: skip


def of_period(connection: Connection, start: dt.datetime, end: dt.datetime, cut: dt.datetime) -> pd.DataFrame:
    """The steps that were told in [start, end) and by ``cut``, by case and time: columns of :data:`TYPES`."""
    params = {"start": start, "end": end, "cut": cut}
    return fetch(connection, query("figures/store/steps_of_period"), params, TYPES)


def cases_with_orders(connection: Connection, start: dt.datetime, end: dt.datetime) -> list[str]:
    """Numbers of cases that a supervision order may fall due for in [start, end)."""
    return [r["case_no"] for r in rows(connection, "figures/store/cases_with_orders", start=start, end=end)]


def cases_hanging(connection: Connection, start: dt.datetime, end: dt.datetime) -> list[str]:
    """Numbers of cases that may hang at some time of [start, end)."""
    return [r["case_no"] for r in rows(connection, "figures/store/cases_hanging", start=start, end=end)]
