"""A line's length by grid: nothing lost, nothing counted twice, on shared edges the smallest code."""

from fractions import Fraction

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gridmgmt import geo
from gridmgmt.inspections.frames import Frames, Spot
from gridmgmt.places.lengths import OUTSIDE, Cutter, middle, shares, whole_mm
from tests.postgis.towns import SIDE, SOUTH, WEST, shapes

EPSG = 4547
TOWN = gpd.GeoDataFrame(
    [
        ({"city": 1, "district": 2, "community": 3}[level], code, parent, shape)
        for code, (level, parent, shape) in shapes().items()
    ],
    columns=["level", "code", "parent_code", "geometry"], geometry="geometry", crs=4490,
)  # fmt: skip
LEAVES = TOWN[TOWN["level"] == 3]


def line(*points: tuple[float, float]) -> shapely.LineString:
    """A line by sides of communities from the south-west corner."""
    return shapely.LineString([(WEST + x * SIDE, SOUTH + y * SIDE) for x, y in points])


def length_m(shape: shapely.Geometry) -> float:
    return float(geo.to_metric(gpd.GeoDataFrame(geometry=[shape], crs=4490), EPSG).length.iloc[0])


places = st.tuples(st.floats(-1, 3), st.floats(-1, 3)).map(lambda p: (round(p[0], 3), round(p[1], 3)))
corners = st.tuples(st.integers(-1, 3), st.integers(-1, 3)).map(lambda p: (float(p[0]), float(p[1])))


@given(st.lists(places | corners, min_size=2, max_size=6))
@example([(0.0, 0.0), (1.844, 1.844), (1.0, 1.0)])
def test_no_length_is_lost(points: list[tuple[float, float]]) -> None:
    road = line(*points)
    (cut,) = Cutter(TOWN, EPSG).cut([road])
    once = length_m(shapely.union_all(road, grid_size=1e-10))  # what it runs over twice has one length …
    twice = length_m(shapely.node(road))  # … unless floats put the way back a hair beside the way there
    assert once * 1000 - 1 <= sum(s.length_mm for s in cut) <= twice * 1000 + 1
    found = shares(road, LEAVES, EPSG)
    assert not found or sum(found.values()) == 1
    assert all(share > 0 for share in found.values())


@given(st.lists(places | corners, min_size=2, max_size=5))
def test_the_order_of_the_grids_is_no_matter(points: list[tuple[float, float]]) -> None:
    road = line(*points)
    assert shares(road, LEAVES, EPSG) == shares(road, LEAVES.iloc[::-1], EPSG)


@given(places, places)
def test_shares_are_those_of_the_lengths_inside(a: tuple[float, float], b: tuple[float, float]) -> None:
    road = line(a, b)
    assume(road.length > SIDE / 100)
    found = shares(road, LEAVES, EPSG)
    for code, shape in zip(LEAVES["code"], LEAVES.geometry, strict=True):
        inside = shapely.intersection(road, shape)
        if road.touches(shape) or shapely.length(shapely.intersection(road, shape.boundary)) > 0:
            continue  # along an edge: the smallest code has it
        assert abs(float(found.get(code, 0)) - length_m(inside) / length_m(road)) < 1e-4


def test_by_hand() -> None:
    """West to east through the two southern communities and on for half a side: 1 : 1 : ½."""
    found = shares(line((0, 0.5), (2.5, 0.5)), LEAVES, EPSG)
    assert list(found) == ["D1-1", "D2-1", OUTSIDE]
    assert [float(x) for x in found.values()] == pytest.approx([0.4, 0.4, 0.2], abs=1e-5)
    assert sum(found.values()) == 1


def test_along_a_shared_edge_the_smallest_code_has_all() -> None:
    assert set(shares(line((1, 0), (1, 1)), LEAVES, EPSG)) == {"D1-1"}
    assert set(shares(line((0, 1), (2, 1)), LEAVES, EPSG)) == {"D1-1", "D2-1"}


def test_touching_is_no_share() -> None:
    assert shares(line((0.5, 0.5), (1, 0.5)), LEAVES, EPSG) == {"D1-1": 1}
    assert shares(line((2, 0.5), (3, 0.5)), LEAVES, EPSG) == {OUTSIDE: 1}


def test_a_line_without_length_has_no_shares() -> None:
    assert shares(line((0.5, 0.5), (0.5, 0.5)), LEAVES, EPSG) == {}


def test_a_stretch_in_no_leaf_goes_to_the_grid_above() -> None:
    without = TOWN[TOWN["code"] != "D1-1"].reset_index(drop=True)
    (cut,) = Cutter(without, EPSG).cut([line((0, 0.5), (2, 0.5))])
    assert [without["code"][s.position] for s in cut] == ["D2-1", "D1"]


@given(st.lists(st.floats(0, 1e4, allow_nan=False), max_size=8))
def test_whole_millimetres_add_up(lengths: list[float]) -> None:
    out = whole_mm(lengths)
    exact = [Fraction(x) * 1000 for x in lengths]
    assert sum(out) == round(sum(exact, Fraction(0)))
    assert all(abs(mm - x) <= 1 for mm, x in zip(out, exact, strict=True))


def test_the_middle_is_that_of_the_longest_part() -> None:
    two = shapely.multilinestrings([line((0, 0), (0.25, 0)), line((1, 1), (2, 1))])
    assert middle(two, 0.5) == shapely.Point(WEST + 1.5 * SIDE, SOUTH + SIDE)


# --- frames -----------------------------------------------------------------------------------------------------------


def spots(
    *given: tuple[str, shapely.Geometry], unit_level: int = 2, spread: int = 3, least: Fraction = Fraction(1, 20)
) -> list[Spot]:
    layer = gpd.GeoDataFrame(given, columns=["code", "geometry"], geometry="geometry", crs=4490)
    return Frames(TOWN, EPSG, unit_level, spread, least).spots(layer, "x")


def at(x: float, y: float) -> shapely.Point:
    return shapely.Point(WEST + x * SIDE, SOUTH + y * SIDE)


def test_a_point_belongs_to_the_grids_that_own_it() -> None:
    found = spots(("a", at(0.5, 1.5)), ("edge", at(1, 0.5)), ("far", at(5, 5)))
    assert [(s.feature, s.unit, s.grid, s.line) for s in found] == [
        ("x/a", "D1", "D1-2", ("C", "D1", "D1-2")),
        ("x/edge", "D1", "D1-1", ("C", "D1", "D1-1")),
    ]


def test_an_area_belongs_to_the_unit_of_one_point_inside_it() -> None:
    ring = shapely.Polygon(at(1.5, 1.5).buffer(SIDE / 4).exterior, [at(1.5, 1.5).buffer(SIDE / 8).exterior])
    (spot,) = spots(("pond", ring))
    assert spot.unit == "D2"
    assert ring.contains(shapely.Point(spot.lon, spot.lat))


def test_a_road_belongs_to_every_unit_with_enough_of_it_and_is_visited_there() -> None:
    road = line((0.2, 0.5), (0.2, 1.5), (1.9, 1.5))  # south-west, north-west, north-east
    west, east = spots(("r", road))
    assert (west.unit, west.grid, east.unit, east.grid) == ("D1", "D1-2", "D2", "D2-2")
    for spot in (west, east):
        levels = {n: sum(mm for (level, _), mm in spot.lengths_mm.items() if level == n) for n in (1, 2, 3)}
        assert set(levels.values()) == {spot.total_mm}
        inside = LEAVES.set_index("code").geometry[spot.grid]
        assert inside.contains(shapely.Point(spot.lon, spot.lat))
    assert abs(west.total_mm + east.total_mm - 1000 * length_m(road)) <= 1


def test_a_road_that_only_grazes_a_unit_is_not_its() -> None:
    road = line((0.05, 0.5), (1.05, 0.5))  # a twentieth of it lies in the east
    assert [s.unit for s in spots(("r", road), least=Fraction(1, 10))] == ["D1"]
    assert [s.unit for s in spots(("r", road), least=Fraction(1, 30))] == ["D1", "D2"]


def test_a_road_along_the_border_is_visited_where_it_is_owned() -> None:
    """Rounding must not move the place across the border that the road follows."""
    road = line((1, 0.013), (1, 1.977))
    (spot,) = spots(("r", road))
    assert spot.unit == "D1"
    owner = Frames(TOWN, EPSG, 2, 3, Fraction(0))._lines(np.array([shapely.Point(spot.lon, spot.lat)]))
    assert owner[0] == spot.line


def test_spread_over_an_upper_level() -> None:
    assert [s.grid for s in spots(("a", at(0.5, 1.5)), unit_level=1, spread=2)] == ["D1"]


def test_a_feature_without_a_leaf_is_spread_by_the_grid_above() -> None:
    without = TOWN[TOWN["code"] != "D1-1"].reset_index(drop=True)
    layer = gpd.GeoDataFrame({"code": ["a"]}, geometry=[at(0.5, 0.5)], crs=4490)
    (spot,) = Frames(without, EPSG, 2, 3, Fraction(0)).spots(layer, "x")
    assert (spot.unit, spot.grid, spot.line) == ("D1", "D1", ("C", "D1", None))
