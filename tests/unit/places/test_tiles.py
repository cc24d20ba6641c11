"""Grids in tiles: neighbours have identical vertices along what they share, and everything stands where it is."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
import shapely
from geopandas import GeoDataFrame
from pyproj import Transformer

from gridmgmt.places import tiles
from gridmgmt.places.linework import draw
from gridmgmt.places.tiles import EXTENT, Ground, Tile
from tests import tiling
from tests.maps import synthetic

HALF_M = 20_037_508.342789244
TO_METRES = Transformer.from_crs(4326, 3857, always_xy=True)


@cache
def frame() -> GeoDataFrame:
    """A bent city of 200 communities in four levels."""
    levels = synthetic.city(10, across=20)
    return GeoDataFrame(pd.concat([x.frame.assign(level=x.level.number) for x in levels], ignore_index=True), crs=4490)


@cache
def ground(level: int, near: bool) -> Ground:
    [lines] = draw(frame())
    far = tiles.ground(lines, level)
    own = frame()[frame()["level"] == level].sort_values("code")
    return tiles.near(far, own.geometry.to_numpy()) if near else far


def areas(found: Ground, tile: Tile) -> tiling.Areas:
    """As the server cuts them: from afar out of areas that were rounded for all tiles of the zoom."""
    held = tiles.cut(tiles.rounded(found, tile.z) if found.off_m else found, tile)
    return {found.codes[row]: area for row, area in zip(held.rows, held.areas, strict=True)}


@pytest.mark.parametrize("near", [False, True])
@pytest.mark.parametrize("level", [2, 4])
@pytest.mark.parametrize("z", [5, 9, 12, 16])
def test_neighbours_never_part(level: int, near: bool, z: int) -> None:
    found = ground(level, near)
    held = {tile: areas(found, tile) for tile in tiling.around(found, z, 4)}
    for tile, own in held.items():
        assert tiling.parted(own, tiling.land_of(found, tile)) <= (1 if z < 8 else 0)
        assert z < 8 or tiling.shares_vertices(own)
    for tile, beside, steps in tiling.pairs(list(held)):
        assert tiling.parted_between(held[tile], held[beside], steps) < 1
    shapes = np.array([a for own in held.values() for a in own.values()], dtype=object)
    points = shapely.get_coordinates(shapes)
    assert shapely.is_valid(shapes).all()
    assert (points == np.round(points)).all()
    assert (np.abs(points - EXTENT / 2) <= EXTENT / 2 + tiling.BUFFER).all()
    assert all(ring.is_ccw for ring in shapely.get_exterior_ring(shapely.get_parts(shapes))), "clockwise on the screen"


def by_hand(degrees: shapely.Geometry, tile: Tile) -> shapely.Geometry:
    """A shape in a tile's units by way of EPSG:3857, as PROJ has it."""
    unit_m = 2 * HALF_M / tile.scale

    def units(lonlat: np.ndarray) -> np.ndarray:
        x, y = TO_METRES.transform(lonlat[:, 0], lonlat[:, 1])
        return np.stack([x + HALF_M, HALF_M - y], axis=1) / unit_m - tile.corner

    return shapely.transform(degrees, units)


@pytest.mark.parametrize("near", [False, True])
def test_grids_stand_where_they_are(near: bool) -> None:
    found = ground(4, near)
    own = frame()[frame()["level"] == 4].set_index("code").geometry
    seen = shapely.box(*(-tiling.BUFFER,) * 2, *(EXTENT + tiling.BUFFER,) * 2)
    for z in (11, 14):
        tile = tiling.around(found, z)[0]
        off = 0.75 + found.off_m * 1.2 * tile.scale / (2 * HALF_M)
        for code, area in areas(found, tile).items():
            stored = by_hand(own[code], tile)
            assert stored.buffer(-off).intersection(seen).difference(area).area == 0
            assert area.difference(stored.buffer(off)).area == 0


def test_each_name_stands_in_one_tile_and_in_its_grid() -> None:
    found = ground(4, False)
    for z in (9, 11):
        seen = []
        for tile in tiling.around(found, z, 1000):
            held, own = tiles.cut(found, tile), areas(found, tile)
            seen += held.named.tolist()
            assert all(own[found.codes[r]].covers(p) for r, p in zip(held.named, held.labels, strict=True))
        assert sorted(seen) == list(range(200))


def test_islands_holes_and_what_is_less_than_a_unit() -> None:
    hole, island = shapely.box(114.02, 30.02, 114.03, 30.03), shapely.box(114.1, 30.0, 114.11, 30.01)
    parts = [shapely.box(114.0, 30.0, 114.05, 30.05).difference(hole), island]
    rows = [("city", None, 1, shapely.union_all([*parts, hole])), ("A", "city", 2, shapely.multipolygons(parts))]
    made = GeoDataFrame(
        [{"code": c, "parent_code": p, "level": n, "geometry": g} for c, p, n, g in [*rows, ("B", "city", 2, hole)]],
        crs=4490,
    )
    [lines] = draw(made)
    found = tiles.ground(lines, 2)
    tile = tiling.around(found, 9)[0]
    outer, inner = areas(found, tile).values()
    assert sorted(len(p.interiors) for p in outer.geoms) == [0, 1]
    [lake] = [ring for p in outer.geoms for ring in p.interiors]
    assert shapely.equals(shapely.Polygon(lake), inner)
    assert not lake.is_ccw
    assert list(areas(found, Tile(0, 0, 0))) == ["A"]
    assert tiles.cut(found, Tile(0, 0, 0)).named.tolist() == [0, 1]
    assert tiles.cut(found, Tile(9, 0, 0)).is_empty


def test_a_grid_whose_hole_meets_its_outer_border() -> None:
    bow = shapely.Polygon([(0, 0), (4, 0), (4, 4), (2, 2), (0, 4)], [[(2, 2), (3, 1), (1, 1)]])
    rest = shapely.box(-1, -1, 5, 5).difference(bow)
    shapes = shapely.transform(np.array([bow, rest], dtype=object), lambda xy: 114 + xy * 0.01 - [0, 84])
    made = GeoDataFrame({"code": ["A", "B"], "parent_code": None, "level": 1}, geometry=shapes, crs=4490)
    [lines] = draw(made)
    found = tiles.ground(lines, 1)
    expected = shapely.area(shapely.transform(shapes, tiles.world))
    assert shapely.area(found.areas) == pytest.approx(expected, rel=1e-3)
    assert shapely.is_valid(found.areas).all()


def test_a_tile_exists_within_its_zoom() -> None:
    inside = [Tile(0, 0, 0), Tile(3, 7, 7), Tile(22, 2**22 - 1, 0)]
    outside = [Tile(0, 1, 0), Tile(3, 7, 8), Tile(3, 8, 7), Tile(23, 0, 0), Tile(2, -1, 0), Tile(-1, 0, 0)]
    assert [t.exists for t in inside + outside] == [True] * 3 + [False] * 6
