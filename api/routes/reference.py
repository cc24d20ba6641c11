"""The city and its reference tables: units, categories, responsibility, time limits; and who wrote what."""

import datetime as dt
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Query, UploadFile
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api import handed
from api.deps import Ask, Database, Day
from api.once import OnceRoute
from api.signing import verb
from gridmgmt.casework.operations import time_limits
from gridmgmt.database import actors
from gridmgmt.database.actors import Written
from gridmgmt.errors import OptionInvalid
from gridmgmt.people.operations import reference
from gridmgmt.people.operations.reference import UnitsReport

router = APIRouter(prefix="/v1", tags=["reference"], route_class=OnceRoute)

_MOST_WRITTEN = 10_000
_NAMED = 100


class Table(BaseModel):
    """A table that is handed in: CSV or Excel."""

    model_config = ConfigDict(extra="forbid")

    file: UploadFile


class TableToReopen(Table):
    """The same of rows that may end; ``reopen``: also let rows go on that have an end, or an earlier one."""

    reopen: bool = False


class Count(BaseModel):
    """How many rows a table had that are as it says now."""

    n: int


class UnitRow(BaseModel):
    """A unit (责任单位): its kind, the unit above it, and where it works."""

    code: str
    name_zh: str | None
    name_en: str | None
    kind: str | None
    parent_code: str | None
    level: int | None
    grid_code: str | None


class UnitVersion(UnitRow):
    """What was said of a unit from then on, and by whom."""

    known_at: dt.datetime
    actor: str | None


class CategoryVersion(BaseModel):
    """What a category was called from then on, and who said it."""

    scheme: str | None = None
    category: str
    name_zh: str | None
    name_en: str | None
    major_code: str | None = None
    major_zh: str | None
    major_en: str | None
    known_at: dt.datetime
    actor: str | None


class RuleRow(BaseModel):
    """A rule of the responsibility table (责任清单), with its last day left out."""

    kind: Literal["fallback", "grid_override", "category", "named_owner"]
    category: str
    level: int | None
    grid_code: str | None
    land_owner: str | None
    override: bool
    unit_code: str
    valid_from: dt.date
    valid_to: dt.date | None


class RowTold(BaseModel):
    """A row that something is said about."""

    row: int
    column: str
    value: str | None
    code: str
    facts: dict[str, Any]
    sheet: str | None


class RulesTold(BaseModel):
    """What a responsibility table changed; rows that are in neither list and not counted changed nothing."""

    n_rows: int
    n_new: int
    n_ended: int
    reopened: list[RowTold]
    nowhere: list[RowTold] = Field(description="Rows whose grid no edition has.")


class LimitRow(BaseModel):
    """A row of the time-limit table (时限表); ``amount`` is exact."""

    category: str
    stage: str
    amount: str = Field(examples=["2", "1/2"])
    unit: str
    valid_from: dt.date
    valid_to: dt.date | None
    unit_code: str | None
    part: int
    part_zh: str | None
    part_en: str | None
    condition_zh: str | None
    condition_en: str | None


class CityWritten(BaseModel):
    """The city, and what its file changed: null: there was none before; empty: nothing."""

    code: str
    changes: dict[str, Any] | None


class AskCategory(Ask):
    """Of which category."""

    category: str | None = Field(None, max_length=_NAMED, examples=["component:01001"])


class AskRules(Ask):
    """The rules of which day, as they were known when."""

    on: Day | None = Field(None, description="Only those that hold on this day.")
    as_of: AwareDatetime | None = Field(None, description="As the table was known then.")


class AskWritten(Ask):
    """Who wrote, what, when: what is left out restricts nothing."""

    by: str | None = Field(None, max_length=1_000, description="A name, a user of the system, or a job.")
    kind: str | None = Field(None, max_length=_NAMED, examples=["units"])
    object: str | None = Field(None, max_length=1_000, description="A file, an edition, an assessment, a step.")
    from_: AwareDatetime | None = Field(None, alias="from")
    to: AwareDatetime | None = Field(None, description="Before it.")
    limit: int = Field(100, ge=1, le=_MOST_WRITTEN)


@router.post("/city", openapi_extra=verb("reference.write"))
def init_city(given: Annotated[Table, File()], ask: Annotated[Ask, Query()], work: Database) -> CityWritten:
    """Write the database's one city from city.yaml: names, levels, time zone, projection."""
    with handed.file(given.file) as path:
        made = reference.init_city(work, path)
    return CityWritten(code=made.city.code, changes=None if made.changes is None else dict(made.changes))


@router.get("/units", openapi_extra=verb("grids.read"))
def units(ask: Annotated[Ask, Query()], work: Database) -> list[UnitRow]:
    """The units (责任单位) by code, each with the unit above it and where it works."""
    return [UnitRow(**asdict(unit)) for unit in reference.list_units(work)]


@router.post("/units", openapi_extra=verb("reference.write"))
def import_units(given: Annotated[Table, File()], ask: Annotated[Ask, Query()], work: Database) -> UnitsReport:
    """Import units: columns code, name_zh, name_en, kind, parent_code; where there are any level, grid_code."""
    with handed.file(given.file) as path:
        return reference.import_units(work, path)


@router.get("/units/{code}/history", openapi_extra=verb("grids.read"))
def units_history(code: str, ask: Annotated[Ask, Query()], work: Database) -> list[UnitVersion]:
    """What was ever said of a unit (单位沿革): each row holds from when it was known until the next."""
    return [UnitVersion(**row) for row in reference.past_of_units(work, code)]


@router.post("/categories", openapi_extra=verb("reference.write"))
def import_categories(given: Annotated[Table, File()], ask: Annotated[Ask, Query()], work: Database) -> Count:
    """Import categories: columns scheme, kind, code, major_code, major_zh, major_en, name_zh, name_en."""
    with handed.file(given.file) as path:
        return Count(n=reference.import_categories(work, path))


@router.get("/categories/history", openapi_extra=verb("grids.read"))
def categories_history(ask: Annotated[AskCategory, Query()], work: Database) -> list[CategoryVersion]:
    """What was ever said of a category, or of all (类别沿革)."""
    return [CategoryVersion(**row) for row in reference.past_of_categories(work, ask.category)]


@router.get("/responsibility", openapi_extra=verb("grids.read"))
def rules(ask: Annotated[AskRules, Query()], work: Database) -> list[RuleRow]:
    """The responsibility table in the order in which its rules decide."""
    found = reference.list_rules(work, ask.on, ask.as_of)
    return [RuleRow(**{name: getattr(rule, name) for name in RuleRow.model_fields}) for rule in found]


@router.post("/responsibility", openapi_extra=verb("reference.write"))
def import_rules(given: Annotated[TableToReopen, File()], ask: Annotated[Ask, Query()], work: Database) -> RulesTold:
    """Import rules: columns category, level, grid_code, unit_code, valid_from, valid_to; also land_owner, override."""
    with handed.file(given.file) as path:
        report = reference.import_rules(work, path, reopen=given.reopen)
    return RulesTold.model_validate(asdict(report))


@router.get("/limits", openapi_extra=verb("grids.read"))
def limits(ask: Annotated[Ask, Query()], work: Database) -> list[LimitRow]:
    """The time-limit table as it stands (时限表)."""
    return [LimitRow(**{**asdict(x), "amount": str(x.amount)}) for x in time_limits.list_limits(work)]


@router.post("/limits", openapi_extra=verb("reference.write"))
def import_limits(given: Annotated[Table, File()], ask: Annotated[Ask, Query()], work: Database) -> Count:
    """Import time limits; rows are added, a change needs a later valid_from."""
    with handed.file(given.file) as path:
        return Count(n=time_limits.import_limits(work, path))


@router.get("/changes", openapi_extra=verb("audit.read"))
def written(ask: Annotated[AskWritten, Query()], work: Database) -> list[Written]:
    """Who wrote what, newest first: hand-overs, steps, editions, scoring, publishing, appeals."""
    if ask.kind is not None and ask.kind not in actors.KINDS:
        raise OptionInvalid(name="kind", value=ask.kind, expected=" / ".join(actors.KINDS))
    asked = {"by": ask.by, "kind": ask.kind, "object": ask.object, "start": ask.from_, "end": ask.to}
    return reference.written(work, limit=ask.limit, **asked)
