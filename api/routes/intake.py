"""/v1/imports and /v1/quarantine: other systems' files, profiles for them, and rows that could not be loaded."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi import UploadFile as Upload
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import UploadFile

from api import handed
from api.deps import Ask, Database, Language, next_page
from api.once import OnceRoute
from api.routes.jobs import JobState, accepted
from api.signing import verb
from gridmgmt.database.quarantine import Open
from gridmgmt.database.work import Work
from gridmgmt.faults import Fault
from gridmgmt.intake.exports.profile_text import profile_text
from gridmgmt.intake.operations import mending, proposing
from gridmgmt.jobs.kinds import ImportAsked, Job, RetryAsked
from gridmgmt.jobs.operations import asking
from gridmgmt.texts import word

router = APIRouter(prefix="/v1", tags=["imports"], route_class=OnceRoute)

_FORM = {
    "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": {
        "type": "object",
        "required": ["file", "profile"],
        "properties": {"file": {"type": "string", "format": "binary"}, **ImportAsked.model_json_schema()["properties"]},
        "additionalProperties": False,
    }}}},
}  # fmt: skip


class RowFault(BaseModel):
    """What is wrong in a row."""

    column: str
    value: str | None
    code: str
    facts: dict[str, Any]
    reason: str


class Row(BaseModel):
    """A row in quarantine (问题数据)."""

    id: int
    kind: str
    profile: str
    file: str
    row: int
    values: dict[str, Any]
    given: dict[str, Any] | None = Field(description="As the file had it, once somebody mended it.")
    problems: list[RowFault]


class Rows(BaseModel):
    """Rows that wait, in order of their coming in."""

    rows: list[Row]
    next: str | None


class Mended(BaseModel):
    """What cells should hold; null empties one, those that are not named stay."""

    model_config = ConfigDict(extra="forbid")

    values: dict[str, str | None] = Field(min_length=1, max_length=2_000)


class _Which(Ask):
    profile: str | None = Field(None, max_length=100)
    after: int = Field(0, ge=0, le=2**63 - 1)
    limit: int = Field(100, ge=1, le=1_000)


@router.post("/imports", status_code=202, openapi_extra={**verb("imports.write"), **_FORM})
async def import_file(
    work: Database, lang: Language, request: Request, response: Response, query: Annotated[Ask, Query()]
) -> JobState:
    """Hand in a file of cases, samples or steps; it is imported by a profile, its bad rows go to quarantine."""
    async with request.form(max_files=1, max_fields=20) as form:  # read behind the sign-in, not before
        told = {name: value for name, value in form.multi_items() if name != "file"}
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise RequestValidationError([{"type": "missing", "loc": ("body", "file"), "msg": "Field required"}])
        try:
            asked = ImportAsked.model_validate(told)
        except ValidationError as e:
            raise RequestValidationError([{**x, "loc": ("body", *x["loc"])} for x in e.errors()]) from e
        job = await run_in_threadpool(_handed_in, work, request, file, asked)
    return accepted(job, lang, response)


def _handed_in(work: Work, request: Request, file: UploadFile, asked: ImportAsked) -> Job:
    root = request.app.state.settings.files_root
    return asking.import_file(work, root, file.file, file.filename or "file", asked)


class Remark(BaseModel):
    """What a person should look at: on which key of the profile, and what."""

    key: str
    code: str
    facts: dict[str, Any]
    detail: str


class Proposal(BaseModel):
    """A profile for a file that is not known yet (导入方案建议); ``text``: the same as a file to be edited."""

    profile: dict[str, Any]
    remarks: list[Remark]
    text: str


@router.post("/imports/proposals", openapi_extra=verb("imports.write"))
def propose(
    file: Upload, ask: Annotated[Ask, Query()], work: Database, lang: Language,
    sheet: Annotated[str | None, Form(max_length=200)] = None,
) -> Proposal:  # fmt: skip
    """Propose a profile for a file of cases, to be looked at and edited; nothing is kept of the file."""
    with handed.file(file) as path:
        found = proposing.propose(work, path, sheet)
    remarks = [
        Remark(key=r.key, code=r.code, facts=dict(r.facts), detail=word(r.code, r.facts, lang)) for r in found.remarks
    ]
    return Proposal(profile=found.profile, remarks=remarks, text=profile_text(found, lang))


@router.get("/quarantine", openapi_extra=verb("imports.write"))
def quarantine(work: Database, lang: Language, request: Request, query: Annotated[_Which, Query()]) -> Rows:
    """Rows that could not be loaded, each with all its faults."""
    found = mending.rows(work, after=query.after, limit=query.limit, profile=query.profile)
    more = next_page(request, after=found[-1].id) if len(found) == query.limit else None
    return Rows(rows=[_row(x, lang) for x in found], next=more)


@router.patch("/quarantine/{number}", openapi_extra=verb("imports.write"))
def mend(
    work: Database, lang: Language, number: Annotated[int, Path(ge=1, le=2**63 - 1)], mended: Mended,
    query: Annotated[Ask, Query()],
) -> Row:  # fmt: skip
    """Mend a row; it is loaded when the quarantine is tried again."""
    return _row(mending.mend(work, number, mended.values), lang)


@router.post("/quarantine/retry", status_code=202, openapi_extra=verb("imports.write"))
def retry(
    work: Database, lang: Language, asked: RetryAsked, response: Response, query: Annotated[Ask, Query()]
) -> JobState:
    """Try the rows in quarantine again, each by its profile as it is now."""
    return accepted(asking.retry_quarantine(work, asked), lang, response)


def _row(found: Open, lang: str) -> Row:
    problems = [RowFault(**p, reason=Fault(found.row, **p).worded(lang)) for p in found.problems]
    return Row(
        id=found.id, kind=found.kind, profile=found.profile, file=found.file, row=found.row, values=dict(found.raw),
        given=dict(found.given) if found.given is not None else None, problems=problems,
    )  # fmt: skip
