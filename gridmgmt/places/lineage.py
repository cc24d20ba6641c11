"""Lineage (沿革) of grids between two editions: which codes became which, by share of area, and in what way."""

from typing import Any

import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame

from gridmgmt.geo import to_metric

_ROUNDING_SHARE = 1e-6
"""A common area smaller than this share of both grids is rounding on a shared edge (project convention)."""

_MAIN_SHARE = 0.5 + _ROUNDING_SHARE
"""Over half, in earnest: a grid is a part of what holds more than this share of it (project convention)."""

COLUMNS = ("level", "code_a", "code_b", "share_a", "share_b", "area_m2")


def lineage(a: GeoDataFrame, b: GeoDataFrame, epsg: int) -> pd.DataFrame:
    """Which grids of edition ``a`` became which of ``b``, level by level, by share of area (沿革).

    Grids with the same code and the same geometry are paired without overlay.
    Pairs below :data:`_ROUNDING_SHARE` of both are dropped. A grid without any
    counterpart has a row of its own, with None on the other side and its whole area.

    Parameters
    ----------
    a, b
        Edition frames (:mod:`gridmgmt.places.grids`) with valid geometry.
    epsg
        Metric CRS to measure in.

    Returns
    -------
    DataFrame
        level, code_a, code_b, share_a (common area / area of a), share_b (common area / area of b), area_m2,
        ordered by level, code_a and area, largest first; grids without predecessor last in their level.
    """
    levels = sorted({*a["level"], *b["level"]})
    tables = [_of_level(a[a["level"] == n], b[b["level"] == n], epsg).assign(level=n) for n in levels]
    whole = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COLUMNS))
    order = {"level": True, "code_a": True, "area_m2": False, "code_b": True}
    return whole[list(COLUMNS)].sort_values(list(order), ascending=list(order.values()), ignore_index=True)


def changes(pairs: pd.DataFrame, a: GeoDataFrame, b: GeoDataFrame) -> pd.DataFrame:
    """What became of each grid of ``a``, one class each, and which grids of ``b`` are new (变更).

    ==========  ========================================================================
    unchanged   same ground, code and names
    renamed     same ground, another code or name
    split       more than one grid of b has over half of its ground from here
    merged      over half went to a grid of b that took over half of another one, too
    moved       one successor, but the boundary moved
    gone        no grid of b stands on its ground
    new         (a grid of b) is the successor of none
    ==========  ========================================================================

    The first that fits, from top to bottom. Successors are the grid that took
    most of the ground, and those that have over half of theirs from here.

    Parameters
    ----------
    pairs
        What :func:`lineage` gave for these two editions.

    Returns
    -------
    DataFrame
        level, code_a (None if new), codes_b (tuple of successors, largest first), change, share_a
        (of a's ground in its first successor; NaN if none), reparented (True where ``parent_code``
        differs between the grid and its first successor).
    """
    both = pairs[pairs["code_a"].notna() & pairs["code_b"].notna()]
    first = both.drop_duplicates(["level", "code_a"])
    part = both["share_b"] > _MAIN_SHARE
    successors = both[part | both.index.isin(first.index)]
    told = first.assign(
        codes_b=_by_a(first, successors.groupby(["level", "code_a"])["code_b"].agg(tuple)),
        n_parts=_by_a(first, part.groupby([both["level"], both["code_a"]]).sum()),
        n_merged=(both["share_a"] > _MAIN_SHARE).groupby([both["level"], both["code_b"]]).transform("sum"),
        reparented=_differs(first, a, b, ["parent_code"]),
        renamed=_differs(first, a, b, ["code", "name_zh", "name_en"]),
    )
    same_ground = told[["share_a", "share_b"]].min(axis=1) >= 1 - _ROUNDING_SHARE
    merged = (told["share_a"] > _MAIN_SHARE) & (told["n_merged"] > 1)
    told["change"] = np.select(
        [same_ground & ~told["renamed"], same_ground, told["n_parts"] > 1, merged],
        ["unchanged", "renamed", "split", "merged"],
        "moved",
    )
    return _with_gone_and_new(told, successors, pairs)


def moved(pairs: pd.DataFrame, a: GeoDataFrame, b: GeoDataFrame) -> list[dict[str, Any]]:
    """Of :func:`changes` what is otherwise than before, JSON-ready: what there is not is None, codes_b a list."""
    what = changes(pairs, a, b)
    told = what[(what["change"] != "unchanged") | what["reparented"]]
    rows = told.astype(object).where(told.notna(), None).to_dict("records")
    return [{**{str(k): v for k, v in row.items()}, "codes_b": [*(row["codes_b"] or ())]} for row in rows]


def _of_level(a: GeoDataFrame, b: GeoDataFrame, epsg: int) -> pd.DataFrame:
    kept = _identical(a, b)
    a_m, b_m = to_metric(a, epsg), to_metric(b, epsg)
    same, old, new = a_m[a["code"].isin(kept)], a_m[~a["code"].isin(kept)], b_m[~b["code"].isin(kept)]
    overlaid = _overlay(old, new)
    gone, made = old[~old["code"].isin(overlaid["code_a"])], new[~new["code"].isin(overlaid["code_b"])]
    tables = [
        pd.DataFrame(
            {"code_a": same["code"], "code_b": same["code"], "share_a": 1.0, "share_b": 1.0, "area_m2": same.area}
        ),
        overlaid,
        pd.DataFrame({"code_a": gone["code"], "code_b": None, "share_a": 1.0, "share_b": 0.0, "area_m2": gone.area}),
        pd.DataFrame({"code_a": None, "code_b": made["code"], "share_a": 0.0, "share_b": 1.0, "area_m2": made.area}),
    ]
    return pd.concat([x.astype({"code_a": object, "code_b": object}) for x in tables], ignore_index=True)


def _identical(a: GeoDataFrame, b: GeoDataFrame) -> set[str]:
    """Codes whose geometry is the same in both, whatever the order of rings and the starting vertices."""
    left, right = a.set_index("code").geometry, b.set_index("code").geometry
    codes = left.index.intersection(right.index)
    pair = (shapely.normalize(x.loc[codes].to_numpy()) for x in (left, right))
    return set(codes[shapely.equals_exact(*pair, tolerance=0)])


def _overlay(a: GeoDataFrame, b: GeoDataFrame) -> pd.DataFrame:
    """Pairs with a common area beyond rounding; metric CRS."""
    left, right = a.geometry.to_numpy(), b.geometry.to_numpy()
    i, j = shapely.STRtree(right).query(left, predicate="intersects")
    area = shapely.area(shapely.intersection(left[i], right[j]))
    codes_a, codes_b = (x["code"].to_numpy(dtype=object)[k] for x, k in ((a, i), (b, j)))
    shares = {"share_a": area / shapely.area(left[i]), "share_b": area / shapely.area(right[j])}
    table = pd.DataFrame({"code_a": codes_a, "code_b": codes_b, **shares, "area_m2": area})
    return table[(table["share_a"] >= _ROUNDING_SHARE) | (table["share_b"] >= _ROUNDING_SHARE)]


def _by_a(first: pd.DataFrame, values: pd.Series) -> pd.Series:
    """Values indexed by (level, code_a), brought to the rows of ``first``."""
    keys = pd.MultiIndex.from_frame(first[["level", "code_a"]])
    return pd.Series(values.reindex(keys).to_numpy(), index=first.index)


def _differs(first: pd.DataFrame, a: GeoDataFrame, b: GeoDataFrame, columns: list[str]) -> pd.Series:
    """Whether a grid and its first successor differ in any of these columns."""
    sides = []
    for code, frame in (("code_a", a), ("code_b", b)):
        table = pd.DataFrame(frame.set_index(["level", "code"], drop=False)[columns])
        sides.append(table.reindex(pd.MultiIndex.from_frame(first[["level", code]])).fillna("").to_numpy())
    return pd.Series((sides[0] != sides[1]).any(axis=1), index=first.index)


def _with_gone_and_new(told: pd.DataFrame, successors: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    gone = pairs[pairs["code_b"].isna()]
    reached = pd.MultiIndex.from_frame(successors[["level", "code_b"]])
    of_b = pairs[pairs["code_b"].notna()].drop_duplicates(["level", "code_b"])
    new = of_b[~pd.MultiIndex.from_frame(of_b[["level", "code_b"]]).isin(reached)]
    ends = [
        gone.assign(change="gone", codes_b=pd.Series([()] * len(gone), index=gone.index, dtype=object)),
        new.assign(change="new", codes_b=new["code_b"].map(lambda x: (x,)).astype(object), code_a=None),
    ]
    columns = ["level", "code_a", "codes_b", "change", "share_a", "reparented"]
    whole = pd.concat([told[columns], *(x.assign(share_a=np.nan, reparented=False)[columns] for x in ends)])
    return whole.sort_values(["level", "code_a", "codes_b"], ignore_index=True, kind="stable")
