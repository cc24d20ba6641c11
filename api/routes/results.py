"""/v1/assessments, /v1/appeals, /v1/consequences: results published, compared, appealed against and corrected."""

import datetime as dt
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api.deps import Ask, Database, Language
from api.once import OnceRoute
from api.routes.jobs import JobState, accepted
from api.schemas import Name
from api.signing import verb
from gridmgmt.assessing.operations import appeals, browsing, publishing
from gridmgmt.jobs.kinds import CorrectionAsked, RecomputeAsked
from gridmgmt.jobs.operations import asking
from gridmgmt.periods import YEARS
from gridmgmt.scorecards.documents import Document

router = APIRouter(prefix="/v1", tags=["results"], route_class=OnceRoute)

_Name = Annotated[str, Path(max_length=200)]
_Text = Annotated[str, Field(min_length=1, max_length=10_000)]
_Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Publication(BaseModel):
    """An assessment that is frozen: since when, and by whom."""

    assessment: str
    sha256: str
    published_at: dt.datetime | None
    published_by: str | None


class ComparedSubject(BaseModel):
    """A subject's total and rank, as everybody may compare them."""

    level: str | None
    code: str
    name: Name
    total: str | None
    exact: str | None = Field(description="The total as a fraction.")
    rank: int | None


class RankTable(BaseModel):
    """The ranking of an assessment, best first; equal totals share a rank, without a total there is none."""

    assessment: str
    sha256: str
    complete: bool
    rows: list[ComparedSubject]


class AskRanks(Ask):
    """Of which level."""

    level: str | None = Field(None, max_length=100, description="Default: every level of the assessment.")


class NewAppeal(_Body):
    """An appeal (申诉) on one fact that counts for a subject, by the number that /v1/explain shows."""

    assessment: str = Field(max_length=200, examples=["grid_baseline-2025-12-1"])
    subject: str = Field(max_length=60)
    kind: Literal["case", "sample", "step", "entry"]
    fact: str = Field(min_length=1, max_length=300, description="Number of the case, sample, step or entry.")
    reason: _Text


class AppealDecision(_Body):
    """What is decided on an appeal."""

    granted: bool
    reason: _Text


class Appeal(BaseModel):
    """An appeal with its decision, if there is one."""

    id: int
    assessment: str
    subject_code: str
    kind: str
    fact_no: str
    reason: str
    opened_by: str
    known_at: dt.datetime
    state: str
    decision: str | None
    decided_by: str | None
    decided_at: dt.datetime | None


class OpenedAppeal(BaseModel):
    """The number of an appeal that was opened."""

    id: int
    state: Literal["open"] = "open"


class AskAppeals(Ask):
    """Of which assessment."""

    assessment: str | None = Field(None, max_length=200)


class AskConsequences(Ask):
    """Whose ledger."""

    rulebook: str = Field(max_length=200, examples=["grid_baseline"])
    year: int = Field(ge=YEARS[0], le=YEARS[-1], examples=[2025])
    subject: str | None = Field(None, max_length=60)


class LedgerEntry(BaseModel):
    """A consequence that a subject reached, by which periods; money is exact, in yuan."""

    consequence: str
    subject: str
    period: str
    because: list[str]
    money: str | None
    prize: int | None
    undecided: str | None
    count: int | None


class Ledger(BaseModel):
    """A year's consequences (结果运用台账), and the money that is decided, by subject."""

    rulebook: str
    year: int
    reached: list[LedgerEntry]
    money: dict[str, str]


@router.post("/assessments/{name}/publication", status_code=201, openapi_extra=verb("results.write"))
def publish(name: _Name, ask: Annotated[Ask, Query()], work: Database) -> Publication:
    """Freeze an assessment: later data does not move it. An incomplete one is refused; again changes nothing."""
    found = publishing.publish(work, name)
    return Publication(
        assessment=found.name, sha256=found.sha256, published_at=found.published_at, published_by=found.published_by
    )


@router.post("/assessments/{name}/recomputation", status_code=202, openapi_extra=verb("results.read"))
def recompute(
    name: _Name, ask: Annotated[Ask, Query()], work: Database, lang: Language, response: Response
) -> JobState:
    """Compute an assessment again from its frozen inputs and rules; the result says what differs, if anything."""
    return accepted(asking.recompute(work, RecomputeAsked(assessment=name)), lang, response)


@router.post("/assessments/{name}/correction", status_code=202, openapi_extra=verb("results.write"))
def correct(name: _Name, ask: Annotated[Ask, Query()], work: Database, lang: Language, response: Response) -> JobState:
    """A corrected assessment after granted appeals; the result says whom it moves. It holds once it is published."""
    return accepted(asking.correct(work, CorrectionAsked(assessment=name)), lang, response)


@router.get("/assessments/{name}/ranks", openapi_extra=verb("results.compare"))
def ranks(name: _Name, ask: Annotated[AskRanks, Query()], work: Database) -> RankTable:
    """Totals and ranks of all grids once they are published, and nothing else of their scorecards.

    Of units and people, those that are the reader's.
    """
    stored, documents = browsing.ranks(work, name, ask.level)
    rows = [_compared(d) for d in documents]
    return RankTable(assessment=stored.name, sha256=stored.sha256, complete=stored.complete, rows=rows)


def _compared(document: Document) -> ComparedSubject:
    subject, total = document.subject, document.total
    return ComparedSubject(
        level=subject.level, code=subject.code, name=Name(**subject.name), total=document.written_total,
        exact=total.exact if total else None, rank=document.place,
    )  # fmt: skip


@router.get("/appeals", openapi_extra=verb("results.read"))
def listing(ask: Annotated[AskAppeals, Query()], work: Database) -> list[Appeal]:
    """Appeals on what is the reader's, newest first, with their decisions."""
    return [Appeal(**found) for found in appeals.list_appeals(work, ask.assessment)]


@router.post("/appeals", status_code=201, openapi_extra=verb("appeals.open"))
def appeal(given: NewAppeal, ask: Annotated[Ask, Query()], work: Database) -> OpenedAppeal:
    """Open an appeal on one case (with its steps), sample, step or entry of one's own published scorecard."""
    found = appeals.open_appeal(work, given.assessment, given.subject, given.kind, given.fact, given.reason)
    return OpenedAppeal(id=found)


@router.post("/appeals/{number}/decision", status_code=201, openapi_extra=verb("appeals.decide"))
def decide(number: _Number, given: AppealDecision, ask: Annotated[Ask, Query()], work: Database) -> Appeal:
    """Decide an appeal; a granted one takes effect by a correction."""
    return Appeal(**appeals.decide_appeal(work, number, granted=given.granted, decision=given.reason))


@router.get("/consequences", openapi_extra=verb("results.read"))
def consequences(ask: Annotated[AskConsequences, Query()], work: Database) -> Ledger:
    """The year's ledger: who reached which consequence when, and by which periods; money that is decided."""
    found = publishing.ledger(work, ask.rulebook, ask.year).of(ask.subject)
    told: dict[str, Any] = found.plain
    return Ledger(rulebook=found.book.id, year=ask.year, **told)
