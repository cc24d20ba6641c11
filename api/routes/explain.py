"""/v1/explain: from a figure back to the case numbers, the entries and the periods behind it."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from api.deps import Ask, Database, Language, cached
from api.schemas import Behind, Explained, Ground, Name
from gridmgmt.assessing.operations import browsing, explaining
from gridmgmt.scorecards.exports.results import grounds, known_words, record_titles, record_words, why_words

router = APIRouter(prefix="/v1", tags=["assessments"])


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


@router.get("/explain", response_model=Explained)
def explain(ask: Annotated[AskWhy, Query()], request: Request, work: Database, lang: Language) -> Response:
    """Why a figure is what it is: its rule in one sentence, and the frozen facts, entries and periods behind it."""
    sha256 = browsing.assessment(work, ask.assessment).sha256

    def make() -> Response:
        found = explaining.explain(work, ask.assessment, ask.code, ask.item, ask.level)
        return JSONResponse(_answer(found, ask, lang).model_dump())

    return cached(request, sha256, make)


def _answer(found: explaining.Explained, ask: AskWhy, lang: str) -> Explained:
    header, entries = found.header, found.entries or {}
    titles = record_titles(found.document)
    return Explained(
        assessment=found.assessment,
        sha256=found.sha256,
        subject=dict(found.subject),
        item=ask.item,
        line=dict(found.line) if found.line else None,
        consequence=dict(found.consequence) if found.consequence else None,
        text=why_words(header, found.document, ask.item)[lang],
        evidence={
            name: Behind(name=Name(**known_words(header, name)), n=len(numbers), numbers=numbers[: ask.limit])
            for name, numbers in found.evidence.items()
        },
        parts=dict(found.parts),
        entries={name: [dict(x) for x in records] for name, records in entries.items()},
        entry_texts={name: [record_words(x, titles)[lang] for x in records] for name, records in entries.items()},
        input_names={name: Name(**known_words(header, name)) for name in entries},
        periods=[_ground(*found) for found in grounds(header, found.periods)],
    )


def _ground(period: str, assessment: str, document: Mapping[str, Any]) -> Ground:
    total, place = document["total"], document["rank"]["level"]
    return Ground(
        period=period, assessment=assessment, total=total["shown"] if total else None,
        grade=document["grade"], rank=place["rank"] if place else None,
    )  # fmt: skip
