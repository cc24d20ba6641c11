"""/v1/steps as sheets (办理步骤表): the empty one, and filled ones, whose rows are taken from top to bottom."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Response, UploadFile
from pydantic import BaseModel, Field

from api import handed, sent
from api.asked import TYPES
from api.deps import Ask, Database, FileLanguage, Language
from api.once import OnceRoute
from api.signing import verb
from gridmgmt.intake.exports import step_sheet
from gridmgmt.intake.operations import step_sheets
from gridmgmt.intake.operations.step_sheets import StepsReport

router = APIRouter(prefix="/v1", tags=["cases"], route_class=OnceRoute)

_ID = r"^\w{1,100}$"


class AskTemplate(Ask):
    """By which profile."""

    profile: str = Field("steps", pattern=_ID)


@router.get(
    "/steps/template", openapi_extra=verb("cases.read"), response_class=Response,
    responses=sent.documented(TYPES["xlsx"]),
)  # fmt: skip
def template(ask: Annotated[AskTemplate, Query()], work: Database, lang: FileLanguage) -> Response:
    """An empty sheet of steps with lists to choose from, to be filled and handed in."""
    return sent.attachment(step_sheet.workbook(step_sheets.columns(ask.profile), lang), "xlsx", ask.profile)


class Refused(BaseModel):
    """Why a row was not taken; without a column where its case does not allow the step."""

    row: int
    column: str
    value: str | None
    code: str
    facts: dict[str, Any]
    reason: str


class SheetTaken(BaseModel):
    """What became of each row of a sheet; ``opened`` and ``suspects`` by the row's number."""

    file: str
    profile: str
    file_sha256: str
    n_rows: int
    n_taken: int
    n_there: int
    n_refused: int
    opened: dict[int, str]
    suspects: dict[int, list[dict[str, Any]]]
    refused: list[Refused]


@router.post("/steps/files", openapi_extra=verb("cases.read"))
def take(
    files: list[UploadFile], ask: Annotated[Ask, Query()], work: Database, lang: Language,
    profile: Annotated[str, Form(pattern=_ID)] = "steps",
) -> list[SheetTaken]:  # fmt: skip
    """Take the steps of filled sheets; what is refused is told by its row; the same sheet again takes none twice."""
    with handed.files(files) as paths:
        step_sheets.check_files(work, paths, profile)
        return [_told(step_sheets.take_file(work, path, profile), lang) for path in paths]


def _told(report: StepsReport, lang: str) -> SheetTaken:
    hidden = step_sheets.hidden_columns(report.profile)
    told = report.as_dict()
    shown = [replace(f, value=None) if f.column in hidden else f for f in report.refused]
    refused = [
        Refused(**x | {"value": f.value, "reason": f.worded(lang)}) for x, f in zip(told["refused"], shown, strict=True)
    ]
    return SheetTaken(**{**told, "refused": refused})
