"""/v1/assessments: assessments, their rankings and their scorecards, as JSON and as files."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from api.deps import Ask, Database, Language, cached
from api.schemas import Assessment, AssessmentRow, Ranking, ReachedConsequence, Scorecard, ScorecardRow
from api.wording import scorecard_texts
from gridmgmt.assessing.operations import browsing, scoring
from gridmgmt.assessing.operations import scorecards as exporting
from gridmgmt.scorecards.exports.lines import top_lines

router = APIRouter(prefix="/v1/assessments", tags=["assessments"])

TYPES = {
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv",
    "html": "text/html",
    "svg": "image/svg+xml",
}
REACHED = tuple(ReachedConsequence.model_fields)
FILE_CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"


class AskRanking(Ask):
    """A level's scorecards, as JSON or as the summary file."""

    level: str = Field(description="Key, number or name of a level; unit or person.", examples=["community"])
    format: Literal["json", "xlsx", "csv"] | None = Field(None, description="Default: by Accept, else json.")


class AskScorecard(Ask):
    """One scorecard, as JSON or as a file."""

    level: str | None = Field(None, description="Needed only where two levels have the same code.")
    format: Literal["json", "xlsx", "html", "svg"] | None = Field(None, description="Default: by Accept, else json.")


def _files(*formats: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {TYPES[x]: {} for x in formats}}, 304: {"description": "The reader has it already"}}


@router.get("")
def assessments(ask: Annotated[Ask, Query()], work: Database) -> list[AssessmentRow]:
    """Every assessment, newest first."""
    return [
        AssessmentRow(
            name=row["name"],
            rulebook=row["rulebook_id"],
            period=row["period"],
            as_of=row["as_of"].isoformat(),
            sha256=row["sha256"],
        )
        for row in scoring.listing(work)
    ]


@router.get("/{name}", response_model=Assessment, responses=_files("json"))
def assessment(name: str, ask: Annotated[Ask, Query()], request: Request, work: Database) -> Response:
    """One assessment's header; `latest` or a rulebook's id means its newest one."""
    found = browsing.assessment(work, name)
    answer = Assessment(name=found.name, sha256=found.sha256, header=dict(found.header))
    return cached(request, found.sha256, lambda: JSONResponse(answer.model_dump()))


@router.get("/{name}/scorecards", response_model=Ranking, responses=_files("json", "xlsx", "csv"))
def scorecards(name: str, ask: Annotated[AskRanking, Query()], request: Request, work: Database) -> Response:
    """The ranking of one level, best first; as xlsx or csv the summary with all indicators and their comparisons."""
    sha256 = browsing.assessment(work, name).sha256
    form = ask.format or accepted(request, ("json", "xlsx", "csv"))

    def make() -> Response:
        if form == "json":
            return _ranking(*scoring.read(work, name, ask.level))
        with tempfile.TemporaryDirectory() as folder:
            path, *_ = exporting.export(work, name, ask.level, Path(folder) / "out", [form], codes=[])
            return _file(path.read_bytes(), form, f"{name}-{ask.level}")

    return cached(request, sha256, make)


@router.get("/{name}/scorecards/{code}", response_model=Scorecard, responses=_files("json", "xlsx", "html", "svg"))
def scorecard(
    name: str, code: str, ask: Annotated[AskScorecard, Query()], request: Request, work: Database, lang: Language
) -> Response:
    """One scorecard: the exact document with its texts in the reader's language, or a workbook, page or small map."""
    sha256 = browsing.assessment(work, name).sha256
    form = ask.format or accepted(request, ("json", "xlsx", "html", "svg"))

    def make() -> Response:
        if form != "json":
            return _file(exporting.one(work, name, code, form, ask.level), form, f"{name}-{code}")
        stored, document = scoring.scorecard(work, name, code, ask.level)
        texts = scorecard_texts(stored.header, document, lang)
        answer = Scorecard(assessment=stored.name, sha256=stored.sha256, document=document, texts=texts)
        return JSONResponse(answer.model_dump())

    return cached(request, sha256, make)


def accepted(request: Request, formats: tuple[str, ...]) -> str:
    """The format that Accept names first, json if it names none of them."""
    wanted = [part.split(";")[0].strip() for part in request.headers.get("accept", "").split(",")]
    return next((x for kind in wanted for x in formats if TYPES[x] == kind), "json")


def _ranking(stored: Any, documents: list[dict[str, Any]], city: Any) -> Response:
    ordered = sorted(documents, key=lambda d: (d["rank"]["level"] or {"rank": 1 << 31})["rank"])
    level = documents[0]["subject"]["level"] if documents else ""
    answer = Ranking(assessment=stored.name, sha256=stored.sha256, level=level, rows=[_row(d) for d in ordered])
    return JSONResponse(answer.model_dump())


def _row(document: Mapping[str, Any]) -> ScorecardRow:
    subject, place = document["subject"], document["rank"]["level"]
    return ScorecardRow(
        level=subject["level"],
        code=subject["code"],
        parent=subject["parent"],
        name=subject["name"],
        total=document["total"]["shown"] if document["total"] else None,
        grade=document["grade"],
        rank=place["rank"] if place else None,
        status=document["status"],
        n_missing=len(document["missing"]),
        consequences=[ReachedConsequence(**{k: c[k] for k in REACHED}) for c in document["consequences"]],
        points={x["item"]: x["points"]["shown"] if x["points"] else None for x in top_lines(document)},
        counts=document["counts"],
    )


def _file(content: bytes, form: str, name: str) -> Response:
    """A file; workbooks and tables are saved, pages and maps shown."""
    headers = {"Content-Security-Policy": FILE_CSP}
    if form in ("xlsx", "csv"):
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}.{form}"
    return Response(content, media_type=TYPES[form], headers=headers)
