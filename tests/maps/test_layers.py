"""Shapes that come back as they were, and cells that count every point once."""

import numpy as np
import pytest
import shapely
from geopandas import GeoDataFrame
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer

from gridmgmt.errors import CrsMissing
from gridmgmt.places.linework import whole
from maps.layers import bin_points, encode, stored

EPSG = 4547


def decode(text: str) -> shapely.Geometry:
    rest = iter(whole(text).tolist())
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


def test_a_hole_and_two_parts_come_back():
    holed = shapely.Polygon([(0, 0), (900, 0), (900, 900), (0, 900)], [[(100, 100), (100, 200), (200, 200)]])
    both = shapely.MultiPolygon([holed, shapely.box(-5000, -70, -4000, 30)])
    assert shapely.equals(decode(encode(both)), both)


def test_a_frame_without_crs_is_refused():
    with pytest.raises(CrsMissing):
        stored(GeoDataFrame(geometry=[shapely.box(114, 30, 115, 31)]), "district")


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
