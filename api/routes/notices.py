"""/v1/notices: rectification notices on what was found, and their checks."""

import datetime as dt
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.deps import Ask, Database, next_page
from api.once import OnceRoute
from api.signing import verb
from gridmgmt.inspections.notices import State
from gridmgmt.inspections.operations import notices
from gridmgmt.people.operations import reference
from gridmgmt.periods import parse_deadline

router = APIRouter(prefix="/v1", tags=["inspections"], route_class=OnceRoute)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewNotice(_Body):
    """A notice on a unit's findings that stand in none yet."""

    draw: str = Field(max_length=200, examples=["huiji-2025-06"])
    unit: str = Field(max_length=60, examples=["410108001"])
    due: str = Field(max_length=40, description="A day means its end; else an instant.", examples=["2025-06-30"])
    samples: list[str] = Field(default=[], max_length=1_000, description="Only findings of these.")


class NewCheck(_Body):
    """What a check found."""

    result: Literal["done", "not_done"]
    at: AwareDatetime | None = Field(None, description="Default: now.")
    note: str | None = Field(None, max_length=10_000)


class Finding(BaseModel):
    """What was found (检查发现)."""

    item_code: str
    n: int
    points: Decimal
    text: str | None
    photographs: list[str]
    lon: float | None
    lat: float | None
    found_at: dt.datetime | None


class Noticed(Finding):
    """A finding that stands in a notice."""

    sample_no: str


class Check(BaseModel):
    """A check (整改复查)."""

    result: Literal["done", "not_done"]
    checked_at: dt.datetime
    checked_by: str
    note: str | None


class Notice(BaseModel):
    """A rectification notice (整改通知) and how it stands; ``due_at`` is the first instant that is too late."""

    notice_no: str
    draw: str
    unit_code: str
    issued_at: dt.datetime
    due_at: dt.datetime
    issued_by: str
    findings: list[Noticed]
    checks: list[Check]
    state: State


class Notices(BaseModel):
    """Notices by number."""

    rows: list[Notice]
    next: str | None


class AskNotices(Ask):
    """Which notices, and as of when."""

    draw: str | None = Field(None, max_length=200)
    at: AwareDatetime | None = Field(None, description="Default: now.")
    limit: int = Field(100, ge=1, le=1_000)
    after: str | None = Field(None, max_length=250, description="As ``next`` has it.")


@router.get("/notices", openapi_extra=verb("samples.read"))
def list_notices(ask: Annotated[AskNotices, Query()], request: Request, work: Database) -> Notices:
    """Notices with their findings and checks, and how they stand at a moment."""
    found = notices.list_notices(work, ask.draw, at=ask.at, after=ask.after, limit=ask.limit)
    more = next_page(request, after=found[-1]["notice_no"]) if len(found) == ask.limit else None
    return Notices(rows=[Notice(**x) for x in found], next=more)


@router.get("/notices/{number}", openapi_extra=verb("samples.read"))
def show_notice(number: str, ask: Annotated[Ask, Query()], work: Database) -> Notice:
    """One notice."""
    (found,) = notices.list_notices(work, number=number)
    return Notice(**found)


@router.post("/notices", status_code=201, openapi_extra=verb("inspections.write"))
def issue(given: NewNotice, ask: Annotated[Ask, Query()], response: Response, work: Database) -> Notice:
    """Issue a notice on a unit's findings that stand in none yet."""
    due_at = parse_deadline(given.due, reference.load_city(work).zone)
    made = notices.issue_notice(work, given.draw, given.unit, due_at, samples=given.samples)
    response.headers["Location"] = f"/v1/notices/{made['notice_no']}"
    return Notice(**made)


@router.post("/notices/{number}/checks", status_code=201, openapi_extra=verb("inspections.write"))
def check(number: str, given: NewCheck, ask: Annotated[Ask, Query()], work: Database) -> Notice:
    """Record a check; whether it was done in time or late follows from the deadline."""
    return Notice(**notices.check_notice(work, number, given.result, checked_at=given.at, note=given.note))
