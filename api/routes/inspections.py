"""/v1/samples, /v1/draws and /v1/findings: plans, draws, the forms that inspectors fill, what was found."""

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, Request, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from api import handed, sent
from api.asked import TYPES
from api.deps import Ask, Database, FileLanguage, Language, next_page
from api.once import OnceRoute
from api.routes.notices import Finding
from api.signing import verb
from gridmgmt.inspections.exports import field_forms
from gridmgmt.inspections.operations import draws, findings, photographs, samples
from gridmgmt.periods import parse_period
from gridmgmt.settings import Settings

router = APIRouter(prefix="/v1", tags=["inspections"], route_class=OnceRoute)

_ID = r"^\w{1,100}$"
_LAST = 2**63 - 1
_MOST_ROWS = 1_000
_READS, _WRITES = verb("samples.read"), verb("inspections.write")

Rulebook = Annotated[str, Field(pattern=_ID, examples=["huiji"])]
Period = Annotated[str, Field(max_length=40, examples=["2025-06"])]


class SampleRow(BaseModel):
    """A sample as it counts (抽查样本): imported, or taken from a field form."""

    sample_no: str
    sample_type: str | None
    object_name: str | None
    sampled_at: dt.datetime
    score: Decimal | None
    result: str | None
    findings: str | None
    unit_code: str | None = Field(description="The unit that its source names.")
    answering_unit: str | None = Field(description="The unit that answers for the place.")
    unit_name_zh: str | None
    unit_name_en: str | None
    grid_code: str | None
    grid_name_zh: str | None
    grid_name_en: str | None
    address: str | None
    lon: float | None
    lat: float | None


class SampleRows(BaseModel):
    """Samples in the order in which they came in; ``next`` asks for those behind them, and is null at the end."""

    rows: list[SampleRow]
    next: str | None


class DrawnItem(BaseModel):
    """A sample that was drawn, as far as it was inspected."""

    id: int
    sample_no: str
    unit_code: str
    sample_type: str
    object: str
    feature: str
    name_zh: str | None
    name_en: str | None
    grid_codes: list[str | None]
    lon: float
    lat: float
    inspection_id: int | None
    inspected_at: dt.datetime | None
    inspector: str | None
    result: str | None
    note: str | None
    score: Decimal | None


class OfDraw(DrawnItem):
    """The same with its draw."""

    draw: str
    period: str


class FoundOne(Finding):
    """A finding of the newest inspection."""

    id: int
    inspection_id: int


class Sample(BaseModel):
    """One sample; ``row`` is null before it was looked at, ``drawn`` where it was imported."""

    sample_no: str
    row: SampleRow | None
    drawn: OfDraw | None
    findings: list[FoundOne]
    n_photographs: int


class AskSamples(Ask):
    """Which samples, and in which order."""

    period: Period | None = None
    unit: str | None = Field(None, max_length=60)
    grid: str | None = Field(None, max_length=60)
    draw: str | None = Field(None, max_length=200)
    type: str | None = Field(None, max_length=100)
    text: str | None = Field(None, max_length=200, description="In number, object, address or findings.")
    sort: Literal["newest", "oldest"] = "newest"
    limit: int = Field(100, ge=1, le=_MOST_ROWS)
    after: int | None = Field(None, ge=0, le=_LAST, description="As ``next`` has it.")


@router.get("/samples", openapi_extra=_READS)
def search(ask: Annotated[AskSamples, Query()], request: Request, work: Database) -> SampleRows:
    """Samples by period, unit, grid, draw, type and text; each that is there at the first page comes once."""
    period = parse_period(ask.period) if ask.period is not None else None
    asked = samples.Asked(period, ask.unit, ask.grid, ask.draw, ask.type, ask.text)
    rows = samples.search(work, asked, limit=ask.limit, after=ask.after, newest_first=ask.sort == "newest")
    more = next_page(request, after=rows[-1]["id"]) if len(rows) == ask.limit else None
    return SampleRows(rows=[SampleRow(**row) for row in rows], next=more)


@router.get("/samples/{sample_no}", openapi_extra=_READS)
def show_sample(sample_no: str, ask: Annotated[Ask, Query()], work: Database) -> Sample:
    """One sample: as it counts, as it was drawn, and what its newest inspection found."""
    found = samples.show(work, sample_no)
    return Sample(
        sample_no=sample_no, row=SampleRow(**found.row) if found.row is not None else None,
        drawn=OfDraw(**found.drawn) if found.drawn is not None else None,
        findings=[FoundOne(**x) for x in found.findings], n_photographs=found.n_photographs,
    )  # fmt: skip


@router.get("/samples/{sample_no}/photographs", openapi_extra=_READS)
def list_photographs(sample_no: str, ask: Annotated[Ask, Query()], work: Database) -> list[dict[str, Any]]:
    """The photographs and files of a sample."""
    return photographs.listed(work, sample_no)


@router.post("/samples/{sample_no}/photographs", status_code=201, openapi_extra=_WRITES)
def add_photographs(
    sample_no: str, ask: Annotated[Ask, Query()], request: Request, work: Database, files: list[UploadFile],
    kind: Annotated[Literal["before", "after", "evidence"], Form()] = "evidence",
    caption: Annotated[str | None, Form(max_length=1_000)] = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Add photographs or files to a sample."""
    settings: Settings = request.app.state.settings
    with handed.files(files) as paths:
        added = photographs.add(work, settings.files_root, paths, kind=kind, sample_no=sample_no, caption=caption)
    return [a.as_dict() for a in added]


# --- draws ------------------------------------------------------------------------------------------------------------


class PlanLine(BaseModel):
    """How many samples of a type a unit has, of which objects, and why."""

    unit: str
    type: str
    objects: dict[str, int]
    n: int
    why: str
    attribute: str | None


class Plan(BaseModel):
    """What is to be drawn in a period (抽查计划); of who has a part of the city, for his units."""

    rulebook: str
    period: str
    n: int
    lines: list[PlanLine]


class AskPlan(Ask):
    """Which rulebook's plan, for which period."""

    rulebook: Rulebook
    period: Period


@router.get("/draws/plan", openapi_extra=_READS)
def plan(ask: Annotated[AskPlan, Query()], work: Database) -> Plan:
    """What a rulebook asks in a period: unit by unit, type by type, with exceptions and substitutes and why."""
    found = draws.plan_of(work, ask.rulebook, ask.period)
    lines = [
        PlanLine(
            unit=x.unit.code, type=x.type.id, objects=dict(x.objects), n=x.n, why=x.why, attribute=x.attribute
        )
        for x in found.lines
    ]  # fmt: skip
    return Plan(rulebook=found.loaded.rulebook.id, period=found.period.label, n=found.n, lines=lines)


class DrawRow(BaseModel):
    """A draw (抽取); ``n`` and ``n_inspected`` are of the samples that one may see."""

    name: str
    plan_id: str
    period: str
    sha256: str
    reason: str | None
    replaces: str | None
    replaced_by: str | None
    known_at: dt.datetime
    n: int
    n_inspected: int


class DrawRows(BaseModel):
    """Draws, the newest first."""

    rows: list[DrawRow]
    next: str | None


class AskDraws(Ask):
    """Which draws."""

    rulebook: Rulebook | None = None
    period: Period | None = None
    limit: int = Field(100, ge=1, le=_MOST_ROWS)
    before: int | None = Field(None, ge=1, le=_LAST, description="As ``next`` has it.")


@router.get("/draws", openapi_extra=_READS)
def list_draws(ask: Annotated[AskDraws, Query()], request: Request, work: Database) -> DrawRows:
    """Draws, the newest first: what each replaces, and how many of its samples were inspected."""
    rows = samples.list_draws(work, ask.rulebook, ask.period, limit=ask.limit, before=ask.before)
    more = next_page(request, before=rows[-1]["id"]) if len(rows) == ask.limit else None
    return DrawRows(rows=[DrawRow(**row) for row in rows], next=more)


class NewDraw(BaseModel):
    """What is to be drawn; ``again`` says why, where the period was drawn before."""

    model_config = ConfigDict(extra="forbid")

    rulebook: Rulebook
    period: Period
    seed: str = Field(min_length=1, max_length=200)
    again: str | None = Field(None, max_length=1_000)
    dry_run: bool = Field(False, description="Everything is done, told, and undone.")


class DrawMade(BaseModel):
    """A draw that was made, or the same one that was made before, with its document."""

    name: str
    sha256: str
    is_new: bool
    dry_run: bool
    n_inspected_before: int
    document: dict[str, Any]


_NOTHING = {"model": DrawMade, "description": "Nothing was drawn: a dry run, or the same draw was made before"}


@router.post("/draws", status_code=201, openapi_extra=_WRITES, responses={200: _NOTHING})
def draw(given: NewDraw, ask: Annotated[Ask, Query()], response: Response, work: Database) -> DrawMade:
    """Draw a period's samples from the layers of its last day; the same draw again changes nothing."""
    doing = work.but(keep=not given.dry_run)
    report = draws.make_draw(doing, given.rulebook, given.period, given.seed, again=given.again)
    if report.is_new and not report.dry_run:
        response.headers["Location"] = f"/v1/draws/{report.name}"
    else:
        response.status_code = 200
    return DrawMade(
        name=report.name, sha256=report.sha256, is_new=report.is_new, dry_run=report.dry_run,
        n_inspected_before=report.n_inspected_before, document=dict(report.document),
    )  # fmt: skip


class DrawShown(BaseModel):
    """A draw with its samples; of who has a part of the city its document tells that part alone."""

    name: str
    sha256: str
    reason: str | None
    known_at: dt.datetime
    samples: list[DrawnItem]
    document: dict[str, Any] | None = Field(description="Null where one unit's samples are asked for.")


class AskDraw(Ask):
    """All units, or one."""

    unit: str | None = Field(None, max_length=60)


@router.get("/draws/{name}", openapi_extra=_READS)
def show_draw(name: str, ask: Annotated[AskDraw, Query()], work: Database) -> DrawShown:
    """A draw's samples, as far as they were inspected, and what is short."""
    found, items = draws.show_draw(work, name, ask.unit)
    return DrawShown(
        name=found.name, sha256=found.sha256, reason=found.reason, known_at=found.known_at,
        samples=[DrawnItem(**item) for item in items], document=None if ask.unit else dict(found.document),
    )  # fmt: skip


class Verified(BaseModel):
    """Whether what is kept with a draw has its hashes, and drawing again from it gives the same (复核)."""

    texts: bool
    document: bool
    drawn: bool
    rows: bool


@router.get("/draws/{name}/verification", openapi_extra=_READS)
def verify(name: str, ask: Annotated[Ask, Query()], work: Database) -> Verified:
    """Draw again from what is kept with a draw, and compare."""
    return Verified(**draws.verify_draw(work, name))


class AskForm(AskDraw):
    """The form of all units or of one, as a workbook or for a phone."""

    format: Literal["xlsx", "geojson"] = "xlsx"


@router.get(
    "/draws/{name}/form", openapi_extra=_READS, response_class=Response,
    responses=sent.documented(TYPES["xlsx"], TYPES["geojson"]),
)  # fmt: skip
def form(name: str, ask: Annotated[AskForm, Query()], work: Database, lang: FileLanguage) -> Response:
    """The form that inspectors take along (外业表): every sample with what is looked at in it."""
    made = findings.form_of(work, name, ask.unit)
    called = f"{name}-{ask.unit}" if ask.unit else name
    if ask.format == "geojson":
        return sent.attachment(field_forms.geojson(made).encode(), "geojson", called)
    return sent.attachment(field_forms.workbook(made, lang), "xlsx", called)


# --- forms that come back ---------------------------------------------------------------------------------------------


class FormFault(BaseModel):
    """What is wrong in a cell of a form."""

    sheet: str | None
    row: int
    column: str
    value: str | None
    code: str
    facts: dict[str, Any]
    reason: str


class FormNote(BaseModel):
    """What deserves a look in a row that was loaded."""

    row: int
    code: str
    facts: dict[str, Any]


class FormTaken(BaseModel):
    """What became of a form's samples."""

    file: str
    n_new: int
    n_corrected: int
    n_unchanged: int
    n_not_filled: int
    n_refused: int
    n_loaded: int
    problems: list[FormFault]
    notes: list[FormNote]
    dry_run: bool


@router.post("/findings", openapi_extra=_WRITES)
def take(
    file: UploadFile, ask: Annotated[Ask, Query()], work: Database, lang: Language,
    dry_run: Annotated[bool, Form()] = False,
) -> FormTaken:  # fmt: skip
    """Hand a filled form in: good samples load and are scored, faults are told by their cell; again changes nothing."""
    with handed.file(file) as path:
        report = findings.take(work.but(keep=not dry_run), path)
    told = report.as_dict()
    problems = [x | {"reason": f.worded(lang)} for x, f in zip(told["problems"], report.problems, strict=True)]
    return FormTaken(**{**told, "problems": problems})
