"""/v1/layers: reference layers, handed in, listed and looked at; as files they are a list of /v1/exports."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, File, Query, Request, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from api.deps import Ask, Database, Day, Language
from api.once import OnceRoute
from api.routes.jobs import JobState, accepted
from api.signing import verb
from gridmgmt.jobs.kinds import LayerAsked
from gridmgmt.jobs.operations import asking
from gridmgmt.places.operations import layers

router = APIRouter(prefix="/v1", tags=["layers"], route_class=OnceRoute)


class LayerForm(LayerAsked):
    """A file of features (any map format; points also as CSV or Excel), and how it is read."""

    file: UploadFile


class LayerRow(BaseModel):
    """A reference layer (参考图层); ``from`` is null of one that was replaced."""

    model_config = ConfigDict(populate_by_name=True)

    kind: str
    name: str
    from_: dt.date | None = Field(alias="from")
    to: dt.date | None
    n_features: int
    sha256: str
    file: str | None
    file_sha256: str | None
    known_at: dt.datetime


class ClassCount(BaseModel):
    """How many features a class has; null: those without one."""

    class_: str | None = Field(alias="class")
    n: int


class LayerShown(BaseModel):
    """The layers of a kind on a day, and how many features each class has."""

    layers: list[LayerRow]
    classes: list[ClassCount]


class AskLayers(Ask):
    """Of which kind, valid on which day."""

    kind: str | None = Field(None, max_length=100, examples=["roads"])
    on: Day | None = None


class AskLayer(Ask):
    """On which day (default: today in city time), and which of a kind's layers."""

    on: Day | None = None
    name: str | None = Field(None, max_length=200)


@router.get("/layers", openapi_extra=verb("grids.read"))
def list_layers(ask: Annotated[AskLayers, Query()], work: Database) -> list[LayerRow]:
    """Every layer with the days on which it holds."""
    return [LayerRow.model_validate(layers.as_json(x)) for x in layers.list_layers(work, ask.kind, ask.on)]


@router.get("/layers/{kind}", openapi_extra=verb("grids.read"))
def show_layers(kind: str, ask: Annotated[AskLayer, Query()], work: Database) -> LayerShown:
    """The layers of a kind on a day: where they come from, and how many features each class has."""
    return LayerShown.model_validate(layers.show(work, kind, ask.on, ask.name).as_dict())


@router.post("/layers", status_code=202, openapi_extra=verb("reference.write"))
def import_layer(
    given: Annotated[LayerForm, File()], ask: Annotated[Ask, Query()], work: Database, lang: Language,
    request: Request, response: Response,
) -> JobState:  # fmt: skip
    """Load a file as the layer of a kind from a day on; features with faults are told and left out."""
    asked = LayerAsked.model_validate(given.model_dump(exclude={"file"}))
    root, file = request.app.state.settings.files_root, given.file
    return accepted(asking.import_layer(work, root, file.file, file.filename or "", asked), lang, response)
