"""Photographs of cases and samples (照片): the answers that lack them, and clean copies of all of one."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from api import sent
from api.deps import Ask, Database
from api.once import OnceRoute
from api.signing import verb
from gridmgmt.casework.operations import photographs
from gridmgmt.inspections.operations import photographs as of_samples
from gridmgmt.periods import parse_period
from gridmgmt.settings import Settings

router = APIRouter(prefix="/v1", tags=["cases"], route_class=OnceRoute)


class Lacking(BaseModel):
    """An answer without photographs before or after handling (缺照片的答复)."""

    case_no: str
    step: int
    at: dt.datetime
    unit: str | None
    lacks: list[str]


class AskLacking(Ask):
    """Of which period, and of which unit."""

    period: str = Field(max_length=40, examples=["2025-12"])
    unit: str | None = Field(None, max_length=60)


@router.get("/photographs/lacking", openapi_extra=verb("cases.read"))
def lacking(ask: Annotated[AskLacking, Query()], work: Database) -> list[Lacking]:
    """The answers of a period without photographs before and after handling, and what each lacks."""
    found = photographs.lacking(work, parse_period(ask.period), ask.unit)
    return [Lacking(case_no=a.case_no, step=a.step, at=a.at, unit=a.unit_code, lacks=[*a.lacks]) for a in found]


@router.get(
    "/cases/{case_no}/photographs.zip", openapi_extra=verb("cases.read"), response_class=Response,
    responses=sent.documented(sent.ZIP),
)  # fmt: skip
def of_case(case_no: str, ask: Annotated[Ask, Query()], request: Request, work: Database) -> Response:
    """All photographs and files of a case, without time, place and everything else that cameras wrote."""
    settings: Settings = request.app.state.settings
    return sent.archive(photographs.clean_copies(work, settings.files_root, case_no), case_no)


@router.get(
    "/samples/{sample_no}/photographs.zip", openapi_extra=verb("samples.read"), response_class=Response,
    responses=sent.documented(sent.ZIP),
)  # fmt: skip
def of_sample(sample_no: str, ask: Annotated[Ask, Query()], request: Request, work: Database) -> Response:
    """All photographs and files of a sample, without what cameras wrote."""
    settings: Settings = request.app.state.settings
    return sent.archive(of_samples.clean_copies(work, settings.files_root, sample_no), sample_no)
