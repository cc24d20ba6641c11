"""The order of axes is the authority's, and systems of other datums go over WGS 84."""

from dataclasses import replace

import pytest

from gridmgmt.city import City
from gridmgmt.errors import OptionInvalid
from gridmgmt.features import systems

CITY = City("4299", "小城", "Smallville", "Asia/Shanghai", 4547)


@pytest.mark.parametrize(
    ("epsg", "north_first", "hub"),
    [(4547, True, 4490), (4526, True, 4490), (32650, False, 4326), (3826, False, 4326), (2326, True, 4326)],
)
def test_the_metric_system_has_its_own_axes_and_datum(epsg: int, north_first: bool, hub: int) -> None:
    found = systems.systems(replace(CITY, metric_epsg=epsg))
    metric = found[f"http://www.opengis.net/def/crs/EPSG/0/{epsg}"]
    assert (metric.epsg, metric.north_first, metric.hub) == (epsg, north_first, hub)
    assert [x.north_first for x in [*found.values()][:3]] == [False, True, True], "CRS84, 4326, 4490"


def test_the_storage_is_labelled_as_the_city_says() -> None:
    assert systems.storage_uri(CITY).endswith("/4490")
    assert systems.storage_uri(replace(CITY, datum="WGS84")).endswith("/4326")


@pytest.mark.parametrize(
    "text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "0,5,1,4", "0,0,181,1", "0,-91,1,1", "inf,0,1,1"]
)
def test_a_box_that_is_none_is_refused_with_the_order_of_its_axes(text: str) -> None:
    lon_first, lat_first, *_ = systems.systems(CITY).values()
    parts = text.split(",")
    turned = ",".join(parts[n] for n in (1, 0, 3, 2)) if len(parts) == 4 else text
    for system, box, order in (
        (lon_first, text, "west,south,east,north"),
        (lat_first, turned, "south,west,north,east"),
    ):
        with pytest.raises(OptionInvalid) as refused:
            system.box(box, "bbox")
        assert refused.value.expected == order
