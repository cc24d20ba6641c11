"""Coordinate systems: what is relabelled, what is moved and by how much, what is refused."""

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gridmgmt import errors, geo
from gridmgmt.texts import word

CHINA_LON = st.floats(73, 137, allow_nan=False)
CHINA_LAT = st.floats(1, 55, allow_nan=False)
SHENZHEN = (114.0579, 22.5431)


def layer(*points: tuple[float, ...], crs: object = None) -> gpd.GeoDataFrame:
    """Points under an unusual geometry name and index, to see that both survive."""
    frame = gpd.GeoDataFrame({"code": range(len(points)), "geom": [shapely.Point(p) for p in points]}, geometry="geom")
    frame.index = pd.Index(range(10, 10 + len(points)))
    return frame if crs is None else frame.set_crs(crs)


def distance_m(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Distance on the sphere, good enough for metres nearby."""
    return 111_320 * math.hypot((lon1 - lon2) * math.cos(math.radians(lat1)), lat1 - lat2)


# --- layers ---


@pytest.mark.parametrize("text", [4490, "4490", "epsg:4490", " EPSG:4490 ", "urn:ogc:def:crs:EPSG::4490"])
def test_crs_has_many_names(text: str | int) -> None:
    assert geo.parse_crs(text).to_epsg() == 4490


def test_crs_reads_wkt() -> None:
    assert geo.parse_crs(geo.parse_crs(3826).to_wkt()).to_epsg() == 3826


@pytest.mark.parametrize("text", ["", "gcj02", "EPSG:999999", "nonsense", 4978, "EPSG:5773", -1, "9" * 6_000, "\udcff"])
def test_unknown_crs_is_refused(text: str | int) -> None:
    with pytest.raises(errors.CrsUnknown):
        geo.parse_crs(text)


@pytest.mark.parametrize("label", ["EPSG:4326", "OGC:CRS84", "EPSG:4490", "EPSG:4979"])
@given(st.floats(-180, 180), st.floats(-90, 90))
def test_same_degrees_keep_every_bit(label: str, lon: float, lat: float) -> None:
    stored = geo.to_storage(layer((lon, lat), crs=label))
    assert stored.crs.to_epsg() == 4490
    assert shapely.get_coordinates(stored.geometry).tobytes() == np.array([[lon, lat]]).tobytes()


def test_layer_keeps_columns_index_and_is_not_changed() -> None:
    given_frame = layer((*SHENZHEN, 7.5), crs="EPSG:4326")
    stored = geo.to_storage(given_frame)
    assert list(stored.columns) == ["code", "geom"]
    assert stored.index.tolist() == [10]
    assert not stored.has_z.any()
    assert given_frame.crs.to_epsg() == 4326
    assert given_frame.has_z.all()


def test_layer_without_crs_is_refused_unless_named() -> None:
    with pytest.raises(errors.CrsMissing) as e:
        geo.to_storage(layer(SHENZHEN), name="a.shp")
    assert e.value.file == "a.shp"
    assert geo.to_storage(layer(SHENZHEN), geo.parse_crs(4326)).crs.to_epsg() == 4490


def test_named_crs_overrides_a_wrong_label() -> None:
    mislabelled = layer((180_000.0, 2_500_000.0), crs=4326)
    assert geo.to_storage(mislabelled, geo.parse_crs(3826)).geometry.iloc[0].x == pytest.approx(120.3191627, abs=1e-7)


ARC_23_M = 2_544_537.57855209
"""Meridian arc from the equator to 23°N on GRS80, which CGCS2000 and TWD97 share to less than a millimetre."""


@pytest.mark.parametrize(
    ("epsg", "xy", "lonlat", "tolerance"),
    [
        (4547, (500_000.0, ARC_23_M), (114.0, 23.0), 1e-9),  # official axis order: northing first
        (4549, (500_000.0, ARC_23_M), (120.0, 23.0), 1e-9),
        (3826, (250_000.0, ARC_23_M * 0.9999), (121.0, 23.0), 1e-8),
        # origin of the Hong Kong 1980 grid, published as 5.5" south and 8.8" east of its own datum's degrees
        (2326, (836_694.05, 819_069.80), (114.178556 + 8.8 / 3600, 22.312133 - 5.5 / 3600), 2e-5),
    ],
)
def test_projected_layers_come_in_lon_lat(
    epsg: int, xy: tuple[float, float], lonlat: tuple[float, float], tolerance: float
) -> None:
    point = geo.to_storage(layer(xy, crs=epsg)).geometry.iloc[0]
    assert (point.x, point.y) == pytest.approx(lonlat, abs=tolerance)


def test_twd97_city_comes_back_to_the_micrometre() -> None:
    """A city in TWD97 metres, stored in degrees, measured in TWD97 again."""
    square = shapely.box(170_000, 2_500_000, 171_000, 2_500_500)
    frame = gpd.GeoDataFrame({"code": ["a"]}, geometry=[square], crs=3826)
    stored = geo.to_storage(frame)
    assert stored.total_bounds == pytest.approx([120.22, 22.59, 120.24, 22.61], abs=0.01)
    assert geo.areas_m2(stored, 3826).tolist() == pytest.approx([500_000], abs=1e-3)
    back = geo.to_metric(stored, 3826)
    assert back.crs.to_epsg() == 3826
    assert shapely.get_coordinates(back.geometry) == pytest.approx(shapely.get_coordinates(square), abs=1e-6)


@pytest.mark.parametrize("epsg", [4610, 2383])
def test_datum_without_a_published_way_is_refused(epsg: int) -> None:
    xy = (113.0, 23.0) if epsg == 4610 else (500_000.0, 2_500_000.0)
    with pytest.raises(errors.CrsNotConvertible):
        geo.to_storage(layer(xy, crs=epsg))


@pytest.mark.parametrize(
    ("crs", "points", "error"),
    [
        (4326, [(180_000.0, 2_500_000.0)], errors.CrsLooksProjected),
        (4490, [(38_500_000.0, 2_544_537.0), (38_500_100.0, 2_544_500.0)], errors.CrsLooksProjected),
        (4326, [(22.5, 114.05), (22.6, 114.1)], errors.CrsLooksSwapped),
        (4326, [(114.05, 22.5), (181.0, 22.5)], errors.CrsImplausible),
        (4490, [(114.05, math.nan)], errors.CrsImplausible),
        (3826, [(120.3, 22.6), (120.4, 22.7)], errors.CrsLooksGeographic),
        (32650, [(1e30, 1e30)], errors.CrsImplausible),
    ],
)
def test_implausible_numbers_are_refused(
    crs: int, points: list[tuple[float, float]], error: type[errors.CrsImplausible]
) -> None:
    with pytest.raises(errors.CrsImplausible) as e:
        geo.to_storage(layer(*points).set_crs(crs), name="grids.gpkg")
    assert type(e.value) is error
    assert e.value.crs == f"EPSG:{crs}"
    for lang in ("zh", "en"):
        assert "grids.gpkg" in word(e.value.code, e.value.facts, lang)
        assert "{" not in word(e.value.code, e.value.facts, lang)


def test_edges_of_the_degrees_are_plausible() -> None:
    geo.check_plausible(np.array([[180.0, 90.0], [-180.0, -90.0]]), geo.WGS84)
    with pytest.raises(errors.CrsImplausible):
        geo.check_plausible(np.array([[114.0, 22.0], [np.nextafter(180, 181), 90.0]]), geo.WGS84)


def test_projected_layer_near_its_origin_passes_with_one_large_number() -> None:
    geo.check_plausible(np.array([[120.3, 22.6], [120.3, 91.0]]), geo.parse_crs(3826))


def test_missing_and_empty_geometry_stays() -> None:
    frame = gpd.GeoDataFrame(geometry=[None, shapely.Polygon(), shapely.Point(500_000, 2_544_537)], crs=4547)
    stored = geo.to_storage(frame)
    assert stored.geometry.isna().tolist() == [True, False, False]
    assert stored.geometry.is_empty.tolist() == [False, True, False]
    assert geo.to_storage(frame.iloc[:0]).empty


# --- points ---


def gcj02_oracle(lon: float, lat: float) -> tuple[float, float]:
    """The published shift, written out in scalars."""
    a, ee, pi = 6378245.0, 0.00669342162296594323, math.pi
    x, y = lon - 105.0, lat - 35.0
    dlat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
    dlat += (20.0 * math.sin(6.0 * x * pi) + 20.0 * math.sin(2.0 * x * pi)) * 2.0 / 3.0
    dlat += (20.0 * math.sin(y * pi) + 40.0 * math.sin(y / 3.0 * pi)) * 2.0 / 3.0
    dlat += (160.0 * math.sin(y / 12.0 * pi) + 320 * math.sin(y * pi / 30.0)) * 2.0 / 3.0
    dlon = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
    dlon += (20.0 * math.sin(6.0 * x * pi) + 20.0 * math.sin(2.0 * x * pi)) * 2.0 / 3.0
    dlon += (20.0 * math.sin(x * pi) + 40.0 * math.sin(x / 3.0 * pi)) * 2.0 / 3.0
    dlon += (150.0 * math.sin(x / 12.0 * pi) + 300.0 * math.sin(x / 30.0 * pi)) * 2.0 / 3.0
    rad = lat / 180.0 * pi
    magic = 1 - ee * math.sin(rad) * math.sin(rad)
    dlat = dlat * 180.0 / ((a * (1 - ee)) / (magic * math.sqrt(magic)) * pi)
    dlon = dlon * 180.0 / (a / math.sqrt(magic) * math.cos(rad) * pi)
    return lon + dlon, lat + dlat


def bd09_oracle(lon: float, lat: float) -> tuple[float, float]:
    """BD-09 over GCJ-02, as published."""
    k = math.pi * 3000.0 / 180.0
    z = math.sqrt(lon * lon + lat * lat) + 0.00002 * math.sin(lat * k)
    theta = math.atan2(lat, lon) + 0.000003 * math.cos(lon * k)
    return z * math.cos(theta) + 0.0065, z * math.sin(theta) + 0.006


def to_bd09(lon: float, lat: float) -> tuple[float, float]:
    """Stored degrees → BD-09; the platform only reads it."""
    return bd09_oracle(*gcj02_oracle(lon, lat))


@given(CHINA_LON, CHINA_LAT)
def test_the_forward_shift_equals_the_published_formula(lon: float, lat: float) -> None:
    gcj = gcj02_oracle(lon, lat)
    assert [float(v) for v in geo.to_gcj02(lon, lat)] == pytest.approx(gcj, abs=1e-11)


@pytest.mark.parametrize(("there", "back"), [(geo.to_gcj02, geo.from_gcj02), (to_bd09, geo.from_bd09)])
@given(CHINA_LON, CHINA_LAT)
def test_inverse_returns_within_a_hundredth_of_a_millimetre(there, back, lon: float, lat: float) -> None:
    lon2, lat2 = back(*there(lon, lat))
    assert distance_m(lon, lat, float(lon2), float(lat2)) < 1e-5


def test_inverse_is_exact_where_one_subtraction_is_metres_wrong() -> None:
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(73, 137, 20_000), rng.uniform(1, 55, 20_000)
    gcj_lon, gcj_lat = geo.to_gcj02(lon, lat)
    once_lon, once_lat = (2 * a - b for a, b in zip((gcj_lon, gcj_lat), geo.to_gcj02(gcj_lon, gcj_lat), strict=True))
    lon2, lat2 = geo.from_gcj02(gcj_lon, gcj_lat)
    assert np.nanmax(np.hypot(once_lon - lon, once_lat - lat)) * 111_320 > 3
    assert np.max(np.hypot(lon2 - lon, lat2 - lat)) * 111_320 < 1e-7
    lon3, lat3 = geo.from_bd09(*np.vectorize(bd09_oracle)(gcj_lon, gcj_lat))
    assert np.max(np.hypot(lon3 - lon, lat3 - lat)) * 111_320 < 1e-7


def test_shift_is_hundreds_of_metres() -> None:
    gcj = [float(v) for v in geo.to_gcj02(*SHENZHEN)]
    assert 400 < distance_m(*SHENZHEN, *gcj) < 700


@pytest.mark.parametrize("system", ["gcj02", "bd09"])
@pytest.mark.parametrize(
    ("x", "y"),
    [(72.0039, 35.0), (137.8348, 35.0), (114.0, 0.8292), (114.0, 55.8272), (-74.0, 40.7), (0.0, 0.0), (math.inf, 30.0)],
)
def test_web_coordinates_outside_their_rectangle_are_refused(system: str, x: float, y: float) -> None:
    points = geo.points_to_storage([x, 114.0], [y, 23.0], system)
    assert points.refused.tolist() == [True, False]
    assert np.isnan([points.lon[0], points.lat[0]]).all()
    with pytest.raises(errors.CoordinateOutOfRange) as e:
        geo.point_to_storage(x, y, system)
    assert system in word(e.value.code, e.value.facts)


def test_a_web_coordinate_whose_true_place_is_outside_is_refused_too() -> None:
    """At the edge the shift jumps to nothing: such a coordinate could mean two places."""
    gcj_lon, gcj_lat = gcj02_oracle(137.8347 + 1e-4, 35.0)
    lon, lat = geo.from_gcj02([gcj_lon, 137.83], [gcj_lat, 35.0])
    assert np.isnan(lon).tolist() == np.isnan(lat).tolist() == [True, False]


@pytest.mark.parametrize("system", ["epsg:4326", "EPSG:4490", "4490"])
def test_degrees_pass_bit_for_bit_and_missing_is_not_refused(system: str) -> None:
    x = [114.123456789012345, math.nan, 180.0, 180.1, 22.5, 114.0]
    y = [22.1, 22.0, -90.0, 0.0, 114.0, math.nan]
    points = geo.points_to_storage(x, y, system)
    assert points.lon[0] == x[0]
    assert points.refused.tolist() == [False, False, False, True, True, False]
    assert np.isnan(points.lon).tolist() == np.isnan(points.lat).tolist() == [False, True, False, True, True, True]


@pytest.mark.parametrize("epsg", [4547, 3826, 2263, 4269])
def test_points_and_layers_agree(epsg: int) -> None:
    xy = (-74.0, 40.7) if epsg == 4269 else (250_000.0, 2_500_000.0) if epsg == 3826 else (500_000.0, 250_000.0)
    point = geo.to_storage(layer(xy, crs=epsg)).geometry.iloc[0]
    assert geo.point_to_storage(*xy, f"epsg:{epsg}") == (point.x, point.y)


def test_projected_points_where_the_projection_is_undefined_are_refused() -> None:
    points = geo.points_to_storage([500_000, 1e30, np.inf, np.nan], [2_500_000, 1e30, 0, 0], "epsg:4547")
    assert points.refused.tolist() == [False, True, True, False]


def test_unusable_system_is_an_error_not_a_mask() -> None:
    with pytest.raises(errors.CrsUnknown):
        geo.points_to_storage([1.0], [1.0], "gcj-02")
    with pytest.raises(errors.CrsNotConvertible):
        geo.points_to_storage([113.0], [23.0], "epsg:4610")


def test_a_missing_coordinate_has_no_place() -> None:
    with pytest.raises(errors.CoordinateOutOfRange):
        geo.point_to_storage(math.nan, 23.0, "gcj02")


def test_no_points_give_no_points() -> None:
    for system in ("gcj02", "bd09", "epsg:4547", "epsg:4326"):
        assert geo.points_to_storage([], [], system).lon.shape == (0,)
