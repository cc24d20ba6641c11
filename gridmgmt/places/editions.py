"""Making an edition (网格版本) whole: the city and parents a delivery leaves out, partial deliveries (局部更新)."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame

from gridmgmt.city import City
from gridmgmt.errors import DeliveryIncomplete
from gridmgmt.geo import to_metric
from gridmgmt.places.grids import MAX_CODES, Finding, in_order, multipolygons

_OUTLINE_M2 = 1.0
"""The city's outline is made anew when its districts' union changes by more than this (project convention)."""


@dataclass(frozen=True)
class Built:
    """An edition frame and what had to be derived to make it whole."""

    frame: GeoDataFrame
    findings: tuple[Finding, ...]


def fill_hierarchy(frame: GeoDataFrame, city: City, above: Mapping[tuple[int, str], str] | None = None) -> Built:
    """Derive what a delivery leaves out: upper levels from their children, parents by the largest share of area.

    A level without grids whose children name their parents is made of these:
    each parent is the union of its children.

    Only a whole level without parents has them derived; a single blank stays
    blank and is reported by the check, because it may be a mistake. Equal
    shares go to the smaller code. Each derivation is told as a finding.

    Parameters
    ----------
    frame
        The grids of all levels, in the edition's columns.
    above
        (level, code) of a grid that is made so → its parent's code.
    """
    findings: list[Finding] = []
    for level in range(len(city.levels) - 1, 1, -1):
        if not (frame["level"] == level).any() and frame.loc[frame["level"] == level + 1, "parent_code"].notna().any():
            frame = _with_level(frame, city, level, above or {})
            codes = tuple(frame.loc[frame["level"] == level, "code"])
            findings.append(Finding("grid_level_derived", "note", level, codes[:MAX_CODES], len(codes)))
    if not (frame["level"] == 1).any() and (frame["level"] == 2).any():
        frame = _with_city(frame, city)
        findings.append(Finding("grid_city_derived", "note", 1, (city.code,), 1))
    frame = frame.copy()
    for level in range(2, len(city.levels) + 1):
        children, parents = frame[frame["level"] == level], frame[frame["level"] == level - 1]
        if children.empty or parents.empty or children["parent_code"].notna().any():
            continue
        chosen = _largest_share(to_metric(children, city.metric_epsg), to_metric(parents, city.metric_epsg))
        frame.loc[chosen.index, "parent_code"] = chosen["parent_code"].astype(object)
        worst = chosen.assign(code=children["code"]).sort_values(["share", "code"])
        codes, least = tuple(worst["code"].head(MAX_CODES)), float(worst["share"].min())
        findings.append(Finding("grid_parent_derived", "note", level, codes, len(chosen), least, "share"))
    return Built(frame, tuple(findings))


def complete(base: GeoDataFrame, partial: GeoDataFrame, city: City) -> Built:
    """Complete a partial delivery: its districts replace theirs in the base edition, with all below; the rest stays.

    The city's polygon stays as it is unless the union of all districts changes
    by more than :data:`_OUTLINE_M2`; then it becomes that union, and a finding says so.

    Parameters
    ----------
    base
        A whole edition frame.
    partial
        Whole districts (level 2) with all grids below them; a city row in it is ignored.

    Raises
    ------
    DeliveryIncomplete
        It has no district, or a grid that stands under none of its districts.
    """
    delivered = partial[partial["level"] > 1]
    districts = set(delivered.loc[delivered["level"] == 2, "code"])
    above = district_of(delivered)
    astray = delivered.loc[~above.isin(districts), "code"]
    if len(astray) or not districts:
        raise DeliveryIncomplete(codes=list(astray.head(MAX_CODES)), n=len(astray))
    kept = base[~district_of(base).isin(districts)]
    merged = GeoDataFrame(pd.concat([kept, delivered], ignore_index=True), crs=base.crs)
    findings = [Finding("grid_districts_replaced", "note", 2, tuple(sorted(districts))[:MAX_CODES], len(districts))]
    before, after = (_district_union(to_metric(x, city.metric_epsg)) for x in (base, merged))
    change_m2 = float(shapely.area(shapely.symmetric_difference(before, after)))
    if change_m2 > _OUTLINE_M2:
        is_city = merged["level"] == 1
        merged.loc[is_city, "geometry"] = multipolygons(np.array([_district_union(merged)]))
        codes = tuple(merged.loc[is_city, "code"])
        findings.append(Finding("grid_outline_remade", "note", 1, codes, len(codes), change_m2, "m2"))
    return Built(in_order(merged), tuple(findings))


def district_of(frame: GeoDataFrame) -> pd.Series:
    """The code of each grid's district (level 2), by ``parent_code``; None above it or where the chain breaks."""
    parents = dict(zip(zip(frame["level"], frame["code"], strict=True), frame["parent_code"], strict=True))

    def climb(level: int, code: Hashable) -> Hashable:
        while level > 2:
            code = parents.get((level, code))
            level -= 1
        return code if level == 2 and (2, code) in parents else None

    districts = [climb(*x) for x in zip(frame["level"], frame["code"], strict=True)]
    return pd.Series(districts, index=frame.index, dtype=object)


def _with_level(frame: GeoDataFrame, city: City, level: int, above: Mapping[tuple[int, str], str]) -> GeoDataFrame:
    """The grids of a level as unions of their children; one that is called by a name has it."""
    groups = frame[frame["level"] == level + 1].groupby("parent_code")["geometry"]
    unions = groups.agg(lambda x: shapely.union_all(x.to_numpy()))
    top = next(iter(frame.loc[frame["level"] == 1, "code"]), city.code) if level == 2 else None
    parents = [above.get((level, code)) or top for code in unions.index]
    names = ["" if code.isascii() and not code.isalpha() else code for code in unions.index]
    zh, en = (names if city.languages[0] == lang else [""] * len(names) for lang in ("zh", "en"))
    table = {"level": level, "code": list(unions.index), "parent_code": parents, "name_zh": zh, "name_en": en}
    shapes = multipolygons(unions.to_numpy(dtype=object))
    made = GeoDataFrame({**table, "kind": city.levels[level - 1].key, "responsible": None}, geometry=shapes)
    return GeoDataFrame(pd.concat([made.set_crs(frame.crs), frame], ignore_index=True), crs=frame.crs)


def _with_city(frame: GeoDataFrame, city: City) -> GeoDataFrame:
    row = {"level": 1, "code": city.code, "parent_code": None, "name_zh": city.zh, "name_en": city.en}
    outline = multipolygons(np.array([_district_union(frame)]))
    made = GeoDataFrame([{**row, "kind": city.levels[0].key, "responsible": None}], geometry=outline, crs=frame.crs)
    return GeoDataFrame(pd.concat([made, frame], ignore_index=True), crs=frame.crs)


def _district_union(frame: GeoDataFrame) -> shapely.Geometry:
    return shapely.union_all(frame.geometry[frame["level"] == 2].to_numpy())


def _largest_share(children: GeoDataFrame, parents: GeoDataFrame) -> pd.DataFrame:
    """For each child (by index) the parent that holds the most of its area: columns parent_code, share; metric."""
    candidates = parents.sort_values("code")
    inner, outer = children.geometry.to_numpy(), candidates.geometry.to_numpy()
    i, j = shapely.STRtree(outer).query(inner, predicate="intersects")
    share = shapely.area(shapely.intersection(inner[i], outer[j])) / shapely.area(inner[i])
    pairs = pd.DataFrame({"child": i, "parent": j, "share": share}).query("share > 0")
    best = pairs.sort_values(["share", "parent"], ascending=[False, True]).drop_duplicates("child")
    codes = candidates["code"].to_numpy(dtype=object)[best["parent"]]
    return pd.DataFrame({"parent_code": codes, "share": best["share"].to_numpy()}, index=children.index[best["child"]])


def lines(grids: pd.DataFrame, n_levels: int) -> dict[int, tuple[int, ...]]:
    """Id of each leaf grid → the ids of the grids above it, by code of the parent.

    Parameters
    ----------
    grids
        One edition's: columns id, level, code, parent_code. A grid that two editions have has one id.
    """
    columns = (grids[c].tolist() for c in ("level", "code", "id", "parent_code"))
    found = {(level, code): (number, parent) for level, code, number, parent in zip(*columns, strict=True)}
    out = {}
    for (level, _), (number, parent) in found.items():
        if level == n_levels:
            line, at = list[int](), (level - 1, parent)
            while at in found:
                line.append(found[at][0])
                at = (at[0] - 1, found[at][1])
            out[number] = tuple(line)
    return out


def differing(one: Mapping[int, tuple[int, ...]], other: Mapping[int, tuple[int, ...]]) -> list[int]:
    """Leaf grids of either of two editions (:func:`lines`) that are not, with their line, the other's as well.

    What lies in another grid, and touches none of these, stays where it is.
    """
    return sorted(i for i in one.keys() | other.keys() if one.get(i) != other.get(i))
