"""The city's metric CRS: held against the grids, mended while there are none."""

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from gridmgmt import city
from gridmgmt.database import cities
from gridmgmt.database.work import Work
from gridmgmt.errors import CityExists, CrsAxesSwapped, MetricCrsElsewhere
from gridmgmt.people.operations import reference
from gridmgmt.places.operations import editions
from gridmgmt.texts import word
from tests.postgis import towns

CITY = """
code: C
name: {{zh: 小城, en: Town}}
time_zone: Asia/Shanghai
metric_crs: {}
levels:
  - {{key: city, zh: 市, en: City}}
  - {{key: district, zh: 区, en: District}}
  - {{key: community, zh: 社区, en: Community}}
category_scheme: town
"""


def init(work: Work, folder: Path, metric: int) -> int:
    path = folder / "city.yaml"
    path.write_text(CITY.format(metric), "utf-8")
    return reference.init_city(work, path).city.metric_epsg


def test_a_zone_beside_is_found_with_the_first_grids_and_mended(empty: Work, tmp_path: Path) -> None:
    init(empty, tmp_path, 4544)
    with pytest.raises(MetricCrsElsewhere) as e:
        towns.add_edition(empty, tmp_path)
    assert (e.value.metric_crs, e.value.wrong) == ("EPSG:4544", "1.9%")
    assert init(empty, tmp_path, 4547) == 4547
    with empty.snapshot() as connection:
        assert city.to_dict(cities.load_city(connection)) == city.to_dict(towns.CITY)
    towns.add_edition(empty, tmp_path)
    with pytest.raises(CityExists) as refused:
        init(empty, tmp_path, 4546)
    assert [x["key"] for x in refused.value.changes] == ["metric_crs"]
    told = word(refused.value.code, refused.value.facts)
    assert "没有更改" in told
    assert "metric_crs 由 4547 改为 4546" in told
    assert init(empty, tmp_path, 4547) == 4547


def test_a_city_is_new_then_the_same_then_corrected(empty: Work, tmp_path: Path) -> None:
    path = tmp_path / "city.yaml"
    for metric, changes in ((4544, None), (4544, {}), (4547, {"metric_crs": (4544, 4547)})):
        path.write_text(CITY.format(metric), "utf-8")
        assert reference.init_city(empty, path).changes == changes


def test_nothing_but_the_metric_crs_can_be_mended(empty: Work, tmp_path: Path) -> None:
    init(empty, tmp_path, 4544)
    with empty.locked() as connection, pytest.raises(CityExists):
        cities.save_city(connection, replace(towns.CITY, zh="大城"))


def test_metres_with_north_first_become_the_grids_that_they_are(empty: Work, tmp_path: Path) -> None:
    init(empty, tmp_path, 4547)
    right, turned = tmp_path / "right.gpkg", tmp_path / "turned.gpkg"
    frame = gpd.read_file(towns.write_grids(tmp_path / "grids.gpkg")).to_crs(4547)
    frame.to_file(right)
    exchanged = shapely.transform(frame.geometry.to_numpy(), lambda xy: xy[:, ::-1])
    frame.set_geometry(exchanged, crs=4547).to_file(turned)
    with pytest.raises(CrsAxesSwapped):
        editions.import_grids(empty, [str(turned)], "one")
    editions.import_grids(empty, [str(right)], "right")
    editions.import_grids(empty, [str(turned)], "turned", swap=True)
    one, other = (editions.grids_of(empty, name, None, None) for name in ("right", "turned"))
    assert one["area_m2"].tolist() == pytest.approx(other["area_m2"].tolist())
    assert one.geometry.geom_equals_exact(other.geometry, 1e-9).all()
