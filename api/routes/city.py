"""/v1/city and /v1/categories: what this installation is about."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import Ask, Database
from api.kept import made_of
from api.schemas import Category, City, Level, Name
from api.signing import verb
from gridmgmt.people.operations import reference

router = APIRouter(prefix="/v1", tags=["city"], route_class=made_of("places", "people"))


@router.get("/city", openapi_extra=verb("grids.read"))
def city(ask: Annotated[Ask, Query()], work: Database) -> City:
    """The city: names, time zone, coordinate systems, grid levels."""
    found = reference.load_city(work)
    return City(
        code=found.code,
        name=Name(zh=found.name("zh"), en=found.name("en")),
        time_zone=found.time_zone,
        metric_crs=found.metric_epsg,
        datum=found.datum,
        levels=[Level(number=x.number, key=x.key, name=Name(zh=x.zh, en=x.en)) for x in found.levels],
        languages=list(found.languages),
        category_scheme=found.scheme,
    )


@router.get("/categories", openapi_extra=verb("grids.read"))
def categories(ask: Annotated[Ask, Query()], work: Database) -> list[Category]:
    """The categories of the city's scheme, as `category` is written elsewhere."""
    return [
        Category(
            category=row["category"],
            kind=row["kind"],
            name=Name(zh=row["name_zh"] or row["name_en"], en=row["name_en"] or row["name_zh"]),
            major=Name(zh=row["major_zh"], en=row["major_en"] or row["major_zh"]) if row["major_zh"] else None,
        )
        for row in reference.categories(work)
    ]
