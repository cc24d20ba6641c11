"""/v1/explain: from a figure back to the case numbers."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from api.deps import Ask, Database, Language, cached
from api.schemas import Behind, Explained, Name
from gridmgmt.exports.wording import indicator_words, line_words, total_words
from gridmgmt.operations import assessing, browsing

router = APIRouter(prefix="/v1", tags=["assessments"])


class AskWhy(Ask):
    """A figure of a scorecard."""

    assessment: str = Field(examples=["latest"])
    code: str = Field(description="Code of the grid.", examples=["429901"])
    item: str | None = Field(
        None, description="An item of the rulebook, a rate or a count; none: the total.", examples=["n_overdue_open"]
    )
    level: str | None = Field(None, description="Needed only where two levels have the same code.")
    limit: int = Field(1000, ge=0, le=100_000, description="Most numbers for each count.")


@router.get("/explain", response_model=Explained)
def explain(ask: Annotated[AskWhy, Query()], request: Request, engine: Database, lang: Language) -> Response:
    """Why a figure is what it is: its rule in one sentence, and the frozen case and sample numbers behind it."""
    sha256 = browsing.assessment(engine, ask.assessment).sha256

    def make() -> Response:
        found = assessing.explain(engine, ask.assessment, ask.code, ask.item, ask.level)
        if found.line is not None:
            text = line_words(found.line)[lang]
        else:
            text = indicator_words(ask.item)[lang] if ask.item else total_words(found.document)[lang]
        evidence = {
            name: Behind(name=Name(**indicator_words(name)), n=len(numbers), numbers=numbers[: ask.limit])
            for name, numbers in found.evidence.items()
        }
        answer = Explained(
            assessment=found.assessment,
            sha256=found.sha256,
            subject=dict(found.subject),
            item=ask.item,
            line=dict(found.line) if found.line else None,
            text=text,
            evidence=evidence,
        )
        return JSONResponse(answer.model_dump())

    return cached(request, sha256, make)
