"""/v1/rulebooks and /v1/whatif: the rules as data – listed, shown, tried out, compared, computed from inputs.

A rulebook of the installation is named by its id; another one comes by its content. No name leads to a file.
"""

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, File, Form, Query, Request, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from api import handed
from api.asked import TYPES, accepted
from api.deps import Ask, Database, Day, FileLanguage, Language
from api.once import OnceRoute
from api.signing import verb
from gridmgmt import bounds
from gridmgmt.assessing.exports.entry_form import entry_form
from gridmgmt.assessing.operations import rulebooks, subjects
from gridmgmt.assessing.operations import whatif as supposing
from gridmgmt.errors import FileUnreadable, OptionInvalid, by_parser
from gridmgmt.periods import parse_period, parse_range
from gridmgmt.rulebooks.diff import Difference
from gridmgmt.rulebooks.document import change_of
from gridmgmt.rulebooks.dossier import stage_asked
from gridmgmt.rulebooks.exports.input_text import inputs_json
from gridmgmt.rulebooks.exports.listing_text import listed_words, trial_json, trial_words
from gridmgmt.rulebooks.exports.rulebook_text import rulebook_text
from gridmgmt.rulebooks.model import Rulebook
from gridmgmt.rulebooks.sampling import plan_on_paper
from gridmgmt.scorecards.exports.whatif_tables import document

router = APIRouter(prefix="/v1", tags=["rulebooks"], route_class=OnceRoute)

_ID = r"^\w{1,100}(@\d{1,9})?$"
_Change = Annotated[str, Field(max_length=1_000)]
_JSON = {"content": {"application/json": {"schema": {"type": "object", "additionalProperties": True}}}}
_READ = verb("results.compare")


class RulebookEntry(BaseModel):
    """One version of a rulebook; of one that is faulty, or not in force that day, ``told`` says why."""

    id: str
    version: int | None = None
    title: str | None = None
    population: str | None = None
    stages: list[str] | None = None
    valid: str | None = None
    told: str | None = None


class PaperUnits(BaseModel):
    """So many units of one kind, and the samples of each by type and object."""

    units: str
    n_units: int
    n_each: int
    n: int
    plan: dict[str, dict[str, int]]


class PaperPlan(BaseModel):
    """What a month's plan of samples comes to."""

    n: int
    units: list[PaperUnits]
    objects: dict[str, int]


class RulebookFault(BaseModel):
    """An example, or an option of a reading, that does not come out."""

    tried: dict[str, str]
    problems: list[str]


class RulebookTrial(BaseModel):
    """A rulebook that was tried out; ``text`` says it in the reader's language."""

    file: str
    sha256: str
    examples: int
    options: int
    faults: list[RulebookFault]
    text: list[str]


class RulebookDifference(BaseModel):
    """One difference between two rulebooks."""

    what: str
    id: str
    title: dict[str, str]
    key: str | None
    change: str
    old: Any = None
    new: Any = None


class RulebookTemplate(BaseModel):
    """The files of a rulebook to start from."""

    files: dict[str, str]


class AskRulebooks(Ask):
    """Of which day."""

    on: Day | None = Field(None, description="Only what is in force on that day.")


class AskRulebook(Ask):
    """As a document, or in words."""

    format: Literal["json", "text"] = "json"


class AskInputs(Ask):
    """Of which period, and whether as the form to fill."""

    period: str | None = Field(None, max_length=60, examples=["2025-12"])
    subjects: bool = Field(False, description="In the form: those whom the city's rulebook assesses.")
    format: Literal["json", "xlsx"] | None = Field(None, description="Default: by Accept, else json.")


class AskSamples(Ask):
    """Units on paper."""

    units: list[Annotated[str, Field(max_length=200)]] = Field(
        min_length=1, max_length=50, examples=[["street=4", "street+no_market=1"]]
    )


class AskTemplate(Ask):
    """Its id."""

    name: str = Field("my_rulebook", max_length=100)


class AskEvaluation(Ask):
    """Under which changes."""

    set: list[_Change] = Field(default=[], max_length=50, description="PATH=VALUE, as of a what-if.")


class Supposed(BaseModel):
    """Other rules over periods that were assessed."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    rulebook: str = Field(pattern=_ID, examples=["grid_baseline"])
    set: list[_Change] = Field(
        default=[], max_length=50, examples=[["closing.points=20", "on_time_closing.points=40"]],
        description="PATH=VALUE each.",
    )  # fmt: skip
    period: str = Field(max_length=60, examples=["2025-12", "2025-01..2025-12"])
    with_: str | None = Field(None, alias="with", pattern=_ID, description="Another rulebook or version.")
    most: int | None = Field(None, ge=1, le=1_000_000, description="Tell only so many of those that move most.")


@router.get("/rulebooks", openapi_extra=_READ, response_model_exclude_none=True)
def listing(ask: Annotated[AskRulebooks, Query()], work: Database, lang: Language) -> list[RulebookEntry]:
    """Every rulebook and version: whom it assesses, in which periods, when it is in force."""
    return [RulebookEntry(**listed_words(entry, lang)) for entry in rulebooks.listing(work, ask.on)]


@router.get("/rulebooks/schema", openapi_extra=_READ, responses={200: _JSON})
def schema(ask: Annotated[Ask, Query()], work: Database) -> dict[str, Any]:
    """The JSON Schema by which editors complete and check rulebook.yaml."""
    return rulebooks.json_schema(work)


@router.get("/rulebooks/template", openapi_extra=_READ)
def template(ask: Annotated[AskTemplate, Query()], work: Database) -> RulebookTemplate:
    """A commented rulebook to start from, with worked examples; it passes the check at once."""
    return RulebookTemplate(files=rulebooks.template(work, ask.name))


@router.post("/rulebooks/check", openapi_extra=verb("results.write"))
def check(
    ask: Annotated[Ask, Query()],
    work: Database,
    lang: Language,
    file: UploadFile,
    examples: Annotated[UploadFile | None, File()] = None,
) -> RulebookTrial:
    """Read a rulebook, run the worked examples handed in with it, and read it under every option of its readings."""
    with handed.files([file] if examples is None else [file, examples]) as (path, *more):
        found = rulebooks.check(work, path, more[0] if more else None)
        loaded, tried, missing = found.loaded, found.trial, None if found.has_examples else "examples.yaml"
        text = [line[lang] for line in trial_words(loaded, path.name, tried, missing)]
        return RulebookTrial(**trial_json(loaded, path.name, tried), text=text)


@router.post("/rulebooks/diff", openapi_extra=_READ)
def diff(
    ask: Annotated[Ask, Query()],
    work: Database,
    old: Annotated[str | None, Form(max_length=200)] = None,
    new: Annotated[str | None, Form(max_length=200)] = None,
    files: Annotated[list[UploadFile] | None, File()] = None,
) -> list[RulebookDifference]:
    """What differs between two rulebooks: ``old`` and ``new`` by id, or two ``files``, which results.write may send."""
    if files is None and old is not None and new is not None:
        return _told(rulebooks.differences(work, old, new))
    if files is None or old is not None or new is not None or len(files) != 2:
        raise OptionInvalid(name="files", value=str(len(files or ())), expected="old + new / files × 2")
    with handed.files(files) as (before, after):
        return _told(rulebooks.differences_of_files(work, before, after))


def _told(found: list[Difference]) -> list[RulebookDifference]:
    return [RulebookDifference(**d.plain) for d in found]


@router.get(
    "/rulebooks/{rulebook}",
    openapi_extra=_READ,
    response_class=Response,
    responses={200: {"content": {"application/json": _JSON["content"]["application/json"], "text/plain": {}}}},
)
def show(rulebook: str, ask: Annotated[AskRulebook, Query()], work: Database, lang: Language) -> Any:
    """A whole rulebook, as a document (see /v1/rulebooks/schema) or in words."""
    found = rulebooks.one(work, rulebook).rulebook
    if ask.format == "text":
        return Response(rulebook_text(found, lang), media_type="text/plain; charset=utf-8")
    return Response(found.model_dump_json(by_alias=True), media_type="application/json")


@router.get(
    "/rulebooks/{rulebook}/inputs",
    response_model=list[dict[str, Any]],
    responses={200: {"content": {TYPES["xlsx"]: {}}}},
    openapi_extra=_READ,
)
def inputs(
    rulebook: str, ask: Annotated[AskInputs, Query()], request: Request, work: Database, written: FileLanguage
) -> Any:
    """What a rulebook must be told, in which codes, counted or handed in and why; as xlsx the form to fill."""
    book = rulebooks.one(work, rulebook).rulebook
    stage = stage_asked(book, ask.period) if ask.period else None
    if (ask.format or accepted(request, ("json", "xlsx"))) == "xlsx":
        return _form(work, book, ask, written)
    if ask.subjects:
        raise OptionInvalid(name="subjects", value="true", expected="format=xlsx")
    return inputs_json(book, stage)


def _form(work: Database, book: Rulebook, ask: AskInputs, written: str | None) -> Response:
    period = parse_period(ask.period) if ask.period else None
    stage = stage_asked(book, ask.period) if ask.period else book.stages[0]
    whom = subjects.assessed_by(work, book, period.last if period else None) if ask.subjects else ()
    content = entry_form(book, stage.id, period.label if period else None, whom, written)
    name = quote("-".join([book.id, *([period.label] if period else [])]), safe="")
    saved = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}.xlsx"}
    return Response(content, media_type=TYPES["xlsx"], headers=saved)


@router.get("/rulebooks/{rulebook}/samples", openapi_extra=_READ)
def samples(rulebook: str, ask: Annotated[AskSamples, Query()], work: Database) -> PaperPlan:
    """How many samples a month's plan asks for, on paper figures: so many units of a group, some without something."""
    return PaperPlan(**plan_on_paper(rulebooks.one(work, rulebook).rulebook.samples, ask.units).plain)


async def _document(request: Request) -> str:
    """The body as it was written: numbers count as they stand there."""
    body = await request.body()
    bounds.hold(Path("inputs"), "document_mb", len(body))
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise FileUnreadable(file="inputs", reason=by_parser(e)) from e


@router.post(
    "/rulebooks/{rulebook}/evaluation",
    openapi_extra={**_READ, "requestBody": {"required": True, **_JSON}},
)
def evaluation(
    rulebook: str,
    ask: Annotated[AskEvaluation, Query()],
    work: Database,
    given: Annotated[str, Depends(_document)],
) -> list[dict[str, Any]]:
    """Compute a rulebook from inputs (subjects and periods), nothing saved: every point with its reason."""
    return rulebooks.evaluate(work, rulebook, given, [change_of(text) for text in ask.set])


@router.post("/whatif", openapi_extra=verb("results.write"))
def whatif(given: Supposed, ask: Annotated[Ask, Query()], work: Database) -> dict[str, Any]:
    """What would move under other rules: totals, ranks, grades, consequences, and by which items. Nothing is saved."""
    if not given.set and given.with_ is None:
        raise OptionInvalid(name="set", value="", expected="set / with")
    changes = [change_of(text) for text in given.set]
    found = supposing.whatif(work, given.rulebook, *parse_range(given.period), changes, given.with_)
    return document(found, given.most)
