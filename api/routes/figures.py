"""/v1/indicators: counts and rates of a period, for every grid of a level."""

from typing import Annotated, Any

import pandas as pd
from fastapi import APIRouter, Query
from pydantic import Field

from api.deps import Ask, Database
from api.schemas import IndicatorTable, Name
from gridmgmt.figures.counts import COUNTS
from gridmgmt.figures.indicators import RATIOS
from gridmgmt.figures.names import indicator_words
from gridmgmt.figures.operations import indicators as counting
from gridmgmt.people.operations import reference
from gridmgmt.periods import parse_instant, parse_period

router = APIRouter(prefix="/v1", tags=["indicators"])


class AskIndicators(Ask):
    """A period, a level, and the data cut-off."""

    period: str = Field(description="2025-12, 2025-Q4, 2025-H2, 2025, 2025-12@26 or first..last.", examples=["2025-12"])
    level: str = Field(description="Key, number or name of a level.", examples=["district"])
    as_of: str | None = Field(None, description="Data cut-off (ISO 8601, city time without offset); default: the end.")


@router.get("/indicators")
def indicators(ask: Annotated[AskIndicators, Query()], work: Database) -> IndicatorTable:
    """Counts and rates of every grid of a level, grids without cases too, counted anew from the current data."""
    city = reference.load_city(work)
    as_of = parse_instant(ask.as_of, city.zone) if ask.as_of else None
    table, found = counting.indicators(work, parse_period(ask.period), ask.level, as_of)
    records = _records(table)
    return IndicatorTable(
        period=found.period.label,
        as_of=found.as_of.astimezone(city.zone).isoformat(),
        edition=found.edition.name,
        level=city.level(ask.level).key,
        columns={c: Name(**indicator_words(c)) for c in table.columns if c in COUNTS or c in RATIOS},
        rows=[r for r in records if r["code"]],
        unassigned=next({k: r[k] for k in COUNTS if k in r} for r in records if not r["code"]),
    )


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows for JSON: what is missing is null."""
    objects = table.astype(object)
    rows = objects.where(objects.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]
