"""/v1/assessments and /v1/explain: rankings, scorecards, and the case numbers, entries and periods behind a figure."""

import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from api.asked import TYPES, accepted
from api.deps import Ask, Database, FileLanguage, Language
from api.kept import made_of
from api.pages.policy import of_page
from api.schemas import (
    Assessment,
    AssessmentRow,
    Behind,
    Borrowed,
    Explained,
    Ground,
    Name,
    Ranking,
    ReachedConsequence,
    Replaced,
    Scorecard,
    ScorecardRow,
)
from api.signing import verb
from api.wording import scorecard_texts
from gridmgmt.assessing.operations import browsing, explaining, scoring
from gridmgmt.assessing.operations import scorecards as exporting
from gridmgmt.assessing.operations.browsing import Stored
from gridmgmt.city import City
from gridmgmt.documents import plain
from gridmgmt.scorecards.documents import Document, Header
from gridmgmt.scorecards.exports.cards import known_counts
from gridmgmt.scorecards.exports.lines import top_numbers
from gridmgmt.scorecards.exports.results import grounds, known_words, record_titles, record_words, why_words
from gridmgmt.scorecards.exports.writing import Writer

router = APIRouter(prefix="/v1", tags=["assessments"], route_class=made_of("places", "people", "assessing"))
evidence = APIRouter(prefix="/v1", tags=["assessments"], route_class=made_of())

_REACHED = set(ReachedConsequence.model_fields)
_FILE_CSP = "default-src 'none'; img-src data:; frame-ancestors 'self'"


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


@router.get("/assessments", openapi_extra=verb("results.compare"))
def assessments(ask: Annotated[Ask, Query()], work: Database) -> list[AssessmentRow]:
    """Every assessment, newest first."""
    return [
        AssessmentRow(
            name=row["name"],
            rulebook=row["rulebook_id"],
            period=row["period"],
            as_of=row["as_of"].isoformat(),
            sha256=row["sha256"],
            stale=[Replaced(**x) for x in row["stale"]],
        )
        for row in scoring.listing(work)
    ]


@router.get(
    "/assessments/{name}", response_model=Assessment, responses=_files("json"), openapi_extra=verb("results.compare")
)
def assessment(name: str, ask: Annotated[Ask, Query()], work: Database) -> Response:
    """One assessment's header; `latest` or a rulebook's id means its newest one."""
    found = browsing.assessment(work, name)
    return JSONResponse(plain(Assessment(name=found.name, sha256=found.sha256, header=found.header)))


@router.get(
    "/assessments/{name}/scorecards",
    response_model=Ranking,
    responses=_files("json", "xlsx", "csv"),
    openapi_extra=verb("results.read"),
)
def scorecards(
    name: str, ask: Annotated[AskRanking, Query()], request: Request, work: Database, written: FileLanguage
) -> Response:
    """The ranking of one level, best first; as xlsx or csv the summary with all indicators and their comparisons."""
    form = ask.format or accepted(request, ("json", "xlsx", "csv"))
    if form == "json":
        return _ranking(*scoring.read(work, name, ask.level))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        path, *_ = exporting.export(work, name, ask.level, out, [form], codes=[], writer=Writer(written))
        return _file(path.read_bytes(), form, f"{name}-{ask.level}")


@router.get(
    "/assessments/{name}/scorecards/{code}",
    response_model=Scorecard,
    responses=_files("json", "xlsx", "html", "svg"),
    openapi_extra=verb("results.read"),
)
def scorecard(
    name: str,
    code: str,
    ask: Annotated[AskScorecard, Query()],
    request: Request,
    work: Database,
    lang: Language,
    written: FileLanguage,
) -> Response:
    """One scorecard: the exact document with its texts in the reader's language, or a workbook, page or small map."""
    form = ask.format or accepted(request, ("json", "xlsx", "html", "svg"))
    if form != "json":
        return _file(exporting.one(work, name, code, form, ask.level, Writer(written)), form, f"{name}-{code}")
    stored, document = scoring.scorecard(work, name, code, ask.level)
    texts = scorecard_texts(stored.header, document, lang)
    answer = Scorecard(assessment=stored.name, sha256=stored.sha256, document=document, texts=texts)
    return JSONResponse(plain(answer))


def _ranking(stored: Stored, documents: list[Document], city: City) -> Response:
    ordered = sorted(documents, key=lambda d: d.place or 1 << 31)
    level = documents[0].subject.level or "" if documents else ""
    rows = [_row(stored.header, d) for d in ordered]
    answer = Ranking(assessment=stored.name, sha256=stored.sha256, level=level, rows=rows)
    return JSONResponse(plain(answer))


def _row(header: Header, document: Document) -> ScorecardRow:
    subject = document.subject
    return ScorecardRow(
        level=subject.level or "",
        code=subject.code,
        parent=subject.parent,
        name=Name(**subject.name),
        total=document.written_total,
        grade=document.grade,
        rank=document.place,
        status=document.status,
        formed=document.formed,
        reason=document.reason.code,
        n_missing=len(document.awaited),
        consequences=[ReachedConsequence(**c.model_dump(include=_REACHED)) for c in document.consequences],
        points=top_numbers(header, document),
        counts=known_counts(header, document),
    )


def _file(content: bytes, form: str, name: str) -> Response:
    """A file; workbooks and tables are saved, pages and maps shown."""
    page = content.decode() if form in ("html", "svg") else ""
    headers = {"Content-Security-Policy": of_page(page, _FILE_CSP)}
    if form in ("xlsx", "csv"):
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}.{form}"
    return Response(content, media_type=TYPES[form], headers=headers)


class AskWhy(Ask):
    """A figure of a scorecard."""

    assessment: str = Field(examples=["latest"])
    code: str = Field(description="Code of the grid, unit or person.", examples=["429901"])
    item: str | None = Field(
        None,
        description="An item, rule, input or consequence of the rulebook, a rate or a count; none: the total.",
        examples=["n_overdue_open"],
    )
    level: str | None = Field(None, description="Needed only where two levels have the same code.")
    limit: int = Field(1000, ge=0, le=100_000, description="Most numbers for each count.")


@evidence.get("/explain", response_model=Explained, openapi_extra=verb("results.read"))
def explain(ask: Annotated[AskWhy, Query()], work: Database, lang: Language) -> Response:
    """Why a figure is what it is: its rule in one sentence, and the frozen facts, entries and periods behind it."""
    found = explaining.explain(work, ask.assessment, ask.code, ask.item, ask.level)
    return JSONResponse(plain(_answer(found, ask.item, ask.limit, lang)))


def _answer(found: explaining.Explained, item: str | None, limit: int, lang: str) -> Explained:
    header, entries = found.header, found.entries or {}
    titles = record_titles(found.document)
    return Explained(
        assessment=found.assessment,
        sha256=found.sha256,
        subject=found.subject,
        item=item,
        line=found.line,
        consequence=found.consequence,
        text=why_words(header, found.document, item)[lang],
        evidence={
            name: Behind(name=Name(**known_words(header, name)), n=len(numbers), numbers=numbers[:limit])
            for name, numbers in found.evidence.items()
        },
        parts=dict(found.parts),
        entries={name: [dict(x) for x in records] for name, records in entries.items()},
        entry_texts={name: [record_words(x, titles)[lang] for x in records] for name, records in entries.items()},
        input_names={name: Name(**known_words(header, name)) for name in entries},
        periods=[_ground(*found) for found in grounds(header, found.periods)],
        results={
            name: [Borrowed(taken=b.taken, why=_answer(b.why, b.taken.item, limit, lang)) for b in borrowed]
            for name, borrowed in found.results.items()
        },
        stale=[Replaced(**x) for x in found.stale],
    )


def _ground(period: str, assessment: str, document: Document) -> Ground:
    return Ground(
        period=period, assessment=assessment, total=document.written_total,
        grade=document.grade, rank=document.place,
    )  # fmt: skip
