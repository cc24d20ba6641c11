"""Cases and samples of a period (期内案件与样本), read for counting; as they were at a cut-off."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection

from gridmgmt.database import tables as t
from gridmgmt.database.copying import UTC, fetch, query
from gridmgmt.database.facts import CASES, LOCATED

CASE_TIMES = (
    "reported_at", "accepted_at", "registered_at", "dispatched_at", "due_at",
    "due_extended_at", "handled_at", "closed_at", "voided_at", "reworked_at",
)  # fmt: skip


PLACE_TYPES = {
    "lon": pa.float64(), "lat": pa.float64(), "unit_id": pa.int64(), "edition_id": pa.int64(), "located": pa.string(),
    **dict.fromkeys(t.GRID_COLUMNS, pa.int64()),
}  # fmt: skip


CASE_TYPES = {
    "case_no": pa.string(), "content_hash": pa.string(), "category_kind": pa.string(), "category_code": pa.string(),
    **dict.fromkeys(CASE_TIMES, UTC),
    "n_rework": pa.int64(), "is_repeat": pa.bool_(), "source": pa.string(), "stands": pa.bool_(),
    "address": pa.string(), **PLACE_TYPES,
}  # fmt: skip


_SAMPLE_TYPES = {
    "sample_no": pa.string(), "content_hash": pa.string(), "sampled_at": UTC, "sample_type": pa.string(),
    "score": pa.string(), **PLACE_TYPES,
}  # fmt: skip


def typed(cases: pd.DataFrame) -> pd.DataFrame:
    """Case rows in the columns and types of :data:`CASE_TYPES`."""
    out = pd.DataFrame(index=cases.index)
    for name, kind in CASE_TYPES.items():
        if kind == UTC:
            out[name] = pd.to_datetime(cases[name], utc=True).astype("datetime64[us, UTC]")
        elif pa.types.is_integer(kind):
            out[name] = cases[name].astype("Int64")
        elif pa.types.is_string(kind):
            out[name] = cases[name].astype(object).where(cases[name].notna(), None)
        else:
            out[name] = cases[name]
    return out


def hashes(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The content hashes that versions of cases with these facts bear."""
    told = [{k: v.isoformat() if isinstance(v, dt.datetime) else v for k, v in r.items()} for r in rows]
    statement = query("figures/store/hashes_of_cases", hashed=CASES.hashed)
    return list(connection.execute(statement, {"rows": json.dumps(told, ensure_ascii=False)}).scalars())


def exported(connection: Connection, case_nos: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Case number → what the last export said of a case before the first step was taken on it here."""
    found = connection.execute(query("figures/store/cases_exported", facts=", ".join(f"v.{n}" for n in CASES.facts)),
                               {"case_nos": list(case_nos)}).mappings()  # fmt: skip
    return {r["case_no"]: dict(r) for r in found}


def places_before(connection: Connection, cut: dt.datetime, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Case id → where it belonged (:data:`LOCATED`) before its first step here after ``cut``, as far as that holds."""
    statement = query("figures/store/places_before", located=", ".join(f"a.{n}" for n in LOCATED))
    found = connection.execute(statement, {"cut": cut, "ids": list(ids)}).mappings()
    return {r["id"]: {n: r[n] for n in LOCATED} for r in found}


def samples_of_period(connection: Connection, start: Any, end: Any) -> pd.DataFrame:
    """Every sample taken in [start, end), by sample number; ``score`` as exact decimal text."""
    return fetch(connection, query("figures/store/samples_of_period"), {"start": start, "end": end}, _SAMPLE_TYPES)
