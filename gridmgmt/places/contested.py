"""Land that two grids claim (争议地带): a way on that the city states, with who and why.

``accept`` leaves the polygons as they are: a point in both belongs to the
smallest code, as on a shared edge. ``cut`` takes the common area from all but
one: the grid that stands first in the city's own order keeps it, else the
smallest code. Neither happens unless somebody says so; it stands in the report.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame

from gridmgmt.city import City
from gridmgmt.errors import GridAreaInvalid, OptionInvalid
from gridmgmt.geo import to_metric, to_storage
from gridmgmt.places.coverage import mismatches, overlaps
from gridmgmt.places.grids import MAX_CODES, Finding, multipolygons

_Way = Literal["accept", "cut"]


@dataclass(frozen=True)
class Settlement:
    """How land that two grids claim is dealt with, who says so, and why.

    Attributes
    ----------
    first
        Codes that keep what they share when it is cut, the strongest first; all others follow by code.
    """

    way: _Way
    by: str
    why: str
    first: tuple[str, ...] = ()


@dataclass(frozen=True)
class Claims:
    """Land that two grids of a level claim, as the city accepted it (已认可的争议地带).

    Attributes
    ----------
    land
        EPSG:4490, one row a pair of grids, of each level the largest first: level, code_a, code_b, area_m2.
    lowest
        The city's lowest level: there the smallest code owns what is shared, and upper grids follow by parent.
    """

    land: GeoDataFrame
    settled: Settlement
    lowest: int


def settlement(way: str | None, by: str | None, why: str | None, first: Sequence[str] = ()) -> Settlement | None:
    """What a city says about its overlaps, if it says anything.

    Raises
    ------
    OptionInvalid
        An unknown way; without who or why; an order where nothing is cut.
    """
    ways: tuple[_Way, ...] = get_args(_Way)
    chosen = next((x for x in ways if x == way), None)
    if way is None and not first:
        return None
    if chosen is None or (first and chosen != "cut"):
        raise OptionInvalid(name="--overlaps", value=way or "", expected="cut" if first else " | ".join(ways))
    for name, value in (("--by", by), ("--why", why)):
        if not (value or "").strip():
            raise OptionInvalid(name=name, value="", expected="TEXT")
    return Settlement(chosen, str(by).strip(), str(why).strip(), tuple(first))


def cut(
    frame: GeoDataFrame, city: City, said: Settlement, least_m2: float, least_share: float
) -> tuple[GeoDataFrame, tuple[Finding, ...]]:
    """Take the common area of two grids of a level from the later one of them; smaller overlaps stay.

    Parameters
    ----------
    least_m2, least_share
        What is cut is larger than both: an area, and a share of the smaller grid.

    Raises
    ------
    GridAreaInvalid
        Nothing would be left of a grid.
    """
    rank = {code: i for i, code in enumerate(said.first)}
    shapes, findings = frame.geometry.to_numpy().copy(), []
    for level in sorted(frame["level"].unique()):
        here = frame[frame["level"] == level]
        metric = to_metric(here, city.metric_epsg)
        pairs = overlaps(metric, mismatches(metric))
        pairs = pairs[(pairs["area_m2"] > least_m2) & (pairs["share"] > least_share)]
        places = {code: frame.index.get_loc(i) for code, i in zip(here["code"], here.index, strict=True)}
        whole = dict(zip(here["code"], here.geometry, strict=True))
        for a, b in pairs[["code_a", "code_b"]].itertuples(index=False):
            keeps, loses = sorted((a, b), key=lambda code: (rank.get(code, len(rank)), code))
            shapes[places[loses]] = shapely.difference(shapes[places[loses]], whole[keeps])
        if len(pairs):
            findings.append(_finding("grid_overlap_cut", int(level), pairs, said))
    made = multipolygons(shapes)
    gone = frame.loc[shapely.is_missing(made), "code"]
    if len(gone):
        codes = list(gone.head(MAX_CODES))
        raise GridAreaInvalid(codes=codes, n=len(gone), metric_crs=f"EPSG:{city.metric_epsg}")
    return frame.set_geometry(made, crs=frame.crs), tuple(findings)


def claims(
    levels: Iterable[tuple[int, GeoDataFrame]], city: City, said: Settlement, least_m2: float, least_share: float
) -> Claims:
    """The common areas of each two grids of a level, as polygons; smaller overlaps are none.

    Parameters
    ----------
    levels
        Number of a level, and its grids with code and geometry.
    least_m2, least_share
        See :func:`cut`.
    """
    found = []
    for level, frame in levels:
        metric = to_metric(frame[["code", "geometry"]].sort_values("code", ignore_index=True), city.metric_epsg)
        pairs = overlaps(metric, mismatches(metric))
        pairs = pairs[(pairs["area_m2"] > least_m2) & (pairs["share"] > least_share)]
        shapes = metric.set_index("code").geometry
        a, b = (shapes.reindex(pairs[name]).to_numpy() for name in ("code_a", "code_b"))
        common = [_land(shape) for shape in shapely.intersection(a, b)]
        told = pairs[["code_a", "code_b", "area_m2"]].assign(level=level)
        found.append(to_storage(GeoDataFrame(told, geometry=common, crs=metric.crs)))
    return Claims(gpd.GeoDataFrame(pd.concat(found, ignore_index=True)), said, city.levels[-1].number)


def _land(common: shapely.Geometry) -> shapely.MultiPolygon:
    """What of a common part is land: two grids may share lines and corners beside it."""
    parts = shapely.get_parts(shapely.get_parts(common))
    return shapely.multipolygons(parts[shapely.area(parts) > 0])


def _finding(code: str, level: int, pairs: Any, said: Settlement) -> Finding:
    codes = dict.fromkeys(pairs[["code_a", "code_b"]].to_numpy().ravel())
    facts = {"total_m2": float(pairs["area_m2"].sum()), "worst": " / ".join([*codes][:2]), "by": said.by}
    worst = float(np.max(pairs["area_m2"]))
    return Finding(code, "note", level, tuple(codes)[:MAX_CODES], len(pairs), worst, "m2", {**facts, "why": said.why})
