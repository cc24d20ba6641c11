"""The demo city's grids: who belongs to whom, codes, names, and a boundary change."""

from dataclasses import dataclass, replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmgmt.city import STORAGE_EPSG
from gridmgmt.demo.geography import Land, cluster, members, parts, stream
from gridmgmt.demo.mesh import Bools, Floats, Ints, coverage
from gridmgmt.demo.names import Name, draw, table

COLUMNS = ["code", "name", "name_en", "parent_code", "kind", "responsible"]

FIRST = {"urban": 1, "county": 21, "street": 1, "town": 100, "zone": 401}
"""Where the numbering starts: districts 01–20 urban, 21– counties (GB/T 2260); streets 001–099
街道, 100–199 towns, 400–599 other (facts of the unit-grid code, 单元网格标识码)."""


@dataclass(frozen=True)
class Division:
    """One edition: the groups of the cells and a table of each level.

    Attributes
    ----------
    groups
        District, street and community number of each cell, shape (cells, 3).
    tables
        One of district, street, community: index = group number, columns ``COLUMNS``.
    """

    groups: Ints
    tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]

    def of_cells(self, level: int, column: str) -> NDArray[Any]:
        """A column of a level's table (0 district … 2 community), for each cell."""
        return np.asarray(self.tables[level][column].reindex(self.groups[:, level]).to_numpy(dtype=object))

    def records(self, level: int) -> list[dict[str, str]]:
        """A level's rows in order of code."""
        ordered = self.tables[level].sort_values("code")
        return [{str(k): str(v) for k, v in row.items()} for row in ordered.to_dict("records")]


def numbered(keys: NDArray[Any], xy: Floats) -> Ints:
    """Number places within each key from 0: west to east in bands from north to south."""
    out = np.zeros(len(keys), dtype=np.int64)
    for key in np.unique(keys):
        here = np.flatnonzero(keys == key)
        bands = int(np.ceil(np.sqrt(len(here))))
        rank = np.argsort(np.argsort(-xy[here, 1], kind="stable"), kind="stable")
        out[here[np.lexsort((xy[here, 0], rank * bands // len(here)))]] = np.arange(len(here))
    return out


def means(labels: Ints, values: Floats) -> Floats:
    """Mean of the cells' values in each group."""
    return np.asarray(np.bincount(labels, values) / np.bincount(labels))


def centres(labels: Ints, xy: Floats) -> Floats:
    """Mean site of each group."""
    return np.column_stack([means(labels, xy[:, 0]), means(labels, xy[:, 1])])


def parents_of(groups: Ints, level: int) -> Ints:
    """Group number of the parent of each group of a level (1 street, 2 community)."""
    _, first = np.unique(groups[:, level], return_index=True)
    return np.asarray(groups[first, level - 1])


def rows(columns: dict[str, Any]) -> pd.DataFrame:
    """A level's table; all columns are text."""
    return pd.DataFrame({k: list(v) for k, v in columns.items()}, columns=COLUMNS, dtype=object)


def _district_table(land: Land, groups: Ints) -> pd.DataFrame:
    """Districts (区) and, where life is thinnest, counties (县)."""
    names = table("names")
    life = means(groups[:, 0], land.urban)
    county = np.zeros(len(life), dtype=bool)
    county[np.argsort(life, kind="stable")[: len(life) // 3]] = True
    number = numbered(county, centres(groups[:, 0], land.sites))
    stock = {False: iter(names["districts"]), True: iter(names["counties"])}
    named: dict[int, Name] = {}
    for i in np.argsort(-life, kind="stable").tolist():
        zh, en = next(stock[bool(county[i])])
        named[i] = Name(zh, en).of(*(("县", "County") if county[i] else ("区", "District")))
    first = np.where(county, FIRST["county"], FIRST["urban"])
    code = [f"{names['city']['code']}{n:02d}" for n in (first + number).tolist()]
    ordered = [named[i] for i in range(len(life))]
    return rows({
        "code": code, "name": [n.zh for n in ordered], "name_en": [n.en for n in ordered],
        "parent_code": [names["city"]["code"]] * len(code), "kind": ["district"] * len(code),
        "responsible": [n.zh + "人民政府" for n in ordered],
    })  # fmt: skip


_SORTS = {
    "street": (("街道", "Subdistrict"), "办事处"),
    "town": (("镇", "Town"), "人民政府"),
    "zone": (("经济开发区", "Development Zone"), "管理委员会"),
}


def _street_table(land: Land, groups: Ints, districts: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Streets (街道), towns (镇) and a development zone (开发区) in every sixth district."""
    parent = parents_of(groups, 1)
    life = means(groups[:, 1], land.urban)
    sort = np.where(life > 0.12, "street", "town").astype(object)
    for district in range(0, len(districts), 6):
        here = np.flatnonzero(parent == district)
        sort[here[np.argsort(np.abs(life[here] - 0.1), kind="stable")[0]]] = "zone"
    keys = districts["code"].to_numpy(dtype=object)[parent]
    number = numbered(keys + sort, centres(groups[:, 1], land.sites))
    named = [n.of(*_SORTS[s][0]) for n, s in zip(draw(len(sort), rng), sort, strict=True)]
    return rows({
        "code": [f"{k}{FIRST[s] + n:03d}" for k, s, n in zip(keys, sort, number, strict=True)],
        "name": [n.zh for n in named], "name_en": [n.en for n in named], "parent_code": keys,
        "kind": np.where(sort == "zone", "zone", np.where(sort == "town", "town", "street")),
        "responsible": [n.zh + _SORTS[s][1] for n, s in zip(named, sort, strict=True)],
    })  # fmt: skip


def _community_kinds(life: Floats, rng: np.random.Generator) -> NDArray[Any]:
    """Communities, villages, and a few large enterprises and zones that are basic grids of their own."""
    kind = np.where((life < 0.1) & (rng.random(len(life)) < 0.8), "village", "community").astype(object)
    fit = rng.permutation(np.flatnonzero((life > 0.03) & (life < 0.6)))
    n = max(2, len(life) // 100)
    kind[fit[:n]], kind[fit[n : n + n // 2 + 1]] = "enterprise", "zone"
    return kind


def _community_name(place: Name, kind: str, rng: np.random.Generator) -> tuple[Name, str]:
    """A community's name and the body that answers for it."""
    names = table("names")
    if kind in ("enterprise", "zone"):
        stock = names["enterprises" if kind == "enterprise" else "zones"]
        name = place.of(*stock[int(rng.integers(len(stock)))])
        return name, name.zh + ("" if kind == "enterprise" else "管理委员会")
    name = place.of("村", "Village") if kind == "village" else place.of("社区", "Community")
    return name, name.zh + ("村民委员会" if kind == "village" else "居民委员会")


def _community_table(land: Land, groups: Ints, streets: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Communities (社区) and villages (村), with names unique in their street."""
    parent = parents_of(groups, 2)
    kind = _community_kinds(means(groups[:, 2], land.urban), rng)
    keys = streets["code"].to_numpy(dtype=object)[parent]
    number = numbered(keys, centres(groups[:, 2], land.sites))
    named: dict[int, tuple[Name, str]] = {}
    for street in range(len(streets)):
        here = np.flatnonzero(parent == street)
        for i, place in zip(here.tolist(), draw(len(here), rng), strict=True):
            named[i] = _community_name(place, kind[i], rng)
    ordered = [named[i] for i in range(len(keys))]
    return rows({
        "code": [f"{k}{n + 1:03d}" for k, n in zip(keys, number, strict=True)],
        "name": [n.zh for n, _ in ordered], "name_en": [n.en for n, _ in ordered], "parent_code": keys,
        "kind": np.where(kind == "village", "community", kind), "responsible": [who for _, who in ordered],
    })  # fmt: skip


def name_all(land: Land, groups: Ints, seed: int) -> Division:
    """Give all groups their codes and names (编码, 名称)."""
    rng = stream(seed, 2)
    districts = _district_table(land, groups)
    streets = _street_table(land, groups, districts, rng)
    return Division(groups, (districts, streets, _community_table(land, groups, streets, rng)))


# --- layers -----------------------------------------------------------------


def layers(land: Land, division: Division, *, unit_grids: bool) -> dict[str, gpd.GeoDataFrame]:
    """The layers by level key; each level is the union of the next, from the same points.

    Returns frames with ``COLUMNS`` and geometry, EPSG:4490, ordered by code.
    """
    cells = coverage(land.mesh, land.paths, land.cells)
    out = {}
    for level, key in enumerate(("district", "street", "community")):
        frame = division.tables[level]
        cells_of = members(division.groups[:, level])
        out[key] = layer(frame, [shapely.coverage_union_all(cells[cells_of[i]]) for i in frame.index])
    city = table("names")["city"]
    whole = rows({
        "code": [city["code"]], "name": [city["zh"]], "name_en": [f"{city['en']} City"], "parent_code": [None],
        "kind": ["city"], "responsible": [city["zh"] + "城市运行管理服务中心"],
    })  # fmt: skip
    found = {"city": layer(whole, [shapely.coverage_union_all(cells)]), **out}
    if unit_grids:
        found["unit_grid"] = layer(_unit_grid_table(land, division), list(cells))
    return found


def layer(frame: pd.DataFrame, geometries: list[Any]) -> gpd.GeoDataFrame:
    """One level as a frame in CGCS2000, ordered by code."""
    data = gpd.GeoDataFrame(frame.astype(object), geometry=geometries, crs=STORAGE_EPSG)
    return data.sort_values("code", ignore_index=True)


def _unit_grid_table(land: Land, division: Division) -> pd.DataFrame:
    """Unit grids (单元网格): the cells, numbered in their community, 15 characters."""
    community = division.of_cells(2, "code")
    number = numbered(community, land.sites) + 1
    name = division.of_cells(2, "name")
    name_en = division.of_cells(2, "name_en")
    return rows({
        "code": [f"{c}{n:03d}" for c, n in zip(community, number, strict=True)],
        "name": [f"{z}{n:03d}网格" for z, n in zip(name, number, strict=True)],
        "name_en": [f"{e} Grid {n:03d}" for e, n in zip(name_en, number, strict=True)],
        "parent_code": community, "kind": ["unit_grid"] * len(community),
        "responsible": division.of_cells(2, "responsible"),
    })  # fmt: skip


# --- the boundary change ----------------------------------------------------


@dataclass(frozen=True)
class Change:
    """What the boundary change did (区划调整), by codes: old ones, then new ones."""

    merged: tuple[str, str]
    into: str
    split: str
    parts: tuple[str, str]
    moved: str
    moved_to: str


def connected(member: Bools, pairs: Ints) -> bool:
    """Do these cells hang together?"""
    return len(np.unique(parts(member.astype(np.int64), pairs)[member])) == 1


def _next_code(communities: pd.DataFrame, street: str) -> str:
    """The street's next free community code."""
    used = communities.loc[communities["parent_code"] == street, "code"]
    return f"{street}{max(int(c[9:]) for c in used) + 1:03d}"


def _border_pairs(groups: Ints, pairs: Ints, kinds: NDArray[Any]) -> Ints:
    """Pairs of ordinary communities that share an edge, ascending, both ways round."""
    found = groups[pairs, 2]
    found = found[found[:, 0] != found[:, 1]]
    found = found[(kinds[found] == "community").all(axis=1)]
    return np.unique(np.concatenate([found, found[:, ::-1]]), axis=0)


def _pick_move(groups: Ints, pairs: Ints, borders: Ints) -> tuple[int, int]:
    """A community that can move to the neighbouring street of its district, and that street."""
    street, district = parents_of(groups, 2), parents_of(groups, 1)
    for a, b in borders.tolist():
        s, t = street[a], street[b]
        if s != t and district[s] == district[t] and (street == s).sum() > 3:
            rest = (groups[:, 1] == s) & (groups[:, 2] != a)
            if connected(rest, pairs):
                return a, int(t)
    raise AssertionError("no community can move to a neighbouring street")


def _pick_split(land: Land, groups: Ints, kinds: NDArray[Any], taken: set[int], seed: int) -> tuple[int, Bools]:
    """The largest free community that falls into two connected parts, and the cells of the new part."""
    pairs, size = land.neighbours(), np.bincount(groups[:, 2])
    for c in np.argsort(-size, kind="stable").tolist():
        here = np.flatnonzero(groups[:, 2] == c)
        if c in taken or len(here) < 4 or kinds[c] != "community":
            continue
        half = np.zeros(len(groups), dtype=bool)
        half[here[cluster(land.sites[here], 2, stream(seed, 3)) == 1]] = True
        if connected(half, pairs) and connected((groups[:, 2] == c) & ~half, pairs):
            return c, half
    raise AssertionError("no community can be split")


def reform(land: Land, division: Division, seed: int) -> tuple[Division, Change]:
    """The next edition: two communities merged, one split, one moved to the neighbouring street."""
    groups, pairs = division.groups.copy(), land.neighbours()
    districts, streets, communities = division.tables[0], division.tables[1], division.tables[2].copy()
    street = parents_of(groups, 2)
    kinds = communities["kind"].to_numpy(dtype=object)
    borders = _border_pairs(groups, pairs, kinds)
    d, target = _pick_move(groups, pairs, borders)
    a, b = next(
        (a, b) for a, b in borders.tolist() if a < b and street[a] == street[b] and d not in (a, b)
        and street[a] not in (street[d], target)
    )  # fmt: skip
    c, half = _pick_split(land, groups, kinds, {a, b, d} | set(np.flatnonzero(street == target)), seed)
    old = communities["code"]
    codes = {x: str(old[x]) for x in (a, b, c, d)}
    new = len(communities)
    groups[groups[:, 2] == b, 2] = a
    groups[half, 2] = new
    groups[groups[:, 2] == d, 1] = target
    part = _next_code(communities, str(communities.loc[c, "parent_code"]))
    there = str(streets.loc[target, "code"])
    communities.loc[new] = communities.loc[c]
    zh, en = str(communities.loc[c, "name"]), str(communities.loc[c, "name_en"])
    place, kind = (zh[:-1], zh[-1:]) if zh.endswith("村") else (zh[:-2], zh[-2:])
    head, _, tail = en.rpartition(" ")
    communities.loc[new, ["code", "name", "name_en"]] = [part, f"{place}新{kind}", f"{head}xin {tail}"]
    communities.loc[new, "responsible"] = str(communities.loc[c, "responsible"]).replace(zh, f"{place}新{kind}")
    communities.loc[d, ["code", "parent_code"]] = [_next_code(communities, there), there]
    change = Change(
        merged=(codes[a], codes[b]), into=codes[a], split=codes[c], parts=(codes[c], part),
        moved=codes[d], moved_to=str(communities.loc[d, "code"]),
    )  # fmt: skip
    return replace(division, groups=groups, tables=(districts, streets, communities.drop(index=b))), change
