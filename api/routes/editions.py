"""/v1/editions: boundary files handed in as an edition, its topology, its activation, what two editions differ in."""

from typing import Annotated, Any

from fastapi import APIRouter, File, Query, Request, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from api.deps import Ask, Database, Day, Language
from api.kept import made_of
from api.once import OnceRoute
from api.routes.jobs import JobState, accepted
from api.signing import verb
from gridmgmt.jobs.kinds import ActivationAsked, EditionAsked
from gridmgmt.jobs.operations import asking
from gridmgmt.places.operations import editions

router = APIRouter(prefix="/v1", tags=["grids"], route_class=OnceRoute)
reports = APIRouter(prefix="/v1", tags=["grids"], route_class=made_of("places"))

_MOST_FILES = 20


class EditionForm(EditionAsked):
    """Boundary files (GeoJSON, GeoPackage, GeoParquet, zipped shapefile …), and how they are read."""

    files: list[UploadFile] = Field(min_length=1, max_length=_MOST_FILES)


class Activation(BaseModel):
    """From which day on an edition is valid; ``shrinks``: the city did become smaller."""

    model_config = ConfigDict(extra="forbid")

    from_: Day = Field(alias="from", examples=["2026-01-01"])
    shrinks: bool = False


class Changed(BaseModel):
    """What became of a grid; ``code_a`` is null of one that is new, ``codes_b`` empty of one that is gone."""

    level: int
    code_a: str | None
    codes_b: list[str]
    change: str = Field(examples=["unchanged", "renamed", "split", "merged", "moved", "gone", "new"])
    share_a: float | None = Field(description="Of the grid's ground in its first successor.")
    reparented: bool


class Pair(BaseModel):
    """Two grids that share ground, and the shares of both; null: there is no counterpart."""

    level: int
    code_a: str | None
    code_b: str | None
    share_a: float
    share_b: float
    area_m2: float


class Difference(BaseModel):
    """What two editions differ in: grids that changed, and all pairs by share of area."""

    changes: list[Changed]
    pairs: list[Pair]


class Topology(BaseModel):
    """A topology report (拓扑检查): level by level what was measured, what was found, by which tolerance.

    An edition with a finding of severity ``error`` is not activated.
    """

    metric_epsg: int
    tolerance: dict[str, float]
    levels: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    settled: dict[str, Any] | None = Field(description="What the city said of land that two grids claim.")


@router.post("/editions", status_code=202, openapi_extra=verb("reference.write"))
def import_edition(
    given: Annotated[EditionForm, File()], ask: Annotated[Ask, Query()], work: Database, lang: Language,
    request: Request, response: Response,
) -> JobState:  # fmt: skip
    """Load boundary files as an inactive edition; the job's result is the import's report with its topology.

    What blocks activation is loaded all the same; rows that cannot become grids refuse the whole, and nothing is left.
    """
    asked = EditionAsked.model_validate(given.model_dump(exclude={"files"}))
    parts = [(file.filename or "", file.file) for file in given.files]
    return accepted(asking.import_edition(work, request.app.state.settings.files_root, parts, asked), lang, response)


@reports.get("/editions/{name}/topology", openapi_extra=verb("grids.read"))
def topology(name: str, ask: Annotated[Ask, Query()], work: Database) -> Topology:
    """Check an edition's topology again, as it is stored."""
    return Topology.model_validate(editions.check(work, name).to_dict())


@router.post("/editions/{name}/activation", status_code=202, openapi_extra=verb("reference.write"))
def activate(
    name: str, given: Activation, ask: Annotated[Ask, Query()], work: Database, lang: Language, response: Response
) -> JobState:
    """Make an edition valid from a day on; the one before ends on that day."""
    asked = ActivationAsked.model_validate({"edition": name, "from": given.from_, "shrinks": given.shrinks})
    return accepted(asking.activate(work, asked), lang, response)


@reports.get("/editions/{a}/diff/{b}", openapi_extra=verb("grids.read"))
def difference(a: str, b: str, ask: Annotated[Ask, Query()], work: Database) -> Difference:
    """Which codes of one edition became which of another, by share of area."""
    return Difference.model_validate(editions.difference(work, a, b))
