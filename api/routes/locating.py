"""POST /v1/locate: who is responsible at each of many points; a file in, a file out."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import Field
from python_multipart.multipart import parse_options_header

from api import signing
from api.deps import Ask, Day, Language, work_for
from api.kept import Kept
from api.routes.people import kept_place
from api.signing import verb
from gridmgmt.database.work import Work
from gridmgmt.errors import OptionInvalid
from gridmgmt.people.exports import points
from gridmgmt.people.operations import directory, many_places
from gridmgmt.people.points import Form
from gridmgmt.people.readers.points import ENCODINGS

router = APIRouter(prefix="/v1", tags=["locate"])

_CHUNK = 1 << 20
_TYPES: dict[str, Form] = {
    "text/csv": "csv", "application/vnd.apache.arrow.stream": "arrow", "application/geo+json": "geojson",
    "application/json": "geojson",
}  # fmt: skip
_TYPE_OF: dict[Form, str] = {form: kind for kind, form in reversed(_TYPES.items())}
_ENDINGS: dict[Form, str] = {"csv": "points.csv", "arrow": "points.arrows", "geojson": "points.geojson"}
_EXAMPLE = "id,lon,lat,category\n1,113.98,30.12,component:01001\n"
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string"}, "example": _EXAMPLE},
            "application/vnd.apache.arrow.stream": {"schema": {"type": "string", "format": "binary"}},
            "application/geo+json": {"schema": {"type": "object"}},
        },
    }
}
_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "One row for each point, in its order: id, edition, the code of the grid of each level, "
        "unit_code, assigned, problem",
        "content": {kind: {} for kind in _TYPE_OF.values()},
    }
}


class AskPoints(Ask):
    """What holds for all points that say nothing else themselves."""

    crs: str = Field("epsg:4490", max_length=10_000, description="epsg:NNNN, gcj02 or bd09.")
    on: Day | None = Field(None, description="Day of the matters; default: today's edition.")
    edition: str | None = Field(None, max_length=200)
    category: str | None = Field(None, max_length=200, description="kind:code, to find the unit.")


@router.post(
    "/locate",
    dependencies=[Depends(signing.viewer)],
    response_class=Response,
    responses=_ANSWER,
    openapi_extra={**verb("grids.read"), **_BODY},
)
async def locate_points(ask: Annotated[AskPoints, Query()], request: Request, lang: Language) -> StreamingResponse:
    """Who is responsible at each point of a file: columns lon, lat; where there are any crs, category, id.

    Nothing is written; a request may be sent again. A row that is wrong says so in its column `problem`, in words with
    its row, column and value; a file that cannot be read, or holds more points than are allowed, is refused as a whole.
    """
    given, encoding = _sent_as(request)
    wanted = _wanted(request, given)
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / _ENDINGS[given], Path(folder) / "answer"
        await _spool(request, source)
        work = await work_for(request)  # no turn is taken while something is still coming in
        place = await _place(request, work, ask)
        await run_in_threadpool(_locate, place, ask, source, out, (given, wanted), encoding, lang)
        answer = out.open("rb")  # it goes with its last reader
    headers = {"Content-Disposition": f'attachment; filename="{_ENDINGS[wanted]}"'}
    return StreamingResponse(_streamed(answer), headers=headers, media_type=_TYPE_OF[wanted])


def _locate(
    place: directory.Place, ask: AskPoints, source: Path, out: Path, forms: tuple[Form, Form], encoding: str, lang: str
) -> None:
    locating = many_places.Locating(place, crs=ask.crs, category=ask.category, day=ask.on)
    points.write(many_places.located(locating, source, forms[0], encoding), out, forms[1], lang)


async def _place(request: Request, work: Work, ask: AskPoints) -> directory.Place:
    kept: Kept = request.app.state.kept
    if request.state.is_told:
        return await kept_place(kept, work, ask.edition, ask.on)
    return await run_in_threadpool(directory.place, work, ask.edition, ask.on)


def _sent_as(request: Request) -> tuple[Form, str]:
    sent = request.headers.get("content-type", "")
    kind, more = parse_options_header(sent)
    encoding = more.get(b"charset", b"utf-8").decode("latin-1").lower()
    form = _TYPES.get(kind.decode("latin-1").lower())
    if form is None:
        raise OptionInvalid(name="Content-Type", value=sent[:200], expected=" / ".join(_TYPE_OF.values()))
    if encoding not in ENCODINGS:
        raise OptionInvalid(name="Content-Type", value=sent[:200], expected=" / ".join(ENCODINGS))
    return form, encoding


def _wanted(request: Request, given: Form) -> Form:
    """The form that Accept names first of those there are; else as the points came."""
    named = (part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(","))
    return next((_TYPES[kind] for kind in named if kind in _TYPES), given)


async def _spool(request: Request, path: Path) -> None:
    """What is sent, on the disk: nothing is answered before all of it is here, or both sides would wait."""
    held = bytearray()
    with path.open("wb") as file:
        async for chunk in request.stream():
            held += chunk
            if len(held) >= _CHUNK:
                await run_in_threadpool(file.write, bytes(held))
                held.clear()
        file.write(held)


async def _streamed(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while chunk := await run_in_threadpool(file.read, _CHUNK):
            yield chunk
