"""What a page's script draws (页面数据): shapes, classes and values of one layer, worded as they are shown."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame, GeoSeries

from gridmgmt.city import STORAGE_EPSG
from gridmgmt.places.contested import Claims
from gridmgmt.places.linework import DrawnLevel, Linework
from gridmgmt.texts import LANGUAGES
from maps.layers import Bins, Shapes, pieces, stored
from maps.style import HEAT, Classes, Floats, Measure, Text, classify, show_area, show_number, show_ranked, text

_GROUP_DECIMALS = 6
"""Rings of groups of cases are drawn to 0.1 m."""


def group_layer(groups: GeoDataFrame, classes: Mapping[str, tuple[str, Text]]) -> dict[str, Any]:
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
        "one": text("map_repeats_one"),
        "size": counts.tolist(),
        "rank": (-counts).rank(method="min").astype(int).tolist(),
        "n_ranked": len(groups),
        "counts": [],
        "line": 1,
    }


def values_of(frame: pd.DataFrame) -> Floats:
    """The values as numbers, NaN where there is none."""
    return np.asarray(frame["value"].to_numpy(dtype=float, na_value=np.nan))


def _shown(column: "pd.Series[Any]", show: Callable[[Any], Any] = lambda x: show_number(x, "count")) -> list[Any]:
    """A column for JSON: shown where known, None where missing."""
    return [None if gone else show(x) for x, gone in zip(column, column.isna(), strict=True)]


def _value_words(frame: pd.DataFrame, unit: str) -> list[str | None]:
    """Each value as it is shown, None without one; those of different ranks never read the same."""
    if "rank" not in frame:
        return _shown(frame["value"], lambda x: show_number(x, unit))
    values = values_of(frame)
    known = np.flatnonzero(~np.isnan(values))
    ranks = np.asarray(frame["rank"].to_numpy(dtype=float, na_value=np.nan))
    words: list[str | None] = [None] * len(frame)
    for i, told in zip(known, show_ranked(values[known], ranks[known], unit), strict=True):
        words[i] = told
    return words


def names_of(frame: pd.DataFrame) -> dict[str, Any]:
    """Codes and names, English ones where the frame has them."""
    columns = [c for c in ("code", "name", "name_en") if c in frame.columns]
    return {c: frame[c].fillna(frame["name"]).astype(str).tolist() for c in columns}


def _shape_words(shapes: Shapes) -> dict[str, Any]:
    """Shapes as the script reads them."""
    return {"shapes": shapes.encode(), "step": [10**-shapes.decimals] * 2}


def line_words(drawn: DrawnLevel, lines: Linework) -> dict[str, Any]:
    """How a level is drawn; without arcs of its own from those of the levels below."""
    return {"parent": drawn.parents, "step": lines.step, "marks": drawn.marks, "arcs": drawn.arcs}


def _listed(frame: pd.DataFrame) -> list[int]:
    """Rows as the page lists them: best rank first, without ranks the largest value; no data last, equals by code."""
    keys = pd.DataFrame({"rank": frame.get("rank", np.nan), "down": -values_of(frame), "code": frame["code"]})
    return [int(i) for i in keys.sort_values(["rank", "down", "code"], na_position="last").index]


def grid_layer(frame: pd.DataFrame, measure: Measure, counts: Mapping[str, Text], classes: Classes) -> dict[str, Any]:
    """One level's grids, value by value, worded as they are shown."""
    layer = {
        **names_of(frame),
        **_class_words(classes, values_of(frame)),
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


def claims_of(claims: Claims | None, level: int, frame: pd.DataFrame) -> dict[str, Any]:
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


def bin_layer(bins: Bins, outline: GeoDataFrame, places: GeoDataFrame | None) -> dict[str, Any]:
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
        "one": text("map_heat_one"),
        "value": [show_number(n, "count") for n in values],
        "rank": pd.Series(-values).rank(method="min").astype(int).tolist(),
        "n_ranked": len(values),
        "counts": [{**text("map_heat_share"), "values": shares}],
        "line": 0,
    }


def _place_names(centres: Any, decimals: int, places: GeoDataFrame) -> list[Text | None]:
    """The names of the small grid that covers each cell's centre, None where none does."""
    names = names_of(stored(places, "places").reset_index(drop=True))
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
