"""What is looked after of cases as a whole: how many are in each state, which lie in no grid, deadlines, assignment."""

import datetime as dt
from dataclasses import asdict
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api.deps import Ask, Database, Language
from api.once import OnceRoute
from api.routes.jobs import JobState, accepted
from api.signing import verb
from gridmgmt.casework.operations import cases, lookup
from gridmgmt.jobs.kinds import AssignmentAsked
from gridmgmt.jobs.operations import asking
from gridmgmt.people.operations import reference

router = APIRouter(prefix="/v1", tags=["cases"], route_class=OnceRoute)


@router.get("/cases/by-state", openapi_extra=verb("cases.read"))
def by_state(ask: Annotated[Ask, Query()], work: Database) -> dict[str, int]:
    """How many cases are in each state, of those that one may see; each is in exactly one (``\"\"``: none is told)."""
    return lookup.by_state(work)


class Unassigned(BaseModel):
    """A case or sample in no leaf grid (未落格), with the nearest one and its distance."""

    kind: Literal["cases", "samples"]
    number: str
    at: dt.datetime
    lon: float | None
    lat: float | None
    located: str
    address: str | None
    nearest_code: str | None
    nearest_zh: str | None
    nearest_en: str | None
    distance_m: Decimal | None


class AskUnassigned(Ask):
    """How many of each."""

    limit: int = Field(100, ge=1, le=10_000)


@router.get("/unassigned", openapi_extra=verb("cases.read"))
def unassigned(ask: Annotated[AskUnassigned, Query()], work: Database) -> list[Unassigned]:
    """Cases and samples in no leaf grid, with the nearest grid of their day and its distance in metres."""
    return [Unassigned(**row) for row in reference.unassigned(work, ask.limit)]


class Renewal(BaseModel):
    """Whether deadlines are only to be looked at."""

    model_config = ConfigDict(extra="forbid")

    dry_run: bool = Field(False, description="Everything is done, told, and undone.")


class Renewed(BaseModel):
    """A case whose deadlines another calendar moves: what they were, and what they are."""

    case_no: str
    state: str
    calendars: list[str]
    before: dict[str, dt.datetime | None]
    after: dict[str, dt.datetime | None]


@router.post("/deadlines/renewal", openapi_extra=verb("reference.write"))
def renew(given: Renewal, ask: Annotated[Ask, Query()], work: Database) -> list[Renewed]:
    """Count deadlines again that are provisional or of another calendar than the city's now."""
    return [Renewed(**asdict(x)) for x in cases.renew_deadlines(work.but(keep=not given.dry_run))]


@router.post("/assignments", status_code=202, openapi_extra=verb("reference.write"))
def assign(
    asked: AssignmentAsked, ask: Annotated[Ask, Query()], work: Database, lang: Language, response: Response
) -> JobState:
    """Assign cases and samples again after a change of editions, rules or areas: only what the change touches."""
    return accepted(asking.assign(work, asked), lang, response)
