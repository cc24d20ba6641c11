"""Steps of a period (期内步骤), read for counting."""

import pyarrow as pa

from gridmgmt.database.copying import UTC
from gridmgmt.figures.store.period_facts import PLACE_TYPES

TYPES = {
    "step_no": pa.string(), "case_no": pa.string(), "kind": pa.string(), "at": UTC, "content_hash": pa.string(),
    "wrong_dispatch": pa.bool_(), "agreed": pa.bool_(), "verdict": pa.string(), "late": pa.bool_(), "again": pa.bool_(),
    "category_kind": pa.string(), "category_code": pa.string(), "source": pa.string(),
    **{k: v for k, v in PLACE_TYPES.items() if k not in ("lon", "lat")},
}  # fmt: skip
