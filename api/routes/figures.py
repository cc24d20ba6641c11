"""/v1/indicators: counts and rates of a period, for every grid of a level or by another group, and what is behind."""

import datetime as dt
from typing import Annotated, Any, Literal
from urllib.parse import quote

import pandas as pd
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, model_validator

from api.asked import TYPES, accepted
from api.deps import Ask, Database, Language
from api.kept import made_of
from api.schemas import IndicatorTable, Name, NumbersBehind
from api.signing import verb
from gridmgmt.city import City
from gridmgmt.figures.counts import COUNTS
from gridmgmt.figures.indicators import RATIOS
from gridmgmt.figures.names import column_words, indicator_words
from gridmgmt.figures.operations import groups
from gridmgmt.figures.operations import indicators as counting
from gridmgmt.people.operations import reference
from gridmgmt.periods import parse_instant, parse_period

router = APIRouter(prefix="/v1", tags=["indicators"], route_class=made_of())


By = Literal["grid", "source", "category", "unit", "person", "ending"]


class AskIndicators(Ask):
    """A period, how the figures are grouped, and the data cut-off."""

    period: str = Field(description="2025-12, 2025-Q4, 2025-H2, 2025, 2025-12@26 or first..last.", examples=["2025-12"])
    by: By = Field("grid", description="Grids of a level, or another group; names of persons are not told.")
    level: str | None = Field(None, description="By grid: key, number or name of a level.", examples=["district"])
    as_of: str | None = Field(None, description="Data cut-off (ISO 8601, city time without offset); default: the end.")

    @model_validator(mode="after")
    def _whole(self) -> "AskIndicators":
        if (self.by == "grid") != (self.level is not None):
            raise ValueError("by=grid ⇔ level")
        return self


class AskTable(AskIndicators):
    """The figures as JSON or as a table."""

    names: bool = Field(False, description="By person: their names too, which are personal data.")
    format: Literal["json", "csv"] | None = Field(None, description="Default: by Accept, else json.")
    columns: Literal["codes", "words"] = Field("codes", description="Heads of the table.")


class AskBehind(AskIndicators):
    """One group of such figures, and which count."""

    code: str = Field(description="Code of the group; empty: what is in none.")
    count: str | None = Field(None, description="One count; default: every one that has any.")
    limit: int = Field(1000, ge=1, le=10_000, description="At most this many numbers of each count.")


@router.get(
    "/indicators",
    response_model=IndicatorTable,
    responses={200: {"content": {TYPES["csv"]: {}}}},
    openapi_extra=verb("figures.read"),
)
def indicators(ask: Annotated[AskTable, Query()], request: Request, work: Database, lang: Language) -> Any:
    """Counts and rates of every grid of a level, or by source, category, unit, person, ending; counted anew."""
    city = reference.load_city(work)
    as_of, period = cut_off(ask.as_of, city), parse_period(ask.period)
    total = None
    if ask.level is not None:
        table, found = counting.indicators(work, period, ask.level, as_of)
    else:
        made = groups.by_group(work, period, ask.by, as_of, names=ask.names)
        table, found, total = made.table, made.found, made.total
    if (ask.format or accepted(request, ("json", "csv"))) == "csv":
        return _csv(table, ask, lang)
    records = _records(table)
    return IndicatorTable(
        period=found.period.label,
        as_of=found.as_of.astimezone(city.zone).isoformat(),
        edition=found.edition.name,
        by=ask.by,
        level=city.level(ask.level).key if ask.level is not None else None,
        columns={c: Name(**indicator_words(c)) for c in table.columns if c in COUNTS or c in RATIOS},
        rows=[r for r in records if r["code"]],
        unassigned=next(({k: r[k] for k in COUNTS if k in r} for r in records if not r["code"]), None),
        total=None if total is None else {n: float(x) if x != int(x) else int(x) for n, x in total.items()},
    )


def _csv(table: pd.DataFrame, ask: AskTable, lang: str) -> Response:
    """The table as the command writes it, what lies in no group last."""
    if ask.columns == "words":
        table = table.rename(columns={c: column_words(c)[lang] for c in table.columns})
    name = quote("-".join(["indicators", ask.period, ask.level or ask.by]), safe="")
    saved = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}.csv"}
    return Response(table.to_csv(index=False), media_type=TYPES["csv"], headers=saved)


@router.get("/indicators/behind", openapi_extra=verb("figures.read"))
def behind(ask: Annotated[AskBehind, Query()], work: Database) -> NumbersBehind:
    """The numbers of the cases, samples or steps behind one group's counts."""
    as_of = cut_off(ask.as_of, reference.load_city(work))
    period = parse_period(ask.period)
    found = groups.numbers_behind(work, period, ask.by, ask.code, ask.count, level=ask.level, as_of=as_of)
    return NumbersBehind(
        by=ask.by, code=ask.code, n={name: len(numbers) for name, numbers in found.items()},
        numbers={name: numbers[: ask.limit] for name, numbers in found.items()},
    )  # fmt: skip


def cut_off(as_of: str | None, city: City) -> dt.datetime | None:
    """A data cut-off as it is asked for; None: the end of the period."""
    return parse_instant(as_of, city.zone) if as_of else None


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows for JSON: what is missing is null."""
    objects = table.astype(object)
    rows = objects.where(objects.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]
