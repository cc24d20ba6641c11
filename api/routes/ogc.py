"""/ogc: OGC API – Features, for QGIS, GDAL and whatever else speaks it."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from api.deps import Ask, Database, Language
from api.kept import made_of
from api.ogc import answers, documents
from api.ogc.documents import GEOJSON, HTML, JSON, SCHEMA
from gridmgmt.features.collections import Kind
from gridmgmt.features.operations import reading
from gridmgmt.features.operations.reading import Question
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
_FREE = {"x-verb": "grids.read"}


@router.get("", response_class=Response, responses=_DOCUMENT, openapi_extra=_FREE)
def landing(ask: Annotated[AskForm, Query()], request: Request, work: Database, lang: Language) -> Response:
    """What this service is, with links to all that it has."""
    html = answers.is_html(request, ask.f)
    found = documents.landing(request, reference.load_city(work), html, lang)
    return answers.document(found, html, lang, found["title"])


@router.get("/api", response_class=Response, responses=_answers(JSON), openapi_extra={"x-verb": "none"})
def api(ask: Annotated[AskForm, Query()], request: Request, lang: Language) -> Response:
    """This service's part of the application's OpenAPI document."""
    return answers.document(documents.api(request), False, lang, "")  # as plain JSON, which GDAL insists on


@router.get("/conformance", response_class=Response, responses=_DOCUMENT, openapi_extra={"x-verb": "none"})
def conformance(ask: Annotated[AskForm, Query()], request: Request, lang: Language) -> Response:
    """Which parts of the standards are kept."""
    title = word("ogc_conformance", lang=lang)
    return answers.document(documents.conformance(), answers.is_html(request, ask.f), lang, title)


@router.get("/collections", response_class=Response, responses=_DOCUMENT, openapi_extra=_FREE)
def collections(ask: Annotated[AskForm, Query()], request: Request, work: Database, lang: Language) -> Response:
    """All collections: grids, indicators of the last months, cases, samples, layers."""
    html, found = answers.is_html(request, ask.f), reading.catalogue(work)
    listed = documents.listing(request, found.city, found.collections, html, lang)
    return answers.document(listed, html, lang, word("ogc_collections", lang=lang))


@router.get("/collections/{collection}", response_class=Response, responses=_DOCUMENT, openapi_extra=_FREE)
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
    openapi_extra=_FREE,
)  # fmt: skip
def queryables(
    collection: str, ask: Annotated[AskForm, Query()], request: Request, work: Database, lang: Language
) -> Response:
    """What a filter may ask of a collection's features, as a JSON Schema."""
    own = reading.described(work, collection).collections[0].collection
    found = documents.queryables(request, own, lang)
    return answers.document(found, answers.is_html(request, ask.f), lang, found["title"], SCHEMA)


def _level(level: str) -> str:
    return f"grids-{level}"


def _indicators(level: str, period: str) -> str:
    return f"indicators-{level}-{period}"


def _layer(layer: str) -> str:
    return f"layers-{layer}"


def _cases() -> str:
    return "cases"


def _samples() -> str:
    return "samples"


_OF: dict[Kind, tuple[str, Callable[..., str], str, tuple[str, ...]]] = {
    "grids": ("grids-{level}", _level, "grids.read", ("places", "day")),
    "indicators": ("indicators-{level}-{period}", _indicators, "figures.read", ()),
    "cases": ("cases", _cases, "cases.read", ()),
    "samples": ("samples", _samples, "samples.read", ()),
    "layers": ("layers-{layer}", _layer, "grids.read", ("places", "day")),
}
"""Kind → how its collections are called, its verb, and what its answers are kept with."""


def _add(kind: Kind) -> None:
    """The routes of a kind's features: each kind has a verb of its own."""
    path, name, verb, changing = _OF[kind]
    own = APIRouter(prefix=f"/collections/{path}", route_class=made_of(*changing))

    @own.get("/items", name=f"{kind}_items", response_class=Response, responses=_answers(GEOJSON, HTML),
             openapi_extra={"x-verb": verb})  # fmt: skip
    def items(
        collection: Annotated[str, Depends(name)], ask: Annotated[AskFeatures, Query()], request: Request,
        work: Database, lang: Language,
    ) -> Response:  # fmt: skip
        """Features in the order of their ids, a page at a time; `next` loses and doubles nothing."""
        question = Question(**ask.model_dump(exclude={"f", "lang"}))
        return answers.features(
            request, reading.page(work, collection, question), answers.is_html(request, ask.f), lang
        )

    @own.get("/items/{fid:path}", name=f"{kind}_item", response_class=Response, responses=_answers(GEOJSON, HTML),
             openapi_extra={"x-verb": verb})  # fmt: skip
    def item(
        collection: Annotated[str, Depends(name)], fid: str, ask: Annotated[AskFeature, Query()], request: Request,
        work: Database, lang: Language,
    ) -> Response:  # fmt: skip
        """One feature."""
        found = reading.feature(work, collection, fid, datetime=ask.datetime, crs=ask.crs)
        return answers.feature(request, found, answers.is_html(request, ask.f), lang)

    router.include_router(own)


for _kind in _OF:
    _add(_kind)
