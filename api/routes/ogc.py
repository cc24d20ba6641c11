"""/ogc: OGC API – Features, for QGIS, GDAL and whatever else speaks it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from api.deps import Ask, Database, Language
from api.kept import made_of
from api.ogc import answers, documents
from api.ogc.documents import GEOJSON, HTML, JSON, SCHEMA
from api.signing import OPEN, verb
from gridmgmt.database.work import Work
from gridmgmt.features.collections import VERBS, Kind
from gridmgmt.features.operations import reading
from gridmgmt.features.operations.reading import Page, Question
from gridmgmt.people.operations import reference
from gridmgmt.texts import word

router = APIRouter(prefix="/ogc", tags=["ogc"], route_class=made_of())


class AskForm(Ask):
    """In which form an answer is wanted."""

    f: Literal["json", "html"] | None = Field(None, description="Form of the answer; default: what Accept names.")


class AskFeature(AskForm):
    """One feature: of which time, in which system."""

    datetime: str | None = Field(
        None,
        description="A day, an instant, or two of them with a slash between (`..`: open).",
        examples=["2025-12-31", "2025-12-01/2025-12-31"],
    )
    crs: str | None = Field(None, description="System of the coordinates, by URI; default CRS84.")


class AskFeatures(AskFeature):
    """Which features of a collection, and how many on a page."""

    limit: int = Field(1000, ge=1, le=2**31, description="Features on a page; `next` leads on. At most 10 000.")
    cursor: str | None = Field(None, description="Where a page begins: from a `next` link.")
    bbox: str | None = Field(None, description="Features that touch a box; corners in the axes of `bbox-crs`.")
    bbox_crs: str | None = Field(None, alias="bbox-crs", description="System of `bbox`, by URI; default CRS84.")
    filter: str | None = Field(None, description="A condition in CQL2.", examples=["status = 'closed'"])
    filter_lang: Literal["cql2-text", "cql2-json", "cql-text"] = Field(
        "cql2-text", alias="filter-lang", description="`cql-text` is what GDAL calls `cql2-text`."
    )
    filter_crs: str | None = Field(None, alias="filter-crs", description="System of a filter's shapes; default CRS84.")


def _answers(*media: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {x: {} for x in media}}}


_DOCUMENT = _answers(JSON, HTML)
_READ = verb("grids.read")


@router.get("", response_class=Response, responses=_DOCUMENT, openapi_extra=_READ)
def landing(ask: Annotated[AskForm, Query()], request: Request, work: Database, lang: Language) -> Response:
    """What this service is, with links to all that it has."""
    html = answers.is_html(request, ask.f)
    found = documents.landing(request, reference.load_city(work), html, lang)
    return answers.document(found, html, lang, found["title"])


@router.get("/api", response_class=Response, responses=_answers(JSON), openapi_extra=verb(OPEN))
def api(ask: Annotated[AskForm, Query()], request: Request, lang: Language) -> Response:
    """This service's part of the application's OpenAPI document."""
    return answers.document(documents.api(request), False, lang, "")  # as plain JSON, which GDAL insists on


@router.get("/conformance", response_class=Response, responses=_DOCUMENT, openapi_extra=verb(OPEN))
def conformance(ask: Annotated[AskForm, Query()], request: Request, lang: Language) -> Response:
    """Which parts of the standards are kept."""
    title = word("ogc_conformance", lang=lang)
    return answers.document(documents.conformance(), answers.is_html(request, ask.f), lang, title)


@router.get("/collections", response_class=Response, responses=_DOCUMENT, openapi_extra=_READ)
def collections(ask: Annotated[AskForm, Query()], request: Request, work: Database, lang: Language) -> Response:
    """All collections: grids, indicators of the last months, cases, samples, layers."""
    html, found = answers.is_html(request, ask.f), reading.catalogue(work)
    listed = documents.listing(request, found.city, found.collections, html, lang)
    return answers.document(listed, html, lang, word("ogc_collections", lang=lang))


@router.get("/collections/{collection}", response_class=Response, responses=_DOCUMENT, openapi_extra=_READ)
def collection(
    collection: str, ask: Annotated[AskForm, Query()], request: Request, work: Database, lang: Language
) -> Response:
    """One collection: what, where and when its features are."""
    html, found = answers.is_html(request, ask.f), reading.described(work, collection)
    (own,) = found.collections
    return answers.document(
        documents.described(request, found.city, own, html, lang), html, lang, documents.title(own.collection, lang)
    )


@router.get(
    "/collections/{collection}/queryables", response_class=Response, responses=_answers(SCHEMA, HTML),
    openapi_extra=_READ,
)  # fmt: skip
def queryables(
    collection: str, ask: Annotated[AskForm, Query()], request: Request, work: Database, lang: Language
) -> Response:
    """What a filter may ask of a collection's features, as a JSON Schema."""
    own = reading.described(work, collection).collections[0].collection
    found = documents.queryables(request, own, lang)
    return answers.document(found, answers.is_html(request, ask.f), lang, found["title"], SCHEMA)


@dataclass(frozen=True)
class _Of:
    """How the features of a kind are asked for: below which addresses, and by which use case.

    ``changing``: what their answers are kept with; nothing: everything.
    """

    path: str
    id_of: Callable[..., str]
    read: Callable[[Work, str, Question], Page]
    changing: tuple[str, ...] = ()


def _grids(level: str) -> str:
    return f"grids-{level}"


def _indicators(level: str, period: str) -> str:
    return f"indicators-{level}-{period}"


def _layer(layer: str) -> str:
    return f"layers-{layer}"


_KINDS: dict[Kind, _Of] = {
    "grids": _Of("grids-{level}", _grids, reading.grids, ("places", "day")),
    "indicators": _Of("indicators-{level}-{period}", _indicators, reading.indicators),
    "cases": _Of("cases", lambda: "cases", reading.cases),
    "samples": _Of("samples", lambda: "samples", reading.samples),
    "layers": _Of("layers-{layer}", _layer, reading.layer, ("places", "day")),
}


def _add(kind: Kind, of: _Of) -> None:
    """The routes of a kind's features: each kind asks for a verb of its own."""
    own = APIRouter(prefix=f"/collections/{of.path}", route_class=made_of(*of.changing))
    told: dict[str, Any] = {
        "response_class": Response, "responses": _answers(GEOJSON, HTML), "openapi_extra": verb(VERBS[kind]),
    }  # fmt: skip

    @own.get("/items", name=f"{kind}_items", **told)
    def items(
        collection: Annotated[str, Depends(of.id_of)], ask: Annotated[AskFeatures, Query()], request: Request,
        work: Database, lang: Language,
    ) -> Response:  # fmt: skip
        """Features in the order of their ids, a page at a time; `next` loses and doubles nothing."""
        question = Question(**ask.model_dump(exclude={"f", "lang"}))
        return answers.features(request, of.read(work, collection, question), answers.is_html(request, ask.f), lang)

    @own.get("/items/{fid:path}", name=f"{kind}_item", **told)
    def item(
        collection: Annotated[str, Depends(of.id_of)], fid: str, ask: Annotated[AskFeature, Query()], request: Request,
        work: Database, lang: Language,
    ) -> Response:  # fmt: skip
        """One feature."""
        found = of.read(work, collection, Question(key=fid, datetime=ask.datetime, crs=ask.crs))
        return answers.feature(request, found, answers.is_html(request, ask.f), lang)

    router.include_router(own)


for _kind, _of in _KINDS.items():
    _add(_kind, _of)
