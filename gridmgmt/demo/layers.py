"""Reference layers of the demo city (参考图层): roads along the borders of its grids, and what inspectors visit.

A border between two districts is a main road, one between streets a secondary
road, one between communities a back street. All names and places are made up.
"""

from collections.abc import Iterator, Mapping, Sequence

import geopandas as gpd
import numpy as np
import shapely

from gridmgmt.demo.mesh import METRIC_EPSG
from gridmgmt.demo.names import table

Rng = np.random.Generator


def reference_layers(levels: Mapping[str, gpd.GeoDataFrame], seed: int) -> dict[str, gpd.GeoDataFrame]:
    """Every layer by its kind: code, name, and class of roads; geometry in the frames' own CRS.

    Parameters
    ----------
    levels
        ``street`` and ``community``, each with code, name, parent_code and geometry.
    """
    rng = np.random.default_rng([seed, 31])
    communities, streets = levels["community"], levels["street"]
    out = {"roads": _roads(communities, streets)}
    for kind, per_street in table("layers")["per_street"].items():
        out[kind] = _points(kind, per_street, communities, rng)
    out["key_areas"] = _key_areas(streets, rng)
    out["areas"] = _parks(streets, rng)
    return out


def _roads(communities: gpd.GeoDataFrame, streets: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    district = dict(zip(streets["code"], streets["parent_code"], strict=True))
    shapes = communities.geometry.to_numpy()
    parents = communities["parent_code"].tolist()
    tree = shapely.STRtree(shapes)
    rows: list[tuple[object, ...]] = []
    for a, b in tree.query(shapes, predicate="touches").T.tolist():
        if a >= b:
            continue
        line = shapely.line_merge(shapely.intersection(shapely.boundary(shapes[a]), shapely.boundary(shapes[b])))
        lines = [g for g in shapely.get_parts(line) if g.geom_type == "LineString" and g.length > 0]
        if not lines:
            continue
        kind = "back" if parents[a] == parents[b] else "secondary"
        if district[parents[a]] != district[parents[b]]:
            kind = "main"
        names = table("layers")["roads"][kind]
        rows.append((f"R{a:05d}{b:05d}", f"{names['zh']}{len(rows) + 1}号", kind, shapely.MultiLineString(lines)))
    columns = ["code", "name", "class", "geometry"]
    return gpd.GeoDataFrame(rows, columns=columns, geometry="geometry", crs=communities.crs).sort_values("code")


def _points(kind: str, per_street: float, communities: gpd.GeoDataFrame, rng: Rng) -> gpd.GeoDataFrame:
    """So many of a kind in each street, each within one of its communities; codes name kind and street."""
    name = table("layers")["names"][kind]
    rows: list[tuple[object, ...]] = []
    for street, own in communities.groupby("parent_code", sort=True):
        n = int(per_street) + int(rng.random() < per_street % 1)
        shapes = own.geometry.to_numpy()
        for i in range(n):
            point = _inside(shapes[int(rng.integers(0, len(shapes)))], rng)
            rows.append((f"{kind}-{street}-{i + 1}", f"{name}{len(rows) + 1}", point))
    return gpd.GeoDataFrame(rows, columns=["code", "name", "geometry"], geometry="geometry", crs=communities.crs)


def _inside(shape: shapely.Geometry, rng: Rng) -> shapely.Point:
    west, south, east, north = shape.bounds
    tries = (shapely.Point(rng.uniform(west, east), rng.uniform(south, north)) for _ in range(100))
    return next((p for p in tries if shape.contains(p)), shape.representative_point())


def _spots(streets: gpd.GeoDataFrame, rng: Rng, share: float, radius_m: float) -> Iterator[tuple[str, shapely.Polygon]]:
    metric = streets.to_crs(METRIC_EPSG)
    for code, shape in zip(metric["code"], metric.geometry, strict=True):
        if rng.random() < share:
            yield str(code), _inside(shape, rng).buffer(radius_m)


def _key_areas(streets: gpd.GeoDataFrame, rng: Rng) -> gpd.GeoDataFrame:
    rows = [(f"K-{code}", f"重点区域{code}", p) for code, p in _spots(streets, rng, 0.3, 250.0)]
    return _frame(rows, ["code", "name", "geometry"], streets)


def _parks(streets: gpd.GeoDataFrame, rng: Rng) -> gpd.GeoDataFrame:
    """Parks whose own office answers for everything in them: the street's unit of the demo city stands for it."""
    rows = [(f"P-{code}", f"公园{code}", f"{code}-S", p) for code, p in _spots(streets, rng, 0.2, 180.0)]
    return _frame(rows, ["code", "name", "unit_code", "geometry"], streets)


def _frame(rows: Sequence[tuple[object, ...]], columns: list[str], like: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    made = gpd.GeoDataFrame(rows, columns=columns, geometry="geometry", crs=METRIC_EPSG)
    return made.to_crs(like.crs)
