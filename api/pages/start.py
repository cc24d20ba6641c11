"""/: the start page (首页): choropleth, heat map, ranking, a scorecard, and the query for the responsible unit."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import Field

from api.deps import Ask, Database, Language
from api.kept import made_of
from api.signing import verb
from gridmgmt import __version__
from gridmgmt.assessing.operations import browsing, scoring
from gridmgmt.assessing.operations.browsing import Stored
from gridmgmt.city import City
from gridmgmt.figures.indicators import RATIOS
from gridmgmt.figures.names import indicator_words
from gridmgmt.people.operations import reference
from gridmgmt.scorecards.documents import AssessedLevel, Grade
from gridmgmt.scorecards.exports.cards import read_instant, short_grade
from gridmgmt.texts import catalogue, word
from gridmgmt.viewer import Scope
from maps.style import GRADES, ramp

router = APIRouter(route_class=made_of("places", "people", "assessing"))

PREFIX = "page_"
_MAP_MEASURES = (browsing.TOTAL, *RATIOS, "n_reported", "n_overdue_open")
_SYSTEMS = ("epsg:4490", "gcj02", "bd09")


class AskPage(Ask):
    """What the page shows; the page keeps its address up to date, so that it can be passed on."""

    assessment: str | None = None
    level: str | None = None
    code: str | None = None
    indicator: str | None = Field(None, description="Of the choropleth.")


@router.get("/", include_in_schema=False, openapi_extra=verb("results.compare"))
def start(ask: Annotated[AskPage, Query()], request: Request, work: Database, lang: Language) -> HTMLResponse:
    """The start page in the reader's language."""
    city = reference.load_city(work)
    listing = scoring.listing(work)
    chosen = browsing.assessment(work, ask.assessment) if ask.assessment else browsing.opening(work)
    html = environment().get_template("start.html").render(
        lang=lang,
        other="en" if lang == "zh" else "zh",
        city=city.name(lang),
        version=__version__,
        assessments=listing,
        chosen=chosen,
        has_map=chosen is not None and browsing.has_map(chosen),
        systems=_SYSTEMS,
        measures={m: _measure(m, lang) for m in _MAP_MEASURES},
        t=lambda code, **facts: word(PREFIX + code, facts, lang),
        read_instant=read_instant,
        data=_data(ask, city, lang, chosen, work.allowed("results.compare")),
    )  # fmt: skip
    return HTMLResponse(html, headers={"Cache-Control": "no-cache", "Vary": "Accept-Language"})


def _data(ask: AskPage, city: City, lang: str, chosen: Stored | None, scope: Scope) -> dict[str, Any]:
    """What the page's program needs to know."""
    levels, grades = (chosen.header.levels, chosen.header.rulebook.grades) if chosen else ([], [])
    keys = [x.key for x in levels]
    known = ask.level is None or ask.level in keys or ask.level in scoring.UNGRIDDED
    wanted = ask.level if known else city.level(str(ask.level)).key
    stays = ask.level is None or wanted in keys
    first, opens = _begins(levels, scope)
    return {
        "lang": lang,
        "assessment": chosen.name if chosen else None,
        "day": {"edition": chosen.header.edition, "on": chosen.header.period.last} if chosen else {},
        "levels": [{"key": x.key, "name": x.name[lang]} for x in levels],
        "level": wanted if wanted in keys else first,
        "opens": opens,
        "code": ask.code if stays else None,
        "mapped": chosen is not None and browsing.has_map(chosen),
        "grades": {x.id: _grade(x, colour, lang) for x, colour in zip(grades, ramp(GRADES, len(grades)), strict=True)},
        "indicator": ask.indicator if ask.indicator in _MAP_MEASURES else browsing.TOTAL,
        "words": {k.removeprefix(PREFIX): v[lang] for k, v in catalogue().items() if k.startswith(PREFIX)},
    }


def _begins(levels: Sequence[AssessedLevel], scope: Scope) -> tuple[str | None, str | None]:
    """The level that is ranked at first, and that whose best card is opened: of a part of the city its own highest."""
    own = next((x.key for x in levels if (x.number in {n for n, _ in scope.grid_codes})), None)
    if own is not None and not scope.everywhere:
        return own, own
    return next((x.key for x in (*levels[1:2], *levels)), None), next((x.key for x in levels), None)


def _grade(grade: Grade, colour: str, lang: str) -> dict[str, str]:
    return {"title": grade.title[lang], "short": short_grade(grade)[lang], "colour": colour, "ink": _ink(colour)}


def _ink(colour: str) -> str:
    """Black or white, whichever is read better on a colour."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#ffffff" if 299 * red + 587 * green + 114 * blue < 140_000 else "#14202c"


def _measure(name: str, lang: str) -> str:
    if name == browsing.TOTAL:
        return word("page_total", lang=lang)
    return indicator_words(name)[lang]


@cache
def environment() -> Environment:
    """The templates of the pages."""
    folder = Path(__file__).parent
    return Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
