"""/v1/locate: who is responsible here?"""

import datetime as dt
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from pydantic import Field, ValidationError

from api import signing
from api.deps import Ask, Database, Day
from api.kept import Kept
from api.schemas import GridRef, Located, Name, Neighbour, Unit
from api.signing import verb
from gridmgmt import geo
from gridmgmt.city import City
from gridmgmt.database.work import Work
from gridmgmt.people.operations import directory, locating, reference


class AskPlace(Ask):
    """A place, and what the matter is about."""

    lon: float = Field(allow_inf_nan=False, description="Longitude, or easting.", examples=[113.98])
    lat: float = Field(allow_inf_nan=False, description="Latitude, or northing.", examples=[30.12])
    crs: str = Field("epsg:4490", description="epsg:NNNN, gcj02 or bd09.", examples=["gcj02"])
    on: Day | None = Field(None, description="Day of the matter; default: today's edition.")
    edition: str | None = Field(None, description="Name of an edition; default: that of the day.")
    within_m: float = Field(
        0, ge=0, le=2000, description="How exactly the place was pointed at: neighbours so near are named too."
    )
    category: str | None = Field(None, description="kind:code, to find the unit.", examples=["component:01001"])


class _PlaceRoute(APIRoute):
    """Answers from what is kept: only without it, or where something is wrong with the question, as other routes."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            kept: Kept = request.app.state.kept
            viewer = await signing.viewer(request)
            try:
                ask = AskPlace.model_validate(dict(request.query_params))
            except ValidationError:
                return await handle(request)
            if not request.state.is_told:
                return await handle(request)
            place = await kept_place(kept, request.app.state.work.but(viewer=viewer), ask.edition, ask.on)
            point = geo.point_to_storage(ask.lon, ask.lat, ask.crs)
            found = _located(locating.answer(place, *point, **_asked_for(ask)), place.city)
            return Response(found.model_dump_json(), media_type="application/json")

        return answer


router = APIRouter(prefix="/v1", tags=["locate"], route_class=_PlaceRoute)


async def kept_place(kept: Kept, work: Work, name: str | None, day: dt.date | None) -> directory.Place:
    """What answers by an edition's name or a day, kept until places or people change."""
    listed = await kept.of("directory", ("places", "people"), lambda: run_in_threadpool(directory.read, work))
    today = kept.changes.today(listed.city.zone)
    edition = listed.edition(name, day, today)
    key, made_of = ("ground", edition.id), ("places",)
    ground = await kept.of(key, made_of, lambda: run_in_threadpool(directory.ground, work, edition))
    return directory.Place(listed, edition, ground, today)


def _asked_for(ask: AskPlace) -> dict[str, Any]:
    return {"day": ask.on, "category": ask.category, "edition": ask.edition, "within_m": ask.within_m}


@router.get("/locate", openapi_extra=verb("grids.read"))
def locate(ask: Annotated[AskPlace, Query()], work: Database) -> Located:
    """The grids of all levels that own a place, the unit that answers there, and what is near the border."""
    city = reference.load_city(work)
    return _located(locating.locate(work, ask.lon, ask.lat, crs=ask.crs, **_asked_for(ask)), city)


def _located(found: locating.Located, city: City) -> Located:
    levels = {x.number: x.key for x in city.levels}
    return Located(
        lon=round(found.lon, 9),
        lat=round(found.lat, 9),
        datum=found.datum,
        edition=found.edition,
        on=found.day.isoformat() if found.day else None,
        category=found.category,
        assigned=found.is_assigned,
        swapped=found.is_swapped,
        grids=[_grid(g, levels) for g in found.grids],
        unit=_unit(found.unit),
        near=[
            Neighbour(code=n["code"], name=_name(n), distance_m=n["distance_m"], unit=_unit(n["unit"]))
            for n in found.neighbours
        ],
    )


def _grid(row: Mapping[str, Any], levels: Mapping[int, str]) -> GridRef:
    return _grid_of(levels[row["level"]], row["code"], row["name_zh"], row["name_en"], row["kind"], row["responsible"])


@lru_cache(maxsize=20_000)
def _grid_of(
    level: str, code: str, zh: str | None, en: str | None, kind: str | None, responsible: str | None
) -> GridRef:
    """Made once: many places lie in the same grids."""
    name = _name({"code": code, "name_zh": zh, "name_en": en})
    return GridRef(level=level, code=code, name=name, kind=kind, responsible=responsible)


def _unit(row: Mapping[str, Any] | None) -> Unit | None:
    return Unit(code=row["code"], name=_name(row), kind=row["kind"]) if row else None


def _name(row: Mapping[str, Any]) -> Name:
    zh, en = row["name_zh"] or row["name_en"], row["name_en"] or row["name_zh"]
    return Name(zh=zh or row["code"], en=en or row["code"])
