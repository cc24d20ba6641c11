"""Map pages (专题地图): choropleth, heat map, repeat cases; from frames to one file that opens anywhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from geopandas import GeoDataFrame

from gridmgmt.city import Level
from gridmgmt.errors import OptionInvalid
from gridmgmt.files.writing import write
from gridmgmt.places.contested import Claims
from gridmgmt.places.linework import Linework, Plane
from gridmgmt.texts import LANGUAGES, catalogue, expected
from maps.assets import OfflineMap, template
from maps.layers import LevelFrame, bin_points, stored
from maps.style import (
    Breaks,
    Floats,
    Grade,
    Measure,
    Text,
    classify,
    text,
)
from maps.worded import bin_layer, claims_of, grid_layer, group_layer, line_words, names_of, values_of

_MAX_BINS = 6000
"""Most cells of a heat map's finest size."""
_SMALLEST_CELL = 500
"""A heat map's cells are at least this part of its diagonal: smaller ones are not seen (project convention)."""


@dataclass(frozen=True)
class Head:
    """What stands over a map (图名): title, period, data cut-off and coordinate label, as they shall be read."""

    title: Text
    period: str
    as_of: str
    datum: str
    notes: tuple[Text, ...] = ()
    """What is to be read before the map: which facts the period lacks, who has no total and why."""


def choropleth(
    levels: Sequence[LevelFrame],
    measure: Measure,
    *,
    lines: Linework,
    head: Head,
    counts: Mapping[str, Text],
    start_level: str,
    lang: str = "zh",
    breaks: Breaks = "quantile",
    grades: Sequence[Grade] = (),
    claims: Claims | None = None,
    embedded: bool = False,
) -> OfflineMap:
    """Draw an indicator on every level of the grids (分级设色图), with the way down from city to community.

    Each level has classes of its own, over all its grids, unless ``breaks`` or
    ``grades`` give the limits; going down into a grid changes neither classes nor ranks.

    Parameters
    ----------
    levels
        From the top down; see :class:`maps.layers.LevelFrame`.
    lines
        How the grids of these levels are drawn; each has its row in a frame.
    counts
        Columns of the frames that the tooltip shows, in order, with their names.
    start_level
        Key of the level shown first.
    breaks, grades
        See :func:`maps.style.classify`.
    claims
        Land that two grids claim, hatched over them; pointed at, it says which two, how large, who accepted it and why.
    embedded
        For a frame of another page: the map alone. It posts ``{pick: {level, code}}``
        and ``{place: [lon, lat]}`` to that page when pressed, and follows its ``{show: {level, code}}``.

    Raises
    ------
    OptionInvalid
        No grids, an unknown level or language, a grid or column that is not there, or wrong limits.
    """
    keys = [x.level.key for x in levels]
    _check_choice("lang", lang, LANGUAGES)
    _check_choice("start_level", start_level, keys)
    for x in levels:
        for column in ("code", "name", "value", *counts):
            _check_choice(f"column of {x.level.key}", column, list(x.frame.columns))
    layers = []
    for x in levels:
        drawn = lines.levels[x.level.number]
        frame = _in_order(x.frame, drawn.codes)
        layer = grid_layer(frame, measure, counts, classify(values_of(frame), measure, breaks, grades))
        contested = claims_of(claims, x.level.number, frame)
        ranked = {} if x.n_ranked is None else {"n_ranked": x.n_ranked}
        layers.append({**_level_words(x.level, frame), **layer, **ranked, **line_words(drawn, lines), **contested})
    data = {
        **_page_words(head, lang),
        "measure": _measure_words(measure),
        "direction": text("map_better_grades" if grades else f"map_better_{measure.better or 'none'}"),
        "layers": layers,
        "start": keys.index(start_level),
        "embedded": embedded,
    }
    if claims is not None:
        data["accepted"] = text("map_claims_accepted", by=claims.settled.by, why=claims.settled.why)
    return OfflineMap(template("choropleth.js"), data, head.title[lang])


def heat(
    points_lon: Floats,
    points_lat: Floats,
    *,
    boundary: GeoDataFrame,
    lines: Linework,
    metric_epsg: int,
    head: Head,
    n_outside: int,
    n_without_location: int = 0,
    places: GeoDataFrame | None = None,
    lang: str = "zh",
    embedded: bool = False,
) -> OfflineMap:
    """Draw where cases lie (案件热力图) as hexagons of equal size, in up to three sizes that follow the zoom.

    Parameters
    ----------
    points_lon, points_lat
        The cases to draw, degrees in EPSG:4490; a NaN counts as "without location".
    boundary
        Outlines drawn above the cells, normally the districts: ``code``, ``name``, optionally ``name_en``.
    lines
        How the outlines are drawn: their level alone.
    metric_epsg
        The city's projected CRS; cells have equal size in it.
    n_outside, n_without_location
        Cases that are not among the points; the page states them.
    places
        Small grids (``code``, ``name``, optionally ``name_en``) that name the cells; default: the outlines.
    embedded
        For a frame of another page: the map alone; it posts ``{place: [lon, lat]}`` when pressed.

    Raises
    ------
    OptionInvalid
        An unknown language, or no outline.
    CrsMissing
        ``boundary`` without a coordinate system.
    """
    _check_choice("lang", lang, LANGUAGES)
    outline = stored(boundary, "boundary").reset_index(drop=True)
    districts = _outline(outline, lines)
    known = np.isfinite(points_lon) & np.isfinite(points_lat)
    smallest = Plane.around(outline.total_bounds[None]).extent_m / _SMALLEST_CELL
    bins = bin_points(points_lon[known], points_lat[known], metric_epsg, _MAX_BINS, smallest)
    numbers = {"drawn": known.sum(), "outside": n_outside, "without": n_without_location + (~known).sum()}
    data = {
        **_page_words(head, lang),
        "measure": text("map_heat_measure"),
        "direction": text("map_better_none"),
        "layers": [bin_layer(x, outline, places) for x in bins],
        "districts": districts,
        "embedded": embedded,
    }
    data["facts"] += [text(f"map_heat_{key}", n=f"{n:,}") for key, n in numbers.items()]
    return OfflineMap(template("heat.js"), data, head.title[lang])


def repeats(
    groups: GeoDataFrame,
    *,
    boundary: pd.DataFrame,
    lines: Linework,
    classes: Mapping[str, tuple[str, Text]],
    head: Head,
    facts: Sequence[Text],
    lang: str = "zh",
) -> OfflineMap:
    """Draw groups of repeat cases (重复案件组): a dot each, its ring, and the cases by number.

    Parameters
    ----------
    groups
        EPSG:4490 or any CRS, one row a group with the area of its place: group (its number), road_class, n_repeats,
        names (by language) and rows (label by language → text, or text by language, in the order of the tooltip).
    boundary
        Outlines, normally the districts: ``code``, ``name``, optionally ``name_en``.
    lines
        How they are drawn: their level alone.
    classes
        Road class → its colour and its label, the strictest first.
    facts
        Further facts for the page's head.

    Raises
    ------
    OptionInvalid, CrsMissing
        See :func:`heat`.
    """
    _check_choice("lang", lang, LANGUAGES)
    districts = _outline(boundary, lines)
    shown = stored(groups, "groups").sort_values(["n_repeats", "group"], ascending=[False, True], ignore_index=True)
    data = {
        **_page_words(head, lang),
        "measure": text("map_repeats_measure"),
        "direction": text("map_repeats_note"),
        "layer": group_layer(shown, classes),
        "districts": districts,
    }
    data["facts"] += list(facts)
    return OfflineMap(template("repeats.js"), data, head.title[lang])


def save(page: OfflineMap, path: Path) -> int:
    """Write a page so that a reader finds the old file or the whole new one, and return its bytes."""
    content = page.get_root().render().encode("utf-8")
    write(path, content)
    return len(content)


def _check_choice(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise OptionInvalid(name=name, value=value, expected=", ".join(known))


def _in_order(frame: pd.DataFrame, codes: Sequence[str]) -> pd.DataFrame:
    """The grids in the order in which they are drawn."""
    if gone := sorted(set(codes) - set(frame["code"])) or ([""] if not codes else []):
        raise OptionInvalid(name="levels", value=gone[0], expected=expected("grid_at_each_level"))
    return frame.set_index("code").loc[list(codes)].reset_index()


def _outline(outline: pd.DataFrame, lines: Linework) -> dict[str, Any]:
    """The outlines that orient a reader, as the page draws them."""
    (drawn,) = lines.levels.values()
    if list(outline["code"]) != list(drawn.codes) or outline.empty:
        raise OptionInvalid(name="boundary", value="", expected=expected("outline"))
    return {**names_of(outline), **line_words(drawn, lines)}


def _level_words(level: Level, frame: pd.DataFrame) -> dict[str, Any]:
    """Names of a level and the headings that carry them."""
    names = {"zh": level.zh, "en": level.en}
    n = f"{len(frame):,}"
    heading = "map_rank_list" if "rank" in frame else "map_grid_list"
    return {
        **names,
        "key": level.key,
        "caption": {k: text("map_members", level=v, n=n)[k] for k, v in names.items()},
        "heading": {k: text(heading, level=v)[k] for k, v in names.items()},
    }


def _measure_words(measure: Measure) -> Text:
    names = {"zh": measure.zh, "en": measure.en}
    return {k: text("map_per_km2", name=v)[k] if measure.unit == "density" else v for k, v in names.items()}


def _page_words(head: Head, lang: str) -> dict[str, Any]:
    """What head and buttons of every page say, in all languages."""
    prefix = "map_ui_"
    return {
        "lang": lang,
        "title": dict(head.title),
        "facts": [
            text("map_period", period=head.period),
            text("map_as_of", as_of=head.as_of),
            text("map_datum", datum=head.datum),
            *map(dict, head.notes),
        ],
        "words": {k.removeprefix(prefix): dict(v) for k, v in catalogue().items() if k.startswith(prefix)},
    }
