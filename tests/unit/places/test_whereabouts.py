"""A layer lies where its system and its city can be, or is refused with what it looks like."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import CRS

from gridmgmt import city
from gridmgmt.city import City
from gridmgmt.errors import (
    CityInvalid,
    CrsAxesSwapped,
    CrsElsewhere,
    CrsUnitMistaken,
    MetricCrsElsewhere,
)
from gridmgmt.places.whereabouts import check_metric, placed

CENTRAL = city.from_dict({"code": "1", "name": "中", "time_zone": "Asia/Shanghai", "metric_crs": 4547})
WEST = city.from_dict({"code": "2", "name": "西", "time_zone": "Asia/Shanghai", "metric_crs": 4535})
SQUARE = shapely.box(114.0, 30.0, 114.1, 30.1)


def layer(shape: shapely.Geometry = SQUARE, crs: int = 4547, *, swapped: bool = False) -> gpd.GeoDataFrame:
    frame = gpd.GeoDataFrame(geometry=[shape], crs=4326).to_crs(crs)
    if swapped:
        frame.geometry = shapely.transform(frame.geometry.to_numpy(), lambda xy: xy[:, ::-1])
    return frame


@pytest.mark.parametrize("crs", [4547, 4526, 32650, 4326, 4490, 3857])
def test_a_layer_at_home_is_placed(crs: int) -> None:
    assert placed(layer(crs=crs), city=CENTRAL).total_bounds == pytest.approx([114, 30, 114.1, 30.1], abs=1e-6)


def test_metres_with_north_first_are_named_and_read_on_request() -> None:
    with pytest.raises(CrsAxesSwapped) as e:
        placed(layer(swapped=True), city=CENTRAL, name="metres_yx")
    assert (e.value.file, e.value.crs) == ("metres_yx", "EPSG:4547")
    turned = placed(layer(swapped=True), city=CENTRAL, swap=True)
    assert turned.total_bounds == pytest.approx([114, 30, 114.1, 30.1], abs=1e-6)


def test_degrees_with_latitude_first_are_named_where_both_could_be_latitudes() -> None:
    with pytest.raises(CrsAxesSwapped):
        placed(layer(shapely.box(75.0, 39.0, 75.1, 39.1), 4326, swapped=True), city=WEST)
    placed(layer(shapely.box(75.0, 39.0, 75.1, 39.1), 4326), city=WEST)


def test_feet_taken_for_metres_are_told_apart() -> None:
    new_york = city.from_dict({"code": "3", "name": "N", "time_zone": "America/New_York", "metric_crs": 32118})
    feet = layer(shapely.box(-74.0, 40.6, -73.9, 40.7), 2263)
    placed(feet, city=new_york)
    with pytest.raises(CrsUnitMistaken):
        placed(feet, CRS.from_epsg(32118), city=new_york)
    with pytest.raises(CrsUnitMistaken):
        placed(layer(shapely.box(-74.0, 40.6, -73.9, 40.7), 32118), CRS.from_epsg(2263), city=new_york)


def test_one_stray_corner_outside_the_area_of_use_is_told_with_where_it_lies() -> None:
    frame = gpd.GeoDataFrame(geometry=[SQUARE, shapely.box(150, 30, 150.1, 30.1)], crs=4326).to_crs(4547)
    with pytest.raises(CrsElsewhere) as e:
        placed(frame)
    assert (e.value.n, round(e.value.lon), round(e.value.lat)) == (5, 150, 30)
    assert "112°30'E" in e.value.area


def test_a_system_described_by_a_prj_has_the_area_of_the_one_it_describes() -> None:
    told = CRS.from_wkt(CRS.from_epsg(4547).to_wkt("WKT1_ESRI"))
    assert told.area_of_use is None
    with pytest.raises(CrsAxesSwapped):
        placed(layer(swapped=True), told)


@pytest.mark.parametrize(("beside", "right"), [(0.0, True), (2.9, True), (6.0, True), (7.0, False), (9.0, False)])
def test_a_city_is_measured_within_one_percent(beside: float, right: bool) -> None:
    """In TM an area is wrong by (Δλ·cos φ)²: at 30° north 0.8 % six degrees beside, 1.1 % seven degrees."""
    frame = layer(shapely.box(114.0 + beside, 30.0, 114.0 + beside + 0.01, 30.01), 4326)
    expected = (np.radians(beside + 0.01) * np.cos(np.radians(30.0))) ** 2
    assert (expected < 0.01) == right
    if right:
        placed(frame, city=CENTRAL)
        return
    with pytest.raises(MetricCrsElsewhere) as e:
        placed(frame, city=CENTRAL)
    assert float(e.value.wrong.removesuffix("%")) / 100 == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("zone", "metric"),
    [("Asia/Shanghai", 2154), ("America/New_York", 4547), ("Asia/Shanghai", 3857), ("Pacific/Auckland", 32118)],
)
def test_a_metric_crs_of_another_region_is_refused(zone: str, metric: int) -> None:
    with pytest.raises(CityInvalid) as e:
        check_metric(City("1", "中", "", zone, metric))
    assert e.value.key == "metric_crs"
    assert f"EPSG:{metric}" in e.value.value


@pytest.mark.parametrize(
    ("zone", "metric"),
    [("Asia/Shanghai", 4547), ("Asia/Shanghai", 4534), ("Asia/Urumqi", 4534), ("America/New_York", 32118),
     ("Europe/Madrid", 25829), ("Pacific/Auckland", 2193), ("Pacific/Fiji", 32701), ("UTC", 2154)],
)  # fmt: skip
def test_a_metric_crs_of_the_region_is_taken(zone: str, metric: int) -> None:
    check_metric(City("1", "中", "", zone, metric))
