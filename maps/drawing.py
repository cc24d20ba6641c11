"""From the core's figures to pages: which indicator becomes which measure, which counts the tooltip shows."""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from gridmgmt import geo
from gridmgmt.assessing.operations.browsing import TOTAL, Stored
from gridmgmt.casework.operations.repeats import RepeatReport
from gridmgmt.city import STORAGE_EPSG, City
from gridmgmt.figures.counts import COUNTS
from gridmgmt.figures.indicators import Ratio, describe
from gridmgmt.figures.operations.indicators import HeatData, MapData
from gridmgmt.files.wording import named, words
from gridmgmt.periods import Period
from gridmgmt.places.linework import Linework
from gridmgmt.scorecards import documents
from gridmgmt.texts import LANGUAGES
from maps.assets import OfflineMap
from maps.layers import LevelFrame
from maps.pages import Head
from maps.pages import choropleth as choropleth_page
from maps.pages import heat as heat_page
from maps.pages import repeats as repeats_page
from maps.style import Breaks, Grade, Measure, Text, text

UNITS = {"percent": "rate", "points": "score", "per_km2": "density"}
_TOOLTIP = ("n_reported", "n_due", "n_closed_on_time", "n_overdue_open")

_ROAD_COLOURS = {"key": "#9e0142", "main": "#d53e4f", "secondary": "#f39c12", "back": "#3288bd", "other": "#7f8c8d"}
"""Colours of road classes, the strictest the darkest red."""


def measure(indicator: str) -> Measure:
    """How an indicator is shown on a map.

    Raises
    ------
    IndicatorMissing
        There is none of that name.
    """
    rule = describe(indicator)
    if isinstance(rule, Ratio):
        return Measure(rule.name, rule.zh, rule.en, UNITS[rule.unit], rule.better)  # type: ignore[arg-type]
    return Measure(rule.name, rule.zh, rule.en, "count", None)


def assessed(stored: Stored, data: MapData, indicator: str) -> tuple[Measure, list[Grade]]:
    """What a map of an assessment shows, and the grades that are its classes, if there are any.

    Raises
    ------
    IndicatorMissing
    """
    if data.own is not None:
        zh, en = (words("page_own_figure", title=data.own.title)[x] for x in ("zh", "en"))
        return Measure(TOTAL, zh, en, data.own.unit, data.own.better), []
    if indicator == TOTAL:
        return Measure(TOTAL, **text("page_total"), unit="score", better="high"), _bands(stored.header.rulebook.grades)
    return measure(indicator), []


def _bands(grades: Sequence[documents.Grade]) -> list[Grade]:
    """Grades as classes of the map; none where people give the grades, or where there is but one."""
    bounds = [-math.inf if g.at_least is None else float(Fraction(g.at_least)) for g in grades]
    if bounds.count(-math.inf) > 1 or len(bounds) < 2:
        return []
    return [(bound, g.title["zh"], g.title["en"]) for bound, g in zip(bounds, grades, strict=True)]


def head(city: City, period: Period, what: Text, as_of: dt.datetime | None = None) -> Head:
    """The head of a map of a city, ``临江市 · 结案率``; its data cut-off (default: the period's end) in city time."""
    title = {x: f"{city.name(x)} · {what[x]}" for x in LANGUAGES}
    cut = (as_of or period.bounds(city.zone)[1]).astimezone(city.zone)
    return Head(title, period.label, cut.strftime("%Y-%m-%d %H:%M"), city.datum)


def choropleth(
    data: MapData,
    indicator: str,
    *,
    start_level: str | None = None,
    breaks: Breaks = "quantile",
    lang: str = "zh",
) -> OfflineMap:
    """The choropleth of one indicator on all levels of the city."""
    shown = measure(indicator)
    rule = describe(indicator)
    frames = []
    for item in data.levels:
        frame = item.frame
        if isinstance(rule, Ratio) and rule.denominator in frame:
            frame = frame.assign(numerator=frame[rule.numerator], denominator=frame[rule.denominator])
        frames.append(LevelFrame(item.level, frame, item.n_ranked))
    return choropleth_page(
        frames,
        shown,
        lines=data.lines,
        head=head(data.city, data.period, {"zh": shown.zh, "en": shown.en}, data.as_of),
        counts={name: {"zh": COUNTS[name].zh, "en": COUNTS[name].en} for name in _TOOLTIP},
        start_level=start_level or data.city.levels[1].key,
        breaks=breaks,
        claims=data.claims,
        lang=lang,
    )


def heat(data: HeatData, *, lang: str = "zh", embedded: bool = False) -> OfflineMap:
    """The heat map of the cases reported in a period; ``embedded``: for a frame of another page."""
    return heat_page(
        data.lon,
        data.lat,
        boundary=data.boundary,
        lines=data.lines,
        places=data.places,
        metric_epsg=data.city.metric_epsg,
        head=head(data.city, data.period, {"zh": "案件热力", "en": "case density"}),
        n_outside=data.n_outside,
        n_without_location=data.n_without_location,
        lang=lang,
        embedded=embedded,
    )


def repeats(found: RepeatReport, outlines: pd.DataFrame, lines: Linework, *, lang: str = "zh") -> OfflineMap:
    """The groups of repeat cases of a period, each with the ring of its place; those without a place are counted."""
    placed = [g for g in found.groups if g["lon"] is not None]
    groups = gpd.GeoDataFrame(
        {
            "group": [g["group"] for g in placed],
            "road_class": [g["road_class"] for g in placed],
            "n_repeats": [len(g["repeats"]) for g in placed],
            "names": [g["names"] for g in placed],
            "rows": [_rows(g) for g in placed],
        },
        geometry=rings(found, [g["group"] for g in placed]),
        crs=STORAGE_EPSG,
    )
    classes = {c: (colour, _road_label(c, found.rule.thresholds[c])) for c, colour in _ROAD_COLOURS.items()}
    n = {"drawn": len(placed), "unplaced": len(found.groups) - len(placed)}
    rule, city = found.rule, found.city
    roads = [text("map_repeats_without_roads")] if found.without_roads else []
    said = {x: text("map_repeats_rule", rule=rule.title[x], radius_m=rule.radius_m)[x] for x in LANGUAGES}
    return repeats_page(
        groups,
        boundary=outlines,
        lines=lines,
        classes=classes,
        head=head(city, found.period, text("map_repeats_title")),
        facts=[said, *roads, *(text(f"map_repeats_{key}", n=f"{count:,}") for key, count in n.items())],
        lang=lang,
    )


def rings(found: RepeatReport, numbers: Sequence[int]) -> list[shapely.Geometry]:
    """The place of each group: all within the rule's radius of its cases, at least a metre."""
    cases = found.cases[found.cases["x"].notna()]
    points = cases.groupby("group")[["x", "y"]].apply(lambda own: shapely.multipoints(own.to_numpy(dtype=float)))
    hulls = shapely.convex_hull(points.reindex(list(numbers)).to_numpy(dtype=object))
    rings = shapely.buffer(hulls, max(found.rule.radius_m, 1.0), quad_segs=8)
    return list(geo.to_storage(gpd.GeoDataFrame(geometry=list(rings), crs=found.city.metric_epsg)).geometry)


def _road_label(road_class: str, threshold: int) -> Text:
    name, number = text(f"road_class_{road_class}"), text("map_repeats_class", n=threshold)
    return {x: f"{name[x]} {number[x]}" for x in name}


MOST_NUMBERS = 12


def _rows(group: Mapping[str, Any]) -> list[tuple[Text, str | Text]]:
    """Label and value of each row of a group's tooltip."""
    rows: list[tuple[Text, str | Text]] = [
        (text("repeats_category"), ", ".join(group["categories"])),
        (text("repeats_road_class"), text(f"road_class_{group['road_class']}")),
        (text("repeats_threshold"), text("map_repeats_times", n=group["threshold"])),
        (text("repeats_n_cases"), text("map_repeats_cases", n=len(group["cases"]))),
        (text("repeats_repeats"), _numbers(group["repeats"])),
        (text("repeats_cases"), _numbers(group["cases"])),
    ]
    if group["grids"]:
        names = [named(g["zh"], g["en"], g["code"]) for g in group["grids"]]
        rows.append((text("repeats_place"), {x: _numbers([name[x] for name in names]) for x in LANGUAGES}))
    addresses = [a for a in group["addresses"] if a.strip()]
    return [*rows, (text("repeats_addresses"), _numbers(addresses))] if addresses else rows


def _numbers(values: Sequence[str]) -> str:
    more = f" … ({len(values):,})" if len(values) > MOST_NUMBERS else ""
    return ", ".join(values[:MOST_NUMBERS]) + more
