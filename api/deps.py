"""What routes are handed: the work, the reader's language, checked query parameters."""

import datetime as dt
import re
from typing import Annotated, Literal

from fastapi import Depends, FastAPI, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from api import signing
from api.asked import wanted_language
from api.standing.load import Load
from gridmgmt.database.actors import Writer
from gridmgmt.database.changes import Changes
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


def next_page(request: Request, **asked: object) -> str:
    """The address of the page behind: the same question, from another row on."""
    return f"{request.url.path}?{request.url.include_query_params(**asked).query}"


async def work_for(request: Request) -> Work:
    """The database as whoever asks may see it, in turn: not more requests than allowed work at once."""
    load: Load = request.app.state.load
    await load.turn()
    work: Work = request.app.state.work
    writer = Writer(None, signing.job_of(request), request=getattr(request.state, "request_id", None))
    once = getattr(request.state, "once", None)
    return work.but(viewer=await signing.viewer(request), writer=writer, once=once)


def language(request: Request) -> str:
    """The language that the reader wishes, else the city's."""
    return wanted_language(request) or _city_language(request.app)


def known_language(request: Request) -> str:
    """The language that the reader wishes, else the city's as it was read last; the database is not asked."""
    remembered = getattr(request.app.state, "language", None)
    return wanted_language(request) or (str(remembered[1]) if remembered is not None else LANGUAGES[0])


def _file_language(request: Request) -> str | None:
    """The language of a file: the one that ``?lang=`` asks for; else both, the city's first in front."""
    asked = request.query_params.get("lang")
    if asked in LANGUAGES:
        return str(asked)
    return ENGLISH_FIRST if _city_language(request.app) == "en" else None


def _city_language(app: FastAPI) -> str:
    """The city's first language, remembered until the city changes; Chinese while there is no city."""
    changes: Changes = app.state.kept.changes
    n = changes.n
    if app.state.language is None or app.state.language[0] < changes.last(("places",)):
        try:
            app.state.language = n, reference.load_city(app.state.work).languages[0]
        except GridmgmtError:
            return LANGUAGES[0]
    return str(app.state.language[1])


Database = Annotated[Work, Depends(work_for)]
Language = Annotated[str, Depends(language)]
FileLanguage = Annotated[str | None, Depends(_file_language)]
