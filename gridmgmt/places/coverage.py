"""Measures of a coverage (覆盖): edges that neighbours do not share, overlaps, gaps, children against parents.

All functions take grids of one level in a metric CRS, valid polygons only, and
measure in m² and shares of area; none judges (see :mod:`gridmgmt.places.topology`).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame
from numpy.typing import NDArray

from gridmgmt.places.grids import Geometries

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Nesting:
    """Children against their parents by area: tables with code, area_m2 (amiss) and share, worst share first."""

    outside: pd.DataFrame
    uncovered: pd.DataFrame


def mismatches(grids: GeoDataFrame) -> Mask:
    """Which grids have an edge that a neighbour crosses or does not share vertex by vertex."""
    return np.asarray(shapely.length(shapely.coverage_invalid_edges(grids.geometry.to_numpy())) > 0, dtype=np.bool_)


def overlaps(grids: GeoDataFrame, mismatched: Mask) -> pd.DataFrame:
    """Pairs of grids with a common area, largest first: columns code_a, code_b, area_m2, share (of the smaller one).

    Only ``mismatched`` grids are looked at: of two that overlap, one at least is among them.
    """
    geometries, codes = grids.geometry.to_numpy(), grids["code"].to_numpy(dtype=object)
    suspects = np.flatnonzero(mismatched)
    i, j = shapely.STRtree(geometries).query(geometries[suspects], predicate="intersects")
    pairs = np.unique(np.sort(np.column_stack([suspects[i], j]), axis=1), axis=0)
    a, b = pairs[pairs[:, 0] < pairs[:, 1]].T
    area = shapely.area(shapely.intersection(geometries[a], geometries[b]))
    smaller = np.minimum(shapely.area(geometries[a]), shapely.area(geometries[b]))
    table = pd.DataFrame({"code_a": codes[a], "code_b": codes[b], "area_m2": area, "share": area / smaller})
    found: pd.DataFrame = table[area > 0].sort_values("area_m2", ascending=False, kind="stable", ignore_index=True)
    return found


def enclosed(grids: GeoDataFrame) -> Geometries:
    """The gaps that a level encloses, largest first; grids that lie inside one are no part of it."""
    union = shapely.union_all(grids.geometry.to_numpy())
    parts = shapely.get_parts(union)
    if not shapely.get_num_interior_rings(parts).any():
        return np.array([], dtype=object)
    shells = shapely.union_all(shapely.polygons(shapely.get_exterior_ring(parts)))
    return _largest_first(shapely.get_parts(shapely.difference(shells, union)))


def beyond(gaps: Geometries, outline: Geometries, rounding_share: float) -> Geometries:
    """What of the gaps lies outside the holes of the city's outline; remainders up to a share of a gap are dropped."""
    rest = shapely.difference(gaps, shapely.union_all(outline))
    return _largest_first(rest[shapely.area(rest) > rounding_share * shapely.area(gaps)])


def _largest_first(geometries: Geometries) -> Geometries:
    return geometries[np.argsort(-shapely.area(geometries), kind="stable")]


def nest(children: GeoDataFrame, parents: GeoDataFrame) -> Nesting:
    """How much of each child lies outside its parent, and how much of each parent under no child of its own.

    Children whose parent does not exist are left out; a parent without children is all uncovered.
    """
    outlines = parents.drop_duplicates("code").set_index("code").geometry
    known = children[children["parent_code"].isin(outlines.index)]
    inner, outer = known.geometry.to_numpy(), outlines.reindex(known["parent_code"]).to_numpy()
    groups = known.geometry.groupby(known["parent_code"]).agg(lambda x: shapely.union_all(x.to_numpy()))
    whole = outlines.to_numpy()
    filled = groups.reindex(outlines.index).to_numpy(dtype=object)
    filled[pd.isna(filled)] = shapely.MultiPolygon()
    return Nesting(
        outside=_amiss(known["code"].to_numpy(), inner, shapely.difference(inner, outer)),
        uncovered=_amiss(outlines.index.to_numpy(), whole, shapely.difference(whole, filled)),
    )


def _amiss(codes: Geometries, whole: Geometries, part: Geometries) -> pd.DataFrame:
    area = shapely.area(part)
    table = pd.DataFrame({"code": codes, "area_m2": area, "share": area / shapely.area(whole)})
    return table.sort_values(["share", "code"], ascending=[False, True], ignore_index=True)
