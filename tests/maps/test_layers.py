"""Shapes that fit after simplifying, and cells that count every point once."""

import numpy as np
import pytest
import shapely
from geopandas import GeoDataFrame
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer

from gridmgmt.errors import CrsMissing
from maps.layers import ALPHABET, bin_points, encode, simplify_levels, stored
from tests.maps.synthetic import city

EPSG = 4547


@pytest.fixture(scope="module")
def frames():
    return [x.frame for x in city()]


@pytest.fixture(scope="module")
def shapes(frames):
    return simplify_levels(frames)


def numbers(text: str) -> list[int]:
    """Read the text of a shape; the same rule as shapes.js."""
    found, value, shift = [], 0, 0
    for char in text:
        digit = ALPHABET.index(char)
        value |= (digit & 31) << shift
        shift += 5
        if not digit & 32:
            found.append(-((value + 1) // 2) if value % 2 else value // 2)
            value, shift = 0, 0
    return found


def decode(text: str) -> shapely.Geometry:
    rest = iter(numbers(text))
    at = [next(rest), next(rest)]
    parts = []
    for _ in range(next(rest)):
        rings = []
        for _ in range(next(rest)):
            ring = []
            for _ in range(next(rest)):
                at = [at[0] + next(rest), at[1] + next(rest)]
                ring.append(at)
            rings.append(ring)
        parts.append(shapely.Polygon(rings[0], rings[1:]))
    return shapely.MultiPolygon(parts)


def test_neighbours_never_part_at_any_level(frames, shapes):
    for frame, level in zip(frames, shapes, strict=True):
        read = np.array([decode(text) for text in level.encode()])
        assert shapely.is_valid(read).all()
        assert shapely.coverage_is_valid(read)
        degrees = shapely.transform(read, lambda xy, d=level.decimals: xy / 10**d)
        assert shapely.area(degrees) == pytest.approx(shapely.area(frame.geometry.to_numpy()), rel=0.02)
        assert shapely.get_num_coordinates(read).sum() < 0.6 * frame.count_coordinates().sum()


def test_upper_levels_draw_the_lines_of_the_level_below(frames, shapes):
    for i in range(3):
        members = frames[i + 1].groupby("parent_code").indices
        for code, shape in zip(frames[i]["code"], shapes[i].polygons, strict=True):
            assert shapely.equals(shape, shapely.coverage_union_all(shapes[i + 1].polygons[members[code]]))


def test_a_parent_that_is_more_than_its_children_keeps_its_own_outline(frames):
    district, streets = frames[1].iloc[:1], frames[2][frames[2]["parent_code"] == frames[1]["code"].iloc[0]].iloc[:-1]
    upper, lower = simplify_levels([district, streets])
    missing = 1 - shapely.area(lower.polygons).sum() / shapely.area(upper.polygons).sum()
    assert missing == pytest.approx(1 / 20, rel=0.2)  # one street of twenty


def test_shapes_keep_within_the_budget(frames):
    tight = simplify_levels(frames, budget=150_000)
    assert sum(len(text) for level in tight for text in level.encode()) <= 150_000
    assert all(shapely.coverage_is_valid(level.polygons) for level in tight)


def test_a_budget_that_cannot_be_met_still_gives_a_map():
    shapes = simplify_levels([x.frame for x in city(side=10)], budget=10)
    assert [len(level.polygons) for level in shapes] == [1, 1, 4, 100]


def test_edges_that_rounding_parted_are_joined_again():
    left = shapely.Polygon([(0, 0), (1, 0), (1, 0.5), (1, 1), (0, 1)])
    right = shapely.Polygon([(1 + 1e-10, 0), (2, 0), (2, 1), (1, 1 + 1e-10)])
    frame = GeoDataFrame({"code": ["1", "2"], "parent_code": [None] * 2}, geometry=[left, right], crs=4490)
    drawn = simplify_levels([frame])[0].polygons
    assert shapely.length(shapely.intersection(*drawn)) == pytest.approx(1e5, rel=1e-3)
    assert shapely.coverage_is_valid(drawn)


def test_a_hole_and_two_parts_come_back():
    holed = shapely.Polygon([(0, 0), (900, 0), (900, 900), (0, 900)], [[(100, 100), (100, 200), (200, 200)]])
    both = shapely.MultiPolygon([holed, shapely.box(-5000, -70, -4000, 30)])
    assert shapely.equals(decode(encode(both)), both)


def test_a_frame_without_crs_is_refused(frames):
    with pytest.raises(CrsMissing):
        stored(frames[1].set_crs(None, allow_override=True), "district")


@given(st.lists(st.tuples(st.floats(113.5, 114.9), st.floats(29.6, 31.0)), min_size=1, max_size=60), st.integers(1, 40))
def test_each_point_is_counted_in_the_nearest_cell_of_every_size(points, max_bins):
    lon, lat = np.array(points).T
    x, y = Transformer.from_crs(4490, EPSG, always_xy=True).transform(lon, lat)
    for bins in bin_points(lon, lat, EPSG, max_bins):
        assert bins.counts.sum() == len(points)
        centres = shapely.get_coordinates(shapely.centroid(bins.shapes.polygons)) / 1e5
        east, north = Transformer.from_crs(4490, EPSG, always_xy=True).transform(*centres.T)
        nearest = np.hypot(x[:, None] - east, y[:, None] - north).min(axis=1)
        assert nearest.max() <= bins.size_m / np.sqrt(3) + 2  # a corner's distance, and the rounding of the shape


def test_cells_have_equal_area_fit_together_and_stay_within_the_limit():
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(113.9, 114.5, 40_000), rng.uniform(30.2, 30.7, 40_000)
    sizes = bin_points(lon, lat, EPSG, 3000)
    assert [x.size_m for x in sizes] == [2000, 5000, 10000]
    assert len(bin_points(lon, lat, EPSG, 5000)[0].counts) > 3000
    to_metres = Transformer.from_crs(4490, EPSG, always_xy=True)
    for bins in sizes:
        assert len(bins.counts) <= 3000
        assert (np.diff(bins.counts) <= 0).all()
        assert shapely.coverage_is_valid(bins.shapes.polygons)
        metric = shapely.transform(
            bins.shapes.polygons, lambda xy: np.stack(to_metres.transform(*(xy.T / 1e5)), axis=1)
        )
        assert shapely.area(metric) == pytest.approx(bins.size_m**2 * np.sqrt(3) / 2, rel=0.01)


def test_two_months_give_the_same_cells():
    lon, lat = np.array([114.1, 114.2]), np.array([30.1, 30.2])
    both, one = (bin_points(lon[:n], lat[:n], EPSG, 100)[0] for n in (2, 1))
    assert {p.wkt for p in one.shapes.polygons} < {p.wkt for p in both.shapes.polygons}
