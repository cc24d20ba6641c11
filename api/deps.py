"""What routes are handed: the work, the reader's language, checked query parameters, and answers that are cached."""

import datetime as dt
import hashlib
import re
from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import Depends, FastAPI, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from api.kept import Kept
from gridmgmt.database.work import Work
from gridmgmt.errors import GridmgmtError, OptionInvalid
from gridmgmt.files.wording import ENGLISH_FIRST
from gridmgmt.people.operations import reference
from gridmgmt.texts import LANGUAGES


class Ask(BaseModel):
    """Query parameters that every route has. An unknown one is refused: a misspelt filter would give wrong figures."""

    model_config = ConfigDict(extra="forbid")

    lang: Literal["zh", "en"] | None = Field(
        None, description="Language of texts; default: Accept-Language, else the city's first."
    )


def _iso_day(value: object) -> object:
    """A day is written 2025-12-31; pydantic alone would also take a number of seconds."""
    if isinstance(value, str) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        raise ValueError("YYYY-MM-DD")
    return value


Day = Annotated[dt.date, BeforeValidator(_iso_day)]


def parse_bbox(text: str | None) -> tuple[float, float, float, float] | None:
    """A box written ``west,south,east,north`` in degrees.

    Raises
    ------
    OptionInvalid
        Not four numbers in that order.
    """
    if text is None:
        return None
    try:
        west, south, east, north = (float(x) for x in text.split(","))
    except ValueError:
        west, south, east, north = (float("nan"),) * 4
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise OptionInvalid(name="bbox", value=text, expected="west,south,east,north")
    return west, south, east, north


def _work(request: Request) -> Work:
    work: Work = request.app.state.work
    return work


def language(request: Request) -> str:
    """The language that ``?lang=`` asks for, else the first of Accept-Language that we speak, else the city's."""
    asked = request.query_params.get("lang")
    if asked in LANGUAGES:
        return str(asked)
    wishes = []
    for part in request.headers.get("accept-language", "").split(","):
        name, _, weight = part.strip().partition(";q=")
        wishes.append((-float(weight) if re.fullmatch(r"[01](\.\d*)?", weight) else -1.0, name[:2].lower()))
    wanted = [name for weight, name in sorted(wishes, key=lambda w: w[0]) if name in LANGUAGES and weight]
    return wanted[0] if wanted else _city_language(request.app)


def _file_language(request: Request) -> str | None:
    """The language of a file: the one that ``?lang=`` asks for; else both, the city's first in front."""
    asked = request.query_params.get("lang")
    if asked in LANGUAGES:
        return str(asked)
    return ENGLISH_FIRST if _city_language(request.app) == "en" else None


def _city_language(app: FastAPI) -> str:
    """The city's first language, remembered once it is known; Chinese while there is no city."""
    if app.state.language is None:
        try:
            app.state.language = reference.load_city(app.state.work).languages[0]
        except GridmgmtError:
            return LANGUAGES[0]
    return str(app.state.language)


Database = Annotated[Work, Depends(_work)]
Language = Annotated[str, Depends(language)]
FileLanguage = Annotated[str | None, Depends(_file_language)]


def cached(request: Request, sha256: str, make: Callable[[], Response], *, keep: bool = False) -> Response:
    """The answer made from an assessment, or 304 if the reader has it already; an assessment never changes.

    The tag is of the assessment's hash, the address, the language and this
    process: another release may word the same assessment differently. With
    ``keep`` it is made once for all readers: then ``sha256`` tells all it is made of.
    """
    parts = (request.app.state.started, sha256, request.url, request.headers.get("accept"), language(request))
    tag = f'W/"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept, Accept-Language"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    kept: Kept | None = request.app.state.kept if keep else None
    response = make() if kept is None else kept.answer(tag, make)
    response.headers.update(headers)
    return response
