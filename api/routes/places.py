"""/v1/grids: grids as GeoJSON, page by page; /v1/editions: the editions in order of time."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.deps import Ask, Database, Day, parse_bbox
from api.kept import made_of
from api.schemas import Edition
from api.signing import verb
from gridmgmt.places.operations import editions as edition_operations
from gridmgmt.places.operations import grids as operations_grids
from gridmgmt.places.operations.grids import GridPage

router = APIRouter(prefix="/v1", tags=["grids"], route_class=made_of("places", "day"))

MEDIA_TYPE = "application/geo+json"
_MAX_LIMIT = 10_000

EXAMPLE = {
    "type": "FeatureCollection",
    "edition": "2025",
    "numberMatched": 300,
    "numberReturned": 1,
    "links": [{"rel": "next", "type": MEDIA_TYPE, "href": "/v1/grids?level=community&limit=1&offset=1"}],
    "features": [
        {
            "type": "Feature",
            "id": "429901001001",
            "geometry": {"type": "MultiPolygon", "coordinates": [[[[113, 30], [114, 30], [114, 31], [113, 30]]]]},
            "properties": {
                "level": 4,
                "code": "429901001001",
                "parent_code": "429901001",
                "name_zh": "望湖社区",
                "name_en": "Wanghu Community",
                "kind": "community",
                "responsible": None,
                "area_m2": 1234567.8,
            },
        }
    ],
}
_GEOJSON: dict[int | str, dict[str, Any]] = {200: {"content": {MEDIA_TYPE: {"example": EXAMPLE}}}}


class AskEdition(Ask):
    """Which edition: by name, else the one valid on a day, else today's."""

    level: str | None = Field(None, description="Key, number or name of a level.", examples=["community"])
    edition: str | None = Field(None, description="Name of an edition.")
    on: Day | None = Field(None, description="A day: the edition valid on it.", examples=["2025-12-31"])


class AskGrids(AskEdition):
    """Which grids, and which page of them."""

    parent: str | None = Field(None, description="Code of the grid one level above.")
    bbox: str | None = Field(
        None, description="west,south,east,north: grids that touch the box.", examples=["113.9,30.1,114.1,30.3"]
    )
    limit: int = Field(1000, description="Grids on a page; `next` leads on.", ge=1, le=_MAX_LIMIT)
    offset: int = Field(0, ge=0, le=2**31)


@router.get("/grids", response_class=Response, responses=_GEOJSON, openapi_extra=verb("grids.read"))
def grids(ask: Annotated[AskGrids, Query()], request: Request, work: Database) -> Response:
    """Grids of an edition by level and code, as a GeoJSON FeatureCollection with links to the pages beside it.

    What does not stand on the page is never left out without a word: `numberMatched` counts all, `next` leads to the
    rest, as a member of `links` and in the header `Link`. The links name the edition, so pages fit together when
    another one becomes active meanwhile.
    """
    page = operations_grids.grids_page(
        work,
        edition=ask.edition,
        day=ask.on,
        level=ask.level,
        parent=ask.parent,
        bbox=parse_bbox(ask.bbox),
        limit=ask.limit,
        offset=ask.offset,
    )
    head = {
        "type": "FeatureCollection",
        "edition": page.edition,
        "numberMatched": page.n_matched,
        "numberReturned": len(page.grids),
        "links": (links := _links(request, page, ask.limit, ask.offset)),
    }
    features = ",".join(_feature(row) for row in page.grids)
    headers = {"Link": ", ".join(f'<{x["href"]}>; rel="{x["rel"]}"' for x in links)}
    return Response(f'{_members(head)},"features":[{features}]}}', media_type=MEDIA_TYPE, headers=headers)


@router.get(
    "/grids/{code}",
    response_class=Response,
    responses={200: {"content": {MEDIA_TYPE: {}}}},
    openapi_extra=verb("grids.read"),
)
def grid(code: str, ask: Annotated[AskEdition, Query()], work: Database) -> Response:
    """One grid as a GeoJSON Feature; `ancestors` leads from the city down to its parent."""
    found = operations_grids.grid(work, code, level=ask.level, edition=ask.edition, day=ask.on)
    more = {"edition": found.edition, "ancestors": [_properties(a) for a in found.ancestors]}
    return Response(_feature(found.grid, more), media_type=MEDIA_TYPE)


def _links(request: Request, page: GridPage, limit: int, offset: int) -> list[dict[str, str]]:
    offsets = {"self": offset}
    if offset + len(page.grids) < page.n_matched and page.grids:
        offsets["next"] = offset + limit
    if offset > 0:
        offsets["prev"] = max(0, offset - limit)
    whole = request.url.remove_query_params("on").include_query_params(edition=page.edition, limit=limit)
    return [
        {"rel": rel, "type": MEDIA_TYPE, "href": str(whole.include_query_params(offset=n))}
        for rel, n in offsets.items()
    ]


def _properties(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("level", "code", "parent_code", "name_zh", "name_en", "kind", "responsible", "area_m2")
    return {name: round(row[name], 1) if name == "area_m2" else row[name] for name in names}


def _feature(row: Mapping[str, Any], more: Mapping[str, Any] | None = None) -> str:
    """A Feature as text: the geometry comes from the database as JSON and is not read again."""
    head = _members({"type": "Feature", "id": row["code"], "properties": {**_properties(row), **(more or {})}})
    return f'{head},"geometry":{row["geometry"]}}}'


def _members(head: Mapping[str, Any]) -> str:
    """A JSON object left open for one more member."""
    return json.dumps(head, ensure_ascii=False)[:-1]


@router.get("/editions", openapi_extra=verb("grids.read"))
def editions(ask: Annotated[Ask, Query()], work: Database) -> list[Edition]:
    """Every edition: when it is valid, and what it was loaded from."""
    return [Edition.model_validate(edition_operations.as_json(e)) for e in edition_operations.list_editions(work)]
