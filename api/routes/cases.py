"""/v1/cases: found, opened, acted on one by one or in bulk; their clocks, likely duplicates and photographs."""

import datetime as dt
import re
from typing import Annotated, Any, Literal

import shapely
from fastapi import APIRouter, Form, Header, Query, Request, Response, UploadFile
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from shapely.errors import ShapelyError

from api import errors, handed
from api.deps import Ask, Database, language, next_page, parse_bbox
from api.once import OnceRoute
from api.signing import verb
from gridmgmt.casework.cases import Case, Step
from gridmgmt.casework.operations import cases, lookup, photographs, repeats, requests
from gridmgmt.casework.operations.requests import Outcome
from gridmgmt.database.work import Work
from gridmgmt.errors import CaseMissing, GridmgmtError, OptionInvalid
from gridmgmt.settings import Settings
from gridmgmt.texts import word

router = APIRouter(prefix="/v1", tags=["cases"], route_class=OnceRoute)

_MOST_STEPS = 2_000
_BY_DEFAULT, _MOST_ROWS = 100, 1_000


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Reporter(_Body):
    """Who reported it; told only to whoever may see reporters."""

    name: str | None = Field(None, max_length=200)
    phone: str | None = Field(None, max_length=60)


class NewCase(_Body):
    """A case to be opened (上报); its grids and the unit that will answer are found from place and class."""

    source: str = Field(max_length=200, examples=["监督员上报"])
    category: str | None = Field(None, max_length=60, examples=["matter:07001"])
    lon: float | None = Field(None, allow_inf_nan=False, examples=[114.005])
    lat: float | None = Field(None, allow_inf_nan=False, examples=[30.005])
    crs: str = Field("epsg:4490", max_length=40)
    address: str | None = Field(None, max_length=1_000)
    description: str | None = Field(None, max_length=10_000)
    case_no: str | None = Field(None, max_length=64, description="Default: the next number of its day.")
    at: AwareDatetime | None = Field(None, description="When it was reported; default: now.")
    reporter: Reporter | None = None


class NewStep(_Body):
    """A step with a case (办理步骤); ``facts`` as the step takes them."""

    kind: str = Field(max_length=40, examples=["answer"])
    unit: str | None = Field(None, max_length=60)
    reason: str | None = Field(None, max_length=10_000)
    at: AwareDatetime | None = None
    facts: dict[str, Any] = Field(default={}, max_length=40)


class StepOf(NewStep):
    """One of several steps: of which case, and which version of it was seen."""

    case_no: str = Field(max_length=64)
    version: int | None = Field(None, ge=0)


class ManySteps(_Body):
    """Steps in the order in which they are to be taken; one that is refused keeps no other back."""

    steps: list[StepOf] = Field(max_length=_MOST_STEPS)


class TakenStep(BaseModel):
    """One step that was taken."""

    seq: int
    kind: str
    at: dt.datetime
    actor: str
    unit: str | None
    reason: str | None
    origin: str
    facts: dict[str, Any]


class CaseState(BaseModel):
    """A case as it is; ``version`` is the number of its steps, and its ETag."""

    case_no: str
    version: int
    state: str
    category: str | None
    source: str | None
    unit: str | None
    lon: float | None
    lat: float | None
    address: str | None
    description: str | None
    reported_at: dt.datetime | None
    due_at: dt.datetime | None
    due_extended_at: dt.datetime | None
    closed_at: dt.datetime | None


class WholeCase(CaseState):
    """A case with its steps, marks, grids and what may be done with it next."""

    grids: list[dict[str, Any]]
    marks: list[str]
    legal: list[str]
    steps: list[TakenStep]
    repeat_of: str | None
    repeated_by: list[str]


class Took(BaseModel):
    """What became of one step: the case's version since, or what was wrong, as a problem."""

    case_no: str | None
    version: int | None
    state: str | None
    is_there: bool = Field(False, description="It had been taken before.")
    problem: dict[str, Any] | None = None


class Page(BaseModel):
    """Cases in the order in which they came in; ``next`` asks for those behind them, and is null at the end."""

    rows: list[dict[str, Any]]
    next: str | None


class Clock(BaseModel):
    """The clock of one stage (环节时限)."""

    stage: str
    started_at: dt.datetime
    ended_at: dt.datetime | None
    due_at: dt.datetime | None
    extended_at: dt.datetime | None
    light: str | None


class AskCases(Ask):
    """Which cases, which of their columns, and in which order."""

    state: list[str] = Field(default=[], max_length=40)
    unit: str | None = Field(None, max_length=60)
    grid: str | None = Field(None, max_length=60)
    category: str | None = Field(None, max_length=60, examples=["matter:07*"])
    overdue: bool = False
    text: str | None = Field(None, max_length=200, description="In number, address or description.")
    reported_from: AwareDatetime | None = None
    reported_to: AwareDatetime | None = None
    bbox: str | None = Field(None, max_length=200, description="west,south,east,north in degrees.")
    polygon: str | None = Field(None, max_length=100_000, description="A polygon as WKT, in degrees.")
    fields: str | None = Field(None, max_length=1_000, description="Columns, parted by commas; default: all.")
    sort: Literal["newest", "oldest"] = "newest"
    limit: int = Field(_BY_DEFAULT, ge=1, le=_MOST_ROWS)
    after: int | None = Field(None, ge=0, le=2**62, description="As ``next`` has it.")


def _tag(case: Case) -> str:
    return f'"{case.n_steps}"'


def _tag_of(found: lookup.Shown) -> str:
    """The tag of a case that is read: one that only imports tell of changes with these, without a step of its own."""
    if not found.is_derived:
        return _tag(found.case)
    return f'"{found.case.n_steps}.{int(found.row["version_at"].timestamp())}"'


def _seen(if_match: str | None) -> int | None:
    """The version that If-Match names; ``*`` or none: whatever there is."""
    if if_match is None or if_match.strip() == "*":
        return None
    named = re.fullmatch(r'"(\d{1,9})(\.\d{1,12})?"', if_match.strip())
    if named is None:
        raise OptionInvalid(name="If-Match", value=if_match[:100], expected='"N" / *')
    return int(named[1])


def _state(case: Case) -> dict[str, Any]:
    same = (
        "case_no", "state", "category", "source", "lon", "lat", "address", "description", "reported_at", "due_at",
        "due_extended_at", "closed_at",
    )  # fmt: skip
    return {"version": case.n_steps, "unit": case.unit_code, **{name: getattr(case, name) for name in same}}


def _step(n: int, step: Step) -> TakenStep:
    return TakenStep(
        seq=step.seq or n, kind=step.kind, at=step.at, actor=step.actor, unit=step.unit_code, reason=step.reason,
        origin=step.origin, facts=dict(step.facts),
    )  # fmt: skip


@router.get("/cases", openapi_extra=verb("cases.read"))
def search(ask: Annotated[AskCases, Query()], request: Request, work: Database) -> Page:
    """Cases by state, unit, grid, class, period, place and text; each that is there at the first page comes once."""
    wanted = lookup.Wanted(
        tuple(ask.state), ask.unit, ask.grid, ask.category, ask.overdue, ask.text, ask.reported_from, ask.reported_to,
        _area(ask),
    )  # fmt: skip
    rows = lookup.search(work, wanted, limit=ask.limit, after=ask.after, newest_first=ask.sort == "newest")
    last = rows[-1]["id"] if len(rows) == ask.limit else None
    columns = _columns(ask.fields)
    shown = [{k: v for k, v in row.items() if k != "id" and (columns is None or k in columns)} for row in rows]
    return Page(rows=shown, next=None if last is None else next_page(request, after=last))


def _columns(fields: str | None) -> set[str] | None:
    return None if fields is None else {name.strip() for name in fields.split(",") if name.strip()}


def _area(ask: AskCases) -> str | None:
    if ask.bbox is not None and ask.polygon is not None:
        raise OptionInvalid(name="polygon", value=ask.polygon[:60], expected="bbox / polygon")
    box = parse_bbox(ask.bbox)
    if box is not None:
        return str(shapely.box(*box).wkt)
    if ask.polygon is None:
        return None
    try:
        area = shapely.from_wkt(ask.polygon)
    except (ShapelyError, UnicodeDecodeError) as e:  # what GEOS says is cut within a character
        raise OptionInvalid(name="polygon", value=ask.polygon[:60], expected="POLYGON ((…))") from e
    if area.geom_type not in ("Polygon", "MultiPolygon") or not area.is_valid:
        raise OptionInvalid(name="polygon", value=ask.polygon[:60], expected="POLYGON ((…))")
    return str(area.wkt)


@router.post("/cases", status_code=201, openapi_extra=verb("cases.open"))
def open_case(given: NewCase, ask: Annotated[Ask, Query()], response: Response, work: Database) -> CaseState:
    """Open a case; a case of its own number is refused if there is one already."""
    told = given.model_dump(include={"source", "category", "lon", "lat", "address", "description"}, exclude_none=True)
    if given.lon is not None:
        told["crs"] = given.crs
    contact = (given.reporter.name, given.reporter.phone) if given.reporter else None
    asked = requests.Request("report", work.by, given.case_no, given.at, facts=told, reporter=contact)
    case = _taken(work, asked)
    response.headers.update({"ETag": _tag(case), "Location": f"/v1/cases/{case.case_no}"})
    return CaseState(**_state(case))


def _taken(work: Work, asked: requests.Request) -> Case:
    (outcome,) = cases.take(work, [asked])
    if outcome.fault is not None:
        raise outcome.fault
    if outcome.case is None:
        raise CaseMissing(case_no=asked.case_no or "")
    return outcome.case


@router.get("/cases/{case_no}", openapi_extra=verb("cases.read"))
def show(
    case_no: str, ask: Annotated[Ask, Query()], response: Response, work: Database,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Any:  # fmt: skip
    """One case with its steps and what may be done with it next; its ETag is its version."""
    found = lookup.show_case(work, case_no)
    tag = _tag_of(found)
    if if_none_match is not None and (if_none_match.strip() == "*" or tag in re.findall(r'"[^"]*"', if_none_match)):
        return Response(status_code=304, headers={"ETag": tag})
    response.headers["ETag"] = tag
    return WholeCase(
        **_state(found.case), grids=[dict(g) for g in found.grids], marks=found.marks, legal=[*found.legal],
        steps=[_step(n, s) for n, s in enumerate(found.steps, 1)], repeat_of=found.case.repeat_of,
        repeated_by=[*found.repeated_by],
    )  # fmt: skip


@router.post("/cases/{case_no}/steps", status_code=201, openapi_extra=verb("cases.read"))
def take_step(
    case_no: str, given: NewStep, ask: Annotated[Ask, Query()], response: Response, work: Database,
    if_match: Annotated[str | None, Header()] = None,
) -> CaseState:  # fmt: skip
    """Take one step; with If-Match only if nobody was quicker, and 412 says who and what it was otherwise."""
    asked = requests.Request(
        given.kind, work.by, case_no, given.at, given.unit, given.reason, given.facts, _seen(if_match)
    )
    case = _taken(work, asked)
    response.headers["ETag"] = _tag(case)
    return CaseState(**_state(case))


@router.post("/steps", openapi_extra=verb("cases.read"))
def take_steps(given: ManySteps, ask: Annotated[Ask, Query()], request: Request, work: Database) -> list[Took]:
    """Take many steps, each once or not at all; what was wrong with one is told in its place."""
    asked = [
        requests.Request(s.kind, work.by, s.case_no, s.at, s.unit, s.reason, s.facts, s.version) for s in given.steps
    ]
    lang = language(request)
    return [_took(outcome, lang) for outcome in cases.take(work, asked)]


def _took(outcome: Outcome, lang: str) -> Took:
    case, fault = outcome.case, outcome.fault
    if case is not None:
        return Took(case_no=case.case_no, version=case.n_steps, state=case.state, is_there=False)
    told = None if fault is None else _problem(fault, lang)
    return Took(case_no=outcome.request.case_no, version=None, state=None, is_there=fault is None, problem=told)


def _problem(fault: GridmgmtError, lang: str) -> dict[str, Any]:
    status = errors.status_of(type(fault))
    return {"status": status, "code": fault.code, "detail": word(fault.code, fault.facts, lang), "facts": fault.facts}


@router.get("/cases/{case_no}/clock", openapi_extra=verb("cases.read"))
def clock(case_no: str, ask: Annotated[Ask, Query()], work: Database) -> list[Clock]:
    """The clock of every stage that the case has begun, with its light: green, yellow, red."""
    _, found = lookup.clocks(work, case_no)
    return [
        Clock(
            stage=c.stage, started_at=c.started_at, ended_at=c.ended_at, due_at=c.due_at, extended_at=c.extended_at,
            light=c.light.colour if c.light else None,
        )
        for c in found
    ]  # fmt: skip


@router.get("/cases/{case_no}/duplicates", openapi_extra=verb("cases.read"))
def duplicates(case_no: str, ask: Annotated[Ask, Query()], work: Database) -> list[dict[str, Any]]:
    """Other cases near by, of its class and time, which it may repeat."""
    found = lookup.show_case(work, case_no)
    return repeats.suspects_of(work, [found.case]).get(case_no, [])


@router.get("/cases/{case_no}/photographs", openapi_extra=verb("cases.read"))
def list_photographs(case_no: str, ask: Annotated[Ask, Query()], work: Database) -> list[dict[str, Any]]:
    """The photographs and files of a case."""
    return photographs.listed(work, case_no=case_no)


@router.post("/cases/{case_no}/photographs", status_code=201, openapi_extra=verb("cases.read"))
def add_photographs(
    case_no: str, ask: Annotated[Ask, Query()], request: Request, work: Database, files: list[UploadFile],
    kind: Annotated[Literal["before", "after", "evidence"], Form()] = "evidence",
    step: Annotated[int | None, Form(ge=1, le=2**31 - 1)] = None,
    caption: Annotated[str | None, Form(max_length=1_000)] = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Add photographs or files to a case or to one of its steps: before, after, evidence (处置前、处置后、证据)."""
    settings: Settings = request.app.state.settings
    with handed.files(files) as paths:
        added = photographs.add(
            work, settings.files_root, paths, kind=kind, case_no=case_no, step_seq=step, caption=caption
        )
    return [a.as_dict() for a in added]


class AskFile(Ask):
    """In which form."""

    form: Literal["original", "clean", "thumbnail"] = "clean"


@router.get("/files/{sha256}", response_class=Response, openapi_extra=verb("cases.read"))
def read_file(sha256: str, ask: Annotated[AskFile, Query()], request: Request, work: Database) -> Response:
    """A photograph or file of a case that one may see; ``clean`` is without what the camera noted."""
    settings: Settings = request.app.state.settings
    content, media_type = photographs.read(work, settings.files_root, sha256, ask.form)
    headers = {"Content-Security-Policy": "default-src 'none'; sandbox", "Cache-Control": "private, max-age=3600"}
    return Response(content, media_type=media_type, headers=headers)
