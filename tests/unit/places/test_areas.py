"""Which areas hold a point: polygons with their borders, lines to both sides, on the metre."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt import geo
from gridmgmt.places.areas import AreaMap

EPSG = 4547  # CGCS2000 / 3-degree Gauss-Kruger CM 114E
X, Y = 114.0, 30.0
METRE_LON, METRE_LAT = 1 / 96_486, 1 / 110_852  # degrees at 30° N, on the central meridian


def features(*rows: tuple[str, shapely.Geometry, float]) -> gpd.GeoDataFrame:
    columns = {"code": [code for code, _, _ in rows], "buffer_m": [buffer for _, _, buffer in rows]}
    empty = {name: [None] * len(rows) for name in ("category", "unit_code", "land_owner", "name_zh", "name_en")}
    return gpd.GeoDataFrame({**columns, **empty}, geometry=[shape for _, shape, _ in rows], crs=4490)


def held(frame: gpd.GeoDataFrame, *points: tuple[float, float]) -> list[list[str]]:
    xy = np.array(points, dtype=float).reshape(-1, 2)
    hits = AreaMap(frame, EPSG).holding(xy[:, 0], xy[:, 1])
    return [[a.code for a in hits.of_row(i)] for i in range(len(points))]


SQUARE = shapely.box(X, Y, X + 1 / 128, Y + 1 / 128)


def test_a_polygon_holds_its_border_and_nothing_beside_it() -> None:
    e = float(np.spacing(X))
    points = [(X, Y), (X + 1 / 256, Y + 1 / 256), (X, Y + 1 / 256), (X - e, Y + 1 / 256), (X + 1 / 128 + e, Y)]
    assert held(features(("park", SQUARE, np.nan)), *points) == [["park"], ["park"], ["park"], [], []]


@pytest.mark.parametrize("buffer", [30.0, 200.0])
def test_a_line_holds_both_its_sides_as_far_as_its_buffer(buffer: float) -> None:
    road = shapely.LineString([(X - 0.01, Y), (X + 0.01, Y)])
    points = [(X, Y), (X, Y + (buffer - 0.5) * METRE_LAT), (X, Y - (buffer - 0.5) * METRE_LAT)]
    beyond = [(X, Y + (buffer + 0.5) * METRE_LAT), (X + 0.01 + (buffer + 0.5) * METRE_LON, Y)]
    assert held(features(("road", road, buffer)), *points, *beyond) == [["road"]] * 3 + [[]] * 2


def test_the_last_metre_belongs_to_it() -> None:
    road = shapely.LineString([(X - 0.01, Y), (X + 0.01, Y)])
    point = (X + 0.001, Y + 0.0005)
    both = geo.to_metric(gpd.GeoDataFrame(geometry=[road, shapely.Point(point)], crs=4490), EPSG).geometry
    exactly = float(both.iloc[0].distance(both.iloc[1]))
    assert held(features(("road", road, exactly)), point) == [["road"]]
    assert held(features(("road", road, np.nextafter(exactly, 0))), point) == [[]]


def test_a_line_without_a_buffer_holds_nothing_and_a_polygon_with_one_its_surroundings() -> None:
    road = shapely.LineString([(X, Y), (X, Y + 1)])
    near = (X - 5 * METRE_LON, Y + 1 / 256)
    assert held(features(("road", road, np.nan), ("park", SQUARE, 10.0)), (X, Y), near) == [["park"], ["park"]]


def test_the_smallest_comes_first_and_a_buffer_counts_for_the_size() -> None:
    inner = shapely.box(X, Y, X + 1 / 512, Y + 1 / 512)
    line = shapely.LineString([(X, Y), (X + 1 / 512, Y)])
    frame = features(("large", SQUARE, np.nan), ("b", inner, np.nan), ("a", inner, np.nan), ("road", line, 2000.0))
    assert held(frame, (X, Y)) == [["a", "b", "large", "road"]]


def test_no_points_no_areas_and_points_without_coordinates() -> None:
    assert held(features(), (X, Y)) == [[]]
    assert held(features(("park", SQUARE, np.nan))) == []
    assert held(features(("park", SQUARE, np.nan)), (np.nan, Y), (X, np.nan), (X, Y)) == [[], [], ["park"]]


@given(st.lists(st.tuples(st.floats(-0.02, 0.02), st.floats(-0.02, 0.02)), max_size=20), st.floats(0.1, 1500))
def test_the_box_around_an_area_never_loses_a_point(shifts: list[tuple[float, float]], buffer: float) -> None:
    """What the quick look leaves out is measured here without it."""
    road = shapely.LineString([(X - 0.003, Y + 0.001), (X + 0.004, Y - 0.002)])
    points = [(X + dx, Y + dy) for dx, dy in shifts]
    shapes = gpd.GeoDataFrame(geometry=[road, *map(shapely.Point, points)], crs=4490)
    metric = geo.to_metric(shapes, EPSG).geometry
    slow = [["road"] if metric.iloc[0].distance(p) <= buffer else [] for p in metric.iloc[1:]]
    assert held(features(("road", road, buffer)), *points) == slow
