"""/v1/jobs: how what was asked for stands, its result, and taking it back."""

import datetime as dt
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, Field

from api.deps import Ask, Database, Language, next_page
from api.signing import ANY, verb
from gridmgmt.jobs.kinds import Job, State
from gridmgmt.jobs.operations import following
from gridmgmt.texts import step, word

router = APIRouter(prefix="/v1", tags=["jobs"])

_MOST = 500
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


class Progress(BaseModel):
    """How far a job is."""

    step: str
    words: str
    n: int
    of: int | None


class Failure(BaseModel):
    """Why a job failed."""

    code: str
    detail: str
    facts: dict[str, Any]


class JobState(BaseModel):
    """A job (后台任务)."""

    id: int
    kind: Literal[
        "import", "retry", "assignment", "scoring", "recompute", "correction", "export", "edition", "activation",
        "layer",
    ]  # fmt: skip
    state: State
    asked: dict[str, Any]
    asked_by: str | None
    asked_at: dt.datetime
    file: str | None
    n_tries: int
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    cancel_asked_at: dt.datetime | None
    progress: Progress | None
    error: Failure | None
    result: str | None = Field(description="Where the result is, once there is one.")


class Jobs(BaseModel):
    """A page of jobs, the newest first."""

    jobs: list[JobState]
    next: str | None


class _Which(Ask):
    state: State | None = None
    before: int | None = Field(None, ge=1, le=2**63 - 1, description="Only those asked for before this one.")
    limit: int = Field(100, ge=1, le=_MOST)


def shown(job: Job, lang: str) -> JobState:
    """A job as the API shows it."""
    progress, error = job.progress, job.error
    return JobState(
        id=job.id, kind=job.kind, state=job.state, asked=dict(job.asked), asked_by=job.login, asked_at=job.known_at,  # type: ignore[arg-type]  # checked by the model
        file=job.file, n_tries=job.n_tries, started_at=job.started_at, finished_at=job.finished_at,
        cancel_asked_at=job.cancel_asked_at,
        progress=Progress(words=step(progress["step"], lang), **progress) if progress else None,
        error=Failure(detail=word(error["code"], error["facts"], lang), **error) if error else None,
        result=f"/v1/jobs/{job.id}/result" if job.state == "done" else None,
    )  # fmt: skip


def accepted(job: Job, lang: str, response: Response) -> JobState:
    """A job that was just asked for."""
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return shown(job, lang)


@router.get("/jobs", openapi_extra=verb(ANY))
def jobs(work: Database, lang: Language, request: Request, query: Annotated[_Which, Query()]) -> Jobs:
    """One's own jobs, newest first; all of them for who has jobs.read for the whole city."""
    found = following.listing(work, state=query.state, before=query.before, limit=query.limit)
    more = next_page(request, before=found[-1].id) if len(found) == query.limit else None
    return Jobs(jobs=[shown(job, lang) for job in found], next=more)


@router.get("/jobs/{number}", openapi_extra=verb(ANY))
def job(work: Database, lang: Language, number: Number, query: Annotated[Ask, Query()]) -> JobState:
    """One job: how it stands."""
    return shown(following.one(work, number), lang)


@router.delete("/jobs/{number}", openapi_extra=verb(ANY))
def cancel(work: Database, lang: Language, number: Number, query: Annotated[Ask, Query()]) -> JobState:
    """Cancel a job: what it did so far is undone; one that ended stays as it is."""
    return shown(following.cancel(work, number), lang)


@router.get("/jobs/{number}/result", openapi_extra=verb(ANY), response_class=Response, responses={200: {
    "content": {"application/json": {}, "application/octet-stream": {}}}})  # fmt: skip
def result(work: Database, number: Number, request: Request, query: Annotated[Ask, Query()]) -> Any:
    """The report of an import or assessment as JSON; the file that an export made."""
    found, path = following.result(work, request.app.state.settings.files_root, number)
    if path is None:
        return JSONResponse(found.result)
    return FileResponse(path, filename=found.result_file, media_type="application/octet-stream")
