"""/maps: an assessment's choropleth, the heat map of its period, repeat cases; as frames and as pages to open."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from api.deps import Ask, Database, Language
from api.kept import made_of
from api.pages.policy import of_page
from api.signing import verb
from gridmgmt.assessing.operations import browsing
from gridmgmt.assessing.operations.browsing import TOTAL, Stored
from gridmgmt.casework.operations import repeats as repeating
from gridmgmt.figures.counts import COUNTS
from gridmgmt.figures.operations import indicators
from gridmgmt.periods import parse_period
from gridmgmt.scorecards.exports import cards
from maps import drawing, pages
from maps.assets import OfflineMap
from maps.layers import LevelFrame

router = APIRouter(prefix="/maps", tags=["maps"], route_class=made_of("places", "people", "assessing"))
of_facts = APIRouter(prefix="/maps", tags=["maps"], route_class=made_of())

# A map page carries its scripts inside and needs nothing else; "sandbox" keeps it apart from this application.
_MAP_CSP = "default-src 'none'; img-src data:; frame-ancestors 'self'; sandbox allow-scripts allow-modals"


class AskMap(Ask):
    """Which assessment, and whether the page stands inside another."""

    assessment: str = Field("latest", description="Name of an assessment.")
    embedded: bool = Field(False, description="The map alone, for a frame.")


class AskChoropleth(AskMap):
    """Which figure, and where to begin."""

    indicator: str = Field(TOTAL, description="total, a rate or a count.", examples=["on_time_closing_rate"])
    level: str | None = Field(None, description="Level shown first; default: the second.")


class AskHeat(AskMap):
    """Which cases."""

    category: str | None = Field(None, description="component:01001, component:01*, matter:* …")


class AskRepeats(Ask):
    """Of which period, by which rule."""

    period: str = Field(max_length=60, examples=["2025-12"])
    rule: str = Field("annex2", pattern=r"^\w{1,100}$", description="A rule of the installation.")


@router.get(
    "/choropleth",
    response_class=Response,
    responses={200: {"content": {"text/html": {}}}},
    openapi_extra=verb("results.compare"),
)
def choropleth(ask: Annotated[AskChoropleth, Query()], work: Database, lang: Language) -> Response:
    """The choropleth of the total or an indicator, drawn from the assessment's own figures; opens without a network."""
    return _answer(_choropleth(work, browsing.mapped(work, ask.assessment), ask, lang))


@of_facts.get(
    "/heat", response_class=Response, responses={200: {"content": {"text/html": {}}}}, openapi_extra=verb("cases.read")
)
def heat(ask: Annotated[AskHeat, Query()], work: Database, lang: Language) -> Response:
    """The heat map of the cases reported in the assessment's period, as the data are now."""
    stored = browsing.assessment(work, ask.assessment)
    data = indicators.heat(work, parse_period(stored.period), ask.category)
    return _answer(drawing.heat(data, lang=lang, embedded=ask.embedded))


@of_facts.get(
    "/repeats",
    response_class=Response,
    responses={200: {"content": {"text/html": {}}}},
    openapi_extra=verb("figures.read"),
)
def repeats(ask: Annotated[AskRepeats, Query()], work: Database, lang: Language) -> Response:
    """The groups of repeat cases of a period, each with its place and its cases by number."""
    found, outlines, lines = repeating.map_data(work, parse_period(ask.period), ask.rule)
    return _answer(drawing.repeats(found, outlines, lines, lang=lang))


def _choropleth(work: Database, stored: Stored, ask: AskChoropleth, lang: str) -> OfflineMap:
    data = browsing.assessment_map(work, stored.name, ask.indicator)
    city, keys = data.city, [x.level.key for x in data.levels]
    shown, grades = drawing.assessed(stored, data, ask.indicator)
    return pages.choropleth(
        [LevelFrame(x.level, x.frame, x.n_ranked) for x in data.levels],
        shown,
        lines=data.lines,
        head=replace(
            drawing.head(city, data.period, {"zh": shown.zh, "en": shown.en}, data.as_of),
            notes=tuple(cards.notes(stored.header, data.n_too_little)),
        ),
        counts={name: {"zh": COUNTS[name].zh, "en": COUNTS[name].en} for name in browsing.MAP_COUNTS},
        start_level=city.level(ask.level).key if ask.level else keys[min(1, len(keys) - 1)],
        lang=lang,
        grades=grades,
        claims=data.claims,
        embedded=ask.embedded,
    )


def _answer(page: OfflineMap) -> Response:
    html = page.get_root().render()
    return Response(html, media_type="text/html", headers={"Content-Security-Policy": of_page(html, _MAP_CSP)})
