"""/v1/scorings and /v1/exports: assessments and lists made beside the request."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.deps import Ask, Database, Language
from api.once import OnceRoute
from api.routes.jobs import JobState, accepted
from api.signing import verb
from gridmgmt.jobs.kinds import ExportAsked, ScoringAsked
from gridmgmt.jobs.operations import asking

router = APIRouter(prefix="/v1", tags=["jobs"], route_class=OnceRoute)


@router.post("/scorings", status_code=202, openapi_extra=verb("results.write"))
def score(
    work: Database, lang: Language, asked: ScoringAsked, response: Response, query: Annotated[Ask, Query()]
) -> JobState:
    """Assess a period, or assess it again; shorter periods that it is made of first."""
    return accepted(asking.score(work, asked), lang, response)


@router.post("/exports", status_code=202, openapi_extra=verb("exports.make"))
def export(
    work: Database, lang: Language, asked: ExportAsked, response: Response, query: Annotated[Ask, Query()]
) -> JobState:
    """Write a list as CSV, Excel, GeoPackage or GeoParquet, the filter kept in it; ``zip``: a level's scorecards."""
    return accepted(asking.export(work, asked), lang, response)
