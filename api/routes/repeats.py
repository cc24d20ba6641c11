"""/v1/repeats: a period's repeat cases, group by group."""

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.asked import TYPES, accepted
from api.deps import Ask, Database, FileLanguage
from api.kept import made_of
from api.signing import verb
from gridmgmt.casework.exports.repeats import title_words, workbook
from gridmgmt.casework.operations import repeats as repeating
from gridmgmt.casework.operations.repeats import RepeatReport
from gridmgmt.periods import parse_period

router = APIRouter(prefix="/v1", tags=["cases"], route_class=made_of())


class AskRepeats(Ask):
    """Of which period, by which rule."""

    period: str = Field(max_length=60, examples=["2025-12"])
    rule: str = Field("annex2", pattern=r"^\w{1,100}$", description="A rule of the installation.")


class AskTable(AskRepeats):
    """As a document or a workbook."""

    format: Literal["json", "xlsx"] | None = Field(None, description="Default: by Accept, else json.")


class Repeats(BaseModel):
    """A period's repeat cases (重复案件): how many, the groups, and every case that was filed with its occurrence."""

    model_config = ConfigDict(extra="forbid")

    period: str
    rule: str
    n_filed: int
    n_excepted: int
    n_unknown: int
    n_repeats: int
    n_groups: int
    without_roads: bool = Field(description="No road layer was valid: every place then is of another road.")
    groups: list[dict[str, Any]]
    cases: list[dict[str, Any]]


@router.get(
    "/repeats", response_model=Repeats, responses={200: {"content": {TYPES["xlsx"]: {}}}},
    openapi_extra=verb("figures.read"),
)  # fmt: skip
def repeats(ask: Annotated[AskTable, Query()], request: Request, work: Database, written: FileLanguage) -> Any:
    """Repeat cases of a period, group by group: class, place, road class, and the cases by number."""
    found = repeating.report(work, parse_period(ask.period), ask.rule)
    if (ask.format or accepted(request, ("json", "xlsx"))) == "json":
        return Repeats(**found.plain)
    saved = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(f'repeats-{ask.period}', safe='')}.xlsx"}
    return Response(_workbook(found, written), media_type=TYPES["xlsx"], headers=saved)


def _workbook(found: RepeatReport, written: str | None) -> bytes:
    end = found.period.bounds(found.city.zone)[1].isoformat()
    title = title_words(found.period, found.rule)
    return workbook(title, found.groups, found.cases, found.city.zone, end, written)
