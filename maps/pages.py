"""Map pages (专题地图): choropleth, heat map, repeat cases; from frames to one file that opens anywhere."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame, GeoSeries

from gridmgmt.city import STORAGE_EPSG, Level
from gridmgmt.errors import OptionInvalid
from gridmgmt.files.writing import write
from gridmgmt.places.contested import Claims
from gridmgmt.places.linework import DrawnLevel, Linework, Plane
from gridmgmt.texts import LANGUAGES, catalogue, expected
from maps.assets import OfflineMap, template
from maps.layers import Bins, LevelFrame, Shapes, bin_points, pieces, stored
from maps.style import (
    HEAT,
    Breaks,
    Classes,
    Floats,
    Grade,
    Measure,
    Text,
    classify,
    show_area,
    show_number,
    show_ranked,
    text,
)

_MAX_BINS = 6000
"""Most cells of a heat map's finest size."""
_SMALLEST_CELL = 500
"""A heat map's cells are at least this part of its diagonal: smaller ones are not seen (project convention)."""
_GROUP_DECIMALS = 6
"""Rings of groups of cases are drawn to 0.1 m."""


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
        From the top down without a gap; see :class:`maps.layers.LevelFrame`.
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
        layer = _grid_layer(frame, measure, counts, classify(_values(frame), measure, breaks, grades))
        contested = _claims_of(claims, x.level.number, frame)
        layers.append({**_level_words(x.level, frame), **layer, **_line_words(drawn, lines), **contested})
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
        "layers": [_bin_layer(x, outline, places) for x in bins],
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
        "layer": _group_layer(shown, classes),
        "districts": districts,
    }
    data["facts"] += list(facts)
    return OfflineMap(template("repeats.js"), data, head.title[lang])


def _group_layer(groups: GeoDataFrame, classes: Mapping[str, tuple[str, Text]]) -> dict[str, Any]:
    """Groups as the page's one layer; the legend lists the strictest class first, so the classes go from the last."""
    keys = list(classes)[::-1]
    sizes = groups["road_class"].value_counts()
    metres = shapely.transform(groups.geometry.to_numpy(), lambda xy: np.round(xy * 10**_GROUP_DECIMALS))
    counts = groups["n_repeats"]
    return {
        **_shape_words(Shapes(metres, _GROUP_DECIMALS)),
        "code": [f"#{n}" for n in groups["group"]],
        "names": groups["names"].tolist(),
        "rows": groups["rows"].tolist(),
        "class": [keys.index(c) for c in groups["road_class"]],
        "classes": [{**classes[c][1], "colour": classes[c][0], "n": int(sizes.get(c, 0))} for c in keys],
        "fixed": True,
        "notes": [],
        "n_no_data": None,
        "caption": text("map_repeats_caption", n=f"{len(groups):,}"),
        "heading": text("map_repeats_list"),
        "value": [show_number(n, "count") for n in counts],
        "unit": text("map_repeats_unit"),
        "size": counts.tolist(),
        "rank": (-counts).rank(method="min").astype(int).tolist(),
        "n_ranked": len(groups),
        "counts": [],
        "line": 1,
    }


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


def _listed(frame: pd.DataFrame) -> list[int]:
    """Rows as the page lists them: best rank first, without ranks the largest value; no data last, equals by code."""
    keys = pd.DataFrame({"rank": frame.get("rank", np.nan), "down": -_values(frame), "code": frame["code"]})
    return [int(i) for i in keys.sort_values(["rank", "down", "code"], na_position="last").index]


def _values(frame: pd.DataFrame) -> Floats:
    return np.asarray(frame["value"].to_numpy(dtype=float, na_value=np.nan))


def _shown(column: "pd.Series[Any]", show: Callable[[Any], Any] = lambda x: show_number(x, "count")) -> list[Any]:
    """A column for JSON: shown where known, None where missing."""
    return [None if gone else show(x) for x, gone in zip(column, column.isna(), strict=True)]


def _value_words(frame: pd.DataFrame, unit: str) -> list[str | None]:
    """Each value as it is shown, None without one; those of different ranks never read the same."""
    if "rank" not in frame:
        return _shown(frame["value"], lambda x: show_number(x, unit))
    values = _values(frame)
    known = np.flatnonzero(~np.isnan(values))
    ranks = np.asarray(frame["rank"].to_numpy(dtype=float, na_value=np.nan))
    words: list[str | None] = [None] * len(frame)
    for i, told in zip(known, show_ranked(values[known], ranks[known], unit), strict=True):
        words[i] = told
    return words


def _names(frame: pd.DataFrame) -> dict[str, Any]:
    """Codes and names, English ones where the frame has them."""
    columns = [c for c in ("code", "name", "name_en") if c in frame.columns]
    return {c: frame[c].fillna(frame["name"]).astype(str).tolist() for c in columns}


def _outline(outline: pd.DataFrame, lines: Linework) -> dict[str, Any]:
    """The outlines that orient a reader, as the page draws them."""
    (drawn,) = lines.levels.values()
    if list(outline["code"]) != list(drawn.codes) or outline.empty:
        raise OptionInvalid(name="boundary", value="", expected=expected("outline"))
    return {**_names(outline), **_line_words(drawn, lines)}


def _shape_words(shapes: Shapes) -> dict[str, Any]:
    return {"shapes": shapes.encode(), "step": [10**-shapes.decimals] * 2}


def _line_words(drawn: DrawnLevel, lines: Linework) -> dict[str, Any]:
    """How a level is drawn; without arcs of its own from those of the levels below."""
    return {"parent": drawn.parents, "step": lines.step, "marks": drawn.marks, "arcs": drawn.arcs}


def _grid_layer(frame: pd.DataFrame, measure: Measure, counts: Mapping[str, Text], classes: Classes) -> dict[str, Any]:
    """One level's grids, value by value, worded as they are shown."""
    layer = {
        **_names(frame),
        **_class_words(classes, _values(frame)),
        "listed": _listed(frame),
        "value": _value_words(frame, measure.unit),
        "rank": _shown(frame["rank"], int) if "rank" in frame else [None] * len(frame),
        "n_ranked": int(frame["rank"].notna().sum()) if "rank" in frame else 0,
        "counts": [{**words, "values": _shown(frame[c])} for c, words in counts.items()],
        "line": 1.0 if len(frame) < 500 else 0.5,
    }
    if {"numerator", "denominator"} <= set(frame.columns):
        shown = [_shown(frame[c]) for c in ("numerator", "denominator")]
        layer["share"] = [None if None in pair else " / ".join(pair) for pair in zip(*shown, strict=True)]
    return layer


def _claims_of(claims: Claims | None, level: int, frame: pd.DataFrame) -> dict[str, Any]:
    """The land that two grids of a level claim: shapes, the rows of both, areas; nothing where there is none."""
    if claims is None or not (claims.land["level"] == level).any():
        return {}
    land = claims.land[claims.land["level"] == level]
    rows = pd.Index(frame["code"])
    return {
        "claims": {
            **_shape_words(pieces(stored(land, "claims"))),
            "of": [rows.get_indexer(land[name]).tolist() for name in ("code_a", "code_b")],
            "area": [show_area(m2) for m2 in land["area_m2"]],
            "label": text("map_claims_label", n=f"{len(land):,}"),
            "owner": text("map_claims_smallest" if level == claims.lowest else "map_claims_by_lowest"),
        }
    }


def _bin_layer(bins: Bins, outline: GeoDataFrame, places: GeoDataFrame | None) -> dict[str, Any]:
    """One size of cells; a cell's parent is the outline that covers its centre."""
    measure = Measure("heat", "", "", "count")
    values = bins.counts.astype(float)
    classes = classify(values, measure, "log", colours=HEAT)
    size = f"{bins.size_m} m" if bins.size_m < 1000 else f"{bins.size_m // 1000} km"
    centres = shapely.centroid(bins.shapes.polygons) if len(values) else []
    shares = [f"{100 * n / values.sum():.2f}%" for n in values]
    return {
        **dict.fromkeys(LANGUAGES, size),
        **_shape_words(bins.shapes),
        **_class_words(classes, values),
        "notes": [text("map_heat_note", size=size), classes.how],
        "n_no_data": None,
        "size_m": bins.size_m,
        "caption": text("map_heat_cells", size=size, n=f"{len(values):,}"),
        "heading": text("map_heat_list"),
        "parent": _covering(centres, bins.shapes.decimals, outline),
        "places": [] if places is None else _place_names(centres, bins.shapes.decimals, places),
        "unit": text("map_heat_unit"),
        "value": [show_number(n, "count") for n in values],
        "rank": pd.Series(-values).rank(method="min").astype(int).tolist(),
        "n_ranked": len(values),
        "counts": [{**text("map_heat_share"), "values": shares}],
        "line": 0,
    }


def _place_names(centres: Any, decimals: int, places: GeoDataFrame) -> list[Text | None]:
    """The names of the small grid that covers each cell's centre, None where none does."""
    names = _names(stored(places, "places").reset_index(drop=True))
    english = names.get("name_en", names["name"])
    found = _covering(centres, decimals, stored(places, "places").reset_index(drop=True))
    return [None if i < 0 else {"zh": names["name"][i], "en": english[i]} for i in found]


def _covering(centres: Any, decimals: int, outline: GeoDataFrame) -> list[int]:
    """Row of the first outline that covers each point, -1 where none does."""
    degrees = shapely.transform(np.asarray(centres, dtype=object), lambda xy: xy / 10**decimals)
    points, rows = outline.sindex.query(GeoSeries(degrees, crs=STORAGE_EPSG), predicate="covered_by")
    found = np.full(len(degrees), -1)
    found[points[::-1]] = rows[::-1]
    return [int(x) for x in found]


def _class_words(classes: Classes, values: Floats) -> dict[str, Any]:
    """Classes with how many grids each holds, and the class of each grid."""
    sizes = classes.sizes(values)
    legend = [
        {**label, "colour": colour, "n": n}
        for label, colour, n in zip(classes.labels, classes.colours, sizes, strict=True)
    ]
    for row, name in zip(legend, classes.names, strict=False):
        row["name"] = name
    return {
        "class": classes.index(values).tolist(),
        "classes": legend,
        "fixed": classes.fixed,
        "notes": [classes.how],
        "n_no_data": int(np.isnan(values).sum()),
    }


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
