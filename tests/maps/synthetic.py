"""A nested coverage with winding edges and plausible counts: 5 districts, 100 streets, 2 500 communities."""

import base64
import gzip
import json
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame

from gridmgmt.city import DEFAULT_LEVELS
from gridmgmt.places.linework import Linework, draw
from maps.layers import LevelFrame
from maps.pages import Head
from maps.style import Measure

CLOSING = Measure("closing_rate", "结案率", "Closing rate", "rate", "high")
COUNTS = {"n_due": {"zh": "应结案", "en": "Due"}, "n_closed": {"zh": "结案", "en": "Closed"}}
TITLE = {"zh": "2015年12月结案率", "en": "Closing rate, December 2015"}
PAGE = {"head": Head(TITLE, "2015-12", "2016-01-01 00:00", "CGCS2000")}
DETAIL = 16


def winding(polygons: np.ndarray, rng: np.random.Generator, detail: int = DETAIL) -> np.ndarray:
    """Bend every edge into so many steps; an edge that two polygons share bends once, so they still fit."""
    rings = [shapely.get_coordinates(p) for p in polygons]
    ends = np.concatenate([np.concatenate([r[:-1], r[1:]], axis=1) for r in rings])
    turned = (ends[:, 0] > ends[:, 2]) | ((ends[:, 0] == ends[:, 2]) & (ends[:, 1] > ends[:, 3]))
    ends[turned] = ends[turned][:, [2, 3, 0, 1]]
    edges, which = np.unique(ends, axis=0, return_inverse=True)
    a, b = edges[:, None, :2], edges[:, None, 2:]
    t = np.linspace(0, 1, detail + 1)[None, :, None]
    swing = np.sin(np.pi * t) * (np.sin(t * 9 + rng.uniform(0, 6, (*a.shape[:2], 1))) + np.sin(t * 23) / 2)
    bent = a + (b - a) * t + 0.05 * swing * (b - a)[..., ::-1] * (1, -1)
    bent[:, 0], bent[:, -1] = edges[:, :2], edges[:, 2:]
    ways = [bent[i][::-1] if back else bent[i] for i, back in zip(which, turned, strict=True)]
    starts = np.cumsum([0] + [len(r) - 1 for r in rings])
    return np.array([shapely.Polygon(np.concatenate([w[:-1] for w in ways[i:j]])) for i, j in pairwise(starts)])


def city(side: int = 50, seed: int = 7, *, across: int | None = None, detail: int = DETAIL) -> list[LevelFrame]:
    """Four levels; ``side`` × ``across`` communities, 5 × 5 of them a street, two columns of streets a district."""
    rng = np.random.default_rng(seed)
    wide = across or side
    n = side * wide
    i, j = np.divmod(np.arange((side + 2) * (wide + 2)), wide + 2)
    x, y = (k + rng.uniform(-0.3, 0.3, k.shape) for k in (i, j))
    points = shapely.multipoints(np.stack([114 + x * 0.015, 30 + y * 0.013], axis=1))
    cells = shapely.get_parts(shapely.voronoi_polygons(points, ordered=True))
    inner = (i > 0) & (i <= side) & (j > 0) & (j <= wide)
    i, j = i[inner] - 1, j[inner] - 1
    frame = GeoDataFrame({"n_due": rng.poisson(30, n)}, geometry=winding(cells[inner], rng, detail), crs=4490)
    frame.loc[rng.random(n) < 0.03, "n_due"] = 0
    frame["n_closed"] = rng.binomial(frame["n_due"], rng.uniform(0.6, 1, n))
    district, street, community = i // 10, i // 5 % 2 * (wide // 5) + j // 5, i % 5 * 5 + j % 5
    parts = [[4201] * n, district + 1, street + 1, community + 1]
    names = ["".join(f"{x:0{w}d}" for x, w in zip(row, (4, 2, 3, 3), strict=True)) for row in zip(*parts, strict=True)]
    codes = {level.number: pd.Series(names).str[: level.code_length] for level in DEFAULT_LEVELS}
    return [level_frame(number, frame, codes) for number in (1, 2, 3, 4)]


def drawn(levels: Sequence[LevelFrame]) -> Linework:
    """How the grids of some levels are drawn."""
    frames = [x.frame.assign(level=x.level.number) for x in levels]
    (lines,) = draw(GeoDataFrame(pd.concat(frames, ignore_index=True), crs=frames[0].crs))
    return lines


def data_of(html: str) -> Any:
    """The data that a page carries, unpacked as page.js does."""
    (packed,) = re.findall(r'<script type="text/plain" id="page-data">(.*?)</script>', html)
    return json.loads(gzip.decompress(base64.b64decode(packed)))


def level_frame(number: int, leaves: GeoDataFrame, codes: dict[int, pd.Series]) -> LevelFrame:
    """Merge the communities to one level and compute its rate."""
    own, above = codes[number], codes.get(number - 1, pd.Series([None] * len(leaves)))
    rows = []
    for code, members in leaves.groupby(own.to_numpy()).indices.items():
        part = leaves.iloc[members]
        rows.append({
            "code": code,
            "name": f"{DEFAULT_LEVELS[number - 1].zh}{code[-3:]}",
            "parent_code": above.iloc[members[0]],
            "n_due": int(part["n_due"].sum()),
            "n_closed": int(part["n_closed"].sum()),
            "geometry": shapely.coverage_union_all(part.geometry.to_numpy()),
        })  # fmt: skip
    frame = GeoDataFrame(rows, crs=4490)
    frame["value"] = frame["n_closed"] / frame["n_due"].where(frame["n_due"] > 0)
    frame["rank"] = frame["value"].rank(ascending=False, method="min")
    frame["numerator"], frame["denominator"] = frame["n_closed"], frame["n_due"]
    return LevelFrame(DEFAULT_LEVELS[number - 1], frame)
