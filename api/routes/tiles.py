"""/tiles: vector tiles of grids, of an assessment's figures and of a period's, with what clients open them by."""

from collections.abc import Awaitable, Callable, Hashable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import Field

from api import tilesets
from api.deps import Ask, Database, Day, Language
from api.kept import Kept, made_of
from api.routes.figures import cut_off
from api.signing import OPEN, verb
from api.tilesets import MVT, QUAD, Tileset
from gridmgmt.assessing.operations import browsing
from gridmgmt.assessing.operations.browsing import TOTAL
from gridmgmt.database.changes import EVERYTHING
from gridmgmt.database.work import Work
from gridmgmt.errors import TileMissing
from gridmgmt.figures.operations import indicators
from gridmgmt.people.operations import reference
from gridmgmt.periods import parse_period
from gridmgmt.places.operations import tiles
from gridmgmt.places.tiles import DEEPEST, Ground, Tile, rounded
from gridmgmt.texts import LANGUAGES, word
from maps import drawing as map_drawing
from maps import tiles as drawn_tiles
from maps.tiles import Figure

router = APIRouter(prefix="/tiles", tags=["tiles"], route_class=made_of("places", "assessing"))

Zoom = Annotated[int, Path(ge=0, le=DEEPEST, description="Zoom (tile matrix).")]
Index = Annotated[int, Path(ge=0, description="Column from the west, row from the north.")]

_GLYPHS = "application/x-protobuf"
_TILE: dict[int | str, dict[str, Any]] = {200: {"content": {MVT: {}}}, 204: {"description": "Nothing stands there."}}


class AskGrids(Ask):
    """Which edition: by name, else the one valid on a day, else today's."""

    edition: str | None = Field(None, description="Name of an edition.")
    on: Day | None = Field(None, description="A day: the edition valid on it.", examples=["2025-12-31"])


class AskScores(Ask):
    """Which assessment, and what of it."""

    assessment: str = Field("latest", description="Name of an assessment.")
    indicator: str = Field(TOTAL, description="total, a rate or a count.", examples=["on_time_closing_rate"])


class AskFigures(Ask):
    """A period, one of its figures, and the data cut-off."""

    period: str = Field(description="2025-12, 2025-Q4, 2025 …", examples=["2025-12"])
    indicator: str = Field(description="A rate or a count.", examples=["on_time_closing_rate"])
    as_of: str | None = Field(None, description="Data cut-off (ISO 8601, city time without offset); default: the end.")


async def _grids(level: str, ask: Annotated[AskGrids, Query()], request: Request, work: Database) -> Tileset:
    kept: Kept = request.app.state.kept
    key = ("tiles", "grids", level, ask.edition or ask.on)
    found = await kept.within(
        request, key, ("places", "day"), lambda: tiles.named(work, level, edition=ask.edition, day=ask.on)
    )
    title = {x: f"{found.city.name(x)} · {getattr(found.level, x)}" for x in LANGUAGES}
    query = {"edition": found.edition}
    return Tileset(f"grids-{found.level.key}", query, title, found.level.number, found.edition, found.facts)


async def _scores(level: str, ask: Annotated[AskScores, Query()], request: Request, work: Database) -> Tileset:
    def figure() -> Figure:
        stored = browsing.mapped(work, ask.assessment)
        data = browsing.assessment_map(work, stored.name, ask.indicator)
        query = {"assessment": stored.name, "indicator": ask.indicator}
        return drawn_tiles.figure(query, data, *map_drawing.assessed(stored, data, ask.indicator))

    kept: Kept = request.app.state.kept
    key = ("tiles", "scores", ask.assessment, ask.indicator, _seen_by(work))
    return _tileset("scores", level, await kept.within(request, key, ("places", "people", "assessing"), figure))


async def _figures(level: str, ask: Annotated[AskFigures, Query()], request: Request, work: Database) -> Tileset:
    def figure() -> Figure:
        as_of = cut_off(ask.as_of, reference.load_city(work))
        data = indicators.choropleth(work, ask.indicator, parse_period(ask.period), as_of)
        query = {k: v for k, v in ask.model_dump(exclude={"lang"}).items() if v is not None}
        return drawn_tiles.figure(query, data, map_drawing.measure(ask.indicator))

    kept: Kept = request.app.state.kept
    key = ("tiles", "indicators", ask.period, ask.indicator, ask.as_of, _seen_by(work))
    return _tileset("indicators", level, await kept.within(request, key, EVERYTHING, figure))


def _seen_by(work: Work) -> Hashable:
    """By what a figure that is kept differs from one reader to another."""
    return None if work.viewer is None else work.viewer.key


def _tileset(kind: str, level: str, found: Figure) -> Tileset:
    own = found.level(level)
    names = {"zh": own.measure.zh, "en": own.measure.en}
    title = {x: f"{own.city.name(x)} · {getattr(own.level, x)} · {names[x]}" for x in LANGUAGES}
    collection = f"{kind}-{own.level.key}"
    return Tileset(collection, found.query, title, own.level.number, own.edition, own.facts, own.classes)


async def _far(request: Request, work: Work, found: Tileset) -> Ground:
    """A level as its linework draws it, kept while places stay."""
    kept: Kept = request.app.state.kept
    of = found.edition, found.level
    return await kept.within(request, ("tiles", "far", *of), ("places",), lambda: tiles.ground(work, *of))


async def _ground(request: Request, work: Work, found: Tileset, z: int) -> Ground:
    """What a zoom's tiles are cut from: what is far, rounded for all of the zoom, or the stored shapes."""
    kept: Kept = request.app.state.kept
    far, of = await _far(request, work, found), (found.edition, found.level)
    if z > far.deepest:
        return await kept.within(
            request, ("tiles", "near", *of), ("places",), lambda: tiles.ground(work, *of, near=True)
        )
    return await kept.within(request, ("tiles", "far", *of, z), ("places",), lambda: rounded(far, z))


def _serve(kind: str, needs: str, opened: Callable[..., Awaitable[Tileset]], *kinds: str) -> APIRouter:
    """The routes of one kind of collection."""
    own = APIRouter(prefix=f"/tiles/{kind}-{{level}}", tags=["tiles"], route_class=made_of(*kinds))
    told = verb(needs)
    Opened = Annotated[Tileset, Depends(opened)]  # noqa: N806

    @own.get("/{z}/{x}/{y}.mvt", response_class=Response, responses=_TILE, openapi_extra=told, name=f"{kind}_tile")
    async def tile(z: Zoom, x: Index, y: Index, found: Opened, request: Request, work: Database) -> Response:
        """One vector tile (Mapbox Vector Tile 2.1): layers `grids` and `labels`; 204 where nothing stands."""
        wanted = Tile(z, x, y)
        if not wanted.exists:
            raise TileMissing(z=z, x=x, y=y, most=2**z - 1)
        ground = await _ground(request, work, found, z)
        made = await run_in_threadpool(tiles.encode, work, ground, wanted, found.facts)
        return Response(status_code=204) if made is None else Response(made, media_type=MVT)

    @own.get("", openapi_extra=told, name=f"{kind}_tileset")
    async def metadata(found: Opened, request: Request, work: Database, lang: Language) -> JSONResponse:
        """The tileset (OGC API – Tiles): bounds, layers with their fields, links."""
        ground = await _far(request, work, found)
        return JSONResponse(tilesets.tileset(found, ground, str(request.base_url), lang))

    @own.get("/tilejson.json", openapi_extra=told, name=f"{kind}_tilejson")
    async def tilejson(found: Opened, request: Request, work: Database, lang: Language) -> JSONResponse:
        """TileJSON 3.0.0, by which MapLibre and QGIS open the tiles."""
        ground = await _far(request, work, found)
        return JSONResponse(tilesets.tilejson(found, ground, str(request.base_url), lang))

    @own.get("/style.json", openapi_extra=told, name=f"{kind}_style")
    async def style(found: Opened, request: Request, lang: Language) -> JSONResponse:
        """A MapLibre style: areas by class, outlines, names in the language that `lang` asks for, else in both."""
        asked = request.query_params.get("lang")
        address = found.address(str(request.base_url), "/tilejson.json")
        glyphs = f"{request.base_url}tiles/glyphs/{{fontstack}}/{{range}}.pbf"
        return JSONResponse(drawn_tiles.style(found.title[lang], address, glyphs, found.classes, asked))

    return own


@router.get("", openapi_extra=verb("grids.read"))
def listed(ask: Annotated[Ask, Query()], request: Request, work: Database, lang: Language) -> JSONResponse:
    """The tilesets there are (OGC API – Tiles); those of a period's figures want `period` and `indicator`."""
    levels = reference.load_city(work).levels
    may_compare = work.viewer is None or "results.compare" in work.viewer.verbs
    opening = browsing.opening(work) if may_compare else None
    assessed = {x.key for x in opening.header.levels} if opening and browsing.has_map(opening) else set()
    kinds = [("grids", levels), ("scores", [x for x in levels if x.key in assessed])]
    named = [
        (f"{kind}-{x.key}", f"{getattr(x, lang)} · {word(f'tileset_{kind}', lang=lang)}")
        for kind, own in kinds
        for x in own
    ]
    return JSONResponse(tilesets.tilesets(named, str(request.base_url)))


@router.get("/tileMatrixSets", openapi_extra=verb(OPEN))
def matrix_sets(ask: Annotated[Ask, Query()], request: Request) -> JSONResponse:
    """The tile matrix sets: WebMercatorQuad alone."""
    return JSONResponse(tilesets.matrix_sets(str(request.base_url)))


@router.get(f"/tileMatrixSets/{QUAD}", openapi_extra=verb(OPEN))
def matrix_set(ask: Annotated[Ask, Query()]) -> JSONResponse:
    """WebMercatorQuad (OGC Two Dimensional Tile Matrix Set)."""
    return JSONResponse(tilesets.matrix_set())


@router.get(
    "/glyphs/{fonts}/{span}.pbf",
    response_class=Response,
    responses={200: {"content": {_GLYPHS: {}}}},
    openapi_extra=verb(OPEN),
)
def glyphs(fonts: str, span: str, ask: Annotated[Ask, Query()]) -> Response:
    """No glyphs at all: clients then write with the fonts of their own machine."""
    return Response(b"", media_type=_GLYPHS)


routers = (
    router,
    _serve("grids", "grids.read", _grids, "places", "day"),
    _serve("scores", "results.compare", _scores, "places", "people", "assessing"),
    _serve("indicators", "figures.read", _figures),
)
"""In the order in which addresses are tried."""
