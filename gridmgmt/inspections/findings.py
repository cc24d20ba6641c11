"""Findings (检查发现) as inspectors hand them in, and the columns of the form on which they stand."""

import datetime as dt
from dataclasses import dataclass

SAMPLE_COLUMNS = (
    "sample_no", "unit", "type", "object", "name", "grid", "lon", "lat", "inspected_at", "inspector", "result", "note",
)  # fmt: skip
FINDING_COLUMNS = (
    "sample_no", "type", "name", "item", "title", "points", "each", "most", "n", "note", "photographs", "found_at",
    "found_lon", "found_lat",
)  # fmt: skip

MAX_N = 999
"""So many of one thing at one place at most."""


@dataclass(frozen=True)
class Found:
    """One finding as it was handed in; coordinates in degrees of the stored system."""

    item: str
    n: int
    note: str | None
    photographs: tuple[str, ...]
    lon: float | None
    lat: float | None
    found_at: dt.datetime | None


@dataclass(frozen=True)
class Taken:
    """One sample as it was handed in."""

    sample_no: str
    row: int
    inspected_at: dt.datetime
    inspector: str
    result: str
    note: str | None
    findings: tuple[Found, ...]
