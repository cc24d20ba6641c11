"""Grids and indicators as maps: they come back as they are stored, with their CRS and units."""

import os
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

from gridmgmt.database.work import Work
from gridmgmt.errors import LevelUnknown, OptionInvalid
from gridmgmt.figures.operations import indicators
from gridmgmt.periods import parse_period
from gridmgmt.places.operations import editions
from tests.postgis import towns
from tests.postgis.towns import case, load

COLUMNS = [
    "edition",
    "level",
    "code",
    "parent_code",
    "name_zh",
    "name_en",
    "kind",
    "responsible",
    "area_m2",
    "geometry",
]


def read(path: Path) -> gpd.GeoDataFrame:
    return gpd.read_parquet(path) if "parquet" in path.suffix else gpd.read_file(path)


@pytest.mark.parametrize("name", ["a.gpkg", "a.parquet", "a.geoparquet", "new/a.geojson"])
def test_grids_come_back_as_they_are_stored(town: Work, tmp_path: Path, name: str) -> None:
    assert editions.export_grids(town, tmp_path / name, day=towns.START) == ("2025", 7)
    found, stored = read(tmp_path / name), editions.grids_of(town, "2025", None, None)
    assert found.crs.to_epsg() == 4490
    assert list(found.columns) == COLUMNS
    assert set(found["edition"]) == {"2025"}
    assert found.geometry.geom_equals_exact(stored.geometry, 1e-9).all()
    metric = found.to_crs(4547).area
    assert found["area_m2"].tolist() == pytest.approx(metric.tolist(), rel=1e-6)
    for column in ("level", "code", "name_zh"):
        assert found[column].tolist() == stored[column].tolist()


def test_only_the_levels_asked_for(town: Work, tmp_path: Path) -> None:
    assert editions.export_grids(town, tmp_path / "a.gpkg", edition="2025", levels=["区", "community"])[1] == 6
    assert set(read(tmp_path / "a.gpkg")["level"]) == {2, 3}
    editions.export_grids(town, tmp_path / "a.gpkg", edition="2025", levels=["city"])
    assert len(read(tmp_path / "a.gpkg")) == 1, "a file that is there is replaced as a whole"
    with pytest.raises(LevelUnknown):
        editions.export_grids(town, tmp_path / "a.gpkg", levels=["village"])


@pytest.mark.parametrize("name", ["a.gpkg", "a.parquet"])
def test_indicators_come_back_with_their_grids(town: Work, tmp_path: Path, name: str) -> None:
    load(town, tmp_path, [case("1", "D1-1"), case("2", "D2-2"), case("3", "D2-2"), case("4", (113.0, 30.0))])
    period = parse_period("2025-12")
    table, _ = indicators.export_indicators(town, period, "community", tmp_path / name)
    pd.testing.assert_frame_equal(table, indicators.indicators(town, period, "community")[0])
    found = read(tmp_path / name).set_index("code")
    assert found.crs.to_epsg() == 4490
    assert found["n_reported"].to_dict() == {"D1-1": 1, "D1-2": 0, "D2-1": 0, "D2-2": 2, "": 1}
    assert found.loc["D2-2", "geometry"].equals(towns.box(1, 1))
    assert found.loc["", "geometry"] is None
    assert set(found["period"]) == {"2025-12"}
    assert set(found["edition"]) == {"2025"}


@pytest.mark.parametrize("name", ["a.shp", "a", "a.geojson", "pipe.gpkg"])
def test_another_format_or_a_pipe_is_refused_and_left_alone(town: Work, tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe.gpkg")
    with pytest.raises(OptionInvalid):
        indicators.export_indicators(town, parse_period("2025-12"), "community", tmp_path / name)
    assert (tmp_path / "pipe.gpkg").is_fifo()
