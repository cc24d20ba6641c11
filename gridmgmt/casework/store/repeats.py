"""Cases as repeat cases (重复案件) are looked for among them."""

import datetime as dt
from collections.abc import Collection, Sequence

import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection

from gridmgmt.database import scopes
from gridmgmt.database.copying import UTC, fetch, query
from gridmgmt.database.tables import GRID_COLUMNS
from gridmgmt.viewer import Scope

FILED_TYPES = {
    "case_no": pa.string(), "registered_at": UTC, "category": pa.string(), "lon": pa.float64(), "lat": pa.float64(),
    "address": pa.string(),
}  # fmt: skip
_NEAR_TYPES = {
    "case_no": pa.string(), "category": pa.string(), "reported_at": UTC, "closed_at": UTC, "lon": pa.float64(),
    "lat": pa.float64(), "status": pa.string(),
}  # fmt: skip


def filed(connection: Connection, start: dt.datetime, end: dt.datetime) -> pd.DataFrame:
    """Cases registered in [start, end) and not void, by number; absent texts None, absent places NaN."""
    return _objects(fetch(connection, query("casework/store/cases_filed"), {"start": start, "end": end}, FILED_TYPES))


def grids_of(connection: Connection, numbers: Collection[str]) -> dict[str, dict[str, str | None]]:
    """Case number → code and names by language (``zh``, ``en``) of the deepest grid it is in; none: not there."""
    statement = query("casework/store/grids_of_cases", deepest=", ".join(f"c.{x}" for x in reversed(GRID_COLUMNS)))
    found = connection.execute(statement, {"numbers": list(numbers)}).mappings()
    return {r["case_no"]: {x: r[x] for x in ("code", "zh", "en")} for r in found}


def near(
    connection: Connection,
    categories: Sequence[str],
    box: tuple[float, float, float, float],
    since: dt.datetime,
    at: dt.datetime,
    scope: Scope,
) -> pd.DataFrame:
    """Cases of some classes (``kind:code``) reported in [since, at], in a box (west, south, east, north), by number."""
    west, south, east, north = box
    params = {
        "west": west, "south": south, "east": east, "north": north,
        "categories": list(categories), "since": since, "at": at, **scopes.told(scope),
    }  # fmt: skip
    return _objects(fetch(connection, query("casework/store/cases_near"), params, _NEAR_TYPES))


def _objects(frame: pd.DataFrame) -> pd.DataFrame:
    texts = frame.select_dtypes(exclude=["number", "datetimetz"]).columns
    objects = frame[texts].astype(object)
    return frame.assign(**{c: objects[c].where(objects[c].notna(), None) for c in texts})
